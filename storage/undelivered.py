"""Letters that did not arrive: what reports say of them, and whose owner is still to be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import suppression
from storage.change import Mark
from storage.database import Conflict
from storage.outbox import LONGEST_ERROR, TO_SEND
from storage.tables import outbox


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A letter that failed for good, and of which nobody knows yet."""

    id: int
    ticket_id: int | None
    article_id: int | None
    recipient: str
    status: str | None
    error: str
    event: str


def untold(connection: Connection, limit: int) -> list[Undelivered]:
    """Failures that nobody was told of, the oldest first."""
    query = (
        sa.select(
            outbox.c.id,
            outbox.c.ticket_id,
            outbox.c.article_id,
            outbox.c.recipient,
            outbox.c.status,
            sa.func.coalesce(outbox.c.error, ""),
            outbox.c.event,
        )
        .where(outbox.c.tell)
        .order_by(outbox.c.id)
        .limit(limit)
    )
    return [Undelivered(*row) for row in connection.execute(query)]


def told(connection: Connection, ids: Sequence[int]) -> None:
    """Of these somebody has been told. Raises Conflict where somebody else told of one, or it was tried again."""
    done = connection.execute(outbox.update().where(outbox.c.id.in_(ids), outbox.c.tell).values(tell=None))
    if done.rowcount != len(ids):
        raise Conflict("somebody else has told of it")


def mark(connection: Connection, marks: Sequence[Mark], now: float) -> None:
    """What reports say of letters (RFC 3464): failed makes them bounced, delayed is noted; receipts change nothing."""
    for report in marks:
        letter = outbox.c.message_id == report.message_id
        error = report.error[:LONGEST_ERROR] if report.error else None
        if report.state == "failed":
            connection.execute(
                outbox.update()
                .where(letter, outbox.c.state.in_((*TO_SEND, "sent")))
                .values(state="bounced", status=report.status, error=error, owner=None, updated=now)
            )
        elif report.state == "delayed":
            connection.execute(
                outbox.update()
                .where(letter, outbox.c.state == "sent")
                .values(status=report.status, error=error, updated=now)
            )
    suppression.add(
        connection,
        [
            suppression.Suppressed(report.suppress, report.time, report.status or "5.1.1", report.message_id)
            for report in marks
            if report.suppress is not None
        ],
    )
