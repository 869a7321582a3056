"""Alarms begin once and end once, whatever is looked at how often, and whoever cannot be reached meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.alarms import ringing, standing
from mailgate.alarms import watch as alarms
from mailgate.alarms.ringing import Ring, ring
from mailgate.alarms.standing import Problem
from mailgate.alarms.watch import CALM_SECONDS, Alarms, step, told
from mailgate.grants import ends
from mailgate.grants.ends import Secret
from mailgate.settings import Alarm as AlarmSettings
from mailgate.settings import Desk, Grant, Imap, Relay, Settings
from storage import alarms as kept
from storage import beats, mailboxes
from storage.alarms import Alarm
from storage.database import Database, DatabaseUnavailable
from storage.words import DAEMON

NOON = 1_800_000_000.0
AFTER = 300.0
MAILBOX = Problem("mailbox", "mailbox office", "mailbox office: away", NOON)
GRANT = Problem("grant", "grant m365", "grant m365: taken back", NOON)


def heard(looks: list[tuple[float, list[Problem]]], begun: dict[str, Alarm] | None = None) -> list[tuple[str, str]]:
    """What is told over these looks, where each telling succeeds."""
    now_begun: Any = begun or {}
    said = []
    for now, problems in looks:
        done = step(now_begun, problems, now, AFTER)
        now_begun = done.begun
        for one in done.rings:
            said.append((one.name, one.state))
            now_begun = told(now_begun, one, now)
    return said


def test_trouble_is_told_once_and_its_end_once() -> None:
    looks = [(NOON + n * 100, [MAILBOX]) for n in range(10)] + [(NOON + 1000 + n * 20, []) for n in range(10)]
    assert heard(looks) == [("mailbox office", "begins"), ("mailbox office", "over")]


def test_short_trouble_is_not_told() -> None:
    assert heard([(NOON, [MAILBOX]), (NOON + AFTER - 1, [MAILBOX]), (NOON + AFTER, [])]) == []


def test_grant_is_told_at_once_and_over_at_once() -> None:
    assert heard([(NOON, [GRANT]), (NOON + 1, [])]) == [("grant m365", "begins"), ("grant m365", "over")]


def test_trouble_that_comes_and_goes_is_one_alarm() -> None:
    looks = [(NOON + AFTER + n * 20, [MAILBOX] if n % 2 else []) for n in range(20)]
    assert heard(looks) == [("mailbox office", "begins")]


# --- a grant, and what hangs on it -----------------------------------------------------------------------------------

BOX_WAITS = Problem("mailbox", "mailbox office", "mailbox office: grant m365: taken back, since 9:00", NOON)
RELAY_WAITS = Problem("relay", "relay", "relay: grant m365: taken back", NOON)


def test_dead_grant_is_one_problem_and_other_troubles_stay() -> None:
    other = Problem("mailbox", "mailbox b", "mailbox b: nobody listens")
    told_of = list(standing.folded([BOX_WAITS, other, RELAY_WAITS, GRANT]))
    assert told_of == [other, replace(GRANT, stops=("mailbox office", "relay"))]
    assert list(standing.folded([MAILBOX, other])) == [MAILBOX, other]


def test_dead_grant_rings_once_for_all_that_waits_for_it_and_once_when_it_is_over() -> None:
    dead, mended = list(standing.folded([BOX_WAITS, RELAY_WAITS, GRANT])), list(standing.folded([BOX_WAITS]))
    looks = [(NOON + n * AFTER, dead) for n in range(4)]
    looks += [(NOON + 4 * AFTER, mended), *[(NOON + (5 + n) * AFTER, []) for n in range(3)]]
    assert heard(looks) == [("grant m365", "begins"), ("grant m365", "over")]


def test_mailbox_that_was_told_of_is_not_over_when_its_grant_dies_too() -> None:
    looks = [(NOON + AFTER, [MAILBOX])]
    looks += [(NOON + (2 + n) * AFTER, list(standing.folded([BOX_WAITS, GRANT]))) for n in range(3)]
    looks += [(NOON + (9 + n) * AFTER, []) for n in range(3)]
    said = heard(looks)
    assert said[:2] == [("mailbox office", "begins"), ("grant m365", "begins")]
    assert sorted(said[2:]) == [("grant m365", "over"), ("mailbox office", "over")]


def test_alarm_of_a_grant_names_what_signs_in_by_it() -> None:
    by = Grant("m365", "microsoft", client_id="1", tenant="2")
    boxes = (Imap("office", "h", "u", auth="microsoft"), Imap("other", "h", "u", password_file="p"))
    found = Settings(
        desk=Desk("D", "a@b.example"), imap=boxes, grant=(by,), relay=Relay("h", auth="microsoft", user="u")
    )
    dead = Secret("m365", "microsoft", True, None, "taken back", NOON, True)
    (told_of,) = [one for one in standing.around(found, (dead,), NOON) if one.kind == "grant"]
    assert told_of.said == "grant m365: taken back; `mailgate login m365`; on it hang: mailbox office, relay"


def test_what_only_wants_a_look_rings_nobody() -> None:
    assert heard([(NOON + n * 1000, [Problem("look", "parked", "1 mail parked")]) for n in range(3)]) == []


def test_what_could_not_be_told_is_told_later() -> None:
    first = step({}, [GRANT], NOON, AFTER)
    again = step(first.begun, [GRANT], NOON + 15, AFTER)  # nobody called `told`
    assert [one.state for one in (*first.rings, *again.rings)] == ["begins", "begins"]
    assert again.rings[0].since == NOON


@given(st.lists(st.tuples(st.sampled_from([1.0, 20.0, 400.0]), st.booleans(), st.booleans()), max_size=40))
def test_begins_and_over_take_turns(looks: list[tuple[float, bool, bool]]) -> None:
    begun: Any = {}
    now = NOON
    said: list[str] = []
    for seconds, bad, heard_it in looks:
        now += seconds
        done = step(begun, [replace(MAILBOX, since=None)] if bad else [], now, AFTER)
        begun = done.begun
        for one in done.rings:
            if heard_it:
                said.append(one.state)
                begun = told(begun, one, now)
    assert said == ["begins", "over"] * (len(said) // 2) + ["begins"] * (len(said) % 2)


# --- with a database ------------------------------------------------------------------------------------------------


def desk(folder: Path, db: Database, **alarm: Any) -> Settings:
    box = Imap("office", "127.0.0.1", "help@desk.example", password_file="p")
    return Settings(
        desk=Desk("Desk", "help@desk.example"),
        storage=standing_storage(db),
        imap=(box,),
        alarm=AlarmSettings(**{"command": "true", "after": "0", **alarm}),
        folder=str(folder),
    )


def standing_storage(db: Database) -> Any:
    from mailgate.settings import Storage

    return Storage(url=db.url)


class Bell:
    """Hears, or not."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.deaf = False
        self.broken = False  # the webhook
        self.tries = 0

    def __call__(self, _: Settings, one: Ring, but: Collection[str]) -> dict[str, str]:
        """By the command, and by the webhook where the settings have one."""
        if "alarm.command" not in but:
            if self.deaf:
                return {"alarm.command": "nobody there"}
            self.heard.append((one.name, one.state))
        if self.broken and "alarm.webhook" not in but:
            self.tries += 1
            return {"alarm.webhook": "404"}
        return {}


