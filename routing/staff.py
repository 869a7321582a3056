"""Staff's words in a ticket: they go out where it is known whose they are, and what of them is new (CONTRACT 5)."""

from __future__ import annotations

from dataclasses import replace

from parsing import absence, away
from routing import breakers, commands, forwarding, inline, newcomers, threads
from routing.case import Case
from routing.commands import Command
from routing.decision import Decision
from routing.facts import Confirmation
from routing.ticket import Ticket

# Mails that ask one person about one ticket: nobody writes faster, and a responder that answers each of them does.
MOST_QUESTIONS = 5
QUESTION_SECONDS = 600.0


def write(case: Case, ticket: Ticket, said: str) -> Decision:
    """What a mail in the name of a member of staff does in a ticket; `said` is the sign that leads there, in words."""
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
    trip = breakers.staff(case.policy.staff[case.address or ""], ticket, case.mail.envelope.received_at, case.facts)
    if trip is not None:
        return replace(note, reasons=case.because("limit_staff", trip.seen, "a note only; nobody is told").reasons)
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
    if command.name == "unassign":
        return _unassigned(case, ticket, note, command)
    below = command.name == "send"  # and words below it; what it let go has been seen to in `confirming`
    if below and (len(message.from_) != 1 or case.trust == "failed"):
        return replace(note, reasons=case.because("not_obeyed", "#send", "it stays inside").reasons)
    if (asked := commands.question(case)) is not None and not below:
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
        if command.name == "" and (guess := inline.words(message.text)):
            seen = "no words above the quote, but some below it or between its lines"
            case = case.because("guessed", seen, "held; a preview shows them and asks for #send")
            return _held(case, replace(note, words=guess, asks="guess"), "preview" if grant.given else "confirm")
        case = case.because("nothing_new", "no words above the quote", "it stays inside; its author is asked to write")
        return _asked(case, replace(note, asks="nothing"), "preview")
    if below:
        case = case.because("below_send", "words below #send", "held; they wait for a #send of their own")
        note = replace(note, asks="below")
    if not grant.given or (below and case.trust != "authenticated"):
        seen = f"{case.address} is {case.trust}; {grant.line}"
        return _held(case.because("confirm", seen, "asked by mail to confirm with #send"), note, "confirm")
    if below:
        return _held(case, note, "preview")
    if command.name == "unknown":
        case = case.because("unknown_command", command.typed, "held; a preview says so and asks for #send")
        return _held(case, replace(note, asks="command"), "preview")
    if not message.reply_certain:
        case = case.because("uncertain_cut", "where the new words end is not certain", "held; a preview asks for #send")
        return _held(case, note, "preview")
    if absence.begins_as_one(message.subject) or away.may_say_that(command.words):
        case = case.because("perhaps_away", "it reads as if somebody were away", "held; a preview asks for #send")
        return _held(case, replace(note, asks="away"), "preview")
    if (named := threads.notice_told(case.mail, case.policy)) is not None:
        seen = f"in answer to {named}, a notice with no words of a partner's"
        return _held(
            case.because("told", seen, "held; a preview asks for #send"), replace(note, asks="told"), "preview"
        )
    case, left_out = newcomers.left_out(case.because("answer", said, f"goes to {ticket.requester}"), ticket)
    return replace(
        note,
        verb="append",
        visibility="public",
        reasons=case.reasons,
        answer=True,
        claim_ids=True,
        left_out=left_out,
    )


def _unassigned(case: Case, ticket: Ticket, note: Decision, command: Command) -> Decision:
    """Nobody owns the ticket from then on; words below are a note."""
    grant = case.policy.may("command", case.trust, ticket.queue, ticket.partner)
    if not grant.given or len(case.mail.message.from_) != 1:
        case = case.because("not_obeyed", f"{command.typed}; {grant.line}", "a note only; its author is told")
        return _asked(case, replace(note, asks="refused"), "preview")
    if ticket.owner is None:
        case = case.because("unassign", command.typed, f"nobody owned {ticket.number}; a note only")
    else:
        case = case.because("unassign", command.typed, f"{ticket.owner} does not own {ticket.number} any more")
    return replace(note, reasons=case.reasons, unassign=ticket.owner is not None, notify=True)


def _held(case: Case, note: Decision, ask: commands.Question) -> Decision:
    """Held until that member answers `#send`."""
    return _asked(case, replace(note, verb="hold"), ask)


def _asked(case: Case, note: Decision, ask: commands.Question) -> Decision:
    """That member is asked by mail; not without end."""
    if is_asked_enough(case, note):
        case = case.because(
            "limit_questions",
            f"{MOST_QUESTIONS} questions to {case.address} in {QUESTION_SECONDS:.0f} s",
            "a note only",
        )
        return replace(note, verb="note", reasons=case.reasons, notify=True)
    return replace(note, reasons=case.reasons, ask=ask)


def is_asked_enough(case: Case, about: Decision | Confirmation) -> bool:
    """Whether so many questions about that ticket have gone to the author that a machine answers them."""
    now = case.mail.envelope.received_at
    asked = [a for a in case.facts.asked.get(case.address or "", ()) if a.ticket_id == about.ticket_id]
    return sum(now - QUESTION_SECONDS < a.time <= now for a in asked) >= MOST_QUESTIONS
