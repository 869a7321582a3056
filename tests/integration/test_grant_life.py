"""A desk through the whole life of a grant: a hundred renewals, an outage and a revocation, and not a mail is lost."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.daemon import Daemon
from servers.dovecot import Dovecot
from servers.granting import Granting
from servers.postfix import Postfix
from servers.process import until

pytestmark = [pytest.mark.real("dovecot-imapd", "postfix", "openssl"), pytest.mark.timeout(240)]
USER = "help@desk.example"
LIFE = 0.75  # seconds of a token: it is renewed twice in that time, three times in two
RENEWALS = 100

SETTINGS = """\
[desk]
name = "Help"
address = "help@desk.example"

[[staff]]
name = "Agent"
email = "agent@staff.example"

[[partner]]
name = "Acme"
domains = ["acme.example"]

[[grant]]
name = "m365"
provider = "microsoft"
client_id = "{client_id}"
tenant = "{tenant}"
authority = "{authority}"
tls_ca = "{tls_ca}"

[[imap]]
name = "office"
host = "localhost"
port = {imap_port}
user = "help@desk.example"
auth = "microsoft"
tls_ca = "{server_ca}"
start = "all"

[relay]
host = "localhost"
port = {relay_port}
tls = "starttls"
user = "help@desk.example"
auth = "microsoft"
tls_ca = "{server_ca}"

[answers]
per_address = "off"
unknown = "off"

[alarm]
command = "sh -c 'echo $(date +%s.%N) $MAILGATE_STATE $MAILGATE_ALARM >>alarms'"
after = "1h"
"""


@pytest.fixture
def granting() -> Iterator[Granting]:
    server = Granting(life=LIFE, user=USER).start()
    server.approved.set()  # somebody enters every code at once
    yield server
    server.close()


@pytest.fixture
def office(granting: Granting) -> Iterator[Dovecot]:
    server = Dovecot(introspection=granting.plain_port, mechanisms="xoauth2")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def relay(office: Dovecot) -> Iterator[Postfix]:
    """It hangs up on who says nothing for a second, so that every letter needs a sign-in."""
    assert office.certificates
    server = Postfix(
        local=("acme.example", "staff.example"),
        maildirs=office.folder / "mail",
        extra={
            "mynetworks": "",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": str(office.auth_socket),
            "smtpd_tls_auth_only": "yes",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": str(office.certificates.cert),
            "smtpd_tls_key_file": str(office.certificates.key),
            "smtpd_timeout": "1s",
        },
    )
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def daemon(granting: Granting, office: Dovecot, relay: Postfix, tmp_path: Path) -> Iterator[Daemon]:
    assert office.certificates
    given = granting.settings()
    text = SETTINGS.format(**given, imap_port=office.tls_port, relay_port=relay.port, server_ca=office.certificates.ca)
    made = Daemon(tmp_path, text, smtp=False)
    yield made
    made.close()


class Desk:
    """Writes mails into the mailbox, and counts what became of them."""

    def __init__(self, daemon: Daemon, office: Dovecot) -> None:
        self.daemon, self.office = daemon, office
        self.written = 0

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            self.written += 1
            number = self.written
            head = (
                f"From: Anna <anna{number}@acme.example>\r\nTo: {USER}\r\nSubject: Printer {number}\r\n"
                f"Message-ID: <m{number}@acme.example>\r\nDate: Fri, 02 Jan 2026 10:00:00 +0000\r\n\r\n"
            )
            self.office.deliver(USER, f"{head}Help.\r\n".encode())

    def acknowledged(self) -> list[int]:
        """How many answers each requester has, in order."""
        return [len(self.office.mails(f"anna{n}@acme.example")) for n in range(1, self.written + 1)]

    def alarms(self, name: str = "grant m365") -> list[tuple[float, str]]:
        file = self.daemon.folder / "alarms"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(float(t), state) for t, state, what in (line.split(" ", 2) for line in lines) if what == name]

    def heard(self, count: int) -> list[str]:
        until(lambda: len(self.alarms()) >= count, f"{count} alarms", 60)
        return [state for _, state in self.alarms()]


def test_no_mail_is_lost_in_the_life_of_a_grant(
    granting: Granting, office: Dovecot, relay: Postfix, daemon: Daemon
) -> None:
    unsigned = daemon.run("check", status=1)
    assert "nobody has signed in yet; on it hang: mailbox office, relay\n    → `mailgate login m365`" in unsigned
    said = daemon.run("login", "m365")
    assert "enter ABCD-EFGH" in said
    daemon.start()
    desk = Desk(daemon, office)

    # A hundred renewals, each with a new refresh token; connections are cut, so that new tokens are used.
    for part in range(1, 6):
        desk.write(2)
        until(lambda part=part: granting.renewals >= part * RENEWALS // 5, "renewals", 60)
        office.kill()
        office.start()
    until(lambda: desk.acknowledged() == [1] * desk.written, "an answer to each", 60)
    used = [form["refresh_token"] for form in granting.asked if form["grant_type"] == "refresh_token"]
    assert len(used) >= RENEWALS
    assert len(set(used)) == len(used)
    assert desk.alarms() == []

    # An outage that outlasts the token.
    with granting.outage():
        office.kill()
        office.start()
        desk.write(3)
        assert desk.heard(1) == ["begins"]
        until(lambda: not any(issued.expires > time.time() for issued in granting.issued.values()), "the token's end")
        assert any("grant m365: " in problem for problem in daemon.json("status")["problems"])
    assert desk.heard(2) == ["begins", "over"]
    until(lambda: desk.acknowledged() == [1] * desk.written, "an answer to each", 60)

    # The grant is taken back: the alarm comes while the last token still opens the mailbox.
    granting.life = 9.0
    renewed = granting.renewals
    until(lambda: granting.renewals > renewed, "a token that lives longer")
    ends = max(issued.expires for issued in granting.issued.values())
    granting.revoke()
    desk.write(3)
    assert desk.heard(3) == ["begins", "over", "begins"]
    assert desk.alarms()[-1][0] < ends
    until(lambda: desk.acknowledged() == [1] * desk.written, "an answer to each while the token lives", 60)
    (secret,) = daemon.json("status")["secrets"]
    assert "invalid_grant" in secret["error"]
    until(lambda: time.time() > ends, "the token's end")
    office.kill()
    office.start()
    desk.write(3)
    until(lambda: "grant m365: invalid_grant" in str(daemon.json("status")["mailboxes"]), "a mailbox that is closed")
    daemon.run("login", "m365")
    assert desk.heard(4) == ["begins", "over", "begins", "over"]
    until(lambda: desk.acknowledged() == [1] * desk.written, "an answer to each", 90)

    status = daemon.settled()
    assert status["tickets"] == desk.written
    assert status["journal"]["parked"] == status["outbox"]["failed"] == 0
    assert desk.acknowledged() == [1] * desk.written
    told = daemon.log() + daemon.run("status") + daemon.run("check", status=None)
    for secret_text in (*granting.issued, *used):
        assert secret_text not in told
    assert re.search(r"renewed for 9 s", told)