def watcher(db: Database, folder: Path, bell: Bell, **alarm: Any) -> Alarms:
    return Alarms(desk(folder, db, **alarm), db, threading.Event(), threading.Event(), ring=bell)


def trouble(db: Database, error: str | None, now: float) -> None:
    with db.write() as session:
        if error:
            mailboxes.failed(session, "office", "INBOX", error, now)
        else:
            mailboxes.succeeded(session, "office", "INBOX", now)


def test_alarm_outlives_a_restart(database: Database, tmp_path: Path) -> None:
    bell = Bell()
    trouble(database, "away", NOON)
    watcher(database, tmp_path, bell).look(NOON + 1)
    watcher(database, tmp_path, bell).look(NOON + 2)
    trouble(database, None, NOON + 3)
    watcher(database, tmp_path, bell).look(NOON + 3)
    watcher(database, tmp_path, bell).look(NOON + 3 + CALM_SECONDS)
    watcher(database, tmp_path, bell).look(NOON + 4 + CALM_SECONDS)
    assert bell.heard == [("mailbox office", "begins"), ("mailbox office", "over")]
    with database.read() as session:
        assert kept.load(session) == {}


def test_deaf_bell_is_rung_again_and_said_once(sqlite: Database, tmp_path: Path, caplog: Any) -> None:
    bell = Bell()
    bell.deaf = True
    trouble(sqlite, "away", NOON)
    alarm = watcher(sqlite, tmp_path, bell)
    for n in range(3):
        alarm.look(NOON + n)
    assert caplog.text.count("could not be told: alarm.command: nobody there") == 1
    bell.deaf = False
    alarm.look(NOON + 3)
    alarm.look(NOON + 4)
    assert bell.heard == [("mailbox office", "begins")]


