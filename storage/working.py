"""Arrivals in a worker's hands: claimed under a lease, kept, given back, tried again or set aside.

A claim moves `due` forward; whoever dies with it in hand gives it back by time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from routing.mail import Claim, Envelope, Evidence
from storage import counters, tally
from storage.journal import arrivals
from storage.tables import journal

LEASE_SECONDS = 30.0  # a dead process gives back what it held after this long, or when the daemon starts again
BATCH_MAILS = 64  # beyond it a batch saves nothing more, and holds up its first mail
BATCH_BYTES = 8_000_000  # a worker holds a batch in memory, parsed
MOST_DEATHS = 5  # a row in whose hands the process died that often is parked
IDS_A_MAIL = 2  # its article, and its acknowledgement
CLAIMED = (journal.c.id, journal.c.attempt, journal.c.ticket_id, journal.c.article_id)  # what `take` has to see


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed row: the claim, the envelope and the raw mail."""

    claim: Claim
    envelope: Envelope
    raw: bytes
    released: bool = False  # a person let it out of quarantine
    evidence: Evidence | None = None  # what `verify` found, or what counted when it was settled before


def is_due(connection: Connection, now: float) -> bool:
    """Whether there is anything to claim; cheap, and takes no lock."""
    return (
        connection.execute(
            sa.select(journal.c.id).where(journal.c.state == "new", journal.c.due <= now).limit(1)
        ).first()
        is not None
    )


def claim(connection: Connection, owner: str, now: float) -> list[Claim]:
    """Take due mails under a lease (TX 2), oldest first: attempt + 1, ticket and article ids reserved.

    At most 64 mails or 8 MB. A row with an earlier attempt is taken alone, so that a mail which kills the process
    cannot take others with it; one that was tried five times without an end is parked here.
    """
    due = (
        sa.select(*CLAIMED, journal.c.size)
        .where(journal.c.state == "new", journal.c.due <= now)
        .order_by(journal.c.due, journal.c.id)
        .limit(BATCH_MAILS)
        .with_for_update(skip_locked=True)
    )
    rows = without_doomed(connection, connection.execute(due).all(), now)
    taken: list[Any] = []
    total = 0
    for row in rows:
        if taken and (row.attempt or total + row.size > BATCH_BYTES):
            break
        taken.append(row)
        total += row.size
        if row.attempt:
            break
    return take(connection, taken, owner, now)


def without_doomed(connection: Connection, rows: Sequence[Any], now: float) -> list[Any]:
    """The rows but those in whose hands the process died again and again, which are parked."""
    doomed = [row.id for row in rows if row.attempt >= MOST_DEATHS]
    if doomed:
        park(connection, doomed, f"the process died {MOST_DEATHS} times with this mail in hand", now)
    return [row for row in rows if row.attempt < MOST_DEATHS]


def take(connection: Connection, rows: Sequence[Any], owner: str, now: float) -> list[Claim]:
    """Rows that were seen in this transaction are in that owner's hands: a lease, attempt + 1, their ids reserved."""
    if not rows:
        return []
    ids = {row.id: (row.ticket_id, row.article_id) for row in rows}
    fresh = [row.id for row in rows if row.ticket_id is None]
    if fresh:
        ticket = counters.reserve(connection, "ticket", len(fresh))
        article = counters.reserve(connection, "article", len(fresh) * IDS_A_MAIL)
        ids.update((row_id, (ticket + n, article + n * IDS_A_MAIL)) for n, row_id in enumerate(fresh))
    claims = [Claim(row.id, row.attempt + 1, *ids[row.id], now) for row in rows]
    connection.execute(
        journal.update()
        .where(journal.c.id == sa.bindparam("b_id"))
        .values(
            attempt=sa.bindparam("b_attempt"),
            due=now + LEASE_SECONDS,
            owner=owner,
            ticket_id=sa.bindparam("b_ticket"),
            article_id=sa.bindparam("b_article"),
        ),
        [
            {"b_id": c.journal_id, "b_attempt": c.attempt, "b_ticket": c.ticket_id, "b_article": c.article_id}
            for c in claims
        ],
    )
    return claims


def load(connection: Connection, claims: Sequence[Claim]) -> list[Claimed]:
    """What was claimed, with its envelope and raw mail, in the order of the claims."""
    found = arrivals(connection, [c.journal_id for c in claims])
    return [
        Claimed(c, one.envelope, one.raw, one.released, one.evidence)
        for c in claims
        if (one := found.get(c.journal_id)) is not None
    ]


def still_held(connection: Connection, claims: Sequence[Claim]) -> set[int]:
    """Of these claims, the journal ids that nobody took over."""
    attempts = {held.journal_id: held.attempt for held in claims}
    rows = connection.execute(
        sa.select(journal.c.id, journal.c.attempt).where(journal.c.id.in_(sorted(attempts)), journal.c.state == "new")
    )
    return {row.id for row in rows if row.attempt == attempts[row.id]}


def renew(connection: Connection, claims: Sequence[Claim], now: float) -> None:
    """What is still in hand stays there for another lease."""
    connection.execute(
        journal.update()
        .where(
            journal.c.id == sa.bindparam("b_id"),
            journal.c.attempt == sa.bindparam("b_attempt"),
            journal.c.state == "new",
        )
        .values(due=now + LEASE_SECONDS),
        [{"b_id": c.journal_id, "b_attempt": c.attempt} for c in claims],
    )


def release(connection: Connection, claims: Sequence[Claim], now: float) -> None:
    """Give claims back unworked and uncounted: an outage of the database is no mail's fault."""
    for held in claims:
        connection.execute(
            journal.update()
            .where(journal.c.id == held.journal_id, journal.c.attempt == held.attempt, journal.c.state == "new")
            .values(attempt=journal.c.attempt - 1, due=now, owner=None)
        )


def release_all(connection: Connection, owner: str, now: float) -> int:
    """End the leases of that owner, who is dead. How many there were."""
    done = connection.execute(
        journal.update().where(journal.c.state == "new", journal.c.owner == owner).values(due=now, owner=None)
    )
    return done.rowcount


def fail(connection: Connection, held: Claim, error: str, now: float, retry_seconds: float) -> None:
    """A try failed by the mail's own fault; it comes again after `retry_seconds`."""
    connection.execute(
        journal.update()
        .where(journal.c.id == held.journal_id, journal.c.attempt == held.attempt, journal.c.state == "new")
        .values(due=now + retry_seconds, owner=None, error=error)
    )


def park(connection: Connection, journal_ids: Sequence[int], error: str | None, now: float) -> None:
    """Set mails aside for a person to look at, with what went wrong."""
    values: dict[str, Any] = {"state": "parked", "owner": None, "due": now}
    if error is not None:
        values["error"] = sa.func.coalesce(journal.c.error, error)
    wanted = sa.and_(journal.c.id.in_(journal_ids), journal.c.state == "new")
    done = connection.execute(journal.update().where(wanted).values(values))
    tally.count(connection, {("worked", "parked"): done.rowcount})


def retry(connection: Connection, journal_ids: Sequence[int], now: float) -> int:
    """Parked mails go back to `new`; how many did."""
    done = connection.execute(
        journal.update()
        .where(journal.c.id.in_(journal_ids), journal.c.state == "parked")
        .values(state="new", due=now, attempt=0, error=None, owner=None)
    )
    return done.rowcount
