"""Which ticket a mail belongs to, by every sign it carries, in the order of how much each is worth (MAIL 9)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from parsing.phrases import FORWARD_PREFIXES, REPLY_PREFIXES
from routing import numbers, tokens
from routing.facts import Facts
from routing.mail import Mail
from routing.policy import Policy, suffix

Method = Literal[
    "plus_token",
    "signed_id",
    "stored_id",
    "named_id",
    "fills_named_id",
    "weak_id",
    "subject_token",
    "old_number",
    "partner_number",
    "plus_token_alone",
    "doubted_token",
]
_SAID: Mapping[Method, str] = {
    "plus_token": "it came to an address with our token {}",
    "signed_id": "it answers our mail {}",
    "stored_id": "it answers {}, which is in the ticket",
    "named_id": "it names {}, as a mail in the ticket does",
    "fills_named_id": "a mail in the ticket answers it: {}",
    "weak_id": "it answers {}, which only a number in the subject brought to the ticket",
    "subject_token": "{} in the subject",
    "old_number": "{} in the subject, a number of the desk before this one",
    "partner_number": "{} in the subject, the partner's own number",
    "plus_token_alone": "it came to an address with our token {}, answers no mail and has another subject",
    "doubted_token": "{} in the subject, a number that was given out twice around the last restore",
}
ALONE = ("plus_token_alone", "doubted_token")  # nothing else leads there: a ticket of its own, linked
INSIDE = ("internal", "alarm")  # of our letters, those that nobody answers to a requester
TOLD = ("told",)  # those that he may have answered without meaning the requester
SEEN_IDS = 100  # ids of a mail that are looked at, newest first; conversations have fewer, bombs more


@dataclass(frozen=True, slots=True)
class Match:
    """A sign that a mail belongs to a ticket."""

    ticket_id: int
    method: Method
    seen: str

    @property
    def said(self) -> str:
        """The sign in words, for a person."""
        return _SAID[self.method].format(self.seen)

    @property
    def is_number(self) -> bool:
        """Whether it is a number in the subject: no id says which mail is answered."""
        return self.method in ("subject_token", "old_number", "partner_number")

    @property
    def known_thread(self) -> bool:
        """Whether the sign can only be had from the conversation itself: a bare subject token is quoted anywhere."""
        return self.method not in ("subject_token", "old_number", "partner_number", "weak_id", *ALONE)


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


def letter_ids(mail: Mail, policy: Policy) -> tuple[str, ...]:
    """Message-IDs that mails of ours may have: by plus token or VERP, named by a report, answered; each as we wrote it.

    A relay may have changed their case or domain on the way.
    """
    named = (mail.message.bounce_original_id, *named_ids(mail))
    signed = (tokens.read_signed(i, policy.keys) or i for i in named if i)
    found = (i if isinstance(i, str) else tokens.on_domain(i.left, policy.domain) for i in signed)
    plus = (tokens.on_domain(s.left, policy.domain) for s in plus_tokens(mail, policy))
    return tuple(dict.fromkeys((*plus, *found)))


def matches(mail: Mail, facts: Facts, policy: Policy) -> tuple[Match, ...]:
    """All signs that lead to a ticket that is there, the strongest first; merges followed."""
    result = []
    for match in _signs(mail, facts, policy):
        ticket = facts.ticket(match.ticket_id)
        if ticket is not None and ticket.state_type != "removed":
            result.append(Match(ticket.id, match.method, match.seen))
    return _split_off(result, facts)


def _split_off(found: list[Match], facts: Facts) -> tuple[Match, ...]:
    """First the sign that leads to a ticket split from the one that the strongest names: it is the same conversation,
    and a mail that names a mail of that part answers it.
    """
    for match in found:
        ticket = facts.ticket(match.ticket_id)
        if match.known_thread and ticket is not None and ticket.split_from == found[0].ticket_id:
            return (match, *(m for m in found if m is not match))
    return tuple(found)


def _signs(mail: Mail, facts: Facts, policy: Policy) -> Iterator[Match]:
    ids = named_ids(mail)
    alone = []
    for signed in plus_tokens(mail, policy):
        there = _led_to(signed, facts, policy)
        if ids or _same_subject(mail, facts, policy, there):
            yield Match(there, "plus_token", signed.left)
        else:  # MAIL 9: an address that a client completed months later
            alone.append(Match(there, "plus_token_alone", signed.left))
    for message_id in ids:
        if (ours := tokens.read_signed(message_id, policy.keys)) is not None:
            yield Match(_led_to(ours, facts, policy), "signed_id", message_id)
    strong = [(i, key) for i in ids if (key := facts.keys.get(i)) is not None and not key.weak]
    yield from (Match(key.ticket_id, "stored_id", i) for i, key in strong if key.article_id is not None)
    yield from (Match(key.ticket_id, "named_id", i) for i, key in strong if key.article_id is None)
    own = facts.keys.get(mail.message.message_id or "")
    if own is not None and own.article_id is None and not own.weak and not own.ours:
        yield Match(own.ticket_id, "fills_named_id", mail.message.message_id or "")
    for message_id in ids:
        if (key := facts.keys.get(message_id)) is not None and key.weak:
            yield Match(key.ticket_id, "weak_id", message_id)
    for text in policy.token.read(mail.message.subject):
        if (ticket_id := tokens.ticket_id(text)) is not None:
            token = policy.token.write(text)
            if policy.keys.doubts(ticket_id) or any(tokens.is_foreign(i, policy.keys) for i in ids):
                alone.append(Match(ticket_id, "doubted_token", token))
            else:
                yield Match(ticket_id, "subject_token", token)
    for number in numbers.others(mail, facts, policy):
        if (key := facts.keys.get(number.key)) is not None:
            yield Match(key.ticket_id, "partner_number" if number.partner else "old_number", number.seen)
    yield from alone


def _led_to(signed: tokens.Signed, facts: Facts, policy: Policy) -> int:
    """The ticket that a signed id leads to: where its article has been split off, the one that it is in now."""
    letter = facts.letters.get(tokens.on_domain(signed.left, policy.domain))
    return letter.ticket_id if letter is not None and letter.ticket_id is not None else signed.ticket_id


def inside(mail: Mail, facts: Facts, policy: Policy) -> str | None:
    """The id that it names of an internal note, of our notice of one, or of an alarm: the answer stays inside."""
    for named in named_ids(mail):
        key = facts.keys.get(named)
        if key is not None and key.internal and not key.weak:
            return named
    return notice_inside(mail, policy)


def notice_inside(mail: Mail, policy: Policy) -> str | None:
    """The id of a letter of ours that nobody answers to a requester; named, or in the address that it came to."""
    return _letter(mail, policy, INSIDE)


def notice_told(mail: Mail, policy: Policy) -> str | None:
    """The id of a notice of ours with no words of a partner's; named, or in the address that it came to."""
    return _letter(mail, policy, TOLD)


