"""What it does to a ticket that mails about it were refused for good: history, and somebody is told. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailgate.desk.announcements import thread_references
from mailgate.desk.people import GATEWAY, audience, others
from routing.policy import Policy
from routing.reports import UNREACHABLE_SECONDS, unreachable
from routing.ticket import Ticket
from storage.change import Announcement, Change, HistoryEntry, Tripped
from storage.undelivered import Undelivered


def undelivered(ticket: Ticket, article_id: int, letters: Sequence[Undelivered], time: float, policy: Policy) -> Change:
    """One notice to the owner for all mails of that ticket to its people; `article_id` is for its Message-IDs."""
    return _told(ticket, article_id, letters, time, audience(ticket, policy))


def unreached(
    ticket: Ticket,
    article_id: int,
    letters: Sequence[Undelivered],
    time: float,
    policy: Policy,
    last: Mapping[str, float],
) -> tuple[Change, ...]:
    """One notice for all mails of that ticket to staff, to others of the queue: of each address once a day.

    `last` says when that was for which address. So a notice of it that is refused in its turn comes to an end.
    """
    news = [x for x in letters if time - last.get(unreachable(x.recipient), 0.0) > UNREACHABLE_SECONDS]
    gone = list(dict.fromkeys(x.recipient.lower() for x in news))
    if not gone:
        return ()
    told = _told(ticket, article_id, news, time, others(gone, ticket, policy))
    return (told, *(Change(time, tripped=Tripped(unreachable(address), time, fresh=True)) for address in gone))


def _told(
    ticket: Ticket, article_id: int, letters: Sequence[Undelivered], time: float, recipients: tuple[str, ...]
) -> Change:
    history = tuple(
        HistoryEntry(time, GATEWAY, "undelivered", None, f"{x.recipient} {x.status or ''}".rstrip(), x.article_id)
        for x in letters
    )
    status = letters[0].status if len(letters) == 1 else None
    told = Announcement(
        "notice",
        "bounced",
        ticket,
        recipients,
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
