"""The junk folder of a real Dovecot mailbox: its mails are taken, and it stays as it is."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from servers.dovecot import Dovecot
from servers.process import until
from servers.watching import account, mail, rows, settings

from mailgate.intake.imap import Watcher
from storage.database import Database
from storage.tables import journal

pytestmark = pytest.mark.real("dovecot-imapd")


def test_mails_of_the_junk_folder_come_by_a_door_of_their_own_and_stay_there(
    dovecot: Dovecot, sqlite: Database
) -> None:
    user = "junkuser"
    dovecot.deliver(user, mail(1))
    dovecot.deliver(user, mail(2), name="Junk")
    stopping = threading.Event()
    box = account(dovecot, user, junk="Junk")
    watchers = [
        threading.Thread(target=Watcher(box, settings(), sqlite, stopping, False, junk=junk).run)
        for junk in (False, True)
    ]
    for watcher in watchers:
        watcher.start()
    try:
        until(lambda: len(rows(sqlite)) == 2 and not dovecot.mails(user), "both taken, the first one moved")
    finally:
        stopping.set()
        for watcher in watchers:
            watcher.join(20)
    with sqlite.read() as session:
        doors = {row.door for row in session.execute(sa.select(journal.c.door))}
    assert doors == {"imap:office", "imap:office/junk"}
    assert [kept.raw for kept in dovecot.mails(user, "Junk")] == [mail(2)]
    assert [kept.raw for kept in dovecot.mails(user, "Processed")] == [mail(1)]
