"""A backup's database in the place of another one: in one transaction, so that a kill leaves the old one or the new.

What was there is kept under another name: an SQLite file beside it, a schema in PostgreSQL.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, ProgrammingError

from storage import epochs, schema
from storage.archive import Progress, sync_folder
from storage.backup import chunks, copy_sqlite
from storage.database import Conflict, Database, DatabaseUnavailable, StorageError
from storage.epochs import Lineage, Restored
from storage.tables import article, journal, metadata, outbox, signing_key, ticket

SESSION_SECONDS = 3.0  # a daemon that was just stopped is gone from the server's list
LOCK_SECONDS = 10  # for what uses a table at this moment
_OURS = (*metadata.tables, schema.VERSION_TABLE, schema.RESTORING)


class RestoreRefused(StorageError):
    """Why nothing was restored, in a sentence."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a database holds."""

    schema: str
    tickets: int
    articles: int
    mails: int
    waiting: int  # mails that have no outcome yet
    letters: Mapping[str, int]  # by state
    keys: int
    given: int  # the id of the last ticket that was given out
    last_ticket: int  # of the last one that is there
    busiest: int  # tickets opened on the busiest day


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in the place: `version` and `lineage` None where it is empty."""

    version: str | None
    tickets: int = 0
    mails: int = 0
    lineage: Lineage | None = None
    damaged: bool = False  # an SQLite file that cannot be read, or not whole

    @property
    def worth_keeping(self) -> bool:
        """Whether anything is in it that somebody could miss."""
        return bool(self.tickets or self.mails or self.damaged)


@contextlib.contextmanager
def staged(file: Path) -> Iterator[Database]:
    """A backup's database, brought to this program's schema. Raises RestoreRefused where it is newer."""
    db = Database(f"sqlite:///{file}")
    try:
        found = schema.version(db)
        if found is None or found > schema.VERSION:
            raise RestoreRefused(
                f"the backup has schema {found}, newer than this program's {schema.VERSION}: update mailgate"
            )
        schema.upgrade(db)
        yield db
    finally:
        db.close()


def content(db: Database, version: str) -> Content:
    """What a backup of that schema brings."""
    with db.read() as connection:

        def count(*of: Any) -> int:
            return int(connection.execute(sa.select(sa.func.count()).select_from(*of)).scalar_one())

        letters = connection.execute(sa.select(outbox.c.state, sa.func.count()).group_by(outbox.c.state)).all()
        return Content(
            version,
            count(ticket),
            count(article),
            count(journal),
            connection.execute(sa.select(sa.func.count()).where(journal.c.state == "new")).scalar_one(),
            {state: number for state, number in letters},
            count(signing_key),
            epochs.counters(connection).get("ticket", 0),
            connection.execute(sa.select(sa.func.max(ticket.c.id))).scalar_one() or 0,
            epochs.busiest_day(connection),
        )


def is_damaged(db: Database, *, whole: bool) -> bool:
    """Whether the file is no SQLite database; with `whole`, also whether a page of it is broken."""
    if db.file is None or not db.file.exists():
        return False
    with contextlib.closing(sqlite3.connect(db.file, isolation_level=None)) as there:
        try:
            there.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return whole and there.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            return True


def standing(db: Database, source: Database, made: float) -> Standing:
    """What is in the place where `source`, as of the moment `made`, would go.

    Of a damaged one it is what can be read. Raises SchemaMismatch for another program's tables.
    """
    damaged = is_damaged(db, whole=True)
    try:
        return replaced(_standing(db, source, made), damaged=damaged)
    except (DatabaseUnavailable, DatabaseError, sqlite3.DatabaseError):
        if not damaged:
            raise
        return Standing(None, damaged=True)


def _standing(db: Database, source: Database, made: float) -> Standing:
    if db.file is not None and not db.file.exists():  # looking must not make it
        return Standing(None)
    with db.read() as connection:
        broken_off = sa.inspect(connection).has_table(schema.RESTORING)
    if broken_off or schema.version(db) is None:
        return Standing(None)
    with db.read() as connection:
        tickets, mails = (
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (ticket, journal)
        )
        version, other = schema.revision(connection), epochs.lineage(connection, made)
    with source.read() as connection:
        other = replaced(other, kin=epochs.of_one_desk(connection, other))
    return Standing(version, tickets, mails, other)


def refuse_others(db: Database) -> None:
    """Raises RestoreRefused while another process of ours is connected to the PostgreSQL database."""
    if db.is_sqlite:
        return
    query = (
        "SELECT count(*), string_agg(DISTINCT coalesce(host(client_addr), 'this machine'), ', ') FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'mailgate' AND pid <> pg_backend_pid()"
    )
    db.close()  # our own connections, but the one that looks
    end = time.monotonic() + SESSION_SECONDS
    while True:
        with db.read() as connection:
            others, places = connection.exec_driver_sql(query).one()
        if not others:
            return
        if time.monotonic() > end:
            raise RestoreRefused(f"a daemon works on this database ({others} connections from {places}); stop it first")
        time.sleep(0.1)


def mark(db: Database) -> bool:
    """Where the database is empty: on disk, that a restore was begun, so that no daemon takes it for a new desk's.

    Whether it was laid; False where it lies there since another try, and where the database has content.
    """
    db.create_file()
    with db.write() as connection:
        tables = sa.inspect(connection).get_table_names()
        if set(tables) & set(_OURS):
            return False
        connection.exec_driver_sql(f"CREATE TABLE {schema.RESTORING} (begun INTEGER)")
    if db.file is not None:
        db.file.chmod(0o600)
        sync_folder(db.file.parent)
    return True


def lift(db: Database) -> None:
    """Take the mark away: nothing was begun."""
    with db.write() as connection:
        connection.exec_driver_sql(f"DROP TABLE {schema.RESTORING}")
        empty = not sa.inspect(connection).get_table_names()
    if db.file is not None and empty:
        db.close()
        for end in ("", "-wal", "-shm"):
            db.file.with_name(f"{db.file.name}{end}").unlink(missing_ok=True)


def replace(
    db: Database, source: Database, old: Standing, made: float, now: float, first: int, progress: Progress
) -> tuple[Restored, str | None]:
    """Put `source` in the place of what stands there, and begin its new epoch with the ticket id `first`.

    The name that the old one is kept under, None where it was empty. `progress` hears rows done and in all.
    Raises RestoreRefused.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    if old.damaged:
        aside = _set_aside(db, stamp)
        with contextlib.closing(Database(db.url)) as fresh:
            begun, _ = replace(fresh, source, Standing(None, lineage=old.lineage), made, now, first, progress)
        return begun, aside
    if old.version is None:
        mark(db)
    try:
        with db.write() as connection:
            if db.is_sqlite:
                kept = _keep_sqlite(db, connection, stamp, keep=old.worth_keeping)
            else:
                kept = _keep_postgresql(connection, stamp, keep=old.worth_keeping)
            schema.make(connection)
            _fill(connection, source, progress)
            begun = epochs.begin(connection, made, now, first, old.lineage)
    except Conflict as error:
        raise RestoreRefused(
            f"another program uses the database at this moment; nothing was changed: {error}"
        ) from error
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != "42501":  # insufficient_privilege
            raise
        raise RestoreRefused(
            f"the database's user may not do that; nothing was changed: {' '.join(str(error.orig).split())}. It needs "
            "CREATE on the database (to keep the old tables in a schema of their own) and must own the tables"
        ) from error
    return begun, kept


