"""Bounces, receipts and abuse reports (RFC 3464, 8098, 5965): a record on a mail of ours, never a ticket (MAIL 8)."""

from __future__ import annotations

import re
from typing import Literal

from parsing.message import ParsedMessage
from routing import tokens
from routing.case import Case
from routing.decision import Decision, Report
from routing.facts import SentLetter
from routing.mail import Mail
from routing.policy import Policy
from routing.threads import letter_ids, plus_tokens

REPORTS = ("bounce", "receipt", "abuse_report")
TELLING = ("answer", "acknowledgement", "state")  # mails to partners: their failing is told each time
# There is no such address (RFC 3463 section 3.2, RFC 7505). Of 5.1.x the others are about a sender, or say too little.
GONE = frozenset(("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"))
UNREACHABLE_SECONDS = 86400.0  # between two times that others are told of it

# The header of a mail of ours that a report returns (RFC 6522 section 3).
RETURNED = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")
RETURNED_BYTES = 16_384  # of which its delivery's token is looked for; our headers are much shorter
_DELIVERY = re.compile(
    rb"^X-Mailgate-Delivery:[ \t]*(?:\r?\n[ \t]+)?([a-z0-9.]{1,64})\r?$", re.IGNORECASE | re.MULTILINE
)


def about(case: Case) -> Decision | None:
    """What a report says about a mail of ours, found by VERP, then by the Message-ID that it names."""
    message = case.mail.message
    if message.kind not in REPORTS:
        return None
    case = case.because("kind", case.kind, "it is about a mail, and opens no ticket")
    ids = letter_ids(case.mail, case.policy)
    letter = next((case.facts.letters[i] for i in ids if i in case.facts.letters), None)
    if letter is None:
        case = case.because("report_fits_nothing", ", ".join(ids[:3]) or "names no mail", "no mail of ours fits it")
        return Decision("unmatched", case.trust, case.reasons)
    doubt = _unproved(case.mail, letter, case.policy) if message.kind == "bounce" else None
    if doubt is not None and (other := _of_another(message, letter)) is not None:
        case = case.because("report_of_another", f"{doubt}; it is about {other}", f"not about {letter.recipient}")
        return Decision("unmatched", case.trust, case.reasons)
    state, status = _said(message, letter.recipient)
    said = f"{letter.event} to {letter.recipient}: {state} {status or ''}".rstrip()
    case = case.because("report_matched", letter.message_id, said)
    known = letter.state == "bounced"
    if state == "failed" and known:
        case = case.because("report_known", letter.message_id, "it had come back already; nobody is told twice")
    suppress = state == "failed" and _is_gone(message, letter, case.policy)
    if suppress and doubt is not None:
        case = case.because("not_suppressed", doubt, f"whoever saw that mail can say so: {letter.recipient} stays open")
        suppress = False
    elif suppress:
        case = case.because(
            "suppressed",
            f"{status} with the token of the delivery to {letter.recipient}",
            "nothing goes there until a mail comes from it",
        )
    others = state == "failed" and not known and letter.recipient in case.policy.staff and _is_news(case, letter)
    if others:
        case = case.because("unreachable", f"{letter.event} to {letter.recipient}", "the others are told, once a day")
    return Decision(
        "record",
        case.trust,
        case.reasons,
        ticket_id=letter.ticket_id,
        author="system",
        reports=(Report(letter, state, status, suppress, proved=doubt is None),),
        notify=(state == "failed" and not known and letter.event in TELLING) or others,
        tell_others=others,
    )


def _is_gone(message: ParsedMessage, letter: SentLetter, policy: Policy) -> bool:
    """Whether it says of the partner's address that the letter went to, and of no other, that it does not exist."""
    recipient = letter.recipient.lower()
    named = {address.lower() for address in message.bounce_recipients} or {recipient}
    return (
        letter.event in TELLING
        and recipient not in policy.staff
        and recipient in named
        and bool(message.bounce_status)
        and GONE.issuperset(message.bounce_status)
    )


def _of_another(message: ParsedMessage, letter: SentLetter) -> str | None:
    """Whom a bounce is about that names addresses, and that of the letter not among them."""
    named = message.bounce_recipients
    return None if not named or letter.recipient.lower() in map(str.lower, named) else ", ".join(named[:3])


def _unproved(mail: Mail, letter: SentLetter, policy: Policy) -> str | None:
    """What a report lacks that must silence an address (MAIL 8); None where it is surely on that very delivery.

    A Message-ID stands in the recipient's own answers, and is known to everybody in their Cc. So it takes the token
    that only the delivery bore: in the address that the report came to (VERP), or in the header that it returns.
    """
    sender = mail.envelope.mail_from or mail.message.return_path
    if sender and not mail.null_sender:  # RFC 3464 section 2: a report has no other than <>
        return f"its envelope sender is {sender}, not <>"
    left = letter.message_id.partition("@")[0]
    returned = (
        _DELIVERY.search(a.data[:RETURNED_BYTES]) for a in mail.message.attachments if a.content_type in RETURNED
    )
    borne = (tokens.read_signed(match[1].decode("ascii"), policy.keys) for match in returned if match is not None)
    found = (*plus_tokens(mail, policy), *borne)
    if any(s and s.proved and s.left == left and s.is_for(letter.recipient) for s in found):
        return None
    return f"it does not bear the token of the delivery, only {letter.message_id}"


def unreachable(address: str) -> str:
    """The name under which it is kept when others were told last that staff's notices come back."""
    return f"unreachable {address.lower()}"


def _is_news(case: Case, letter: SentLetter) -> bool:
    last = case.facts.breakers.get(unreachable(letter.recipient))
    return letter.event not in TELLING and (last is None or case.mail.envelope.received_at - last > UNREACHABLE_SECONDS)


def _said(message: ParsedMessage, recipient: str) -> tuple[Literal["failed", "delayed", "read", "other"], str | None]:
    """The state and the enhanced status (RFC 3463) for that recipient; a report of a forwarder names another one."""
    if message.kind != "bounce":
        return ("read" if message.kind == "receipt" else "other"), None
    named = [a.lower() for a in message.bounce_recipients]
    at = named.index(recipient.lower()) if recipient.lower() in named else 0
    status = message.bounce_status[at : at + 1] or message.bounce_status[:1]
    delayed = {a.lower() for a in message.bounce_temporary}
    asked = {recipient.lower()} & set(named) or set(named)
    return ("delayed" if delayed and asked <= delayed else "failed"), status[0] if status else None
