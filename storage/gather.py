"""The facts that a batch of mails is decided by: a few set-wise reads in one snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from email import message_from_bytes
from email.policy import default
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from routing import tokens
from routing.breakers import AUTOMATIC_EVENTS
from routing.commands import QUESTIONS
from routing.facts import DOUBTED, Answered, Asked, Confirmation, Facts, Questions, Seen, SentLetter, ThreadKey
from routing.reports import UNREACHABLE_SECONDS
from routing.ticket import Ticket
from storage import minutes, suppression
from storage.tables import (
    article,
    breaker,
    confirmation,
    history,
    journal,
    letter_body,
    link,
    outbox,
    thread_key,
    ticket,
)

_CONFIRMATION = sa.select(confirmation, article.c.reply.label("words")).join(
    article, article.c.id == confirmation.c.article_id
)
MOST_WRITTEN = 200  # of our letters of one kind to an author that are looked at, the newest; limits allow far fewer
MOST_MERGES = 10  # a chain of merges that is followed


def gather(connection: Connection, questions: Questions) -> Facts:
    """Answers to the questions, as they stand in this snapshot."""
    ids = sorted(questions.message_ids)
    keys = _keys(connection, ids)
    letters = {
        row.message_id: SentLetter(*row)
        for row in _rows(connection, sa.select(*_LETTER).where(outbox.c.message_id.in_(ids)), ids)
    }
    confirmations = {
        row.message_id: _confirmation(row)
        for row in _rows(connection, _CONFIRMATION.where(confirmation.c.message_id.in_(ids)), ids)
    }
    wanted = (
        questions.ticket_ids
        | {key.ticket_id for key in keys.values()}
        | {letter.ticket_id for letter in letters.values() if letter.ticket_id is not None}
        | {asked.ticket_id for asked in confirmations.values()}
    )
    answered, asked = _written_to(connection, questions)
    there = _with_followers(connection, tickets(connection, wanted))
    besides = _beside(connection, there, questions)
    if any(key.article_id is None for key in keys.values()):  # whether a mail that is awaited began its conversation
        keys |= _keys(connection, sorted({t.root_id for t in there.values() if t.root_id} - keys.keys()))
    there_too = {**there, **tickets(connection, (other for _, other in besides))}
    return Facts(
        tickets=there_too,
        keys=keys,
        seen=_seen(connection, questions),
        letters=letters,
        confirmations=confirmations,
        answered=answered,
        minutes=minutes.between(connection, questions.since, questions.until) if questions.counted else {},
        threads=threads(connection, wanted, questions.since),
        breakers=breakers(connection, questions.since - UNREACHABLE_SECONDS),
        asked=asked,
        wrote=_wrote(connection, there, questions),
        opened=_opened(connection, questions),
        beside={i: tuple(sorted(other for first, other in besides if first == i)) for i, _ in besides},
        suppressed=frozenset(suppression.find(connection, questions.addresses)),
        words=_words(connection, sorted(questions.read)),
        inside=_inside(connection, there if questions.staff else ()),
        doubted=_doubted(connection, there_too),
    )


def _keys(connection: Connection, ids: list[str]) -> dict[str, ThreadKey]:
    return {
        row.message_id: ThreadKey(row.ticket_id, row.article_id, row.ours, row.weak, row.visibility == "internal")
        for row in _rows(connection, _KEYS.where(thread_key.c.message_id.in_(ids)), ids)
    }


def question(connection: Connection, article_id: int) -> Confirmation | None:
    """What a held article waits for; None where it waits for nothing."""
    row = connection.execute(_CONFIRMATION.where(confirmation.c.article_id == article_id)).first()
    return _confirmation(row) if row else None


def has_ended(connection: Connection, article_id: int) -> bool:
    """Whether the question about a held article was ended without a `#send`."""
    what = sa.and_(history.c.article_id == article_id, history.c.what == "question_ended")
    held = sa.select(article.c.ticket_id).where(article.c.id == article_id)
    return connection.execute(sa.select(history.c.id).where(what, history.c.ticket_id.in_(held))).first() is not None


def _confirmation(row: Any) -> Confirmation:
    return Confirmation(
        row.message_id,
        row.ticket_id,
        row.article_id,
        row.address,
        row.event,
        row.expires,
        row.used is not None,
        row.command,
        row.words,
    )


def tickets(connection: Connection, ids: Iterable[int]) -> dict[int, Ticket]:
    """Those tickets, and those they were merged into."""
    found: dict[int, Ticket] = {}
    wanted = set(ids)
    for _ in range(MOST_MERGES):
        missing = sorted(wanted - found.keys())
        if not missing:
            break
        rows = _where(connection, ticket, ticket.c.id, missing)
        found.update((row.id, read_ticket(row)) for row in rows)
        wanted = {t.merged_into for t in found.values() if t.merged_into is not None}
    return found


def _with_followers(connection: Connection, found: dict[int, Ticket]) -> dict[int, Ticket]:
    """The same, and the tickets that go on with those of them that are closed."""
    firsts = sorted({t.follows or t.id for t in found.values() if t.state_type == "closed"})
    rows = _rows(connection, sa.select(ticket.c.id).where(ticket.c.follows.in_(firsts)), firsts)
    return tickets(connection, {*found, *ids}) if (ids := [row.id for row in rows]) else found


def read_ticket(row: Any) -> Ticket:
    """A row of `ticket` as a value."""
    return Ticket(
        id=row.id,
        number=row.number,
        version=row.version,
        subject=row.subject,
        type=row.type,
        state=row.state,
        state_type=row.state_type,
        queue=row.queue,
        priority=row.priority,
        owner=row.owner,
        requester=row.requester,
        requester_name=row.requester_name,
        partner=row.partner,
        language=row.language,
        created=row.created,
        updated=row.updated,
        tags=tuple(row.tags),
        fields=row.fields,
        participants=tuple(row.participants),
        watchers=tuple(row.watchers),
        merged_into=row.merged_into,
        split_from=row.split_from,
        follows=row.follows,
        acknowledged=row.acknowledged,
        closed=row.closed,
        last_public_id=row.last_public_id,
        root_id=row.root_id,
    )


_MERGED = ticket.c.merged_into == link.c.ticket_id
_BESIDE = (
    sa.select(link.c.ticket_id, link.c.other_id)
    .join(ticket, ticket.c.id == link.c.other_id)
    .outerjoin(  # routing.beside.key
        thread_key,
        thread_key.c.message_id
        == sa.literal("beside ") + sa.cast(link.c.ticket_id, sa.Text) + " " + sa.cast(link.c.other_id, sa.Text),
    )
)
_KEYS = sa.select(thread_key, article.c.visibility).outerjoin(article, article.c.id == thread_key.c.article_id)
_LETTER = (
    outbox.c.message_id,
    outbox.c.event,
    outbox.c.ticket_id,
    outbox.c.article_id,
    outbox.c.recipient,
    outbox.c.state,
)


def _rows(connection: Connection, statement: Any, values: Any) -> Any:
    """The statement's rows; no question, no query."""
    return connection.execute(statement) if values else ()


