"""The outbox: every mail of ours is a row, written in the transaction that caused it, and stays one for ever.

States: `held` (waits for something named in held_for), `pending` and `deferred` (to be sent, or in hand under a lease),
`sent`, `failed`, `bounced`. A claim moves `due` forward; whoever dies with it in hand gives it back by time. What
became of a letter is fenced by owner and attempt, so a late word about an earlier try changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import epochs, suppression
from storage.change import RANKS, TO_PARTNERS, HeldFor, Letter, Mark
from storage.database import Conflict, insert_or_ignore
from storage.tables import beat, letter_body, outbox, thread_key

LEASE_SECONDS = 60.0  # a dead process gives back what it held after this long, or when its daemon starts again
CLAIM_BYTES = 20_000_000  # of letters in memory: one with the largest attachments, or thousands without
FIRST_WAIT = 60.0  # after a temporary refusal; doubles with each one (RFC 5321 section 4.5.4.1)
LONGEST_WAIT = 3600.0
GIVE_UP_SECONDS = 5 * 86400.0  # RFC 5321 section 4.5.4.1: four to five days
LONGEST_ERROR = 500  # characters of a relay's answer that are kept

TO_SEND = ("pending", "deferred")
_TO_A_PARTNER = sa.or_(*(outbox.c.event == event for event in TO_PARTNERS))  # IN cannot be written many at a time
_RANKS = tuple(sorted(set(RANKS.values())))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A letter in hand. `headers` ends with the empty line; addresses as they were written."""

    id: int
    attempt: int
    recipient: str
    envelope_from: str
    message_id: str
    headers: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """The relay took it; `renamed` is the Message-ID that it gave it instead of ours."""

    id: int
    attempt: int
    status: str | None = None
    renamed: str | None = None


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now. `counts` False: it was not tried, or the relay was away; the letter goes back as it was."""

    id: int
    attempt: int
    error: str
    status: str | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """Never: the relay refused it for good."""

    id: int
    attempt: int
    error: str
    status: str | None = None


Result = Sent | Deferred | Failed


def write_letters(connection: Connection, letters: Sequence[Letter], now: float) -> None:
    """Write letters, each Message-ID once, a body that several share once. The caller commits."""
    if not letters:
        return
    digests: dict[bytes, str] = {}
    rows: list[dict[str, Any]] = []
    restored = epochs.holds(connection, [letter.time for letter in letters])
    for letter, held in zip(letters, restored, strict=True):
        held_for = letter.held_for or ("restore" if held else None)
        digest = digests.get(letter.body)
        if digest is None:
            digest = digests[letter.body] = hashlib.sha256(letter.body).hexdigest()
        rows.append(
            {
                "event": letter.event,
                "ticket_id": letter.ticket_id,
                "article_id": letter.article_id,
                "recipient": letter.recipient,
                "envelope_from": letter.envelope_from,
                "message_id": letter.message_id,
                "subject": letter.subject,
                "headers": letter.headers,
                "body_sha256": digest,
                "state": "held" if held_for else "pending",
                "held_for": held_for,
                "rank": RANKS[letter.event],
                "caused_at": letter.time,
                "limited": letter.limited,
                "created": now,
                "due": now,
                "owner": None,
                "attempt": 0,
                "updated": now,
            }
        )
    insert_or_ignore(
        connection, letter_body, [{"sha256": d, "body": b} for b, d in sorted(digests.items(), key=_digest)]
    )
    insert_or_ignore(connection, outbox, rows)


def _digest(item: tuple[bytes, str]) -> str:
    return item[1]  # in one order, so that two writers of the same bodies cannot lock each other out


def is_due(connection: Connection, now: float) -> bool:
    """Whether there is a letter to send."""
    return (
        connection.execute(
            sa.select(outbox.c.id)
            .where(outbox.c.state.in_(TO_SEND), outbox.c.rank.in_(_RANKS), outbox.c.due <= now, ~epochs.IS_FROZEN)
            .limit(1)
        ).first()
        is not None
    )


def claim(connection: Connection, owner: str, now: float, limit: int, but: Collection[int] = ()) -> list[Outgoing]:
    """Take at most `limit` due letters under a lease: answers before acknowledgements before notices, oldest first.

    No more than 20 MB at once; a larger letter comes alone. What goes to a suppressed address fails here. `but`: what
    the caller still holds; where the clock steps, its leases seem to have run out.
    """
    due = _wanted(
        connection, [row for state in TO_SEND for row in connection.execute(_due(state, now, limit, but))], now
    )
    ids: list[int] = []
    total = 0
    for row in sorted(due, key=lambda row: (row.rank, row.due, row.id))[:limit]:
        total += row.size
        if ids and total > CLAIM_BYTES:
            break
        ids.append(row.id)
    if not ids:
        return []
    connection.execute(
        outbox.update()
        .where(outbox.c.id.in_(ids))
        .values(attempt=outbox.c.attempt + 1, due=now + LEASE_SECONDS, owner=owner)
    )
    rows = connection.execute(
        sa.select(
            outbox.c.id,
            outbox.c.attempt,
            outbox.c.recipient,
            outbox.c.envelope_from,
            outbox.c.message_id,
            outbox.c.headers,
            letter_body.c.body,
        )
        .join(letter_body, letter_body.c.sha256 == outbox.c.body_sha256)
        .where(outbox.c.id.in_(ids))
    )
    found = {row.id: Outgoing(*row) for row in rows}
    return [found[letter_id] for letter_id in ids]


def _wanted(connection: Connection, due: Sequence[Any], now: float) -> list[Any]:
    """The rows whose address exists; the others fail, with what to do. Staff are always written to."""
    found = suppression.find(connection, {row.recipient for row in due if row.event in TO_PARTNERS})
    if not found:
        return list(due)
    gone = [row for row in due if row.event in TO_PARTNERS and row.recipient.lower() in found]
    for row in gone:
        entry = found[row.recipient.lower()]
        connection.execute(
            outbox.update()
            .where(outbox.c.id == row.id)
            .values(
                state="failed",
                status=entry.status,
                error="suppressed: a mail to this address came back, there is none of that name; "
                f"`mailgate outbox suppressed lift {entry.address}` allows it again",
                tell=True,
                owner=None,
                updated=now,
            )
        )
    lost = {row.id for row in gone}
    return [row for row in due if row.id not in lost]


def _due(state: str, now: float, limit: int, but: Collection[int]) -> sa.Select[tuple[int, int, float, str, str, int]]:
    """One state at a time, so that an index which begins with it gives the order."""
    return (
        sa.select(
            outbox.c.id,
            outbox.c.rank,
            outbox.c.due,
            outbox.c.event,
            outbox.c.recipient,
            sa.func.length(letter_body.c.body).label("size"),
        )
        .join(letter_body, letter_body.c.sha256 == outbox.c.body_sha256)
        .where(outbox.c.state == state, outbox.c.rank.in_(_RANKS), outbox.c.due <= now, outbox.c.id.not_in(but))
        .where(~epochs.IS_FROZEN)
        .order_by(outbox.c.rank, outbox.c.due, outbox.c.id)
        .limit(limit)
        .with_for_update(of=outbox, skip_locked=True)
    )


def renew(connection: Connection, owner: str, ids: Sequence[int], now: float) -> None:
    """These are still in hand: a slow relay is no reason for another process to send them too."""
    connection.execute(
        outbox.update()
        .where(outbox.c.id.in_(ids), outbox.c.owner == owner, outbox.c.state.in_(TO_SEND))
        .values(due=now + LEASE_SECONDS)
    )


def record(connection: Connection, owner: str, results: Sequence[Result], now: float) -> list[Result]:
    """Write what became of letters; which of them failed for good, those given up after five days among them."""
    failed: list[Result] = []
    rows: list[dict[str, Any]] = []
    back: list[dict[str, Any]] = []
    ages = _created(connection, [r.id for r in results if isinstance(r, Deferred) and r.counts])
    for result in results:
        if isinstance(result, Deferred) and not result.counts:
            back.append({"b_id": result.id, "b_attempt": result.attempt})
            continue
        if isinstance(result, Deferred) and now - ages.get(result.id, now) >= GIVE_UP_SECONDS:
            result = Failed(result.id, result.attempt, f"given up after five days: {result.error}", result.status)
        if isinstance(result, Failed):
            failed.append(result)
        rows.append(_row(result, now))
    if rows:
        connection.execute(
            _held_by(owner).values(
                state=sa.bindparam("b_state"),
                status=sa.bindparam("b_status"),
                error=sa.bindparam("b_error"),
                due=sa.bindparam("b_due"),
                tell=sa.case((sa.and_(sa.bindparam("b_failed", type_=sa.Boolean), _TO_A_PARTNER), sa.true())),
                owner=None,
                updated=now,
            ),
            rows,
        )
    if back:
        connection.execute(_held_by(owner).values(attempt=outbox.c.attempt - 1, due=_back(now), owner=None), back)
    _learn_names(connection, [r for r in results if isinstance(r, Sent) and r.renamed])
    return failed


def _back(now: float) -> Any:
    """When a letter that was claimed and not tried is due: one that never was keeps its place among its like."""
    kept = sa.and_(outbox.c.state == "pending", outbox.c.created < now)
    return sa.case((kept, outbox.c.created), else_=now)


def _held_by(owner: str) -> Any:
    return outbox.update().where(
        outbox.c.id == sa.bindparam("b_id"),
        outbox.c.attempt == sa.bindparam("b_attempt"),
        outbox.c.owner == owner,
        sa.or_(
            outbox.c.state == "pending", outbox.c.state == "deferred"
        ),  # a report may have come first: it stays bounced
    )


def _row(result: Result, now: float) -> dict[str, Any]:
    state, error, due = "sent", None, now
    if isinstance(result, Deferred):
        state, error = "deferred", result.error
        due = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(result.attempt - 1, 10))
    elif isinstance(result, Failed):
        state, error = "failed", result.error
    return {
        "b_id": result.id,
        "b_attempt": result.attempt,
        "b_state": state,
        "b_status": result.status,
        "b_error": error[:LONGEST_ERROR] if error else None,
        "b_due": due,
        "b_failed": state == "failed",
    }


def _created(connection: Connection, ids: Sequence[int]) -> dict[int, float]:
    if not ids:
        return {}
    rows = connection.execute(sa.select(outbox.c.id, outbox.c.created).where(outbox.c.id.in_(ids)))
    return {row.id: row.created for row in rows}


def _learn_names(connection: Connection, renamed: Sequence[Sent]) -> None:
    """Answers will name the id that the relay gave: it leads to the same ticket."""
    names = {result.id: result.renamed for result in renamed}
    if not names:
        return
    rows = connection.execute(
        sa.select(outbox.c.id, outbox.c.ticket_id, outbox.c.article_id).where(
            outbox.c.id.in_(names), outbox.c.ticket_id.is_not(None)
        )
    )
    insert_or_ignore(
        connection,
        thread_key,
        [
            {
                "message_id": names[row.id],
                "ticket_id": row.ticket_id,
                "article_id": row.article_id,
                "ours": True,
                "weak": False,
            }
            for row in rows
        ],
    )


def rewriting(connection: Connection) -> bool:
    """Whether the relay has been seen to replace our Message-IDs."""
    return connection.execute(sa.select(thread_key.c.message_id).where(thread_key.c.ours).limit(1)).first() is not None


def release_all(connection: Connection, owner: str, now: float) -> int:
    """End every lease of owners whose name begins so: their daemon starts again, and they are dead. How many."""
    done = connection.execute(
        outbox.update()
        .where(outbox.c.state.in_(TO_SEND), outbox.c.owner.startswith(owner, autoescape=True))
        .values(due=_back(now), owner=None)
    )
    return done.rowcount


# --- by a person ------------------------------------------------------------------------------------------------


def release(connection: Connection, ids: Sequence[int], now: float) -> int:
    """Held letters go out; their five days begin now. How many."""
    return _to_pending(connection, sa.and_(outbox.c.id.in_(ids), outbox.c.state == "held"), now)


def retry(connection: Connection, ids: Sequence[int], now: float) -> int:
    """Letters that failed, came back or wait go out now; one that was held when it was discarded is held again. How
    many."""
    states = ("deferred", "failed", "bounced")
    wanted = sa.and_(outbox.c.id.in_(ids), outbox.c.state.in_(states), outbox.c.owner.is_(None))
    held = sa.and_(wanted, outbox.c.held_for.is_not(None))
    back = connection.execute(outbox.update().where(held).values(state="held", error=None, updated=now)).rowcount
    return back + _to_pending(connection, sa.and_(wanted, outbox.c.held_for.is_(None)), now)


def discard(connection: Connection, ids: Sequence[int], now: float) -> int:
    """Letters that are not sent yet and in nobody's hands never will be; the rows stay, and say so. How many."""
    done = connection.execute(
        outbox.update()
        .where(outbox.c.id.in_(ids), outbox.c.state.in_(("held", *TO_SEND)), outbox.c.owner.is_(None))
        .values(state="failed", status=None, error="discarded by hand", updated=now)
    )
    return done.rowcount