def test_way_that_fails_is_tried_again_and_the_one_that_told_is_not(sqlite: Database, tmp_path: Path) -> None:
    bell = Bell()
    bell.broken = True
    both = {"webhook": "https://chat.example/hook"}
    trouble(sqlite, "away", NOON)
    alarm = watcher(sqlite, tmp_path, bell, **both)
    for n in range(4):
        alarm.look(NOON + n)
    assert (bell.heard, bell.tries) == ([("mailbox office", "begins")], 4)
    watcher(sqlite, tmp_path, bell, **both).look(NOON + 4)  # a restart
    assert bell.heard == [("mailbox office", "begins")]
    bell.broken = False
    alarm.look(NOON + 5)
    bell.broken = True
    alarm.look(NOON + 6)  # the webhook has told it, too
    assert (bell.heard, bell.tries) == ([("mailbox office", "begins")], 4)
    trouble(sqlite, None, NOON + 7)
    for n in (7, 8 + CALM_SECONDS, 9 + CALM_SECONDS):
        alarm.look(NOON + n)
    assert (bell.heard, bell.tries) == ([("mailbox office", "begins"), ("mailbox office", "over")], 6)


def test_database_that_is_away_is_told_and_nothing_else_ends(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bell = Bell()
    trouble(sqlite, "away", NOON)
    alarm = watcher(sqlite, tmp_path, bell)
    alarm.look(NOON + 1)

    def gone(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(standing, "look", gone)
        alarm.look(NOON + 2)
        alarm.look(NOON + 2 + CALM_SECONDS)
    alarm.look(NOON + 3 + CALM_SECONDS)
    alarm.look(NOON + 4 + 2 * CALM_SECONDS)
    assert bell.heard == [("mailbox office", "begins"), ("database", "begins"), ("database", "over")]


def test_database_that_was_deleted_is_told_with_its_file_and_over_when_it_is_back(
    sqlite: Database, tmp_path: Path
) -> None:
    bell = Bell()
    alarm = watcher(sqlite, tmp_path, bell)
    alarm.look(NOON)
    assert bell.heard == []
    assert sqlite.file is not None
    away = sqlite.file.rename(tmp_path / "away.db")
    alarm.look(NOON + 1)
    (said,) = [problem.said for problem in alarm._problems(NOON + 1) if problem.kind == "database"]
    assert f"there is no file {sqlite.file}" in said
    assert not sqlite.file.exists()
    away.rename(sqlite.file)
    alarm.look(NOON + 2)
    alarm.look(NOON + 3 + CALM_SECONDS)
    assert bell.heard == [("database", "begins"), ("database", "over")]


def test_database_that_a_running_desk_could_not_write_to_for_long_is_told(sqlite: Database, tmp_path: Path) -> None:
    bell = Bell()
    alarm = watcher(sqlite, tmp_path, bell)
    with sqlite.write() as session:
        beats.seen(session, DAEMON, NOON, None)
    alarm.look(NOON + standing.LATE_SECONDS - 1)
    assert bell.heard == []
    late = NOON + standing.LATE_SECONDS + 1
    alarm.look(late)
    (said,) = [problem.said for problem in alarm._problems(late) if problem.kind == "database"]
    assert said.startswith("database: mailgate runs, and could write nothing since 2027-01-15 08:00 UTC")
    with sqlite.write() as session:
        beats.seen(session, DAEMON, late, None)
    alarm.look(late + 1)
    alarm.look(late + 2 + CALM_SECONDS)
    assert bell.heard == [("database", "begins"), ("database", "over")]


def test_mailbox_that_nobody_looks_into_is_told_and_one_that_is_looked_into_is_not(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No error is on record: whoever would write it is gone, or hangs."""
    bell = Bell()
    alarm = watcher(sqlite, tmp_path, bell, after="5m")
    late = standing.LEFT_SECONDS + 60  # its poll

    def look(now: float) -> list[str]:
        monkeypatch.setattr(standing.time, "time", lambda: now)
        alarm.look(now)
        return [problem.said for problem in standing.look(alarm._settings, counted=False).problems]

    trouble(sqlite, None, NOON)
    assert look(NOON + late) == []
    said = "mailbox office: nobody looked into it since 2027-01-15 08:00 UTC; does `mailgate serve` run?"
    assert look(NOON + late + 1) == [said]
    assert bell.heard == []  # as after a stop of days: the first look comes within seconds
    assert look(NOON + late + 301) == [said]
    assert bell.heard == [("mailbox office", "begins")]
    trouble(sqlite, None, NOON + late + 302)
    assert look(NOON + late + 303) == []
    look(NOON + late + 304 + CALM_SECONDS)
    assert bell.heard == [("mailbox office", "begins"), ("mailbox office", "over")]


def test_mailbox_that_has_left_the_settings_is_nobodys_trouble_any_more(sqlite: Database, tmp_path: Path) -> None:
    bell = Bell()
    trouble(sqlite, "away", NOON)
    watcher(sqlite, tmp_path, bell).look(NOON + 1)
    alarm = watcher(sqlite, tmp_path, bell)
    alarm._settings = msgspec.structs.replace(alarm._settings, imap=())
    for moment in (NOON + 2, NOON + 3 + CALM_SECONDS):
        alarm.look(moment)
    assert bell.heard == [("mailbox office", "begins"), ("mailbox office", "over")]
    assert standing.look(alarm._settings).mailboxes == ()


def test_full_disk_is_a_problem_and_an_empty_one_is_none(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = desk(tmp_path, sqlite)

    def free(count: int) -> list[str]:
        usage = type("Usage", (), {"free": count, "total": 10**13})
        monkeypatch.setattr(standing.shutil, "disk_usage", lambda _: usage)
        return [problem.said for problem in standing.look(settings).problems if problem.kind == "disk"]

    assert free(10**12) == []
    (said,) = free(10_000_000)
    assert said.startswith("disk: 10 MB free at ")


# --- ways of telling ------------------------------------------------------------------------------------------------


@pytest.fixture
def hook() -> Iterator[Any]:
    """A page that keeps what is posted, and answers as `status` says."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.server.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]
            self.send_response(self.server.status)  # type: ignore[attr-defined]
            if self.server.status == 302:  # type: ignore[attr-defined]
                self.send_header("Location", "http://192.0.2.1/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server: Any = HTTPServer(("127.0.0.1", 0), Page)
    server.posted, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


ONE = Ring("grant m365", "begins", "grant m365: taken\nback", NOON)


def test_webhook_gets_json(hook: Any, sqlite: Database, tmp_path: Path) -> None:
    assert ring(desk(tmp_path, sqlite, command=None, webhook=f"http://127.0.0.1:{hook.server_port}/x"), ONE) == {}
    (posted,) = hook.posted
    assert posted["text"] == "Desk: grant m365: taken back"
    assert (posted["alarm"], posted["state"], posted["since"]) == ("grant m365", "begins", "2027-01-15T08:00:00Z")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_webhook_that_does_not_take_it_counts_as_untold(
    hook: Any, sqlite: Database, tmp_path: Path, status: int
) -> None:
    hook.status = status
    settings = desk(tmp_path, sqlite, command=None, webhook=f"http://127.0.0.1:{hook.server_port}/x")
    assert ring(settings, ONE).keys() == {"alarm.webhook"}
    assert ring(settings, ONE, but=("alarm.webhook",)) == {}


def test_command_gets_the_sentence_and_no_shell_sees_it(sqlite: Database, tmp_path: Path) -> None:
    script = tmp_path / "page"
    script.write_text(
        '#!/bin/sh\ncat >"$1"\nprintf "%s|%s|%s" "$MAILGATE_ALARM" "$MAILGATE_STATE" "$MAILGATE_SAID" >>"$1"\n'
    )
    script.chmod(0o755)
    evil = replace(ONE, said="$(touch evil); `touch evil`")
    ring(desk(tmp_path, sqlite, command=f"{script} heard"), evil)
    assert (tmp_path / "heard").read_text() == f"Desk: {evil.said}\ngrant m365|begins|{evil.said}"
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sh -c 'echo no such number >&2; exit 3'", "it ended with 3: no such number"),
        ("nowhere/page", "No such file or directory"),
        ("sleep 600", "it did not end within 0 s"),
    ],
)
def test_command_that_fails_or_hangs_says_so(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, said: str
) -> None:
    if command == "sleep 600":
        monkeypatch.setattr(ringing, "COMMAND_SECONDS", 0.2)
    assert ring(desk(tmp_path, sqlite, command=command), ONE) == {"alarm.command": said}


def test_command_that_leaves_something_in_the_background_has_told(sqlite: Database, tmp_path: Path) -> None:
    assert ring(desk(tmp_path, sqlite, command="sh -c 'sleep 5 & echo $! >left'"), ONE) == {}
    os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)  # it is still there: nobody waited for it


@pytest.mark.parametrize("dribbles", [False, True])
def test_webhook_that_hangs_is_left_in_time(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dribbles: bool
) -> None:
    monkeypatch.setattr(ringing, "WEBHOOK_SECONDS", 0.5)
    done = threading.Event()

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            while not done.wait(0.05):
                if dribbles:
                    client.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        settings = desk(tmp_path, sqlite, command=None, webhook=f"http://127.0.0.1:{listener.getsockname()[1]}/x")
        failed = ring(settings, ONE)
        done.set()
        thread.join()
    for left in threading.enumerate():
        if left.name == "webhook":
            left.join()
    assert failed.keys() == {"alarm.webhook"}


def test_over_says_what_it_was(sqlite: Database, tmp_path: Path) -> None:
    said = alarms.ringing.sentence(desk(tmp_path, sqlite), replace(ONE, state="over"))
    assert said == "Desk: grant m365 is well again (it was: grant m365: taken back)"


def test_over_says_no_more_what_to_do(sqlite: Database, tmp_path: Path) -> None:
    down = replace(ONE, name="relay", state="over", said="relay: refused, since 09:12; mail is kept and tried again")
    said = alarms.ringing.sentence(desk(tmp_path, sqlite), down)
    assert said == "Desk: relay is well again (it was: relay: refused, since 09:12)"


# --- ends of secrets ------------------------------------------------------------------------------------------------


def secret(**more: Any) -> Secret:
    return replace(Secret("m365", "microsoft", False, None, None, None, False), **more)


@pytest.mark.parametrize(
    ("ends_in", "said"),
    [
        (None, None),
        (15 * 86400.0, None),
        (13.5 * 86400.0, "its secret ends in 13 days; make a new one at the provider, and set secret_ends"),
        (3600.0, "its secret ends in less than a day; make a new one at the provider, and set secret_ends"),
        (-1.0, "its secret has ended; make a new one at the provider, and set secret_ends"),
    ],
)
def test_secret_is_told_two_weeks_before_its_end(ends_in: float | None, said: str | None) -> None:
    assert ends.trouble(secret(ends=None if ends_in is None else NOON + ends_in), NOON) == said


def test_date_in_the_settings_is_its_last_day_here(tmp_path: Path) -> None:
    grant = Grant("m365", "microsoft", client_id="1", client_secret_file="s", secret_ends=date(2027, 1, 31))
    settings = Settings(desk=Desk("D", "d@d.example", "Europe/Berlin"), grant=(grant,), folder=str(tmp_path))
    (found,) = ends.secrets(settings)
    assert found.ends is not None
    assert standing.iso(found.ends) == "2027-01-31T23:00:00Z"
