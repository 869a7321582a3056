"""The daemon before a mailbox in use: an old one, beside another desk in shadow, and after an outage."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from servers.daemon import Daemon
from servers.dovecot import PASSWORD, Dovecot, Kept
from servers.process import until
from servers.sink import Sink

pytestmark = pytest.mark.real("dovecot-imapd")
_users = count(1)

SETTINGS = """\
[desk]
name = "Help"
address = "help@desk.example"

[answers]
per_address = "off"
per_subject = "off"

[[staff]]
name = "Anna"
email = "anna@desk.example"

[[imap]]
name = "office"
host = "{imap_host}"
port = {imap_port}
tls = "none"
user = "{user}"
password_file = "{password_file}"
poll = 1

[relay]
host = "127.0.0.1"
port = {relay_port}
"""
OLD = 5_000
AT_ONCE = 1_000  # of MULTIAPPEND


def mail(name: str, sender: str = "jane@acme.example", when: datetime | None = None, more: str = "") -> bytes:
    date = format_datetime(when or datetime.now(UTC))
    return (
        f"From: Jane <{sender}>\r\nTo: help@desk.example\r\nSubject: Printer {name}\r\n"
        f"Message-ID: <{name}@acme.example>\r\n"
        f"Date: {date}\r\n{more}\r\nIt burns.\r\n"
    ).encode()


@pytest.fixture
def user() -> str:
    return f"first{next(_users)}"


@pytest.fixture
def daemon(tmp_path: Path, dovecot: Dovecot, sink: Sink, user: str) -> Iterator[Daemon]:
    values = {"imap_host": dovecot.host, "imap_port": dovecot.port, "user": user, "relay_port": sink.port}
    text = SETTINGS
    for key, value in {**values, "password_file": dovecot.password_file}.items():
        text = text.replace(f"{{{key}}}", str(value))
    running = Daemon(tmp_path, text, smtp=False)
    yield running
    running.close()


def append(server: Dovecot, user: str, mails: list[bytes], flags: str = "") -> None:
    """By IMAP, many in one command (RFC 3502), as a provider's migration does."""
    with socket.create_connection((server.host, server.port)) as sock, sock.makefile("rwb") as wire:
        wire.readline()

        def say(command: bytes) -> None:
            wire.write(b"a " + command + b"\r\n")
            wire.flush()
            while not (line := wire.readline()).startswith(b"a "):
                assert line
            assert line.startswith(b"a OK"), line

        say(f"LOGIN {user} {PASSWORD}".encode())
        for start in range(0, len(mails), AT_ONCE):
            parts = [b"(%s) {%d+}\r\n%s" % (flags.encode(), len(raw), raw) for raw in mails[start : start + AT_ONCE]]
            say(b"APPEND INBOX " + b" ".join(parts))


def reached(daemon: Daemon) -> dict[str, Any]:
    """Once the mailbox has been looked at."""
    return until(lambda: (s := daemon.json("status"))["mailboxes"][0]["last_success"] and s, "a look at the mailbox")


def tickets(daemon: Daemon, number: int) -> list[dict[str, Any]]:
    try:
        return until(lambda: len(t := daemon.json("ticket", "list")) >= number and t, f"{number} tickets")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{daemon.log()}") from error


def everything(server: Dovecot, user: str) -> dict[str, list[Kept]]:
    """Every folder with its mails and their flags."""
    return {name: server.mails(user, name) for name in folders(server, user)}


def folders(server: Dovecot, user: str) -> list[str]:
    names = [path.name.removeprefix(".") for path in server.maildir(user).glob(".*") if (path / "cur").is_dir()]
    return ["INBOX", *names]


