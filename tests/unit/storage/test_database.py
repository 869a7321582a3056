"""The file of an SQLite database: looking never makes one, and nothing is committed into one that was taken away."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import schema, status
from storage.database import Database, DatabaseUnavailable, SchemaMismatch
from storage.tables import counter


def count_up(db: Database) -> None:
    with db.write() as connection:
        connection.execute(counter.update().values(value=counter.c.value + 1))


def value(db: Database) -> int:
    with db.read() as connection:
        return int(connection.execute(sa.select(sa.func.max(counter.c.value))).scalar_one())


def test_reader_of_a_missing_file_makes_none(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'mailgate.db'}")
    with pytest.raises(DatabaseUnavailable), db.read():
        pass
    with pytest.raises(SchemaMismatch):
        schema.check(db)
    with pytest.raises(DatabaseUnavailable, match="there is no file"):
        status.read(db.url, 0.0)
    assert schema.version(db) is None
    assert list(tmp_path.iterdir()) == []


def test_new_database_is_its_owners_alone_and_its_name_may_hold_anything(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'a b#c.db'}")
    schema.create(db)
    schema.check(db)
    db.close()
    assert [(file.name, file.stat().st_mode & 0o777) for file in tmp_path.iterdir()] == [("a b#c.db", 0o600)]


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_committed_into_a_file_that_was_taken_away(sqlite: Database, tmp_path: Path, replaced: bool) -> None:
    count_up(sqlite)
    assert sqlite.file is not None
    away = sqlite.file.rename(tmp_path / "away.db")
    if replaced:
        schema.create(Database(sqlite.url))
    with pytest.raises(DatabaseUnavailable, match="was deleted or replaced while it was open"):
        count_up(sqlite)
    if replaced:
        return
    assert not sqlite.file.exists()
    away.rename(sqlite.file)
    assert value(sqlite) == 1, "what was refused was rolled back"
    count_up(sqlite)
    assert value(sqlite) == 2
