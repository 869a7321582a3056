"""What is known of each watched mailbox: its UIDVALIDITY, its first contact, and every message taken from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import journal
from storage.database import conflict_insert
from storage.journal import Arrival, Entry, ImapUid
from storage.tables import imap_message, mailbox
from storage.tables import journal as journal_table


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A folder of an account under one UIDVALIDITY, and which of its mails are ours to take.

    `first_uid` and above: all. Below it: none; and where it is None the folder is being looked through, and mails
    count whose INTERNALDATE is not before `first_contact` (seconds since 1970 UTC).
    """

    account: str
    folder: str
    uidvalidity: int
    first_contact: float
    first_uid: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """An arrival and whether its mail stays where it lies, whatever the account does with mails afterwards."""

    entry: Entry
    stays: bool

    @property
    def arrival(self) -> Arrival:
        return self.entry.arrival


def fetch_again(connection: Connection, journal_ids: Sequence[int]) -> int:
    """Arrivals that the server gave no mail for, and that were parked unread: their UIDs count as never taken, so that
    the next look at the mailbox fetches them anew. How many there were; the rows stay, as first arrivals of the same.
    """
    wanted = sa.and_(
        journal_table.c.id.in_(journal_ids),
        journal_table.c.state == "parked",
        journal_table.c.attempt == 0,
        journal_table.c.door.startswith("imap:"),
    )
    ids = list(connection.execute(sa.select(journal_table.c.id).where(wanted)).scalars())
    connection.execute(imap_message.delete().where(imap_message.c.journal_id.in_(ids)))
    connection.execute(
        journal_table.update()
        .where(journal_table.c.id.in_(ids))
        .values(state="done", outcome="duplicate", arrival_key=None, note=journal_table.c.note + "; fetched again")
    )
    return len(ids)


def find(connection: Connection, account: str, folder: str) -> Mailbox | None:
    """What is known of that folder; None before the first contact."""
    row = connection.execute(sa.select(mailbox).where(*_is(account, folder))).one_or_none()
    if row is None or row.uidvalidity is None:
        return None
    return Mailbox(account, folder, row.uidvalidity, row.first_contact, row.first_uid)


def keep(connection: Connection, box: Mailbox, waiting: int | None = None) -> None:
    """First contact (with how many mails lay there), another UIDVALIDITY, or a folder looked through."""
    values = {"uidvalidity": box.uidvalidity, "first_contact": box.first_contact, "first_uid": box.first_uid}
    if waiting is not None:
        values["waiting"] = waiting
    _upsert(connection, box.account, box.folder, values)


def succeeded(connection: Connection, account: str, folder: str, now: float) -> None:
    """The mailbox was looked at and nothing is open."""
    _upsert(connection, account, folder, {"last_success": now, "error": None, "error_since": None})


def failed(connection: Connection, account: str, folder: str, error: str, now: float) -> None:
    """It could not be; `error_since` is when that began."""
    statement = conflict_insert(connection, mailbox).values(
        account=account, folder=folder, error=error, error_since=now
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["account", "folder"],
            set_={"error": error, "error_since": sa.func.coalesce(mailbox.c.error_since, now)},
        )
    )


def _upsert(connection: Connection, account: str, folder: str, values: dict[str, int | float | None]) -> None:
    statement = conflict_insert(connection, mailbox).values(account=account, folder=folder, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["account", "folder"], set_=values))


def known(connection: Connection, box: Mailbox, uids: Collection[int]) -> set[int]:
    """Which of these have been taken."""
    query = sa.select(imap_message.c.uid).where(*_under(box), imap_message.c.uid.in_(uids))
    return set(connection.execute(query).scalars())


def unsettled(connection: Connection, box: Mailbox) -> list[int]:
    """The UIDs of what was taken and is still to be moved, flagged or deleted."""
    query = sa.select(imap_message.c.uid).where(*_under(box), imap_message.c.settled.is_(False))
    return list(connection.execute(query.order_by(imap_message.c.uid)).scalars())


