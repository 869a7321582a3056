"""The SMTP door by real sockets: what is kept, when it says so, and what it survives."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
import sqlalchemy as sa
from dialogs.door import PATIENCE, accepts, running
from servers.process import until

from mailgate.intake import door as door_module
from mailgate.intake import session as session_module
from storage.database import Database

MAIL = b"From: ann@acme.example\r\nSubject: Printer\r\nMessage-ID: <1@acme.example>\r\n\r\nIt burns.\r\n"
NAMELESS = b"Subject: CRITICAL\r\n\r\ndisk full\r\n"
TO = "help@desk.example"


def smtp(port: int) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE)
    client.ehlo("client.example")
    return client


def send(port: int, raw: bytes, sender: str = "ann@acme.example") -> tuple[int, bytes]:
    """The answer to one mail on a connection of its own."""
    with smtp(port) as client:
        client.mail(sender)
        client.rcpt(TO)
        return client.data(raw)


@contextlib.contextmanager
def raw_client(port: int) -> Iterator[tuple[socket.socket, BinaryIO]]:
    """A client that has been let in, by its bytes."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client, client.makefile("rb") as answers:
        assert answers.readline().startswith(b"220 ")
        yield client, answers


def ask(client: socket.socket, answers: BinaryIO, *commands: bytes) -> bytes:
    """The last answer to these commands, one by one."""
    answer = b""
    for command in commands:
        client.sendall(command + b"\r\n")
        answer = answers.readline()
    return answer


ENVELOPE = (b"HELO client.example", b"MAIL FROM:<ann@acme.example>", b"RCPT TO:<help@desk.example>", b"DATA")


@contextlib.contextmanager
def somebody_writes(db: Database) -> Iterator[None]:
    """A transaction of another process holds the database."""
    begun, over = threading.Event(), threading.Event()

    def write() -> None:
        with db.write():
            begun.set()
            over.wait(PATIENCE)

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(PATIENCE)
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_mail_is_kept_as_it_came_with_its_envelope(sqlite: Database, tmp_path: Path) -> None:
    raw = b"Subject: 8-bit \xe4\r\n\r\n.a dot\r\n..\r\n\0 and a very long line " + b"x" * 70_000 + b"\r\n"
    with running(sqlite, tmp_path) as door:
        with smtp(door.ports["smtp"]) as client:
            client.mail("<>")
            client.rcpt(TO)
            client.rcpt("help+INC-1@desk.example")
            client.rcpt(TO)
            assert client.data(raw)[0] == 250
        (mail,) = door.mails()
        assert mail["raw"] == raw
        assert (mail["door"], mail["peer"], mail["mail_from"]) == ("smtp", "127.0.0.1", "")
        assert mail["rcpt_to"] == [TO, "help+INC-1@desk.example"]
        until(lambda: door.mails()[0]["acknowledged"], "the 250 is recorded")


