"""`mailgate backup`, `restore` and `thaw`: what is in the file, what is refused, and what a restore leaves behind."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailgate.cli import backup as command
from mailgate.cli import restore as restoring
from mailgate.cli.plan import age
from mailgate.locking import A_LOOK, lock
from mailgate.settings import load
from routing import tokens
from storage import beginning, epochs, keys, restore, schema, sending, tables
from storage.archive import read, staging
from storage.backup import copy
from storage.database import Database, SchemaMismatch, now
from storage.tables import metadata


def quiet(_: int, __: int) -> None:
    """Progress that nobody watches."""


def unwrapped(text: str) -> str:
    """What a box says, wherever its lines break."""
    return " ".join(text.replace("│", " ").split())


@pytest.fixture
def backup(desk: Any, tmp_path: Path) -> Path:
    """A backup of the desk."""
    file = tmp_path / "copy.tar"
    desk.text("backup", str(file))
    desk.db.close()  # a restore goes on when nobody is connected
    return file


@pytest.fixture
def other(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Any]:
    """A machine with nothing on it but the place for a database, of the kind of the desk's."""
    folder = tmp_path / "other"
    folder.mkdir()
    url = f"sqlite:///{folder / 'mailgate.db'}"
    if not database_url.startswith("sqlite"):
        server = request.getfixturevalue("postgres")
        url = server.new()
        request.addfinalizer(lambda: server.drop(url))
    desk = request.getfixturevalue("desk")
    settings = folder / "mailgate.toml"
    settings.write_text(desk.settings.read_text().replace(database_url, url))
    db = Database(url)
    yield type(desk)(folder, settings, db)
    db.close()


def rows(db: Database, *but: str) -> dict[str, list[Any]]:
    """Every row of every table."""
    with db.read() as connection:
        found = {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in metadata.sorted_tables
            if table.name not in but
        }
    db.close()
    return found


# --- the file ---------------------------------------------------------------------------------------------------


def test_backup_is_one_file_with_database_settings_and_grants(desk: Any, tmp_path: Path) -> None:
    (desk.folder / "rules.d").mkdir()
    (desk.folder / "rules.d" / "more.toml").write_text('[[rule]]\nname = "more"\n')
    (desk.folder / "imap-password").write_text("hunter2")
    (desk.folder / "grant-office.json").write_text('{"refresh": "kept"}')
    desk.settings.write_text('include = ["rules.d/*.toml"]\n' + desk.settings.read_text())
    target = tmp_path / "copy.tar"
    said = desk.one("backup", str(target))
    assert said == {"file": str(target), "size": target.stat().st_size}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert b"hunter2" not in target.read_bytes()
    with tarfile.open(target) as archive:
        inside = ["backup.json", "settings/mailgate.toml", "settings/rules.d/more.toml", "grants/grant-office.json"]
        assert archive.getnames() == [*inside, "mailgate.db", "SHA256SUMS"]
        manifest = json.load(archive.extractfile("backup.json"))  # type: ignore[arg-type]
        archive.extractall(tmp_path / "out", filter="data")
    assert manifest["schema"] == schema.VERSION
    assert manifest["made"] <= now()
    assert not list(tmp_path.glob(".mailgate-staging-*"))
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "out", check=True)
    with contextlib.closing(sqlite3.connect(tmp_path / "out" / "mailgate.db")) as again:
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


@pytest.mark.real("postgresql-15")
def test_backup_of_postgresql_is_of_one_moment_too(postgres: Any, tmp_path: Path) -> None:
    db = Database(postgres.new())
    schema.create(db)
    history, beat = tables.history, tables.beat
    with db.write() as connection:
        connection.execute(beat.insert(), [{"name": f"{n}"} for n in range(5)])

    def report(done: int, total: int) -> None:
        with db.write() as connection:
            connection.execute(beat.insert(), {"name": f"later {done}"})
            connection.exec_driver_sql("DELETE FROM beat WHERE name = '0'")

    copy(db, tmp_path / "copy.db", report)
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as there:
        assert there.execute("SELECT count(*), min(name) FROM beat").fetchone() == (5, "0")
        assert there.execute(f"SELECT count(*) FROM {history.name}").fetchone() == (0,)
    db.close()


