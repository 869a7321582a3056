"""Whether the desk is in shadow: written when the daemon starts, and read at the terminal, whose letters wait alike."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.tables import beat
from storage.words import SHADOW


def begin(connection: Connection, now: float) -> None:
    """From now on, if it is not yet."""
    if since(connection) is None:
        connection.execute(beat.insert(), {"name": SHADOW, "last_success": now})


def end(connection: Connection) -> None:
    """It is live."""
    connection.execute(beat.delete().where(beat.c.name == SHADOW))


def since(connection: Connection) -> float | None:
    """Since when; None for a desk that is live, or never was started."""
    return connection.execute(sa.select(beat.c.last_success).where(beat.c.name == SHADOW)).scalar_one_or_none()
