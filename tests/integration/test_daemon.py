"""The whole daemon as its users meet it: mail in by SMTP, tickets in the terminal, letters at the relay."""

from __future__ import annotations

import contextlib
import os
import signal
import smtplib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from itertools import count
from pathlib import Path

import pytest
from servers.daemon import COMMAND, Daemon
from servers.sink import Received, Sink

SETTINGS = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[smtp]
listen = ["127.0.0.1:{{port}}"]
auth_results = "mx.desk.example"
[relay]
host = "127.0.0.1"
port = {relay}
[[queue]]
name = "Service Desk"
default = true
[[queue]]
name = "Hardware"
address = "hardware@desk.example"
members = ["tech@desk.example"]
[[staff]]
name = "First Agent"
email = "agent@desk.example"
[[staff]]
name = "Technician"
email = "tech@desk.example"
[[partner]]
name = "Acme"
domains = ["acme.example"]
[[rule]]
name = "printers"
when = {{ subject = {{ matches = "(?i)printer (?P<model>\\\\S+)" }} }}
set = {{ queue = "Hardware", fields = {{ model = "{{model}}" }} }}
"""
_serial = count(1)
PASS = "Authentication-Results: mx.desk.example; dmarc=pass header.from=desk.example\r\n"


@pytest.fixture
def daemon(tmp_path: Path, sink: Sink) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, SETTINGS.format(relay=sink.port))
    try:
        yield daemon.start()
    finally:
        daemon.close()


def send(
    daemon: Daemon, sender: str, subject: str, text: str, *, headers: str = "", to: str = "help@desk.example"
) -> None:
    raw = (
        f"{headers}From: Somebody <{sender}>\r\nTo: {to}\r\nSubject: {subject}\r\n"
        f"Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nMessage-ID: <m{next(_serial)}@acme.example>\r\n\r\n{text}\r\n"
    )
    with smtplib.SMTP("127.0.0.1", daemon.port) as client:
        client.sendmail(sender, [to], raw.encode())


def letter(sink: Sink, wanted: Callable[[Received], bool], seconds: float = 15) -> Received:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for received in sink.mails:
            if wanted(received):
                return received
        time.sleep(0.05)
    raise AssertionError([(r.rcpt_to, r.message["X-Mailgate-Event"]) for r in sink.mails])


def to(address: str, event: str) -> Callable[[Received], bool]:
    return lambda r: r.rcpt_to == (address,) and r.message["X-Mailgate-Event"] == event


def answering(received: Received) -> str:
    return f"In-Reply-To: {received.message['Message-ID']}\r\nReferences: {received.message['Message-ID']}\r\n"


def test_a_mail_becomes_an_incident_and_gets_its_answer(daemon: Daemon, sink: Sink) -> None:
    send(daemon, "anna@acme.example", "Printer HP4 is broken", "It eats paper.")
    acknowledgement = letter(sink, to("anna@acme.example", "acknowledgement"))
    notice = letter(sink, to("tech@desk.example", "notice"))
    assert "It eats paper." in notice.message.as_string()
    [row] = daemon.json("ticket", "list")
    assert (row["queue"], row["partner"], row["state"], row["requester"]) == (
        "Hardware",
        "Acme",
        "new",
        "anna@acme.example",
    )
    send(daemon, "tech@desk.example", "Re: Printer HP4 is broken", "A new one comes.", headers=PASS + answering(notice))
    answer = letter(sink, to("anna@acme.example", "answer"))
    assert "A new one comes." in answer.message.as_string()
    send(daemon, "anna@acme.example", "Re: Printer HP4 is broken", "Thank you.", headers=answering(acknowledgement))
    letter(sink, lambda r: r.rcpt_to == ("tech@desk.example",) and "Thank you." in r.message.as_string())
    daemon.settled()
    [shown] = daemon.json("ticket", "show", row["number"])
    assert (shown["state"], shown["owner"], shown["fields"]) == ("open", "tech@desk.example", {"model": "HP4"})
    assert [(a["direction"], a["visibility"]) for a in shown["articles"]] == [
        ("in", "public"),
        ("out", "public"),
        ("in", "public"),
        ("in", "public"),
    ]


def test_mails_that_the_server_in_front_kept_for_days_are_tickets_and_the_last_days_are_acknowledged(
    daemon: Daemon, sink: Sink
) -> None:
    for name, days in (("old", 3), ("new", 0.5)):
        there = formatdate(time.time() - days * 86400)
        relayed = f"Received: from acme.example by mx.desk.example with ESMTP id 4XyZ; {there}\r\n"
        send(daemon, f"{name}@acme.example", f"The {name} one", "It hums.", headers=relayed)
    letter(sink, to("new@acme.example", "acknowledgement"))
    rows = {row["subject"]: row["number"] for row in daemon.json("ticket", "list")}
    assert set(rows) == {"The old one", "The new one"}
    daemon.stop()  # what is in hand goes out first
    assert not [r for r in sink.mails if r.rcpt_to == ("old@acme.example",)]


def test_forged_staff_mail_waits_for_its_confirmation(daemon: Daemon, sink: Sink) -> None:
    send(daemon, "anna@acme.example", "Portal is slow", "Very slow.")
    notice = letter(sink, to("agent@desk.example", "notice"))
    send(daemon, "agent@desk.example", "Re: Portal is slow", "Send us your password.", headers=answering(notice))
    confirm = letter(sink, to("agent@desk.example", "confirm"))
    status = daemon.settled()
    assert status["outbox"]["held"] == 1
    assert not any(to("anna@acme.example", "answer")(r) for r in sink.mails)
    send(daemon, "agent@desk.example", "Re: Portal is slow", "#send", headers=answering(confirm))
    answer = letter(sink, to("anna@acme.example", "answer"))
    assert "Send us your password." in answer.message.as_string()
    assert daemon.settled()["journal"] == {"new": 0, "done": 3, "parked": 0}


def test_relay_that_is_seen_to_replace_ids_brings_the_number_into_subjects_without_a_new_start(
    daemon: Daemon, sink: Sink
) -> None:
    sink.kept = "250 2.0.0 Ok <0100-1@eu-west-1.amazonses.example>"
    for number in range(1, 40):
        person = f"anna{number}@acme.example"
        send(daemon, person, "Portal is slow", "Very slow.")
        subject = letter(sink, to(person, "acknowledgement")).message["Subject"]
        if subject != "Re: Portal is slow":
            break
        daemon.settled()
    assert number > 1, "nothing was known of the relay at first"
    [shown] = daemon.json("ticket", "show", f"INC-{1000 + number}")
    assert shown["token"] in subject


def test_new_settings_are_used_without_a_connection_refused(daemon: Daemon, sink: Sink) -> None:
    text = daemon.file.read_text()
    daemon.file.write_text(text.replace('name = "Hardware"\naddress', 'name = "Hardwares"\naddress'))
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    wait(lambda: "the new settings are not used" in daemon.log(), daemon)  # a rule names the old queue, almost
    daemon.file.write_text(text.replace('"Hardware"', '"Devices"'))
    daemon.process.send_signal(signal.SIGHUP)
    wait(lambda: "the new settings are in use" in daemon.log(), daemon)
    send(daemon, "anna@acme.example", "Printer X1", "Broken.")
    daemon.settled()
    assert [t["queue"] for t in daemon.json("ticket", "list")] == ["Devices"]


def test_stopping_finishes_what_is_in_hand(daemon: Daemon) -> None:
    for number in range(30):
        send(daemon, f"p{number}@acme.example", f"Question {number}", "How?")
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.settled()["journal"] == {"new": 0, "done": 30, "parked": 0}


def test_a_stop_of_the_whole_group_is_heard_at_every_moment_of_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it greets nobody, and connections wait for a minute
        port = silent.getsockname()[1]
        box = f'[[imap]]\nname = "office"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nuser = "u"\n'
        (tmp_path / "pw").write_text("pw\n")
        (tmp_path / "pw").chmod(0o600)
        daemon = Daemon(tmp_path, SETTINGS.format(relay=port) + box + 'password_file = "pw"\n')
        for number in range(16):
            with (tmp_path / "log").open("ab") as log:
                command = [*COMMAND, "serve", "--config", str(daemon.file)]
                process = subprocess.Popen(command, stderr=log, start_new_session=True)
            try:
                wait(lambda of=process: hears(of.pid), daemon)
                time.sleep(number * 0.1)
                os.killpg(process.pid, (signal.SIGTERM, signal.SIGINT)[number % 2])
                assert process.wait(15) == 0, f"at {number * 0.1:.1f} s: {daemon.log()}"
                with pytest.raises(ProcessLookupError):
                    os.killpg(process.pid, 0)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    assert "Traceback" not in daemon.log()


def hears(pid: int) -> bool:
    """Whether the process itself, and not the kernel, ends it at SIGTERM (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_second_daemon_with_the_same_settings_is_refused(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailgate import locking, supervisor
    from mailgate.errors import CommandError

    monkeypatch.setattr(locking, "AFTER_A_KILL", 0.0)
    with pytest.raises(CommandError, match="running already"):
        supervisor.serve(daemon.file)


def wait(holds: Callable[[], bool], daemon: Daemon, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, daemon.log()
        time.sleep(0.05)


def test_systemd_is_told_that_it_serves_lives_and_stops(
    tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        daemon = Daemon(tmp_path, SETTINGS.format(relay=sink.port))
        try:
            daemon.start()
            assert systemd.recv(4096).startswith(b"READY=1")
            assert [systemd.recv(4096) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            assert daemon.stop() == 0
        finally:
            daemon.close()
        systemd.settimeout(0)
        said = []
        with contextlib.suppress(BlockingIOError):
            while True:
                said.append(systemd.recv(4096))
    assert b"STOPPING=1" in said