def _letter(mail: Mail, policy: Policy, events: Sequence[str]) -> str | None:
    named = (tokens.read_signed(i, policy.keys) for i in named_ids(mail))
    signs = (*plus_tokens(mail, policy), *(s for s in named if s is not None))
    return next((s.left for s in signs if s.event in events), None)


def _same_subject(mail: Mail, facts: Facts, policy: Policy, ticket_id: int) -> bool:
    ticket = facts.ticket(ticket_id)
    if ticket is None:
        return False
    return bare_subject(mail.message.subject, policy.token) == bare_subject(ticket.subject, policy.token)


_PREFIX = re.compile(r"([^\W\d_]{1,12})(?:\^2)?(?:\s?[\[(]\d{1,3}[\])])?\s?[:：]\s*|\[[^\]]{1,40}\]\s*")
_WORDS = REPLY_PREFIXES | FORWARD_PREFIXES
MOST_PREFIXES = 20  # "Re: Re: Re:"; more is a bomb


def bare_subject(subject: str, style: tokens.Style) -> str:
    """A subject without reply and forward prefixes, tokens and list tags, case folded, for comparing."""
    text = style.without(subject)
    for _ in range(MOST_PREFIXES):
        match = _PREFIX.match(text)
        if match is None or (match[1] and match[1].lower() not in _WORDS):
            break
        text = text[match.end() :]
    return " ".join(text.casefold().split())


def place(found: Sequence[Match], address: str, facts: Facts, policy: Policy) -> tuple[Match, ...]:
    """The same signs, first the strongest one that leads where that sender takes part.

    A stranger who answers in a ticket that he has been shown has got one of his own: his next mail belongs there.
    """
    for match in found:
        ticket = facts.ticket(match.ticket_id)
        if match.known_thread and ticket is not None and policy.known_as(address, ticket.participants):
            return (match, *(m for m in found if m is not match))
    return tuple(found)


def conflicts(found: Sequence[Match]) -> tuple[Match, ...]:
    """Signs that lead elsewhere than the first one does, one for each ticket."""
    elsewhere: dict[int, Match] = {}
    for match in found:
        if match.ticket_id != found[0].ticket_id:
            elsewhere.setdefault(match.ticket_id, match)
    return tuple(elsewhere.values())
