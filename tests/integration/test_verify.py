"""Authors checked by a real DNS server on loopback: the station on both databases, and a whole daemon."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.daemon import Daemon, free_port
from servers.dovecot import Dovecot
from servers.nameserver import Nameserver, txt
from servers.process import until
from signing import KEY_NAME, field, record, signed
from stations import SETTINGS, Stations

from mailgate.verify.dns import DnsTrouble, Resolver, within
from mailgate.verify.station import THREADS, Station
from storage import journal, verifications
from storage.database import Database, now
from storage.journal import Arrival

pytestmark = pytest.mark.real("openssl")

ZONE = {
    f"{KEY_NAME}desk.example": txt(record("desk.example")),
    f"{KEY_NAME}acme.example": txt(record("acme.example")),
    "_dmarc.desk.example": txt("v=DMARC1; p=reject"),
    "_dmarc.acme.example": txt("v=DMARC1; p=quarantine"),
}
VERIFY = """
[dns]
nameservers = ["{address}"]
timeout = 2
"""


@pytest.fixture
def nameserver() -> Iterator[Nameserver]:
    server = Nameserver(ZONE).start()
    yield server
    server.close()


def mail(sender: str, number: int = 1, subject: str = "Printer") -> bytes:
    return (
        f"From: Somebody <{sender}>\r\nTo: help@desk.example\r\nSubject: {subject}\r\n"
        f"Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nMessage-ID: <{number}@{sender.partition('@')[2]}>\r\n\r\nHelp.\r\n"
    ).encode()


class Line:
    """Journal, station and worker, with a clock that the test sets."""

    def __init__(self, database: Database, folder: Path, nameserver: Nameserver) -> None:
        self.stations = Stations(database, folder, SETTINGS + VERIFY.format(address=nameserver.address))
        self.offset = 0.0
        self.station = self.new()

    def new(self, **options: Any) -> Station:
        app = self.stations.app
        clock = lambda: now() + self.offset  # noqa: E731
        return Station(app.settings, app.db, app.policy.doors, threading.Event(), clock=clock, **options)

    def arrive(self, raw: bytes, door: str = "smtp", mail_from: str = "bounces@sender.example") -> int:
        with self.stations.db.write() as session:
            arrival = Arrival(door, "127.0.0.1", mail_from, ("help@desk.example",), raw, True, verify=True)
            [stored] = journal.append(session, [journal.entry(arrival)], now())
        return stored.journal_id

    def verify(self) -> None:
        """Until nothing is due and nothing in hand."""
        until(lambda: not self.station.step(), "the station is idle")

    def trust(self) -> list[str | None]:
        return [a.trust for a in self.stations.articles() if a.direction == "in"]


@pytest.fixture
def line(database: Database, tmp_path: Path, nameserver: Nameserver) -> Iterator[Line]:
    line = Line(database, tmp_path, nameserver)
    yield line
    line.station.close()


def test_signed_mail_is_authenticated_a_forged_one_set_aside_and_one_without_policy_unverified(line: Line) -> None:
    line.arrive(signed(mail("anna@acme.example")))
    line.arrive(mail("anna@acme.example", 2))
    line.arrive(mail("bob@other.example"))
    assert line.stations.work() == 0
    line.verify()
    line.stations.work()
    good, forged, other = line.stations.journal()
    assert (good.outcome, forged.outcome, other.outcome) == ("article", "quarantine", "article")
    assert line.trust() == ["authenticated", "unverified"]
    assert good.evidence["method"] == "check"
    assert "dkim=pass header.d=acme.example" in str(good.reasons)


def test_header_of_the_provider_goes_before_what_was_checked_here(line: Line) -> None:
    fail = b"Authentication-Results: mx.desk.example; dmarc=fail (p=reject) header.from=acme.example\r\n"
    nothing = b"Authentication-Results: mx.desk.example; spf=none\r\n"
    line.arrive(fail + signed(mail("anna@acme.example")))
    line.arrive(nothing + signed(mail("anna@acme.example", 2)))
    line.verify()
    line.stations.work()
    failed, passed = line.stations.journal()
    assert (failed.outcome, failed.evidence["method"]) == ("quarantine", "header")
    assert (passed.outcome, passed.evidence["method"]) == ("article", "check")


def test_mail_released_from_quarantine_keeps_what_was_found(line: Line) -> None:
    from storage import quarantine

    journal_id = line.arrive(mail("anna@acme.example"))
    line.verify()
    line.stations.work()
    with line.stations.db.write() as session:
        assert quarantine.release(session, [journal_id], now()) == 1
    line.stations.work()
    [row] = line.stations.journal()
    assert (row.outcome, row.evidence["result"]) == ("article", "fail")
    assert line.trust() == ["unverified"]


def test_nameserver_that_fails_is_asked_again_and_then_believed(line: Line, nameserver: Nameserver) -> None:
    nameserver.silent = {"_dmarc.acme.example"}
    line.arrive(signed(mail("anna@acme.example")))
    line.verify()
    assert line.stations.work() == 0
    nameserver.silent = set()
    line.verify()
    assert line.stations.work() == 0
    line.offset = verifications.WAITS[0]
    line.verify()
    line.stations.work()
    assert line.trust() == ["authenticated"]


def test_nameserver_that_fails_for_a_quarter_of_an_hour_leaves_the_mail_unverified(
    line: Line, nameserver: Nameserver
) -> None:
    nameserver.silent = {"_dmarc.acme.example"}
    line.arrive(mail("anna@acme.example"))
    for seconds in verifications.WAITS:
        line.verify()
        assert line.stations.work() == 0
        line.offset += seconds
    line.verify()
    line.stations.work()
    assert line.trust() == ["unverified"]
    [row] = line.stations.journal()
    assert "could not be checked" in row.evidence["seen"]
    assert nameserver.asked.count(("_dmarc.acme.example", "TXT")) >= len(verifications.WAITS) + 1


def test_trouble_with_the_dns_is_a_problem_until_it_answers(line: Line, nameserver: Nameserver) -> None:
    from storage.status import read

    url = line.stations.db.url

    def errors() -> list[str | None]:
        return [beat.error for beat in read(url, now()).beats if beat.name == "dns"]

    nameserver.silent = {"_dmarc.acme.example"}
    line.arrive(mail("anna@acme.example"))
    line.verify()
    [error] = errors()
    assert error is not None
    assert "_dmarc.acme.example" in error
    nameserver.silent = set()
    line.offset = verifications.WAITS[0]
    line.verify()
    assert errors() == [None]


def test_mail_that_kills_every_verifier_ends_unverified(line: Line) -> None:
    line.arrive(mail("anna@acme.example"))
    for _ in range(len(verifications.WAITS) + 1):
        with line.stations.db.write() as session:  # a process that dies with it in hand
            assert len(verifications.claim(session, now() + line.offset, 10)) == 1
        line.offset += verifications.LEASE_SECONDS
    line.verify()
    line.stations.work()
    assert line.trust() == ["unverified"]


def test_fault_of_our_own_in_a_check_leaves_the_mail_unverified(line: Line) -> None:
    def ask(name: str, kind: str, seconds: float) -> tuple[Any, ...]:
        raise ZeroDivisionError

    line.station = line.new(ask=ask)
    line.arrive(mail("anna@acme.example"))
    line.verify()
    line.stations.work()
    assert line.trust() == ["unverified"]


def test_slow_domains_hold_up_nobody_who_comes_after_them(line: Line) -> None:
    open_ = threading.Event()

    def ask(name: str, kind: str, seconds: float) -> tuple[Any, ...]:
        if "slow" in name:
            assert open_.wait(30)
        return ()

    line.station = line.new(ask=ask)
    for number in range(THREADS - 1):
        line.arrive(mail("x@slow.example", number))
    line.arrive(mail("quick@acme.example"))
    until(lambda: line.station.step() and line.stations.work(), "the quick one is through")
    assert [t.requester for t in line.stations.tickets()] == ["quick@acme.example"]
    open_.set()
    line.verify()
    line.stations.work()
    assert len(line.stations.tickets()) == THREADS


def test_station_told_to_stop_gives_back_what_it_holds(line: Line) -> None:
    open_, asked = threading.Event(), threading.Event()

    def ask(name: str, kind: str, seconds: float) -> tuple[Any, ...]:
        asked.set()
        assert open_.wait(30)
        return ()

    station = line.new(ask=ask)
    line.arrive(mail("x@slow.example"))
    station.step()
    assert asked.wait(30)
    station.close()
    with line.stations.db.write() as session:
        [held] = verifications.claim(session, now(), 10)
    assert held.attempt == 1
    open_.set()


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("_dmarc.acme.example", "TXT", (b"v=DMARC1; p=quarantine",)),
        ("acme.example", "MX", ((10, "mx.acme.example"),)),
        ("mx.acme.example", "A", ("192.0.2.7",)),
        ("mx.acme.example", "AAAA", ("2001:db8::7",)),
        ("7.2.0.192.in-addr.arpa", "PTR", ("mx.acme.example",)),
        ("mx.acme.example", "TXT", ()),
        ("gone.example", "TXT", ()),
        ("a" * 64 + ".example", "TXT", ()),
        ("a..example", "TXT", ()),
        ("\udcff.example", "TXT", ()),
        (".".join(["label"] * 60), "TXT", ()),
        ("", "TXT", ()),
    ],
)
def test_resolver_gives_values_and_nothing_for_names_that_cannot_be(
    nameserver: Nameserver, name: str, kind: str, answer: tuple[Any, ...]
) -> None:
    nameserver.zone |= {
        "acme.example": {"MX": ["10 mx.acme.example."]},
        "mx.acme.example": {"A": ["192.0.2.7"], "AAAA": ["2001:db8::7"]},
        "7.2.0.192.in-addr.arpa": {"PTR": ["mx.acme.example."]},
    }
    resolver = Resolver([("127.0.0.1", nameserver.port)])
    assert resolver.ask(name, kind, 10) == answer


def test_resolver_tells_trouble_from_absence(nameserver: Nameserver) -> None:
    nameserver.silent = {"acme.example"}
    with pytest.raises(DnsTrouble):
        Resolver([("127.0.0.1", nameserver.port)]).ask("acme.example", "TXT", 10)
    with pytest.raises(DnsTrouble):
        Resolver([("127.0.0.1", free_port())], timeout=0.1).ask("acme.example", "TXT", 10)


def test_questions_about_one_mail_end_in_time() -> None:
    moments = iter([0.0, 5.0, 19.0, 20.0])
    left: list[float] = []

    def ask(name: str, kind: str, seconds: float) -> tuple[Any, ...]:
        left.append(seconds)
        return ()

    lookup = within(ask, 20.0, lambda: next(moments))
    lookup("a.example", "TXT")
    lookup("b.example", "TXT")
    with pytest.raises(DnsTrouble):
        lookup("c.example", "TXT")
    assert left == [15.0, 1.0]


DAEMON = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[smtp]
listen = ["127.0.0.1:{port}"]
verify = true
[[staff]]
name = "First Agent"
email = "agent@desk.example"
"""


