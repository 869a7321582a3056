"""`mailgate status`, `rules`, `db`, `backup`, and `mailgate` alone."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from storage import schema, tables
from storage.backup import BackupFailed, copy
from storage.database import Database


def test_status_without_a_database_is_not_done_and_makes_none(empty: Any) -> None:
    assert "`mailgate serve` makes it" in empty.refused("status")
    assert "`mailgate serve` makes it" in empty.refused("ticket", "list")
    assert not (empty.folder / "mailgate.db").exists()


def test_another_schema_is_refused_with_the_command_to_type(desk: Any) -> None:
    with desk.db.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    for command in (["ticket", "list"], ["explain", "-"], ["backup", "x.tar"]):
        assert "mailgate db upgrade" in desk.refused(*command)


def test_status_of_a_foreign_database_says_so(empty: Any) -> None:
    with contextlib.closing(sqlite3.connect(empty.folder / "mailgate.db")) as other:
        other.execute("CREATE TABLE journal (x)")
    assert "tables of another program" in empty.refused("status")


def test_file_that_is_no_database_is_said_in_a_line(empty: Any) -> None:
    (empty.folder / "mailgate.db").write_bytes(b"no database at all" * 1000)
    for command in (["status"], ["ticket", "list"], ["db", "check"], ["explain", "-"]):
        assert "file is not a database" in empty.refused(*command, stdin="Subject: x\n\n")


def test_bug_keeps_its_traceback(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise sa.exc.ProgrammingError("SELECT", {}, sqlite3.ProgrammingError("no such column"))

    monkeypatch.setattr("storage.listings.tickets", broken)
    assert isinstance(desk.run("ticket", "list").exception, sa.exc.ProgrammingError)


def test_server_that_is_away_is_said_in_a_line_without_its_password(empty: Any) -> None:
    url = "postgresql+psycopg://u:hunter2@127.0.0.1:1/x"
    empty.settings.write_text(empty.settings.read_text().replace("sqlite:///mailgate.db", url))
    for command in (["status"], ["ticket", "list"], ["ticket", "close", "1001"]):
        said = empty.refused(*command)
        assert "the database cannot be used" in said
        assert "hunter2" not in said
        assert len(said.splitlines()) == 1


def test_mailgate_alone_knows_what_comes_next(empty: Any) -> None:
    assert "mailgate serve" in empty.text()
    schema.create(empty.db)
    shown = empty.text()
    assert "mailgate ticket list" in shown
    assert "mailbox office was never reached" in shown


def test_mailgate_alone_names_settings_that_cannot_be_used(empty: Any) -> None:
    empty.settings.write_text("[desk]\n")
    assert "mailgate check" in empty.text()
    assert "desk.name" in empty.text()


def test_rules_are_listed_in_order_and_in_words(desk: Any) -> None:
    (rule,) = desk.lines("rules", "list")
    assert (rule["position"], rule["name"], rule["stop"]) == (1, "printers", True)
    assert rule["set"]["queue"] == "Hardware"
    shown = desk.text("rules", "list")
    assert "subject matches" in shown
    assert "and stop" in shown


def test_rule_that_cannot_run_is_refused(desk: Any) -> None:
    desk.settings.write_text(desk.settings.read_text().replace("matches =", "resembles ="))
    assert "printers" in desk.refused("rules", "list")


def test_db_check_and_upgrade(desk: Any) -> None:
    found = desk.one("db", "check")
    assert found["schema"] == schema.VERSION
    assert desk.one("db", "upgrade")["schema"] == schema.VERSION
    assert "up to date" in desk.text("db", "upgrade")


def test_db_check_names_what_is_broken(desk: Any) -> None:
    with desk.db.write() as connection:
        connection.execute(tables.journal_raw.delete().where(tables.journal_raw.c.journal_id == 3))
    assert "without their raw mail" in desk.refused("db", "check")


def test_db_upgrade_makes_an_empty_database(empty: Any) -> None:
    assert "reated" in empty.text("db", "upgrade")
    assert empty.one("status")["tickets"] == 0


# --- backup -----------------------------------------------------------------------------------------------------


def test_backup_is_one_file_with_database_and_settings(desk: Any, tmp_path: Path) -> None:
    (desk.folder / "rules.d").mkdir()
    (desk.folder / "rules.d" / "more.toml").write_text('[[rule]]\nname = "more"\n')
    (desk.folder / "imap-password").write_text("hunter2")
    desk.settings.write_text('include = ["rules.d/*.toml"]\n' + desk.settings.read_text())
    target = tmp_path / "copy.tar"
    said = desk.one("backup", str(target))
    assert said == {"file": str(target), "size": target.stat().st_size}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert b"hunter2" not in target.read_bytes()
    with tarfile.open(target) as archive:
        database = "mailgate.db" if desk.db.is_sqlite else "mailgate.pgdump"
        assert set(archive.getnames()) == {"backup.json", "mailgate.toml", "rules.d/more.toml", database}
        manifest = json.load(archive.extractfile("backup.json"))  # type: ignore[arg-type]
        archive.extractall(tmp_path / "out", filter="data")
    assert (manifest["schema"], manifest["database"]) == (schema.VERSION, database)
    assert not list(tmp_path.glob(".mailgate-backup-*"))
    copied = tmp_path / "out" / database
    if not desk.db.is_sqlite:
        assert copied.read_bytes().startswith(b"PGDMP")
        return
    with contextlib.closing(sqlite3.connect(copied)) as again:
        assert again.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert again.execute("SELECT count(*) FROM ticket").fetchone() == (3,)


def test_backup_is_of_one_moment_while_others_write(sqlite: Database, tmp_path: Path) -> None:
    """A writer between two steps of the copy neither shows in it nor makes it begin again."""
    beat = tables.beat
    with sqlite.write() as connection:
        connection.execute(beat.insert(), [{"name": f"{n:05}{'x' * 50}", "error": "y" * 3000} for n in range(6000)])
    steps: list[int] = []

    def report(done: int, total: int) -> None:
        steps.append(done)
        with sqlite.write() as connection:
            connection.execute(beat.insert(), {"name": f"later {len(steps)}"})

    copy(sqlite, tmp_path / "copy.db", report)
    assert len(steps) > 1
    assert steps == sorted(set(steps))  # it never began again
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as there:
        assert there.execute("SELECT count(*) FROM beat").fetchone() == (6000,)


def test_backup_leaves_an_older_one_as_it_is(desk: Any, tmp_path: Path) -> None:
    older = tmp_path / "copy.tar"
    older.write_text("an older one")
    assert "copy.tar is there already and stays as it is" in desk.refused("backup", str(older))
    assert older.read_text() == "an older one"


def test_backup_into_a_folder_that_is_not_there_is_said_in_a_line(desk: Any, tmp_path: Path) -> None:
    assert "No such file" in desk.refused("backup", str(tmp_path / "nowhere" / "copy.tar"))


def test_pg_dump_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    db = Database("postgresql+psycopg://u:secret@127.0.0.1:1/x")
    with pytest.raises(BackupFailed, match="postgresql-client"):
        copy(db, tmp_path / "x", lambda _, __: None)


def test_pg_dump_that_fails_tells_no_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "no: $@" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    db = Database("postgresql+psycopg://u:secret@127.0.0.1:1/x")
    with pytest.raises(BackupFailed) as caught:
        copy(db, tmp_path / "x", lambda _, __: None)
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
