"""A consistent copy of a database as an SQLite file, while the daemon runs: of SQLite page by page, of PostgreSQL row
by row from one snapshot. One form for both, so that a desk can move from one to the other by backup and restore.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import schema
from storage.archive import BackupFailed, Progress
from storage.database import Database

PAGES = 2_000  # a step of the copy: 8 MB, so that progress is seen and an interrupt is heard
CHUNK_ROWS = 1_000
CHUNK_BYTES = 8_000_000  # rows in memory at once, if it is not one alone


def copy(db: Database, target: Path, progress: Progress) -> None:
    """Write the database to the new file `target`, as of one moment. `progress` hears pages, or rows, done and in all.

    Raises BackupFailed, and storage's errors.
    """
    if db.file is not None:
        copy_sqlite(db.file, target, progress)
    else:
        _copy_postgresql(db, target, progress)


def copy_sqlite(source: Path, target: Path, progress: Progress) -> None:
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


def _copy_postgresql(db: Database, target: Path, progress: Progress) -> None:
    here = Database(f"sqlite:///{target}")
    try:
        with db.read() as there:
            schema.lay_out(here, schema.revision(there))
            names = [name for name in sa.inspect(here.engine).get_table_names() if name != schema.VERSION_TABLE]
            counts = (there.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one() for name in names)
            total, done = sum(counts), 0
            with here.write() as copied:
                for name in names:
                    columns = [column["name"] for column in sa.inspect(copied).get_columns(name)]
                    listed, marks = ", ".join(f'"{c}"' for c in columns), ", ".join("?" * len(columns))
                    for rows in chunks(_rows(there, name, columns)):
                        copied.exec_driver_sql(f'INSERT INTO "{name}" ({listed}) VALUES ({marks})', rows)
                        done += len(rows)
                        progress(done, total)
    finally:
        here.close()
    with contextlib.closing(sqlite3.connect(target)) as whole:
        whole.execute("PRAGMA journal_mode=DELETE")


_BINARY = (  # how PostgreSQL's types are read; JSON as its text, which is what SQLite keeps
    (sa.Boolean, "bool"),
    (sa.BigInteger, "int8"),
    (sa.Integer, "int4"),
    (sa.Float, "float8"),
    (sa.LargeBinary, "bytea"),
)


def _rows(there: Connection, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of a table by COPY, which streams: none waits for an answer, whatever its size."""
    kinds = {column["name"]: column["type"] for column in sa.inspect(there).get_columns(table)}
    types = [next((name for kind, name in _BINARY if isinstance(kinds[c], kind)), "text") for c in columns]
    wanted = ", ".join(f'"{c}"::text' if t == "text" else f'"{c}"' for c, t in zip(columns, types, strict=True))
    cursor = there.connection.driver_connection.cursor()  # type: ignore[union-attr]
    with cursor.copy(f'COPY (SELECT {wanted} FROM "{table}") TO STDOUT (FORMAT BINARY)') as stream:
        stream.set_types(types)
        yield from stream.rows()


def chunks(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows in lists that memory holds."""
    chunk: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += sum(len(value) for value in row if isinstance(value, bytes | str))
        if len(chunk) == CHUNK_ROWS or size > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
