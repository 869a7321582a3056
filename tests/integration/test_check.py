"""`mailgate check` against real servers: what is well is said, what is not comes with what to do."""

from __future__ import annotations

import json
import smtplib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from servers.daemon import Daemon
from servers.dovecot import Dovecot
from servers.process import until
from servers.sink import Sink

from mailgate.cli.main import cli

DESK = """\
[desk]
name = "Help"
address = "help@desk.example"

[[staff]]
name = "Anna"
email = "anna@desk.example"

"""


def check(folder: Path, settings: str, *words: str) -> Result:
    file = folder / "mailgate.toml"
    file.write_text(DESK + settings)
    return CliRunner().invoke(cli, ["check", "--config", str(file), *words])


def imap(server: Dovecot, user: str, **more: str | int) -> str:
    given = {
        "name": "office",
        "host": server.host,
        "port": server.port,
        "tls": "none",
        "user": user,
        "password_file": str(server.password_file),
        **more,
    }
    return "[[imap]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items()) + "\n"


def relay(sink: Sink, **more: str | int) -> str:
    given = {"host": sink.host, "port": sink.port, **more}
    return "[relay]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items()) + "\n"


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where somebody listens who is no mailgate."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                client.sendall(b"220 other ESMTP Otherd\r\n")

        threading.Thread(target=greet, daemon=True).start()
        yield int(server.getsockname()[1])
        server.close()


@pytest.mark.real("dovecot-imapd")
def test_desk_whose_servers_answer_is_well(tmp_path: Path, dovecot: Dovecot, sink: Sink) -> None:
    alarm = '[alarm]\ncommand = "true"\n'
    done = check(tmp_path, imap(dovecot, "check-well") + relay(sink) + alarm, "--json")
    told = json.loads(done.output)
    assert (done.exit_code, told["ok"]) == (0, True), told
    states = {c["check"]: c["state"] for c in told["checks"] if "password_file" not in c["check"]}
    everything = ("settings", "rules", "templates", "database", "mailbox office", "relay")
    assert states == dict.fromkeys(everything, "ok")
    assert not sink.mails  # nothing was sent


@pytest.mark.real("dovecot-imapd")
def test_provider_that_signs_results_is_proposed(tmp_path: Path, dovecot: Dovecot, sink: Sink) -> None:
    for number in range(6):
        results = "Authentication-Results: mx.imap.example; dmarc=pass"
        dovecot.deliver("check-trust", f"{results}\r\nSubject: {number}\r\n\r\n".encode())
    dovecot.deliver("check-trust", b"Subject: local\r\n\r\n")
    proposed = check(tmp_path, imap(dovecot, "check-trust") + relay(sink))
    assert proposed.exit_code == 0
    assert "mx.imap.example stands on top of 6 of 7 recent mails; believed is none" in proposed.output
    assert 'imap "office".auth_results = "mx.imap.example"' in proposed.output
    believed = check(tmp_path, imap(dovecot, "check-trust", auth_results="mx.imap.example") + relay(sink))
    assert "6 of 7 recent mails, and is believed" in believed.output


