"""What lists show: tickets, arrivals and outgoing mails as rows; every function reads within its caller's snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from routing.decision import Reason
from storage.tables import journal, letter_body, outbox, ticket
from storage.words import DISCARDED, REJECTED

OPEN = ("new", "open", "pending")


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket as a list shows it. Times are seconds since 1970 UTC, addresses bare."""

    id: int
    number: str
    subject: str
    type: str
    state: str
    state_type: str
    queue: str
    priority: int
    owner: str | None
    requester: str | None
    requester_name: str
    partner: str | None
    created: float
    updated: float


@dataclass(frozen=True, slots=True)
class ArrivalRow:
    """A row of the journal. `sender` and `subject` are the mail's once it was read, else the envelope's and None."""

    id: int
    time: float
    door: str
    peer: str
    mail_from: str
    rcpt_to: tuple[str, ...]
    sender: str
    subject: str | None
    message_id: str | None
    size: int
    state: str
    outcome: str | None
    attempts: int
    error: str | None
    note: str | None
    released: bool
    ticket: str | None
    article_id: int | None
    reasons: tuple[Reason, ...]

    @property
    def rejected(self) -> bool:
        """Whether it stays in quarantine for good."""
        return (self.note or "").startswith(REJECTED)

    @property
    def kind(self) -> str | None:
        """What it is, where that decided: bounce, receipt, auto_reply."""
        said = next((reason.seen for reason in self.reasons if reason.code == "kind"), None)
        return said.partition(":")[0] if said else None

    @property
    def why(self) -> str | None:
        """The reason that came last, and decided; what follows from quarantine is the same for all."""
        if self.outcome == "quarantine" and self.reasons:
            return self.reasons[-1].seen
        return f"{self.reasons[-1].seen}: {self.reasons[-1].outcome}" if self.reasons else None


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A mail of ours to one recipient. `status` is the enhanced code (RFC 3463)."""

    id: int
    time: float
    updated: float
    due: float
    event: str
    envelope_from: str
    recipient: str
    message_id: str
    subject: str
    state: str
    held_for: str | None
    attempts: int
    status: str | None
    error: str | None
    ticket: str | None
    article_id: int | None

    @property
    def discarded(self) -> bool:
        """Whether a person decided that it never goes."""
        return self.state == "failed" and self.error == DISCARDED


TICKET_COLUMNS: tuple[sa.ColumnElement[Any], ...] = (
    ticket.c.id,
    ticket.c.number,
    ticket.c.subject,
    ticket.c.type,
    ticket.c.state,
    ticket.c.state_type,
    ticket.c.queue,
    ticket.c.priority,
    ticket.c.owner,
    ticket.c.requester,
    ticket.c.requester_name,
    ticket.c.partner,
    ticket.c.created,
    ticket.c.updated,
)


def tickets(
    connection: Connection,
    *,
    state_types: Sequence[str] | None = OPEN,
    queue: str | None = None,
    owner: str | None = None,
    requester: str | None = None,
    limit: int | None = None,
) -> tuple[list[TicketRow], int]:
    """Tickets, the latest changed first, and how many there are without the limit. `owner` "" means none."""
    wanted: list[Any] = []
    if state_types is not None:
        wanted.append(ticket.c.state_type.in_(state_types))
    if queue is not None:
        wanted.append(sa.func.lower(ticket.c.queue) == queue.lower())
    if owner is not None:
        wanted.append(ticket.c.owner == owner.lower() if owner else ticket.c.owner.is_(None))
    if requester is not None:
        wanted.append(ticket.c.requester == requester.lower())
    order = (ticket.c.updated.desc(), ticket.c.id.desc())
    rows = connection.execute(sa.select(*TICKET_COLUMNS).where(*wanted).order_by(*order).limit(limit)).all()
    return [TicketRow(*row) for row in rows], _total(connection, ticket, wanted, len(rows), limit)


def ticket_row(connection: Connection, number: str) -> TicketRow | None:
    """The ticket of that number, or None."""
    row = connection.execute(sa.select(*TICKET_COLUMNS).where(ticket.c.number == number)).one_or_none()
    return None if row is None else TicketRow(*row)


def numbers(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Numbers of tickets by their ids."""
    found = connection.execute(sa.select(ticket.c.id, ticket.c.number).where(ticket.c.id.in_(ids)))
    return {row.id: row.number for row in found}


