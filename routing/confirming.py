"""`#send` in answer to a mail that one member of staff has alone: it lets held words go, once, within seven days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from routing import commands, staff, thanks, threads
from routing.case import Case
from routing.decision import Decision
from routing.facts import Confirmation
from routing.mail import Trust

CONFIRM_SECONDS = 7 * 86400.0  # MAIL 14: a `#send` counts for seven days

# What became of a `#send` that let nothing go; its author is told.
_UNSENT: Mapping[str, Literal["used", "expired"]] = {
    "confirmation_used": "used",
    "confirmation_expired": "expired",
}


def release(case: Case) -> Decision | None:
    """What a human's `#send` as the first new line does; None for every other mail.

    The Message-ID of the mail that asked is the token (MAIL 14): whoever names it has read that member's registered
    mailbox. Words below the `#send` are an answer of their own.
    """
    message, member = case.mail.message, case.member
    if member is None or not case.human or len(message.from_) != 1 or case.trust == "failed":
        return None
    command = commands.read(message.reply)
    if command.name != "send":
        return None
    said = "\n".join(line for line in command.words.split("\n") if not line.lstrip().startswith(">"))
    more = not thanks.courtesy(message, said, case.names)
    asked = commands.question(case)
    if asked is None or asked.address not in member.addresses:
        if more:
            return None  # a mail like any other of staff
        return _unasked(case)
    case, let_go = _answered(case, asked)
    ticket = case.facts.ticket(asked.ticket_id)
    if more and ticket is not None and ticket.state_type != "removed":
        if case.trust == "unverified":
            case = case.trusted("known_thread")  # it answers a mail of ours
        return replace(staff.write(case, ticket, f"it answers {asked.message_id}"), release=let_go)
    decision = Decision("record", case.trust, case.reasons, ticket_id=asked.ticket_id, author="staff", release=let_go)
    why = _UNSENT.get(case.reasons[-1].code)
    return replace(decision, ask="preview", asks=why) if why and not staff.is_asked_enough(case, asked) else decision


def _answered(case: Case, asked: Confirmation) -> tuple[Case, Confirmation | None]:
    """The case with what came of the `#send`, and what is let go by it."""
    trust: Trust = "authenticated" if case.trust == "authenticated" else "confirmed"
    seen = f"#send in answer to {asked.message_id}"
    if asked.used:
        return case.because("confirmation_used", seen, "it was sent already; nothing happens twice"), None
    if case.mail.envelope.received_at > asked.expires:
        return case.because("confirmation_expired", seen, "it is older than seven days; the words stay inside"), None
    if (refusal := commands.refusal(case, case.facts.ticket(asked.ticket_id), trust)) is not None:
        return case.because("not_obeyed", f"{seen}; {refusal.line}", "the words stay inside"), None
    outcome = f"#{asked.command} is done" if asked.command else "the held words are sent"
    return case.trusted(trust).because("confirmed", seen, outcome), asked


def _unasked(case: Case) -> Decision:
    """A `#send` that answers no question of its author's: nothing goes out, and he is told so in the ticket's name."""
    case = case.because("nothing_held", "#send", "it answers no mail that asks for it; nothing is sent")
    decision = Decision("record", case.trust, case.reasons, author="staff")
    found = threads.matches(case.mail, case.facts, case.policy)
    if not found or found[0].method in threads.ALONE:
        return decision
    decision = replace(decision, ticket_id=found[0].ticket_id)
    return decision if staff.is_asked_enough(case, decision) else replace(decision, ask="preview", asks="unasked")
