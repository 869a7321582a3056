"""One timeline of an address, a Message-ID or a ticket, from journal, articles, history, outgoing mail, suppression.

Ids are looked up first, each by an index of its own, and rows are read by their ids: no planner has to weigh an OR, so
that it stays as quick on a million mails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from storage.tables import article, confirmation, history, journal, outbox, suppression, ticket

Source = Literal["inbox", "article", "history", "outbox", "suppression"]
_ORDER: dict[str, int] = {"inbox": 0, "article": 2, "history": 3, "outbox": 4, "suppression": 5}
_CREATED = 1  # a ticket is there before the article in it; all else that changes on it follows from one
CHUNK = 500  # ids of one statement
LEAST_ROWS = 1000  # of each table, however few steps are wanted: some rows tell of a later moment than their own


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline. `time` in seconds since 1970 UTC; `id` is the row's own; `details` lines below it."""

    time: float
    source: Source
    id: int
    what: str
    who: str
    text: str
    ticket: str | None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ids:
    """The rows that a timeline is made of."""

    arrivals: set[int]
    articles: set[int]
    changes: set[int]
    letters: set[int]
    who: str | None = None  # whose timeline it is, in lower case


def of_ticket(connection: Connection, ticket_id: int, limit: int | None = None) -> list[Step]:
    """All that happened on a ticket; with `limit` what came last."""
    find = _finder(connection)
    ids = _Ids(
        find(journal.c.id, journal.c.outcome_ticket == ticket_id),
        find(article.c.id, article.c.ticket_id == ticket_id),
        find(history.c.id, history.c.ticket_id == ticket_id),
        find(outbox.c.id, outbox.c.ticket_id == ticket_id),
    )
    return _timeline(connection, ids, limit)


def of_message_id(connection: Connection, message_id: str, limit: int | None = None) -> list[Step]:
    """All about a mail: its arrivals, its article, what that changed, and the mail of ours that has the id."""
    find = _finder(connection)
    articles = find(article.c.id, article.c.message_id == message_id)
    tickets = find(article.c.ticket_id, article.c.message_id == message_id)
    ids = _Ids(
        find(journal.c.id, journal.c.message_id == message_id)
        | find(journal.c.id, _in(journal, "outcome_article", articles)),
        articles,
        find(history.c.id, sa.and_(_in(history, "ticket_id", tickets), _in(history, "article_id", articles))),
        find(outbox.c.id, outbox.c.message_id == message_id) | find(outbox.c.id, _in(outbox, "article_id", articles)),
    )
    return _timeline(connection, ids, limit)


def of_address(connection: Connection, address: str, limit: int | None = None) -> list[Step]:
    """All that somebody wrote, did and got."""
    who = address.lower()
    find = _finder(connection)
    ids = _Ids(
        find(journal.c.id, sa.func.lower(journal.c.sender) == who)
        | find(journal.c.id, sa.func.lower(journal.c.mail_from) == who),
        find(article.c.id, sa.func.lower(article.c.sender) == who),
        find(history.c.id, sa.func.lower(history.c.actor) == who),
        find(outbox.c.id, outbox.c.recipient.in_({who, address})),
        who,
    )
    return _timeline(connection, ids, limit)


def _finder(connection: Connection) -> Callable[[Any, Any], set[int]]:
    return lambda column, wanted: set(connection.execute(sa.select(column).where(wanted)).scalars())


def _in(table: sa.Table, column: str, values: Iterable[int]) -> sa.ColumnElement[bool]:
    return table.c[column].in_(sorted(values))


def _timeline(connection: Connection, ids: _Ids, limit: int | None) -> list[Step]:
    """Rows are numbered as they were written: what happened last is told by the last rows of each table."""
    letters = list(_rows(connection, _LETTERS, outbox.c.id, _last(ids.letters, limit)))
    steps = [
        *_arrivals(connection, _last(ids.arrivals, limit)),
        *_articles(connection, _last(ids.articles, limit)),
        *_changes(connection, _last(ids.changes, limit)),
        *_letters(letters),
        *_suppressed(connection, letters, ids.who),
    ]
    steps.sort(key=_cause_before_effect)
    return steps if limit is None else steps[-limit:]


def _cause_before_effect(step: Step) -> tuple[float, int, int]:
    created = step.source == "history" and step.what == "created"
    return step.time, _CREATED if created else _ORDER[step.source], step.id


def _last(ids: set[int], limit: int | None) -> list[int]:
    found = sorted(ids)
    return found if limit is None else found[-max(limit, LEAST_ROWS) :]


def _rows(connection: Connection, query: sa.Select[Any], key: Any, ids: Sequence[int]) -> Iterator[Row[Any]]:
    for start in range(0, len(ids), CHUNK):
        yield from connection.execute(query.where(key.in_(ids[start : start + CHUNK])))


