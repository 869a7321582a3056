"""The journal: every arrival is a row before anybody is told that we have it, and stays one for ever.

States: `new` (to do, or in hand under a lease), `done` (it has an outcome), `parked` (a person has to look).
A claim moves `due` forward; whoever dies with it in hand gives it back by time.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from routing.mail import REPEAT_SECONDS, Envelope, Evidence
from storage import tally
from storage.database import insert_or_ignore
from storage.tables import imap_message, journal, journal_raw

UNVERIFIED_SECONDS = 3600.0  # a mail that nobody could verify for so long is worked without
RETRY_SECONDS = 5 * 86400.0  # a sender whose 250 was never written tries again for days (RFC 5321 section 4.5.4.1)


@dataclass(frozen=True, slots=True)
class ImapUid:
    """One message at an IMAP server: a delivery is (account, UIDVALIDITY, UID)."""

    account: str
    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail at a door, not yet ours. `received_at` by the mailbox's clock; None means the moment of the commit."""

    door: str
    peer: str
    mail_from: str
    rcpt_to: tuple[str, ...]
    raw: bytes
    has_message_id: bool
    received_at: float | None = None
    imap: ImapUid | None = None
    note: str | None = None  # what the door has to say: what stayed behind, a substitute text
    parked: bool = False  # not a mail at all (a server's substitute text): for a person to see
    verify: bool = False  # its door asks that the author is checked here


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an arrival stands in the journal; `fresh` False: it already stood there."""

    journal_id: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """An arrival as the journal knows it again: the digest of its bytes and of its envelope or account."""

    arrival: Arrival
    content_hash: str

    @property
    def key(self) -> str:
        """The same for the same arrival."""
        imap = self.arrival.imap
        return self.content_hash if imap is None else f"imap:{imap.account}:{imap.folder}:{imap.uidvalidity}:{imap.uid}"

    @property
    def is_nameless(self) -> bool:
        """Whether only time tells a second try from a second mail."""
        return self.arrival.imap is None and not self.arrival.has_message_id


def entry(arrival: Arrival) -> Entry:
    """An arrival with its digest: what takes time is done before a transaction begins.

    What has a Message-ID and comes by two doors has arrived twice; without one only its bytes tell.
    """
    digest = hashlib.sha256(arrival.raw)
    if arrival.imap is None:
        digest.update(repr((arrival.mail_from.lower(), sorted(a.lower() for a in arrival.rcpt_to))).encode())
        if arrival.has_message_id:
            digest.update(arrival.door.encode())
    else:
        digest.update(arrival.imap.account.encode())
    return Entry(arrival, digest.hexdigest())


def append(connection: Connection, entries: Sequence[Entry], now: float) -> list[Stored]:
    """Write arrivals, each once (TX 1): one Stored for each, in order. The caller commits, then acknowledges.

    By IMAP the same arrival is the same (account, UIDVALIDITY, UID); by SMTP the same envelope and bytes at one door,
    and without a Message-ID only while that 250 may not have been written, or within ten minutes (MAIL 1, RFC 1047).
    """
    known = _known(connection, entries, now)
    stored: list[Stored | None] = [None] * len(entries)
    rows: list[dict[str, Any]] = []
    fresh: list[int] = []
    for index, each in enumerate(entries):
        arrival, key = each.arrival, each.key
        if (before := known.get(key)) is not None:
            stored[index] = Stored(before, fresh=False)
            continue
        known[key] = -index - 1  # a twin in this same commit
        fresh.append(index)
        verify = arrival.verify and not arrival.parked
        received = now if arrival.received_at is None else arrival.received_at
        rows.append(
            {
                "door": arrival.door,
                "peer": arrival.peer,
                "mail_from": arrival.mail_from,
                "rcpt_to": list(arrival.rcpt_to),
                "received_at": min(received, now),  # none arrives later than now
                "told_at": received if received > now else None,
                "journaled_at": now,
                "size": len(arrival.raw),
                "arrival_key": key if arrival.imap or arrival.has_message_id else None,
                "content_hash": each.content_hash,
                "acknowledged": arrival.imap is not None,
                "state": "parked" if arrival.parked else "new",
                "due": now + UNVERIFIED_SECONDS if verify else now,
                "attempt": 0,
                "verify_due": now if verify else None,
                "verify_attempt": 0,
                "note": arrival.note,
            }
        )
    if rows:
        statement = journal.insert().returning(journal.c.id, sort_by_parameter_order=True)
        ids = list(connection.execute(statement, rows).scalars())
        connection.execute(
            journal_raw.insert(),
            [{"journal_id": i, "raw": entries[n].arrival.raw} for n, i in zip(fresh, ids, strict=True)],
        )
        for index, journal_id in zip(fresh, ids, strict=True):
            stored[index] = Stored(journal_id, fresh=True)
        tally.count(connection, Counter(("received", row["door"]) for row in rows))
    result = []
    for found in stored:
        assert found is not None
        if found.journal_id < 0:
            twin = stored[-found.journal_id - 1]
            assert twin is not None
            found = Stored(twin.journal_id, fresh=False)
        result.append(found)
    insert_or_ignore(
        connection,
        imap_message,
        [
            {
                "account": imap.account,
                "folder": imap.folder,
                "uidvalidity": imap.uidvalidity,
                "uid": imap.uid,
                "journal_id": there.journal_id,
                "settled": False,
            }
            for each, there in zip(entries, result, strict=True)
            if (imap := each.arrival.imap) is not None
        ],
    )
    return result


def _known(connection: Connection, entries: Sequence[Entry], now: float) -> dict[str, int]:
    """Arrivals that already stand in the journal, by key."""
    nameless = [each.content_hash for each in entries if each.is_nameless]
    if nameless and connection.dialect.name == "postgresql":  # two doors may hold the same bytes at once
        numbers = [int(value[:15], 16) for value in sorted(nameless)]
        number = sa.func.unnest(sa.bindparam(None, numbers, type_=sa.ARRAY(sa.BigInteger))).column_valued()
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))
    keys = [each.key for each in entries]
    known: dict[str, int] = {
        key: journal_id
        for key, journal_id in connection.execute(
            sa.select(journal.c.arrival_key, journal.c.id).where(journal.c.arrival_key.in_(keys))
        )
    }
    if nameless:
        recent = journal.c.journaled_at >= now - REPEAT_SECONDS
        unanswered = sa.and_(journal.c.acknowledged.is_(False), journal.c.journaled_at >= now - RETRY_SECONDS)
        known.update(
            (value, journal_id)
            for value, journal_id in connection.execute(
                sa.select(journal.c.content_hash, journal.c.id)
                .where(journal.c.content_hash.in_(nameless), sa.or_(recent, unanswered))
                .order_by(journal.c.id)
            )
        )
    return known


def acknowledge(connection: Connection, journal_ids: Sequence[int]) -> None:
    """These 250s were written; it rides with the next commit of the door."""
    if journal_ids:
        connection.execute(journal.update().where(journal.c.id.in_(journal_ids)).values(acknowledged=True))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the door saw and stored of one arrival."""

    envelope: Envelope
    raw: bytes
    released: bool
    evidence: Evidence | None


