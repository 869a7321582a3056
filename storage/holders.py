"""Who holds leases, and who of them is dead: a lock that lives as long as its process, on both databases.

A lease ends by time, so that nothing stays in the hands of the dead. Here it ends at once, and never one of the living:
every start of a process is an owner of its own, whatever host, path and process are called. On PostgreSQL its lock is a
session's (pg_advisory_lock), on SQLite a byte of the file beside the database (POSIX record locks).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import sending, working
from storage.database import Database, DatabaseUnavailable
from storage.tables import journal, outbox

log = logging.getLogger("mailgate")

LOOK_SECONDS = 5.0  # how soon a lost session is noticed, and the lock taken again
WAIT_SECONDS = 30.0  # for the lock; nobody else can have it, so the database is away
_NUMBER = 0x3FFF_FFFF_FFFF_FFFF  # what PostgreSQL takes for a lock, and a file for the place of a byte


def new_owner(what: str) -> str:
    """A name that nobody has had: clones of a machine have all the rest in common."""
    return f"{socket.gethostname()}:{what}:{secrets.token_hex(8)}"


@contextlib.contextmanager
def holding(db: Database, owner: str) -> Iterator[None]:
    """That owner lives until the block is left or its process is gone. Raises DatabaseUnavailable."""
    if db.is_sqlite:
        with _lock_file(db) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _number(owner))
            yield
        return
    held, over = threading.Event(), threading.Event()
    keeper = threading.Thread(target=_keep, args=(db, owner, held, over), name="holding", daemon=True)
    keeper.start()
    try:
        if not held.wait(WAIT_SECONDS):
            raise DatabaseUnavailable("the database does not answer")
        yield
    finally:
        over.set()
        keeper.join()


def _keep(db: Database, owner: str, held: threading.Event, over: threading.Event) -> None:
    """Keep the lock in a session of its own, and take it again where that was lost."""
    while not over.is_set():
        try:
            with db.session() as session:
                session.execute(sa.select(sa.func.pg_advisory_lock(_number(owner))))
                held.set()
                while not over.wait(LOOK_SECONDS):
                    session.execute(sa.select(1))
        except DatabaseUnavailable as error:
            log.debug("the session that holds leases was lost: %s", error)
            over.wait(LOOK_SECONDS)


def end_dead(db: Database, now: float) -> int:
    """End every lease of an owner who is dead; how many. Not while this process is an owner itself."""
    with db.write() as session:
        owners = set(session.execute(sa.select(journal.c.owner).where(journal.c.state == "new").distinct()).scalars())
        owners |= set(session.execute(sa.select(outbox.c.owner).where(sending.IS_TO_SEND).distinct()).scalars())
        return sum(end(session, owner, now) for owner in sorted(filter(None, owners)) if _is_dead(db, session, owner))


def end(connection: Connection, owner: str, now: float) -> int:
    """End the leases of an owner who is known to be dead; how many there were."""
    return working.release_all(connection, owner, now) + sending.release_all(connection, owner, now)


def _is_dead(db: Database, connection: Connection, owner: str) -> bool:
    if not db.is_sqlite:
        free = connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_number(owner)))).scalar_one()
        return bool(free)
    with _lock_file(db) as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _number(owner))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _lock_file(db: Database) -> Iterator[int]:
    """The file that daemons lock as a whole, too (flock, which does not meet record locks); its locks end with it."""
    file = os.open(f"{db.file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _number(owner: str) -> int:
    return int.from_bytes(hashlib.sha256(owner.encode()).digest()[:8]) & _NUMBER
