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

from routing.mail import REPEAT_SECONDS, Claim, Envelope, Evidence
from storage import tally
from storage.database import insert_or_ignore
from storage.tables import counter, imap_message, journal, journal_raw

UNVERIFIED_SECONDS = 3600.0  # a mail that nobody could verify for so long is worked without
LEASE_SECONDS = 30.0  # a dead process gives back what it held after this long, or when the daemon starts again
BATCH_MAILS = 64  # beyond it a batch saves nothing more, and holds up its first mail
BATCH_BYTES = 8_000_000  # a worker holds a batch in memory, parsed
RETRY_SECONDS = 5 * 86400.0  # a sender whose 250 was never written tries again for days (RFC 5321 section 4.5.4.1)
MOST_DEATHS = 5  # a row in whose hands the process died that often is parked
IDS_A_MAIL = 2  # its article, and its acknowledgement


@dataclass(frozen=True, slots=True)
class ImapUid:
    """One message at an IMAP server: a delivery is (account, UIDVALIDITY, UID)."""

    account: str
    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail at a door, not yet ours. `received_at` None means the moment of the commit."""

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


def content_hash(arrival: Arrival) -> str:
    digest = hashlib.sha256(arrival.raw)
    if arrival.imap is None:
        digest.update(repr((arrival.mail_from.lower(), sorted(a.lower() for a in arrival.rcpt_to))).encode())
    else:
        digest.update(arrival.imap.account.encode())
    return digest.hexdigest()


def append(connection: Connection, arrivals: Sequence[Arrival], now: float) -> list[Stored]:
    """Write arrivals, each once (TX 1): one Stored for each, in order. The caller commits, then acknowledges.

    By IMAP the same arrival is the same (account, UIDVALIDITY, UID); by SMTP the same envelope and bytes, and
    without a Message-ID only while that 250 may not have been written, or within ten minutes (MAIL 1, RFC 1047).
    """
    hashes = [content_hash(arrival) for arrival in arrivals]
    if connection.dialect.name == "postgresql":  # two doors may hold the same bytes at once
        for value in sorted({h for a, h in zip(arrivals, hashes, strict=True) if a.imap is None}):
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(int(value[:15], 16))))
    known = _known(connection, arrivals, hashes, now)
    stored: list[Stored | None] = [None] * len(arrivals)
    rows: list[dict[str, Any]] = []
    fresh: list[int] = []
    for index, (arrival, value) in enumerate(zip(arrivals, hashes, strict=True)):
        key = _key(arrival, value)
        if (found := known.get(key)) is not None:
            stored[index] = Stored(found, fresh=False)
            continue
        known[key] = -index - 1  # a twin in this same commit
        fresh.append(index)
        verify = arrival.verify and not arrival.parked
        rows.append(
            {
                "door": arrival.door,
                "peer": arrival.peer,
                "mail_from": arrival.mail_from,
                "rcpt_to": list(arrival.rcpt_to),
                "received_at": now if arrival.received_at is None else arrival.received_at,
                "journaled_at": now,
                "size": len(arrival.raw),
                "arrival_key": key if arrival.imap or arrival.has_message_id else None,
                "content_hash": value,
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
            [{"journal_id": i, "raw": arrivals[n].raw} for n, i in zip(fresh, ids, strict=True)],
        )
        for index, journal_id in zip(fresh, ids, strict=True):
            stored[index] = Stored(journal_id, fresh=True)
        tally.count(connection, Counter(("received", row["door"]) for row in rows))
    result = []
    for entry in stored:
        assert entry is not None
        if entry.journal_id < 0:
            twin = stored[-entry.journal_id - 1]
            assert twin is not None
            entry = Stored(twin.journal_id, fresh=False)
        result.append(entry)
    insert_or_ignore(
        connection,
        imap_message,
        [
            {
                "account": a.imap.account,
                "folder": a.imap.folder,
                "uidvalidity": a.imap.uidvalidity,
                "uid": a.imap.uid,
                "journal_id": s.journal_id,
                "settled": False,
            }
            for a, s in zip(arrivals, result, strict=True)
            if a.imap is not None
        ],
    )
    return result


def _key(arrival: Arrival, value: str) -> str:
    if arrival.imap is not None:
        return f"imap:{arrival.imap.account}:{arrival.imap.folder}:{arrival.imap.uidvalidity}:{arrival.imap.uid}"
    return value


def _known(connection: Connection, arrivals: Sequence[Arrival], hashes: Sequence[str], now: float) -> dict[str, int]:
    """Arrivals that already stand in the journal, by key."""
    keys = [_key(a, h) for a, h in zip(arrivals, hashes, strict=True)]
    known: dict[str, int] = {
        key: journal_id
        for key, journal_id in connection.execute(
            sa.select(journal.c.arrival_key, journal.c.id).where(journal.c.arrival_key.in_(keys))
        )
    }
    nameless = [h for a, h in zip(arrivals, hashes, strict=True) if a.imap is None and not a.has_message_id]
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
class Claimed:
    """A claimed row: the claim, the envelope and the raw mail."""

    claim: Claim
    envelope: Envelope
    raw: bytes
    released: bool = False  # a person let it out of quarantine
    evidence: Evidence | None = None  # what `verify` found, or what counted when it was settled before


def is_due(connection: Connection, now: float) -> bool:
    """Whether there is anything to claim; cheap, and takes no lock."""
    return (
        connection.execute(
            sa.select(journal.c.id).where(journal.c.state == "new", journal.c.due <= now).limit(1)
        ).first()
        is not None
    )


def still_held(connection: Connection, claims: Sequence[Claim]) -> set[int]:
    """Of these claims, the journal ids that nobody took over."""
    attempts = {held.journal_id: held.attempt for held in claims}
    rows = connection.execute(
        sa.select(journal.c.id, journal.c.attempt).where(journal.c.id.in_(sorted(attempts)), journal.c.state == "new")
    )
    return {row.id for row in rows if row.attempt == attempts[row.id]}


def claim(connection: Connection, owner: str, now: float) -> list[Claim]:
    """Take due mails under a lease (TX 2), oldest first: attempt + 1, ticket and article ids reserved.

    At most 64 mails or 8 MB. A row with an earlier attempt is taken alone, so that a mail which kills the process
    cannot take others with it; one that was tried five times without an end is parked here.
    """
    due = (
        sa.select(*CLAIMED, journal.c.size)
        .where(journal.c.state == "new", journal.c.due <= now)
        .order_by(journal.c.due, journal.c.id)
        .limit(BATCH_MAILS)
        .with_for_update(skip_locked=True)
    )
    rows = without_doomed(connection, connection.execute(due).all(), now)
    taken: list[Any] = []
    total = 0
    for row in rows:
        if taken and (row.attempt or total + row.size > BATCH_BYTES):
            break
        taken.append(row)
        total += row.size
        if row.attempt:
            break
    return take(connection, taken, owner, now)


CLAIMED = (journal.c.id, journal.c.attempt, journal.c.ticket_id, journal.c.article_id)  # what `take` has to see


def without_doomed(connection: Connection, rows: Sequence[Any], now: float) -> list[Any]:
    """The rows but those in whose hands the process died again and again, which are parked."""
    doomed = [row.id for row in rows if row.attempt >= MOST_DEATHS]
    if doomed:
        park(connection, doomed, f"the process died {MOST_DEATHS} times with this mail in hand", now)
    return [row for row in rows if row.attempt < MOST_DEATHS]


def take(connection: Connection, rows: Sequence[Any], owner: str, now: float) -> list[Claim]:
    """Rows that were seen in this transaction are in that owner's hands: a lease, attempt + 1, their ids reserved."""
    if not rows:
        return []
    fresh = [row.id for row in rows if row.ticket_id is None]
    tickets = iter(range(reserve(connection, "ticket", len(fresh)), 1 << 62)) if fresh else iter(())
    articles = (
        iter(range(reserve(connection, "article", len(fresh) * IDS_A_MAIL), 1 << 62, IDS_A_MAIL)) if fresh else iter(())
    )
    claims = [
        Claim(row.id, row.attempt + 1, next(tickets), next(articles), now)
        if row.ticket_id is None
        else Claim(row.id, row.attempt + 1, row.ticket_id, row.article_id, now)
        for row in rows
    ]
    connection.execute(
        journal.update()
        .where(journal.c.id == sa.bindparam("b_id"))
        .values(
            attempt=sa.bindparam("b_attempt"),
            due=now + LEASE_SECONDS,
            owner=owner,
            ticket_id=sa.bindparam("b_ticket"),
            article_id=sa.bindparam("b_article"),
        ),
        [
            {"b_id": c.journal_id, "b_attempt": c.attempt, "b_ticket": c.ticket_id, "b_article": c.article_id}
            for c in claims
        ],
    )
    return claims


