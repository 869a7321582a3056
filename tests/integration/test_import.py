"""A back catalogue becomes closed tickets with the mails' own dates; nobody is answered, nothing is doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa

from mailgate import importing
from mailgate.application import Application, open_application
from mailgate.errors import CommandError
from mailgate.importing import Imported, Old, open_maildir, open_mbox, run
from mailgate.settings import load
from mailgate.worker import Worker
from routing.tokens import subject_token
from storage import dossier as dossiers
from storage import gather, listings, tables
from storage.journal import Arrival, append, entry

MAILGATE = str(Path(sys.executable).with_name("mailgate"))
SETTINGS = """\
[desk]
name = "Help"
address = "help@desk.example"

[storage]
url = "{url}"

[[staff]]
name = "Anna"
email = "anna@desk.example"
"""


def mail(number: int, date: str, text: str, *, answers: int = 0, author: str = "jane@acme.example") -> str:
    names = " ".join(f"<{n}@acme.example>" for n in range(1, answers + 1))
    thread = f"In-Reply-To: <{answers}@acme.example>\nReferences: {names}\n" if answers else ""
    return (
        f"From: {author}\nTo: help@desk.example\nSubject: Printer\nDate: {date}\n"
        f"Message-ID: <{number}@acme.example>\n{thread}\n{text}\n"
    )


THREAD = (
    mail(1, "Mon, 02 Mar 2020 09:00:00 +0000", "It prints blank pages."),
    mail(2, "Mon, 02 Mar 2020 10:00:00 +0000", "Is there paper in it?", answers=1, author="anna@desk.example"),
    mail(3, "Tue, 03 Mar 2020 09:00:00 +0000", "Now there is.", answers=2),
    mail(4, "Wed, 04 Mar 2020 09:00:00 +0000", "Another thing."),
)


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[Application]:
    file = tmp_path / "mailgate.toml"
    file.write_text(SETTINGS.format(url=database_url))
    opened = open_application(load(file), create=True)
    yield opened
    opened.db.close()


def mbox(folder: Path, *mails: str) -> Path:
    file = folder / "old.mbox"
    file.write_text("".join(f"From jane@acme.example Mon Mar  2 09:00:00 2020\n{text}\n" for text in mails))
    return file


def imported(app: Application, file: Path) -> Imported:
    return run(app, open_mbox(file)[1], lambda mails, size: None)


def rows(app: Application) -> list[listings.TicketRow]:
    with app.db.read() as connection:
        found, _ = listings.tickets(connection, state_types=None)
    return sorted(found, key=lambda row: row.created)


def dossier(app: Application, number: str) -> Any:
    with app.db.read() as connection:
        return dossiers.read(connection, number)


def count(app: Application, table: sa.Table) -> int:
    with app.db.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_threads_are_kept_as_closed_tickets_with_the_dates_of_their_mails(app: Application, tmp_path: Path) -> None:
    done = imported(app, mbox(tmp_path, *THREAD))
    assert (done.read, done.stored, done.standing.tickets) == (4, 4, 2)
    first, second = rows(app)
    assert (first.state_type, second.state_type) == ("closed", "closed")
    assert first.created == 1583139600.0  # 2020-03-02 09:00 UTC
    assert first.updated == 1583226000.0  # the last mail of the thread
    page = dossier(app, first.number)
    assert page.closed == first.updated
    assert [article.message_id for article in page.articles] == [f"{n}@acme.example" for n in (1, 2, 3)]


def test_nobody_is_answered_asked_or_told(app: Application, tmp_path: Path) -> None:
    imported(app, mbox(tmp_path, *THREAD))
    assert count(app, tables.outbox) == 0
    assert count(app, tables.confirmation) == 0
    assert count(app, tables.article) == 4  # no acknowledgement among them


def test_an_old_conversation_is_whole_and_public_whoever_answered_then(app: Application, tmp_path: Path) -> None:
    imported(app, mbox(tmp_path, *THREAD))
    articles = dossier(app, rows(app)[0].number).articles
    assert [a.visibility for a in articles] == ["public"] * 3


def test_importing_again_doubles_nothing(app: Application, tmp_path: Path) -> None:
    file = mbox(tmp_path, *THREAD)
    imported(app, file)
    done = imported(app, file)
    assert (done.read, done.stored, done.standing.mails, done.standing.tickets) == (4, 0, 4, 2)


def test_reply_that_stands_before_its_parent_ends_on_the_same_ticket(app: Application, tmp_path: Path) -> None:
    imported(app, mbox(tmp_path, *reversed(THREAD)))
    assert [len(dossier(app, row.number).articles) for row in rows(app)] == [3, 1]


def test_mail_without_message_id_is_one_mail_however_often_it_is_imported(app: Application, tmp_path: Path) -> None:
    text = "From: nagios@mon.example\nSubject: DOWN\nDate: Mon, 02 Mar 2020 09:00:00 +0000\n\ndown\n"
    imported(app, mbox(tmp_path, text))
    done = imported(app, mbox(tmp_path, text))
    assert (done.stored, done.standing.tickets) == (0, 1)


def test_open_ticket_is_not_closed_by_its_past(app: Application, tmp_path: Path) -> None:
    arrive(app, THREAD[0])
    (before,) = rows(app)
    imported(app, mbox(tmp_path, *THREAD[:3]))
    (after,) = rows(app)
    assert (before.state_type, after.state_type) == ("new", "new")
    assert len(dossier(app, after.number).articles) == 4  # its acknowledgement is one of them


def arrive(app: Application, text: str) -> None:
    """Now, by SMTP."""
    live = Arrival("smtp", "", "jane@acme.example", ("help@desk.example",), text.encode(), has_message_id=True)
    with app.db.write() as connection:
        append(connection, [entry(live)], time.time())
    Worker(app, "test", Event()).step()


def asked(app: Application) -> tuple[str, float | None]:
    """The mail that asks a member of staff to confirm, and when that was done."""
    with app.db.read() as connection:
        row = connection.execute(sa.select(tables.confirmation)).one()
    return row.message_id, row.used


def test_send_of_the_past_releases_nothing(app: Application, tmp_path: Path) -> None:
    arrive(app, THREAD[0])
    token = subject_token(rows(app)[0].number)
    arrive(
        app, mail(9, "Mon, 02 Mar 2020 10:00:00 +0000", "Done.", author="anna@desk.example").replace("Printer", token)
    )
    question, _ = asked(app)
    text = (
        "From: anna@desk.example\nTo: help@desk.example\nSubject: Re: confirm\nDate: Mon, 02 Mar 2020 11:00:00 +0000\n"
        f"Message-ID: <{{}}@desk.example>\nIn-Reply-To: <{question}>\n\n#send\n"
    )
    imported(app, mbox(tmp_path, text.format("past")))
    assert asked(app)[1] is None
    arrive(app, text.format("now"))
    assert asked(app)[1] is not None


def test_what_a_killed_import_left_is_an_archive_for_the_daemon_too(app: Application, tmp_path: Path) -> None:
    (old,) = open_mbox(mbox(tmp_path, THREAD[0]))[1]
    with app.db.write() as connection:
        append(connection, [entry(importing._arrival(old))], time.time())
    Worker(app, "test", Event()).step()
    (row,) = rows(app)
    assert row.state_type == "closed"
    assert count(app, tables.outbox) == 0


def test_import_that_is_killed_is_finished_by_the_next_one(tmp_path: Path) -> None:
    total = 1500
    day = "Mon, 02 Mar 2020 09:00:00 +0000"
    mails = [mail(n, day, f"number {n}") for n in range(1, total + 1)]
    file = mbox(tmp_path, *mails)
    (tmp_path / "mailgate.toml").write_text(SETTINGS.format(url="sqlite:///mailgate.db"))
    command = [MAILGATE, "import", "mbox", str(file), "--json", "--config", str(tmp_path / "mailgate.toml")]
    settings = load(tmp_path / "mailgate.toml")
    app = open_application(settings, create=True)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 60
    while count(app, tables.article) < 200:
        assert time.monotonic() < end
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    assert count(app, tables.article) < total
    told = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    assert (told["mails"], told["articles"], told["tickets"], told["parked"]) == (total, total, total, 0)
    assert count(app, tables.outbox) == 0
    app.db.close()


def test_maildir_is_read_with_its_new_and_its_seen_mails(app: Application, tmp_path: Path) -> None:
    for name, text in (("cur/1:2,S", THREAD[0]), ("new/2", THREAD[3]), ("tmp/3", THREAD[1])):
        (tmp_path / "dir" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dir" / name).write_text(text)
    size, mails = open_maildir(tmp_path / "dir")
    assert size == len(THREAD[0]) + len(THREAD[3])
    assert run(app, mails, lambda mails, size: None).standing.tickets == 2


# --- reading an mbox ----------------------------------------------------------------------------------------------


def read(folder: Path, content: bytes) -> list[Old]:
    file = folder / "old.mbox"
    file.write_bytes(content)
    size, mails = open_mbox(file)
    found = list(mails)
    assert sum(old.read for old in found) == size
    return found


POSTMARK = b"From jane@acme.example Mon Mar  2 09:00:00 2020\n"


@pytest.mark.parametrize("block", [1, 7, 1_000_000])
def test_mails_are_told_apart_wherever_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(importing, "READ_BYTES", block)
    found = read(tmp_path, POSTMARK + b"A: 1\n\nFirst.\n\n" + POSTMARK + b"A: 2\n\nSecond\nFrom here on.\n")
    assert [old.raw for old in found] == [b"A: 1\n\nFirst.\n", b"A: 2\n\nSecond\nFrom here on.\n"]


def test_quoted_from_lines_are_given_back(tmp_path: Path) -> None:
    (old,) = read(tmp_path, POSTMARK + b"A: 1\n\n>From here\n>>From there\n>Fromage\n")
    assert old.raw == b"A: 1\n\nFrom here\n>From there\n>Fromage\n"


def test_line_ends_of_windows_are_no_obstacle(tmp_path: Path) -> None:
    mark = POSTMARK.replace(b"\n", b"\r\n")
    found = read(tmp_path, mark + b"A: 1\r\n\r\nFirst.\r\n\r\n" + mark + b"A: 2\r\n\r\nSecond.\r\n")
    assert [old.raw for old in found] == [b"A: 1\r\n\r\nFirst.\r\n", b"A: 2\r\n\r\nSecond.\r\n"]


def test_mail_without_a_date_has_that_of_its_postmark(tmp_path: Path) -> None:
    (old,) = read(tmp_path, POSTMARK + b"Subject: x\n\nx\n")
    assert importing._arrival(old).received_at == 1583139600.0


@pytest.mark.parametrize(
    ("date", "moment"), [("Thu, 01 Jan 1970 00:00:00 +0000", 1583139600.0), ("nonsense", 1583139600.0)]
)
def test_senseless_date_does_not_count(tmp_path: Path, date: str, moment: float) -> None:
    (old,) = read(tmp_path, POSTMARK + f"Date: {date}\n\nx\n".encode())
    assert importing._arrival(old).received_at == moment


def test_date_of_the_future_is_now(tmp_path: Path) -> None:
    (old,) = read(tmp_path, POSTMARK + b"Date: Fri, 01 Jan 2100 00:00:00 +0000\n\nx\n")
    received = importing._arrival(old).received_at
    assert received is not None
    assert received <= time.time()


def test_file_that_is_no_mbox_and_folder_that_is_no_maildir_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mail.eml").write_text(THREAD[0])
    with pytest.raises(CommandError, match="is no mbox"):
        open_mbox(tmp_path / "mail.eml")
    with pytest.raises(CommandError, match="No such file"):
        open_mbox(tmp_path / "nothing")
    with pytest.raises(CommandError, match="is no maildir"):
        open_maildir(tmp_path)


def test_former_staff_answered_and_the_thread_stays_one_ticket(app: Application, tmp_path: Path) -> None:
    def mail(sender: str, own: str, parent: str = "") -> str:
        reply = f"In-Reply-To: <{parent}>\n" if parent else ""
        return (
            f"From: {sender}\nTo: help@desk.example\nSubject: T2\nDate: Mon, 5 Jan 2025 08:00:00 +0000\n"
            f"Message-ID: <{own}>\n{reply}\nWords.\n"
        )

    catalogue = mbox(
        tmp_path,
        mail("jane@acme.example", "p1@x.example"),
        mail("former@desk.example", "p2@x.example", "p1@x.example"),
        mail("jane@acme.example", "p3@x.example", "p2@x.example"),
    )
    imported(app, catalogue)
    [ticket] = rows(app)
    assert ticket.requester == "jane@acme.example"
    shown = dossier(app, ticket.number)
    assert [a.visibility for a in shown.articles] == ["public"] * 3
    with app.db.read() as session:
        assert gather.tickets(session, [1])[1].participants == ("jane@acme.example",)
