"""Staff's words in a ticket: they go out where it is known whose they are, and what of them is new (CONTRACT 5)."""

from __future__ import annotations

from dataclasses import replace

from routing import commands, forwarding, threads
from routing.case import Case
from routing.decision import Decision
from routing.threads import Match
from routing.ticket import Ticket

# Mails that ask one person about one ticket: nobody writes faster, and a responder that answers each of them does.
MOST_QUESTIONS = 5
QUESTION_SECONDS = 600.0


def write(case: Case, ticket: Ticket, sign: Match) -> Decision:
    """What a mail in the name of a member of staff does in a ticket."""
    message = case.mail.message
    command = commands.read(message.reply)
    note = Decision(
        "note",
        case.trust,
        (),
        ticket_id=ticket.id,
        author="staff",
        visibility="internal",
        queue=ticket.queue,
        words=command.words,
        claim_ids=False,
        weak=case.trust != "authenticated",
    )
    if not case.human:
        case = case.because("kind", case.kind, "kept inside; it never goes to the requester")
        return replace(note, reasons=case.reasons, notify=message.kind == "list", weak=True)
    grant = case.policy.may("reply", case.trust, ticket.queue, ticket.partner)
    if grant.given:
        case = case.because("staff", f"{case.address} is of the staff", "may answer")
    else:
        case = case.because("staff_unverified", f"in the name of {case.address}, who is {case.trust}", "kept inside")
    if command.name == "note":
        return replace(note, reasons=case.because("note", "#note", "it stays inside").reasons, notify=True)
    if command.name == "send":  # what `commands.release` did not take: no human's answer, or of several authors
        return replace(note, reasons=case.because("not_obeyed", "#send", "it stays inside").reasons)
    if (asked := commands.question(case)) is not None:
        case = case.because(
            "answers_question", f"in answer to {asked.message_id}", "only #send is obeyed there; it stays inside"
        )
        return replace(note, reasons=case.reasons)
    if forwarding.is_forward(message):
        case = case.because(
            "forward", f"subject {message.subject!r}", "not all is theirs; it stays inside, staff are told"
        )
        return replace(note, reasons=case.reasons, notify=True)
    if (named := threads.inside(case.mail, case.facts, case.policy)) is not None:
        case = case.because("inside", f"in answer to {named}, an internal note", "it stays inside; staff are told")
        return replace(note, reasons=case.reasons, notify=True)
    if case.trust == "failed" and not grant.given:
        return replace(
            note, reasons=case.because("failed", case.mail.evidence.seen, "staff are told").reasons, notify=True
        )
    if ticket.requester is None:
        case = case.because("no_requester", ticket.number, "there is nobody to answer; it stays inside")
        return replace(note, reasons=case.reasons, notify=True)
    if not command.words.strip() and all(a.inline for a in message.attachments):
        case = case.because("nothing_new", "no words above the quote", "it stays inside; its author is asked to write")
        return _asked(case, note, "preview")
    if not grant.given:
        seen = f"{case.address} is {case.trust}; {grant.line}"
        return _held(case.because("confirm", seen, "asked by mail to confirm with #send"), note, "confirm")
    if command.name == "unknown":
        case = case.because("unknown_command", command.typed, "held; a preview says so and asks for #send")
        return _held(case, note, "preview")
    if not message.reply_certain:
        case = case.because("uncertain_cut", "where the new words end is not certain", "held; a preview asks for #send")
        return _held(case, note, "preview")
    case = case.because("answer", sign.said, f"goes to {ticket.requester}")
    return replace(note, verb="append", visibility="public", reasons=case.reasons, answer=True, claim_ids=True)


def _held(case: Case, note: Decision, ask: commands.Question) -> Decision:
    """Held until that member answers `#send`."""
    return _asked(case, replace(note, verb="hold"), ask)


def _asked(case: Case, note: Decision, ask: commands.Question) -> Decision:
    """That member is asked by mail; not without end."""
    now = case.mail.envelope.received_at
    asked = [a for a in case.facts.asked.get(case.address or "", ()) if a.ticket_id == note.ticket_id]
    if sum(now - QUESTION_SECONDS < a.time <= now for a in asked) >= MOST_QUESTIONS:
        case = case.because(
            "limit_questions",
            f"{MOST_QUESTIONS} questions to {case.address} in {QUESTION_SECONDS:.0f} s",
            "a note only",
        )
        return replace(note, verb="note", reasons=case.reasons, notify=True)
    return replace(note, reasons=case.reasons, ask=ask)
