"""A real `mailgate serve` in a folder of its own, its relay beside it, and what became of the mails given to it."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from mailgate import settings
from mailgate.demo.relay import Relay, Sent
from mailgate.errors import CommandError
from storage import listings
from storage.database import Database
from storage.listings import ArrivalRow, TicketRow

START_SECONDS = 60.0  # of a machine that is busy with all the tests; else it takes one
PATIENCE_SECONDS = 15.0  # for one mail; it takes a tenth of a second
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02

SETTINGS = """\
[desk]
name = "Example Service Desk"
address = "help@desk.example"

[smtp]
listen = ["127.0.0.1:{port}"]
auth_results = "mx.demo"  # what the demo's own mail server writes about who sent a mail

[relay]
host = "127.0.0.1"
port = {relay}

[[queue]]
name = "Service Desk"
default = true

[[queue]]
name = "Hardware"
members = ["anna@desk.example"]

[[staff]]
name = "Anna Agent"
email = "anna@desk.example"

[[partner]]
name = "Acme"
domains = ["acme.example"]

[[rule]]
name = "printers"
when = {{ subject = {{ matches = '(?i)printer (?P<model>\\S+)' }} }}
set = {{ queue = "Hardware", fields = {{ model = "{{model}}" }} }}
"""


@dataclass(frozen=True, slots=True)
class Event:
    """A mail of the desk's that is expected: what it is, and to whom."""

    event: str
    recipient: str


class Desk:
    """Started on entering, stopped and removed on leaving."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mailgate-demo-")
        self.folder = Path(self._folder.name)
        self.file = self.folder / "mailgate.toml"
        self.relay = Relay()
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Desk:
        self.relay.__enter__()
        self.file.write_text(SETTINGS.format(port=self.port, relay=self.relay.port))
        self.db = Database(settings.load(self.file).database_url)
        # -P: a folder named storage where the visitor stands is not ours
        program = [sys.executable, "-P", "-c", "from mailgate.cli.main import main; main()"]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                [*program, "serve", "--config", str(self.file)], stdout=log, stderr=log, start_new_session=True
            )
        try:
            self._until(self._open, START_SECONDS, "the daemon did not start")
        except CommandError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self.db.close()
        self.relay.__exit__()
        self._folder.cleanup()

    def send(self, message: EmailMessage) -> None:
        """Over SMTP, from the author to the desk."""
        with smtplib.SMTP("127.0.0.1", self.port, "mx.demo", timeout=PATIENCE_SECONDS) as smtp:
            smtp.send_message(message)

    def outcome(self, message_id: str) -> ArrivalRow | None:
        """What became of a mail, once that is decided; None where it was not in time."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            for row in self.arrivals():
                if row.message_id == message_id.strip("<>") and row.state != "new":
                    return row
            time.sleep(POLL_SECONDS)
        return None

    def arrivals(self) -> list[ArrivalRow]:
        """All mails that arrived, the newest first."""
        with self.db.read() as connection:
            return list(listings.arrivals(connection)[0])

    def tickets(self) -> list[TicketRow]:
        """All tickets, the oldest first."""
        with self.db.read() as connection:
            rows, _ = listings.tickets(connection, state_types=None)
        return sorted(rows, key=lambda row: row.id)

    def sent(self, expected: Sequence[Event], after: int) -> list[Sent]:
        """What the relay got after its first `after` mails, once all that is expected came; in time or not."""
        wanted = [(event.event, event.recipient) for event in expected]
        with self.relay.changed:
            self.relay.changed.wait_for(
                lambda: _contains([(s.event, s.recipient) for s in self.relay.sent[after:]], wanted), PATIENCE_SECONDS
            )
            return self.relay.sent[after:]

    def drained(self) -> bool:
        """Whether everything that was written has been sent; in time or not."""

        def waiting() -> bool:
            with self.db.read() as connection:
                return not listings.letters(connection, states=("pending", "deferred"))[1]

        try:
            self._until(waiting, PATIENCE_SECONDS, "")
        except CommandError:
            return False
        return True

    def _open(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def _until(self, done: Callable[[], bool], seconds: float, otherwise: str) -> None:
        end = time.monotonic() + seconds
        while not done():
            dead = self._process is not None and self._process.poll() is not None
            if dead or time.monotonic() > end:
                log = (self.folder / "log").read_text(errors="replace")
                raise CommandError(f"{otherwise}:\n{log[-2000:]}")
            time.sleep(POLL_SECONDS)


def _contains(found: list[tuple[str, str]], wanted: Sequence[tuple[str, str]]) -> bool:
    """Whether all that is wanted was found, each as often."""
    rest = list(found)
    for one in wanted:
        if one not in rest:
            return False
        rest.remove(one)
    return True


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
