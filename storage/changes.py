"""Write what a batch changes, table by table, in one transaction that is fenced: all of it, or a Conflict and nothing.

Fences: a journal row is still held under its claim's attempt; a ticket still has the version that was seen; every
Message-ID that was claimed now belongs to the ticket it was claimed for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import epochs, holding, outbox, suppression, undelivered
from storage.batch import Batch, Row
from storage.change import KeyClaim, Move, Release, Tripped
from storage.database import Conflict, insert_or_ignore
from storage.tables import article, attachment, breaker, confirmation, history, journal, link, thread_key, ticket
from storage.tables import outbox as letters


def write_changes(connection: Connection, batch: Batch) -> None:
    """All of a batch. Raises Conflict where a fence fell; the caller's transaction then ends."""
    _hold_claims(connection, batch.claims)
    _hold_tickets(connection, batch.versions)
    _insert(connection, ticket, batch.opened)
    if batch.changed:
        connection.execute(_CHANGED, batch.changed)
    _insert(connection, article, batch.articles)
    _insert(connection, attachment, batch.attachments)
    _insert(connection, history, batch.history)
    insert_or_ignore(connection, link, batch.links)
    _claim_keys(connection, batch.keys)
    for move, ticket_id in batch.moves:
        _move(connection, move, ticket_id)
    outbox.write(connection, batch.letters)
    insert_or_ignore(connection, confirmation, batch.questions)
    for release in batch.releases:
        _release(connection, release, batch.now)
    if batch.marks:
        undelivered.mark(connection, batch.marks, batch.now)
    _trip(connection, batch.tripped)
    suppression.lift(connection, batch.lifted)
    _finish(connection, batch)


def _insert(connection: Connection, table: sa.Table, rows: list[Row]) -> None:
    if rows:
        connection.execute(table.insert(), rows)


def _hold_claims(connection: Connection, claims: dict[int, int]) -> None:
    if not claims:
        return
    held = connection.execute(
        sa.select(journal.c.id, journal.c.attempt)
        .where(journal.c.id.in_(sorted(claims)), journal.c.state == "new")
        .with_for_update()
    )
    lost = claims.keys() - {row.id for row in held if row.attempt == claims[row.id]}
    if lost:
        raise Conflict(f"arrivals {sorted(lost)} were taken over")


def _hold_tickets(connection: Connection, versions: dict[int, int]) -> None:
    if not versions:
        return
    there = connection.execute(
        sa.select(ticket.c.id, ticket.c.version).where(ticket.c.id.in_(sorted(versions))).with_for_update()
    )
    changed = versions.keys() - {row.id for row in there if row.version == versions[row.id]}
    if changed:
        raise Conflict(f"tickets {sorted(changed)} were changed by somebody else")


_CHANGED = (
    ticket.update()
    .where(ticket.c.id == sa.bindparam("b_id"))
    .values({c.name: sa.bindparam(f"b_{c.name}") for c in ticket.c if c.name != "id"})
)


def _move(connection: Connection, move: Move, ticket_id: int) -> None:
    if move.article_id is not None:  # what is answered to letters about it belongs to it; merges are followed
        about = sa.and_(letters.c.article_id == move.article_id, letters.c.ticket_id == move.ticket_id)
        connection.execute(letters.update().where(about).values(ticket_id=ticket_id))
    for table, key in ((article, article.c.id), (thread_key, thread_key.c.article_id)):
        rows = table.c.ticket_id == move.ticket_id
        if move.article_id is not None:
            rows = sa.and_(rows, key == move.article_id)
        connection.execute(table.update().where(rows).values(ticket_id=ticket_id))


def _claim_keys(connection: Connection, claims: Sequence[KeyClaim]) -> None:
    if not claims:
        return
    insert_or_ignore(
        connection,
        thread_key,
        [
            {
                "message_id": c.message_id,
                "ticket_id": c.ticket_id,
                "article_id": c.article_id,
                "ours": False,
                "weak": c.weak,
            }
            for c in claims
        ],
    )
    owners = {
        row.message_id: row
        for row in connection.execute(
            sa.select(thread_key).where(thread_key.c.message_id.in_(sorted({c.message_id for c in claims})))
        )
    }
    lost = [c.message_id for c in claims if owners[c.message_id].ticket_id != c.ticket_id]
    if lost:
        raise Conflict(f"somebody else has claimed {', '.join(lost[:3])}")
    filled = [
        {"b_id": c.message_id, "b_article": c.article_id}
        for c in claims
        if c.article_id is not None and owners[c.message_id].article_id is None
    ]
    if filled:
        connection.execute(
            thread_key.update()
            .where(thread_key.c.message_id == sa.bindparam("b_id"))
            .values(article_id=sa.bindparam("b_article")),
            filled,
        )


def _release(connection: Connection, release: Release, now: float) -> None:
    used = connection.execute(
        confirmation.update()
        .where(confirmation.c.article_id == release.article_id, confirmation.c.used.is_(None))
        .values(used=release.time)
    )
    if not used.rowcount:
        raise Conflict(f"the answer {release.article_id} was sent already")
    if not release.publishes:
        return
    connection.execute(
        article.update().where(article.c.id == release.article_id).values(visibility="public", trust=release.trust)
    )
    (restored,) = epochs.holds(connection, [release.time])
    holding.release_held(connection, release.article_id, now, release.held_for or ("restore" if restored else None))


def _trip(connection: Connection, tripped: Sequence[Tripped]) -> None:
    """Limits that kept answers back: since when, and when last."""
    if not tripped:
        return
    insert_or_ignore(connection, breaker, [{"name": t.name, "opened": t.time, "last": t.time} for t in tripped])
    for each in tripped:
        later = sa.case((breaker.c.last > each.time, breaker.c.last), else_=each.time)
        values: dict[str, Any] = {"last": later} | ({"opened": each.time} if each.fresh else {})
        connection.execute(breaker.update().where(breaker.c.name == each.name).values(values))


def _finish(connection: Connection, batch: Batch) -> None:
    """The end of each journal row, with its one outcome."""
    if not batch.outcomes:
        return
    if batch.nameless:
        apart = sa.or_(
            journal.c.received_at < sa.bindparam("b_before"), journal.c.received_at > sa.bindparam("b_after")
        )
        same = journal.c.mail_key == sa.bindparam("b_key")
        connection.execute(journal.update().where(same, apart).values(mail_key=None), batch.nameless)
    set_aside = sa.and_(journal.c.mail_key.in_(batch.mail_keys), journal.c.outcome == "quarantine")
    connection.execute(journal.update().where(set_aside).values(mail_key=None))  # the genuine one takes it over
    connection.execute(_DONE, batch.outcomes)


_OUTCOME = (
    "mail_key",
    "outcome",
    "outcome_ticket",
    "outcome_article",
    "reasons",
    "evidence",
    "sender",
    "subject",
    "message_id",
)
_DONE = (
    journal.update()
    .where(journal.c.id == sa.bindparam("b_id"))
    .values(
        {"state": "done", "owner": None, "error": None, "ticket_id": None}
        | {name: sa.bindparam(f"b_{name}") for name in _OUTCOME}
    )
)
