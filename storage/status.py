"""How things stand, in one snapshot, read by the driver alone: importing SQLAlchemy takes longer than all of this."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from storage.words import DISCARDED, FAILED, REJECTED, SCHEMA, UNSENT

FAILED_SECONDS = 86400.0  # a delivery that failed longer ago has been seen, or never will be
LAST_ARRIVALS = 20  # by which the clock is told
CONNECT_SECONDS = 10  # for a PostgreSQL that does not answer


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A watched mailbox as it was last met. Times are seconds since 1970 UTC."""

    account: str
    folder: str
    first_contact: float | None
    waiting: int | None  # mails that lay there at first contact
    last_success: float | None
    error: str | None
    error_since: float | None


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life: of the relay, of a process."""

    name: str
    last_success: float | None
    error: str | None
    error_since: float | None


def last_success(beats: Sequence[Beat], name: str) -> float | None:
    """When that beat last succeeded, in seconds since 1970 UTC; None where it never has."""
    return next((beat.last_success for beat in beats if beat.name == name), None)


@dataclass(frozen=True, slots=True)
class Unsent:
    """Outgoing mails of one state that wait for one thing; `oldest` is when the first of them was written."""

    state: str  # pending, deferred, held
    held_for: str | None
    count: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail of a mailbox: when it arrived there by the server's clock, and when it was taken by ours."""

    received: float
    taken: float


@dataclass(frozen=True, slots=True)
class Reread:
    """A folder looked through after a restore: mails that lay there, and those that the backup did not know."""

    account: str
    folder: str
    seen: int
    found: int


