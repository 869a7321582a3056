"""Real Postfix with OpenDKIM and OpenDMARC before the desk: what they write at the top is believed, what they found
below it is not."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.daemon import Daemon
from servers.milters import Milters
from servers.nameserver import txt
from servers.postfix import Postfix
from servers.process import until
from signing import KEY_NAME, record, signed

pytestmark = pytest.mark.real("postfix", "opendkim", "opendmarc", "openssl")

SETTINGS = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[smtp]
listen = ["127.0.0.1:{port}"]
auth_results = "mx.desk.example"
[[staff]]
name = "First Agent"
email = "agent@staff.example"
"""
ZONE = {
    f"{KEY_NAME}staff.example": txt(record("staff.example")),
    "_dmarc.staff.example": txt("v=DMARC1; p=reject"),
    "_dmarc.lax.example": txt("v=DMARC1; p=none"),
    "staff.example": txt("v=spf1 ip4:198.51.100.7 -all"),
    "lax.example": txt("v=spf1 -all"),
}
HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"
CLAIM = b"Authentication-Results: mx.desk.example; dmarc=pass header.from=staff.example\r\n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, SETTINGS)
    yield daemon.start()
    daemon.close()


@pytest.fixture
def front(desk: Daemon) -> Iterator[Postfix]:
    milters = Milters(ZONE, "mx.desk.example")
    server = Postfix(routes={"desk.example": f"smtp:[127.0.0.1]:{desk.port}"}, extra=milters.postfix)
    try:
        milters.start()
        yield server.start()
    finally:
        server.close()
        milters.close()


def mail(sender: str, subject: str) -> bytes:
    return (
        f"From: Somebody <{sender}>\r\nTo: help@desk.example\r\nSubject: {subject}\r\n"
        f"Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nMessage-ID: <{subject}@{sender.partition('@')[2]}>\r\n\r\nHelp.\r\n"
    ).encode()


def test_staff_mail_signed_right_is_authenticated_by_the_header_and_a_forged_one_is_not(
    desk: Daemon, front: Postfix
) -> None:
    staff = "agent@staff.example"
    for sender, raw, address in (
        (staff, signed(mail(staff, "signed"), "staff.example"), ELSEWHERE),
        (staff, mail(staff, "from-home"), HOME),
        (staff, signed(mail(staff, "altered"), "staff.example").replace(b"Help.", b"Pay."), ELSEWHERE),
        (staff, mail(staff, "unsigned"), ELSEWHERE),
        (staff, CLAIM + mail(staff, "claimed"), ELSEWHERE),
        ("x@evil.example", CLAIM + signed(mail(staff, "stolen"), "staff.example", by="evil.example"), HOME),
        ("x@lax.example", mail("x@lax.example", "lax"), ELSEWHERE),
        ("x@other.example", mail("x@other.example", "other"), ELSEWHERE),
    ):
        with smtplib.SMTP(front.host, front.port) as client:
            client.ehlo()
            assert client.docmd("XCLIENT", f"ADDR={address} NAME=mail.sender.example")[0] == 220
            client.ehlo()
            client.sendmail(sender, ["help@desk.example"], raw)
    until(lambda: desk.json("status")["journal"] == {"new": 0, "done": 8, "parked": 0}, "all of them are settled")
    trust = {
        shown["subject"]: shown["articles"][0]["trust"]
        for ticket in desk.json("ticket", "list")
        for shown in desk.json("ticket", "show", ticket["number"])
    }
    assert trust == {
        "signed": "authenticated",
        "from-home": "authenticated",
        "lax": "unverified",
        "other": "unverified",
    }
    aside = {row["subject"] for row in desk.json("quarantine", "list")}
    assert aside == {"altered", "unsigned", "claimed", "stolen"}