def release_held(connection: Connection, article_id: int, now: float, held_for: HeldFor | None = None) -> int:
    """An answer was confirmed: its letters go out, or wait for what else holds all letters. How many."""
    wanted = sa.and_(outbox.c.article_id == article_id, outbox.c.state == "held", outbox.c.held_for == "confirm")
    if held_for is None:
        return _to_pending(connection, wanted, now)
    return connection.execute(outbox.update().where(wanted).values(held_for=held_for, updated=now)).rowcount


def _to_pending(connection: Connection, wanted: sa.ColumnElement[bool], now: float) -> int:
    done = connection.execute(
        outbox.update()
        .where(wanted)
        .values(
            state="pending",
            held_for=None,
            created=now,
            due=now,
            updated=now,
            attempt=0,
            owner=None,
            status=None,
            error=None,
            tell=None,
        )
    )
    return done.rowcount


# --- failures ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A letter to a partner that failed for good, and whose owner does not know yet."""

    id: int
    ticket_id: int | None
    article_id: int | None
    recipient: str
    status: str | None
    error: str


def untold(connection: Connection, limit: int) -> list[Undelivered]:
    """Failures that nobody was told of, the oldest first."""
    query = (
        sa.select(
            outbox.c.id,
            outbox.c.ticket_id,
            outbox.c.article_id,
            outbox.c.recipient,
            outbox.c.status,
            sa.func.coalesce(outbox.c.error, ""),
        )
        .where(outbox.c.tell)
        .order_by(outbox.c.id)
        .limit(limit)
    )
    return [Undelivered(*row) for row in connection.execute(query)]


