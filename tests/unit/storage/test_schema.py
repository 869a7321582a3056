"""The schema: one that migrations make is the one that an empty database gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage import keys, schema
from storage.database import Database, SchemaMismatch
from storage.tables import counter, metadata


def config() -> Config:
    result = Config()
    result.set_main_option("script_location", "storage:migrations")
    return result


def test_program_and_migrations_name_the_same_schema() -> None:
    assert ScriptDirectory.from_config(config()).get_current_head() == schema.VERSION


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # SQLite cannot compare them: the next test does
def test_migrations_from_nothing_make_the_same_tables_as_a_new_database(database_url: str) -> None:
    db = Database(database_url)
    settings = config()
    db.create_file()
    with db.write() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
    with db.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert sorted(connection.execute(sa.select(counter.c.name)).scalars()) == sorted(schema.COUNTERS)
    schema.check(db)
    db.close()


def test_migrations_from_nothing_make_the_same_indexes_as_a_new_sqlite_database(tmp_path: Path) -> None:
    found = []
    for name in ("migrated", "new"):
        db = Database(f"sqlite:///{tmp_path / name}")
        db.create_file()
        with db.write() as connection:
            if name == "new":
                metadata.create_all(connection)
            else:
                settings = config()
                settings.attributes["connection"] = connection
                command.upgrade(settings, "head")
        query = "SELECT name, replace(sql, '\n', '') FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        with db.read() as connection:
            found.append(set(map(tuple, connection.exec_driver_sql(query))))
        db.close()
    assert found[0] == found[1]
    assert any("lower(sender)" in sql for _, sql in found[0])


def test_new_database_passes_its_own_check_and_can_sign(database: Database) -> None:
    schema.check(database)
    assert schema.integrity(database) == []
    with database.read() as connection:
        loaded = keys.load(connection)
    assert len(loaded.secrets[loaded.current]) == 32


def test_creating_twice_changes_nothing(database: Database) -> None:
    with database.read() as connection:
        before = keys.load(connection)
    schema.create(database)
    with database.read() as connection:
        assert keys.load(connection) == before


def test_rotated_key_signs_and_the_old_one_is_still_known(database: Database) -> None:
    with database.write() as connection:
        before = keys.load(connection)
        name = keys.rotate(connection, 1.0)
    with database.read() as connection:
        after = keys.load(connection)
    assert after.current == name != before.current
    assert after.secrets[before.current] == before.secrets[before.current]


def test_empty_database_and_a_newer_schema_are_refused_with_what_to_do(database_url: str) -> None:
    db = Database(database_url)
    with pytest.raises(SchemaMismatch, match="db upgrade"):
        schema.check(db)
    schema.create(db)
    with db.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="update mailgate"):
        schema.check(db)
    db.close()


def test_tables_of_another_program_are_left_alone(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'other.db'}")
    db.create_file()
    with db.write() as connection:
        connection.exec_driver_sql("CREATE TABLE journal (id INTEGER)")
    with pytest.raises(SchemaMismatch, match="tables of something else: journal; name an empty one"):
        schema.check(db)
    db.close()


def test_version_table_of_another_program_makes_it_no_desk(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'other.db'}")
    db.create_file()
    with db.write() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {schema.VERSION_TABLE} (version_num TEXT)")
    with pytest.raises(SchemaMismatch, match="something else"):
        schema.upgrade(db)
    db.close()


def test_tables_of_others_beside_ours_change_nothing(database_url: str) -> None:
    db = Database(database_url)
    schema.create(db)
    with db.write() as connection:
        connection.exec_driver_sql("CREATE TABLE shop (id INTEGER)")
    schema.check(db)
    assert schema.upgrade(db).endswith("is up to date")
    db.close()


def test_file_that_is_no_database_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    file.write_text("a letter to somebody")
    with pytest.raises(SchemaMismatch, match="no SQLite database"):
        schema.upgrade(Database(f"sqlite:///{file}"))
    assert file.read_text() == "a letter to somebody"


def test_tables_of_an_extension_are_nobodys(postgres: Any) -> None:
    url = postgres.new()
    db = Database(url)
    try:
        with db.write() as connection:
            connection.exec_driver_sql("CREATE TABLE places (id int)")
            connection.exec_driver_sql("ALTER EXTENSION plpgsql ADD TABLE places")
        assert schema.version(db) is None
        with db.write() as connection:
            connection.exec_driver_sql("CREATE TABLE shop (id int)")
        with pytest.raises(SchemaMismatch, match="something else: shop;"):
            schema.version(db)
    finally:
        db.close()
        postgres.drop(url)