@pytest.fixture
def daemon(tmp_path: Path, nameserver: Nameserver) -> Iterator[Callable[[], Daemon]]:
    daemon = Daemon(tmp_path, DAEMON + VERIFY.format(address=nameserver.address))
    yield daemon.start
    daemon.close()


def test_daemon_checks_who_wrote_after_the_250(
    daemon: Callable[[], Daemon], nameserver: Nameserver, tmp_path: Path
) -> None:
    desk = daemon()
    nameserver.silent = {"_dmarc.late.example"}
    thousand = b"".join(
        field("DKIM-Signature", v="1", a="rsa-sha256", d="acme.example", s=f"k{n}", h="from", bh="AA==", b="AA==")
        for n in range(1000)
    )
    with smtplib.SMTP("127.0.0.1", desk.port) as client:
        for raw in (
            signed(mail("agent@desk.example", 1, "right"), "desk.example"),
            mail("agent@desk.example", 2, "forged"),
            thousand + mail("anna@acme.example", 3, "thousand"),
            mail("late@late.example", 4, "late"),
        ):
            client.sendmail("x@sender.example", ["help@desk.example"], raw)
    until(lambda: desk.json("status")["journal"] == {"new": 1, "done": 3, "parked": 0}, "all but one are settled")
    [ticket] = desk.json("ticket", "list")
    [shown] = desk.json("ticket", "show", ticket["number"])
    assert (shown["subject"], shown["articles"][0]["trust"]) == ("right", "authenticated")
    assert {r["subject"] for r in desk.json("quarantine", "list")} == {"forged", "thousand"}

    nameserver.silent = set()
    assert desk.stop() == 0
    desk.start()  # what waited is asked again at once
    desk.settled()
    assert {t["subject"] for t in desk.json("ticket", "list")} == {"right", "late"}
    (tmp_path / "forged.eml").write_bytes(mail("agent@desk.example", 9))
    assert desk.json("explain", str(tmp_path / "forged.eml"), "--from", "x@sender.example")["verb"] == "quarantine"
    (tmp_path / "right.eml").write_bytes(signed(mail("agent@desk.example", 9), "desk.example"))
    assert desk.json("explain", str(tmp_path / "right.eml"))["trust"] == "authenticated"


