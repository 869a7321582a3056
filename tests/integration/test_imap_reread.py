"""After a restore: the folder that mails were filed into is looked through, against a real Dovecot."""

from __future__ import annotations

import imaplib
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from servers.dovecot import PASSWORD, Dovecot
from servers.process import until
from servers.watching import account, empty, idle, mail, rows, settings, taken, watching

from mailgate.intake import fetched, imap, rereading
from parsing.read import parse
from parsing.sameness import mail_key
from storage import epochs
from storage.database import Database, now
from storage.tables import imap_message, journal, journal_raw, mailbox, reread

pytestmark = pytest.mark.real("dovecot-imapd")
_users = itertools.count(1)


@pytest.fixture
def user() -> str:
    return f"reread{next(_users)}"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "FIRST_PAUSE", 0.05)


def nameless(text: str) -> bytes:
    """An alert: no Message-ID tells it from the next one."""
    return f"From: nagios@acme.example\r\nTo: help@desk.example\r\nSubject: {text}\r\n\r\nDOWN\r\n".encode()


def worked(db: Database) -> None:
    """As the worker leaves what it has read: with the key of each mail's sameness."""
    with db.write() as connection:
        found = connection.execute(
            sa.select(journal.c.id, journal_raw.c.raw).join(journal_raw, journal_raw.c.journal_id == journal.c.id)
        ).all()
        for row in found:
            key = mail_key(parse(bytes(row.raw)), bytes(row.raw)) or None
            values = {"state": "done", "outcome": "article", "mail_key": key}
            connection.execute(journal.update().where(journal.c.id == row.id).values(values))


def lose(db: Database, but: int) -> None:
    """The database as of when it had so many arrivals, restored now."""
    with db.write() as connection:
        for table, column in ((imap_message, "journal_id"), (journal_raw, "journal_id"), (journal, "id")):
            connection.execute(table.delete().where(table.c[column] > but))
        epochs.begin(connection, now() - 6 * 3600, now(), 5000, None)


def read_again(db: Database) -> Any:
    """What was found in the folder."""

    def found() -> Any:
        with db.read() as connection:
            return connection.execute(sa.select(reread)).one_or_none()

    return until(found, "the folder is looked through")


def fill(db: Database, dovecot: Dovecot, user: str, *mails: bytes, before: int) -> None:
    """Mails that were taken and filed, of which the backup knows the first ones."""
    with watching(db, account(dovecot, user, poll=1)):
        for raw in mails:
            dovecot.deliver(user, raw)
        taken(db, len(mails))
        empty(dovecot, user)
    worked(db)
    lose(db, before)


def test_mails_that_were_filed_after_the_backup_come_back_and_known_ones_do_not(
    database: Database, dovecot: Dovecot, user: str
) -> None:
    fill(database, dovecot, user, *(mail(n) for n in range(6)), before=4)
    dovecot.deliver(user, mail(6))  # lay in the mailbox while nobody was there
    with watching(database, account(dovecot, user, poll=1)):
        found = read_again(database)
        assert [row.raw for row in taken(database, 7)] == [mail(n) for n in range(7)]
        empty(dovecot, user)
    assert (found.folder, found.seen, found.found) == ("Processed", 6, 2)
    assert len(dovecot.mails(user, "Processed")) == 7
    with watching(database, account(dovecot, user, poll=1)) as watch:  # once for each restore
        watch.looked()
        assert len(rows(database)) == 7


def test_equal_alerts_without_an_id_count_each_once(sqlite: Database, dovecot: Dovecot, user: str) -> None:
    alert, other = nameless("PROBLEM printer"), nameless("PROBLEM switch")
    fill(sqlite, dovecot, user, alert, other, alert, alert, alert, before=3)
    with watching(sqlite, account(dovecot, user, poll=1)):
        found = read_again(sqlite)
        assert [row.raw for row in taken(sqlite, 5)] == [alert, other, alert, alert, alert]
    assert (found.seen, found.found) == (5, 2)


def test_what_others_put_there_long_ago_is_left_alone(sqlite: Database, dovecot: Dovecot, user: str) -> None:
    """Old mails of the desk before this one, in a folder of that name."""
    old = datetime.now(UTC) - timedelta(days=30)
    for number in range(100, 105):
        dovecot.deliver(user, mail(number), name="Processed", received=old)
    with imaplib.IMAP4(dovecot.host, dovecot.port) as client:  # they have their UIDs once somebody looks
        client.login(user, PASSWORD)
        assert client.select("Processed")[1] == [b"5"]
    fill(sqlite, dovecot, user, mail(0), mail(1), before=1)
    with watching(sqlite, account(dovecot, user, start="now", poll=1)):
        found = read_again(sqlite)
        assert [row.raw for row in taken(sqlite, 2)] == [mail(0), mail(1)]
    assert (found.seen, found.found) == (7, 1)


