"""Bounces, receipts and abuse reports (RFC 3464, 8098, 5965): a record on a mail of ours, never a ticket (MAIL 8)."""

from __future__ import annotations

from typing import Literal

from parsing.message import ParsedMessage
from routing import tokens
from routing.case import Case
from routing.decision import Decision, Report
from routing.facts import SentLetter
from routing.policy import Policy
from routing.threads import letter_ids

REPORTS = ("bounce", "receipt", "abuse_report")
TELLING = ("answer", "acknowledgement", "state")  # mails to partners: their failing is told; a notice's would loop
# There is no such address (RFC 3463 section 3.2, RFC 7505). Of 5.1.x the others are about a sender, or say too little.
GONE = frozenset(("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"))


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
    state, status = _said(message, letter.recipient)
    said = f"{letter.event} to {letter.recipient}: {state} {status or ''}".rstrip()
    case = case.because("report_matched", letter.message_id, said)
    known = letter.state == "bounced"
    if state == "failed" and known:
        case = case.because("report_known", letter.message_id, "it had come back already; nobody is told twice")
    suppress = state == "failed" and _suppresses(message, letter, case.policy)
    if suppress:
        case = case.because(
            "suppressed",
            f"{status} with a token of {letter.recipient}",
            "nothing goes there until a mail comes from it",
        )
    return Decision(
        "record",
        case.trust,
        case.reasons,
        ticket_id=letter.ticket_id,
        author="system",
        reports=(Report(letter, state, status, suppress),),
        notify=state == "failed" and not known and letter.event in TELLING,
    )


def _suppresses(message: ParsedMessage, letter: SentLetter, policy: Policy) -> bool:
    """Whether that address itself, by a token that only it was given, says it does not exist (MAIL 8).

    A Message-ID of a mail to somebody else is known to all who were in Cc: it must not silence anybody.
    """
    recipient = letter.recipient.lower()
    signed = tokens.read_signed(letter.message_id, policy.keys)
    named = {address.lower() for address in message.bounce_recipients} or {recipient}
    return (
        letter.event in TELLING
        and recipient not in policy.staff
        and signed is not None
        and signed.is_for(recipient)
        and recipient in named
        and bool(message.bounce_status)
        and GONE.issuperset(message.bounce_status)
    )


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
