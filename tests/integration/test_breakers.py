"""Limits of automatic answers: what reaches one is silent and on record, the administrator is told once, it closes."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from stations import SETTINGS, Stations

from mailgate.actions import Actions
from storage import dossier
from storage.database import Database
from storage.tables import breaker, outbox

ANNA, DORA = "anna@acme.example", "dora@other.example"
LIMITS = '[answers]\nper_address = "2/10m"\nper_thread = "2/1h"\nunknown = "3/1h"\n'
ADMIN = '[[staff]]\nname = "Root"\nemail = "root@desk.example"\nroles = ["admin"]\n'


@pytest.fixture
def stations(database: Database, tmp_path: Path) -> Stations:
    return Stations(database, tmp_path, SETTINGS + LIMITS + ADMIN)


def codes(stations: Stations) -> list[str]:
    return [reason["code"] for reason in stations.journal()[-1].reasons]


def later(stations: Stations, seconds: float) -> None:
    """As if all that was sent, and each time that a limit was reached, lay so much further back."""
    with stations.db.write() as session:
        session.execute(outbox.update().values(caused_at=outbox.c.caused_at - seconds))
        session.execute(breaker.update().values(opened=breaker.c.opened - seconds, last=breaker.c.last - seconds))


def alarms(stations: Stations) -> list[str]:
    return [str(letter["X-Envelope-To"]) for letter in stations.letters("alarm")]


def test_what_reaches_a_limit_is_taken_without_an_answer_and_the_admin_is_told_once(stations: Stations) -> None:
    for n in range(5):
        stations.arrive(ANNA, Subject=f"Printer {n}")
        stations.work()
    assert len(stations.letters("acknowledgement")) == 2
    assert len(stations.tickets()) == 5
    assert len([x for x in stations.letters("notice") if x["X-Envelope-To"] == "agent@desk.example"]) == 5
    assert "silent_limit_per_address" in codes(stations)
    assert alarms(stations) == ["root@desk.example"]
    [alarm] = stations.letters("alarm")
    assert alarm["Auto-Submitted"] == "auto-generated"
    assert "per_address" in alarm.as_string()


def test_it_closes_by_itself_and_a_new_storm_is_a_new_alarm(stations: Stations) -> None:
    for n in range(3):
        stations.arrive(ANNA, Subject=f"Printer {n}")
    stations.work()
    later(stations, 700)
    stations.arrive(ANNA, Subject="A day like any other")
    stations.work()
    assert len(stations.letters("acknowledgement")) == 3
    stations.arrive(ANNA, Subject="Another")
    stations.arrive(ANNA, Subject="One more")
    stations.work()
    assert len(alarms(stations)) == 2


def test_a_storm_that_goes_on_is_one_alarm(stations: Stations) -> None:
    for n in range(4):
        for m in range(3):
            stations.arrive(ANNA, Subject=f"Printer {n} {m}")
        stations.work()
        later(stations, 400)
    assert len(alarms(stations)) == 1


def test_a_batch_raises_one_alarm_as_single_mails_do(stations: Stations) -> None:
    for n in range(6):
        stations.arrive(ANNA, Subject=f"Printer {n}")
    stations.work()
    assert len(alarms(stations)) == 1
    [row] = stations.rows(breaker)
    assert row.name == f"per_address {ANNA}"


def test_other_people_are_answered_meanwhile(stations: Stations) -> None:
    for n in range(3):
        stations.arrive(ANNA, Subject=f"Printer {n}")
    stations.arrive("ben@acme.example")
    stations.work()
    assert stations.letters("acknowledgement")[-1]["X-Envelope-To"] == "ben@acme.example"


def test_one_subject_is_answered_less_often_than_one_address(stations: Stations) -> None:
    """A machine that answers every five minutes stays under the limit of its address for ever."""
    for _ in range(4):
        stations.arrive(ANNA, Subject="Re: Automatic answer")
        stations.work()
        later(stations, 700)
    assert len(stations.letters("acknowledgement")) == 2
    assert "silent_limit_per_subject" in codes(stations)
    stations.arrive(ANNA, Subject="Something else")
    stations.work()
    assert len(stations.letters("acknowledgement")) == 3


def test_a_limit_over_all_strangers_has_one_alarm(stations: Stations) -> None:
    for n in range(6):
        stations.arrive(f"d{n}@other.example")
        stations.work()
    assert len(stations.letters("acknowledgement")) == 3
    assert "silent_limit_unknown" in codes(stations)
    assert len(alarms(stations)) == 1


def test_a_ticket_closed_again_and_again_tells_its_requester_so_often_and_no_more(stations: Stations) -> None:
    stations.arrive(ANNA)
    stations.work()
    [ticket] = stations.tickets()
    actions = Actions(stations.app, "agent@desk.example")
    for _ in range(3):
        actions.close(ticket.number, None)
        actions.reopen(ticket.number)
    assert len(stations.letters("acknowledgement")) + len(stations.letters("state")) == 2
    assert alarms(stations) == ["root@desk.example"]
    with stations.db.read() as session:
        found = dossier.read(session, ticket.number)
    assert found is not None
    assert [entry.what for entry in found.history].count("limit_per_thread") == 2
    later(stations, 4000)
    actions.close(ticket.number, None)
    assert len(stations.letters("state")) == 2


def test_without_an_admin_the_members_of_the_default_queue_are_told(sqlite: Database, tmp_path: Path) -> None:
    stations = Stations(sqlite, tmp_path, SETTINGS + LIMITS)
    for n in range(3):
        stations.arrive(ANNA, Subject=f"Printer {n}")
    stations.work()
    assert alarms(stations) == ["agent@desk.example"]


def test_a_limit_that_is_off_is_off(sqlite: Database, tmp_path: Path) -> None:
    stations = Stations(sqlite, tmp_path, SETTINGS + '[answers]\nper_address = "off"\n')
    for n in range(8):
        stations.arrive(ANNA, f"{n}", Subject="Printer")
    stations.work()
    assert len(stations.letters("acknowledgement")) == 8
    with sqlite.read() as session:
        assert session.execute(sa.select(breaker)).all() == []
