"""`mailgate init` at a real terminal, against real servers: from the first question to the first ticket."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers.dovecot import PASSWORD, Dovecot
from servers.postfix import Postfix
from servers.sink import Sink
from servers.terminal import Terminal
from servers.tls import Certificates, strange

from mailgate.settings import load

DOCS = Path(__file__).parents[2] / "docs"
MAILGATE = str(Path(sys.executable).with_name("mailgate"))
Sit = Callable[..., Terminal]


@pytest.fixture
def sit(tmp_path: Path) -> Iterator[Sit]:
    """Down before `mailgate init`."""
    made: list[Terminal] = []
    environment = {k: v for k, v in os.environ.items() if k not in ("MAILGATE_CONFIG", "TZ")}

    def start(*words: str, **more: str) -> Terminal:
        made.append(Terminal([MAILGATE, "init", *words], tmp_path, {**environment, **more}))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.mark.real("dovecot-imapd", "postfix")
def test_dialogue_ends_with_the_first_ticket(sit: Sit, tmp_path: Path, dovecot: Dovecot, postfix: Postfix) -> None:
    address = "init-desk@acme.example"
    for number in range(6):
        results = "Authentication-Results: mx.acme.example; dmarc=pass header.from=x.example"
        dovecot.deliver(address, f"{results}\r\nSubject: old {number}\r\n\r\n".encode())
    person = sit()
    person.sees("1/8  The desk")
    assert list(tmp_path.iterdir()) == []
    person.answers("NAME <ADDRESS> [Service Desk <help@desk.example>]:", "Help desk")
    person.sees("expected NAME <ADDRESS>")
    person.answers("NAME <ADDRESS> [Service Desk <help@desk.example>]:", f"Our Desk <{address}>")
    person.answers("Mailbox [smtp]:", "gogle")
    person.sees("did you mean google?")
    person.answers("Mailbox [smtp]:", "127.0.0.1:1")
    person.answers(f"User [{address}]:")
    person.answers("(not shown):", PASSWORD)
    person.sees("nobody listens at 127.0.0.1:1")
    person.answers("Mailbox [127.0.0.1:1]:", f"127.0.0.1:{dovecot.port}")
    person.sees("its certificate proves nothing (unable to get local issuer certificate)")
    person.answers(f"User [{address}]:")
    person.answers("(not shown):", "not-the-one")
    person.sees("sign-in refused")
    person.answers("(not shown):", PASSWORD)
    person.sees("is signed in at 127.0.0.1")
    person.answers("Relay [127.0.0.1:587]:", f"127.0.0.1:{postfix.port}")
    person.sees(f"takes mail from {address}")
    person.answers("Time zone [", "Europe/Berln")
    person.sees("did you mean Europe/Berlin?")
    person.answers("Time zone [", "Europe/Berlin")
    person.answers("NAME <ADDRESS> [none]:", "Anna <init-anna@staff.example>")
    person.sees("That name stands on top of most mails in the mailbox.")
    person.answers("Authentication-Results of [mx.acme.example]:")
    person.answers("Begin [live]:", "sometimes")
    person.sees("expected shadow or live")
    person.answers("Begin [live]:")
    person.sees("Wrote mailgate.toml.")
    person.sees("came back in, and is a ticket:")
    person.sees("INC-1001")
    person.sees("First mail (")
    person.sees("Next:")
    person.sees("mailgate serve")
    assert person.end() == 0
    assert PASSWORD not in person.shown.split()
    assert "not-the-one" not in person.shown

    settings = load(tmp_path / "mailgate.toml")
    titles = re.findall(r"^(\d/8  .+)$", (DOCS / "first-steps.md").read_text(), re.MULTILINE)
    assert len(titles) == 8
    assert all(title in person.shown for title in titles)
    assert (settings.desk.name, settings.desk.address, settings.desk.timezone) == ("Our Desk", address, "Europe/Berlin")
    assert settings.imap[0].auth_results == "mx.acme.example"
    secret = tmp_path / "mailbox.password"
    assert secret.read_text() == f"{PASSWORD}\n"
    for file in (secret, tmp_path / "mailgate.toml"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in (tmp_path / "mailgate.toml").read_text().replace("password", "")
    assert len(dovecot.mails(address)) == 6  # the old ones; the first mail is filed
    assert len(dovecot.mails(address, "Processed")) == 1
    assert not (tmp_path / "mailgate-init.log").exists()


@pytest.mark.real("dovecot-imapd")
def test_relay_with_a_sign_in_of_its_own_and_a_desk_in_shadow(sit: Sit, tmp_path: Path, dovecot: Dovecot) -> None:
    user = "init-shadow"
    dovecot.deliver(user, b"Subject: old\r\n\r\n")
    relay = _Delivering(dovecot, user).start()
    try:
        person = sit(
            *("--desk", "Desk <help@desk.example>", "--mailbox", f"127.0.0.1:{dovecot.port}", "--user", user),
            *("--timezone", "UTC", "--staff", "none", "--auth-results", "none"),
        )
        person.answers("(not shown):", PASSWORD)
        person.answers("Relay [", f"127.0.0.1:{relay.port}")
        person.sees("Authentication required")
        person.answers("User at the relay, or none", "sender")
        person.answers("(not shown):", "wrong")
        person.sees("535")
        person.answers("User at the relay, or none", "sender")
        person.answers("(not shown):", "sesame")
        person.sees("takes mail from help@desk.example")
        person.answers("Begin [live]:", "shadow")
        person.sees("came back in, and is a ticket:")
        person.sees("mailgate serve --shadow")
        assert person.end() == 0
    finally:
        relay.close()
    settings = load(tmp_path / "mailgate.toml")
    assert settings.relay is not None
    assert (settings.relay.user, settings.relay.password_file) == ("sender", "relay.password")
    assert (tmp_path / "relay.password").read_text() == "sesame\n"
    assert [kept.flags for kept in dovecot.mails(user)] == ["", ""]  # in shadow nothing is touched
    assert not dovecot.maildir(user, "Processed").exists()


class _Delivering(Sink):
    """A relay with a sign-in that lays what it is given into a mailbox."""

    def __init__(self, server: Dovecot, user: str, shown: Certificates | None = None) -> None:
        super().__init__(certificates=shown, user="sender", password="sesame")
        self._dovecot, self._box = server, user

    async def handle_DATA(self, *words: object) -> str:
        said = await super().handle_DATA(*words)  # type: ignore[arg-type]
        self._dovecot.deliver(self._box, self.mails[-1].raw)
        return said


@pytest.mark.real("dovecot-imapd", "openssl")
def test_tls_is_found_at_ports_that_say_nothing_of_it(sit: Sit, tmp_path: Path, dovecot: Dovecot) -> None:
    """A mailbox that speaks TLS at once, and a relay of this machine that signed its certificate itself."""
    assert dovecot.certificates is not None
    user = "init-tls"
    relay = _Delivering(dovecot, user, strange(tmp_path, signed=True)).start()
    try:
        person = sit(
            *("--desk", "Desk <help@desk.example>", "--mailbox", f"localhost:{dovecot.tls_port}", "--user", user),
            *("--relay", f"127.0.0.1:{relay.port}", "--timezone", "UTC", "--staff", "none", "--auth-results", "none"),
            "--live",
            SSL_CERT_FILE=str(dovecot.certificates.ca),
        )
        person.sees(f"localhost:{dovecot.tls_port} speaks TLS")
        person.answers("(not shown):", PASSWORD)
        person.sees("its certificate (self-signed certificate) is believed: kept as relay.pem")
        person.sees("535")  # who opens the mailbox is not who sends
        person.answers("User at the relay, or none", "sender")
        person.answers("(not shown):", "sesame")
        person.sees("came back in, and is a ticket:")
        assert person.end() == 0
    finally:
        relay.close()
    settings = load(tmp_path / "mailgate.toml")
    assert settings.relay is not None
    assert (settings.imap[0].tls, settings.imap[0].tls_ca) == ("implicit", None)
    assert (settings.relay.tls, settings.relay.tls_ca) == ("starttls", "relay.pem")
    assert (tmp_path / "relay.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.real("dovecot-imapd")
def test_ctrl_c_leaves_no_half_file(sit: Sit, tmp_path: Path, dovecot: Dovecot) -> None:
    person = sit("--desk", "help@desk.example", "--mailbox", f"127.0.0.1:{dovecot.port}", "--relay", "none")
    person.answers("User [help@desk.example]:", "init-interrupted")
    person.answers("(not shown):", PASSWORD)
    person.sees("is signed in")
    person.sees("Time zone")
    person.interrupt("Aborted!")
    assert person.end() == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_well_is_told_and_the_file_stays_for_mending(sit: Sit, tmp_path: Path, sink: Sink) -> None:
    person = sit(
        *("--desk", "help@desk.example", "--mailbox", "smtp", "--relay", f"127.0.0.1:{sink.port}", "--live"),
        *("--timezone", "UTC", "--staff", "Anna <anna@desk.example>", "--auth-results", "none", "--wait", "2"),
    )
    person.sees("Wrote mailgate.toml.")
    person.sees("did not come in within 2 s")
    person.sees("mailgate check --probe")
    assert person.end() == 1
    assert load(tmp_path / "mailgate.toml").relay is not None


def test_without_a_relay_the_door_is_tried(sit: Sit, tmp_path: Path) -> None:
    person = sit(
        *("--desk", "help@desk.example", "--mailbox", "smtp", "--relay", "none", "--live", "--timezone", "UTC"),
        *("--staff", "Anna <anna@desk.example>", "--auth-results", "none"),
    )
    person.sees("Its first ticket:")
    person.sees("INC-1001")
    assert person.end() == 0


@pytest.mark.parametrize(("provider", "login"), [("microsoft", "mailgate login m365"), ("google", "mailgate login")])
def test_grant_is_asked_for_and_signing_in_is_the_next_step(
    sit: Sit, tmp_path: Path, provider: str, login: str
) -> None:
    person = sit("--desk", "help@desk.example", "--no-try", "--relay", "none", "--staff", "none", "--live")
    person.answers("Mailbox [smtp]:", provider)
    person.answers("User [help@desk.example]:")
    if provider == "microsoft":
        person.answers("Application (client) ID", "11111111-2222-3333-4444-555555555555")
        person.answers("Directory (tenant) [desk.example]:")
    else:
        person.answers("[password]:", "google.json")
    person.answers("Time zone [", "UTC")
    person.answers("Authentication-Results of [")
    person.sees("Wrote mailgate.toml.")
    person.sees(login)
    assert person.end() == 0
    settings = load(tmp_path / "mailgate.toml")
    assert settings.granted(settings.imap[0]) == settings.grant[0]
    assert settings.imap[0].auth_results == {"microsoft": "microsoft", "google": "mx.google.com"}[provider]


def test_application_that_is_not_registered_yet_is_the_next_step_and_nothing_is_tried(sit: Sit, tmp_path: Path) -> None:
    person = sit(
        *("--desk", "help@desk.example", "--mailbox", "m365", "--relay", "none", "--staff", "none", "--live"),
        *("--timezone", "UTC", "--auth-results", "microsoft"),
    )
    person.answers("User [help@desk.example]:")
    person.answers("Application (client) ID")
    person.answers("Directory (tenant)")
    person.sees("register the application (docs/signing-in.md) and write its client_id into mailgate.toml")
    person.sees("mailgate login m365")
    person.sees("mailgate check")
    assert person.end() == 0
    assert load(tmp_path / "mailgate.toml").grant[0].tenant == "desk.example"