def _arrivals(connection: Connection, ids: Sequence[int]) -> Iterator[Step]:
    query = sa.select(journal, ticket.c.number).join_from(
        journal, ticket, ticket.c.id == journal.c.outcome_ticket, isouter=True
    )
    for row in _rows(connection, query, journal.c.id, ids):
        who = row.sender or row.mail_from or "<>"
        at = f"from <{row.mail_from}> to {', '.join(row.rcpt_to)}"
        peer = f" by {row.peer}" if row.peer else ""

        def step(what: str, text: str, details: tuple[str, ...] = (), *, row: Row[Any] = row, who: str = who) -> Step:
            return Step(row.received_at, "inbox", row.id, what, who, text, row.number, details)

        note = (row.note,) if row.note else ()
        yield step(f"received by {row.door}", row.subject or "", (f"{at}{peer}, {row.size:,} bytes", *note))
        if row.evidence and row.evidence.get("method", "none") != "none":
            yield step(f"verified: {row.evidence['result']}", row.evidence["seen"])
        if row.released:
            yield step("released", "a person let it out of quarantine")
        reasons = row.reasons or ()
        if row.outcome:
            said = reasons[-1]["outcome"] if reasons else ""
            why = tuple(f"{reason['seen']}: {reason['outcome']} ({reason['code']})" for reason in reasons)
            yield step(f"decided: {row.outcome}", said, why)
        elif row.state == "parked":
            yield step("parked", _last_line(row.error), (f"after {row.attempt} tries",) if row.attempt else ())
        else:
            tried = f"tried {row.attempt} times" if row.attempt else "not tried yet"
            yield step("waits", _last_line(row.error) or tried)


def _last_line(text: str | None) -> str:
    return (text or "").strip().rpartition("\n")[2]


def _articles(connection: Connection, ids: Sequence[int]) -> Iterator[Step]:
    query = sa.select(
        article.c.time,
        article.c.id,
        article.c.direction,
        article.c.visibility,
        article.c.trust,
        article.c.sender,
        article.c.subject,
        ticket.c.number,
    ).join_from(article, ticket, ticket.c.id == article.c.ticket_id)
    for row in _rows(connection, query, article.c.id, ids):
        what = f"{row.visibility} {'article' if row.direction == 'in' else row.direction}"
        trust = (f"its author is {row.trust}",) if row.trust else ()
        yield Step(row.time, "article", row.id, what, row.sender, row.subject, row.number, trust)
    asked = sa.select(confirmation, ticket.c.number).join_from(
        confirmation, ticket, ticket.c.id == confirmation.c.ticket_id, isouter=True
    )
    for row in _rows(connection, asked, confirmation.c.article_id, ids):
        if row.used is not None:
            said = "`#send` released what was held"
            yield Step(row.used, "article", row.article_id, f"{row.event} answered", row.address, said, row.number)


def _changes(connection: Connection, ids: Sequence[int]) -> Iterator[Step]:
    query = sa.select(
        history.c.time,
        history.c.id,
        history.c.what,
        history.c.actor,
        history.c.was,
        history.c.became,
        ticket.c.number,
    ).join_from(history, ticket, ticket.c.id == history.c.ticket_id)
    for row in _rows(connection, query, history.c.id, ids):
        text = " → ".join(part for part in (row.was, row.became) if part)
        yield Step(row.time, "history", row.id, row.what, row.actor, text, row.number)


_LETTERS = sa.select(
    outbox.c.created,
    outbox.c.updated,
    outbox.c.sent,
    outbox.c.answer,
    outbox.c.attempt,
    outbox.c.due,
    outbox.c.id,
    outbox.c.event,
    outbox.c.state,
    outbox.c.held_for,
    outbox.c.status,
    outbox.c.error,
    outbox.c.recipient,
    outbox.c.subject,
    outbox.c.message_id,
    ticket.c.number,
).join_from(outbox, ticket, ticket.c.id == outbox.c.ticket_id, isouter=True)


def _letters(rows: Sequence[Row[Any]]) -> Iterator[Step]:
    for row in rows:

        def step(time: float, what: str, text: str, details: tuple[str, ...] = (), *, row: Row[Any] = row) -> Step:
            return Step(time, "outbox", row.id, f"{row.event} {what}", row.recipient, text, row.number, details)

        yield step(row.created, "written", row.subject, (f"<{row.message_id}>",))
        if row.sent is not None:
            yield step(row.sent, "sent", f"the relay: {row.answer}" if row.answer else "the relay took it")
        why = " ".join(part for part in (row.status, row.error) if part)
        if row.state == "held":
            yield step(row.created, "held", f"waits for: {row.held_for}")
        elif row.state == "sent" and (row.sent is None or row.error):
            yield step(row.updated, "sent" if row.sent is None else "delayed", why)
        elif row.state in ("deferred", "failed", "bounced"):
            tries = (f"after {row.attempt} tries",) if row.attempt > 1 and row.state != "bounced" else ()
            yield step(row.updated, row.state, why, tries)


def _suppressed(connection: Connection, letters: Sequence[Row[Any]], who: str | None) -> Iterator[Step]:
    """Addresses that these letters came back from, and whose timeline it is."""
    came_back = {row.message_id: row for row in letters}
    addresses = sorted({row.recipient.lower() for row in letters} | ({who} if who else set()))
    for start in range(0, len(addresses), CHUNK):
        query = sa.select(suppression).where(suppression.c.address.in_(addresses[start : start + CHUNK]))
        for row in connection.execute(query):
            letter = came_back.get(row.message_id)
            if letter is None and row.address != who:
                continue
            said = f"{row.status}: nothing is sent there until `mailgate outbox suppressed lift {row.address}`"
            number = letter.number if letter else None
            yield Step(row.since, "suppression", letter.id if letter else 0, "suppressed", row.address, said, number)
