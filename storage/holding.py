"""What a person does with letters: release what is held, try again what failed, discard what should not go."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.change import HeldFor
from storage.outbox import TO_SEND
from storage.tables import outbox
from storage.words import DISCARDED


def release(connection: Connection, ids: Sequence[int], now: float) -> int:
    """Held letters go out; their five days begin now. How many."""
    return _to_pending(connection, sa.and_(outbox.c.id.in_(ids), outbox.c.state == "held"), now)


def retry(connection: Connection, ids: Sequence[int], now: float) -> int:
    """Letters that failed, came back or wait go out now; one that was held when it was discarded is held again. How
    many."""
    states = ("deferred", "failed", "bounced")
    wanted = sa.and_(outbox.c.id.in_(ids), outbox.c.state.in_(states), outbox.c.owner.is_(None))
    held = sa.and_(wanted, outbox.c.held_for.is_not(None))
    back = connection.execute(outbox.update().where(held).values(state="held", error=None, updated=now)).rowcount
    return back + _to_pending(connection, sa.and_(wanted, outbox.c.held_for.is_(None)), now)


def discard(connection: Connection, ids: Sequence[int], now: float) -> int:
    """Letters that are not sent yet and in nobody's hands never will be; the rows stay, and say so. How many."""
    done = connection.execute(
        outbox.update()
        .where(outbox.c.id.in_(ids), outbox.c.state.in_(("held", *TO_SEND)), outbox.c.owner.is_(None))
        .values(state="failed", status=None, error=DISCARDED, updated=now)
    )
    return done.rowcount


def release_held(connection: Connection, article_id: int, now: float, held_for: HeldFor | None = None) -> int:
    """An answer was confirmed: its letters go out, or wait for what else holds all letters. How many."""
    wanted = sa.and_(outbox.c.article_id == article_id, outbox.c.state == "held", outbox.c.held_for == "confirm")
    if held_for is None:
        return _to_pending(connection, wanted, now)
    return connection.execute(outbox.update().where(wanted).values(held_for=held_for, updated=now)).rowcount


def _to_pending(connection: Connection, wanted: sa.ColumnElement[bool], now: float) -> int:
    done = connection.execute(
        outbox.update()
        .where(wanted)
        .values(
            state="pending",
            held_for=None,
            created=now,
            due=now,
            updated=now,
            attempt=0,
            owner=None,
            status=None,
            error=None,
            tell=None,
        )
    )
    return done.rowcount