def test_backup_leaves_an_older_one_as_it_is(desk: Any, tmp_path: Path) -> None:
    older = tmp_path / "copy.tar"
    older.write_text("an older one")
    assert "copy.tar is there already and stays as it is" in desk.refused("backup", str(older))
    assert older.read_text() == "an older one"


def test_backup_into_a_folder_that_is_not_there_is_said_in_a_line(desk: Any, tmp_path: Path) -> None:
    assert "No such file" in desk.refused("backup", str(tmp_path / "nowhere" / "copy.tar"))


def test_what_a_killed_backup_left_is_removed_by_the_next_one_alone_if_nobody_works_there(tmp_path: Path) -> None:
    left = tmp_path / ".mailgate-staging-left"
    left.mkdir()
    (left / "mailgate.db").write_text("half")
    with staging(tmp_path) as busy:
        assert not left.exists()
        with staging(tmp_path):
            assert busy.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_every_file_that_is_cut_or_changed_is_refused_before_anything_is_touched(
    desk: Any, backup: Path, other: Any, tmp_path: Path
) -> None:
    whole = backup.read_bytes()
    broken = tmp_path / "broken.tar"
    size = len(whole)
    ends = [
        0,
        100,
        511,
        512,
        700,
        1024,
        size // 3,
        size // 2,
        whole.rindex(b"SHA256SUMS"),
        whole.rindex(b"SHA256SUMS") + 600,
    ]
    for end in ends:
        broken.write_bytes(whole[:end])
        assert "broken.tar" in other.refused("restore", str(broken)), end
    for place in (600, 1600, size // 3, size // 2, whole.rindex(b"backup.json") - 10):
        broken.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert "is damaged" in other.refused("restore", str(broken)), place
    broken.write_bytes(b"From: a mail, no backup\r\n\r\n" * 100)
    assert "no backup" in other.refused("restore", str(broken))
    assert "No such file" in other.refused("restore", str(tmp_path / "nowhere.tar"))
    assert schema.version(other.db) is None
    assert begins(other), "what was refused was not begun"


def test_entry_that_would_leave_its_folder_is_refused(desk: Any, tmp_path: Path) -> None:
    file = tmp_path / "evil.tar"
    with tarfile.open(file, "w") as archive:
        archive.add(desk.settings, "settings/../../evil.toml")
    assert "no backup of mailgate: it holds" in desk.refused("restore", str(file))
    assert not (tmp_path.parent / "evil.toml").exists()


# --- back again -------------------------------------------------------------------------------------------------

CHANGED = ("signing_key", "counter", "restore", "outbox", "journal")  # by the new epoch


def test_restored_desk_is_the_one_that_was_saved(desk: Any, backup: Path, other: Any) -> None:
    shown = other.text("restore", str(backup))
    assert "Sending is frozen." in shown
    assert rows(other.db, *CHANGED) == rows(desk.db, *CHANGED)
    assert other.one("db", "check")["problems"] == []
    with other.db.write() as connection:  # ids go on where they were
        connection.execute(tables.history.insert(), {"ticket_id": 1, "time": 1.0, "actor": "x", "what": "y"})
        connection.execute(tables.letter_body.insert(), {"sha256": "c" * 64, "body": b"\x00\xff"})
    assert len(other.lines("inbox", "list")) == 8
    assert len(other.lines("outbox", "list")) == 6


@pytest.mark.real("postgresql-15")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_desk_moves_to_postgresql_and_back(desk: Any, backup: Path, postgres: Any, tmp_path: Path) -> None:
    there = Database(postgres.new())
    before = rows(desk.db, *CHANGED)
    text = desk.settings.read_text()
    desk.settings.write_text(text.replace(desk.db.url, there.url))
    desk.text("restore", str(backup))
    assert rows(there, *CHANGED) == before
    desk.text("backup", str(tmp_path / "second.tar"))
    desk.settings.write_text(text)
    desk.text("restore", str(tmp_path / "second.tar"), "--replace")
    assert rows(desk.db, *CHANGED) == before


def test_database_that_holds_mails_is_replaced_only_when_told_and_kept(desk: Any, backup: Path) -> None:
    with desk.db.write() as connection:
        connection.execute(tables.ticket.update().where(tables.ticket.c.id == 1).values(subject="Since then"))
    desk.db.close()
    assert "holds 3 tickets and 8 mails; nothing was done" in desk.refused("restore", str(backup))
    assert desk.one("ticket", "show", "1001")["subject"] == "Since then"
    kept = desk.one("restore", str(backup), "--replace")["kept"]
    assert desk.one("ticket", "show", "1001")["subject"] == "Printer L7 is on fire"
    if desk.db.is_sqlite:
        assert stat.S_IMODE(Path(kept).stat().st_mode) == 0o600
        old = "SELECT subject FROM ticket WHERE id = 1"
        with contextlib.closing(sqlite3.connect(kept)) as there:
            assert there.execute(old).fetchone() == ("Since then",)
        return
    with desk.db.read() as connection:
        old = f"SELECT subject FROM {kept.removeprefix('schema ')}.ticket WHERE id = 1"
        assert connection.exec_driver_sql(old).scalar_one() == "Since then"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("page", ["first", "later"])
def test_damaged_database_is_replaced_when_told_and_kept_as_it_is(desk: Any, backup: Path, page: str) -> None:
    file = desk.db.file
    content = bytearray(file.read_bytes())
    start, end = (0, 16_000) if page == "first" else (8192, len(content) - 4096)
    content[start:end] = b"no database" * ((end - start) // 11) + b"x" * ((end - start) % 11)
    file.write_bytes(content)
    for log in ("-wal", "-shm"):
        file.with_name(f"{file.name}{log}").unlink(missing_ok=True)
    assert "is damaged; nothing was done" in desk.refused("restore", str(backup))
    assert "is damaged" in unwrapped(desk.text("restore", str(backup), "--dry-run"))
    assert file.read_bytes() == content
    kept = desk.one("restore", str(backup), "--replace")["kept"]
    assert Path(kept).read_bytes() == content
    assert desk.one("db", "check")["problems"] == []
    assert desk.one("status")["tickets"] == 3
    assert "is damaged" not in unwrapped(desk.text("restore", str(backup), "--dry-run"))


def test_dry_run_shows_all_and_touches_nothing(desk: Any, backup: Path) -> None:
    before, files = rows(desk.db), sorted(desk.folder.iterdir())
    plan = desk.one("restore", str(backup), "--dry-run")
    assert (plan["done"], plan["tickets"], plan["mails"], plan["held"], plan["keys"]) == (False, 3, 8, 2, 1)
    assert plan["replaces"] == {"tickets": 3, "mails": 8}
    assert plan["next_number"] == "INC-2200"  # 1100 were given out, and a thousand more may have been
    assert plan["folders"] == [{"name": "office", "folder": "INBOX"}, {"name": "office", "folder": "Processed"}]
    shown = desk.text("restore", str(backup), "--dry-run")
    for words in ("2 waited: held", "INC-1004 to INC-2199 match nothing", "office: Processed", "Nothing was done."):
        assert words in shown
    assert rows(desk.db) == before
    assert sorted(desk.folder.iterdir()) == files


def test_desk_that_began_anew_in_the_place_is_replaced_with_its_numbers_doubted(
    desk: Any, backup: Path, other: Any
) -> None:
    schema.create(other.db)
    with other.db.write() as connection:
        connection.execute(tables.counter.update().where(tables.counter.c.name == "ticket").values(value=2))
        connection.execute(tables.signing_key.update().values(created=now() + 1))
        strange = tokens.sign(keys.load(connection), "notice", 2, 1, "agent@desk.example")
    other.db.close()
    plan = other.one("restore", str(backup), "--dry-run")
    assert plan["doubted"] == [{"first": "INC-1001", "last": "INC-1002"}]
    assert "INC-1001 to INC-1002 were given out by the replaced desk as well" in unwrapped(
        other.text("restore", str(backup), "--replace")
    )
    with other.db.read() as connection:
        found = keys.load(connection)
    assert [found.doubts(number) for number in (1, 2, 3)] == [True, True, False]
    assert tokens.is_lost(strange, found)
    assert desk.one("restore", str(backup), "--dry-run")["doubted"] == []


def test_running_daemon_and_a_restore_keep_out_of_each_others_way(desk: Any, backup: Path) -> None:
    with lock(load(desk.settings), A_LOOK):
        assert "is running already" in desk.refused("restore", str(backup), "--replace")
    desk.one("restore", str(backup), "--replace")


@pytest.mark.real("postgresql-15")
def test_daemon_of_another_machine_is_seen_on_the_server(postgres: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "SESSION_SECONDS", 0.2)
    url = postgres.new()
    db, daemon = Database(url), Database(url)
    restore.refuse_others(db)
    with daemon.read() as connection, pytest.raises(restore.RestoreRefused, match=r"1 connections from 127\.0\.0\.1"):
        connection.exec_driver_sql("SELECT 1")
        restore.refuse_others(db)
    db.close()
    daemon.close()


def test_numbers_begin_where_they_are_told_but_never_among_old_ones(desk: Any, backup: Path) -> None:
    assert "INC-1100 was given out" in desk.refused("restore", str(backup), "--replace", "--numbers-from", "INC-1100")
    assert "name a later number" in desk.refused("restore", str(backup), "--replace", "--numbers-from", "many")
    assert desk.one("restore", str(backup), "--replace", "--numbers-from", "5000")["next_number"] == "INC-5000"
    with desk.db.read() as connection:
        assert epochs.counters(connection)["ticket"] == 3999


# --- what lies beside the database ------------------------------------------------------------------------------


def test_bare_machine_gets_its_settings_and_grants_back(desk: Any, tmp_path: Path) -> None:
    (desk.folder / "rules.d").mkdir()
    (desk.folder / "rules.d" / "more.toml").write_text('[[rule]]\nname = "more"\nwhen = {}\nset = { priority = 1 }\n')
    (desk.folder / "grant-office.json").write_text('{"refresh": "kept"}')
    desk.settings.write_text('include = ["rules.d/*.toml"]\n' + desk.settings.read_text())
    backup = tmp_path / "copy.tar"
    desk.text("backup", str(backup))
    desk.db.close()
    bare = type(desk)(tmp_path / "bare", tmp_path / "bare" / "mailgate.toml", desk.db)
    bare.folder.mkdir()
    assert "came back" in bare.text("restore", str(backup), "--replace")
    assert bare.settings.read_text() == desk.settings.read_text()
    assert len(load(bare.settings).rule) == 2
    grant = bare.folder / "grant-office.json"
    assert (grant.read_text(), stat.S_IMODE(grant.stat().st_mode)) == ('{"refresh": "kept"}', 0o600)


def test_settings_that_differ_stay_and_newer_grants_are_not_overwritten(desk: Any, tmp_path: Path) -> None:
    grant = desk.folder / "grant-office.json"
    grant.write_text("old")
    backup = tmp_path / "copy.tar"
    desk.text("backup", str(backup))
    desk.db.close()
    saved = desk.settings.read_text()
    desk.settings.write_text(saved + "# since\n")
    grant.write_text("new")
    shown = desk.text("restore", str(backup), "--replace")
    assert "which stays; compare the two" in unwrapped(shown)
    assert desk.settings.read_text().endswith("# since\n")
    assert (desk.folder / "mailgate.toml.restored").read_text() == saved
    assert grant.read_text() == "new"


# --- frozen, and thawed -----------------------------------------------------------------------------------------


def test_what_waited_is_held_and_nothing_is_sent_until_it_is_thawed(desk: Any, backup: Path) -> None:
    desk.text("restore", str(backup), "--replace")
    waited = [letter for letter in desk.lines("outbox", "list", "--state", "held") if letter["held_for"] == "restore"]
    assert {letter["id"] for letter in waited} == {4, 5}
    assert all("may have been sent already" in letter["error"] for letter in waited)
    status = desk.one("status")
    assert any("sending is frozen since the restore of" in problem for problem in status["problems"])
    assert status["restore"]["thawed"] is None
    desk.text("outbox", "release", "4")
    with desk.db.write() as connection:
        assert sending.claim(connection, "x", now(), 10) == []
        assert not sending.is_due(connection, now())
    desk.text("thaw")
    assert desk.one("status")["restore"]["thawed"] is not None
    with desk.db.write() as connection:
        assert [letter.id for letter in sending.claim(connection, "x", now(), 10)] == [4]
    held = [letter["id"] for letter in desk.lines("outbox", "list", "--state", "held")]
    assert held == [6, 5], "the one for confirm, and the one that nobody has decided about"
    assert any("may have been sent before the restore" in p for p in desk.one("status")["problems"])


def test_letters_about_what_came_before_the_restore_are_held_after_the_thaw_too(desk: Any, backup: Path) -> None:
    desk.text("restore", str(backup), "--replace")
    desk.text("thaw")
    with desk.db.read() as connection:
        begun = epochs.latest(connection)
        assert begun is not None
        assert epochs.holds(connection, [begun.restored - 1, begun.restored + 1]) == [True, False]


@pytest.mark.parametrize(("choice", "state"), [("discard", "failed"), ("release", "pending")])
def test_all_that_may_have_been_sent_is_decided_at_once(desk: Any, backup: Path, choice: str, state: str) -> None:
    desk.text("restore", str(backup), "--replace")
    assert desk.one("thaw", "--earlier", choice) == {"released": 0, "held": 0, choice: 2}
    found = {letter["id"]: letter["state"] for letter in desk.lines("outbox", "list")}
    assert (found[4], found[5], found[6]) == (state, state, "held")


def test_thaw_says_that_nothing_was_frozen_where_it_only_decides(desk: Any, backup: Path) -> None:
    desk.text("restore", str(backup), "--replace")
    assert "Mail goes out again.\n" in desk.text("thaw")
    said = desk.text("thaw", "--earlier", "discard")
    assert said.startswith("Sending was not frozen.\n2 letters that may have been sent before: discarded.")


def test_full_disk_is_named_by_the_place_that_is_full(desk: Any, backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("storage.archive.read", full)
    assert f"mailgate: {desk.folder}: No space left" in desk.refused("restore", str(backup), "--replace")


def test_what_was_restored_is_told_as_it_was(desk: Any, backup: Path, other: Any) -> None:
    assert "less than a minute old" in desk.text("restore", str(backup), "--dry-run")
    shown = other.text("restore", str(backup))
    assert "was empty" in shown
    assert "and the same" not in shown
    assert age(3600 * 5) == "5.0 hours"
    assert age(3000) == "50 minutes"


def test_desk_that_is_not_frozen_cannot_be_thawed(desk: Any) -> None:
    assert "is not frozen" in desk.refused("thaw")


# --- killed -----------------------------------------------------------------------------------------------------


def test_backup_that_is_killed_anywhere_leaves_no_file(desk: Any, tmp_path: Path) -> None:
    file = tmp_path / "copy.tar"
    desk.db.close()
    died = 0
    for step in range(1, 60, 4):
        if not forked(partial(backed_up, desk, file, step)):
            break
        died += 1
        assert not file.exists()
    assert died > 3
    assert file.exists(), "the last one came to its end"
    with staging(tmp_path) as folder:
        assert read(file, folder, quiet).manifest.schema == schema.VERSION
    assert not list(tmp_path.glob(".mailgate-staging-*"))


def test_restore_that_is_killed_anywhere_leaves_the_old_one(desk: Any, backup: Path, tmp_path: Path) -> None:
    before = rows(desk.db)
    died = 0
    for step in range(1, 12, 2):
        if killed_at(step, desk.db.url, backup, tmp_path):
            died += 1
            assert rows(desk.db) == before
    assert died > 3
    desk.text("restore", str(backup), "--replace")


def test_restore_into_nothing_that_is_killed_lets_no_daemon_in(desk: Any, backup: Path, other: Any) -> None:
    other.db.close()
    assert killed_at(5, other.db.url, backup, other.folder)
    for words in (["serve"], ["db", "upgrade"], ["status"], ["ticket", "list"]):
        assert "run `mailgate restore FILE` again" in other.refused(*words)
    other.db.close()
    other.text("restore", str(backup))
    assert other.one("status")["tickets"] == 3


def test_restore_into_nothing_that_is_killed_at_any_step_lets_no_daemon_in(backup: Path, other: Any) -> None:
    """From before its first write to the end; the one that is whole is there."""
    other.db.close()
    refused = 0
    step = 0
    while forked(partial(restored_until, other, backup, step)) and not whole(other):
        if begins(other):
            assert not list(other.folder.glob(".mailgate-*")), "nothing was read"
            assert not refused
        else:
            refused += 1
        other.db.close()
        step = max(step + 1, step * 5 // 4)
    assert step > 3
    assert refused > 3
    assert other.one("status")["tickets"] == 3
    other.text("restore", str(backup), "--replace")  # the next one clears away what a kill at the very end left
    assert not list(other.folder.glob(".mailgate-*"))


def test_folder_of_a_restore_that_was_broken_off_keeps_daemons_out_without_its_database(other: Any) -> None:
    (other.folder / ".mailgate-restoring-x").mkdir()
    for words in (["serve"], ["db", "upgrade"]):
        assert "run `mailgate restore FILE` again" in other.refused(*words)
    (other.folder / ".mailgate-restoring-x").rename(other.folder / ".mailgate-staging-x")  # as a backup's
    assert begins(other)
    other.text("db", "upgrade")


def test_desk_whose_database_is_gone_is_not_begun_a_second_time(desk: Any, backup: Path, other: Any) -> None:
    other.text("db", "upgrade")
    other.text("db", "upgrade")
    emptied(other)
    for words in (["serve"], ["db", "upgrade"]):
        assert "a desk was here: `mailgate restore FILE` brings it back" in other.refused(*words)
    assert not (other.folder / "mailgate.db").exists()
    other.text("restore", str(backup))
    emptied(other)
    assert not begins(other), "a restore leaves the sign, too"
    (other.folder / "mailgate.begun").unlink()
    other.text("db", "upgrade")


def emptied(desk: Any) -> None:
    """What an administrator, a disk or a server that comes back empty leaves."""
    if desk.db.is_sqlite:
        desk.db.close()
        for file in desk.folder.glob("mailgate.db*"):
            file.unlink()
        return
    with desk.db.write() as connection:
        for name in sa.inspect(connection).get_table_names():
            connection.exec_driver_sql(f"DROP TABLE {name} CASCADE")
    desk.db.close()


def begins(desk: Any) -> bool:
    """Whether `serve` would begin a new desk."""
    try:
        beginning.refuse(desk.db, load(desk.settings).state, str(desk.settings))
        return schema.version(desk.db) is None
    except SchemaMismatch:
        return False


def whole(desk: Any) -> bool:
    """Whether the restored database is there; what is left to do then is to clear away."""
    try:
        return schema.version(desk.db) is not None
    except SchemaMismatch:
        return False
    finally:
        desk.db.close()


def restored_until(desk: Any, file: Path, step: int) -> None:
    """Restore; the process dies when it has touched so many files, or done so many steps of the copy."""
    die = dying(step + 1)

    def touched(event: str, found: tuple[Any, ...]) -> None:
        if event in TOUCHES and str(desk.folder) in str(found):
            die(0, 0)

    restoring.bar = lambda *_, **__: contextlib.nullcontext(die)  # type: ignore[assignment]  # of this process, which ends
    sys.addaudithook(touched)
    assert desk.run("restore", str(file)).exit_code == 0


TOUCHES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "sqlite3.connect")


def killed_at(step: int, url: str, file: Path, folder: Path) -> bool:
    """Whether a restore was killed at that step of its progress; it came to its end where it has fewer."""

    def restored() -> None:
        with staging(folder) as staged:
            opened = read(file, staged, quiet)
            with restore.staged(opened.database) as source:
                db = Database(url)
                old = restore.standing(db, source, opened.manifest.made)
                restore.replace(db, source, old, opened.manifest.made, now(), 5000, dying(step))

    return forked(restored)


def backed_up(desk: Any, file: Path, step: int) -> None:
    die = dying(step)  # counts the steps of both bars
    command.bar = lambda *_, **__: contextlib.nullcontext(die)  # type: ignore[assignment]  # of this process, which ends
    settings = load(desk.settings)
    command.write_backup(settings, Database(settings.database_url), file, quiet=True)


def dying(step: int) -> Callable[[int, int], None]:
    """A progress that kills its process when it is told of so many steps."""
    calls = iter(range(1, step))

    def die(_: int, __: int) -> None:
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    return die


def forked(work: Callable[[], None]) -> bool:
    """Whether a process of its own was killed while it did that; it fails where that fails."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    _, ended = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(ended) in (0, -signal.SIGKILL)
    return os.waitstatus_to_exitcode(ended) != 0
