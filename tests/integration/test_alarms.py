"""Each alarm by the real trouble: told once, once more when it is over, not again after a restart; status and metrics
say the same."""

from __future__ import annotations

import smtplib
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from servers.daemon import Daemon
from servers.dovecot import Dovecot
from servers.process import until
from servers.sink import Sink
from servers.watching import account, watching

from mailgate import settings as files
from mailgate.alarms.ringing import Ring
from mailgate.alarms.standing import look
from mailgate.alarms.watch import CALM_SECONDS, Alarms
from mailgate.application import open_application
from mailgate.intake import imap
from mailgate.monitoring.readings import Readings
from mailgate.monitoring.roster import Roster
from mailgate.outgoing import sender
from mailgate.outgoing.sender import Sender
from mailgate.settings import Settings
from mailgate.worker import Worker
from storage import journal
from storage.database import Database
from storage.journal import Arrival

AFTER = 300.0
HOUR = 3600.0
DESK = """
[desk]
name = "Desk"
address = "help@desk.example"
[storage]
url = "{url}"
[alarm]
command = "true"
"""


class Desk:
    """Settings, a database, and who hears its alarms; `look` looks some time from now."""

    def __init__(self, folder: Path, db: Database, more: str = "") -> None:
        self.db = db
        file = folder / "mailgate.toml"
        file.write_text(DESK.format(url=db.url) + more)
        self.settings: Settings = files.load(file)
        self.heard: list[tuple[str, str]] = []
        self.restart()

    def restart(self) -> None:
        """Another process looks from now on."""
        self._alarms = Alarms(self.settings, self.db, threading.Event(), threading.Event(), ring=self._ring)

    def _ring(self, _: Settings, one: Ring, __: Collection[str]) -> dict[str, str]:
        self.heard.append((one.name, one.state))
        return {}

    def look(self, later: float = 0.0) -> None:
        self._alarms.look(time.time() + later)

    def shown(self, kind: str) -> tuple[int, float | None, float | None]:
        """How many problems of a kind `status` has, and the metrics; and how many alarms are active."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Readings(self.settings, Roster()))
        problems = sum(problem.kind == kind for problem in look(self.settings).problems)
        return (
            problems,
            registry.get_sample_value("mailgate_problems", {"kind": kind}),
            registry.get_sample_value("mailgate_alarms_active", {"kind": kind}),
        )

    def tells(self, name: str, kind: str, begin: Callable[[], Any], end: Callable[[], Any]) -> None:
        """The whole life of one alarm."""
        self.look()
        assert self.heard == []
        assert self.shown(kind) == (0, 0, 0)
        begin()
        self.look(AFTER)
        assert self.heard == [(name, "begins")]
        assert self.shown(kind) == (1, 1, 1)
        self.look(AFTER + 20)
        self.restart()
        self.look(AFTER + 40)
        assert self.heard == [(name, "begins")]
        end()
        self.look(AFTER + 60)
        self.restart()
        self.look(AFTER + 61 + CALM_SECONDS)
        self.look(AFTER + 90 + CALM_SECONDS)
        assert self.heard == [(name, "begins"), (name, "over")]
        assert self.shown(kind) == (0, 0, 0)


@pytest.fixture
def private_dovecot() -> Iterator[Dovecot]:
    server = Dovecot()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.mark.real("dovecot-imapd")
def test_mailbox_whose_server_is_stopped(
    private_dovecot: Dovecot, sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "LONGEST_PAUSE", 0.2)
    server = private_dovecot
    (tmp_path / "p").write_text("pw")
    box = f'[[imap]]\nname = "office"\nhost = "{server.host}"\nport = {server.port}\ntls = "none"\nuser = "anna"\n'
    desk = Desk(tmp_path, sqlite, box + 'password_file = "p"\n')

    def stands(error: bool) -> Callable[[], bool]:
        def look_at() -> bool:
            (mailbox,) = look(desk.settings).mailboxes
            return mailbox.last_success is not None and (mailbox.error is not None) == error

        return look_at

    with watching(sqlite, account(server, "anna", poll=1)):
        until(stands(error=False), "the mailbox is watched")

        def begin() -> None:
            server.stop()
            until(stands(error=True), "it is missed")

        def end() -> None:
            server.start()
            until(stands(error=False), "it is there again")

        desk.tells("mailbox office", "mailbox", begin, end)


def test_relay_that_is_down(sqlite: Database, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "LONGEST_WAIT", 0.2)
    desk = Desk(tmp_path, sqlite, f'[relay]\nhost = "127.0.0.1"\nport = {sink.port}\n')
    app = open_application(desk.settings)
    stopping = threading.Event()
    thread = threading.Thread(target=Sender(desk.settings, sqlite, stopping, "host:file:1").run)
    thread.start()
    away = sink.away()

    def stands(error: bool) -> Callable[[], bool]:
        def look_at() -> bool:
            beats = [beat for beat in look(desk.settings).status.beats if beat.name == "relay"]
            return bool(beats) and (beats[0].error is not None) == error

        return look_at

    def begin() -> None:
        away.__enter__()
        work(app.db, desk, 1)  # its acknowledgement has to go out
        until(stands(error=True), "it is missed")

    def end() -> None:
        away.__exit__(None, None, None)
        until(stands(error=False), "it is there again")

    try:
        desk.tells("relay", "relay", begin, end)
        assert sink.to("anna1@acme.example")
    finally:
        stopping.set()
        thread.join(20)
        app.db.close()


def arrive(db: Database, number: int, at: float) -> None:
    raw = (
        f"From: anna{number}@acme.example\r\nTo: help@desk.example\r\nSubject: Printer\r\n"
        f"Message-ID: <m{number}@acme.example>\r\n\r\nBroken.\r\n"
    ).encode()
    sent_by = f"anna{number}@acme.example"
    with db.write() as session:
        journal.append(session, [journal.entry(Arrival("smtp", "", sent_by, ("help@desk.example",), raw, True))], at)


def work(db: Database, desk: Desk, number: int | None = None) -> None:
    if number is not None:
        arrive(db, number, time.time())
    app = open_application(desk.settings)
    worker = Worker(app, "host:file:work", threading.Event())
    while worker.step():
        pass
    app.db.close()


def test_backlog_that_nobody_works(database: Database, tmp_path: Path) -> None:
    desk = Desk(tmp_path, database)
    ago = time.time() - AFTER
    desk.tells("backlog", "backlog", lambda: arrive(database, 1, ago), lambda: work(database, desk))


def test_disk_that_is_full_for_the_largest_mails(sqlite: Database, tmp_path: Path) -> None:
    desk = Desk(tmp_path, sqlite, '[smtp]\nmax_size = "25MB"\n')

    def need(size: str) -> None:
        desk.settings = files.load(resized(tmp_path / "mailgate.toml", size))
        desk.restart()

    desk.tells("disk", "disk", lambda: need("900000GB"), lambda: need("25MB"))


def resized(file: Path, size: str) -> Path:
    lines = [f'max_size = "{size}"' if line.startswith("max_size") else line for line in file.read_text().splitlines()]
    file.write_text("\n".join(lines))
    return file


def test_grant_whose_secret_has_ended(sqlite: Database, tmp_path: Path) -> None:
    """What a provider takes back is in test_grant_life, with a real token endpoint."""
    grant = (
        '[[grant]]\nname = "m365"\nprovider = "microsoft"\nclient_id = "1"\ntenant = "2"\nclient_secret_file = "s"\n'
    )
    desk = Desk(tmp_path, sqlite, grant)
    file = tmp_path / "mailgate.toml"

    def ends(day: str) -> None:
        file.write_text(DESK.format(url=sqlite.url) + grant + f"secret_ends = {day}\n")
        desk.settings = files.load(file)
        desk.restart()

    desk.tells("grant m365", "grant", lambda: ends("2020-01-31"), lambda: ends("2099-01-31"))


# --- who hangs -----------------------------------------------------------------------------------------------------

HANGING = """
[desk]
name = "Desk"
address = "help@desk.example"
[smtp]
listen = ["127.0.0.1:{{port}}"]
[relay]
host = "127.0.0.1"
port = {relay}
[alarm]
command = "sh -c 'touch rung; exec sleep 1000'"
after = "0"
[[grant]]
name = "m365"
provider = "microsoft"
client_id = "1"
tenant = "2"
client_secret_file = "s"
secret_ends = 2020-01-31
"""


def test_alarm_command_that_hangs_holds_up_neither_mail_nor_the_end(tmp_path: Path, sink: Sink) -> None:
    daemon = Daemon(tmp_path, HANGING.format(relay=sink.port))
    try:
        daemon.start()
        until((tmp_path / "rung").exists, "the alarm is rung")  # the grant's, at once
        with smtplib.SMTP("127.0.0.1", daemon.port) as client:
            client.sendmail("anna@acme.example", ["help@desk.example"], MAIL)
        assert [mail.rcpt_to for mail in sink.wait(1)] == [("anna@acme.example",)]
        assert daemon.settled()["journal"]["done"] == 1
        assert daemon.stop() == 0
    finally:
        daemon.close()


MAIL = """\
From: anna@acme.example
To: help@desk.example
Subject: Printer
Message-ID: <1@acme.example>

It burns.
"""