def settle(connection: Connection, box: Mailbox, uids: Collection[int]) -> None:
    """Nothing more is to be done with these at the server."""
    if uids:
        connection.execute(imap_message.update().where(*_under(box), imap_message.c.uid.in_(uids)).values(settled=True))


def take(connection: Connection, box: Mailbox, mails: Sequence[Taken], now: float) -> list[int]:
    """Write mails to the journal, each once (TX 1): the UIDs to move, flag or delete after the commit.

    While the folder is looked through, bytes that this folder gave under an older UIDVALIDITY are that same arrival:
    its new UID is noted, and there is no new row. Of equal mails each one counts once.
    """
    again = _again(connection, box, mails) if box.first_uid is None else {}
    fresh = [mail for index, mail in enumerate(mails) if index not in again]
    journal.append(connection, [mail.entry for mail in fresh], now)
    settle(connection, box, [_uid(mail.arrival) for mail in fresh if mail.stays])
    if again:
        rows = [
            {
                "account": box.account,
                "folder": box.folder,
                "uidvalidity": box.uidvalidity,
                "uid": _uid(mails[index].arrival),
                "journal_id": journal_id,
                "settled": settled or mails[index].stays,
            }
            for index, (journal_id, settled) in again.items()
        ]
        connection.execute(imap_message.insert(), rows)
    done = {index for index, (_, settled) in again.items() if settled}
    return [_uid(mail.arrival) for index, mail in enumerate(mails) if index not in done and not mail.stays]


def _again(connection: Connection, box: Mailbox, mails: Sequence[Taken]) -> dict[int, tuple[int, bool]]:
    """Which of these stood here under an older UIDVALIDITY: index to (journal id, whether that one was settled)."""
    hashes = [mail.entry.content_hash for mail in mails]
    rows = connection.execute(
        sa.select(journal_table.c.content_hash, journal_table.c.id)
        .where(journal_table.c.content_hash.in_(hashes))
        .order_by(journal_table.c.id)
    ).all()
    if not rows:
        return {}
    seen: dict[int, bool] = {}
    noted: set[int] = set()
    for row in connection.execute(
        sa.select(imap_message.c.journal_id, imap_message.c.uidvalidity, imap_message.c.settled).where(
            imap_message.c.account == box.account,
            imap_message.c.folder == box.folder,
            imap_message.c.journal_id.in_([row.id for row in rows]),
        )
    ):
        if row.uidvalidity == box.uidvalidity:
            noted.add(row.journal_id)
        else:
            seen[row.journal_id] = row.settled
    candidates: dict[str, list[int]] = defaultdict(list)
    for row in reversed(rows):
        if row.id in seen and row.id not in noted:
            candidates[row.content_hash].append(row.id)
    found: dict[int, tuple[int, bool]] = {}
    for index, value in enumerate(hashes):
        if candidates[value]:
            journal_id = candidates[value].pop()
            found[index] = journal_id, seen[journal_id]
    return found


def renewed(box: Mailbox, uidvalidity: int) -> Mailbox:
    """The same folder under another UIDVALIDITY: to be looked through (RFC 9051 section 2.3.1.1)."""
    return replace(box, uidvalidity=uidvalidity, first_uid=None)


def with_first_uid(box: Mailbox, first_uid: int) -> Mailbox:
    """The same folder, looked through: from `first_uid` on everything is new."""
    return replace(box, first_uid=first_uid)


def _uid(arrival: Arrival) -> int:
    assert isinstance(arrival.imap, ImapUid)
    return arrival.imap.uid


def _is(account: str, folder: str) -> tuple[sa.ColumnElement[bool], ...]:
    return mailbox.c.account == account, mailbox.c.folder == folder


def _under(box: Mailbox) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        imap_message.c.account == box.account,
        imap_message.c.folder == box.folder,
        imap_message.c.uidvalidity == box.uidvalidity,
    )
