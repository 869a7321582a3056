"""A selected IMAP folder: its new mails go into the journal, then each is moved, flagged or deleted, or left alone."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from mailgate.intake import fetched
from mailgate.intake.connection import Answers, Client, uids_from, words
from mailgate.intake.disposal import dispose
from mailgate.intake.fetched import Place, Summary
from mailgate.trouble import Trouble
from storage import mailboxes
from storage.database import Database, StorageError
from storage.mailboxes import Mailbox, Taken

log = logging.getLogger("mailgate.imap")

SUMMARIES = 500  # a FETCH of sizes and dates
DISPOSALS = 200  # a MOVE of more is not faster
MOST_TRIES = 5  # then a mail that cannot be fetched is set aside


@dataclass(slots=True)
class Faults:
    """What a folder's mails did to us under this UIDVALIDITY; outlives the connection, not the process."""

    uidvalidity: int = 0
    tries: Counter[int] = field(default_factory=Counter)
    suspects: set[int] = field(default_factory=set)  # one of them broke a connection: fetched one by one


class Folder:
    """One selected folder for the life of a connection. `look()` is everything that it does."""

    def __init__(
        self,
        client: Client,
        db: Database,
        box: Mailbox,
        place: Place,
        *,
        home: str,
        after: str | None,
        max_size: int,
        uidnext: int,
        faults: Faults,
        stopping: threading.Event,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._db = db
        self._box = box
        self._place = place
        self._home = home  # this folder by the server's name
        self._after = after  # None: nothing at the mailbox changes
        self._max_size = max_size
        self._uidnext = uidnext
        self._faults = faults
        self._stopping = stopping
        self._clock = clock
        with db.read() as connection:
            self._open = set(mailboxes.unsettled(connection, box)) if after is not None else set()
        self._tried = set(self._open)  # by a connection that ended, or refused: perhaps copied, and not marked
        self._known: set[int] = set()  # from the floor up: taken, or left where they were before us
        self._floor = box.first_uid or 1  # below it nothing is new: UIDs ascend (RFC 9051 section 2.3.1.1)

    def look(self) -> str | None:
        """Take what is new, then dispose of it; what is still open from before as well.

        A sentence where the server refused what was to be done with mails that we have; it is tried again at the next
        look. Raises what ends the connection: IMAPClientError, OSError, StorageError.
        """
        trouble = self._dispose()
        found = list(uids_from(self._client, self._floor, self._uidnext))
        new = self._unknown(found)
        tries = self._faults.tries
        for batch in self._batches(sorted(new, key=lambda uid: (tries[uid], uid))):
            if self._stopping.is_set():
                return trouble
            self._take(batch)
            trouble = self._dispose() or trouble
        missing = [uid for uid in new if uid not in self._known]
        if found:
            self._raise_floor(min(missing, default=max(found) + 1))
        if self._box.first_uid is None and not missing:
            self._looked_through()
        return trouble

    def _raise_floor(self, floor: int) -> None:
        """What is below is looked at no more, and needs no memory."""
        self._floor = floor
        self._known = {uid for uid in self._known if uid >= floor}
        for uid in [uid for uid in self._faults.tries if uid < floor]:
            del self._faults.tries[uid]

    # --- what is new ----------------------------------------------------------------------------------------------

    def _unknown(self, found: Sequence[int]) -> list[int]:
        new = [uid for uid in found if uid not in self._known]
        with self._db.read() as connection:
            for start in range(0, len(new), SUMMARIES):
                self._known |= mailboxes.known(connection, self._box, new[start : start + SUMMARIES])
        return [uid for uid in new if uid not in self._known]

    def _batches(self, uids: Sequence[int]) -> Iterator[list[Summary]]:
        """Mails to fetch together; an oversize one alone. Those that were there before us are passed over."""
        for start in range(0, len(uids), SUMMARIES):
            part = uids[start : start + SUMMARIES]
            answers = self._fetch(part, fetched.SUMMARY)
            told = (self._summary(uid, answers) for uid in part)
            yield from fetched.batches((mail for mail in told if mail is not None), self._max_size)

    def _summary(self, uid: int, answers: Answers) -> Summary | None:
        if uid not in answers:
            if self._faults.tries[uid] < MOST_TRIES:
                return None
            return Summary(uid, 0, self._clock())
        mail = fetched.summary(uid, answers[uid])
        if mail is None:
            self._faults.tries[uid] += 1
            return Summary(uid, 0, self._clock()) if self._faults.tries[uid] >= MOST_TRIES else None
        if self._box.first_uid is None and mail.received_at < self._box.first_contact:
            self._known.add(uid)  # lay there before us: left alone
            return None
        return mail

    def _fetch(self, uids: Sequence[int], items: Sequence[str]) -> Answers:
        """FETCH by UID, together if none of them is suspected. A mail that does not come has one try less."""
        faults = self._faults
        if len(uids) > 1 and faults.suspects.isdisjoint(uids):
            try:
                answers = self._client.fetch(uids, items)
                faults.tries.update(uid for uid in uids if uid not in answers)
                return answers
            except (IMAPClientAbortError, OSError):
                faults.suspects.update(uids)
                raise
            except IMAPClientError as error:
                log.info("imap %s: FETCH of %d mails refused: %s", self._place.account, len(uids), words(error))
        answers = {}
        for uid in uids:
            if faults.tries[uid] >= MOST_TRIES:
                continue
            faults.tries[uid] += 1  # before it: what breaks the connection counts
            try:
                answers.update(self._client.fetch([uid], items))
            except (IMAPClientAbortError, OSError):
                faults.suspects.add(uid)
                raise
            except IMAPClientError as error:
                log.info("imap %s: FETCH of UID %d refused: %s", self._place.account, uid, words(error))
                continue
            if uid in answers:
                faults.tries[uid] -= 1
        return answers

    # --- into the journal -------------------------------------------------------------------------------------------

    def _take(self, batch: Sequence[Summary]) -> None:
        """Fetch a batch and write it: on disk when this returns."""
        oversize = batch[0].size > self._max_size
        answers = self._fetch([mail.uid for mail in batch], fetched.PARTIAL if oversize else (fetched.WHOLE,))
        taken: list[Taken] = []
        for mail in batch:
            if mail.uid not in answers:
                if self._faults.tries[mail.uid] >= MOST_TRIES:
                    taken.append(fetched.parked(self._place, mail, f"could not be fetched in {MOST_TRIES} tries"))
            elif oversize:
                taken.append(fetched.oversize(self._place, mail, answers[mail.uid], self._max_size))
            else:
                taken.append(fetched.whole(self._place, mail, answers[mail.uid]))
        self._write(taken)

    def _write(self, taken: Sequence[Taken]) -> None:
        if not taken:
            return
        try:
            with self._db.write() as connection:
                to_do = mailboxes.take(connection, self._box, taken, self._clock())
                if self._after is None:
                    mailboxes.settle(connection, self._box, to_do)
        except StorageError:
            raise
        except Exception:  # one mail that cannot be written must not stop the mailbox
            if taken[0].arrival.parked and len(taken) == 1:
                raise  # nothing can be written: not the mail's fault
            log.exception("imap %s: %d mails could not be written", self._place.account, len(taken))
            for mail in taken:
                self._write([mail] if len(taken) > 1 else [fetched.unwritable(self._place, mail)])
            return
        uids = [mail.arrival.imap.uid for mail in taken if mail.arrival.imap]
        self._known.update(uids)
        self._faults.suspects.difference_update(uids)
        if self._after is not None:
            self._open.update(to_do)
        log.info("imap %s: %d mails taken from %s", self._place.account, len(taken), self._place.folder)

    def _looked_through(self) -> None:
        """Everything that was there is taken or left: from now on the UID alone says what is new."""
        self._box = mailboxes.with_first_uid(self._box, max(self._floor, self._uidnext))
        with self._db.write() as connection:
            mailboxes.keep(connection, self._box)

    # --- at the server ----------------------------------------------------------------------------------------------

    def _dispose(self) -> str | None:
        """Move, flag or delete what is committed; a sentence where the server refused."""
        while self._open and self._after is not None:
            part = sorted(self._open)[:DISPOSALS]
            again = not self._tried.isdisjoint(part)
            self._tried.update(part)
            try:
                dispose(self._client, self._after, part, home=self._home, again=again)
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                said = f"the server refuses {self._after} of {len(self._open)} mails: {words(error)}"
                return Trouble(
                    said, 'may who signs in write there, and make folders? else after = "flag"', "after"
                ).line
            with self._db.write() as connection:
                mailboxes.settle(connection, self._box, part)
            self._open.difference_update(part)
            self._tried.difference_update(part)
        return None