@pytest.mark.real("dovecot-imapd")
def test_results_on_few_mails_are_not_proposed(tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("check-forged", b"Authentication-Results: mx.forged.example; dmarc=pass\r\n\r\n")
    for number in range(3):
        dovecot.deliver("check-forged", f"Subject: {number}\r\n\r\n".encode())
    done = check(tmp_path, imap(dovecot, "check-forged"))
    assert "mx.forged.example" not in done.output


@pytest.mark.real("dovecot-imapd")
def test_microsofts_own_mark_is_proposed(tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.deliver("check-ms", b"Authentication-Results: spf=pass smtp.mailfrom=acme.example; dmarc=pass\r\n\r\n")
    assert 'auth_results = "microsoft"' in check(tmp_path, imap(dovecot, "check-ms")).output


@pytest.mark.real("dovecot-imapd")
def test_mailbox_that_lets_nobody_in_is_told(tmp_path: Path, dovecot: Dovecot) -> None:
    (tmp_path / "wrong").write_text("wrong")
    done = check(tmp_path, imap(dovecot, "check-wrong", password_file="wrong"))
    assert done.exit_code == 1
    assert "sign-in refused" in done.output
    assert 'look at imap "office".user and at its password_file' in done.output


@pytest.mark.real("dovecot-imapd")
def test_folder_that_is_not_there_is_told(tmp_path: Path, dovecot: Dovecot) -> None:
    done = check(tmp_path, imap(dovecot, "check-folder", folder="Nowhere"))
    assert done.exit_code == 1
    assert "there is no folder Nowhere" in done.output


def test_relay_that_is_not_there_is_told(tmp_path: Path, sink: Sink) -> None:
    with sink.away():
        done = check(tmp_path, relay(sink))
    assert done.exit_code == 1
    assert f"nobody listens at 127.0.0.1:{sink.port}" in done.output


def test_relay_without_starttls_is_told(tmp_path: Path, sink: Sink) -> None:
    done = check(tmp_path, relay(sink, tls="starttls"))
    assert done.exit_code == 1
    assert "the server offers no STARTTLS" in done.output


def test_address_that_the_relay_does_not_know_fails_nothing(tmp_path: Path, sink: Sink) -> None:
    sink.refuse("anna@desk.example", "550 5.1.1 no such user")
    done = check(tmp_path, relay(sink))
    assert done.exit_code == 0
    assert 'to RCPT TO:<anna@desk.example> it says "550 5.1.1 no such user"' in done.output
    assert "is anna@desk.example right?" in done.output


def test_relay_without_tls_is_told(tmp_path: Path, sink: Sink) -> None:
    done = check(tmp_path, relay(sink, tls="implicit"))
    assert done.exit_code == 1
    assert "the port speaks no TLS" in done.output


def test_relay_that_lets_nobody_in_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret").touch(0o600)
    (tmp_path / "secret").write_text("wrong")
    sink = Sink(user="help", password="right").start()
    try:
        wrong = check(tmp_path, relay(sink, user="help", password_file="secret"))
        (tmp_path / "secret").write_text("right\n")
        right = check(tmp_path, relay(sink, user="help", password_file="secret"))
    finally:
        sink.close()
    assert (wrong.exit_code, right.exit_code) == (1, 0)
    assert "look at relay.user and what stands in relay.password_file" in wrong.output
    assert "help signed in" in right.output


def test_password_file_that_cannot_be_read_is_told(tmp_path: Path, sink: Sink) -> None:
    done = check(tmp_path, relay(sink, user="help", password_file="secret"))
    assert done.exit_code == 1
    assert f"relay.password_file  {tmp_path / 'secret'}: No such file or directory" in done.output


def test_port_of_another_program_is_told(tmp_path: Path, silent: int) -> None:
    done = check(tmp_path, f'[smtp]\nlisten = ["127.0.0.1:{silent}"]\n')
    assert done.exit_code == 1
    assert 'another program listens there: "220 other ESMTP Otherd"' in done.output


def test_address_of_another_machine_is_told(tmp_path: Path) -> None:
    done = check(tmp_path, '[smtp]\nlisten = ["192.0.2.1:2525"]\n')
    assert done.exit_code == 1
    assert "name an address of this machine in smtp.listen" in done.output


def test_free_mail_domain_is_no_partner(tmp_path: Path, sink: Sink) -> None:
    partner = '[[partner]]\nname = "Jane"\ndomains = ["{}"]\n'
    refused = check(tmp_path, relay(sink) + partner.format("GMail.com"))
    taken = check(tmp_path, relay(sink) + partner.format("acme.example"))
    assert "anybody can have an address there" in refused.output
    assert refused.exit_code == 1
    assert "anybody can have" not in taken.output


def test_settings_that_cannot_be_used_stop_the_rest(tmp_path: Path) -> None:
    done = check(tmp_path, '[relay]\nport = "25"\n')
    assert done.exit_code == 1
    assert "write port = 25" in done.output
    assert "database" not in done.output


def test_desk_that_only_a_pipe_reaches_is_advised(tmp_path: Path, sink: Sink) -> None:
    done = check(tmp_path, relay(sink))
    assert done.exit_code == 0
    assert "only `mailgate deliver` brings mail in" in done.output


def test_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("none")
    done = check(tmp_path, '[smtp]\nlisten = ["127.0.0.1:2525"]\ntls_cert = "cert.pem"\ntls_key = "key.pem"\n')
    assert done.exit_code == 1
    assert "a PEM certificate and its own key" in done.output


PROBED = """\
[desk]
name = "Help"
address = "help@desk.example"

[smtp]
listen = ["127.0.0.1:{port}"]

[relay]
port = {port}
"""  # its own door is the relay: what it sends itself comes back


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    running = Daemon(tmp_path, PROBED).start()
    yield running
    running.close()


def test_probe_comes_back_and_opens_no_ticket(daemon: Daemon) -> None:
    told = json.loads(daemon.run("check", "--probe", "--json"))
    assert told["ok"], told
    said = [c["found"] for c in told["checks"] if c["check"] == "probe"]
    assert "it came in by smtp after" in said[1]
    assert "this desk listens there" in [c["found"] for c in told["checks"]]
    assert daemon.json("status")["tickets"] == 0
    assert daemon.json("inbox", "list")[0]["state"] == "done"


def test_mail_server_in_front_that_signs_results_is_proposed(daemon: Daemon) -> None:
    for number in range(2):
        with smtplib.SMTP("127.0.0.1", daemon.port) as smtp:
            mail = f"Authentication-Results: mx.desk.example; dmarc=pass\r\nSubject: {number}\r\n\r\nx\r\n"
            smtp.sendmail("jane@acme.example", "help@desk.example", mail)
    assert 'smtp.auth_results = "mx.desk.example"' in daemon.run("check")


def test_probe_that_does_not_come_back_is_told(daemon: Daemon, sink: Sink) -> None:
    text = daemon.file.read_text()
    daemon.file.write_text(text.replace(f"port = {daemon.port}\n", f"port = {sink.port}\n"))
    said = daemon.run("check", "--probe", "--wait", "1", status=1)
    assert "it did not come in within 1 s" in said
    assert len(sink.mails) == 4  # by each envelope sender, and to a plus address


def test_probe_is_not_sent_where_no_daemon_would_take_it(daemon: Daemon, sink: Sink) -> None:
    until(lambda: daemon.json("status")["daemon"]["last_seen"], "a sign of life")
    daemon.stop()
    text = daemon.file.read_text()
    daemon.file.write_text(text.replace(f"port = {daemon.port}\n", f"port = {sink.port}\n"))
    said = daemon.run("check", "--probe", status=1)
    assert sink.mails == []
    assert "nothing was sent: mailgate does not run since" in said
    assert "→ `mailgate serve`" in said


@pytest.mark.real("dovecot-imapd", "openssl")
def test_certificate_of_a_mailbox_is_verified(tmp_path: Path, dovecot: Dovecot) -> None:
    assert dovecot.certificates is not None
    ports: dict[str, str | int] = {"port": dovecot.tls_port, "tls": "implicit"}
    strange = check(tmp_path, imap(dovecot, "check-tls", **ports))
    known = check(tmp_path, imap(dovecot, "check-tls", **ports, tls_ca=str(dovecot.certificates.ca)))
    assert (strange.exit_code, known.exit_code) == (1, 0)
    assert "certificate is not to be trusted" in strange.output
    assert 'name it as imap "office".tls_ca' in strange.output
    assert "signed in" in known.output


GRANT = '[[grant]]\nname = "m365"\nprovider = "microsoft"\nclient_id = "1"\n\n'


@pytest.mark.real("dovecot-imapd")
def test_grant_that_nobody_signed_in_for_is_told(tmp_path: Path, dovecot: Dovecot) -> None:
    done = check(tmp_path, GRANT + imap(dovecot, "check-grant", auth="microsoft"))
    assert done.exit_code == 1
    assert "the server offers neither OAUTHBEARER nor XOAUTH2" in done.output
    assert "this server takes passwords alone" in done.output
    assert "grant m365  nobody has signed in yet\n    → `mailgate login m365`" in done.output


def test_probe_before_the_first_start_says_what_to_do_and_how_all_stands(tmp_path: Path, sink: Sink) -> None:
    done = check(tmp_path, relay(sink), "--probe")
    assert done.exit_code == 1
    assert "✗ probe  " in done.output
    assert "start `mailgate serve`" in done.output
    assert "1 failed." in done.output


def test_alarm_is_rung_where_it_is_asked_for(tmp_path: Path, sink: Sink) -> None:
    alarm = """[alarm]\ncommand = "sh -c 'cat >rung; echo $MAILGATE_STATE >>rung'"\n"""
    quiet = check(tmp_path, relay(sink) + alarm)
    assert not (tmp_path / "rung").exists()
    rung = check(tmp_path, relay(sink) + alarm, "--alarm")
    assert (quiet.exit_code, rung.exit_code) == (0, 0)
    assert "alarm.command  it took the test" in rung.output
    assert (tmp_path / "rung").read_text() == "Help: this is a test of the alarm; nothing is wrong\ntest\n"


def test_alarm_that_cannot_be_rung_is_told(tmp_path: Path, sink: Sink) -> None:
    missing = check(tmp_path, relay(sink) + '[alarm]\ncommand = "/nowhere/page-me"\n')
    broken = check(tmp_path, relay(sink) + """[alarm]\ncommand = "sh -c 'echo no line >&2; exit 3'"\n""", "--alarm")
    none = check(tmp_path, relay(sink), "--alarm")
    assert (missing.exit_code, broken.exit_code, none.exit_code) == (1, 1, 1)
    assert "/nowhere/page-me is no program that can be run" in missing.output
    assert "alarm.command  it ended with 3: no line" in broken.output
    assert "alarm  nobody would be told" in none.output
