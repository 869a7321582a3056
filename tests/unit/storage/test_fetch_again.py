"""What a mailbox gave no mail for is fetched anew; what was worked and failed is worked again."""

from __future__ import annotations

import sqlalchemy as sa

from storage import journal, mailboxes, working
from storage.database import Database
from storage.journal import Arrival, ImapUid
from storage.tables import imap_message
from storage.tables import journal as table

UID = ImapUid("office", "INBOX", 7, 1)


def test_substitute_text_never_becomes_a_partners_words_and_its_mail_is_fetched_again(database: Database) -> None:
    text = b"Retrieval using the IMAP4 protocol failed"
    empty = Arrival(
        "imap:office", "", "", (), text, has_message_id=False, received_at=1.0, imap=UID, note="no mail", parked=True
    )
    with database.write() as session:
        [stored] = journal.append(session, [journal.entry(empty)], 1.0)
        assert mailboxes.fetch_again(session, [stored.journal_id]) == 1
        assert working.retry(session, [stored.journal_id], 1.0) == 0
        assert session.execute(sa.select(imap_message)).all() == []
        assert not working.is_due(session, 1e9)
        real = Arrival("imap:office", "", "a@x.example", (), b"From: a@x.example\r\n\r\nHi", False, 1.0, imap=UID)
        assert journal.append(session, [journal.entry(real)], 2.0)[0].fresh


def test_mail_that_failed_by_its_own_fault_is_worked_again_and_not_fetched(database: Database) -> None:
    mail = Arrival("imap:office", "", "a@x.example", (), b"From: a@x.example\r\n\r\nHi", False, 1.0, imap=UID)
    with database.write() as session:
        [stored] = journal.append(session, [journal.entry(mail)], 1.0)
        working.claim(session, "w", 1.0)
        working.park(session, [stored.journal_id], "Traceback", 1.0)
        assert mailboxes.fetch_again(session, [stored.journal_id]) == 0
        assert working.retry(session, [stored.journal_id], 1.0) == 1
        assert session.execute(sa.select(table.c.state)).scalar_one() == "new"
