"""How things stand, in one snapshot, read by the driver alone: importing SQLAlchemy takes longer than all of this."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REJECTED = "rejected"  # how the note of a mail begins that a person let stay in quarantine for good
FAILED_SECONDS = 86400.0  # a delivery that failed longer ago has been seen, or never will be


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


@dataclass(frozen=True, slots=True)
class Status:
    """Counts, and what problems are told from."""

    new: int  # claimed ones too
    done: int
    parked: int
    set_aside: int  # in quarantine, for a person to decide about
    tickets: int
    articles: int
    pending: int  # deferred ones, and those being sent
    sent: int
    failed: int  # bounced ones too
    held: int
    held_for: tuple[tuple[str, int], ...]
    failed_lately: int
    oldest_due: float | None  # since when the longest waiting arrival could have been taken
    mailboxes: tuple[Mailbox, ...]
    beats: tuple[Beat, ...]


def read(url: str, now: float, *, counted: bool = True) -> Status:
    """One snapshot of the database at an SQLAlchemy URL; without `counted` what takes counting is 0.

    Raises DatabaseUnavailable and SchemaMismatch.
    """
    try:
        with _session(url) as query:
            return _read(query, now, counted=counted)
    except _driver_errors() as error:
        # The slow way round for a better sentence: what is wrong with the database, and what to do.
        from storage import schema
        from storage.database import Database, DatabaseUnavailable

        db = Database(url)
        try:
            schema.check(db)
        finally:
            db.close()
        raise DatabaseUnavailable(str(error)) from error


def _read(query: Callable[[str], Sequence[Any]], now: float, *, counted: bool) -> Status:
    journal: dict[str, int] = {}
    outbox: dict[str, int] = {}
    tickets = articles = failed_lately = set_aside = 0
    held_for: Sequence[Any] = ()
    if counted:
        journal = dict(query("SELECT state, count(*) FROM journal GROUP BY state"))
        outbox = dict(query("SELECT state, count(*) FROM outbox GROUP BY state"))
        ((tickets, articles),) = query("SELECT (SELECT count(*) FROM ticket), (SELECT count(*) FROM article)")
        held = "SELECT held_for, count(*) FROM outbox WHERE state = 'held' GROUP BY held_for ORDER BY held_for"
        held_for = query(held)
        ((failed_lately,),) = query(
            f"SELECT count(*) FROM outbox WHERE state IN ('failed', 'bounced') AND updated > {now - FAILED_SECONDS!r}"
        )
        ((set_aside,),) = query(
            "SELECT count(*) FROM journal WHERE outcome = 'quarantine' AND state = 'done' "
            f"AND coalesce(substr(note, 1, {len(REJECTED)}), '') <> '{REJECTED}'"
        )
    ((oldest_due,),) = query("SELECT min(coalesce(verify_due, due)) FROM journal WHERE state = 'new'")
    mailboxes = query(
        "SELECT account, folder, first_contact, waiting, last_success, error, error_since "
        "FROM mailbox ORDER BY account, folder"
    )
    beats = query("SELECT name, last_success, error, error_since FROM beat ORDER BY name")
    return Status(
        new=journal.get("new", 0),
        done=journal.get("done", 0),
        parked=journal.get("parked", 0),
        set_aside=set_aside,
        tickets=tickets,
        articles=articles,
        pending=outbox.get("pending", 0) + outbox.get("deferred", 0),
        sent=outbox.get("sent", 0),
        failed=outbox.get("failed", 0) + outbox.get("bounced", 0),
        held=outbox.get("held", 0),
        held_for=tuple((reason or "", count) for reason, count in held_for),
        failed_lately=failed_lately,
        oldest_due=oldest_due,
        mailboxes=tuple(Mailbox(*row) for row in mailboxes),
        beats=tuple(Beat(*row) for row in beats),
    )


@contextlib.contextmanager
def _session(url: str) -> Iterator[Callable[[str], Sequence[Any]]]:
    """One read transaction, as a function from SQL to rows."""
    if url.startswith("sqlite:///"):
        import sqlite3
        from urllib.parse import quote

        file = f"file:{quote(url.removeprefix('sqlite:///'))}?mode=rw"  # never makes an empty one
        with contextlib.closing(sqlite3.connect(file, uri=True, isolation_level=None)) as lite:
            lite.execute("PRAGMA query_only = ON")
            lite.execute("BEGIN")
            yield lambda text: lite.execute(text).fetchall()
            lite.execute("ROLLBACK")
        return
    import psycopg

    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1), connect_timeout=10) as server:
        server.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        server.read_only = True
        yield lambda text: server.execute(text.encode()).fetchall()
        server.rollback()


def _driver_errors() -> tuple[type[Exception], ...]:
    """Those of the driver that was used."""
    return tuple(sys.modules[name].Error for name in ("sqlite3", "psycopg") if name in sys.modules)
