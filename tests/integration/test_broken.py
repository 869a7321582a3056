"""Set-ups that are broken in one way each: `check` says what, at which line, and how to mend it, and ends with 1."""

from __future__ import annotations

import json
import shutil
import smtplib
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from servers.daemon import Daemon
from servers.dovecot import Dovecot
from servers.postgres import Postgres
from servers.process import until
from servers.sink import Sink
from servers.tls import strange

from mailgate.cli.main import cli
from storage import beginning, schema
from storage.database import Database

SECOND = 1  # for what does not answer


class Fault(NamedTuple):
    """A set-up: `settings` are sections, and what is said of it: the words, the key of the line, and the mend."""

    settings: dict[str, dict[str, Any]]
    said: str
    key: str = ""
    todo: str = ""


@dataclass
class World:
    """What a broken set-up can be made of."""

    folder: Path
    dovecot: Dovecot
    sink: Sink
    user: str
    stack: ExitStack
    monkeypatch: pytest.MonkeyPatch
    request: pytest.FixtureRequest

    def box(self, **more: Any) -> dict[str, dict[str, Any]]:
        self.dovecot.deliver(self.user, b"Subject: old\r\n\r\n")
        server = self.dovecot
        given = {"name": "office", "host": server.host, "port": server.port, "tls": "none", "user": self.user}
        return {"imap": {**given, "password_file": str(server.password_file), **more}}

    def relay(self, **more: Any) -> dict[str, dict[str, Any]]:
        return {"relay": {"host": self.sink.host, "port": self.sink.port, "timeout": SECOND, **more}}

    def secret(self, text: str, mode: int = 0o600) -> str:
        (self.folder / "secret").write_text(text)
        (self.folder / "secret").chmod(mode)
        return "secret"

    def tls(self, trusted: bool = False, **how: Any) -> dict[str, Any]:
        """A TLS server with a certificate that is wrong in some way."""
        files = strange(self.folder, **how)
        server = Sink(certificates=files, implicit_tls=True).start()
        self.stack.callback(server.close)
        trust = {"tls_ca": str(files.ca)} if trusted else {}
        return {"host": "localhost", "port": server.port, "tls": "implicit", **trust}

    def silent(self, kind: int = socket.SOCK_STREAM) -> int:
        """A port that takes a connection and says nothing."""
        sock = self.stack.enter_context(socket.socket(socket.AF_INET, kind))
        sock.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        return int(sock.getsockname()[1])

    def greeting(self, words: str) -> int:
        """A port that says that to everybody and hangs up."""
        sock = self.stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def greet() -> None:
            with suppress(OSError):
                while True:
                    with sock.accept()[0] as client:
                        client.sendall(words.encode())

        threading.Thread(target=greet, daemon=True).start()
        self.stack.callback(sock.shutdown, socket.SHUT_RDWR)
        return int(sock.getsockname()[1])

    def closed(self) -> int:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            return int(sock.getsockname()[1])

    def unknown(self, number: int) -> str:
        def fail(*_: object, **__: object) -> None:
            raise socket.gaierror(number, "no")

        self.monkeypatch.setattr(socket, "getaddrinfo", fail)
        return "imap.nowhere.example"

    def schema(self, version: str) -> dict[str, dict[str, Any]]:
        db = Database(f"sqlite:///{self.folder / 'mailgate.db'}")
        schema.create(db)
        with db.write() as connection:
            connection.execute(sa.text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '{version}'"))
        db.close()
        return {}


@pytest.fixture
def world(
    tmp_path: Path, dovecot: Dovecot, sink: Sink, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[World]:
    with ExitStack() as stack:
        user = f"broken-{request.node.callspec.id.replace('_', '-')}"
        yield World(tmp_path, dovecot, sink, user, stack, monkeypatch, request)


# --- mailboxes ----------------------------------------------------------------------------------------------------


def wrong_password(w: World) -> Fault:
    return Fault(w.box(password_file=w.secret("no")), "sign-in refused", "password_file", "an app password")


def wrong_host(w: World) -> Fault:
    box = w.box(host=w.unknown(socket.EAI_NONAME))
    return Fault(box, ": there is no such name", "host", 'look at imap "office".host')


def no_name_server(w: World) -> Fault:
    return Fault(w.box(host=w.unknown(socket.EAI_AGAIN)), "could not be asked for", "host", "/etc/resolv.conf")


def wrong_port(w: World) -> Fault:
    port = w.closed()
    return Fault(w.box(port=port), f"nobody listens at 127.0.0.1:{port}", "port", "is the server running")


def silent_port(w: World) -> Fault:
    port = w.silent()
    return Fault(w.box(port=port, timeout=SECOND), f"127.0.0.1:{port} does not answer", "port", "is the port right")


def mailbox_without_tls(w: World) -> Fault:
    return Fault(w.box(tls="implicit"), "the port speaks no TLS", "tls", '143 with "starttls"')


def self_signed_certificate(w: World) -> Fault:
    return Fault(w.box(**w.tls(signed=True)), "not to be trusted: self-signed certificate", "imap", "tls_ca")


def expired_certificate(w: World) -> Fault:
    box = w.box(**w.tls(trusted=True, days=(-3, -1)))
    return Fault(box, "certificate has expired", "host", "or is this clock wrong (20")


def certificate_of_tomorrow(w: World) -> Fault:
    box = w.box(**w.tls(trusted=True, days=(1, 3)))
    return Fault(box, "certificate is not yet valid", "host", "is this machine's clock wrong (20")


def certificate_of_another_name(w: World) -> Fault:
    box = w.box(**w.tls(trusted=True, name="mail.other.example"))
    return Fault(box, "Hostname mismatch", "host", "write the name that the certificate is for")


def certificate_of_an_unknown_authority(w: World) -> Fault:
    return Fault(w.box(**w.tls()), "unable to get local issuer certificate", "imap", "the certificate of its authority")


def authority_missing(w: World) -> Fault:
    box = w.box(tls="implicit", tls_ca="our-ca.pem")
    return Fault(box, "/our-ca.pem: No such file or directory", "tls_ca", 'imap "office".tls_ca: the certificate (PEM)')


def authority_that_is_no_certificate(w: World) -> Fault:
    (w.folder / "our-ca.pem").write_text("no\n")
    return Fault(w.relay(tls="starttls", tls_ca="our-ca.pem"), "no certificate in /", "tls_ca", "relay.tls_ca")


def folder_missing(w: World) -> Fault:
    return Fault(w.box(folder="Support/Desk"), "there is no folder Support/Desk", "folder", "levels are written with /")


def folder_read_only(w: World) -> Fault:
    w.dovecot.deliver(w.user, b"Subject: old\r\n\r\n", name="Shared")
    place = w.dovecot.maildir(w.user, "Shared")
    for path in (place / "cur", place / "new", place / "tmp", place):
        path.chmod(0o555)
    return Fault(w.box(folder="Shared"), "Shared may only be read", "folder", "serve --shadow")


def junk_folder_missing(w: World) -> Fault:
    return Fault(w.box(junk="Spam"), "there is no folder Spam", "junk", 'imap "office".junk')


def clock_a_day_behind(w: World) -> Fault:
    w.dovecot.deliver(w.user, b"Subject: now\r\n\r\n", received=datetime.now(UTC) + timedelta(days=1))
    return Fault(w.box(), "arrived 24.0 hours from now", "", "set the clock")


# --- the relay ----------------------------------------------------------------------------------------------------


def mailbox_at_the_relays_port(w: World) -> Fault:
    return Fault(w.box(port=w.sink.port), "that is no IMAP server: 220 ", "port", '993 goes with tls = "implicit"')


def relay_at_the_mailboxs_port(w: World) -> Fault:
    account = w.relay(port=w.dovecot.port)
    return Fault(account, "that is no SMTP server: [CAPABILITY", "port", '587 with "starttls"')


def relay_not_there(w: World) -> Fault:
    return Fault(w.relay(port=w.closed()), "nobody listens at 127.0.0.1:", "port", "is the server running")


def relay_without_starttls(w: World) -> Fault:
    return Fault(w.relay(tls="starttls"), "STARTTLS", "tls", 'try tls = "implicit" with port 465')


def relay_that_wants_a_sign_in(w: World) -> Fault:
    server = Sink(user="help", password="right").start()
    w.stack.callback(server.close)
    said = "530 5.7.0 Authentication required"
    return Fault(w.relay(port=server.port), said, "relay", "it offers AUTH and no user is set: add relay.user")


def relay_that_says_nothing(w: World) -> Fault:
    port = w.silent()
    return Fault(w.relay(port=port), f"127.0.0.1:{port} does not answer", "port", "does a firewall stand between?")


def relay_with_too_many_connections(w: World) -> Fault:
    port = w.greeting("421 4.7.0 Too many connections\r\n")
    return Fault(w.relay(port=port), "421 4.7.0 Too many connections", "relay", "lower relay.max_connections, or wait")


def relay_with_a_wrong_password(w: World) -> Fault:
    server = Sink(user="help", password="right").start()
    w.stack.callback(server.close)
    account = w.relay(port=server.port, user="help", password_file=w.secret("wrong"))
    return Fault(account, "535", "password_file", "look at relay.user and what stands in relay.password_file")


def relay_that_refuses_our_sender(w: World) -> Fault:
    w.sink.refuse_sender("help@desk.example", "550 5.7.60 Client does not have permissions to send as this sender")
    return Fault(w.relay(), "5.7.60", "relay", "allow the account to send as help@desk.example")


def relay_that_does_not_know_the_desk(w: World) -> Fault:
    w.sink.refuse("help@desk.example", "550 5.1.1 No such user")
    return Fault(w.relay(), "550 5.1.1 No such user", "address", "make the mailbox or the route to it first")


def relay_that_refuses_our_from(w: World) -> Fault:
    w.sink.refuse_sender("help@desk.example", "554 5.7.1 Not from here")
    return Fault(w.relay(), "to MAIL FROM:<help@desk.example>", "relay", "allow the account to send as help@desk")


def relay_that_refuses_recipients(w: World) -> Fault:
    w.sink.refuse("a@staff.example", "554 5.7.1 Relay access denied")
    return Fault(w.relay(), "to RCPT TO:<a@staff.example>", "relay", "it sends to nobody outside")


def relay_for_nobody(w: World) -> Fault:
    w.sink.refuse("help@desk.example", "454 4.7.1 <help@desk.example>: Relay access denied")
    w.sink.refuse("jane@acme.example", "554 5.7.1 <jane@acme.example>: Relay access denied")
    return Fault(w.relay(), "to RCPT TO:<help@desk.example>", "relay", "it sends to nobody outside")


def relay_that_calls_nobody_so(w: World) -> Fault:
    w.sink.refuse("help@desk.example", "550 5.4.4 <help@desk.example>: Recipient address rejected: no such domain")
    return Fault(w.relay(), "no such domain", "address", "does that server know help@desk.example?")


def relay_that_refuses_our_envelope(w: World) -> Fault:
    w.sink.refuse_sender("", "501 5.1.7 No null sender from here")
    return Fault(w.relay(envelope="null"), "to MAIL FROM:<>", "envelope", 'relay.envelope = "account"')


# --- this machine -------------------------------------------------------------------------------------------------


def port_already_in_use(w: World) -> Fault:
    door = {"smtp": {"listen": [f"127.0.0.1:{w.sink.port}"]}}
    return Fault(door, "another program listens there", "listen", "choose another smtp.listen")


def page_port_already_in_use(w: World) -> Fault:
    page = {"http": {"listen": f"127.0.0.1:{w.sink.port}"}}
    return Fault(page, "another program listens there", "listen", "choose another http.listen")


def port_of_another_desk(w: World) -> Fault:
    port = w.greeting("220 desk.example ESMTP mailgate\r\n")
    return Fault({"smtp": {"listen": [f"127.0.0.1:{port}"]}}, "the mailgate of another desk listens there", "listen")


def address_of_another_machine(w: World) -> Fault:
    return Fault(
        {"lmtp": {"listen": ["192.0.2.1:2424"]}}, "cannot listen there", "listen", "an address of this machine"
    )


def certificate_that_is_not_there(w: World) -> Fault:
    door = {"smtp": {"listen": [f"127.0.0.1:{w.closed()}"], "tls_cert": "no.pem", "tls_key": "no.pem"}}
    return Fault(door, "No such file or directory", "tls_cert", "a PEM certificate and its own key")


def database_unreachable(w: World) -> Fault:
    url = f"postgresql+psycopg://mailgate@127.0.0.1:{w.closed()}/none"
    return Fault({"storage": {"url": url}}, "Connection refused", "url", "is the database running?")


def database_that_was_not_made(w: World) -> Fault:
    server: Postgres = w.request.getfixturevalue("postgres")
    made = server.new()
    w.stack.callback(server.drop, made)
    url = f"{made.rpartition('/')[0]}/nosuch"
    return Fault({"storage": {"url": url}}, 'database "nosuch" does not exist', "url", "make it there")


def database_at_no_such_host(w: World) -> Fault:
    host = w.unknown(socket.EAI_NONAME)
    url = f"postgresql+psycopg://mailgate@{host}/mailgate"
    return Fault({"storage": {"url": url}}, host, "url", "look at the host in storage.url")


def database_gone(w: World) -> Fault:
    beginning.note(w.folder, str(w.folder / "mailgate.toml"))
    return Fault({}, "mailgate.db, and a desk was here", "", "`mailgate restore FILE` brings it back")


def database_of_something_else(w: World) -> Fault:
    lite = sqlite3.connect(w.folder / "mailgate.db")
    lite.execute("CREATE TABLE x (y)")
    lite.close()
    return Fault(
        {"storage": {"url": "sqlite:///mailgate.db"}}, "holds tables of something else: x; name an empty", "url"
    )


def postgresql_of_something_else(w: World) -> Fault:
    server: Postgres = w.request.getfixturevalue("postgres")
    url = server.new()
    w.stack.callback(server.drop, url)
    db = Database(url)
    with db.write() as connection:
        connection.execute(sa.text("CREATE TABLE shop (y int)"))
    db.close()
    return Fault({"storage": {"url": url}}, "holds tables of something else: shop; name an empty", "url")


def database_that_is_a_folder(w: World) -> Fault:
    (w.folder / "kept").mkdir()
    return Fault({"storage": {"url": "sqlite:///kept"}}, "/kept is a folder: name a file in it", "url")


def database_that_is_none(w: World) -> Fault:
    (w.folder / "mailgate.db").write_text("rubbish " * 1000)
    said = "mailgate.db is no SQLite database, or is damaged"
    return Fault({"storage": {"url": "sqlite:///mailgate.db"}}, said, "url", "brings a backup back")


def database_read_only(w: World) -> Fault:
    server: Postgres = w.request.getfixturevalue("postgres")
    url = server.new()
    w.stack.callback(server.drop, url)
    db = Database(url)
    schema.create(db)
    with db.write() as connection:
        connection.execute(sa.text("DROP ROLE IF EXISTS onlooker"))
        connection.execute(sa.text("CREATE ROLE onlooker LOGIN"))
        connection.execute(sa.text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker"))
    db.close()
    url = str(sa.make_url(url).set(username="onlooker"))
    return Fault({"storage": {"url": url}}, "permission denied for table", "url", "who signs in there must own it")


def schema_older(w: World) -> Fault:
    return Fault(w.schema("0000"), "the database has schema 0000", "", "run `mailgate db upgrade`")


def schema_newer(w: World) -> Fault:
    return Fault(w.schema("9999"), "newer than this program's", "", "update mailgate")


def data_folder_not_writable(w: World) -> Fault:
    url = "sqlite:////proc/mailgate.db"  # nobody can write there, root no more than others
    return Fault({"storage": {"url": url}}, "/proc cannot be written to", "url", "a folder that the user")


def disk_full(w: World) -> Fault:
    usage = type(shutil.disk_usage("/"))
    w.monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 0))
    return Fault({}, "0 MB free", "", "make room")


def secret_that_everybody_can_read(w: World) -> Fault:
    box = w.box(password_file=w.secret("pw", 0o644))
    return Fault(box, "can be read by everybody on this machine", "password_file", "chmod 600")


def secret_missing(w: World) -> Fault:
    return Fault(w.box(password_file="none"), "none: No such file", "password_file", "put the secret into it")


def secret_in_utf_16(w: World) -> Fault:
    (w.folder / "secret").write_text("password", "utf-16")
    (w.folder / "secret").chmod(0o600)
    return Fault(w.box(password_file="secret"), "secret is not UTF-8", "password_file", "save it as UTF-8")


def secret_empty(w: World) -> Fault:
    return Fault(w.box(password_file=w.secret("\n")), "secret is empty", "password_file", "put the secret into it")


def dns_silent(w: World) -> Fault:
    dns = {"nameservers": [f"127.0.0.1:{w.silent(socket.SOCK_DGRAM)}"], "timeout": SECOND}
    return Fault({**w.box(verify=True), "dns": dns}, "cannot be checked", "nameservers", "/etc/resolv.conf")


def alarm_that_cannot_ring(w: World) -> Fault:
    return Fault({"alarm": {"command": "page-nobody now"}}, "page-nobody is no program", "command", "its whole path")


# --- grants -------------------------------------------------------------------------------------------------------


def grant_that_nobody_signed_in_for(w: World) -> Fault:
    grant = {"name": "m365", "provider": "microsoft", "client_id": "1"}
    return Fault({"grant": grant}, "nobody has signed in yet", "grant", "`mailgate login m365`")


def grant_of_the_placeholder(w: World) -> Fault:
    grant = {"name": "m365", "provider": "microsoft", "client_id": "00000000-0000-0000-0000-000000000000"}
    return Fault({"grant": grant}, "client_id is still the placeholder", "client_id", "docs/microsoft.md")


def grant_whose_secret_has_ended(w: World) -> Fault:
    grant = {"name": "m365", "provider": "microsoft", "client_id": "1", "tenant": "desk.example"}
    grant |= {"client_secret_file": w.secret("x"), "secret_ends": "2026-01-31"}
    return Fault({"grant": grant}, "its secret has ended", "grant", "make a new one at the provider")


# --- the settings themselves --------------------------------------------------------------------------------------


def queue_of_a_rule_misspelt(w: World) -> Fault:
    queue = {"name": "Hardware", "default": True}
    return Fault({"queue": queue, "rule": {"name": "r", "set": {"queue": "Hardwear"}}}, "no queue", "set", "Hardware")


def two_doors_at_one_port(w: World) -> Fault:
    listen = {"listen": ["127.0.0.1:2525"]}
    return Fault({"smtp": listen, "lmtp": listen}, "is where smtp listens, too", "listen", "a port of its own")


def mails_moved_where_they_are(w: World) -> Fault:
    return Fault(w.box(after="move:inbox"), "is a folder that is watched", "after", "name another one")


def time_zone_unknown(w: World) -> Fault:
    desk = {"name": "Help", "address": "help@desk.example", "timezone": "Europe/Berln"}
    return Fault({"desk": desk}, 'found "Europe/Berln"', "timezone", "did you mean Europe/Berlin?")


def desk_without_a_domain(w: World) -> Fault:
    return Fault(
        {"desk": {"name": "Help", "address": "help@desk"}}, "nobody outside can write", "address", "such as help@"
    )


def free_mail_as_a_partner(w: World) -> Fault:
    partner = {"name": "Jane", "domains": ["gmail.com"]}
    return Fault({"partner": partner}, "anybody can have an address there", "domains", "name the people instead")


def template_broken(w: World) -> Fault:
    (w.folder / "own").mkdir()
    (w.folder / "own" / "acknowledgement.txt").write_text("Dear {{ nme }},\n{% block %}")
    return Fault({"": {"templates": "own"}}, "template acknowledgement: line 2", "templates", "the shipped one is used")


FAULTS: tuple[Callable[[World], Fault], ...] = tuple(
    found for found in list(globals().values()) if getattr(found, "__annotations__", {}).get("return") == "Fault"
)
LISTS = ("imap", "grant", "queue", "staff", "partner", "rule")


def toml(settings: dict[str, dict[str, Any]]) -> str:
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.get("", {}).items())
    for name, keys in settings.items():
        if name:
            text += f"[[{name}]]\n" if name in LISTS else f"[{name}]\n"
            text += "".join(f"{key} = {_value(value)}\n" for key, value in keys.items()) + "\n"
    return text


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_value(entry)}' for key, entry in value.items())} }}"
    return json.dumps(value)


