"""What it does to a ticket that mails to its people could not be delivered: history, and its owner is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailgate.desk.announcements import thread_references
from mailgate.desk.people import GATEWAY, audience
from routing.policy import Policy
from routing.ticket import Ticket
from storage.change import Announcement, Change, HistoryEntry
from storage.undelivered import Undelivered


def undelivered(ticket: Ticket, article_id: int, letters: Sequence[Undelivered], time: float, policy: Policy) -> Change:
    """One notice for all mails of that ticket that the relay refused for good; `article_id` is for its Message-IDs."""
    history = tuple(
        HistoryEntry(time, GATEWAY, "undelivered", None, f"{x.recipient} {x.status or ''}".rstrip(), x.article_id)
        for x in letters
    )
    status = letters[0].status if len(letters) == 1 else None
    told = Announcement(
        "notice",
        "bounced",
        ticket,
        audience(ticket, policy),
        article_id,
        time,
        words="\n".join(f"{x.recipient}: {x.error}" for x in letters),
        subject=ticket.subject,
        references=thread_references(ticket),
        details=(("recipient", ", ".join(dict.fromkeys(x.recipient for x in letters))), ("status", status or "")),
    )
    return Change(
        time,
        ticket=replace(ticket, version=ticket.version + 1),
        version=ticket.version,
        history=history,
        announcements=(told,) if told.recipients else (),
    )