def arrivals(
    connection: Connection,
    *,
    ids: Sequence[int] | None = None,
    state: str | None = None,
    outcome: str | None = None,
    rejected: bool | None = None,
    limit: int | None = None,
) -> tuple[list[ArrivalRow], int]:
    """Arrivals, the newest first, and how many there are without the limit."""
    wanted: list[Any] = []
    if ids is not None:
        wanted.append(journal.c.id.in_(ids))
    if state is not None:
        wanted.append(journal.c.state == state)
    if outcome is not None:
        wanted.append(journal.c.outcome == outcome)
    if rejected is not None:
        mark = sa.func.coalesce(journal.c.note, "").like(f"{REJECTED}%")
        wanted.append(mark if rejected else ~mark)
    query = arrivals_query().where(*wanted).order_by(journal.c.id.desc()).limit(limit)
    rows = [arrival(row) for row in connection.execute(query)]
    return rows, _total(connection, journal, wanted, len(rows), limit)


def arrivals_query() -> sa.Select[Any]:
    """Arrivals with the numbers of their tickets, for `arrival` to read."""
    return sa.select(
        journal.c.id,
        journal.c.received_at,
        journal.c.door,
        journal.c.peer,
        journal.c.mail_from,
        journal.c.rcpt_to,
        journal.c.sender,
        journal.c.subject,
        journal.c.message_id,
        journal.c.size,
        journal.c.state,
        journal.c.outcome,
        journal.c.attempt,
        journal.c.error,
        journal.c.note,
        journal.c.released,
        journal.c.outcome_article,
        journal.c.reasons,
        ticket.c.number,
    ).join_from(journal, ticket, ticket.c.id == journal.c.outcome_ticket, isouter=True)


def arrival(row: Row[Any]) -> ArrivalRow:
    """A row of `arrivals_query`."""
    return ArrivalRow(
        row.id,
        row.received_at,
        row.door,
        row.peer,
        row.mail_from,
        tuple(row.rcpt_to),
        row.sender or row.mail_from,
        row.subject,
        row.message_id,
        row.size,
        row.state,
        row.outcome,
        row.attempt,
        row.error,
        row.note,
        row.released,
        row.number,
        row.outcome_article,
        reasons(row.reasons),
    )


def reasons(rows: Sequence[dict[str, str]] | None) -> tuple[Reason, ...]:
    """Reasons as they stand in a JSON column."""
    return tuple(Reason(row["code"], row["seen"], row["outcome"]) for row in rows or ())


def letters(
    connection: Connection,
    *,
    ids: Sequence[int] | None = None,
    states: Sequence[str] | None = None,
    limit: int | None = None,
    discarded: bool = True,
) -> tuple[list[LetterRow], int]:
    """Mails of ours, the newest first, and how many there are without the limit; `discarded`: by hand, too."""
    wanted: list[Any] = []
    if ids is not None:
        wanted.append(outbox.c.id.in_(ids))
    if states:
        wanted.append(outbox.c.state.in_(states))
    if not discarded:
        wanted.append(sa.func.coalesce(outbox.c.error, "") != DISCARDED)
    query = letters_query().where(*wanted).order_by(outbox.c.id.desc()).limit(limit)
    rows = [LetterRow(*row) for row in connection.execute(query)]
    return rows, _total(connection, outbox, wanted, len(rows), limit)


def letters_query() -> sa.Select[Any]:
    """Mails of ours with the numbers of their tickets, a LetterRow each."""
    return sa.select(
        outbox.c.id,
        outbox.c.created,
        outbox.c.updated,
        outbox.c.due,
        outbox.c.event,
        outbox.c.envelope_from,
        outbox.c.recipient,
        outbox.c.message_id,
        outbox.c.subject,
        outbox.c.state,
        outbox.c.held_for,
        outbox.c.attempt,
        outbox.c.status,
        outbox.c.error,
        ticket.c.number,
        outbox.c.article_id,
    ).join_from(outbox, ticket, ticket.c.id == outbox.c.ticket_id, isouter=True)


def _total(connection: Connection, table: sa.Table, wanted: Sequence[Any], found: int, limit: int | None) -> int:
    """How many rows match; counted only where the limit may have cut some off."""
    if limit is None or found < limit:
        return found
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(*wanted)).scalar_one())


def letter_bytes(connection: Connection, letter_id: int) -> bytes | None:
    """A mail of ours as it is sent, or None where there is no such row."""
    row = connection.execute(
        sa.select(outbox.c.headers, letter_body.c.body)
        .join(letter_body, letter_body.c.sha256 == outbox.c.body_sha256)
        .where(outbox.c.id == letter_id)
    ).one_or_none()
    return None if row is None else bytes(row.headers) + bytes(row.body)
