"""Arrivals whose author is to be checked here: taken under a lease, and what was found written on the journal row.

A row that waits has `verify_due`, and its `due` lies ahead, so that the worker leaves it alone; what was found brings
`due` back to when it came. A verifier that is away for good thus holds up a mail for an hour, and none for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from routing.mail import Envelope, Evidence
from storage import beats
from storage.journal import UNVERIFIED_SECONDS, arrivals
from storage.tables import journal

LEASE_SECONDS = 30.0  # a check is bounded below it; a dead process gives back what it held after this long
CLAIM_BYTES = 8_000_000  # in memory at once, beyond the first; a larger mail comes alone
WAITS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 285.0, 300.0)  # seconds after each try in vain: 15 minutes (MAIL 14)


@dataclass(frozen=True, slots=True)
class Unverified:
    """An arrival in a verifier's hands; `attempt` counts from 1 and fences what is written about it."""

    journal_id: int
    attempt: int
    envelope: Envelope
    raw: bytes

    @property
    def wait(self) -> float | None:
        """Seconds until the next try, None where this was the last one."""
        return WAITS[self.attempt - 1] if self.attempt <= len(WAITS) else None


_WAITING = sa.and_(journal.c.state == "new", journal.c.verify_due.is_not(None), journal.c.owner.is_(None))


def begin(connection: Connection, now: float, *, asked: bool) -> None:
    """A daemon starts. What waits is verified before it is worked, however long nobody was there; or, where no door
    asks for it any more, worked as it is."""
    beats.forget(connection, "dns")
    values = {"due": now + UNVERIFIED_SECONDS, "verify_due": now} if asked else _SETTLED
    connection.execute(journal.update().where(_WAITING).values(values))


_SETTLED: dict[str, Any] = {"due": journal.c.journaled_at, "verify_due": None}


def is_due(connection: Connection, now: float) -> bool:
    """Whether there is anything to claim; cheap, and takes no lock."""
    found = sa.select(journal.c.id).where(journal.c.state == "new", journal.c.verify_due <= now).limit(1)
    return connection.execute(found).first() is not None


def claim(connection: Connection, now: float, limit: int) -> list[Unverified]:
    """Take at most `limit` arrivals that are due, under a lease, those first that wait longest."""
    due = (
        sa.select(journal.c.id, journal.c.verify_attempt, journal.c.size)
        .where(_WAITING, journal.c.verify_due <= now)
        .order_by(journal.c.verify_due, journal.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    attempts: dict[int, int] = {}
    total = 0
    for row in connection.execute(due).all():
        total += row.size
        if attempts and total > CLAIM_BYTES:
            break
        attempts[row.id] = row.verify_attempt + 1
    if not attempts:
        return []
    connection.execute(
        journal.update()
        .where(journal.c.id.in_(sorted(attempts)))
        .values(
            verify_due=now + LEASE_SECONDS, verify_attempt=journal.c.verify_attempt + 1, due=now + UNVERIFIED_SECONDS
        )
    )
    return [
        Unverified(journal_id, attempts[journal_id], held.envelope, held.raw)
        for journal_id, held in sorted(arrivals(connection, sorted(attempts)).items())
    ]


def settle(connection: Connection, found: Sequence[tuple[Unverified, Evidence]]) -> None:
    """Write what was found; the worker may have the mail now, in the order of arrival."""
    for held, evidence in found:
        connection.execute(journal.update().where(_held(held)).values({"evidence": asdict(evidence)} | _SETTLED))


def postpone(connection: Connection, held: Unverified, at: float) -> None:
    """Look at it again at that moment."""
    connection.execute(journal.update().where(_held(held)).values(verify_due=at))


def give_back(connection: Connection, unworked: Sequence[Unverified], now: float) -> None:
    """What was in hand when the process was told to stop: its tries do not count."""
    for held in unworked:
        connection.execute(
            journal.update().where(_held(held)).values(verify_due=now, verify_attempt=journal.c.verify_attempt - 1)
        )


def _held(held: Unverified) -> sa.ColumnElement[bool]:
    """That row, unless somebody took it over."""
    return sa.and_(journal.c.id == held.journal_id, _WAITING, journal.c.verify_attempt == held.attempt)
