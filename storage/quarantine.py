"""What a person does with mails that were set aside: let them in, or leave them out for good."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.status import REJECTED
from storage.tables import journal

# A rejected mail has said its last word; whether it was is told by the beginning of its note.
_HELD = sa.and_(
    journal.c.state == "done",
    journal.c.outcome == "quarantine",
    ~sa.func.coalesce(journal.c.note, "").like(f"{REJECTED}%"),
)


def release(connection: Connection, journal_ids: Sequence[int], now: float) -> int:
    """Back to `new`, to be decided again as let out by a person; how many were held."""
    done = connection.execute(
        journal.update()
        .where(journal.c.id.in_(journal_ids), _HELD)
        .values(
            state="new",
            released=True,
            due=now,
            attempt=0,
            owner=None,
            mail_key=None,  # else it would be recognised as a second arrival of itself
            outcome=None,
            outcome_ticket=None,
            outcome_article=None,
            reasons=None,
        )
    )
    return done.rowcount


def reject(connection: Connection, journal_ids: Sequence[int], who: str) -> int:
    """Left in quarantine for good, with who said so before what the door had noted; how many were held."""
    note = sa.case((journal.c.note.is_(None), ""), else_="; " + journal.c.note)
    done = connection.execute(
        journal.update().where(journal.c.id.in_(journal_ids), _HELD).values(note=f"{REJECTED} by {who}" + note)
    )
    return done.rowcount
