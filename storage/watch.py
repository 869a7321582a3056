"""Whether anything can have changed: asked in microseconds by those who would ask the tables many times a second.

SQLite counts the commits of others (PRAGMA data_version); PostgreSQL's snapshot names every transaction that is over.
Where neither has moved nothing is new, but time passes: what is due only then is found at a look now and again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import psycopg

from storage.database import POSTGRESQL_CONNECTION, Database

LOOK_SECONDS = 0.5  # a lease that ran out, a try that is due again: no commit tells of them


class Watch:
    """One for each thread that polls. It never raises: who asks the tables next will."""

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._connection: Any = None
        self._seen: object = None
        self._look_at = 0.0

    def news(self) -> bool:
        """Whether a look at the tables may find what the one before it did not."""
        state = self._state()
        clock = self._clock()
        if state is not None and state == self._seen and clock < self._look_at:
            return False
        self._seen, self._look_at = state, clock + LOOK_SECONDS
        return True

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _state(self) -> object:
        """Another one after every commit of anybody else; None where it cannot be said."""
        try:
            if self._connection is None:
                self._connection = self._open()
            return self._connection.execute(
                "PRAGMA data_version" if self._db.is_sqlite else "SELECT pg_current_snapshot()::text"
            ).fetchone()
        except (sqlite3.Error, psycopg.Error):
            self.close()
            return None

    def _open(self) -> Any:
        if self._db.is_sqlite:
            return sqlite3.connect(f"file:{quote(str(self._db.file))}?mode=rw", uri=True, isolation_level=None)
        url = self._db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True, **POSTGRESQL_CONNECTION)  # type: ignore[arg-type]