def told(connection: Connection, ids: Sequence[int]) -> None:
    """Of these the owner knows. Raises Conflict where somebody else told of one, or it was tried again."""
    done = connection.execute(outbox.update().where(outbox.c.id.in_(ids), outbox.c.tell).values(tell=None))
    if done.rowcount != len(ids):
        raise Conflict("somebody else has told of it")


# --- reports ----------------------------------------------------------------------------------------------------


def mark(connection: Connection, marks: Sequence[Mark], now: float) -> None:
    """What reports say of letters (RFC 3464): failed makes them bounced, delayed is noted; receipts change nothing."""
    for report in marks:
        letter = outbox.c.message_id == report.message_id
        error = report.error[:LONGEST_ERROR] if report.error else None
        if report.state == "failed":
            connection.execute(
                outbox.update()
                .where(letter, outbox.c.state.in_((*TO_SEND, "sent")))
                .values(state="bounced", status=report.status, error=error, owner=None, updated=now)
            )
        elif report.state == "delayed":
            connection.execute(
                outbox.update()
                .where(letter, outbox.c.state == "sent")
                .values(status=report.status, error=error, updated=now)
            )
    suppression.add(
        connection,
        [
            suppression.Suppressed(report.suppress, report.time, report.status or "5.1.1", report.message_id)
            for report in marks
            if report.suppress is not None
        ],
    )


def sent_since(connection: Connection, since: float) -> int:
    """How many letters the relay took since then, those in somebody's hands among them."""
    taken = sa.or_(sa.and_(outbox.c.state == "sent", outbox.c.updated >= since), outbox.c.owner.is_not(None))
    return int(connection.execute(sa.select(sa.func.count()).select_from(outbox).where(taken)).scalar_one())


def beat_relay(connection: Connection, now: float, error: str | None) -> None:
    """A sign of life of the relay, or since when and why there is none."""
    insert_or_ignore(connection, beat, [{"name": "relay"}])
    values: dict[str, Any] = {"error": None, "error_since": None, "last_success": now}
    if error is not None:
        values = {"error": error[:LONGEST_ERROR], "error_since": sa.func.coalesce(beat.c.error_since, now)}
    connection.execute(beat.update().where(beat.c.name == "relay").values(values))
