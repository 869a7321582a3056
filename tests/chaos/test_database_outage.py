"""PostgreSQL is killed under a running daemon, and comes back."""

from __future__ import annotations

import smtplib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from servers.daemon import Daemon
from servers.postgres import Postgres

from storage import schema
from storage.database import Database
from storage.tables import article

SETTINGS = """
[desk]
name = "Chaos Desk"
address = "help@desk.example"
[storage]
url = "{url}"
[smtp]
listen = ["127.0.0.1:{{port}}"]
[answers]
unknown = "off"
"""


@pytest.fixture
def server() -> Iterator[Postgres]:
    """One of the test's own: it is killed."""
    server = Postgres(fsync=True)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.mark.real("postgresql-15")
def test_outage_of_the_database_loses_nothing_and_parks_nobody(tmp_path: Path, server: Postgres) -> None:
    url = server.new()
    daemon = Daemon(tmp_path, SETTINGS.format(url=url)).start()
    acknowledged: list[int] = []
    refused: set[int] = set()
    done = threading.Event()

    def load() -> None:
        number = 0
        while not done.is_set():
            number += 1
            raw = f"From: p{number}@acme.example\r\nMessage-ID: <{number}@acme.example>\r\n\r\nHelp.\r\n".encode()
            while (code := send(daemon.port, number, raw)) != 250:
                refused.add(code)
                if done.wait(0.05):
                    return
            acknowledged.append(number)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for outage in range(2):
            wait_for(acknowledged, 20 * (outage + 1))
            server.kill()
            time.sleep(1.5)  # the length of the outage, not a synchronisation
            server.start()
        wait_for(acknowledged, len(acknowledged) + 20)
        done.set()
        thread.join(30)
        status = daemon.settled(90)
    finally:
        done.set()
        stopped = daemon.stop()
        daemon.close()
    assert stopped == 0
    assert refused <= {451, 0}
    assert status["journal"]["parked"] == 0
    db = Database(url)
    with db.read() as session:
        there = set(session.execute(sa.select(article.c.message_id).where(article.c.direction == "in")).scalars())
    assert {f"{n}@acme.example" for n in acknowledged} <= there
    assert schema.integrity(db) == []
    db.close()


def send(port: int, number: int, raw: bytes) -> int:
    """The code that the mail was answered with; 0 where the connection broke."""
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            client.ehlo()
            client.mail(f"p{number}@acme.example")
            client.rcpt("help@desk.example")
            return client.data(raw)[0]
    except (OSError, smtplib.SMTPException):
        return 0


def wait_for(acknowledged: list[int], count: int, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while len(acknowledged) < count:
        assert time.monotonic() < end, len(acknowledged)
        time.sleep(0.05)