def _set_aside(db: Database, stamp: str) -> str:
    """A damaged file as it is, with its log, under another name; an empty database with the mark in its place.

    Where a kill leaves none, the restore's folder still keeps daemons out.
    """
    assert db.file is not None
    db.close()
    kept = db.file.with_name(f"{db.file.name}.before-{stamp}")
    for end in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            db.file.with_name(f"{db.file.name}{end}").rename(f"{kept}{end}")
    with contextlib.closing(Database(db.url)) as fresh:
        mark(fresh)
    return str(kept)


def _keep_sqlite(db: Database, connection: Connection, stamp: str, *, keep: bool) -> str | None:
    """A copy beside the file while nobody else can write; then the tables go."""
    kept = None
    if keep:
        assert db.file is not None
        kept = db.file.with_name(f"{db.file.name}.before-{stamp}")
        draft = kept.with_name(f"{kept.name}.part")
        draft.unlink(missing_ok=True)
        copy_sqlite(db.file, draft, lambda _, __: None)
        draft.chmod(0o600)
        draft.replace(kept)
        sync_folder(kept.parent)
    for name in sa.inspect(connection).get_table_names():
        connection.exec_driver_sql(f'DROP TABLE "{name}"')
    return str(kept) if kept else None


def _keep_postgresql(connection: Connection, stamp: str, *, keep: bool) -> str | None:
    """Tables, with their indexes and sequences, move to a schema of their own."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    there = [name for name in sa.inspect(connection).get_table_names() if name in _OURS]
    if not keep:
        if there:
            connection.exec_driver_sql(f"DROP TABLE {', '.join(there)}")
        return None
    kept = f"mailgate_before_{stamp.lower()}"
    connection.exec_driver_sql(f"CREATE SCHEMA {kept}")
    for name in there:
        connection.exec_driver_sql(f"ALTER TABLE {name} SET SCHEMA {kept}")
    return f"schema {kept}"


def _fill(connection: Connection, source: Database, progress: Progress) -> None:
    assert source.file is not None
    with contextlib.closing(sqlite3.connect(source.file)) as there:
        tables = metadata.sorted_tables  # those that are referred to first
        total = sum(there.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0] for table in tables)
        done = 0
        for table in tables:
            listed = ", ".join(f'"{column.name}"' for column in table.columns)
            for rows in chunks(there.execute(f"SELECT {listed} FROM {table.name}")):
                _insert(connection, table, listed, rows)
                done += len(rows)
                progress(done, total)
    if connection.dialect.name == "postgresql":
        for table in tables:
            if (column := table.autoincrement_column) is not None:  # rows came with their ids: the sequence follows
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), max({column.name})) "
                    f"FROM {table.name} HAVING max({column.name}) IS NOT NULL"
                )


def _insert(connection: Connection, table: sa.Table, listed: str, rows: list[tuple[Any, ...]]) -> None:
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({listed}) VALUES ({marks})", rows)
        return
    cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
    with cursor.copy(f"COPY {table.name} ({listed}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)
