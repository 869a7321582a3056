"""A watcher in a thread over a Dovecot mailbox, and what it put into the journal."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import sqlalchemy as sa

from mailgate.intake.imap import Watcher
from mailgate.settings import Desk, Imap, Settings, Smtp
from servers.dovecot import Dovecot
from servers.process import until
from storage.database import Database
from storage.tables import journal, journal_raw, mailbox


def mail(number: int, *, size: int = 0, extra: str = "") -> bytes:
    """A mail of its own Message-ID, at least `size` bytes long."""
    text = (
        f"Return-Path: <anna@acme.example>\r\n{extra}From: Anna <anna@acme.example>\r\nTo: help@desk.example\r\n"
        f"Subject: Printer {number}\r\nMessage-ID: <m{number}@acme.example>\r\n"
        "Date: Fri, 02 Jan 2026 10:00:00 +0000\r\n\r\nIt is on fire.\r\n"
    ).encode()
    return text + b"x" * 70 * max(0, (size - len(text)) // 70) + b"\r\n"


def account(server: Dovecot, user: str, **more: object) -> Imap:
    given = {
        "name": "office",
        "host": server.host,
        "user": user,
        "port": server.port,
        "tls": "none",
        "password_file": str(server.password_file),
        "start": "all",
        **more,
    }
    return msgspec.convert(given, Imap)


def settings(max_size: str = "25MB") -> Settings:
    return Settings(desk=Desk("Desk", "help@desk.example", "Europe/Berlin"), smtp=Smtp(max_size=max_size))


@dataclass(frozen=True, slots=True)
class Watch:
    """A watcher at work: the mailbox's last look with success before it, and what tells it to stop."""

    db: Database
    before: object
    stopping: threading.Event

    def looked(self) -> None:
        """Once this watcher has looked at the mailbox, however early that was."""
        until(lambda: _looked(self.db) not in (None, self.before), "a look of this watcher")


@contextlib.contextmanager
def watching(db: Database, box: Imap, *, given: Settings | None = None, shadow: bool = False) -> Iterator[Watch]:
    stopping = threading.Event()
    watch = Watch(db, _looked(db), stopping)
    watcher = threading.Thread(target=Watcher(box, given or settings(), db, stopping, shadow).run)
    watcher.start()
    try:
        yield watch
    finally:
        stopping.set()
        watcher.join(20)
        assert not watcher.is_alive()


@dataclass(frozen=True, slots=True)
class Row:
    """A journal row as a test sees it."""

    uid_key: str
    state: str
    received_at: float
    mail_from: str
    rcpt_to: list[str]
    note: str | None
    raw: bytes


def rows(db: Database) -> list[Row]:
    with db.read() as connection:
        found = connection.execute(
            sa.select(journal, journal_raw.c.raw)
            .join(journal_raw, journal_raw.c.journal_id == journal.c.id)
            .order_by(journal.c.id)
        )
        return [Row(r.arrival_key, r.state, r.received_at, r.mail_from, r.rcpt_to, r.note, r.raw) for r in found]


def state(db: Database) -> sa.Row[tuple[object, ...]] | None:
    with db.read() as connection:
        return connection.execute(sa.select(mailbox)).one_or_none()


def _count(db: Database) -> int:
    with db.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(journal)).scalar_one())


def taken(db: Database, count: int) -> list[Row]:
    """The journal once it holds so many; never more."""
    until(lambda: _count(db) >= count, f"{count} mails in the journal")
    found = rows(db)
    assert len(found) == count
    return found


def idle(db: Database) -> float:
    """Once the mailbox was looked at with success (again): the moment of it."""
    return float(until(lambda: (row := state(db)) is not None and row.error is None and row.last_success, "a look"))


def looked_again(db: Database) -> None:
    """Once a watcher that polls has looked at the mailbox after this call began."""
    before = _looked(db)
    until(lambda: _looked(db) != before, "another look")


def _looked(db: Database) -> object:
    return (row := state(db)) and row.last_success


def empty(server: Dovecot, user: str, name: str = "INBOX") -> None:
    until(lambda: not server.mails(user, name), f"an empty {name}")


def seed(server: Dovecot, user: str, count: int, *, start: int = 0) -> list[Path]:
    return [server.deliver(user, mail(number)) for number in range(start, start + count)]
