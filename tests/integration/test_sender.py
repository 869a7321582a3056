"""The sender against relays that take, refuse, hang up, ask for a login, or are not there."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from servers.postfix import Postfix
from servers.process import until
from servers.sink import Sink
from servers.tls import Certificates, certificates

from mailgate.outgoing import sender as sending
from mailgate.outgoing.sender import Sender
from mailgate.settings import Desk, Relay, Settings
from storage import deliveries, holding
from storage import outbox as letters
from storage.change import Event, Letter
from storage.database import Database, DatabaseUnavailable, now
from storage.tables import beat, outbox, thread_key

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "FIRST_WAIT", 0.05)


def letter(name: str = "a", event: Event = "answer", body: bytes = b"words\r\n", **others: Any) -> Letter:
    message_id = f"{name}@desk.example"
    headers = f"Message-ID: <{message_id}>\r\nSubject: s\r\n\r\n".encode()
    made = Letter(event, 42, 7, f"{name}@x.example", "help@desk.example", message_id, "s", headers, body, now())
    return replace(made, **others)


def write(db: Database, *some: Letter) -> None:
    with db.write() as connection:
        letters.write(connection, letters.prepared(some, now()))


def rows(db: Database) -> dict[str, Any]:
    """The outbox by the left part of the recipient."""
    with db.read() as connection:
        return {row.recipient.partition("@")[0]: row for row in connection.execute(sa.select(outbox))}


def states(db: Database) -> dict[str, str]:
    return {name: row.state for name, row in rows(db).items()}


def relay_beat(db: Database) -> Any:
    with db.read() as connection:
        return connection.execute(sa.select(beat).where(beat.c.name == "relay")).one_or_none()


@contextmanager
def running(db: Database, port: int, folder: Path = Path(), **relay: Any) -> Iterator[threading.Event]:
    stopping = threading.Event()
    settings = Settings(
        desk=Desk(name="Desk", address="help@desk.example"),
        relay=Relay(**{"host": "127.0.0.1", "port": port, "timeout": 10, **relay}),
        folder=str(folder),
    )
    thread = threading.Thread(target=Sender(settings, db, stopping, "host:file:1").run)
    thread.start()
    try:
        yield stopping
    finally:
        stopping.set()
        thread.join(30)
        assert not thread.is_alive()


def all_sent(db: Database) -> bool:
    return set(states(db).values()) == {"sent"}


# --- taken ---------------------------------------------------------------------------------------------------------


def test_letters_arrive_as_they_were_written(database: Database, sink: Sink) -> None:
    written = [letter("a", body=b"one\r\n.\r\n..two\r\n"), letter("b", envelope_from="")]
    write(database, *written)
    with running(database, sink.port):
        until(lambda: all_sent(database), "both are recorded as sent")
    for made in written:
        (mail,) = sink.to(made.recipient)
        assert mail.raw == made.headers + made.body
        assert (mail.mail_from, mail.rcpt_to) == (made.envelope_from, (made.recipient,))
    assert rows(database)["a"].status == "2.0.0"
    assert relay_beat(database).last_success is not None


def test_connections_are_kept_open_and_no_more_than_allowed(sqlite: Database, sink: Sink) -> None:
    write(sqlite, *(letter(f"a{n}") for n in range(100)))
    with running(sqlite, sink.port, max_connections=2):
        until(lambda: all_sent(sqlite), "all are sent")
        write(sqlite, letter("later"))
        until(lambda: all_sent(sqlite), "one more is sent")
    assert len(sink.mails) == 101
    assert sink.connections <= 2


def test_a_letter_that_is_held_stays(sqlite: Database, sink: Sink) -> None:
    write(sqlite, letter("held", held_for="confirm"), letter("a"))
    with running(sqlite, sink.port):
        until(lambda: states(sqlite)["a"] == "sent", "the other is sent")
    assert states(sqlite)["held"] == "held"


def test_no_more_letters_a_minute_than_allowed(sqlite: Database, sink: Sink) -> None:
    write(sqlite, *(letter(f"a{n}") for n in range(5)))
    with running(sqlite, sink.port, per_minute=3):
        until(lambda: list(states(sqlite).values()).count("sent") >= 3, "three are sent")
    assert len(sink.mails) == 3
    assert sorted(states(sqlite).values()) == ["pending", "pending", "sent", "sent", "sent"]


def test_a_stop_does_not_wait_for_a_relay_that_never_greets_and_the_letters_go_back(sqlite: Database) -> None:
    write(sqlite, letter("a"), letter("b"))
    with socket.create_server(("127.0.0.1", 0)) as silent, running(sqlite, silent.getsockname()[1], timeout=60):
        until(lambda: rows(sqlite)["b"].owner is not None, "they are in hand")
    assert {name: (row.state, row.owner, row.attempt) for name, row in rows(sqlite).items()} == {
        "a": ("pending", None, 0),
        "b": ("pending", None, 0),
    }


def test_stopping_finishes_what_is_in_hand_gives_the_rest_back_and_doubles_nothing(
    sqlite: Database, sink: Sink
) -> None:
    write(sqlite, *(letter(f"a{n}") for n in range(300)))
    with running(sqlite, sink.port) as stopping:
        sink.wait(10)
        stopping.set()
    first = {mail.message["Message-ID"] for mail in sink.mails}
    assert {f"<{name}@desk.example>" for name, state in states(sqlite).items() if state == "sent"} == first
    assert all(row.owner is None for row in rows(sqlite).values())
    with running(sqlite, sink.port):
        until(lambda: all_sent(sqlite), "the rest is sent")
    assert len(sink.mails) == 300


# --- TLS and login -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls"))


@contextmanager
def guarded(trusted: Certificates, *, implicit: bool) -> Iterator[Sink]:
    server = Sink(certificates=trusted, implicit_tls=implicit, user="desk", password="secret").start()
    try:
        yield server
    finally:
        server.close()


@pytest.mark.real("openssl")
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_letters_go_by_tls_after_a_login(sqlite: Database, trusted: Certificates, tmp_path: Path, tls: str) -> None:
    (tmp_path / "password").write_text("secret\n")
    write(sqlite, letter())
    with guarded(trusted, implicit=tls == "implicit") as server:
        with running(
            sqlite, server.port, tmp_path, tls=tls, user="desk", password_file="password", tls_ca=str(trusted.ca)
        ):
            until(lambda: all_sent(sqlite), "it is sent")
        (mail,) = server.mails
    assert mail.tls
    assert mail.user == "desk"


@pytest.mark.real("openssl")
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_relay_with_an_unknown_certificate_gets_neither_password_nor_letter(
    sqlite: Database, trusted: Certificates, tmp_path: Path, tls: str
) -> None:
    (tmp_path / "password").write_text("secret\n")
    write(sqlite, letter())
    with guarded(trusted, implicit=tls == "implicit") as server:
        with running(sqlite, server.port, tmp_path, tls=tls, user="desk", password_file="password"):
            until(lambda: relay_beat(sqlite), "it is told")
        assert server.mails == []
    assert "certificate" in relay_beat(sqlite).error.lower()
    assert states(sqlite) == {"a": "pending"}


@pytest.mark.real("openssl")
def test_a_wrong_password_is_no_letters_fault(sqlite: Database, trusted: Certificates, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong\n")
    write(sqlite, letter(), letter("b"))
    with (
        guarded(trusted, implicit=False) as server,
        running(
            sqlite, server.port, tmp_path, tls="starttls", user="desk", password_file="password", tls_ca=str(trusted.ca)
        ),
    ):
        until(lambda: relay_beat(sqlite), "it is told")
    assert relay_beat(sqlite).error.startswith(f"127.0.0.1:{server.port} does not let desk in: 535")
    assert states(sqlite) == {"a": "pending", "b": "pending"}
    assert {row.attempt for row in rows(sqlite).values()} == {0}


def test_a_password_beyond_ascii_goes_as_utf8(sqlite: Database, tmp_path: Path) -> None:
    """RFC 4616 section 2; smtplib knows ASCII only, and its error would tell a letter of the password."""
    server = Sink(user="jürgen", password="geheimß").start()
    try:
        write(sqlite, letter())
        (tmp_path / "password").write_text("geheimß\n")
        with running(sqlite, server.port, tmp_path, user="jürgen", password_file="password"):
            until(lambda: all_sent(sqlite), "it is sent")
        assert len(server.mails) == 1
        (tmp_path / "password").write_bytes("geheimß".encode("latin-1"))
        write(sqlite, letter("b"))
        with running(sqlite, server.port, tmp_path, user="jürgen", password_file="password"):
            until(lambda: relay_beat(sqlite).error, "it is told")
    finally:
        server.close()
    assert relay_beat(sqlite).error == "password: the password's file is not UTF-8; save it as UTF-8"


@pytest.mark.real("openssl")
def test_starttls_is_not_done_without(sqlite: Database, sink: Sink) -> None:
    write(sqlite, letter())
    with running(sqlite, sink.port, tls="starttls"):
        until(lambda: relay_beat(sqlite), "it is told")
    assert sink.mails == []
    assert states(sqlite) == {"a": "pending"}


# --- refused -------------------------------------------------------------------------------------------------------


def test_a_refusal_for_good_is_kept_with_its_status_and_others_go_on(database: Database, sink: Sink) -> None:
    sink.refuse("bad@x.example", "550 5.1.1 No such user")
    write(database, letter("bad"), letter("good"))
    with running(database, sink.port):
        until(lambda: states(database) == {"bad": "failed", "good": "sent"}, "one failed, one is sent")
    assert (rows(database)["bad"].status, rows(database)["bad"].error) == ("5.1.1", "550 5.1.1 No such user")
    assert sink.connections <= 2


def test_a_temporary_refusal_is_tried_again_later_under_the_same_message_id(sqlite: Database, sink: Sink) -> None:
    sink.refuse("slow@x.example", "450 4.2.0 Greylisted", times=1)
    write(sqlite, letter("slow"))
    with running(sqlite, sink.port):
        until(lambda: states(sqlite) == {"slow": "deferred"}, "it waits")
        row = rows(sqlite)["slow"]
        assert row.due > now() + 30
        assert (row.status, row.error) == ("4.2.0", "450 4.2.0 Greylisted")
        with sqlite.write() as connection:
            holding.retry(connection, [row.id], now())
        until(lambda: all_sent(sqlite), "it is sent")
    assert [mail.message["Message-ID"] for mail in sink.mails] == ["<slow@desk.example>"]


def test_a_refusal_after_the_content_counts_too(sqlite: Database, sink: Sink) -> None:
    sink.refuse_data("554 5.7.1 Spam", times=1)
    write(sqlite, letter())
    with running(sqlite, sink.port):
        until(lambda: states(sqlite) == {"a": "failed"}, "it failed")
        write(sqlite, letter("b"))
        until(lambda: states(sqlite)["b"] == "sent", "the next is sent")


@pytest.mark.parametrize("address", ["a b@x.example", "a@x.example> BODY=8BITMIME", "nobody", "a@x.example\r\nDATA"])
def test_what_is_no_address_never_reaches_the_relay(sqlite: Database, sink: Sink, address: str) -> None:
    write(sqlite, letter("bad", recipient=address), letter("good"))
    with running(sqlite, sink.port):
        until(lambda: states(sqlite)["good"] == "sent", "the good one is sent")
    assert len(sink.mails) == 1
    with sqlite.read() as connection:
        row = connection.execute(sa.select(outbox).where(outbox.c.recipient == address)).one()
    assert (row.state, row.status) == ("failed", "5.1.3")


def test_an_address_in_its_own_script_goes_by_smtputf8(sqlite: Database, sink: Sink) -> None:
    headers = "Message-ID: <j@desk.example>\r\nTo: jürgen@x.example\r\n\r\n".encode()
    write(sqlite, letter("j", recipient="jürgen@bücher.example", headers=headers), letter("plain"))
    with running(sqlite, sink.port, max_connections=1):
        until(lambda: all_sent(sqlite), "both are sent")
    assert len(sink.to("jürgen@xn--bcher-kva.example")) == 1
    assert len(sink.to("plain@x.example")) == 1


# --- away ----------------------------------------------------------------------------------------------------------


def test_a_relay_that_is_away_costs_no_letter_a_try(database: Database, sink: Sink) -> None:
    write(database, *(letter(f"a{n}") for n in range(5)))
    with sink.away(), running(database, sink.port):
        until(lambda: relay_beat(database), "it is told")
        assert relay_beat(database).error
        assert set(states(database).values()) == {"pending"}
    with running(database, sink.port):
        until(lambda: all_sent(database), "all are sent")
    assert relay_beat(database).error is None
    assert len(sink.mails) == 5
    assert {row.attempt for row in rows(database).values()} == {1}


def test_a_relay_that_comes_back_gets_all_letters_without_a_restart(sqlite: Database, sink: Sink) -> None:
    write(sqlite, letter("before"))
    with running(sqlite, sink.port):
        until(lambda: all_sent(sqlite), "the first is sent")
        with sink.away():
            write(sqlite, *(letter(f"a{n}") for n in range(5)))
            until(lambda: (relay_beat(sqlite) or beat).error, "it is told")
        until(lambda: all_sent(sqlite), "all are sent")
    assert len(sink.mails) == 6


class Flaky(Database):
    """A database whose writes fail so many times after `after` of them."""

    def __init__(self, url: str, after: int, times: int) -> None:
        super().__init__(url)
        self.after, self.times = after, times

    @contextmanager
    def write(self) -> Iterator[Any]:
        with super().write() as connection:
            yield connection
            self.after -= 1
            if self.after < 0 < self.times:
                self.times -= 1
                raise DatabaseUnavailable("database is locked")


def test_a_database_that_is_away_for_a_moment_doubles_nothing(
    sqlite: Database, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "OUTAGE_SECONDS", 0.02)
    write(sqlite, *(letter(f"a{n}") for n in range(3)))
    flaky = Flaky(sqlite.url, after=1, times=3)
    with running(flaky, sink.port):
        until(lambda: all_sent(sqlite), "all are recorded")
    flaky.close()
    assert flaky.times == 0
    assert len(sink.mails) == 3


# --- relays with ways of their own ---------------------------------------------------------------------------------


class Scripted:
    """A relay that answers each command by `answer(command, number of the connection)`; None hangs up."""

    def __init__(self, answer: Callable[[str, int], str | None], features: str = "") -> None:
        self.answer, self.features = answer, features
        self.taken: list[str] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            number += 1
            threading.Thread(target=self._served, args=(client, number), daemon=True).start()

    def _served(self, client: socket.socket, number: int) -> None:
        try:
            self._serve(client, number)
        finally:
            self.left(number)

    def left(self, number: int) -> None:
        """That connection is gone."""

    def _serve(self, client: socket.socket, number: int) -> None:
        with client, client.makefile("rwb") as stream:
            said = self.answer("CONNECT", number)
            while said is not None:
                stream.write(f"{said}\r\n".encode())
                stream.flush()
                command = stream.readline().decode().strip()
                if not command:
                    return
                if command.upper().startswith("EHLO"):
                    lines = ["scripted", *self.features.split()]
                    said = "\r\n".join(
                        f"250{'-' if line is not lines[-1] else ' '}{line.replace('=', ' ')}" for line in lines
                    )
                    continue
                said = self.answer(command, number)
                if said is not None and said.startswith("354"):
                    stream.write(f"{said}\r\n".encode())
                    stream.flush()
                    content = []
                    while (line := stream.readline()) != b".\r\n":
                        if not line:
                            return
                        content.append(line)
                    said = self.answer(".", number)
                    if said is not None and said.startswith("2"):
                        self.taken.append(content[0].decode().strip())


@contextmanager
def scripted(answer: Callable[[str, int], str | None], features: str = "") -> Iterator[Scripted]:
    server = Scripted(answer, features)
    try:
        yield server
    finally:
        server.close()


def usual(command: str, number: int) -> str:
    return {"CONNECT": "220 scripted", "DATA": "354 go on"}.get(command, "250 2.0.0 fine")


def test_without_smtputf8_an_address_in_its_own_script_fails_and_others_go(sqlite: Database) -> None:
    write(sqlite, letter("j", recipient="jürgen@x.example"), letter("plain"))
    with scripted(usual) as server, running(sqlite, server.port):
        until(lambda: states(sqlite) == {"jürgen": "failed", "plain": "sent"}, "one failed, one is sent")
    assert rows(sqlite)["jürgen"].status == "5.6.7"


def test_a_letter_larger_than_the_relay_takes_is_not_carried_there(sqlite: Database) -> None:
    write(sqlite, letter("big", body=b"x" * 2000 + b"\r\n"), letter("small"))
    with scripted(usual, "SIZE=1000") as server, running(sqlite, server.port):
        until(lambda: states(sqlite) == {"big": "failed", "small": "sent"}, "one failed, one is sent")
    assert rows(sqlite)["big"].status == "5.3.4"


@pytest.mark.parametrize(
    ("answer", "learned"),
    [
        ("250 2.0.0 Ok: queued as 4F3A91", []),
        ("250 2.6.0 <a@desk.example> [InternalId=1] Queued mail for delivery", []),
        ("250 2.1.5 Ok <a@x.example>", []),
        ("250 2.0.0 OK <AM0P@prod.outlook.example> [Hostname=AM0P]", ["AM0P@prod.outlook.example"]),
    ],
)
def test_a_message_id_that_the_relay_gave_is_learned(sqlite: Database, answer: str, learned: list[str]) -> None:
    write(sqlite, letter())
    with scripted(lambda c, n: answer if c == "." else usual(c, n)) as server, running(sqlite, server.port):
        until(lambda: all_sent(sqlite), "it is sent")
    with sqlite.read() as connection:
        assert list(connection.execute(sa.select(thread_key.c.message_id)).scalars()) == learned


def test_a_connection_that_ends_after_the_content_is_tried_again_under_the_same_message_id(sqlite: Database) -> None:
    write(sqlite, letter())
    with (
        scripted(lambda c, n: None if c == "." and n == 1 else usual(c, n)) as server,
        running(sqlite, server.port, max_connections=1),
    ):
        until(lambda: states(sqlite) == {"a": "deferred"}, "it waits")
        assert "lost at the end" in rows(sqlite)["a"].error
        with sqlite.write() as connection:
            holding.retry(connection, [rows(sqlite)["a"].id], now())
        until(lambda: all_sent(sqlite), "it is sent")
    assert server.taken == ["Message-ID: <a@desk.example>"]


@pytest.mark.parametrize("farewell", [None, "421 4.3.2 closing"])
def test_a_connection_that_the_relay_closed_meanwhile_is_opened_again_at_once(
    sqlite: Database, farewell: str | None
) -> None:
    """It takes one mail a connection, and says nothing or 421 to the next."""
    mails: dict[int, int] = {}

    def answer(command: str, number: int) -> str | None:
        if command.startswith("MAIL"):
            mails[number] = mails.get(number, 0) + 1
            if mails[number] > 1:
                return farewell
        return usual(command, number)

    write(sqlite, *(letter(f"a{n}") for n in range(5)))
    with scripted(answer) as server, running(sqlite, server.port, max_connections=1):
        until(lambda: all_sent(sqlite), "all are sent")
        assert sorted(server.taken) == [f"Message-ID: <a{n}@desk.example>" for n in range(5)]
    assert {row.attempt for row in rows(sqlite).values()} == {1}


def test_a_letter_at_which_the_relay_hangs_up_does_not_hold_up_the_others(sqlite: Database) -> None:
    write(sqlite, letter("poison"), *(letter(f"a{n}", "notice") for n in range(5)))
    with (
        scripted(lambda c, n: None if "poison" in c else usual(c, n)) as server,
        running(sqlite, server.port, max_connections=1),
    ):
        until(lambda: list(states(sqlite).values()).count("sent") == 5, "the others are sent")
        until(lambda: states(sqlite)["poison"] == "deferred", "it waits")


@pytest.mark.parametrize("refusal", ["530 5.7.0 Authentication required", "550 5.7.1 Client was not authenticated"])
def test_a_relay_that_wants_a_login_first_is_told_of_and_no_letter_fails(sqlite: Database, refusal: str) -> None:
    write(sqlite, letter())
    with (
        scripted(lambda c, n: refusal if "MAIL" in c else usual(c, n)) as server,
        running(sqlite, server.port),
    ):
        until(lambda: relay_beat(sqlite), "it is told")
    said = f"127.0.0.1:{server.port}: {refusal}"
    assert relay_beat(sqlite).error == f"{said}; it wants a sign-in: relay.user and relay.password_file"
    assert states(sqlite) == {"a": "pending"}


FROM_US = "<help@desk.example>"


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("MAIL", "554 5.7.1 We do not know you"),
        ("MAIL", "550 not from here"),
        ("MAIL", "450 4.1.8 Domain not found"),
        ("RCPT", f"554 5.7.1 {FROM_US}: Sender address rejected: Access denied"),
    ],
)
def test_a_relay_that_refuses_our_from_keeps_its_letters_and_others_go(
    sqlite: Database, command: str, refusal: str
) -> None:
    mended = threading.Event()
    sender: dict[int, bool] = {}

    def answer(said: str, number: int) -> str | None:
        if said.startswith("MAIL"):
            sender[number] = FROM_US in said
        refuses = said.startswith(command) and sender.get(number) and not mended.is_set()
        return refusal if refuses else usual(said, number)

    write(sqlite, letter("a"), letter("b"), letter("queue", envelope_from="hardware@desk.example"))
    with scripted(answer) as server, running(sqlite, server.port):
        until(lambda: states(sqlite)["queue"] == "sent", "what another address sends goes")
        until(lambda: relay_beat(sqlite) and relay_beat(sqlite).error, "it is told")
        assert relay_beat(sqlite).error == (
            f"127.0.0.1:{server.port} refuses our envelope From {FROM_US} ({refusal}); "
            "allow this machine to send as help@desk.example there, or sign in as who may (relay.user)"
        )
        assert states(sqlite) == {"a": "pending", "b": "pending", "queue": "sent"}
        mended.set()
        until(lambda: all_sent(sqlite), "all go by themselves")
    assert relay_beat(sqlite).last_success is not None


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("MAIL", "552 5.3.4 Message too big"),
        ("MAIL", "553 5.6.7 SMTPUTF8 is not for you"),
        ("MAIL", "555 5.5.4 Unsupported option"),
        ("RCPT", "550 5.1.1 No such user"),
        ("RCPT", "550 5.1.1 undeliverable address: host mx.x.example said: 554 5.7.1 Relay access denied"),
        (".", "550 5.7.1 Spam"),
    ],
)
def test_a_refusal_of_one_letter_is_no_trouble_of_the_relay(sqlite: Database, command: str, refusal: str) -> None:
    write(sqlite, letter())
    with (
        scripted(lambda c, n: refusal if c.startswith(command) else usual(c, n)) as server,
        running(sqlite, server.port),
    ):
        until(lambda: states(sqlite) == {"a": "failed"}, "it failed")
    assert relay_beat(sqlite).error is None


@pytest.mark.parametrize("refusal", ["554 5.7.1 <b@x.example>: Relay access denied", "550 relay not permitted"])
def test_a_relay_that_carries_nothing_to_others_is_told_of_and_their_letters_wait(
    sqlite: Database, refusal: str
) -> None:
    """To its own domains it goes on, and that is no sign that all is well."""
    write(sqlite, letter("a"))
    mended = threading.Event()
    others = "<b-"

    def answer(said: str, number: int) -> str | None:
        refuses = said.startswith("RCPT") and others in said and not mended.is_set()
        return refusal if refuses else usual(said, number)

    write(sqlite, letter("b-1"), letter("b-2"))
    with scripted(answer) as server, running(sqlite, server.port):
        until(lambda: list(states(sqlite).values()).count("deferred") == 2, "they wait")
        until(lambda: states(sqlite)["a"] == "sent", "others go")
        write(sqlite, letter("c"))
        until(lambda: states(sqlite)["c"] == "sent", "others go on")
        assert relay_beat(sqlite).error == (
            f"127.0.0.1:{server.port} relays nothing for us ({refusal}); it sends to nobody outside: "
            "add relay.user and relay.password_file, or let it relay for this machine"
        )
        mended.set()
        with sqlite.write() as connection:
            connection.execute(outbox.update().values(due=0.0).where(outbox.c.state == "deferred"))
        until(lambda: all_sent(sqlite), "they go when they are tried again")
        write(sqlite, letter("d"))
        until(lambda: relay_beat(sqlite).error is None, "it is over")


@pytest.mark.parametrize(("envelope", "sender"), [("null", ""), ("verp", "help+a@desk.example")])
def test_a_relay_that_refuses_such_an_envelope_sender_gets_another_when_the_settings_say_so(
    sqlite: Database, envelope: str, sender: str
) -> None:
    def answer(said: str, number: int) -> str | None:
        return "550 5.7.1 Not so" if said.startswith(f"MAIL FROM:<{sender}>") else usual(said, number)

    write(sqlite, letter(envelope_from=sender))
    with scripted(answer) as server:
        with running(sqlite, server.port, envelope=envelope):
            until(lambda: relay_beat(sqlite), "it is told")
        assert f'relay.envelope = "{envelope}"; "account" takes' in relay_beat(sqlite).error
        assert states(sqlite) == {"a": "pending"}
        with running(sqlite, server.port, envelope="account"):
            until(lambda: all_sent(sqlite), "it goes under the desk's own address")


@pytest.mark.real("postfix")
@pytest.mark.parametrize("delay", ["yes", "no"])
def test_a_postfix_that_refuses_our_from_gets_all_letters_once_it_takes_it(
    sqlite: Database, sink: Sink, delay: str
) -> None:
    refuses = "check_sender_access inline:{help@desk.example=REJECT}, permit"
    extra = {"smtpd_sender_restrictions": refuses, "smtpd_delay_reject": delay}
    relay = Postfix(other=f"smtp:[127.0.0.1]:{sink.port}", extra=extra).start()
    try:
        write(sqlite, letter("a"), letter("b", "acknowledgement"))
        with running(sqlite, relay.port):
            until(lambda: relay_beat(sqlite), "it is told")
            assert "refuses our envelope From <help@desk.example> (554 5.7.1" in relay_beat(sqlite).error
            assert states(sqlite) == {"a": "pending", "b": "pending"}
            relay.set("smtpd_sender_restrictions=permit")
            until(lambda: all_sent(sqlite), "all go by themselves")
        sink.wait(2)
    finally:
        relay.close()


def test_a_relay_that_takes_one_connection_at_a_time_gets_all_letters_over_it(sqlite: Database) -> None:
    first_is_busy = threading.Event()

    def answer(command: str, number: int) -> str | None:
        if command == "CONNECT" and number > 1:
            assert first_is_busy.wait(10)
            return "421 4.7.0 too many connections"
        if command == "." and number == 1:
            first_is_busy.set()
        return usual(command, number)

    write(sqlite, *(letter(f"a{n}") for n in range(40)))
    with scripted(answer) as server, running(sqlite, server.port, max_connections=2):
        until(lambda: all_sent(sqlite), "all are sent")
        assert len(server.taken) == 40
    assert {row.attempt for row in rows(sqlite).values()} == {1}


# --- limits of a relay -----------------------------------------------------------------------------------------------


class Limited(Scripted):
    """Takes so many connections at once and so many mails in any `window`; what is beyond is refused, and counted."""

    def __init__(self, connections: int, mails: int, window: float) -> None:
        super().__init__(self._answer)
        self.connections, self.mails, self.window = connections, mails, window
        self.most = self.refused = 0
        self.arrived: deque[float] = deque()
        self.order: list[str] = []
        self._open: set[int] = set()
        self._lock = threading.Lock()

    def _answer(self, command: str, number: int) -> str | None:
        with self._lock:
            if command == "CONNECT":
                if len(self._open) >= self.connections:
                    self.refused += 1
                    return "421 4.3.2 Concurrent connections limit exceeded"
                self._open.add(number)
                self.most = max(self.most, len(self._open))
            elif command.startswith("MAIL"):
                now = time.monotonic()
                while self.arrived and self.arrived[0] <= now - self.window:
                    self.arrived.popleft()
                if len(self.arrived) >= self.mails:
                    self.refused += 1
                    return "451 4.7.1 Sending rate exceeded"
                self.arrived.append(now)
            elif command.startswith("RCPT"):
                self.order.append(command.partition("<")[2].partition("@")[0])
        return usual(command, number)

    def left(self, number: int) -> None:
        with self._lock:
            self._open.discard(number)


@contextmanager
def limited(connections: int, mails: int, window: float) -> Iterator[Limited]:
    server = Limited(connections, mails, window)
    try:
        yield server
    finally:
        server.close()


def queue_of_500(db: Database) -> None:
    """Notices first, as a storm makes them; then acknowledgements; partners' answers last."""
    kinds: list[tuple[str, Event]] = [("notice", "notice"), ("ack", "acknowledgement"), ("answer", "answer")]
    for name, event in kinds:
        write(db, *(letter(f"{name}{n:03}", event) for n in range(200 if name == "notice" else 150)))