@dataclass(frozen=True, slots=True)
class Restore:
    """The last restore: when the backup was made, when it was restored, when sending was thawed, and what was found."""

    made: float
    restored: float
    thawed: float | None
    first_ticket: int  # id of the first ticket since
    reread: tuple[Reread, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """Counts, and what problems are told from. Times are seconds since 1970 UTC."""

    new: int  # claimed ones too
    done: int
    parked: int
    set_aside: int  # in quarantine, for a person to decide about
    tickets: int
    articles: int
    sent: int
    failed: int  # bounced ones too, and none that a person discarded
    unsent: tuple[Unsent, ...]
    failed_lately: int
    oldest_new: float | None  # when the oldest arrival that is not worked yet was stored
    oldest_due: float | None  # since when the longest waiting arrival could have been taken
    size: int  # bytes of the database
    read_only: bool  # nobody can write to it, or we may not
    mailboxes: tuple[Mailbox, ...]
    beats: tuple[Beat, ...]
    arrivals: tuple[Arrival, ...]  # the newest of the last ones, by mailboxes, newest first
    alarms: tuple[str, ...]  # names of those that somebody was told of, and that are not over
    restore: Restore | None

    @property
    def pending(self) -> int:
        """Outgoing mails to be sent: deferred ones, and those being sent."""
        return sum(letters.count for letters in self.unsent if letters.state != "held")

    @property
    def held(self) -> int:
        """Outgoing mails that wait for something other than the relay's answer."""
        return sum(letters.count for letters in self.unsent if letters.state == "held")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One read transaction; rows are asked for in SQL that both databases understand."""

    rows: Callable[[str], Sequence[Any]]
    sized: str  # how this one is asked for the bytes that it takes
    read_only: Callable[[], bool]

    def size(self) -> int:
        """Bytes of the database."""
        return int(self.rows(self.sized)[0][0])


def read(url: str, now: float, *, counted: bool = True) -> Status:
    """One snapshot of the database at an SQLAlchemy URL; without `counted` the totals are 0, and it is quick however
    much is kept. Raises DatabaseUnavailable and SchemaMismatch.
    """
    with snapshot(url) as found:
        if found.rows("SELECT version_num FROM alembic_version") != [(SCHEMA,)]:
            _check(url)
        return look(found, now, counted=counted)


@contextlib.contextmanager
def snapshot(url: str, patience: int | None = None) -> Iterator[Snapshot]:
    """A snapshot for as long as the block lasts; `patience`: seconds that PostgreSQL may take for each answer.

    Raises DatabaseUnavailable and SchemaMismatch.
    """
    try:
        with _lite(url) if url.startswith("sqlite:///") else _server(url, patience) as found:
            yield found
    except _driver_errors() as error:
        from storage.database import DatabaseUnavailable

        if url.startswith("sqlite:///") or getattr(error, "sqlstate", None) is not None:
            _check(url)
        raise DatabaseUnavailable(str(error)) from error


def _check(url: str) -> None:
    """The slow way round for a better sentence: what is wrong, and what to do. Raises as `snapshot` does."""
    from storage import schema
    from storage.database import Database, DatabaseUnavailable

    db = Database(url)
    try:
        if db.is_missing:
            raise DatabaseUnavailable(f"there is no file {db.file}")
        schema.check(db)
    finally:
        db.close()


def look(found: Snapshot, now: float, *, counted: bool) -> Status:
    """What is asked whenever anybody looks is answered by indexes of few rows; totals of all that is kept are not."""
    query = found.rows
    ((new, parked),) = query(
        "SELECT (SELECT count(*) FROM journal WHERE state = 'new'),"
        " (SELECT count(*) FROM journal WHERE state = 'parked')"
    )
    ((set_aside,),) = query(
        "SELECT count(*) FROM journal WHERE outcome = 'quarantine' "
        f"AND coalesce(substr(note, 1, {len(REJECTED)}), '') <> '{REJECTED}'"
    )
    unsent = query(
        "SELECT state, held_for, count(*), min(created) FROM outbox "
        f"WHERE {UNSENT} GROUP BY state, held_for ORDER BY state DESC, held_for"
    )
    by_itself = f"coalesce(error, '') <> '{DISCARDED}'"
    ((unsuccessful, failed, lately),) = query(
        f"SELECT (SELECT count(*) FROM outbox WHERE {FAILED}),"
        f" (SELECT count(*) FROM outbox WHERE {FAILED} AND {by_itself}),"
        f" (SELECT count(*) FROM outbox WHERE {FAILED} AND {by_itself} AND updated > {now - FAILED_SECONDS!r})"
    )
    # Rows come in the order of their ids; the sign keeps SQLite from looking for the first new one among all rows.
    oldest = query("SELECT journaled_at FROM journal WHERE id = (SELECT min(+id) FROM journal WHERE state = 'new')")
    ((oldest_due,),) = query("SELECT min(coalesce(verify_due, due)) FROM journal WHERE state = 'new'")
    tickets = articles = journal = outbox = 0
    if counted:
        ((tickets, articles, journal, outbox),) = query(
            "SELECT (SELECT count(*) FROM ticket), (SELECT count(*) FROM article),"
            " (SELECT count(*) FROM journal), (SELECT count(*) FROM outbox)"
        )
    letters = tuple(Unsent(*row) for row in unsent)
    return Status(
        new=new,
        done=max(0, journal - new - parked),
        parked=parked,
        set_aside=set_aside,
        tickets=tickets,
        articles=articles,
        sent=max(0, outbox - unsuccessful - sum(row.count for row in letters)),
        failed=failed,
        unsent=letters,
        failed_lately=lately,
        oldest_new=oldest[0][0] if oldest else None,
        oldest_due=oldest_due,
        size=found.size(),
        read_only=found.read_only(),
        mailboxes=tuple(
            Mailbox(*row)
            for row in query(
                "SELECT account, folder, first_contact, waiting, last_success, error, error_since "
                "FROM mailbox ORDER BY account, folder"
            )
        ),
        beats=tuple(
            Beat(*row) for row in query("SELECT name, last_success, error, error_since FROM beat ORDER BY name")
        ),
        arrivals=tuple(
            Arrival(received, taken)
            for door, received, taken in query(
                "SELECT door, COALESCE(told_at, received_at), journaled_at FROM journal "
                f"ORDER BY id DESC LIMIT {LAST_ARRIVALS}"
            )
            if door.startswith("imap:")
        ),
        alarms=tuple(
            name for (name,) in query("SELECT name FROM alarm WHERE told IS NOT NULL AND over IS NULL ORDER BY name")
        ),
        restore=_restore(query),
    )


def _restore(query: Callable[[str], Sequence[Any]]) -> Restore | None:
    last = query("SELECT id, made, restored, thawed, first_ticket FROM restore ORDER BY id DESC LIMIT 1")
    if not last:
        return None
    ((restore_id, made, restored, thawed, first_ticket),) = last
    rows = query(
        f"SELECT account, folder, seen, found FROM reread WHERE restore_id = {restore_id} ORDER BY account, folder"
    )
    return Restore(made, restored, thawed, first_ticket, tuple(Reread(*row) for row in rows))


@contextlib.contextmanager
def _lite(url: str) -> Iterator[Snapshot]:
    import sqlite3
    from urllib.parse import quote

    file = f"file:{quote(url.removeprefix('sqlite:///'))}?mode=rw"  # never makes an empty one
    with contextlib.closing(sqlite3.connect(file, uri=True, isolation_level=None)) as lite:
        lite.execute("PRAGMA query_only = ON")
        lite.execute("BEGIN")
        size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        place = os.statvfs(url.removeprefix("sqlite:///"))
        yield Snapshot(lambda text: lite.execute(text).fetchall(), size, lambda: bool(place.f_flag & os.ST_RDONLY))
        lite.execute("ROLLBACK")


@contextlib.contextmanager
def _server(url: str, patience: int | None) -> Iterator[Snapshot]:
    import psycopg

    place = url.replace("postgresql+psycopg://", "postgresql://", 1)
    limits = None if patience is None else f"-c statement_timeout={patience * 1000}"
    with psycopg.connect(place, connect_timeout=patience or CONNECT_SECONDS, options=limits) as server:
        server.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        server.read_only = True

        def rows(text: str) -> Sequence[Any]:
            return server.execute(text.encode()).fetchall()

        yield Snapshot(rows, _SERVER_SIZE, lambda: bool(rows(_SERVER_READ_ONLY)[0][0]))
        server.rollback()


_SERVER_SIZE = "SELECT pg_database_size(current_database())"
_SERVER_READ_ONLY = "SELECT pg_is_in_recovery() OR NOT has_table_privilege('journal', 'INSERT')"


def _driver_errors() -> tuple[type[Exception], ...]:
    """Those of the driver that was used."""
    return tuple(sys.modules[name].Error for name in ("sqlite3", "psycopg") if name in sys.modules)
