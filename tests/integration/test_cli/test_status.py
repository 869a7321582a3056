"""`mailgate status`: counts, ages, signs of life, and what is wrong with what to do."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailgate.checks import running
from mailgate.cli.main import cli
from mailgate.locking import A_LOOK, held, lock
from mailgate.settings import load
from storage import beats, tables, words


@pytest.fixture
def desk(desk: Any) -> Any:
    """The mail that is not worked yet has only just come."""
    with desk.db.write() as connection:
        new = tables.journal.c.state == "new"
        connection.execute(tables.journal.update().where(new).values(journaled_at=time.time()))
    return desk


def test_status_counts_everything_in_one_object(desk: Any) -> None:
    status = desk.one("status")
    assert status["journal"] == {"new": 1, "done": 6, "parked": 1}
    assert (status["tickets"], status["articles"]) == (3, 5)
    assert status["outbox"] == {"pending": 2, "sent": 2, "failed": 1, "held": 1}
    assert status["mailboxes"][0]["name"] == "office"
    assert status["problems"] == [
        "1 mail parked; see `mailgate inbox list --parked`",
        "mailbox office: nobody looked into it since 2023-11-14 23:13 CET; does `mailgate serve` run?",
    ]
    assert status["quarantine"] == 1
    assert status.keys() == {
        "journal",
        "oldest_new",
        "quarantine",
        "tickets",
        "articles",
        "outbox",
        "waiting",
        "mailboxes",
        "beats",
        "secrets",
        "database",
        "disk",
        "alarms",
        "restore",
        "daemon",
        "shadow",
        "problems",
    }


def test_outgoing_mail_that_waits_is_told_by_state_and_age(desk: Any) -> None:
    waiting = {(w["state"], w["held_for"]): (w["count"], w["oldest"]) for w in desk.one("status")["waiting"]}
    assert {key: count for key, (count, _) in waiting.items()} == {
        ("pending", None): 1,
        ("deferred", None): 1,
        ("held", "confirm"): 1,
    }
    assert all(oldest.startswith("2023-11-14T22:") for _, oldest in waiting.values())
    assert re.search(r"held for confirm +1, the oldest [\d,]+ days ago, 2023-11-14 23:", desk.text("status"))


def test_database_disk_and_oldest_mail_are_told(desk: Any) -> None:
    status = desk.one("status")
    assert status["database"]["size"] > 100_000
    assert 0 < status["disk"]["free"] < status["disk"]["size"]
    assert status["oldest_new"] is not None
    shown = desk.text("status")
    assert "Oldest to do" in shown
    assert "Times are of Europe/Berlin." in shown
    with desk.db.write() as connection:
        connection.execute(tables.journal.update().values(state="done"))
    assert desk.one("status")["oldest_new"] is None
    assert "Oldest to do" not in desk.text("status")


def test_mail_that_is_taken_again_and_again_and_never_worked_is_a_problem(desk: Any) -> None:
    """A worker that dies with it in hand moves `due` on each time."""
    with desk.db.write() as connection:
        new = tables.journal.c.state == "new"
        connection.execute(tables.journal.update().where(new).values(journaled_at=time.time() - 600, due=time.time()))
    assert [p for p in desk.one("status")["problems"] if "is not worked yet; see `mailgate inbox list`" in p]


def test_alarm_that_was_told_is_shown_until_it_is_over(desk: Any) -> None:
    with desk.db.write() as connection:
        row = {"name": "relay", "said": "relay: away", "since": 1.0, "told": 2.0}
        connection.execute(tables.alarm.insert(), [row, row | {"name": "disk", "told": None}])
    assert desk.one("status")["alarms"] == ["relay"]
    assert "rung for relay" in desk.text("status")
    with desk.db.write() as connection:
        connection.execute(tables.alarm.update().values(over=3.0))
    assert desk.one("status")["alarms"] == []
    assert "rung for" not in desk.text("status")


def test_status_for_people_says_what_to_do(desk: Any) -> None:
    shown = desk.text("status")
    assert "1 parked" in shown
    assert "! 1 mail parked; see `mailgate inbox list --parked`" in shown
    assert "All is well." not in shown


def test_mails_at_first_contact_are_left_alone_or_taken_as_start_says(desk: Any) -> None:
    assert "7, left alone" in desk.text("status")
    assert desk.one("status")["mailboxes"][0]["first_contact"]
    with desk.db.write() as connection:
        connection.execute(tables.mailbox.update().values(first_contact=0.0))  # start = "all"
    shown = desk.text("status")
    assert "7, taken" in shown
    assert "left alone" not in shown
    assert desk.one("status")["mailboxes"][0]["first_contact"] is None


def test_mail_that_nobody_takes_is_a_problem(desk: Any) -> None:
    with desk.db.write() as connection:
        connection.execute(tables.journal.update().where(tables.journal.c.id == 6).values(due=1_700_000_000.0))
    assert any("does `mailgate serve` run?" in p for p in desk.one("status")["problems"])


def test_what_mailboxes_and_relay_suffer_from_is_a_problem(desk: Any) -> None:
    with desk.db.write() as connection:
        connection.execute(tables.mailbox.update().values(error="login refused", error_since=1_700_000_000.0))
        connection.execute(
            tables.beat.insert(), {"name": "relay", "error": "connection refused", "error_since": 1_700_000_000.0}
        )
        connection.execute(tables.outbox.update().where(tables.outbox.c.id == 6).values(held_for="relay"))
        connection.execute(tables.outbox.update().where(tables.outbox.c.id == 3).values(updated=1e10))
    problems = " ".join(desk.one("status")["problems"])
    assert "mailbox office: login refused, since 2023-11-14 23:13 CET; it is tried again, `mailgate check`" in problems
    assert "relay: connection refused" in problems
    assert "1 outgoing mail held" in problems
    assert "1 delivery failed within a day" in problems


def test_what_a_person_discarded_is_no_failure(desk: Any) -> None:
    before = desk.one("status")["outbox"]
    assert desk.one("outbox", "discard", "6") == {"done": 1}
    now = desk.one("status")
    assert now["outbox"] == {**before, "held": before["held"] - 1}
    assert not any("failed within a day" in problem for problem in now["problems"])
    listed = desk.text("outbox", "list")
    assert "discarded by hand" in listed
    assert not re.search(r"for \w+ discarded", listed)


@pytest.mark.parametrize(("schema", "todo"), [("9999", "update mailgate"), ("0000", "run `mailgate db upgrade`")])
def test_schema_of_another_program_is_told_with_what_to_do(desk: Any, schema: str, todo: str) -> None:
    with desk.db.write() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{schema}'")
    said = desk.refused("status")
    assert f"the database has schema {schema}" in said
    assert todo in said


def test_what_has_left_the_settings_is_no_problem(desk: Any) -> None:
    with desk.db.write() as connection:
        connection.execute(tables.mailbox.update().values(error="login refused", error_since=1_700_000_000.0))
        connection.execute(tables.beat.insert(), {"name": "relay", "error": "away", "error_since": 1_700_000_000.0})
    text = desk.settings.read_text()
    without = text.replace("[relay]", "[smtp]").replace('host = "127.0.0.1"\nport = 25\n', "", 1)
    start = without.index("[[imap]]")
    desk.settings.write_text(without[:start] + without[without.index("[[queue]]") :])
    status = desk.one("status")
    assert status["mailboxes"] == []
    assert [p for p in status["problems"] if "login refused" in p or "away" in p] == []


@pytest.fixture
def healthy(desk: Any) -> Any:
    """Nothing waits and nothing failed; it was never served."""
    with desk.db.write() as connection:
        connection.execute(tables.journal.update().values(state="done", outcome="article"))
        connection.execute(tables.mailbox.update().values(last_success=time.time()))
    return desk


def lived(desk: Any, seconds_ago: float) -> None:
    with desk.db.write() as connection:
        beats.seen(connection, words.DAEMON, time.time() - seconds_ago, None)


def test_healthy_desk_that_is_served_has_no_problems(healthy: Any) -> None:
    lived(healthy, 1)
    with lock(load(healthy.settings), A_LOOK):
        status = healthy.one("status")
        assert (status["problems"], status["daemon"]["runs"]) == ([], True)
        assert "All is well." in healthy.text("status")


def test_desk_that_was_never_served_is_told_how_to_begin_and_has_no_problem(healthy: Any) -> None:
    status = healthy.one("status")
    assert (status["problems"], status["daemon"]) == ([], {"runs": False, "last_seen": None})
    shown = healthy.text("status")
    assert "Not started yet: `mailgate serve`." in shown
    assert "All is well." not in shown


def test_daemon_that_is_gone_is_a_problem_at_once_with_since_when_and_what_to_type(healthy: Any) -> None:
    lived(healthy, 900)
    (said,) = healthy.one("status")["problems"]
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 900))[:7]
    assert said.startswith(f"mailgate does not run since {since}")
    assert said.endswith("no mail is taken, worked or sent; `mailgate serve`")
    shown = healthy.text("status")
    assert "! mailgate does not run since" in shown
    assert "All is well." not in shown


def test_daemon_of_another_machine_on_the_same_postgresql_counts_while_it_tells_of_itself(tmp_path: Path) -> None:
    file = tmp_path / "mailgate.toml"
    url = "postgresql+psycopg://mailgate@127.0.0.1/mailgate"
    file.write_text(f'[desk]\nname = "Help"\naddress = "help@desk.example"\n[storage]\nurl = "{url}"\n')
    settings, now = load(file), time.time()
    assert running.Daemon(here=False, seen=now - 100).problem(settings, now) is None
    assert running.Daemon(here=False, seen=now - 600).problem(settings, now) is not None
    assert not held(settings)
    with lock(settings, A_LOOK):
        assert held(settings)


def test_package_says_to_start_its_service(monkeypatch: pytest.MonkeyPatch, healthy: Any) -> None:
    settings = load(healthy.settings)
    assert running.start(settings) == "mailgate serve"
    monkeypatch.setattr(running, "PACKAGED", settings.file)
    monkeypatch.setattr(running, "UNIT", settings.file)
    assert running.start(settings) == "systemctl start mailgate"


def test_secret_that_everybody_can_read_is_a_problem_here_too(desk: Any) -> None:
    file = desk.settings.parent / "imap-password"
    file.write_text("pw")
    for mode, told in ((0o644, 1), (0o600, 0), (0o640, 0)):
        file.chmod(mode)
        found = [p for p in desk.one("status")["problems"] if "can be read by everybody on this machine; `chmod 6" in p]
        assert len(found) == told, oct(mode)


def test_running_alone_ends_with_1_where_no_daemon_runs(healthy: Any) -> None:
    words = ("status", "--running", "--config", str(healthy.settings))
    done = CliRunner().invoke(cli, words)
    assert (done.exit_code, done.output) == (1, "It does not run: `mailgate serve`.\n")
    with lock(load(healthy.settings), A_LOOK):
        done = CliRunner().invoke(cli, words)
    assert (done.exit_code, done.output) == (0, "It runs.\n")