def _where(connection: Connection, table: sa.Table, column: Any, values: list[Any]) -> Any:
    return _rows(connection, sa.select(table).where(column.in_(values)), values)


def _seen(connection: Connection, questions: Questions) -> dict[str, Seen]:
    keys = sorted(questions.mail_keys | questions.content_keys)
    statement = sa.select(
        journal.c.mail_key,
        journal.c.id,
        journal.c.outcome_ticket,
        journal.c.outcome_article,
        journal.c.received_at,
        journal.c.outcome,
    ).where(journal.c.mail_key.in_(keys))
    return {
        row.mail_key: Seen(row.id, row.outcome_ticket, row.outcome_article, row.received_at, row.outcome)
        for row in _rows(connection, statement, keys)
    }


def _written_to(
    connection: Connection, questions: Questions
) -> tuple[dict[str, tuple[Answered, ...]], dict[str, tuple[Asked, ...]]]:
    """What went to the authors unasked, over the longest window: acknowledgements; confirm and preview mails."""
    addresses = sorted(questions.addresses)
    written = (
        sa.select(
            outbox.c.recipient,
            outbox.c.event,
            outbox.c.ticket_id,
            outbox.c.caused_at,
            outbox.c.subject,
            article.c.trust,
            sa.func.row_number()
            .over(partition_by=(outbox.c.recipient, outbox.c.event), order_by=outbox.c.caused_at.desc())
            .label("place"),
        )
        .outerjoin(article, article.c.id == outbox.c.article_id)
        .where(
            outbox.c.recipient.in_(addresses),
            outbox.c.event.in_(("acknowledgement", *QUESTIONS)),
            outbox.c.caused_at > questions.since,
            outbox.c.caused_at <= questions.until,
        )
        .subquery()
    )
    statement = (
        sa.select(
            written.c.recipient,
            written.c.event,
            written.c.ticket_id,
            written.c.caused_at,
            written.c.subject,
            written.c.trust,
        )
        .where(written.c.place <= max(MOST_WRITTEN, questions.most))
        .order_by(written.c.caused_at)
    )
    answered: dict[str, tuple[Answered, ...]] = {}
    asked: dict[str, tuple[Asked, ...]] = {}
    for address, event, ticket_id, time, subject, trust in _rows(connection, statement, addresses):
        if event == "acknowledgement":
            answered[address] = (*answered.get(address, ()), Answered(time, subject))
        else:
            asked[address] = (*asked.get(address, ()), Asked(time, ticket_id, trust == "authenticated"))
    return answered, asked


