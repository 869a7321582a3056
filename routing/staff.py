"""Staff's words in a ticket: they go out where it is known whose they are, and what of them is new (CONTRACT 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from parsing import absence, away
from routing import breakers, commands, forwarding, gone, inline, newcomers, threads, tokens
from routing.breakers import Trip
from routing.case import Case
from routing.commands import Command
from routing.decision import Asks, Decision, Reason
from routing.facts import Confirmation
from routing.mail import Mail
from routing.policy import Grant, Policy
from routing.ticket import Ticket

# Mails that ask one person about one ticket: nobody writes faster, and a responder that answers each of them does.
MOST_QUESTIONS = 5
QUESTION_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class _Words:
    """What a member says in a ticket, while it is decided; `note` is what becomes of it at the least."""

    case: Case
    ticket: Ticket
    note: Decision
    command: Command
    grant: Grant  # whether words of that degree go out by themselves

    def kept(self, code: str, seen: str, outcome: str) -> Decision:
        """A note, of which staff are told."""
        return replace(self.note, reasons=self.case.because(code, seen, outcome).reasons, notify=True)

    def held(self, code: str, seen: str, outcome: str, asks: Asks = "", ask: commands.Question = "preview") -> Decision:
        """Held until that member answers `#send`."""
        note = replace(self.note, asks=asks) if asks else self.note
        return _asked(self.case.because(code, seen, outcome), replace(note, verb="hold"), ask)


def write(case: Case, ticket: Ticket, said: str, *, number_only: bool = False) -> Decision:
    """What a mail in the name of a member of staff does in a ticket; `said` is the sign that leads there, in words.

    `number_only`: that is a number in the subject, and no id says which mail was answered.
    """
    command = commands.read(case.mail.message.reply)
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
    member, now = case.policy.staff[case.address or ""], case.mail.envelope.received_at
    loud = breakers.staff(member, case.trust, ticket, now, case.facts)
    if not case.human:
        case = case.because("kind", case.kind, "kept inside; it never goes to the requester")
        note = replace(note, reasons=case.reasons, notify=case.mail.message.kind == "list", weak=True)
        return _quiet(note, loud)
    grant = case.policy.may("reply", case.trust, ticket.queue, ticket.partner)
    if grant.given:
        case = case.because("staff", f"{case.address} is of the staff", "may answer")
    else:
        case = case.because("staff_unverified", f"in the name of {case.address}, who is {case.trust}", "kept inside")
    words = _Words(case, ticket, note, command, grant)
    decision = _obeyed(words) or _inside(words) or _wordless(words) or _doubtful(words, number_only)
    if decision is None and loud is not None:
        decision = words.held("limit_staff", loud.seen, "held; a preview asks for #send", "limit")
    return _quiet(decision, loud) if decision is not None else _answer(words, said)


def _quiet(decision: Decision, loud: Trip | None) -> Decision:
    """The same; where perhaps a machine writes, nobody but its author is told by mail."""
    if loud is None or decision.ask is not None:
        return decision
    reason = Reason("limit_staff", loud.seen, "no notice by mail")
    return replace(decision, notify=False, reasons=(*decision.reasons, reason))


def _obeyed(words: _Words) -> Decision | None:
    """What a command says, and what is no answer to a question of ours."""
    case, note, command = words.case, words.note, words.command
    if command.name == "note":
        return words.kept("note", "#note", "it stays inside")
    if command.name == "unassign":
        return _unassigned(words)
    below = command.name == "send"  # and words below it; what it let go has been seen to in `confirming`
    if below and (len(case.mail.message.from_) != 1 or case.trust == "failed"):
        return replace(note, reasons=case.because("not_obeyed", "#send", "it stays inside").reasons)
    if (asked := commands.question(case)) is not None and not below:
        seen = f"in answer to {asked.message_id}"
        case = case.because("answers_question", seen, "only #send is obeyed there; it stays inside")
        if (seen_by := commands.shown_to(case, asked)) is not None:
            case = case.because("question_shown", f"To or Cc names {seen_by}", "its #send does nothing any more")
            return _asked(case, replace(note, asks="ended", ends=asked), "preview")
        return replace(note, reasons=case.reasons)
    return None


def _unassigned(words: _Words) -> Decision:
    """Nobody owns the ticket from then on; words below are a note. Unverified, it waits for a `#send`."""
    case, ticket, typed = words.case, words.ticket, words.command.typed
    grant = case.policy.may("command", case.trust, ticket.queue, ticket.partner)
    if not grant.given or len(case.mail.message.from_) != 1:
        if ticket.owner is not None and commands.confirmable(case, ticket):
            outcome = "asked by mail to confirm with #send"
            asks = _Words(case, ticket, replace(words.note, command="unassign"), words.command, grant)
            return asks.held("confirm_command", f"{typed}; {grant.line}", outcome, "unassign", "confirm")
        case = case.because("not_obeyed", f"{typed}; {grant.line}", "a note only; its author is told")
        return _asked(case, replace(words.note, asks="refused"), "preview")
    if ticket.owner is None:
        case = case.because("unassign", typed, f"nobody owned {ticket.number}; a note only")
    else:
        case = case.because("unassign", typed, f"{ticket.owner} does not own {ticket.number} any more")
    return replace(words.note, reasons=case.reasons, unassign=ticket.owner is not None, notify=True)


def _inside(words: _Words) -> Decision | None:
    """Words that are for nobody outside, whoever wrote them."""
    case, ticket = words.case, words.ticket
    subject = case.mail.message.subject
    if forwarding.is_forward(case.mail.message):
        return words.kept("forward", f"subject {subject!r}", "not all is theirs; it stays inside, staff are told")
    if (named := threads.inside(case.mail, case.facts, case.policy)) is not None:
        return words.kept("inside", f"in answer to {named}, an internal note", "it stays inside; staff are told")
    if case.trust == "failed" and not words.grant.given:
        return words.kept("failed", case.mail.evidence.seen, "staff are told")
    if ticket.requester is None:
        return words.kept("no_requester", ticket.number, "there is nobody to answer; it stays inside")
    return None


def _wordless(words: _Words) -> Decision | None:
    """Nothing new, or only between the lines of the notice: its author is asked."""
    message = words.case.mail.message
    if words.command.words.strip() or not all(a.inline for a in message.attachments):
        return None
    if words.command.name == "" and (guess := _between(words.case.mail.message.text, _notice(words.case))):
        seen = "no words above the quote, but some below it or between its lines"
        ask: commands.Question = "preview" if words.grant.given else "confirm"
        guessed = replace(words, note=replace(words.note, words=guess))
        return guessed.held("guessed", seen, "held; a preview shows them and asks for #send", "guess", ask)
    outcome = "it stays inside; its author is asked to write"
    case = words.case.because("nothing_new", "no words above the quote", outcome)
    return _asked(case, replace(words.note, asks="nothing"), "preview")


def _between(text: str, notice: str) -> str:
    """Words below the notice or between its lines, where it is quoted with marks or known word for word."""
    return inline.words(text) or (inline.besides(text, notice) if notice else "")


def _notice(case: Case) -> str:
    """What the letter of ours says that is answered; empty where it is not known."""
    return next((case.facts.words.get(i, "") for i in answered_notice(case.mail, case.policy)), "")


def answered_notice(mail: Mail, policy: Policy) -> tuple[str, ...]:
    """The letter of ours that a mail of staff answers and quotes: what it says has to be looked up."""
    message = mail.message
    if message.author is None or message.author.address.lower() not in policy.staff or inline.MARK not in message.text:
        return ()
    signed = ((i, tokens.read_signed(i, policy.keys)) for i in threads.named_ids(mail))
    return tuple(i for i, s in signed if s is not None)[:1]


def _rest(words: _Words) -> Decision | None:
    """Words of that member below what he quotes or between its lines, and not above it alone: none may be lost."""
    message, notice = words.case.mail.message, _notice(words.case)
    if not inline.rest(message.text, notice, message.author):
        return None
    seen = "words above the quote, and others below it or between its lines"
    all_of_them = "\n\n".join(filter(None, (words.command.words, _between(message.text, notice))))
    both = replace(words, note=replace(words.note, words=all_of_them))
    return both.held("rest", seen, "held; a preview shows what would be sent and asks for #send", "rest")


def _doubtful(words: _Words, number_only: bool) -> Decision | None:
    """Words that may be meant for the requester: held, and their author is asked (MAIL 13, 14)."""
    case, command = words.case, words.command
    below = command.name == "send"
    if below:
        words = replace(
            words,
            case=case.because("below_send", "words below #send", "held; they wait for a #send of their own"),
            note=replace(words.note, asks="below"),
        )
    if not words.grant.given or (below and case.trust != "authenticated"):
        seen = f"{case.address} is {case.trust}; {words.grant.line}"
        return words.held("confirm", seen, "asked by mail to confirm with #send", ask="confirm")
    if below:
        return _asked(words.case, replace(words.note, verb="hold"), "preview")
    outcome = "held; a preview asks for #send"
    if command.name == "unknown":
        return words.held("unknown_command", command.typed, "held; a preview says so and asks for #send", "command")
    if command.name == "late":
        return words.held("late_command", command.typed, "no command where it stands; a preview asks for #send", "late")
    if not case.mail.message.reply_certain:
        return words.held("uncertain_cut", "where the new words end is not certain", outcome)
    if (rest := _rest(words)) is not None:
        return rest
    if absence.begins_as_one(case.mail.message.subject) or away.may_say_that(command.words):
        return words.held("perhaps_away", "it reads as if somebody were away", outcome, "away")
    if gone.may_say_that(command.words):
        return words.held("perhaps_away", "it reads as if somebody were there no more", outcome, "away")
    if (named := threads.notice_told(case.mail, case.policy)) is not None:
        return words.held("told", f"in answer to {named}, a notice with no words of a partner's", outcome, "told")
    if number_only and case.facts.has_inside(words.ticket):
        seen = "no id says which mail it answers, and there are internal ones in the ticket"
        return words.held("number_only", seen, outcome, "number")
    return None


def _answer(words: _Words, said: str) -> Decision:
    """It goes to the requester."""
    ticket = words.ticket
    case = words.case.because("answer", said, f"goes to {ticket.requester}")
    case, left_out = newcomers.left_out(case, ticket)
    return replace(
        words.note,
        verb="append",
        visibility="public",
        reasons=case.reasons,
        answer=True,
        claim_ids=True,
        left_out=left_out,
    )


def _asked(case: Case, note: Decision, ask: commands.Question) -> Decision:
    """That member is asked by mail; not without end."""
    if is_asked_enough(case, note, verified=case.trust == "authenticated"):
        case = case.because(
            "limit_questions",
            f"{MOST_QUESTIONS} questions to {case.address} in {QUESTION_SECONDS:.0f} s",
            "a note only",
        )
        return replace(note, verb="note", reasons=case.reasons, notify=True)
    return replace(note, reasons=case.reasons, ask=ask)


def is_asked_enough(case: Case, about: Decision | Confirmation, *, verified: bool = False) -> bool:
    """Whether so many questions about that ticket have gone to the author that a machine answers them.

    Those about verified words are counted for themselves: nobody can use them up in his name.
    """
    now = case.mail.envelope.received_at
    asked = [
        a
        for a in case.facts.asked.get(case.address or "", ())
        if (a.ticket_id, a.verified) == (about.ticket_id, verified)
    ]
    return sum(now - QUESTION_SECONDS < a.time <= now for a in asked) >= MOST_QUESTIONS