def renew(connection: Connection, claims: Sequence[Claim], now: float) -> None:
    """What is still in hand stays there for another lease."""
    connection.execute(
        journal.update()
        .where(
            journal.c.id == sa.bindparam("b_id"),
            journal.c.attempt == sa.bindparam("b_attempt"),
            journal.c.state == "new",
        )
        .values(due=now + LEASE_SECONDS),
        [{"b_id": c.journal_id, "b_attempt": c.attempt} for c in claims],
    )


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the door saw and stored of one arrival."""

    envelope: Envelope
    raw: bytes
    released: bool
    evidence: Evidence | None


def load(connection: Connection, claims: Sequence[Claim]) -> list[Claimed]:
    """What was claimed, with its envelope and raw mail, in the order of the claims."""
    found = arrivals(connection, [c.journal_id for c in claims])
    return [
        Claimed(c, one.envelope, one.raw, one.released, one.evidence)
        for c in claims
        if (one := found.get(c.journal_id)) is not None
    ]


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


def reserve(connection: Connection, name: str, count: int) -> int:
    """`count` consecutive numbers of that counter; the first of them."""
    value = connection.execute(
        counter.update().where(counter.c.name == name).values(value=counter.c.value + count).returning(counter.c.value)
    ).scalar_one()
    return int(value) - count + 1


def give_back(connection: Connection, name: str, unused: Sequence[int]) -> None:
    """Reserved numbers that nothing took, if nobody reserved others since: people look for the numbers in a gap."""
    if unused and unused[-1] - unused[0] == len(unused) - 1:
        connection.execute(
            counter.update().where(counter.c.name == name, counter.c.value == unused[-1]).values(value=unused[0] - 1)
        )


def release(connection: Connection, claims: Sequence[Claim], now: float) -> None:
    """Give claims back unworked and uncounted: an outage of the database is no mail's fault."""
    for held in claims:
        connection.execute(
            journal.update()
            .where(journal.c.id == held.journal_id, journal.c.attempt == held.attempt, journal.c.state == "new")
            .values(attempt=journal.c.attempt - 1, due=now, owner=None)
        )


