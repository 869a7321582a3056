"""What a mail of a back catalogue does: its ticket is closed from the start, and nobody is answered or told. Pure."""

from __future__ import annotations

from dataclasses import replace

from mailgate.desk.people import GATEWAY
from mailgate.desk.states import with_state
from mailgate.desk.tickets import enact
from routing.decision import Decision, Reason
from routing.facts import Facts
from routing.joining import ARCHIVE
from routing.mail import Mail
from routing.policy import Policy
from storage.change import Change, HistoryEntry

DOOR = ARCHIVE  # of the journal, by which a catalogue comes
TOLD = ("acknowledge", "confirm", "reopen")  # reasons for what is not done here


def archive(mail: Mail, decision: Decision, facts: Facts, policy: Policy) -> Change:
    """As `enact`, without a letter and without a question; a `#send` of the past releases nothing.

    A ticket that was there already keeps its state: the past neither reopens nor closes it.
    """
    reasons = tuple(reason for reason in decision.reasons if reason.code not in TOLD)
    quiet = replace(
        decision,
        verb="note" if decision.verb == "hold" else decision.verb,
        reasons=(*reasons, Reason("catalogue", "a back catalogue", "a closed ticket; nobody is answered or told")),
        acknowledge=False,
        reopen=False,
        answer=False,
        ask=None,
        notify=False,
        release=None,
    )
    change = replace(enact(mail, quiet, facts, policy), announcements=(), ask=None)
    ticket = change.ticket
    if ticket is None:
        return change
    if change.version is None:
        closed = HistoryEntry(change.time, GATEWAY, "state", ticket.state, "closed", mail.claim.article_id)
        return replace(
            change, ticket=with_state(ticket, "closed", "closed", change.time), history=(*change.history, closed)
        )
    before = facts.tickets.get(ticket.id)
    if before is not None and before.closed is not None and before.closed == before.updated < change.time:
        ticket = replace(ticket, updated=change.time, closed=change.time)  # closed since its last mail
    return replace(change, ticket=ticket)
