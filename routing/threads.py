"""Which ticket a mail belongs to, by every sign it carries, in the order of how much each is worth (MAIL 9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from routing import tokens
from routing.facts import Facts
from routing.mail import Mail
from routing.policy import Policy, suffix

Method = Literal["plus_token", "signed_id", "stored_id", "named_id", "fills_named_id", "weak_id", "subject_token"]
SEEN_IDS = 100  # ids of a mail that are looked at, newest first; conversations have fewer, bombs more


@dataclass(frozen=True, slots=True)
class Match:
    """A sign that a mail belongs to a ticket."""

    ticket_id: int
    method: Method
    seen: str

    @property
    def known_thread(self) -> bool:
        """Whether the sign can only be had from the conversation itself: a bare subject token is quoted anywhere."""
        return self.method not in ("subject_token", "weak_id")


def named_ids(mail: Mail) -> tuple[str, ...]:
    """In-Reply-To, then References from right to left (RFC 5322 section 3.6.4), each once, without its own."""
    message = mail.message
    ids = dict.fromkeys((*message.in_reply_to, *reversed(message.references)))
    ids.pop(message.message_id or "", None)
    return tuple(ids)[:SEEN_IDS]


def plus_tokens(mail: Mail, policy: Policy) -> Iterator[tokens.Signed]:
    """Signed plus suffixes of the addresses of ours that it came to (RFC 5233)."""
    for recipient in mail.envelope.rcpt_to:
        if (text := suffix(recipient)) and policy.is_ours(recipient):
            signed = tokens.read_signed(text, policy.keys)
            if signed is not None:
                yield signed


def matches(mail: Mail, facts: Facts, policy: Policy) -> tuple[Match, ...]:
    """All signs that lead to a ticket that is there, the strongest first; merges followed."""
    found = [match for match in _signs(mail, facts, policy)]
    result = []
    for match in found:
        ticket = facts.ticket(match.ticket_id)
        if ticket is not None and ticket.state_type != "removed":
            result.append(Match(ticket.id, match.method, match.seen))
    return tuple(result)


def _signs(mail: Mail, facts: Facts, policy: Policy) -> Iterator[Match]:
    ids = named_ids(mail)
    for signed in plus_tokens(mail, policy):
        if ids or _same_subject(mail, facts, signed.ticket_id):  # MAIL 9: an address that was completed months later
            yield Match(signed.ticket_id, "plus_token", signed.left)
    for message_id in ids:
        if (ours := tokens.read_signed(message_id, policy.keys)) is not None:
            yield Match(ours.ticket_id, "signed_id", message_id)
    strong = [(i, key) for i in ids if (key := facts.keys.get(i)) is not None and not key.weak]
    yield from (Match(key.ticket_id, "stored_id", i) for i, key in strong if key.article_id is not None)
    yield from (Match(key.ticket_id, "named_id", i) for i, key in strong if key.article_id is None)
    own = facts.keys.get(mail.message.message_id or "")
    if own is not None and own.article_id is None and not own.weak and not own.ours:
        yield Match(own.ticket_id, "fills_named_id", mail.message.message_id or "")
    for message_id in ids:
        if (key := facts.keys.get(message_id)) is not None and key.weak:
            yield Match(key.ticket_id, "weak_id", message_id)
    for text in tokens.in_subject(mail.message.subject)[0]:
        if (ticket_id := tokens.ticket_id(text)) is not None:
            yield Match(ticket_id, "subject_token", tokens.subject_token(text))


def _same_subject(mail: Mail, facts: Facts, ticket_id: int) -> bool:
    ticket = facts.ticket(ticket_id)
    return ticket is not None and bare_subject(mail.message.subject) == bare_subject(ticket.subject)


_PREFIXES = (
    "re", "aw", "fw", "fwd", "wg", "sv", "vs", "vl", "rv", "ynt", "ilt", "odp", "pd", "antw", "tr", "res", "enc", "rif",
    "i", "r", "ref", "回复", "答复", "转发", "回覆", "轉寄", "답장", "отв", "ответ", "σχετ", "απ", "hth", "bls", "doorst",
)  # fmt: skip


def bare_subject(subject: str) -> str:
    """A subject without reply and forward prefixes, tokens and list tags, case folded, for comparing."""
    text = tokens.without_token(subject).strip()
    while True:
        head, colon, rest = text.partition(":")
        fullwidth, wide, after = text.partition("：")
        if wide and (not colon or len(fullwidth) < len(head)):
            head, colon, rest = fullwidth, wide, after
        word = head.strip().casefold().rstrip("0123456789[]()^ ")
        if colon and word in _PREFIXES:
            text = rest.strip()
        elif text.startswith("[") and "]" in text:
            text = text.partition("]")[2].strip()
        else:
            return " ".join(text.casefold().split())


def conflicts(found: Sequence[Match]) -> tuple[Match, ...]:
    """Signs that lead elsewhere than the first one does."""
    return (
        tuple({m.ticket_id: m for m in reversed(found) if m.ticket_id != found[0].ticket_id}.values()) if found else ()
    )