def release_all(connection: Connection, owner: str, now: float) -> int:
    """End the leases of every process of that daemon: it starts anew, and they are dead. How many there were."""
    done = connection.execute(
        journal.update()
        .where(journal.c.state == "new", journal.c.owner.startswith(owner, autoescape=True))
        .values(due=now, owner=None)
    )
    return done.rowcount


def fail(connection: Connection, held: Claim, error: str, now: float, retry_seconds: float) -> None:
    """A try failed by the mail's own fault; it comes again after `retry_seconds`."""
    connection.execute(
        journal.update()
        .where(journal.c.id == held.journal_id, journal.c.attempt == held.attempt, journal.c.state == "new")
        .values(due=now + retry_seconds, owner=None, error=error)
    )


def park(connection: Connection, journal_ids: Sequence[int], error: str | None, now: float) -> None:
    """Set mails aside for a person to look at, with what went wrong."""
    values: dict[str, Any] = {"state": "parked", "owner": None, "due": now}
    if error is not None:
        values["error"] = sa.func.coalesce(journal.c.error, error)
    wanted = sa.and_(journal.c.id.in_(journal_ids), journal.c.state == "new")
    done = connection.execute(journal.update().where(wanted).values(values))
    tally.count(connection, {("worked", "parked"): done.rowcount})


def retry(connection: Connection, journal_ids: Sequence[int], now: float) -> int:
    """Parked mails go back to `new`; how many did."""
    done = connection.execute(
        journal.update()
        .where(journal.c.id.in_(journal_ids), journal.c.state == "parked")
        .values(state="new", due=now, attempt=0, error=None, owner=None)
    )
    return done.rowcount


def raw(connection: Connection, journal_id: int) -> bytes | None:
    """The mail as it came, or None where there is no such row."""
    return connection.execute(
        sa.select(journal_raw.c.raw).where(journal_raw.c.journal_id == journal_id)
    ).scalar_one_or_none()
