"""What a person does with mails that were set aside: let them in, or leave them out."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.tables import journal
from storage.words import REJECTED

_SET_ASIDE = sa.and_(journal.c.state == "done", journal.c.outcome == "quarantine")
# Whether a mail was rejected is told by the beginning of its note.
_HELD = sa.and_(_SET_ASIDE, ~sa.func.coalesce(journal.c.note, "").like(f"{REJECTED}%"))


def release(connection: Connection, journal_ids: Sequence[int], now: float) -> int:
    """Back to `new`, to be decided again as let out by a person, also what one has rejected; how many there were."""
    notes = connection.execute(
        sa.select(journal.c.id, journal.c.note).where(journal.c.id.in_(journal_ids), _SET_ASIDE)
    ).all()
    for row in notes:
        if (row.note or "").startswith(REJECTED):  # what the door had noted stays
            before = row.note.partition("; ")[2] or None
            connection.execute(journal.update().where(journal.c.id == row.id, _SET_ASIDE).values(note=before))
    done = connection.execute(
        journal.update()
        .where(journal.c.id.in_(journal_ids), _SET_ASIDE)
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
    """Left in quarantine and off its list, with who said so before what the door had noted; how many were held."""
    note = sa.case((journal.c.note.is_(None), ""), else_="; " + journal.c.note)
    done = connection.execute(
        journal.update().where(journal.c.id.in_(journal_ids), _HELD).values(note=f"{REJECTED} by {who}" + note)
    )
    return done.rowcount
