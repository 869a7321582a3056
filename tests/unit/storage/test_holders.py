"""Leases of the dead end at once, and never those of the living, on both databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from storage import holders, journal, working
from storage.database import Database
from storage.journal import Arrival
from storage.tables import journal as table

NOW = 1_772_000_000.0
OWNER = "clone:/etc/mailgate.toml:work:0123456789abcdef"
HOLD = """
import sys
from storage.database import Database
from storage.holders import holding
with holding(Database(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def living(db: Database, owner: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds leases under that name; killed at the end."""
    url = db.engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, url, owner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def claimed(db: Database, owner: str = OWNER) -> None:
    mail = journal.entry(Arrival("smtp", "", "a@acme.example", ("help@desk.example",), owner.encode(), True))
    with db.write() as session:
        journal.append(session, [mail], NOW)
        assert working.claim(session, owner, NOW)


def owners(db: Database) -> list[str | None]:
    with db.read() as session:
        return list(session.execute(sa.select(table.c.owner).order_by(table.c.id)).scalars())


def test_leases_of_a_killed_process_end_at_once(database: Database) -> None:
    claimed(database)
    with living(database, OWNER) as process:
        process.kill()
        process.wait(10)
        while not holders.end_dead(database, NOW):  # PostgreSQL sees the end of a session when it looks next
            pass
    assert owners(database) == [None]


def test_leases_of_a_living_process_stay(database: Database) -> None:
    claimed(database)
    claimed(database, "clone:/etc/mailgate.toml:work:killed long ago")
    with living(database, OWNER):
        assert holders.end_dead(database, NOW) == 1
        assert owners(database) == [OWNER, None]


def test_an_owner_who_is_done_is_dead(database: Database) -> None:
    claimed(database)
    with living(database, OWNER) as process:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.close()
        process.wait(10)
        assert holders.end_dead(database, NOW) == 1


def test_two_starts_are_two_owners() -> None:
    assert holders.new_owner("file:work") != holders.new_owner("file:work")
