"""What a step does to a ticket's state and owner."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from routing.ticket import Ticket
from storage.change import HistoryEntry


def with_state(ticket: Ticket, state: str, state_type: Any, time: float) -> Ticket:
    """The ticket in another state."""
    return replace(
        ticket, state=state, state_type=state_type, updated=time, closed=time if state_type == "closed" else None
    )


def answered(ticket: Ticket, staff: str, time: float, article_id: int) -> tuple[Ticket, list[HistoryEntry]]:
    """Staff's words went to the requester: `new` becomes `open`, and an unowned ticket is theirs (CONTRACT 5)."""
    history = []
    if ticket.state_type == "new":
        history.append(HistoryEntry(time, staff, "state", ticket.state, "open", article_id))
        ticket = with_state(ticket, "open", "open", time)
    if ticket.owner is None:
        history.append(HistoryEntry(time, staff, "owner", None, staff, article_id))
        ticket = replace(ticket, owner=staff)
    return ticket, history


def given_back(ticket: Ticket, actor: str, time: float, article_id: int) -> tuple[Ticket, list[HistoryEntry]]:
    """Nobody owns it any more."""
    if ticket.owner is None:
        return ticket, []
    return replace(ticket, owner=None), [HistoryEntry(time, actor, "owner", ticket.owner, None, article_id)]