def _wrote(
    connection: Connection, ticket_ids: Iterable[int], questions: Questions
) -> dict[tuple[int, str, str], tuple[float, ...]]:
    """When mails of these members of staff came to these tickets, and how sure it was that they were theirs."""
    ids = sorted(ticket_ids) if questions.staff else []
    statement = (
        sa.select(article.c.ticket_id, article.c.sender, article.c.trust, article.c.time)
        .where(article.c.ticket_id.in_(ids), article.c.direction == "in", article.c.time > questions.since)
        .order_by(article.c.time)
    )
    times: dict[tuple[int, str, str], tuple[float, ...]] = {}
    for ticket_id, sender, trust, time in _rows(connection, statement, ids):
        by = ticket_id, sender.lower(), trust or ""
        if by[1] in questions.staff:
            times[by] = (*times.get(by, ()), time)
    return times


def _words(connection: Connection, ids: list[str]) -> dict[str, str]:
    """The plain text of letters of ours."""
    statement = (
        sa.select(outbox.c.message_id, outbox.c.headers, letter_body.c.body)
        .join(letter_body, letter_body.c.sha256 == outbox.c.body_sha256)
        .where(outbox.c.message_id.in_(ids))
    )
    found = {}
    for row in _rows(connection, statement, ids):
        letter = message_from_bytes(bytes(row.headers) + bytes(row.body), policy=default)
        plain = letter.get_body(("plain",))
        found[row.message_id] = plain.get_content() if plain is not None else ""
    return found


def _inside(connection: Connection, ticket_ids: Iterable[int]) -> frozenset[int]:
    """Those tickets in which there are words that stay inside, or letters to staff that bear none of a partner's."""
    ids = sorted(ticket_ids)
    kept = sa.select(article.c.ticket_id).where(article.c.ticket_id.in_(ids), article.c.visibility == "internal")
    quiet = sa.or_(*(outbox.c.message_id.startswith(tokens.prefix(event)) for event in tokens.QUIET))
    letters = sa.select(outbox.c.ticket_id).where(outbox.c.ticket_id.in_(ids), quiet)
    return frozenset(row.ticket_id for row in _rows(connection, sa.union(kept, letters), ids))


def _doubted(connection: Connection, ticket_ids: Iterable[int]) -> frozenset[int]:
    """Those tickets in which there are public mails that nobody vouches for."""
    ids = sorted(ticket_ids)
    statement = (
        sa.select(article.c.ticket_id)
        .where(
            article.c.ticket_id.in_(ids),
            article.c.direction == "in",
            article.c.visibility == "public",
            article.c.trust.in_(DOUBTED),
        )
        .distinct()
    )
    return frozenset(row.ticket_id for row in _rows(connection, statement, ids))


def _beside(connection: Connection, ticket_ids: Iterable[int], questions: Questions) -> set[tuple[int, int]]:
    """New tickets that people whom the mails name have beside these ones, or beside what became part of these."""
    found: set[tuple[int, int]] = set()
    seen: set[int] = set()
    ids, people = set(ticket_ids), sorted(questions.people)
    for _ in range(MOST_MERGES):
        if not (people and ids - seen):
            break
        looked, seen = sorted(ids - seen), seen | ids
        rows = connection.execute(_BESIDE.where(link.c.ticket_id.in_(looked), sa.or_(_MERGED, _new_of(people))))
        found |= {(row.ticket_id, row.other_id) for row in rows}
        ids = {other for _, other in found}
    return found


def _new_of(people: list[str]) -> sa.ColumnElement[bool]:
    return sa.and_(ticket.c.state_type == "new", ticket.c.requester.in_(people), thread_key.c.message_id.is_not(None))


def _opened(connection: Connection, questions: Questions) -> dict[tuple[str, str], tuple[float, ...]]:
    """When mails of these members of staff began tickets of theirs, and how sure it was that they were."""
    staff = sorted(questions.staff)
    first = sa.and_(article.c.ticket_id == ticket.c.id, article.c.direction == "in", article.c.time == ticket.c.created)
    statement = (
        sa.select(ticket.c.requester, article.c.trust, ticket.c.created)
        .join(article, first)
        .where(ticket.c.requester.in_(staff), ticket.c.created > questions.since)
    )
    times: dict[tuple[str, str], tuple[float, ...]] = {}
    for address, trust, time in _rows(connection, statement, staff):
        who = address, trust or ""
        times[who] = (*times.get(who, ()), time)
    return times


def threads(connection: Connection, ticket_ids: Iterable[int], since: float) -> dict[int, tuple[float, ...]]:
    """When automatic answers went out in these tickets."""
    ids = sorted(ticket_ids)
    statement = (
        sa.select(outbox.c.ticket_id, outbox.c.caused_at)
        .where(outbox.c.ticket_id.in_(ids), outbox.c.event.in_(AUTOMATIC_EVENTS), outbox.c.caused_at > since)
        .order_by(outbox.c.caused_at)
    )
    times: dict[int, tuple[float, ...]] = {}
    for ticket_id, time in _rows(connection, statement, ids):
        times[ticket_id] = (*times.get(ticket_id, ()), time)
    return times


def breakers(connection: Connection, since: float) -> dict[str, float]:
    """Limits that have kept answers back, and when each last did."""
    rows = connection.execute(sa.select(breaker.c.name, breaker.c.last).where(breaker.c.last > since))
    return {row.name: row.last for row in rows}
