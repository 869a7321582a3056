"""Signs of life for `mailgate status`: of the relay and the DNS, which we depend on, and of the daemon."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.database import insert_or_ignore
from storage.tables import beat

LONGEST_ERROR = 500  # characters that are kept


def seen(connection: Connection, name: str, now: float, error: str | None) -> None:
    """It is there; or, with an error, since when and why it is not."""
    insert_or_ignore(connection, beat, [{"name": name}])
    values: dict[str, Any] = {"error": None, "error_since": None, "last_success": now}
    if error is not None:
        values = {"error": error[:LONGEST_ERROR], "error_since": sa.func.coalesce(beat.c.error_since, now)}
    connection.execute(beat.update().where(beat.c.name == name).values(values))


def forget(connection: Connection, name: str) -> None:
    """Nobody asks it at present; what was wrong with it is no news."""
    connection.execute(beat.delete().where(beat.c.name == name))
