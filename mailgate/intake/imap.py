"""The IMAP door: one thread watches one account, for ever, through outages and restarts of the server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from imapclient.exceptions import IMAPClientError

from mailgate.grants.errors import GrantError
from mailgate.intake import connection, rereading
from mailgate.intake.fetched import Place
from mailgate.intake.folders import native
from mailgate.intake.mailbox import Faults, Folder
from mailgate.settings import Imap, Settings, junk_door
from routing.policy import without_suffix
from storage import database, epochs, mailboxes
from storage.database import Database, StorageError
from storage.mailboxes import Mailbox

log = logging.getLogger("mailgate.imap")

FIRST_PAUSE = 1.0  # seconds before connecting again, doubled each time
MOST_FAULTS = 3  # then new mails are more urgent than those of before a restore
LONGEST_PAUSE = 300.0  # an outage over night ends within five minutes of the server's return


class Watcher:
    """`run()`, in a thread of its own, watches `account` until `stopping` is set.

    It never raises; what is wrong stands in table `mailbox` and in the log.
    With `shadow` mails are taken and nothing at the mailbox changes; so it is with the account's `junk` folder.
    """

    def __init__(
        self,
        account: Imap,
        settings: Settings,
        db: Database,
        stopping: threading.Event,
        shadow: bool,
        clock: Callable[[], float] = database.now,
        *,
        junk: bool = False,
    ) -> None:
        self._account = account
        self._junk = junk
        self._settings = settings
        self._db = db
        self._stopping = stopping
        self._untouched = shadow or junk
        self._clock = clock
        self._folder = account.junk if junk else account.folder
        self._faults = Faults()
        self._faulty = 0  # tries to read a folder again
        self._pause = FIRST_PAUSE
        self._error: str | None = None

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                with connection.connected(self._account, self._settings) as client:
                    self._watch(client)
            except (OSError, IMAPClientError, GrantError, StorageError) as error:
                self._record(connection.explain(error, self._account).line)
            except Exception as error:  # a thread that dies unnoticed is a mailbox that nobody reads
                log.exception("imap %s: a fault of ours", self._account.name)
                self._record(connection.explain(error, self._account).line)
            self._stopping.wait(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _watch(self, client: connection.Client) -> None:
        self._read_again(client)
        folder = self._select(client)
        while not self._stopping.is_set():
            connection.announced(client)
            self._record(folder.look())
            self._pause = FIRST_PAUSE
            connection.wait(client, self._account.poll, self._stopping)

    def _read_again(self, client: connection.Client) -> None:
        """After a restore. A folder that cannot be read must not keep new mails waiting for ever."""
        if self._junk or self._faulty >= MOST_FAULTS:
            return
        account, place, size = self._account, self._place(0), self._settings.max_size
        try:
            rereading.run(client, self._db, account.after, place, size, self._stopping, self._clock)
        except (OSError, IMAPClientError):
            self._faulty += 1
            if self._faulty == MOST_FAULTS:
                log.error("imap %s: %s cannot be read again; the next start tries it", account.name, account.after)
            raise

    def _select(self, client: connection.Client) -> Folder:
        account = self._account
        home = native(client, self._folder)
        selected = client.select_folder(home, readonly=self._untouched)
        uidvalidity, uidnext = selected.get(b"UIDVALIDITY"), selected.get(b"UIDNEXT")
        if uidvalidity is None or uidnext is None:  # RFC 9051 section 6.3.2 asks for both
            raise IMAPClientError("the server gives no UIDVALIDITY and UIDNEXT: no mail can be told from another")
        box = self._contact(uidvalidity, uidnext, selected[b"EXISTS"])
        if self._faults.uidvalidity != uidvalidity:
            self._faults = Faults(uidvalidity)
        return Folder(
            client,
            self._db,
            box,
            self._place(uidvalidity),
            home=home,
            after=None if self._untouched else account.after,
            max_size=self._settings.max_size,
            uidnext=uidnext,
            faults=self._faults,
            stopping=self._stopping,
            clock=self._clock,
        )

    def _place(self, uidvalidity: int) -> Place:
        account = self._account
        queues = (queue.address for queue in self._settings.queue if queue.address)
        return Place(
            door=junk_door(account.name) if self._junk else f"imap:{account.name}",
            account=account.name,
            folder=self._folder,
            uidvalidity=uidvalidity,
            own=frozenset(without_suffix(address.lower()) for address in (self._settings.desk.address, *queues)),
            deletes=account.after == "delete" and not self._junk,
            verify=account.verify and not self._junk,
        )

    def _contact(self, uidvalidity: int, uidnext: int, exists: int) -> Mailbox:
        """What is known of the folder, or the first contact with it."""
        name, folder = self._account.name, self._folder
        with self._db.read() as session:
            box = mailboxes.find(session, name, folder)
        if box is None:
            box, what = self._first_contact(uidvalidity, uidnext)
            log.info("imap %s: first contact, %d mails lie in %s: %s", name, exists, folder, what)
            with self._db.write() as session:
                mailboxes.keep(session, box, waiting=exists)
        elif box.uidvalidity != uidvalidity:
            log.warning(
                "imap %s: UIDVALIDITY of %s is %d and was %d: its %d mails are looked through, known ones recognised",
                *(name, folder, uidvalidity, box.uidvalidity, exists),
            )
            box = mailboxes.renewed(box, uidvalidity)
            with self._db.write() as session:
                mailboxes.keep(session, box)
        return box

    def _first_contact(self, uidvalidity: int, uidnext: int) -> tuple[Mailbox, str]:
        start = self._account.start
        if start == "now" and (made := self._restored()) is not None:
            box = Mailbox(self._account.name, self._folder, uidvalidity, made, None)
            return box, "those that arrived since the restored backup was made are taken"
        if start == "now":
            box = Mailbox(self._account.name, self._folder, uidvalidity, self._clock(), uidnext)
            return box, "left untouched, only what arrives from now on is taken (start)"
        if start == "all":
            return Mailbox(self._account.name, self._folder, uidvalidity, 0.0, None), "all are taken (start)"
        day = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(self._settings.desk.timezone))
        box = Mailbox(self._account.name, self._folder, uidvalidity, day.timestamp(), None)
        return box, f"those that arrived on {start} or later are taken (start)"

    def _restored(self) -> float | None:
        """When the backup was made, of a restore that is not thawed yet: it may be older than the first contact was."""
        with self._db.read() as session:
            begun = epochs.latest(session)
        return begun.made if begun is not None and begun.thawed is None else None

    def _record(self, error: str | None) -> None:
        """What `status` shows; logged when it changes."""
        name, folder = self._account.name, self._folder
        if error != self._error:
            if error is None:
                log.info("imap %s: all is well again", name)
            else:
                log.error("imap %s: %s", name, error)
        self._error = error
        try:
            with self._db.write() as session:
                if error is None:
                    mailboxes.succeeded(session, name, folder, self._clock())
                else:
                    mailboxes.failed(session, name, folder, error, self._clock())
        except StorageError as unavailable:
            log.error("imap %s: its state could not be written: %s", name, unavailable)