def test_500_mails_through_a_relay_of_3_connections_and_30_mails_a_minute_leave_in_order_and_none_is_lost(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute is half a second here; the relay counts in any window of that length.

    With real minutes it was measured once: 961 s, none refused, none out of its rank's turn, none lost.
    """
    monkeypatch.setattr(sending, "MINUTE", 0.5)
    queue_of_500(sqlite)
    with limited(3, 30, 0.5) as server, running(sqlite, server.port, max_connections=3, per_minute=30):
        until(lambda: len(server.order) >= 500 and all_sent(sqlite), "all are sent", 55)
    assert (server.refused, server.most) == (0, 3)
    assert len(set(server.order)) == len(server.order) == 500  # none lost, none twice
    ranks = [("answer", "ack", "notice").index(name.rstrip("0123456789")) for name in server.order]
    displaced = [abs(rank - expected) for rank, expected in zip(ranks, sorted(ranks), strict=True)]
    assert sum(map(bool, displaced)) <= 2 * 2 * 2  # only what three connections carry at the two borders
    answers = [int(name[6:]) for name in server.order if name.startswith("answer")]
    assert max(abs(number - place) for place, number in enumerate(answers)) < 30


def test_a_relay_that_is_stricter_than_the_settings_say_loses_nothing(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CROWDED_SECONDS", 0.1)
    monkeypatch.setattr(deliveries, "FIRST_WAIT", 0.2)
    write(sqlite, *(letter(f"a{n}") for n in range(60)))
    with limited(2, 20, 0.3) as server, running(sqlite, server.port, max_connections=4):
        until(lambda: all_sent(sqlite), "all are sent")
        assert server.refused
        assert server.most <= 2
    assert len(set(server.taken)) == len(server.taken) == 60


def test_a_restart_does_not_begin_a_new_minute(sqlite: Database) -> None:
    write(sqlite, *(letter(f"a{n}") for n in range(5)))
    with limited(2, 3, 60) as server:
        for _ in range(2):
            with running(sqlite, server.port, per_minute=3):
                until(lambda: list(states(sqlite).values()).count("sent") == 3, "three are sent")
                until(lambda: not any(row.owner for row in rows(sqlite).values()), "nothing is in hand")
        assert server.refused == 0
    assert sorted(states(sqlite).values()) == ["pending", "pending", "sent", "sent", "sent"]


def test_letters_that_go_back_untried_keep_their_place(sqlite: Database, sink: Sink) -> None:
    write(sqlite, *(letter(f"a{n:02}") for n in range(20)))
    with sink.away(), running(sqlite, sink.port, max_connections=1):
        until(lambda: relay_beat(sqlite), "it is told")
    write(sqlite, letter("b"))
    with running(sqlite, sink.port, max_connections=1):
        until(lambda: all_sent(sqlite), "all are sent")
    assert [mail.rcpt_to[0].partition("@")[0] for mail in sink.mails] == [*(f"a{n:02}" for n in range(20)), "b"]


def test_a_relay_that_is_crowded_by_its_own_word_takes_nothing_twice(sqlite: Database) -> None:
    """Microsoft says 432 at MAIL where too many of ours send at once."""
    refused: list[int] = []

    def answer(command: str, number: int) -> str | None:
        if command.startswith("MAIL") and len(refused) < 2:
            refused.append(number)
            return "432 4.3.2 Concurrent connections limit exceeded"
        return usual(command, number)

    write(sqlite, letter("a"), letter("b"))
    with scripted(answer) as server, running(sqlite, server.port, max_connections=1):
        until(lambda: all_sent(sqlite), "both are sent")
    assert len(server.taken) == 2
    assert {row.attempt for row in rows(sqlite).values()} == {1}