def test_old_mail_that_was_filed_after_the_backup_is_found_by_its_place(
    sqlite: Database, dovecot: Dovecot, user: str
) -> None:
    """A desk that took an old mailbox over (start = all) filed mails whose dates say nothing."""
    old = datetime.now(UTC) - timedelta(days=300)
    with watching(sqlite, account(dovecot, user, poll=1)):
        for number in range(4):
            dovecot.deliver(user, mail(number), received=old)
            taken(sqlite, number + 1)
            empty(dovecot, user)
    worked(sqlite)
    lose(sqlite, 2)
    with sqlite.write() as connection:
        connection.execute(mailbox.update().values(first_contact=0.0))
    with watching(sqlite, account(dovecot, user, poll=1)):
        assert read_again(sqlite).found == 2
        assert [row.received_at for row in taken(sqlite, 4)] == [int(old.timestamp())] * 4


def test_mails_not_yet_worked_when_the_backup_was_made_are_the_same_arrival(
    sqlite: Database, dovecot: Dovecot, user: str
) -> None:
    fill(sqlite, dovecot, user, mail(0), mail(1), before=2)
    with sqlite.write() as connection:
        connection.execute(journal.update().values(state="new", outcome=None, mail_key=None))
    with watching(sqlite, account(dovecot, user, poll=1)):
        assert read_again(sqlite).found == 0
    assert len(rows(sqlite)) == 2


def test_oversize_mail_comes_back_with_its_note(sqlite: Database, dovecot: Dovecot, user: str) -> None:
    fill(sqlite, dovecot, user, mail(0), mail(1, size=40_000), before=1)
    with watching(sqlite, account(dovecot, user, poll=1), given=settings("10KB")):
        assert read_again(sqlite).found == 1
        assert "are more than the limit of 10,000" in (taken(sqlite, 2)[1].note or "")


@pytest.mark.parametrize("after", ["flag", "delete"])
def test_account_that_files_nowhere_has_nothing_to_read_again(
    sqlite: Database, dovecot: Dovecot, user: str, after: str
) -> None:
    with sqlite.write() as connection:
        epochs.begin(connection, now(), now(), 5000, None)
    dovecot.deliver(user, mail(0))
    with watching(sqlite, account(dovecot, user, poll=1, after=after)):
        taken(sqlite, 1)
        with sqlite.read() as connection:
            assert connection.execute(sa.select(reread)).all() == []


def test_folder_that_is_not_there_is_done_at_once(sqlite: Database, dovecot: Dovecot, user: str) -> None:
    with sqlite.write() as connection:
        epochs.begin(connection, now(), now(), 5000, None)
    dovecot.deliver(user, mail(0))
    with watching(sqlite, account(dovecot, user, poll=1)):
        assert (read_again(sqlite).seen, len(taken(sqlite, 1))) == (0, 1)


def test_desk_that_never_was_restored_reads_nothing_again(sqlite: Database, dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, mail(9), name="Processed")
    with watching(sqlite, account(dovecot, user, poll=1)):
        idle(sqlite)
    assert rows(sqlite) == []


def test_mailbox_first_met_after_the_backup_is_read_from_the_backup_on(
    sqlite: Database, dovecot: Dovecot, user: str
) -> None:
    """Else its first contact would be the restore, and what came between would be left alone."""
    with sqlite.write() as connection:
        epochs.begin(connection, now() - 3600, now(), 5000, None)
    dovecot.deliver(user, mail(0), received=datetime.now(UTC) - timedelta(days=2))
    dovecot.deliver(user, mail(1), received=datetime.now(UTC) - timedelta(minutes=30))
    with watching(sqlite, account(dovecot, user, start="now", poll=1)):
        assert [row.raw for row in taken(sqlite, 1)] == [mail(1)]
        idle(sqlite)


def test_reading_again_goes_on_where_it_was_broken_off(
    sqlite: Database, dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sqlite, dovecot, user, *(mail(n) for n in range(9)), before=1)
    monkeypatch.setattr(fetched, "BATCH_MAILS", 2)
    calls = iter((None, OSError("the connection is cut"), None, OSError("again")))
    fetch = rereading._fetch

    def cut(*values: Any) -> Any:
        if (error := next(calls, None)) is not None:
            raise error
        return fetch(*values)

    monkeypatch.setattr(rereading, "_fetch", cut)
    with watching(sqlite, account(dovecot, user, poll=1)):
        assert read_again(sqlite).found == 8
        assert [row.raw for row in taken(sqlite, 9)] == [mail(n) for n in range(9)]


def test_folder_that_cannot_be_read_does_not_keep_new_mails_waiting(
    sqlite: Database, dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sqlite, dovecot, user, mail(0), mail(1), before=1)
    tries: list[int] = []

    def broken(*_: Any) -> Any:
        tries.append(1)
        raise OSError("the connection is cut")

    monkeypatch.setattr(rereading, "_look", broken)
    dovecot.deliver(user, mail(2))
    with watching(sqlite, account(dovecot, user, poll=1)):
        assert [row.raw for row in taken(sqlite, 2)] == [mail(0), mail(2)]
    assert len(tries) == imap.MOST_FAULTS
