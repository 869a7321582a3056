"""What is no decent mail: each gets a clear answer at the door, or a ticket with its defects noted."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.daemon import Daemon

SETTINGS = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[smtp]
listen = ["127.0.0.1:{port}"]
[[staff]]
name = "Agent"
email = "agent@desk.example"
"""
HEAD = b"From: Anna <anna@acme.example>\r\nSubject: bad input\r\nMessage-ID: <bad@acme.example>\r\n"


def nested(levels: int) -> bytes:
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(levels)
    )
    closing = b"".join(b"--b%d--\r\n" % n for n in reversed(range(levels)))
    return HEAD + opening + b"Content-Type: text/plain\r\n\r\ndeep\r\n" + closing


def parts(count: int) -> bytes:
    one = b"--b\r\nContent-Type: text/plain\r\n\r\npart\r\n"
    return HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + one * count + b"--b--\r\n"


TICKETS = {
    "garbage": b"\x89PNG\x1a \xff\xfe\xfd nothing of a mail \x80\r\n" * 40,
    "empty mail": b"",
    "without From": b"Subject: nobody\r\n\r\nHello\r\n",
    "without Message-ID": b"From: anna@acme.example\r\nSubject: nameless\r\n\r\nHello\r\n",
    "five From lines": b"".join(b"From: a%d@acme.example\r\n" % n for n in range(5))
    + b"Subject: five\r\n\r\nHello\r\n",
    "10 MB header": HEAD + b"X-Long: " + b"x" * 60 + (b"\r\n " + b"y" * 900) * 11_000 + b"\r\n\r\nbody\r\n",
    "10,000 parts": parts(10_000),
    "1,000 levels": nested(1_000),
    "NUL bytes": HEAD + b"\r\nbefore\x00after\r\n",
}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, SETTINGS)
    try:
        yield daemon.start()
    finally:
        daemon.close()


def test_every_bad_mail_is_answered_or_becomes_a_ticket(daemon: Daemon) -> None:
    for name, raw in TICKETS.items():
        with smtplib.SMTP("127.0.0.1", daemon.port, timeout=60) as client:
            client.sendmail(
                "anna@acme.example", ["help@desk.example"], raw.replace(b"bad@", name.encode().hex().encode() + b"@")
            )
    status = daemon.settled(60)
    assert status["journal"] == {"new": 0, "done": len(TICKETS), "parked": 0}
    assert status["tickets"] == len(TICKETS)
    shown = daemon.json("ticket", "show", *(t["number"] for t in daemon.json("ticket", "list")))
    told = {d for ticket in shown for article in ticket["articles"] for d in article["defects"]}
    for word in ("header", "parts", "deep", "From"):
        assert any(word in sentence for sentence in told), (word, told)


def test_mail_over_the_limit_is_refused_with_its_reason_and_the_next_one_gets_in(daemon: Daemon) -> None:
    raw = HEAD + b"\r\n" + (b"x" * 998 + b"\r\n") * 30_000
    with smtplib.SMTP("127.0.0.1", daemon.port, timeout=60) as client:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            client.sendmail("anna@acme.example", ["help@desk.example"], raw)
        assert refused.value.smtp_code == 552
        client.sendmail("anna@acme.example", ["help@desk.example"], HEAD + b"\r\nsmall\r\n")
    assert daemon.settled()["tickets"] == 1


def test_mail_that_announces_no_size_is_cut_off_at_the_limit(daemon: Daemon) -> None:
    with smtplib.SMTP("127.0.0.1", daemon.port, timeout=60) as client:
        client.helo()
        client.mail("anna@acme.example")
        client.rcpt("help@desk.example")
        code, _ = client.data(HEAD + b"\r\n" + (b"x" * 998 + b"\r\n") * 30_000)
        assert code == 552
    assert daemon.json("status")["journal"]["done"] == 0


def test_bare_line_feed_is_refused(daemon: Daemon) -> None:
    with smtplib.SMTP("127.0.0.1", daemon.port, timeout=10) as client:
        client.ehlo()
        client.mail("anna@acme.example")
        client.rcpt("help@desk.example")
        client.docmd("DATA")
        client.send(HEAD + b"\r\nhello\n.\nMAIL FROM:<x@y.example>\r\n.\r\n")
        code, _ = client.getreply()
    assert 500 <= code < 600
