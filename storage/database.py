"""Engines, transactions and the only translation of drivers' errors.

SQLite runs in WAL with synchronous=FULL, so that a commit is on disk when it returns. Every write transaction begins
with BEGIN IMMEDIATE: a deferred one that reads first and then writes fails at once with SQLITE_BUSY_SNAPSHOT. Opening
never makes a file; and as a file that was deleted takes commits that nobody will ever read, each one looks first.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

POSTGRESQL_CONNECTION = {
    "application_name": "mailgate",  # a restore looks whether anybody of us is there
    "connect_timeout": 10,
    "options": "-c synchronous_commit=on",  # else a 250 would be no promise, whatever the server's default is
    "keepalives_idle": 30,  # a server that is gone without a word is noticed within the minute
    "tcp_user_timeout": 30_000,
}
BUSY_SECONDS = 30  # how long a writer waits for the one before it; a commit takes milliseconds


class StorageError(Exception):
    """Root of what this module raises."""


class Conflict(StorageError):
    """Somebody else changed what was looked at: gather again, decide again."""


class DatabaseUnavailable(StorageError):
    """The database cannot be reached or written to, is full or is locked: leave the work, its lease runs out."""


class SchemaMismatch(StorageError):
    """The database holds another schema than this program's."""


# SQLSTATE classes (PostgreSQL appendix A): 08 connection, 53 resources, 57 operator intervention, 58 system error.
_UNAVAILABLE = ("08", "53", "57", "58")
# It may only be read, for us or for everybody: read-only transaction, insufficient privilege. No mail's fault either.
_READ_ONLY = ("25006", "42501")
# unique violation, serialisation, deadlock, lock not available
_CONFLICT = ("23505", "40001", "40P01", "55P03")
_SQLITE_CONFLICT = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
_SQLITE_UNAVAILABLE = (  # primary result codes
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
)


class Database:
    """One database, SQLite or PostgreSQL. `read()` and `write()` are its only transactions."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._opened: tuple[int, int] | None = None  # device and inode of the file
        if self.is_sqlite:
            event.listen(self.engine, "connect", self._connected)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.engine.url.database) if self.is_sqlite and self.engine.url.database else None

    @property
    def is_missing(self) -> bool:
        """Whether this is SQLite, and its file is not there."""
        return self.file is not None and not self.file.exists()

    def create_file(self) -> None:
        """An empty file for SQLite where there is none: it holds mails and signing keys, and is its owner's alone."""
        if self.file is not None:
            os.close(os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot, never a write."""
        with _translated(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection
            connection.rollback()

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, committed and on disk when the block is left, rolled back when it raises."""
        with _translated(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection = connection.execution_options(mailgate_write=True)
            with connection.begin():
                yield connection
                self._same_file()

    @contextlib.contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection of its own outside any transaction, closed at the end: for what belongs to a session."""
        with _translated(), self.engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    def _connected(self, *_: object) -> None:
        if self._opened is None:
            self._opened = self._identity()

    def _same_file(self) -> None:
        """Raises DatabaseUnavailable where the open file is no longer the one of that name."""
        if self._opened is not None and self._identity() != self._opened:
            raise DatabaseUnavailable(
                f"{self.file} was deleted or replaced while it was open; put the same file back, "
                "or stop mailgate and restore a backup"
            )

    def _identity(self) -> tuple[int, int] | None:
        assert self.file is not None
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_JSON: dict[str, Any] = {"json_serializer": _encoded, "json_deserializer": msgspec.json.decode}  # a batch has hundreds


def _engine(url: str) -> Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        place = f"file:{quote(parsed.database or '')}?mode=rw"
        engine = sa.create_engine(
            parsed,
            creator=lambda: sqlite3.connect(
                place, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            ),
            **_JSON,
        )

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, _: Any) -> None:
            cursor = connection.cursor()
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=OFF",  # rows of a batch go table by table; the fences keep them whole
                "cache_size=-16000",
                "wal_autocheckpoint=4000",
            ):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begun(connection: Connection) -> None:
            write = connection.get_execution_options().get("mailgate_write", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

        return engine
    return sa.create_engine(
        parsed, pool_pre_ping=True, pool_size=5, hide_parameters=True, connect_args=POSTGRESQL_CONNECTION, **_JSON
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise translate(error) from error
    except SQLAlchemyError as error:
        if isinstance(error, sa.exc.TimeoutError):
            raise DatabaseUnavailable(str(error)) from error
        raise


def translate(error: DBAPIError) -> Exception:
    """What a driver's error means for the work in hand; the error itself where it is a bug of ours."""
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", 0)
        if code in _SQLITE_CONFLICT:
            return Conflict(str(error.orig))
        empty = "no such table" in str(error.orig)  # a database that is not made yet, or was taken away
        return DatabaseUnavailable(str(error.orig)) if empty or code & 0xFF in _SQLITE_UNAVAILABLE else error
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in _CONFLICT:
        return Conflict(str(error.orig))
    lost = error.connection_invalidated or (isinstance(error, OperationalError | InterfaceError) and not state)
    return DatabaseUnavailable(str(error.orig)) if lost or state[:2] in _UNAVAILABLE or state in _READ_ONLY else error


def insert_or_ignore(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """INSERT ... ON CONFLICT DO NOTHING, on both databases."""
    if rows:
        connection.execute(conflict_insert(connection, table).on_conflict_do_nothing(), rows)


def conflict_insert(connection: Connection, table: sa.Table) -> Any:
    """The dialect's own INSERT, which knows ON CONFLICT."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert(table)


def now() -> float:
    """Seconds since 1970, UTC: the storage clock (leases, journaled_at). Decisions never read it."""
    return time.time()
