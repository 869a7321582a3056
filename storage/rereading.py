"""After a restore: which mails of a folder that mails were filed into the backup knows, and what the others become."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import epochs, journal
from storage.epochs import Restored
from storage.journal import ImapUid
from storage.mailboxes import Taken
from storage.tables import imap_message, mailbox, reread
from storage.tables import journal as journal_table


@dataclass(frozen=True, slots=True)
class Filed:
    """A folder that mails of an account are moved into, under one UIDVALIDITY."""

    account: str
    folder: str
    uidvalidity: int


def due(connection: Connection, account: str, folder: str) -> Restored | None:
    """The restore since which that folder has not been looked through."""
    begun = epochs.latest(connection)
    if begun is None:
        return None
    done = sa.select(reread.c.finished).where(
        reread.c.restore_id == begun.id, reread.c.account == account, reread.c.folder == folder
    )
    return None if connection.execute(done).first() else begun


def first_contact(connection: Connection, account: str) -> float | None:
    """When that account was first met; seconds since 1970 UTC."""
    met = sa.select(sa.func.min(mailbox.c.first_contact)).where(mailbox.c.account == account)
    first: float | None = connection.execute(met).scalar_one()
    return first


def known(connection: Connection, filed: Filed, keys: Mapping[int, str]) -> set[int]:
    """Of these UIDs, with the key of each mail's sameness, those whose mail stands in the journal."""
    wanted = sorted({key for key in keys.values() if key})
    there = set(
        connection.execute(sa.select(journal_table.c.mail_key).where(journal_table.c.mail_key.in_(wanted))).scalars()
    )
    return {uid for uid, key in keys.items() if key in there} | taken(connection, filed, keys)


def taken(connection: Connection, filed: Filed, uids: Collection[int]) -> set[int]:
    """Of these UIDs, those that were taken from this folder."""
    rows = sa.select(imap_message.c.uid).where(*_under(filed), imap_message.c.uid.in_(uids))
    return set(connection.execute(rows).scalars())


def take(connection: Connection, filed: Filed, mails: Sequence[Taken], now: float) -> None:
    """Write mails to the journal that it does not have; of equal ones each counts once. Nothing is done at the server.

    Bytes that this account gave before are that same arrival: the UID is noted, and there is no new row.
    """
    again = _again(connection, filed, mails)
    journal.append(connection, [mail.entry for index, mail in enumerate(mails) if index not in again], now)
    rows = [
        {
            "account": filed.account,
            "folder": filed.folder,
            "uidvalidity": filed.uidvalidity,
            "uid": _uid(mails[index]),
            "journal_id": journal_id,
            "settled": True,
        }
        for index, journal_id in again.items()
    ]
    if rows:
        connection.execute(imap_message.insert(), rows)
    connection.execute(
        imap_message.update()
        .where(*_under(filed), imap_message.c.uid.in_([_uid(mail) for mail in mails]))
        .values(settled=True)
    )


def _again(connection: Connection, filed: Filed, mails: Sequence[Taken]) -> dict[int, int]:
    """Which of these are arrivals of before: index to journal id."""
    hashes = [mail.entry.content_hash for mail in mails]
    rows = connection.execute(
        sa.select(journal_table.c.content_hash, journal_table.c.id)
        .where(journal_table.c.content_hash.in_(hashes))
        .order_by(journal_table.c.id.desc())
    ).all()
    noted = set(
        connection.execute(
            sa.select(imap_message.c.journal_id).where(
                *_under(filed), imap_message.c.journal_id.in_([row.id for row in rows])
            )
        ).scalars()
    )
    free: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.id not in noted:
            free[row.content_hash].append(row.id)
    return {index: free[value].pop() for index, value in enumerate(hashes) if free[value]}


def finish(connection: Connection, begun: Restored, filed: Filed, seen: int, now: float) -> int:
    """The folder is looked through: `seen` mails lay there. How many of them were not known."""
    key = f"imap:{filed.account}:{filed.folder}:{filed.uidvalidity}:"
    fresh = sa.and_(
        journal_table.c.arrival_key.startswith(key, autoescape=True), journal_table.c.journaled_at >= begun.restored
    )
    found = connection.execute(sa.select(sa.func.count()).select_from(journal_table).where(fresh)).scalar_one()
    row = {"restore_id": begun.id, "account": filed.account, "folder": filed.folder}
    connection.execute(reread.insert(), {**row, "finished": now, "seen": seen, "found": found})
    return int(found)


def _uid(mail: Taken) -> int:
    assert isinstance(mail.arrival.imap, ImapUid)
    return mail.arrival.imap.uid


def _under(filed: Filed) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        imap_message.c.account == filed.account,
        imap_message.c.folder == filed.folder,
        imap_message.c.uidvalidity == filed.uidvalidity,
    )