MAILBOX = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[lmtp]
listen = ["unix:{folder}/lmtp"]
[[imap]]
name = "office"
host = "127.0.0.1"
port = {imap}
tls = "none"
user = "verify@desk.example"
password_file = "password"
start = "all"
poll = 1
verify = true
"""


@pytest.mark.real("dovecot-imapd")
def test_mailbox_whose_mails_are_checked_calls_none_of_them_failed(
    dovecot: Dovecot, nameserver: Nameserver, tmp_path: Path
) -> None:
    altered = signed(mail("anna@acme.example", 2, "altered")).replace(b"Help.", b"Pay.")
    dovecot.deliver("verify@desk.example", signed(mail("anna@acme.example", 1, "signed")))
    dovecot.deliver("verify@desk.example", altered)
    (tmp_path / "password").write_text("pw")
    text = MAILBOX.format(folder=tmp_path, imap=dovecot.port) + VERIFY.format(address=nameserver.address)
    daemon = Daemon(tmp_path, text, smtp=False)
    try:
        daemon.start()
        until(lambda: daemon.json("status")["journal"] == {"new": 0, "done": 2, "parked": 0}, "both are settled")
        shown = [s for t in daemon.json("ticket", "list") for s in daemon.json("ticket", "show", t["number"])]
        assert {s["subject"]: s["articles"][0]["trust"] for s in shown} == {
            "signed": "authenticated",
            "altered": "unverified",
        }
    finally:
        daemon.close()