def test_mail_is_on_disk_before_it_is_acknowledged(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door, raw_client(door.ports["smtp"]) as (client, answers):
        ask(client, answers, *ENVELOPE)
        with somebody_writes(sqlite):
            client.sendall(MAIL + b".\r\n")
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.recv(1, socket.MSG_PEEK)
            client.settimeout(PATIENCE)
            assert door.mails() == []
        assert answers.readline().startswith(b"250 2.6.0")
        assert len(door.mails()) == 1


def test_client_gone_before_its_answer_has_a_mail_and_no_acknowledgement(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door:
        with somebody_writes(sqlite), raw_client(door.ports["smtp"]) as (client, answers):
            ask(client, answers, *ENVELOPE)
            client.sendall(NAMELESS + b".\r\n")
            client.shutdown(socket.SHUT_RDWR)
        until(door.mails, "the commit went on")
        assert send(door.ports["smtp"], NAMELESS)[0] == 250  # the client tries again: the same arrival (RFC 1047)
        assert len(door.mails()) == 1


def test_acknowledgement_stays_open_where_the_client_hung_up(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door:
        with somebody_writes(sqlite), raw_client(door.ports["smtp"]) as (client, answers):
            ask(client, answers, *ENVELOPE)
            client.sendall(MAIL + b".\r\n")
            client.shutdown(socket.SHUT_RDWR)
        until(door.mails, "the commit went on")
    assert [mail["acknowledged"] for mail in door.mails()] == [False]


def test_client_that_half_closes_gets_its_answer(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door, raw_client(door.ports["smtp"]) as (client, answers):
        client.sendall(b"\r\n".join((*ENVELOPE, MAIL + b".\r\nQUIT\r\n")))
        client.shutdown(socket.SHUT_WR)
        assert [line[:3] for line in answers] == [b"250", b"250", b"250", b"354", b"250", b"221"]
        assert len(door.mails()) == 1


def test_script_that_writes_its_whole_dialogue_and_half_closes_has_taken_its_answer(
    sqlite: Database, tmp_path: Path
) -> None:
    with running(sqlite, tmp_path) as door, raw_client(door.ports["smtp"]) as (client, answers):
        client.sendall(b"\r\n".join((*ENVELOPE, NAMELESS + b".\r\nQUIT\r\n")))
        client.shutdown(socket.SHUT_WR)
        assert answers.readlines()[-1].startswith(b"221")
    assert [mail["acknowledged"] for mail in door.mails()] == [True]


def test_client_gone_in_the_middle_leaves_no_mail(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door:
        with raw_client(door.ports["smtp"]) as (client, answers):
            ask(client, answers, *ENVELOPE)
            client.sendall(MAIL)
        assert send(door.ports["smtp"], NAMELESS)[0] == 250
        assert [mail["raw"] for mail in door.mails()] == [NAMELESS]


def test_full_disk_is_temporary_and_the_door_stays_up(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'mailgate.db'}")
    pages: list[int] = []

    @sa.event.listens_for(database.engine, "begin")
    def bounded(connection: sa.Connection) -> None:
        for most in pages:
            connection.exec_driver_sql(f"PRAGMA max_page_count={most}")

    from storage import schema

    schema.create(database)
    big = NAMELESS + b"x" * 90_000 + b"\r\n"
    with running(database, tmp_path) as door:
        assert send(door.ports["smtp"], MAIL)[0] == 250
        pages[:] = [1]  # SQLite takes it for the size it has
        assert send(door.ports["smtp"], big) == (451, b"4.3.0 Try again later")
        pages[:] = [1_000_000]
        assert send(door.ports["smtp"], big)[0] == 250
        assert [mail["raw"] for mail in door.mails()] == [MAIL, big]
    database.close()


def test_bug_of_ours_is_temporary_and_its_text_stays_inside(
    sqlite: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(address: str) -> bool:
        if address.startswith("help+broken"):
            raise RuntimeError("secret text")
        return accepts(address)

    with running(sqlite, tmp_path, broken) as door, smtp(door.ports["smtp"]) as client:
        client.mail("ann@acme.example")
        assert client.rcpt("help+broken@desk.example") == (451, b"4.3.0 Try again later")
        assert client.rcpt(TO)[0] == 250
        assert client.data(MAIL)[0] == 250
    assert "secret text" in caplog.text


def test_bug_while_a_mail_is_read_is_temporary_and_ends_the_conversation(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(raw: bytes) -> None:
        raise RuntimeError("secret text")

    with running(sqlite, tmp_path) as door:
        with monkeypatch.context() as patch, raw_client(door.ports["smtp"]) as (client, answers):
            patch.setattr(session_module, "identify", broken)
            ask(client, answers, *ENVELOPE)
            client.sendall(MAIL + b".\r\n")
            assert answers.read() == b"451 4.3.0 Try again later\r\n"
        assert send(door.ports["smtp"], MAIL)[0] == 250


def test_mail_too_large_is_refused_when_declared_and_when_not(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door, smtp(door.ports["smtp"]) as client:
        assert client.mail("ann@acme.example", ["SIZE=100001"]) == (552, b"5.3.4 Mail is larger than SIZE allows")
        client.mail("ann@acme.example", ["SIZE=10"])
        client.rcpt(TO)
        assert client.data(MAIL + b"x" * 120_000)[0] == 552
        client.mail("ann@acme.example")
        client.rcpt(TO)
        assert client.data(MAIL)[0] == 250
        assert len(door.mails()) == 1


def test_one_connection_too_many_is_told_so(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path, smtp={"max_connections": 2}) as door:
        port = door.ports["smtp"]
        with raw_client(port), raw_client(port) as (client, answers):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as third, third.makefile("rb") as said:
                assert said.read().startswith(b"421 4.3.2")
            assert ask(client, answers, b"QUIT").startswith(b"221")
            assert answers.read() == b""
            until(lambda: _let_in(port), "a place is free again")


def _let_in(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client, client.makefile("rb") as answers:
        return answers.readline().startswith(b"220")


def test_silent_client_is_cut_and_a_slow_steady_one_is_not(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path, smtp={"timeout": 1}) as door, contextlib.ExitStack() as clients:
        silent, unheard = clients.enter_context(raw_client(door.ports["smtp"]))
        slow, answers = clients.enter_context(raw_client(door.ports["smtp"]))
        ask(slow, answers, *ENVELOPE)
        lines = 0
        while not _readable(silent) or lines < 15:
            slow.sendall(b"X: y\r\n")
            threading.Event().wait(0.1)  # the pace of the client, not a wait for anything
            lines += 1
        assert unheard.read().startswith(b"421 4.4.2")
        slow.sendall(b".\r\n")
        assert answers.readline().startswith(b"250")


def _readable(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return bool(client.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        client.settimeout(PATIENCE)


def test_mail_that_never_ends_is_cut_at_the_deadline_of_the_whole(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "DATA_SECONDS", 0.5)
    with running(sqlite, tmp_path, smtp={"timeout": 1}) as door, raw_client(door.ports["smtp"]) as (client, answers):
        ask(client, answers, *ENVELOPE)
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                client.sendall(b"X: y\r\n")
                if _readable(client):
                    break
                threading.Event().wait(0.05)
        assert answers.readline().startswith(b"421 4.4.2")
    assert door.mails() == []


def test_line_without_end_is_given_up(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door, raw_client(door.ports["smtp"]) as (client, answers):
        ask(client, answers, *ENVELOPE)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                client.sendall(b"x" * 100_000)
        assert answers.readline().startswith(b"552 5.3.4")


def test_command_line_without_end_is_given_up(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door, raw_client(door.ports["smtp"]) as (client, answers):
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                client.sendall(b"x" * 100_000)
        assert answers.readline().startswith(b"500 5.5.2")


def test_mails_beyond_the_room_are_put_off_until_there_is_room(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "ROOM_MAILS", 1)
    monkeypatch.setattr(door_module, "ROOM_BYTES", 1)
    half = b"Subject: half\r\n\r\n" + b"x" * 60_000 + b"\r\n"
    with running(sqlite, tmp_path) as door:
        with raw_client(door.ports["smtp"]) as (client, answers):
            assert ask(client, answers, ENVELOPE[0], ENVELOPE[1] + b" SIZE=70000", *ENVELOPE[2:]).startswith(b"354")
            assert send(door.ports["smtp"], half) == (452, b"4.3.1 Too much mail at once, try again later")
            client.sendall(half + b".\r\n")
            assert answers.readline().startswith(b"250")
        assert send(door.ports["smtp"], half + b"and more\r\n")[0] == 250


@pytest.mark.parametrize(
    "raw",
    [
        b"X-Long: " + b"x" * 10_000_000 + b"\r\n\r\nbody\r\n",
        b"\r\n".join([b"X-Many: y"] * 200_000) + b"\r\n\r\nbody\r\n",
        b"Message-ID: <1@acme.example>\r\n" + b" \r\n" * 3_000_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 10_000 + b"--b--\r\n",
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1_000)),
        b"\0" * 1000,
        bytes(range(14, 256)) * 1000,
        b"From: a@x.example\r\n" * 5 + b"\r\nfive authors\r\n",
        b"no header at all\r\n",
    ],
    ids=["10 MB header", "many headers", "folds", "10,000 parts", "1,000 deep", "NUL", "garbage", "five From", "text"],
)
def test_bad_mail_is_kept_and_its_neighbours_are_served(raw: bytes, sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path, smtp={"max_size": "25MB"}) as door:
        with raw_client(door.ports["smtp"]) as (client, answers):
            ask(client, answers, *ENVELOPE)
            client.sendall(raw[: len(raw) // 2])
            assert send(door.ports["smtp"], MAIL)[0] == 250  # while the bad one is under way
            client.sendall(raw[len(raw) // 2 :] + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            assert answers.readline().startswith(b"250")
        assert [len(mail["raw"]) >= len(raw) for mail in door.mails()] == [len(MAIL) >= len(raw), True]


def test_30_mb_against_25_is_refused_and_its_neighbours_are_served(sqlite: Database, tmp_path: Path) -> None:
    line = b"x" * 998 + b"\r\n"
    with running(sqlite, tmp_path, smtp={"max_size": "25MB"}) as door:
        with raw_client(door.ports["smtp"]) as (client, answers):
            ask(client, answers, *ENVELOPE)
            client.sendall(line * 28_000)
            assert send(door.ports["smtp"], MAIL)[0] == 250
            client.sendall(line * 2_000 + b".\r\n")
            assert answers.readline().startswith(b"552 5.3.4")
            assert ask(client, answers, b"NOOP").startswith(b"250")
        assert [mail["raw"] for mail in door.mails()] == [MAIL]


def test_stopping_finishes_the_mail_in_hand_and_takes_no_other(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door:
        port = door.ports["smtp"]
        with raw_client(port) as (client, answers), raw_client(port) as (_, unheard):
            ask(client, answers, *ENVELOPE)
            client.sendall(MAIL)
            door.stop()
            assert unheard.read().startswith(b"421 4.3.2")
            with pytest.raises(OSError):
                socket.create_connection(("127.0.0.1", port), PATIENCE)
            client.sendall(b".\r\n")
            assert [line[:3] for line in answers] == [b"250", b"421"]
        door.thread.join(PATIENCE)
    (mail,) = door.mails()
    assert mail["acknowledged"]


def test_stopping_does_not_wait_for_ever(sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "GRACE_SECONDS", 0.1)
    with running(sqlite, tmp_path) as door, raw_client(door.ports["smtp"]) as (client, answers):
        ask(client, answers, *ENVELOPE)
        door.stop()
        door.thread.join(PATIENCE)
        assert not door.thread.is_alive()
    assert door.mails() == []


def test_refused_command_is_one_line_in_the_log(
    sqlite: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "mailgate.door")
    with running(sqlite, tmp_path) as door, raw_client(door.ports["smtp"]) as (client, answers):
        ask(client, answers, *ENVELOPE[:2], b"RCPT TO:<x@desk.example>", b"AUTH PLAIN c2VjcmV0", b"c2VjcmV0", b"QUIT")
    lines = [record.getMessage() for record in caplog.records if record.name == "mailgate.door"]
    assert lines == [
        "refused door=smtp peer=127.0.0.1 command='RCPT TO:<x@desk.example>' reply='550 5.1.1 No such address here'",
        "refused door=smtp peer=127.0.0.1 command='AUTH' reply='502 5.5.1 Command not offered'",
        "refused door=smtp peer=127.0.0.1 command='?' reply='500 5.5.2 Command unknown'",
    ]
