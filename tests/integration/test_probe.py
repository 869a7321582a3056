"""`check --probe` finds out what a relay and a mailbox do, and leaves no ticket and no answer behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.daemon import Daemon
from servers.dovecot import Dovecot
from servers.forwarding import Forwarder, renamed, signed
from servers.postfix import Postfix
from servers.sink import Received

SETTINGS = """\
[desk]
name = "Help"
address = "help@desk.example"

[smtp]
listen = ["127.0.0.1:{port}"]
"""

Relay = Callable[..., Forwarder]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    running = Daemon(tmp_path_factory.mktemp("probe"), SETTINGS).start()
    yield running
    assert running.json("status")["tickets"] == 0
    assert running.json("outbox", "list") == []
    running.close()


@pytest.fixture
def relay(daemon: Daemon) -> Iterator[Relay]:
    made: list[Forwarder] = []

    def make(change: Callable[[Received], bytes | None] = lambda mail: mail.raw) -> Forwarder:
        made.append(Forwarder(lambda: daemon.port, change))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.close()


def probed(daemon: Daemon, relay: Forwarder, more: str = "", *, status: int = 0) -> list[dict[str, Any]]:
    """The findings of the probe, with settings that send by that relay."""
    file = daemon.folder / f"{relay.port}.toml"
    file.write_text(f"{daemon.file.read_text()}{more}\n[relay]\nport = {relay.port}\n")
    said = daemon.run("check", "--probe", "--json", "--wait", "10", "--config", str(file), status=status)
    return [c for c in json.loads(said)["checks"] if c["check"] == "probe"]


def told(checks: list[dict[str, Any]], words: str) -> dict[str, Any]:
    found = [c for c in checks if words in c["found"]]
    assert found, checks
    return found[0]


def test_relay_that_changes_nothing_is_well(daemon: Daemon, relay: Relay) -> None:
    checks = probed(daemon, relay())
    assert {c["state"] for c in checks} == {"ok"}
    told(checks, "the relay took 4 of 4")
    told(checks, "it came in by smtp after")
    told(checks, "envelope senders that arrive: the desk's address, an address of its own (VERP), <>")
    told(checks, "the relay keeps our Message-ID")
    told(checks, "mail to help+...@desk.example is delivered")
    told(checks, "nobody writes Authentication-Results")
    assert told(checks, "an envelope sender for each mail works")["todo"] == 'if you like: relay.envelope = "verp"'


def test_relay_that_refuses_other_envelope_senders_is_told(daemon: Daemon, relay: Relay) -> None:
    strict = relay()
    strict.refuse_sender("", "501 5.1.7 no null sender")
    strict.refuse_sender("*", "553 5.7.1 sender not owned by you")
    checks = probed(daemon, strict)
    told(checks, "envelope senders that arrive: the desk's address")
    told(checks, "not with <>: the relay says: 501 5.1.7 no null sender")
    told(checks, "not with an address of its own (VERP): the relay says: 553 5.7.1 sender not owned by you")
    assert not [c for c in checks if "verp" in (c["todo"] or "")]


def test_envelope_in_use_that_never_arrives_is_a_failure(daemon: Daemon, relay: Relay) -> None:
    lossy = relay(lambda mail: mail.raw if mail.mail_from else None)
    file = daemon.folder / "null.toml"
    file.write_text(f'{daemon.file.read_text()}\n[relay]\nport = {lossy.port}\nenvelope = "null"\n')
    said = json.loads(daemon.run("check", "--probe", "--json", "--wait", "10", "--config", str(file), status=1))
    failed = told(said["checks"], "what was sent from the desk's address did")
    assert failed["todo"] == 'relay.envelope = "account"'
    assert failed["where"] == f"{file}:10"


def test_relay_that_rewrites_message_ids_is_told(daemon: Daemon, relay: Relay) -> None:
    checks = probed(daemon, relay(renamed))
    assert told(checks, "another Message-ID in place of ours")["todo"] == 'answers.subject_token = "always"'
    checks = probed(daemon, relay(renamed), '\n[answers]\nsubject_token = "always"\n')
    assert told(checks, "another Message-ID in place of ours")["state"] == "ok"


def test_plus_address_that_nobody_knows_is_told(daemon: Daemon, relay: Relay) -> None:
    def known(mail: Received) -> bytes | None:
        return None if "+" in mail.rcpt_to[0] else mail.raw

    checks = probed(daemon, relay(known))
    plus = told(checks, "mail to help+...@desk.example is not delivered (it did not arrive)")
    assert plus["state"] == "advice"
    assert "recipient_delimiter = +" in plus["todo"]
    checks = probed(daemon, relay(known), '\n[answers]\nreply_address = "plus"\n', status=1)
    assert told(checks, "mail to help+...@desk.example is not delivered")["state"] == "failed"


def test_results_on_the_probe_are_proposed(daemon: Daemon, relay: Relay) -> None:
    proposed = told(probed(daemon, relay(signed)), "mx.desk.example stands on top of 1 of 1")
    assert proposed["todo"].startswith('smtp.auth_results = "mx.desk.example"')
    assert proposed["where"].endswith(".toml:5")


def test_relay_that_does_not_know_the_desk_is_told(daemon: Daemon, relay: Relay) -> None:
    strict = relay()
    strict.refuse("help@desk.example", "550 5.1.1 no such user")
    file = daemon.folder / "unknown.toml"
    file.write_text(f"{daemon.file.read_text()}\n[relay]\nport = {strict.port}\n")
    said = daemon.run("check", "--probe", "--config", str(file), status=1)
    assert "550 5.1.1 no such user" in said
    assert not strict.mails


@pytest.mark.real("dovecot-imapd", "postfix")
def test_probe_goes_round_by_a_real_postfix_and_dovecot(tmp_path: Path, dovecot: Dovecot, postfix: Postfix) -> None:
    address = "probe-desk@acme.example"
    dovecot.deliver(address, b"Subject: old\r\n\r\n")
    running = Daemon(
        tmp_path,
        f"""
[desk]
name = "Help"
address = "{address}"

[relay]
port = {postfix.port}

[[imap]]
name = "office"
host = "{dovecot.host}"
port = {dovecot.port}
tls = "none"
user = "{address}"
password_file = "{dovecot.password_file}"
poll = 1
""",
        smtp=False,
    ).start()
    try:
        said = json.loads(running.run("check", "--probe", "--json"))
        checks = [c for c in said["checks"] if c["check"] == "probe"]
        told(checks, "it came in by imap:office after")
        told(checks, "envelope senders that arrive: the desk's address, an address of its own (VERP), <>")
        told(checks, "the relay keeps our Message-ID")
        told(checks, "is delivered: it leads to its ticket")
        assert running.json("status")["tickets"] == 0
    finally:
        running.close()
