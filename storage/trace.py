"""One timeline of an address, a Message-ID or a ticket, from journal, articles, history and outgoing mail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.listings import arrival, arrivals_query
from storage.tables import article, history, journal, outbox, ticket

Source = Literal["inbox", "article", "history", "outbox"]
_ORDER: dict[str, int] = {"inbox": 0, "article": 1, "history": 2, "outbox": 3}  # of one moment: cause before effect


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline. `time` in seconds since 1970 UTC; `id` is the row's own."""

    time: float
    source: Source
    id: int
    what: str
    who: str
    text: str
    ticket: str | None


def of_ticket(connection: Connection, ticket_id: int) -> list[Step]:
    """All that happened on a ticket."""
    return _timeline(
        connection,
        journal.c.outcome_ticket == ticket_id,
        article.c.ticket_id == ticket_id,
        history.c.ticket_id == ticket_id,
        outbox.c.ticket_id == ticket_id,
    )


def of_message_id(connection: Connection, message_id: str) -> list[Step]:
    """All about a mail: its arrivals, its article, what that changed, and the mail of ours that has the id."""
    articles = sa.select(article.c.id).where(article.c.message_id == message_id)
    return _timeline(
        connection,
        sa.or_(journal.c.message_id == message_id, journal.c.outcome_article.in_(articles)),
        article.c.message_id == message_id,
        history.c.article_id.in_(articles),
        sa.or_(outbox.c.message_id == message_id, outbox.c.article_id.in_(articles)),
    )


def of_address(connection: Connection, address: str) -> list[Step]:
    """All that somebody wrote, did and got."""
    who = address.lower()
    return _timeline(
        connection,
        sa.or_(sa.func.lower(journal.c.sender) == who, sa.func.lower(journal.c.mail_from) == who),
        sa.func.lower(article.c.sender) == who,
        sa.func.lower(history.c.actor) == who,
        sa.func.lower(outbox.c.recipient) == who,
    )


def _timeline(connection: Connection, arrivals: Any, articles: Any, changes: Any, letters: Any) -> list[Step]:
    steps = [
        *_arrivals(connection, arrivals),
        *_articles(connection, articles),
        *_changes(connection, changes),
        *_letters(connection, letters),
    ]
    return sorted(steps, key=lambda step: (step.time, _ORDER[step.source], step.id))


def _arrivals(connection: Connection, wanted: Any) -> Iterable[Step]:
    for row in map(arrival, connection.execute(arrivals_query().where(wanted))):
        why = row.reasons[-1].outcome if row.reasons else (row.error or "").strip().rpartition("\n")[2]
        what = row.outcome or row.state
        text = f"{row.subject or ''}: {why}" if why else row.subject or ""
        yield Step(row.time, "inbox", row.id, f"{what} by {row.door}", row.sender, text, row.ticket)


def _articles(connection: Connection, wanted: Any) -> Iterable[Step]:
    query = (
        sa.select(
            article.c.time,
            article.c.id,
            article.c.direction,
            article.c.visibility,
            article.c.sender,
            article.c.subject,
            ticket.c.number,
        )
        .join_from(article, ticket, ticket.c.id == article.c.ticket_id)
        .where(wanted)
    )
    for row in connection.execute(query):
        what = f"{row.visibility} {'article' if row.direction == 'in' else row.direction}"
        yield Step(row.time, "article", row.id, what, row.sender, row.subject, row.number)


def _changes(connection: Connection, wanted: Any) -> Iterable[Step]:
    query = (
        sa.select(
            history.c.time,
            history.c.id,
            history.c.what,
            history.c.actor,
            history.c.was,
            history.c.became,
            ticket.c.number,
        )
        .join_from(history, ticket, ticket.c.id == history.c.ticket_id)
        .where(wanted)
    )
    for row in connection.execute(query):
        text = " → ".join(part for part in (row.was, row.became) if part)
        yield Step(row.time, "history", row.id, row.what, row.actor, text, row.number)


def _letters(connection: Connection, wanted: Any) -> Iterable[Step]:
    query = (
        sa.select(
            outbox.c.created,
            outbox.c.updated,
            outbox.c.id,
            outbox.c.event,
            outbox.c.state,
            outbox.c.held_for,
            outbox.c.status,
            outbox.c.error,
            outbox.c.recipient,
            outbox.c.subject,
            ticket.c.number,
        )
        .join_from(outbox, ticket, ticket.c.id == outbox.c.ticket_id, isouter=True)
        .where(wanted)
    )
    for row in connection.execute(query):
        yield Step(row.created, "outbox", row.id, f"{row.event} written", row.recipient, row.subject, row.number)
        if row.state != "pending":
            why = " ".join(part for part in (row.held_for, row.status, row.error) if part)
            yield Step(row.updated, "outbox", row.id, f"{row.event} {row.state}", row.recipient, why, row.number)
