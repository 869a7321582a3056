"""What storage knows of mailboxes: first contact, UIDs, and arrivals recognised under another UIDVALIDITY."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from storage import mailboxes
from storage.database import Database
from storage.journal import Arrival, ImapUid, entry
from storage.mailboxes import Mailbox, Taken
from storage.tables import imap_message, journal, mailbox

BOX = Mailbox("office", "INBOX", 1, 0.0, 5)


def taken(uid: int, raw: bytes, *, box: Mailbox = BOX, stays: bool = False, parked: bool = False) -> Taken:
    place = ImapUid(box.account, box.folder, box.uidvalidity, uid)
    arrival = Arrival("imap:office", "", "", (), raw, True, received_at=1.0, imap=place, parked=parked)
    return Taken(entry(arrival), stays)


def take(db: Database, box: Mailbox, *mails: Taken) -> list[int]:
    with db.write() as connection:
        return mailboxes.take(connection, box, mails, 2.0)


def count(db: Database, table: sa.Table) -> int:
    with db.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def unsettled(db: Database, box: Mailbox) -> list[int]:
    with db.read() as connection:
        return mailboxes.unsettled(connection, box)


def test_a_mailbox_is_found_as_it_was_kept(database: Database) -> None:
    with database.write() as connection:
        assert mailboxes.find(connection, "office", "INBOX") is None
        mailboxes.failed(connection, "office", "INBOX", "no route", 1.0)
        assert mailboxes.find(connection, "office", "INBOX") is None  # never seen: still the first contact
        mailboxes.keep(connection, BOX, waiting=4)
        mailboxes.keep(connection, replace(BOX, first_uid=None))
        assert mailboxes.find(connection, "office", "INBOX") == replace(BOX, first_uid=None)
        assert mailboxes.find(connection, "office", "Junk") is None
        assert connection.execute(sa.select(mailbox.c.waiting)).scalar_one() == 4


def test_an_error_keeps_the_moment_it_began(database: Database) -> None:
    def state() -> tuple[object, ...]:
        with database.read() as connection:
            columns = (mailbox.c.error, mailbox.c.error_since, mailbox.c.last_success)
            return tuple(connection.execute(sa.select(*columns)).one())

    with database.write() as connection:
        mailboxes.failed(connection, "office", "INBOX", "one", 1.0)
        mailboxes.failed(connection, "office", "INBOX", "two", 2.0)
    assert state() == ("two", 1.0, None)
    with database.write() as connection:
        mailboxes.succeeded(connection, "office", "INBOX", 3.0)
    assert state() == (None, None, 3.0)
    with database.write() as connection:
        mailboxes.failed(connection, "office", "INBOX", "three", 4.0)
    assert state() == ("three", 4.0, 3.0)


def test_what_is_taken_is_known_and_open_until_settled(database: Database) -> None:
    assert take(database, BOX, taken(6, b"six"), taken(7, b"seven"), taken(8, b"eight", stays=True)) == [6, 7]
    with database.write() as connection:
        assert mailboxes.known(connection, BOX, [5, 6, 8]) == {6, 8}
        assert mailboxes.known(connection, replace(BOX, uidvalidity=2), [6]) == set()
        assert mailboxes.known(connection, replace(BOX, account="other"), [6]) == set()
        assert mailboxes.unsettled(connection, BOX) == [6, 7]
        mailboxes.settle(connection, BOX, [6])
        mailboxes.settle(connection, BOX, [])
        assert mailboxes.unsettled(connection, BOX) == [7]


def test_the_same_uid_twice_is_one_arrival(database: Database) -> None:
    take(database, BOX, taken(6, b"six"))
    take(database, BOX, taken(6, b"six"))
    assert (count(database, journal), count(database, imap_message)) == (1, 1)


def test_equal_bytes_under_one_uidvalidity_are_two_deliveries(database: Database) -> None:
    take(database, BOX, taken(6, b"same"), taken(7, b"same"))
    assert count(database, journal) == 2


def test_under_another_uidvalidity_each_old_mail_is_recognised_once(database: Database) -> None:
    take(database, BOX, taken(6, b"same"), taken(7, b"same"), taken(8, b"other"))
    with database.write() as connection:
        mailboxes.settle(connection, BOX, [6, 7])
    box = mailboxes.renewed(BOX, 2)
    again = [taken(uid, raw, box=box) for uid, raw in ((1, b"same"), (2, b"other"), (3, b"same"), (4, b"same"))]
    assert take(database, box, *again[:2]) == [2]  # 1 was settled and stays so; 2 was open
    assert take(database, box, *again[2:]) == [4]  # the third of the same is new
    assert count(database, journal) == 4
    assert unsettled(database, box) == [2, 4]


def test_a_third_uidvalidity_recognises_them_all_the_same(database: Database) -> None:
    take(database, BOX, taken(6, b"six"))
    for uidvalidity in (2, 3):
        box = mailboxes.renewed(BOX, uidvalidity)
        take(database, box, taken(1, b"six", box=box))
    assert (count(database, journal), count(database, imap_message)) == (1, 3)


def test_another_account_or_folder_recognises_nothing(database: Database) -> None:
    take(database, BOX, taken(6, b"six"))
    for box in (replace(BOX, account="other", first_uid=None), replace(BOX, folder="Junk", first_uid=None)):
        take(database, box, taken(6, b"six", box=box))
    assert count(database, journal) == 3


def test_equal_bytes_after_the_folder_was_looked_through_are_a_new_delivery(database: Database) -> None:
    take(database, BOX, taken(6, b"alert"))
    box = mailboxes.with_first_uid(mailboxes.renewed(BOX, 2), 9)
    assert take(database, box, taken(9, b"alert", box=box)) == [9]
    assert count(database, journal) == 2


def test_what_is_no_mail_is_parked_and_left_alone(database: Database) -> None:
    assert take(database, BOX, taken(6, b"", stays=True, parked=True)) == []
    with database.read() as connection:
        assert connection.execute(sa.select(journal.c.state)).scalar_one() == "parked"
    assert unsettled(database, BOX) == []
