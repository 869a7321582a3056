"""A back catalogue in the journal: its mails are stored and claimed in one transaction, so that no worker sees them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from routing.mail import Claim
from storage import journal as rows
from storage import working
from storage.journal import Entry
from storage.tables import journal


def take(connection: Connection, entries: Sequence[Entry], owner: str, now: float) -> list[Claim]:
    """Store them, and claim those that did not stand there yet."""
    stored = rows.append(connection, entries, now)
    fresh = [entry.journal_id for entry in stored if entry.fresh]
    rows.acknowledge(connection, fresh)
    found = connection.execute(sa.select(*working.CLAIMED).where(journal.c.id.in_(fresh)).order_by(journal.c.id))
    return working.take(connection, found.all(), owner, now)


def left(connection: Connection, door: str, owner: str, now: float) -> list[Claim]:
    """Claim what an import that was killed left behind; one in whose hands it died too often is parked."""
    due = connection.execute(
        sa.select(*working.CLAIMED)
        .where(journal.c.state == "new", journal.c.door == door, journal.c.due <= now)
        .order_by(journal.c.attempt, journal.c.id)
        .limit(working.BATCH_MAILS)
        .with_for_update(skip_locked=True)
    ).all()
    alive = working.without_doomed(connection, due, now)
    suspects = [row for row in alive if row.attempt > 1]  # these one by one: such a mail must not take others along
    firsts = [row for row in alive if row.attempt <= 1]
    return working.take(connection, firsts or suspects[:1], owner, now)


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
