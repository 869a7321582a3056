"""A back catalogue in the journal: its mails are stored and claimed in one transaction, so that no worker sees them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import journal as rows
from storage.journal import BATCH_MAILS, IDS_A_MAIL, LEASE_SECONDS, MOST_DEATHS, Arrival, Claimed
from storage.tables import journal


def take(connection: Connection, arrivals: Sequence[Arrival], owner: str, now: float) -> list[Claimed]:
    """Store them, and claim those that did not stand there yet."""
    stored = rows.append(connection, arrivals, now)
    fresh = [entry.journal_id for entry in stored if entry.fresh]
    rows.acknowledge(connection, fresh)
    return _claim(connection, fresh, owner, now)


def left(connection: Connection, door: str, owner: str, now: float) -> list[Claimed]:
    """Claim what an import that was killed left behind; one in whose hands it died too often is parked."""
    due = connection.execute(
        sa.select(journal.c.id, journal.c.attempt)
        .where(journal.c.state == "new", journal.c.door == door, journal.c.due <= now)
        .order_by(journal.c.attempt, journal.c.id)
        .limit(BATCH_MAILS)
        .with_for_update(skip_locked=True)
    ).all()
    doomed = [row.id for row in due if row.attempt >= MOST_DEATHS]
    if doomed:
        rows.park(connection, doomed, f"the process died {MOST_DEATHS} times with this mail in hand", now)
    alive = [row for row in due if row.attempt < MOST_DEATHS]
    suspects = [row.id for row in alive if row.attempt > 1]  # these one by one: such a mail must not take others along
    firsts = [row.id for row in alive if row.attempt <= 1]
    return _claim(connection, firsts or suspects[:1], owner, now)


def _claim(connection: Connection, ids: Sequence[int], owner: str, now: float) -> list[Claimed]:
    if not ids:
        return []
    reserved = {
        row.id
        for row in connection.execute(
            sa.select(journal.c.id).where(journal.c.id.in_(ids), journal.c.ticket_id.is_not(None))
        )
    }
    fresh = [i for i in ids if i not in reserved]
    ticket = rows.reserve(connection, "ticket", len(fresh)) if fresh else 0
    article = rows.reserve(connection, "article", len(fresh) * IDS_A_MAIL) if fresh else 0
    if fresh:
        connection.execute(
            journal.update()
            .where(journal.c.id == sa.bindparam("b_id"))
            .values(ticket_id=sa.bindparam("b_ticket"), article_id=sa.bindparam("b_article")),
            [{"b_id": i, "b_ticket": ticket + n, "b_article": article + n * IDS_A_MAIL} for n, i in enumerate(fresh)],
        )
    connection.execute(
        journal.update()
        .where(journal.c.id.in_(ids))
        .values(attempt=journal.c.attempt + 1, due=now + LEASE_SECONDS, owner=owner)
    )
    return rows.load(connection, ids)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What became of a catalogue's mails."""

    mails: int
    articles: int
    duplicates: int
    other: int  # reports and the like, that are no articles
    parked: int
    tickets: int


def standing(connection: Connection, door: str) -> Catalogue:
    """All that ever came by that door."""
    kinds: Counter[str] = Counter()
    found: Any = connection.execute(
        sa.select(journal.c.state, journal.c.outcome, sa.func.count())
        .where(journal.c.door == door)
        .group_by(journal.c.state, journal.c.outcome)
    )
    for state, outcome, count in found:
        kinds[outcome or state] += count
    tickets = connection.execute(
        sa.select(sa.func.count(sa.distinct(journal.c.outcome_ticket))).where(
            journal.c.door == door, journal.c.outcome == "article"
        )
    ).scalar_one()
    return Catalogue(
        mails=kinds.total(),
        articles=kinds["article"],
        duplicates=kinds["duplicate"],
        other=kinds["record"] + kinds["unmatched"] + kinds["quarantine"],
        parked=kinds["parked"],
        tickets=tickets,
    )
