"""Write what a batch changes, table by table, in one transaction that is fenced: all of it, or a Conflict and nothing.

Fences: a journal row is still held under its claim's attempt; a ticket still has the version that was seen; every
Message-ID that was claimed now belongs to the ticket it was claimed for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from routing.decision import Reason
from routing.mail import REPEAT_SECONDS
from routing.ticket import Ticket
from storage import epochs, holding, outbox, suppression, undelivered
from storage.change import Article, Change, HistoryEntry, Outcome, Tripped
from storage.database import Conflict, insert_or_ignore
from storage.tables import article, attachment, breaker, confirmation, history, journal, link, thread_key, ticket
from storage.tables import outbox as letters


def write_changes(connection: Connection, changes: Sequence[Change], now: float) -> None:
    """All changes of a batch, in order. Raises Conflict where a fence fell; the caller's transaction then ends."""
    _hold_claims(connection, changes)
    _write_tickets(connection, changes)
    _write_articles(connection, [a for change in changes for a in change.articles])
    _move(connection, changes)
    _write_history(connection, changes)
    _write_links(connection, changes)
    _claim_keys(connection, changes)
    outbox.write(connection, outbox.prepared([letter for change in changes for letter in change.letters], now))
    _write_questions(connection, changes)
    for change in changes:
        if change.release is not None:
            _release(connection, change, now)
    marks = [mark for change in changes for mark in change.marks]
    if marks:
        undelivered.mark(connection, marks, now)
    _trip(connection, [change.tripped for change in changes if change.tripped is not None])
    suppression.lift(connection, [change.lift for change in changes if change.lift is not None])
    _finish(connection, changes)


def _hold_claims(connection: Connection, changes: Sequence[Change]) -> None:
    claims = {change.claim.journal_id: change.claim.attempt for change in changes if change.claim is not None}
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


def _write_tickets(connection: Connection, changes: Sequence[Change]) -> None:
    first: dict[int, int | None] = {}
    last: dict[int, Ticket] = {}
    for change in changes:
        if change.ticket is not None:
            first.setdefault(change.ticket.id, change.version)
            last[change.ticket.id] = change.ticket
    new = [_ticket_row(t) for i, t in last.items() if first[i] is None]
    if new:
        connection.execute(ticket.insert(), new)
    seen = {i: version for i, version in first.items() if version is not None}
    if not seen:
        return
    there = connection.execute(
        sa.select(ticket.c.id, ticket.c.version).where(ticket.c.id.in_(sorted(seen))).with_for_update()
    )
    changed = seen.keys() - {row.id for row in there if row.version == seen[row.id]}
    if changed:
        raise Conflict(f"tickets {sorted(changed)} were changed by somebody else")
    statement = ticket.update().where(ticket.c.id == sa.bindparam("b_id"))
    connection.execute(
        statement.values({c.name: sa.bindparam(f"b_{c.name}") for c in ticket.c if c.name != "id"}),
        [{f"b_{key}": value for key, value in _ticket_row(last[i]).items()} for i in seen],
    )


def _ticket_row(value: Ticket) -> dict[str, Any]:
    return {
        "id": value.id,
        "number": value.number,
        "version": value.version,
        "subject": value.subject,
        "type": value.type,
        "state": value.state,
        "state_type": value.state_type,
        "queue": value.queue,
        "priority": value.priority,
        "owner": value.owner,
        "requester": value.requester,
        "requester_name": value.requester_name,
        "partner": value.partner,
        "language": value.language,
        "tags": list(value.tags),
        "fields": dict(value.fields),
        "participants": list(value.participants),
        "watchers": list(value.watchers),
        "merged_into": value.merged_into,
        "split_from": value.split_from,
        "acknowledged": value.acknowledged,
        "created": value.created,
        "updated": value.updated,
        "closed": value.closed,
        "last_public_id": value.last_public_id,
        "root_id": value.root_id,
    }


def reason_rows(reasons: Sequence[Reason]) -> list[dict[str, str]]:
    """Reasons as they stand in a JSON column."""
    return [{"code": r.code, "seen": r.seen, "outcome": r.outcome} for r in reasons]


def _write_articles(connection: Connection, articles: Sequence[Article]) -> None:
    if articles:
        connection.execute(
            article.insert(),
            [
                {
                    "id": a.id,
                    "ticket_id": a.ticket_id,
                    "journal_id": a.journal_id,
                    "time": a.time,
                    "sender": a.sender.address,
                    "sender_name": a.sender.name,
                    "to": list(a.to),
                    "cc": list(a.cc),
                    "direction": a.direction,
                    "visibility": a.visibility,
                    "kind": a.kind,
                    "trust": a.trust,
                    "message_id": a.message_id,
                    "subject": a.subject,
                    "text": a.text,
                    "reply": a.reply,
                    "reasons": reason_rows(a.reasons),
                    "defects": list(a.defects),
                }
                for a in articles
            ],
        )
    attachments = [
        {
            "article_id": a.id,
            "position": position,
            "filename": part.filename,
            "content_type": part.content_type,
            "size": part.size,
            "sha256": part.sha256,
            "inline": part.inline,
            "content_id": part.content_id,
        }
        for a in articles
        for position, part in enumerate(a.attachments)
    ]
    if attachments:
        connection.execute(attachment.insert(), attachments)