def run(folder: Path, settings: dict[str, dict[str, Any]]) -> tuple[int, list[dict[str, str]], str]:
    desk = {"name": "Help", "address": "help@desk.example"}
    staff = {"name": "A", "email": "a@staff.example"}
    file = folder / "mailgate.toml"
    file.write_text(toml({"": settings.get("", {}), "desk": desk, "staff": staff, **settings}))
    done = CliRunner().invoke(cli, ["check", "--config", str(file), "--json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    failed = [c for c in json.loads(done.output)["checks"] if c["state"] == "failed"]
    return done.exit_code, failed, done.output


@pytest.mark.real("dovecot-imapd", "postgresql-15")
@pytest.mark.parametrize("broken", FAULTS, ids=lambda fault: fault.__name__)
def test_broken_set_up_is_told_with_its_place_and_its_mend(broken: Callable[[World], Fault], world: World) -> None:
    fault = broken(world)
    began = time.monotonic()
    status, failed, output = run(world.folder, fault.settings)
    assert status == 1, output
    assert time.monotonic() - began < 60
    told = [c for c in failed if fault.said in c["found"]]
    assert told, output
    text = f"{told[0]['found']} {told[0]['todo'] or ''}"
    assert fault.todo in text
    assert "Traceback" not in output
    assert len(text) < 400
    if fault.key:
        place = told[0]["where"] or told[0]["found"].partition(": ")[0]
        file, _, number = place.rpartition(":")
        line = Path(file).read_text().splitlines()[int(number) - 1]
        assert fault.key in line


@pytest.mark.real("dovecot-imapd")
def test_what_is_broken_here_is_well_otherwise(tmp_path: Path, dovecot: Dovecot, sink: Sink) -> None:
    dovecot.deliver("broken-not", b"Subject: old\r\n\r\n", received=datetime.now(UTC))
    box = {"name": "office", "host": dovecot.host, "port": dovecot.port, "tls": "none", "user": "broken-not"}
    settings = {"imap": {**box, "password_file": str(dovecot.password_file)}, "relay": {"port": sink.port}}
    status, failed, _ = run(tmp_path, settings)
    assert (status, failed) == (0, [])
    assert not sink.mails


def test_there_are_more_than_forty() -> None:
    assert len(FAULTS) > 40


# --- where it is about running, `status` says it, too ---------------------------------------------------------------


RUNNING: tuple[tuple[Callable[[World], Fault], str, str], ...] = (
    (wrong_password, "mailbox office: {where}: sign-in refused", 'look at imap "office".user and at its password_file'),
    (secret_missing, "mailbox office: {folder}/", "password_file: the user that runs mailgate has to read it"),
    (wrong_port, "mailbox office: nobody listens at {where}, since", "is the server running"),
    (silent_port, "mailbox office: {where} does not answer", "does a firewall stand between"),
    (mailbox_without_tls, "mailbox office: {where}: the port speaks no TLS", '143 with "starttls"'),
    (
        expired_certificate,
        "mailbox office: {where}: the server's certificate is not to be trusted: certificate has expired",
        "who runs the server has to renew it",
    ),
    (folder_missing, "mailbox office: {where}: there is no such folder", 'look at imap "office".folder; levels'),
    (authority_missing, "mailbox office: {folder}/our-ca.pem: No such file", 'imap "office".tls_ca'),
    (authority_that_is_no_certificate, "relay: no certificate in {folder}/our-ca.pem", "relay.tls_ca"),
    (relay_that_says_nothing, "relay: {where} does not answer", "does a firewall stand between"),
    (relay_with_too_many_connections, "relay: {where}: 421 4.7.0", "lower relay.max_connections"),
    (relay_not_there, "relay: nobody listens at {where}, since", "is the server running"),
    (relay_without_starttls, "relay: {where}: the server offers no STARTTLS", 'try tls = "implicit" with port 465'),
    (relay_that_wants_a_sign_in, "relay: {where}: 530 5.7.0 Authentication required", "relay.user"),
    (
        relay_that_refuses_our_from,
        "relay: {where} refuses our envelope From <help@desk.example> (554 5.7.1 Not from here), since",
        "allow this machine to send as help@desk.example there",
    ),
    (
        relay_for_nobody,
        "relay: {where} relays nothing for us (554 5.7.1 <jane@acme.example>: Relay access denied), since",
        "let it relay for this machine",
    ),
    (relay_with_a_wrong_password, "relay: {where} does not let help in: 535", "what stands in relay.password_file"),
)


@pytest.mark.real("dovecot-imapd")
@pytest.mark.parametrize(("broken", "said", "todo"), RUNNING, ids=[fault.__name__ for fault, *_ in RUNNING])
def test_running_desk_says_in_status_what_is_broken_where_and_what_to_do(
    broken: Callable[[World], Fault], said: str, todo: str, world: World
) -> None:
    door = {} if "imap" in (settings := broken(world).settings) else {"smtp": {"listen": ["127.0.0.1:{port}"]}}
    server = settings.get("imap") or settings["relay"]
    said = said.format(where=f"{server['host']}:{server['port']}", folder=world.folder)
    desk = {"name": "Help", "address": "help@desk.example"}
    staff = {"name": "A", "email": "a@staff.example"}
    running = Daemon(world.folder, toml({"desk": desk, "staff": staff, **door, **settings}), smtp=bool(door)).start()
    world.stack.callback(running.close)
    if door:
        mail = b"From: jane@acme.example\r\nMessage-ID: <1@acme.example>\r\nSubject: x\r\n\r\nx\r\n"
        running.run("deliver", stdin=mail)
    told = until(lambda: [p for p in running.json("status")["problems"] if p.startswith(said)], said)
    assert todo in told[0]
    assert "; it is tried again, `mailgate check` tries it now" in told[0] or "mail is kept and tried again" in told[0]
    assert "Traceback" not in running.log()
    assert told[0] in " ".join(running.run("status").split())


def test_daemon_that_was_killed_is_told_at_once_and_is_well_while_it_lives(tmp_path: Path, sink: Sink) -> None:
    desk = {"name": "Help", "address": "help@desk.example"}
    doors = {"smtp": {"listen": ["127.0.0.1:{port}"]}, "relay": {"host": sink.host, "port": sink.port}}
    daemon = Daemon(tmp_path, toml({"desk": desk, **doors})).start()
    try:
        until(lambda: daemon.json("status")["daemon"]["last_seen"], "a sign of life")
        assert daemon.json("status")["problems"] == []
        assert "All is well." in daemon.run("status")
        daemon.kill()
        (said,) = daemon.json("status")["problems"]
        assert said.startswith("mailgate does not run since 20")
        assert said.endswith("`mailgate serve`")
        assert "All is well." not in daemon.run("status")
    finally:
        daemon.close()


@pytest.mark.real("postgresql-15")
def test_running_desk_whose_database_may_only_be_read_takes_nothing_and_says_so(
    tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.new()
    owner = Database(url)
    with owner.write() as connection:
        connection.execute(sa.text("DROP ROLE IF EXISTS desk"))
        connection.execute(sa.text("CREATE ROLE desk LOGIN"))
        connection.execute(sa.text("GRANT ALL ON SCHEMA public TO desk"))
    settings = {
        "desk": {"name": "Help", "address": "help@desk.example"},
        "storage": {"url": str(sa.make_url(url).set(username="desk"))},
        "smtp": {"listen": ["127.0.0.1:{port}"]},
    }
    running = Daemon(tmp_path, toml(settings)).start()
    try:
        with owner.write() as connection:
            connection.execute(sa.text("REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM desk"))
        mail = b"From: jane@acme.example\r\nMessage-ID: <1@acme.example>\r\nSubject: x\r\n\r\nx\r\n"
        with smtplib.SMTP("127.0.0.1", running.port) as client, pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("jane@acme.example", ["help@desk.example"], mail)
        assert refused.value.smtp_code == 451
        running.run("deliver", stdin=mail, status=75)
        (said,) = [p for p in running.json("status")["problems"] if p.startswith("database")]
        assert said.startswith("database: it may only be read: mail has to wait outside; `mailgate check` says more")
        assert "permission denied for table" in running.run("check", status=1)
        assert "Traceback" not in running.log()
        with owner.write() as connection:
            connection.execute(sa.text("GRANT ALL ON ALL TABLES IN SCHEMA public TO desk"))
        running.run("deliver", stdin=mail)
        until(lambda: running.json("status")["tickets"] == 1, "the ticket")
        assert not [p for p in running.json("status")["problems"] if p.startswith("database")]
    finally:
        running.close()
        owner.close()
        postgres.drop(url)
