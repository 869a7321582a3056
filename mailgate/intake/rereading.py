"""After a restore: the folder that an account's mails were moved into is looked through, once.

Mails in it that the backup does not know go into the journal. Nothing changes there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mailgate.intake import fetched
from mailgate.intake.connection import Client, uids_from
from mailgate.intake.fetched import Place, Summary
from mailgate.intake.folders import native
from parsing.read import parse
from parsing.sameness import mail_key
from storage import rereading
from storage.database import Database
from storage.mailboxes import Taken
from storage.rereading import Filed

log = logging.getLogger("mailgate.imap")

IDENTITY = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID FROM DATE)]"  # a few hundred bytes a mail, whatever is attached
SUMMARIES = 500  # a FETCH of them
LATE_SECONDS = 2 * 86400.0  # how long a mail may have lain in the mailbox before it was filed
SKEW_SECONDS = 300.0  # between the server's clock and ours


@dataclass(frozen=True, slots=True)
class Looked:
    """A mail that lies there: `known` to the journal; `uid`, size and date as of `Summary`."""

    mail: Summary
    known: bool


def run(
    client: Client,
    db: Database,
    after: str,
    place: Place,
    max_size: int,
    stopping: threading.Event,
    clock: Callable[[], float],
) -> None:
    """Look the folder of `after` ("move:FOLDER") through, if a restore asks for it and it has not been done.

    `place` is that of the account's own folder. Raises what ends the connection; it begins again with the next one.
    """
    if not after.startswith("move:"):
        return
    name = after.removeprefix("move:")
    with db.read() as session:
        begun = rereading.due(session, place.account, name)
        contact = rereading.first_contact(session, place.account)
    if begun is None:
        return
    folder = native(client, name)
    uidvalidity, there = 0, []
    if client.folder_exists(folder):
        selected = client.select_folder(folder, readonly=True)
        uidvalidity = int(selected[b"UIDVALIDITY"])
        there = list(uids_from(client, 1, int(selected.get(b"UIDNEXT", 0))))
    filed = Filed(place.account, name, uidvalidity)
    place = replace(place, folder=name, uidvalidity=uidvalidity, deletes=False)
    looked: list[Looked] = []
    for start in range(0, len(there), SUMMARIES):
        if stopping.is_set():
            return
        looked += _look(client, db, filed, there[start : start + SUMMARIES])
    since = max(begun.made - LATE_SECONDS, (begun.made if contact is None else contact) - SKEW_SECONDS)
    for batch in fetched.batches(_wanted(looked, since), max_size):
        if stopping.is_set():
            return
        mails = _fetch(client, place, batch, max_size)
        with db.write() as session:
            rereading.take(session, filed, mails, clock())
    with db.write() as session:
        found = rereading.finish(session, begun, filed, len(there), clock())
    said = "imap %s: %s looked through after the restore: %d mails, %d of them unknown to the backup"
    log.info(said, place.account, name, len(there), found)


def _look(client: Client, db: Database, filed: Filed, uids: Sequence[int]) -> list[Looked]:
    """Who these are, by a few header fields."""
    answers = client.fetch(uids, (*fetched.SUMMARY, IDENTITY))
    mails = {uid: mail for uid in uids if (mail := fetched.summary(uid, answers.get(uid, {}))) is not None}
    keys = {uid: _key(answers[uid]) for uid in mails}
    with db.read() as session:
        known = rereading.known(session, filed, keys)
    return [Looked(mail, uid in known) for uid, mail in mails.items()]


def _key(answer: Mapping[bytes, Any]) -> str:
    """The key of the mail's sameness; empty without a Message-ID."""
    raw = next((value for name, value in answer.items() if name.startswith(b"BODY[HEADER.FIELDS")), b"")
    return mail_key(parse(raw), raw) if isinstance(raw, bytes) else ""


def _wanted(looked: Sequence[Looked], since: float) -> list[Summary]:
    """Unknown mails that were filed after the last known one, or that arrived at `since` or later.

    What is older and lies among known ones was put there by somebody else, and has never been the desk's.
    """
    last = max((one.mail.uid for one in looked if one.known), default=None)
    return [
        one.mail
        for one in looked
        if not one.known and (one.mail.received_at >= since or (last is not None and one.mail.uid > last))
    ]


def _fetch(client: Client, place: Place, batch: Sequence[Summary], max_size: int) -> list[Taken]:
    """The mails; one that is gone meanwhile is left out."""
    oversize = batch[0].size > max_size
    answers = client.fetch([mail.uid for mail in batch], fetched.PARTIAL if oversize else (fetched.WHOLE,))
    taken = []
    for mail in batch:
        if mail.uid not in answers:
            log.warning("imap %s: UID %d of %s is gone, or is not given", place.account, mail.uid, place.folder)
        elif oversize:
            taken.append(fetched.oversize(place, mail, answers[mail.uid], max_size))
        else:
            taken.append(fetched.whole(place, mail, answers[mail.uid]))
    return taken
