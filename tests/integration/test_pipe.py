"""The pipe's door: one mail from a stream, and the exit code that a mail server understands."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import sqlalchemy as sa
from dialogs.door import accepts, settings

from mailgate.intake import pipe
from mailgate.intake.pipe import NO_SUCH_ADDRESS, REFUSED, STORED, TRY_AGAIN, Delivery, deliver
from storage.database import Conflict, Database, DatabaseUnavailable
from storage.tables import journal, journal_raw

MAIL = b"From: Ann Smith <ann@acme.example>\nSubject: Printer\nMessage-ID: <1@acme.example>\n\nIt burns.\n"


def given(db: Database, folder: Path, raw: bytes, sender: str | None = None, to: tuple[str, ...] = ()) -> Delivery:
    return deliver(settings(folder), db, accepts, io.BytesIO(raw), sender, to)


def mails(db: Database) -> list[tuple[str, str, str, list[str], bool, bytes]]:
    columns = (journal.c.door, journal.c.peer, journal.c.mail_from, journal.c.rcpt_to, journal.c.acknowledged)
    with db.read() as connection:
        rows = connection.execute(sa.select(*columns, journal_raw.c.raw).join(journal_raw).order_by(journal.c.id))
        return [tuple(row) for row in rows]  # type: ignore[misc]


def test_mail_is_on_disk_when_the_code_is_0(database: Database, tmp_path: Path) -> None:
    assert given(database, tmp_path, MAIL) == Delivery(STORED, "")
    assert mails(database) == [("pipe", "", "ann@acme.example", ["help@desk.example"], True, MAIL)]


@pytest.mark.parametrize(
    ("header", "given_sender", "sender"),
    [
        (b"Return-Path: <bounces@acme.example>\n", None, "bounces@acme.example"),
        (b"Return-Path: <>\n", None, ""),
        (b"Return-Path: who knows\n", None, ""),
        (b"", None, "ann@acme.example"),
        (b"Return-Path: <bounces@acme.example>\n", "bob@acme.example", "bob@acme.example"),
        (b"", "<bob@acme.example>", "bob@acme.example"),
        (b"", "<>", ""),
        (b"", "", ""),
    ],
)
def test_sender_is_as_given_else_return_path_else_from(
    header: bytes, given_sender: str | None, sender: str, sqlite: Database, tmp_path: Path
) -> None:
    assert given(sqlite, tmp_path, header + MAIL, given_sender).code == STORED
    assert mails(sqlite)[0][2] == sender


def test_mail_without_an_author_is_from_nobody(sqlite: Database, tmp_path: Path) -> None:
    assert given(sqlite, tmp_path, b"Subject: CRITICAL\n\ndisk full\n").code == STORED
    assert mails(sqlite)[0][2] == ""


def test_recipients_are_all_known_or_nothing_is_stored(sqlite: Database, tmp_path: Path) -> None:
    unknown = given(sqlite, tmp_path, MAIL, to=("help@desk.example", "x@desk.example"))
    assert unknown == Delivery(NO_SUCH_ADDRESS, "x@desk.example: no such address here")
    assert mails(sqlite) == []
    twice = ("help+1@desk.example", "postmaster", "help+1@desk.example")
    assert given(sqlite, tmp_path, MAIL, to=twice).code == STORED
    assert mails(sqlite)[0][3] == ["help+1@desk.example", "postmaster"]


def test_envelope_line_of_mbox_is_no_part_of_the_mail(sqlite: Database, tmp_path: Path) -> None:
    assert given(sqlite, tmp_path, b"From ann@acme.example Mon Jan  5 10:00:00 2026\n" + MAIL).code == STORED
    assert mails(sqlite)[0][5] == MAIL


@pytest.mark.parametrize(
    ("raw", "sender", "text"),
    [
        (b"", None, "there is no mail on standard input"),
        (b"\r\n \n", None, "there is no mail on standard input"),
        (MAIL + b"x" * 100_000, None, "the mail is larger than 100,000 bytes (smtp.max_size)"),
        (b"Received: by x.example\n" * 51 + MAIL, None, "the mail has been through too many hands: a loop"),
        (MAIL, "not an address", "'not an address' is no address"),
    ],
)
def test_refused_mail_goes_back(raw: bytes, sender: str | None, text: str, sqlite: Database, tmp_path: Path) -> None:
    assert given(sqlite, tmp_path, raw, sender) == Delivery(REFUSED, text)
    assert mails(sqlite) == []


def test_mail_as_large_and_as_travelled_as_allowed_is_stored(sqlite: Database, tmp_path: Path) -> None:
    raw = b"Received: by x.example\n" * 50 + MAIL
    assert given(sqlite, tmp_path, raw + b"x" * (100_000 - len(raw))).code == STORED


def test_stream_without_end_is_read_to_the_limit(sqlite: Database, tmp_path: Path) -> None:
    with Path("/dev/zero").open("rb") as endless:
        assert deliver(settings(tmp_path), sqlite, accepts, endless).code == REFUSED


def test_second_try_of_a_mail_server_is_the_same_arrival(database: Database, tmp_path: Path) -> None:
    assert given(database, tmp_path, MAIL).code == given(database, tmp_path, MAIL).code == STORED
    assert len(mails(database)) == 1


def test_database_that_cannot_be_reached_means_try_again(tmp_path: Path) -> None:
    nowhere = Database(f"sqlite:///{tmp_path}/none/mailgate.db")
    assert given(nowhere, tmp_path, MAIL) == Delivery(TRY_AGAIN, "the database is not available, try again later")
    empty = Database(f"sqlite:///{tmp_path}/empty.db")
    assert given(empty, tmp_path, MAIL).code == TRY_AGAIN
    empty.close()


def test_outage_after_the_commit_is_no_failure(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outage(*_: object) -> None:
        raise DatabaseUnavailable("connection lost")

    monkeypatch.setattr(pipe.journal, "acknowledge", outage)
    assert given(sqlite, tmp_path, MAIL).code == STORED
    assert len(mails(sqlite)) == 1


def test_conflict_that_does_not_end_means_try_again(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conflict(*_: object) -> None:
        raise Conflict("another door was first")

    monkeypatch.setattr(pipe.journal, "append", conflict)
    assert given(sqlite, tmp_path, MAIL) == Delivery(TRY_AGAIN, "the database is busy, try again later")