def _move(connection: Connection, changes: Sequence[Change]) -> None:
    for change in changes:
        for move in change.moves:
            assert change.ticket is not None
            if move.article_id is not None:  # what is answered to letters about it belongs to it; merges are followed
                about = sa.and_(letters.c.article_id == move.article_id, letters.c.ticket_id == move.ticket_id)
                connection.execute(letters.update().where(about).values(ticket_id=change.ticket.id))
            for table, key in ((article, article.c.id), (thread_key, thread_key.c.article_id)):
                rows = table.c.ticket_id == move.ticket_id
                if move.article_id is not None:
                    rows = sa.and_(rows, key == move.article_id)
                connection.execute(table.update().where(rows).values(ticket_id=change.ticket.id))


def _write_history(connection: Connection, changes: Sequence[Change]) -> None:
    rows = [_history_row(c.ticket.id, entry) for c in changes if c.ticket is not None for entry in c.history]
    if rows:
        connection.execute(history.insert(), rows)


def _history_row(ticket_id: int, entry: HistoryEntry) -> dict[str, Any]:
    return {
        "ticket_id": ticket_id,
        "article_id": entry.article_id,
        "time": entry.time,
        "actor": entry.actor,
        "what": entry.what,
        "was": entry.was,
        "became": entry.became,
    }


def _write_links(connection: Connection, changes: Sequence[Change]) -> None:
    pairs = [(c.ticket.id, other) for c in changes if c.ticket is not None for other in c.related]
    rows = [{"ticket_id": a, "other_id": b, "type": "related"} for p in pairs for a, b in (p, p[::-1])]
    insert_or_ignore(connection, link, rows)


def _claim_keys(connection: Connection, changes: Sequence[Change]) -> None:
    claims = [claim for change in changes for claim in change.keys]
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
            for c in sorted(claims, key=lambda c: c.message_id)  # all in one order: no two workers wait for each other
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


def _write_questions(connection: Connection, changes: Sequence[Change]) -> None:
    rows = [
        {
            "message_id": letter.message_id,
            "ticket_id": letter.ticket_id,
            "article_id": change.ask.article_id,
            "address": change.ask.address,
            "event": change.ask.event,
            "expires": change.ask.expires,
        }
        for change in changes
        if change.ask is not None
        for letter in change.letters
        if letter.event == change.ask.event
    ]
    insert_or_ignore(connection, confirmation, rows)


def _release(connection: Connection, change: Change, now: float) -> None:
    release = change.release
    assert release is not None
    used = connection.execute(
        confirmation.update()
        .where(confirmation.c.article_id == release.article_id, confirmation.c.used.is_(None))
        .values(used=release.time)
    )
    if not used.rowcount:
        raise Conflict(f"the answer {release.article_id} was sent already")
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


def _finish(connection: Connection, changes: Sequence[Change]) -> None:
    """The end of each journal row, with its one outcome."""
    done = [(change.claim, change.outcome) for change in changes if change.claim and change.outcome]
    if not done:
        return
    nameless = [
        {
            "b_key": outcome.mail_key,
            "b_before": change.time - REPEAT_SECONDS,
            "b_after": change.time + REPEAT_SECONDS,
        }
        for change in changes
        if (outcome := change.outcome) and outcome.mail_key and not outcome.message_id
    ]
    if nameless:
        apart = sa.or_(
            journal.c.received_at < sa.bindparam("b_before"), journal.c.received_at > sa.bindparam("b_after")
        )
        connection.execute(
            journal.update().where(journal.c.mail_key == sa.bindparam("b_key"), apart).values(mail_key=None), nameless
        )
    keys = [outcome.mail_key for _, outcome in done if outcome.mail_key]
    set_aside = sa.and_(journal.c.mail_key.in_(keys), journal.c.outcome == "quarantine")
    connection.execute(journal.update().where(set_aside).values(mail_key=None))  # the genuine one takes it over
    holders = {outcome.mail_key: claim for claim, outcome in done}  # of two occurrences in a batch the later one
    connection.execute(
        journal.update()
        .where(journal.c.id == sa.bindparam("b_id"))
        .values(
            {"state": "done", "owner": None, "error": None, "ticket_id": None}
            | {n: sa.bindparam(f"b_{n}") for n in _OUTCOME}
        ),
        [
            {"b_id": claim.journal_id} | _outcome_row(outcome, holds=holders[outcome.mail_key] is claim)
            for claim, outcome in done
        ],
    )


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


def _outcome_row(outcome: Outcome, *, holds: bool) -> dict[str, Any]:
    return {
        "b_mail_key": outcome.mail_key if holds else None,
        "b_outcome": outcome.kind,
        "b_outcome_ticket": outcome.ticket_id,
        "b_outcome_article": outcome.article_id,
        "b_reasons": reason_rows(outcome.reasons),
        "b_evidence": asdict(outcome.evidence),
        "b_sender": outcome.sender,
        "b_subject": outcome.subject,
        "b_message_id": outcome.message_id,
    }