def arrivals(connection: Connection, journal_ids: Sequence[int]) -> dict[int, Loaded]:
    """Arrivals by their journal ids."""
    rows = connection.execute(
        sa.select(
            journal.c.id,
            journal.c.door,
            journal.c.peer,
            journal.c.mail_from,
            journal.c.rcpt_to,
            journal.c.received_at,
            journal.c.journaled_at,
            journal.c.note,
            journal.c.released,
            journal.c.evidence,
            journal_raw.c.raw,
        )
        .join(journal_raw, journal_raw.c.journal_id == journal.c.id)
        .where(journal.c.id.in_(journal_ids))
    )
    return {
        row.id: Loaded(
            Envelope(
                row.door, row.peer, row.mail_from, tuple(row.rcpt_to), row.received_at, row.journaled_at, row.note
            ),
            bytes(row.raw),
            row.released,
            _evidence(row.evidence),
        )
        for row in rows
    }


def _evidence(stored: dict[str, Any] | None) -> Evidence | None:
    """Evidence as an older or newer program wrote it: what this one does not know is left out."""
    if not stored:
        return None
    return Evidence(**{name: stored[name] for name in Evidence.__slots__ if name in stored})


def raw(connection: Connection, journal_id: int) -> bytes | None:
    """The mail as it came, or None where there is no such row."""
    return connection.execute(
        sa.select(journal_raw.c.raw).where(journal_raw.c.journal_id == journal_id)
    ).scalar_one_or_none()
