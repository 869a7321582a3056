"""`mailgate status`: counts, ages, signs of life, and what is wrong with what to do."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from storage import tables


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


def test_healthy_desk_has_no_problems(desk: Any) -> None:
    with desk.db.write() as connection:
        connection.execute(tables.journal.update().values(state="done", outcome="article"))
        connection.execute(tables.mailbox.update().values(last_success=time.time()))
    assert desk.one("status")["problems"] == []
    assert "All is well." in desk.text("status")
