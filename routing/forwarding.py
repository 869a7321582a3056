"""What a member of staff hands on: a partner's mail, forwarded in the text or attached, and the own words above it."""

from __future__ import annotations

from parsing import quotes
from parsing.forwards import is_forward_subject, is_reply_subject
from parsing.identity import identify
from parsing.message import ParsedMessage
from parsing.read import parse
from parsing.shown import is_quoted
from routing.case import Case
from routing.decision import Forwarded

ATTACHED = ("message/rfc822", "message/global")  # RFC 2046 section 5.2.1, RFC 6532 section 3.7
BLOCK_LINES = 6  # as far under a client's mark as the headers of the forwarded mail begin
_RULE = frozenset("_-= \u2500")


def is_forward(message: ParsedMessage) -> bool:
    """Whether it hands a mail on instead of answering one: its words are not all its author's."""
    return is_forward_subject(message.subject) and not is_reply_subject(message.subject)


def of_partner(case: Case) -> Forwarded | None:
    """The partner's mail in a first mail of verified staff; None where it is not one, or not an outsider's."""
    policy = case.policy
    if case.member is None or case.trust != "authenticated" or not case.human:
        return None
    found = handed_on(case.mail.message)
    if found is None:
        return None
    address = found.sender.address.lower()
    if "@" not in address or address in policy.staff or policy.is_ours(address):
        return None
    return found


def original(message: ParsedMessage) -> str | None:
    """The Message-ID of the mail that is handed on: what is attached is not read for it, since nobody vouches yet."""
    if message.forwarded_from is not None:
        return _original(message)
    data = _attachment(message)
    return identify(data).message_id if data is not None else None


def handed_on(message: ParsedMessage) -> Forwarded | None:
    """The mail that is handed on in the text, or as the one mail that is attached."""
    sender = message.forwarded_from
    if sender is None:
        return _attached(message)
    own, words = parts(message.text)
    return Forwarded(sender, words, own, _original(message), subject(message.subject)) if words else None


def _attached(message: ParsedMessage) -> Forwarded | None:
    data = _attachment(message)
    if data is None:
        return None
    inner = parse(data)
    if inner.author is None or inner.kind not in ("human", "list"):
        return None
    named = inner.subject or subject(message.subject)
    return Forwarded(inner.author, inner.text.strip() or named, message.reply.strip(), inner.message_id, named)


def _attachment(message: ParsedMessage) -> bytes | None:
    """The one mail that is attached."""
    mails = [a for a in message.attachments if a.content_type in ATTACHED]
    return mails[0].data if len(mails) == 1 and not is_reply_subject(message.subject) else None


def parts(text: str) -> tuple[str, str]:
    """Own words, and those that are handed on without their headers; the second is empty where none can be told."""
    lines = text.split("\n")
    mark = quotes.forward(lines) or next(iter(quotes.marks(lines)), None)
    if mark is None:
        return text.strip(), ""
    own, rest = lines[: mark.start], lines[mark.start :]
    if all(is_quoted(line) for line in rest if line.strip()):
        rest = [line.lstrip()[1:].removeprefix(" ") if line.strip() else line for line in rest]
    block = next((m for m in quotes.marks(rest) if m.kind == "block"), None)
    end = block.end if block is not None and block.start <= BLOCK_LINES else mark.end - mark.start
    while own and set(own[-1]) <= _RULE:  # Outlook draws a line above
        own.pop()
    return "\n".join(own).strip(), "\n".join(rest[end:]).strip()


def subject(text: str) -> str:
    """The subject of the mail that is handed on."""
    while is_forward_subject(text):
        text = text.replace("：", ":", 1).partition(":")[2].strip()
    return text


def _original(message: ParsedMessage) -> str | None:
    """Its Message-ID, where the client says it: so that its author's mail client shows one conversation."""
    said = (message.header("X-Forwarded-Message-Id") or "").split()
    ids = (*(i.strip("<>") for i in said), *message.in_reply_to, *reversed(message.references))
    return next(iter(ids), None)
