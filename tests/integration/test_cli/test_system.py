"""`mailgate rules`, `db`, and `mailgate` alone."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailgate.locking import A_LOOK, lock
from mailgate.settings import load
from storage import schema, tables


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
    assert "tables of something else: journal" in empty.refused("status")


def test_file_that_is_no_database_is_said_in_a_line(empty: Any) -> None:
    (empty.folder / "mailgate.db").write_bytes(b"no database at all" * 1000)
    for command in (["status"], ["ticket", "list"], ["db", "check"], ["explain", "-"]):
        assert "is no SQLite database, or is damaged" in empty.refused(*command, stdin="Subject: x\n\n")


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


# --- schemas ----------------------------------------------------------------------------------------------------


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The program one version on: its schema 0002 has a table more."""
    migrations = tmp_path / "migrations"
    shutil.copytree(Path(schema.__file__).parent / "migrations", migrations)
    (migrations / "versions" / "0002_more.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        'revision = "0002"\ndown_revision = "0001"\n\n\n'
        'def upgrade():\n    op.create_table("more", sa.Column("id", sa.Integer, primary_key=True))\n'
    )
    with monkeypatch.context() as patch:
        patch.setattr(schema, "VERSION", "0002")
        patch.setattr(schema, "MIGRATIONS", str(migrations))
        yield patch


def test_upgrade_backs_up_first_says_where_and_the_backup_goes_back(desk: Any, newer: pytest.MonkeyPatch) -> None:
    assert "run `mailgate db upgrade`" in desk.refused("serve")
    said = desk.text("db", "upgrade")
    (backup,) = desk.folder.glob("mailgate-before-upgrade-from-0001-*.tar")
    assert f"The backup of schema 0001 is {backup}" in said
    assert "Upgraded schema 0001 to 0002." in said
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sa.inspect(desk.db.engine).has_table("more")
    newer.undo()
    assert "newer than this program's 0001" in desk.refused("serve")
    assert "mailgate restore FILE --replace" in desk.refused("db", "upgrade")
    desk.db.close()  # a restore goes on when nobody is connected
    desk.text("restore", str(backup), "--replace")
    assert desk.one("db", "check") == {"schema": "0001", "problems": []}
    assert desk.one("status")["tickets"] == 3


def test_backup_of_an_older_schema_is_brought_to_this_one(desk: Any, tmp_path: Path, request: Any) -> None:
    desk.text("backup", str(tmp_path / "old.tar"))
    request.getfixturevalue("newer")
    desk.db.close()
    desk.text("restore", str(tmp_path / "old.tar"), "--replace")
    assert desk.one("db", "check")["schema"] == "0002"


def test_backup_of_a_newer_schema_is_refused(desk: Any, tmp_path: Path, newer: pytest.MonkeyPatch) -> None:
    desk.text("db", "upgrade", "--no-backup")
    desk.text("backup", str(tmp_path / "new.tar"))
    newer.undo()
    with desk.db.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert "newer than this program's 0001: update mailgate" in desk.refused("restore", str(tmp_path / "new.tar"))


def test_upgrade_backs_up_where_it_is_told_or_not_at_all(desk: Any, newer: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "before.tar"
    assert desk.one("db", "upgrade", "--backup", str(file))["backup"] == str(file)
    with desk.db.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        connection.exec_driver_sql("DROP TABLE more")
    assert desk.one("db", "upgrade", "--no-backup")["backup"] is None
    assert list(tmp_path.glob("*.tar")) == [file]
    assert desk.one("db", "upgrade")["backup"] is None, "nothing to do, nothing to keep"
    assert desk.run("db", "upgrade", "--no-backup", "--backup", "x").exit_code == 2


def test_upgrade_that_cannot_back_up_changes_nothing(desk: Any, newer: pytest.MonkeyPatch) -> None:
    assert "No such file" in desk.refused("db", "upgrade", "--backup", str(desk.folder / "nowhere" / "x.tar"))
    assert not sa.inspect(desk.db.engine).has_table("more")


def test_upgrade_waits_for_no_daemon(desk: Any, newer: pytest.MonkeyPatch) -> None:
    with lock(load(desk.settings), A_LOOK):
        assert "is running already" in desk.refused("db", "upgrade")
    assert not list(desk.folder.glob("*.tar"))
