"""A consistent copy of the database in one file, while the daemon runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from storage.database import Database

PAGES = 2_000  # a step of the copy: 8 MB, so that progress is seen and an interrupt is heard


class BackupFailed(Exception):
    """Why there is no copy, in a sentence."""


def copy(db: Database, target: Path, progress: Callable[[int, int], None]) -> None:
    """Write the database to `target`: an SQLite file, or what pg_dump writes in its custom format.

    `progress` hears pages copied and pages in all, SQLite only. Raises BackupFailed.
    """
    if db.file is not None:
        _copy_sqlite(db.file, target, progress)
    else:
        _dump_postgresql(db.url, target)


def _copy_sqlite(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """By SQLite's backup API, from one snapshot: a read transaction held open keeps writers from restarting it."""
    try:
        with (
            contextlib.closing(sqlite3.connect(source, isolation_level=None)) as there,
            contextlib.closing(sqlite3.connect(target)) as here,
        ):
            there.execute("BEGIN")
            there.execute("SELECT count(*) FROM sqlite_master").fetchone()
            there.backup(here, pages=PAGES, progress=lambda _, rest, total: progress(total - rest, total))
            there.execute("ROLLBACK")
            here.execute("PRAGMA journal_mode=DELETE")  # one file, without a -wal beside it
    except sqlite3.Error as error:
        raise BackupFailed(f"the database cannot be copied: {error}") from error


def _dump_postgresql(url: str, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise BackupFailed("pg_dump is not there; Debian has it in the package postgresql-client")
    parsed = sa.make_url(url)
    environment = {"PGPASSWORD": str(parsed.password)} if parsed.password else {}
    address = sa.URL.create(
        "postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database, parsed.query
    ).render_as_string()
    done = subprocess.run(  # noqa: S603 - our own arguments; the password is not among them
        [program, "--format=custom", f"--file={target}", "--no-password", f"--dbname={address}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"pg_dump did not end well: {' '.join(done.stderr.split()) or done.returncode}")
