"""What became of letters at the relay: sent, to be tried again, or failed for good.

It is fenced by owner and attempt, so a late word about an earlier try changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.database import insert_or_ignore
from storage.outbox import LONGEST_ERROR
from storage.sending import given_back
from storage.tables import Time, outbox, thread_key
from storage.words import OURS

FIRST_WAIT = 60.0  # after a temporary refusal; doubles with each one (RFC 5321 section 4.5.4.1)
LONGEST_WAIT = 3600.0
GIVE_UP_SECONDS = 5 * 86400.0  # RFC 5321 section 4.5.4.1: four to five days


@dataclass(frozen=True, slots=True)
class Sent:
    """The relay took it, with that answer; `renamed` is the Message-ID that it gave it instead of ours."""

    id: int
    attempt: int
    status: str | None = None
    renamed: str | None = None
    answer: str | None = None


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
                sent=sa.bindparam("b_sent", type_=Time),
                answer=sa.bindparam("b_answer"),
                tell=sa.case((sa.bindparam("b_failed", type_=sa.Boolean), sa.true())),
                owner=None,
                updated=now,
            ),
            rows,
        )
    if back:
        connection.execute(_held_by(owner).values(attempt=outbox.c.attempt - 1, due=given_back(now), owner=None), back)
    _learn_names(connection, [r for r in results if isinstance(r, Sent) and r.renamed])
    return failed


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
    answer = result.answer if isinstance(result, Sent) else None
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
        "b_sent": now if isinstance(result, Sent) else None,
        "b_answer": answer[:LONGEST_ERROR] if answer else None,
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
    return connection.execute(sa.select(thread_key.c.ticket_id).where(sa.text(OURS)).limit(1)).first() is not None
