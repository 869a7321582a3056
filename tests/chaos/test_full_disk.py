"""The disk fills up under a running daemon, and is emptied again."""

from __future__ import annotations

import resource
import smtplib
from pathlib import Path

from servers.daemon import Daemon

from storage import schema
from storage.database import Database

SETTINGS = """
[desk]
name = "Chaos Desk"
address = "help@desk.example"
[smtp]
listen = ["127.0.0.1:{port}"]
[answers]
unknown = "off"
"""
ROOM = 2_000_000  # bytes that a file may grow to: what a full disk looks like to the daemon


def mail(number: int) -> bytes:
    return f"From: p{number}@acme.example\r\nMessage-ID: <{number}@acme.example>\r\n\r\n{'x' * 20_000}\r\n".encode()


def limit(pid: int, size: int) -> None:
    for process in (pid, *children(pid)):
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def send(port: int, number: int) -> int:
    """The code that DATA was answered with."""
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.ehlo()
        client.mail(f"p{number}@acme.example")
        client.rcpt("help@desk.example")
        return client.data(mail(number))[0]


def test_full_disk_is_a_temporary_refusal_and_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, SETTINGS).start()
    try:
        assert daemon.process is not None
        limit(daemon.process.pid, ROOM)
        codes = [send(daemon.port, number) for number in range(150)]
        assert set(codes) == {250, 451}, "some were taken, and the rest put off"
        limit(daemon.process.pid, resource.RLIM_INFINITY)
        again = [send(daemon.port, number) for number, code in enumerate(codes) if code == 451]
        assert set(again) == {250}
        status = daemon.settled(60)
    finally:
        stopped = daemon.stop()
        daemon.close()
    assert stopped == 0
    assert status["journal"] == {"new": 0, "done": 150, "parked": 0}
    assert status["tickets"] == 150
    assert schema.integrity(Database(f"sqlite:///{tmp_path / 'mailgate.db'}")) == []
