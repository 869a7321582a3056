"""A participant's reply to a closed ticket: it reopens, gets a ticket of its own, or is refused with a letter."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from routing import answers, opening, thanks, tokens
from routing.case import Case
from routing.decision import Decision
from routing.policy import Queue
from routing.threads import named_ids
from routing.ticket import Ticket

DAY, HOUR = 86400, 3600


def reply(case: Case, ticket: Ticket, append: Decision) -> Decision:
    """By queue and by age; `append` is what the reply does to a ticket that is open."""
    queue = case.policy.queue(ticket.queue)
    if not queue.thanks_reopens and thanks.only(case.mail.message, case.names):
        case = case.because("thanks", "only words of thanks", f"kept; {ticket.number} stays {ticket.state}")
        return replace(append, reasons=case.reasons)
    age = max(case.mail.envelope.received_at - (ticket.closed or ticket.updated), 0.0)
    if queue.closed_reply == "reopen" or age < queue.closed_reply_after:
        case = case.because("reopen", f"{ticket.number} was {ticket.state}", "it is open again")
        return replace(append, reasons=case.reasons, reopen=True)
    seen = f"closed for {_spoken(age)}; queue {queue.name}: {_line(queue)}"
    if queue.closed_reply == "link":
        if (after := _follower(case, ticket)) is not None:
            case = case.because("closed_followed", seen, f"joins {after.number}, which goes on with {ticket.number}")
            author: Literal["requester", "participant"] = (
                "requester" if after.requester in case.policy.of_same(case.address or "") else "participant"
            )
            return replace(
                append, reasons=case.reasons, ticket_id=after.id, author=author, queue=after.queue, requester=None
            )
        case = case.because("closed_link", seen, f"a ticket of its own, linked to {ticket.number}")
        opened = opening.open_ticket(case, (ticket.id,), ticket.queue)
        return replace(opened, follows=ticket.follows or ticket.id, left_out=append.left_out)
    return _refused(case.because("closed_refuse", seen, f"{ticket.number} stays closed; staff are told"), append)


def _follower(case: Case, ticket: Ticket) -> Ticket | None:
    """The newest open ticket that goes on with it, in which the sender takes part."""
    first = ticket.follows or ticket.id
    after = (case.facts.ticket(t.id) for t in case.facts.tickets.values() if t.follows == first)
    able = (
        t for t in after if t is not None and t.state_type in ("new", "open", "pending")
        and case.policy.known_as(case.address or "", (t.requester, *t.participants))
    )  # fmt: skip
    return max(able, key=lambda t: t.id, default=None)


def _refused(case: Case, append: Decision) -> Decision:
    """Kept inside. Its sender is told to write a new mail, once: an answer to that letter is not answered again."""
    silent = answers.why_not(case.mail, case.address, case.facts, case.policy, append.ticket_id)
    for named in named_ids(case.mail):
        signed = tokens.read_signed(named, case.policy.keys)
        if signed is not None and signed.event == "refusal":
            silent = ("told_already", f"it answers our letter that says so, {named}")
    if silent is None:
        case = case.because("refusal", f"a person's reply, from {case.address}", "told to write a new mail")
    else:
        case = case.because(f"silent_{silent[0]}", silent[1], "no letter")
    return replace(
        append,
        verb="note",
        reasons=case.reasons,
        visibility="internal",
        requester=None,
        claim_ids=False,
        weak=True,
        refuse=True,
        acknowledge=silent is None,
    )


def _line(queue: Queue) -> str:
    """As it stands in the settings."""
    after = f", closed_reply_after = {_spoken(queue.closed_reply_after)}" if queue.closed_reply_after else ""
    return f'closed_reply = "{queue.closed_reply}"{after}'


def _spoken(seconds: float) -> str:
    if seconds >= DAY:
        return f"{seconds / DAY:.0f} days" if seconds >= 2 * DAY else "a day"
    if seconds >= 2 * HOUR:
        return f"{seconds / HOUR:.0f} hours"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes != 1 else "a minute"