def test_mailbox_of_5000_old_mails_is_left_alone_and_the_next_mail_is_acknowledged(
    daemon: Daemon, dovecot: Dovecot, sink: Sink, user: str
) -> None:
    append(dovecot, user, [mail(f"old{number}") for number in range(OLD // 2)])
    append(dovecot, user, [mail(f"seen{number}") for number in range(OLD // 2)], "\\Seen")
    before = everything(dovecot, user)
    assert len(before["INBOX"]) == OLD
    daemon.start()
    status = reached(daemon)
    assert (status["tickets"], status["journal"]["done"], status["journal"]["new"]) == (0, 0, 0)
    assert not any(status["outbox"].values())
    assert everything(dovecot, user) == before  # no flag, no folder, no mail has changed
    assert daemon.log().count("first contact, 5000 mails lie in INBOX: left untouched") == 1
    assert status["mailboxes"][0]["waiting"] == OLD

    dovecot.deliver(user, mail("new"))
    (ticket,) = tickets(daemon, 1)
    assert ticket["subject"] == "Printer new"
    sink.wait(lambda _: bool(sink.to("jane@acme.example")))
    daemon.settled()
    assert [m.message["X-Mailgate-Event"] for m in sink.to("jane@acme.example")] == ["acknowledgement"]
    until(lambda: folders(dovecot, user) == ["INBOX", "Processed"], "the folder of what is done")
    until(lambda: dovecot.mails(user, "Processed"), "the one mail is filed")
    after = everything(dovecot, user)
    assert after["INBOX"] == before["INBOX"]
    assert [kept.raw for kept in after["Processed"]] == [mail_of(after["Processed"][0])]
    assert daemon.json("status")["tickets"] == 1


def mail_of(kept: Kept) -> bytes:
    assert b"Subject: Printer new" in kept.raw
    return kept.raw


def test_a_restart_leaves_the_old_mails_alone_too(daemon: Daemon, dovecot: Dovecot, user: str) -> None:
    append(dovecot, user, [mail(f"old{number}") for number in range(20)])
    daemon.start()
    first = reached(daemon)["mailboxes"][0]["last_success"]
    daemon.stop()
    dovecot.deliver(user, mail("while-away"))
    daemon.start()
    until(lambda: daemon.json("status")["mailboxes"][0]["last_success"] != first, "a look after the restart")
    (ticket,) = tickets(daemon, 1)
    assert ticket["subject"] == "Printer while-away"
    assert len(dovecot.mails(user)) == 20


def test_shadow_decides_all_touches_nothing_and_sends_nothing(
    daemon: Daemon, dovecot: Dovecot, sink: Sink, user: str
) -> None:
    append(dovecot, user, [mail("old")])
    daemon.start("--shadow")
    reached(daemon)
    assert "serving in shadow" in daemon.log()
    for number in range(3):
        dovecot.deliver(user, mail(f"new{number}"))
    tickets(daemon, 3)
    until(lambda: daemon.json("status")["outbox"]["held"] == 6, "three acknowledgements and three notices")
    kept = everything(dovecot, user)
    assert list(kept) == ["INBOX"]
    assert [one.flags for one in kept["INBOX"]] == [""] * 4
    first = daemon.json("inbox", "list")[-1]
    assert first["state"] == "done"
    assert daemon.json("inbox", "show", str(first["id"]))[0]["reasons"]
    rows = daemon.json("outbox", "list")
    assert {(row["state"], row["held_for"]) for row in rows} == {("held", "shadow")}
    assert not sink.mails


def test_leaving_shadow_sends_nothing_old_by_itself(daemon: Daemon, dovecot: Dovecot, sink: Sink, user: str) -> None:
    daemon.start("--shadow")
    reached(daemon)
    for number in range(4):
        dovecot.deliver(user, mail(f"shadow{number}", f"writer{number}@acme.example"))
    tickets(daemon, 4)
    until(lambda: daemon.json("status")["outbox"]["held"] == 8, "eight held mails")
    assert "In shadow since" in daemon.run("status")
    assert daemon.json("status")["shadow"] is not None
    number = daemon.json("ticket", "list")[0]["number"]
    daemon.run("ticket", "reply", number, "--text", "From the terminal.")  # held as well
    assert daemon.json("status")["outbox"]["held"] == 9
    daemon.run("outbox", "discard", "--event", "answer")
    daemon.stop()

    daemon.start()
    assert "In shadow" not in daemon.run("status")
    assert daemon.json("status")["shadow"] is None
    dovecot.deliver(user, mail("live", "live@acme.example"))
    tickets(daemon, 5)
    sink.wait(2)
    daemon.settled()
    assert {address for m in sink.mails for address in m.rcpt_to} == {"live@acme.example", "anna@desk.example"}
    assert len(sink.mails) == 2
    assert len(dovecot.mails(user)) == 4  # what was taken in shadow stays where it lies
    assert [kept.raw for kept in dovecot.mails(user, "Processed")] != []

    one = next(row for row in daemon.json("outbox", "list", "--state", "held") if "writer0@acme.example" in row["to"])
    daemon.run("outbox", "release", str(one["id"]))
    sink.wait(3)
    assert sink.mails[-1].rcpt_to == ("writer0@acme.example",)
    daemon.run("outbox", "discard", "--event", "notice")
    daemon.run("outbox", "release", "--for", "shadow", "--newer", "1h")
    sink.wait(6)
    status = daemon.settled()
    assert (status["outbox"]["held"], status["outbox"]["failed"], status["outbox"]["sent"]) == (0, 0, 6)
    assert daemon.json("outbox", "list", "--state", "failed") == []
    assert [row["state"] for row in daemon.json("outbox", "list")].count("failed") == 5  # discarded: no failures
    assert sorted(m.rcpt_to[0] for m in sink.mails[2:]) == [f"writer{n}@acme.example" for n in range(4)]


def test_after_an_outage_of_three_days_all_are_tickets_and_the_last_days_are_acknowledged(
    daemon: Daemon, dovecot: Dovecot, sink: Sink, user: str
) -> None:
    daemon.start()
    reached(daemon)
    daemon.stop()
    now = datetime.now(UTC)
    for hours in range(1, 72, 5):  # one every five hours; the daemon was away
        when = now - timedelta(hours=hours)
        dovecot.deliver(user, mail(f"h{hours}", f"h{hours}@acme.example", when), received=when)
    daemon.start()
    tickets(daemon, 15)
    answered = [f"h{hours}@acme.example" for hours in range(1, 24, 5)]
    sink.wait(lambda _: all(sink.to(address) for address in answered))
    status = daemon.settled()
    assert (status["tickets"], status["journal"]["done"]) == (15, 15)
    events = {m.rcpt_to[0]: m.message["X-Mailgate-Event"] for m in sink.mails if m.rcpt_to[0] != "anna@desk.example"}
    assert events == dict.fromkeys(answered, "acknowledgement")
    assert len(sink.to("anna@desk.example")) == 15  # what stops an acknowledgement stops no notice
    assert not dovecot.mails(user)
    received = {t["subject"]: t["created"] for t in daemon.json("ticket", "list")}
    oldest = now - timedelta(hours=71)
    assert received["Printer h71"] == oldest.strftime("%Y-%m-%dT%H:%M:%SZ")
