"""The schema of an empty database, and whether a database has it."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage.database import Database, SchemaMismatch, now
from storage.tables import counter, metadata, signing_key
from storage.words import SCHEMA

if TYPE_CHECKING:
    from alembic.config import Config

VERSION = SCHEMA  # the newest migration
COUNTERS = ("ticket", "article")
MIGRATIONS = "storage:migrations"
VERSION_TABLE = "alembic_version"
RESTORING = "restoring"  # a table that stands alone while the first restore into an empty database goes on
UNFINISHED = "a restore into the database was begun and not finished: run `mailgate restore FILE` again"
_LITE = b"SQLite format 3\0"  # its file format, section 1.3.1
_NAMED = 5  # tables that are named in an error
_version = sa.Table(VERSION_TABLE, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


def version(db: Database) -> str | None:
    """The schema that the database says it has; None for an empty one, or none at all."""
    if db.is_missing:
        return None
    _look_at_file(db)
    with db.read() as connection:
        tables = sa.inspect(connection).get_table_names()
        if VERSION_TABLE in tables and "journal" in tables:
            return revision(connection)
        if RESTORING in tables:
            raise SchemaMismatch(UNFINISHED)
        if others := sorted(set(tables) - _of_extensions(connection)):
            named = ", ".join(others[:_NAMED]) + (" ..." if len(others) > _NAMED else "")
            raise SchemaMismatch(f"the database holds tables of something else: {named}; name an empty one")
        return None


def _look_at_file(db: Database) -> None:
    """Raises SchemaMismatch where the name of the database is that of something else."""
    if db.file is None:
        return
    if db.file.is_dir():
        raise SchemaMismatch(f"{db.file} is a folder: name a file in it")
    with contextlib.suppress(PermissionError), db.file.open("rb") as file:  # the driver says that better
        if file.read(len(_LITE)) not in (b"", _LITE):
            raise SchemaMismatch(
                f"{db.file} is no SQLite database, or is damaged: "
                "`mailgate restore FILE --replace` brings a backup back"
            )


def _of_extensions(connection: sa.Connection) -> set[str]:
    """Tables that PostgreSQL's extensions brought along (its manual, pg_depend: deptype e)."""
    if connection.dialect.name == "sqlite":
        return set()
    query = (
        "SELECT c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid "
        "WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e'"
    )
    return set(connection.exec_driver_sql(query).scalars())


def revision(connection: sa.Connection) -> str | None:
    """The schema that a database with tables of ours says it has."""
    return connection.execute(sa.select(_version.c.version_num)).scalar_one_or_none()


def create(db: Database) -> None:
    """All tables, the first signing key and the counters, in one transaction, where the database is empty."""
    db.create_file()
    with db.write() as connection:
        metadata.create_all(connection)
        _version.metadata.create_all(connection)
        if connection.execute(sa.select(_version.c.version_num)).first() is None:
            connection.execute(_version.insert(), {"version_num": VERSION})
            first_rows(connection)
    if db.file is not None:
        db.file.chmod(0o600)  # mails and signing keys


def first_rows(connection: sa.Connection) -> None:
    """What an empty database begins with."""
    connection.execute(counter.insert(), [{"name": name, "value": 0} for name in COUNTERS])
    connection.execute(signing_key.insert(), {"id": "a", "secret": secrets.token_bytes(32), "created": now()})


def check(db: Database) -> None:
    """Nothing where the database has this program's schema. Raises SchemaMismatch with what to do."""
    found = version(db)
    if found is None:
        raise SchemaMismatch(
            "the database is empty: `mailgate serve` or `mailgate db upgrade` fills it for a new desk, "
            "`mailgate restore FILE` brings one back"
        )
    if found > VERSION:
        raise SchemaMismatch(
            f"the database has schema {found}, newer than this program's {VERSION}: update mailgate, "
            "or go back with `mailgate restore FILE --replace` and the backup from before the upgrade"
        )
    if found < VERSION:
        raise SchemaMismatch(
            f"the database has schema {found}, this program wants {VERSION}: run `mailgate db upgrade`"
        )


def lay_out(db: Database, version: str | None) -> None:
    """The tables of that version in an empty database, without a row."""
    db.create_file()
    if version != VERSION:
        _migrate(db, version or "head")
    with db.write() as connection:
        if version == VERSION:
            make(connection)
        for name in sa.inspect(connection).get_table_names():
            if name != VERSION_TABLE:
                connection.exec_driver_sql(f'DELETE FROM "{name}"')


def make(connection: sa.Connection) -> None:
    """This version's tables where there are none, and the version."""
    metadata.create_all(connection)
    _version.metadata.create_all(connection)
    connection.execute(_version.delete())
    connection.execute(_version.insert(), {"version_num": VERSION})


def upgrade(db: Database) -> str:
    """Bring the database to this program's schema; a sentence that says what was done."""
    found = version(db)
    if found is None:
        create(db)
        return f"created schema {VERSION}"
    if found == VERSION:
        return f"schema {VERSION} is up to date"
    if found > VERSION:
        check(db)
    _migrate(db, "head")
    return f"upgraded schema {found} to {VERSION}"


def _migrate(db: Database, target: str) -> None:
    from alembic import command

    config = _config()
    with db.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, target)


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    return config


def integrity(db: Database) -> list[str]:
    """What is broken in the database, a sentence each; nothing where all is well."""
    problems = []
    with db.read() as connection:
        if db.is_sqlite:
            said = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check")]
            problems += [f"SQLite: {line}" for line in said if line != "ok"]
        for what, query in _QUERIES.items():
            count = connection.exec_driver_sql(query).scalar_one()
            if count:
                problems.append(f"{count} {what}")
    return problems


_QUERIES = {
    "arrivals without their raw mail": "SELECT count(*) FROM journal j "
    "WHERE NOT EXISTS (SELECT 1 FROM journal_raw r WHERE r.journal_id = j.id)",
    "worked arrivals without an outcome": "SELECT count(*) FROM journal WHERE state = 'done' AND outcome IS NULL",
    "arrivals whose article is not there": "SELECT count(*) FROM journal j WHERE j.outcome = 'article' "
    "AND NOT EXISTS (SELECT 1 FROM article a WHERE a.id = j.outcome_article)",
    "tickets without an article": "SELECT count(*) FROM ticket t "
    "WHERE t.merged_into IS NULL AND NOT EXISTS (SELECT 1 FROM article a WHERE a.ticket_id = t.id)",
    "articles without their ticket": "SELECT count(*) FROM article a "
    "WHERE NOT EXISTS (SELECT 1 FROM ticket t WHERE t.id = a.ticket_id)",
    "letters without their body": "SELECT count(*) FROM outbox o "
    "WHERE NOT EXISTS (SELECT 1 FROM letter_body b WHERE b.sha256 = o.body_sha256)",
}
