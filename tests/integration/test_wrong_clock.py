"""A desk whose machine has the wrong time, at a real mailbox that has the right one: `status` and `check` say so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from servers.clock import Clock
from servers.daemon import Daemon
from servers.dovecot import Dovecot
from servers.process import until

pytestmark = pytest.mark.real("dovecot-imapd", "faketime")

DAY = timedelta(days=1)
SETTINGS = """
[desk]
name = "Help"
address = "help@desk.example"
[[imap]]
name = "office"
host = "{host}"
port = {port}
tls = "none"
user = "{user}"
password_file = "{password_file}"
[[staff]]
name = "Agent"
email = "agent@desk.example"
"""


class Desk:
    """Its daemon, its clock and its mailbox."""

    def __init__(self, folder: Path, dovecot: Dovecot, user: str) -> None:
        self.dovecot, self.user = dovecot, user
        self.clock = Clock(folder / "clock")
        known = {"host": dovecot.host, "port": dovecot.port, "user": user, "password_file": dovecot.password_file}
        self.daemon = Daemon(folder, SETTINGS.format(**known), smtp=False, environment=self.clock.environment)

    def takes(self, number: int, *, before: timedelta = timedelta()) -> None:
        """A mail that arrives at the mailbox so long before now, and becomes a ticket."""
        mail = f"From: jane@acme.example\r\nMessage-ID: <{number}@acme.example>\r\nSubject: {number}\r\n\r\nHelp.\r\n"
        self.dovecot.deliver(self.user, mail.encode(), received=datetime.now(UTC) - before)
        until(lambda: self.daemon.json("status")["tickets"] == number, f"ticket {number}")

    def status_says(self) -> list[str]:
        """Of the clock."""
        return [said for said in self.daemon.json("status")["problems"] if said.startswith("clock")]

    def check_says(self) -> list[str]:
        """Of the clock, and what to do."""
        checks = json.loads(self.daemon.run("check", "--json", status=None))["checks"]
        return [
            f"{one['found']}; {one['todo']}" for one in checks if (one["check"], one["state"]) == ("clock", "failed")
        ]


@pytest.fixture
def desk(tmp_path: Path, dovecot: Dovecot) -> Iterator[Callable[[timedelta], Desk]]:
    made = []

    def start(ahead: timedelta) -> Desk:
        made.append(Desk(tmp_path, dovecot, f"clock-{tmp_path.name}"))
        made[0].clock.set(ahead)
        dovecot.maildir(made[0].user)
        made[0].daemon.start()
        until(lambda: made[0].daemon.json("status")["mailboxes"][0]["last_success"], "a first look at the mailbox")
        return made[0]

    yield start
    made[0].daemon.close()


def test_clock_a_day_behind_is_told_by_the_first_mail(desk: Callable[[timedelta], Desk]) -> None:
    late = desk(-DAY)
    late.takes(1)
    (said,) = late.status_says()
    assert said == "clock: mails arrive 24.0 hours from now: this machine's clock is behind; `timedatectl set-ntp true`"
    (said,) = late.check_says()
    assert said == "ours is 24.0 hours behind, or the mailboxes' wrong; set the clock (`timedatectl set-ntp true`)"


def test_clock_a_day_ahead_is_told_by_mails_that_all_seem_a_day_old(desk: Callable[[timedelta], Desk]) -> None:
    early = desk(DAY)
    for number, before in enumerate((20, 10, 0), start=1):
        early.clock.set(DAY - timedelta(minutes=before))
        early.takes(number, before=timedelta(minutes=before))
    (said,) = early.status_says()
    assert said.startswith(
        "clock: mails arrive 24.0 hours ago: this machine's clock is ahead, and nobody is acknowledged"
    )
    (said,) = early.check_says()
    assert said.startswith("ours is 24.0 hours ahead")


def test_right_clock_is_not_doubted(desk: Callable[[timedelta], Desk]) -> None:
    right = desk(timedelta())
    for number, before in enumerate((20, 10, 0), start=1):
        right.takes(number, before=timedelta(minutes=before))
    assert right.status_says() == []
    assert right.check_says() == []
