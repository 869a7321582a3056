"""Letters in a sender's hands: claimed under a lease, renewed while it works, given back when it is gone.

A claim moves `due` forward; whoever dies with it in hand gives it back by time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import epochs, suppression
from storage.change import RANKS, TO_PARTNERS
from storage.outbox import TO_SEND
from storage.tables import letter_body, outbox

LEASE_SECONDS = 60.0  # a dead process gives back what it held after this long, or when its daemon starts again
CLAIM_BYTES = 20_000_000  # of letters in memory: one with the largest attachments, or thousands without
IS_TO_SEND = outbox.c.state.in_(TO_SEND)
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


def is_due(connection: Connection, now: float, kept: Collection[str] = ()) -> bool:
    """Whether there is a letter to send; none from an envelope sender in `kept`."""
    return (
        connection.execute(
            sa.select(outbox.c.id)
            .where(IS_TO_SEND, outbox.c.rank.in_(_RANKS), outbox.c.due <= now, ~epochs.IS_FROZEN)
            .where(outbox.c.envelope_from.not_in(kept))
            .limit(1)
        ).first()
        is not None
    )


def claim(
    connection: Connection,
    owner: str,
    now: float,
    limit: int,
    but: Collection[int] = (),
    kept: Collection[str] = (),
) -> list[Outgoing]:
    """Take at most `limit` due letters under a lease: answers before acknowledgements before notices, oldest first.

    No more than 20 MB at once; a larger letter comes alone. What goes to a suppressed address fails here. `but`: what
    the caller still holds; where the clock steps, its leases seem to have run out. `kept`: envelope senders whose
    letters stay where they are.
    """
    due = _wanted(
        connection, [row for state in TO_SEND for row in connection.execute(_due(state, now, limit, but, kept))], now
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


def _due(
    state: str, now: float, limit: int, but: Collection[int], kept: Collection[str]
) -> sa.Select[tuple[int, int, float, str, str, int]]:
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
        .where(outbox.c.envelope_from.not_in(kept), ~epochs.IS_FROZEN)
        .order_by(outbox.c.rank, outbox.c.due, outbox.c.id)
        .limit(limit)
        .with_for_update(of=outbox, skip_locked=True)
    )


def renew(connection: Connection, owner: str, ids: Sequence[int], now: float) -> None:
    """These are still in hand: a slow relay is no reason for another process to send them too."""
    connection.execute(
        outbox.update().where(outbox.c.id.in_(ids), outbox.c.owner == owner, IS_TO_SEND).values(due=now + LEASE_SECONDS)
    )


def release_all(connection: Connection, owner: str, now: float) -> int:
    """End the leases of that owner, who is dead. How many there were."""
    done = connection.execute(
        outbox.update().where(IS_TO_SEND, outbox.c.owner == owner).values(due=given_back(now), owner=None)
    )
    return done.rowcount


def given_back(now: float) -> Any:
    """When a letter that was claimed and not tried is due: one that never was keeps its place among its like."""
    kept = sa.and_(outbox.c.state == "pending", outbox.c.created < now)
    return sa.case((kept, outbox.c.created), else_=now)


def sent_since(connection: Connection, since: float) -> int:
    """How many letters the relay took since then, those in somebody's hands among them."""
    taken = sa.or_(sa.and_(outbox.c.state == "sent", outbox.c.updated >= since), outbox.c.owner.is_not(None))
    return int(connection.execute(sa.select(sa.func.count()).select_from(outbox).where(taken)).scalar_one())
