"""What a batch of changes writes, as rows: made before the transaction, so that no Python works under its lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from parsing.message import Attachment
from routing.decision import Reason
from routing.mail import REPEAT_SECONDS
from routing.ticket import Ticket
from storage import outbox
from storage.change import Article, Change, HistoryEntry, KeyClaim, Mark, Move, Outcome, Release, Tripped

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of each table, and what a transaction has to find as it was seen. `now` is the storage clock."""

    now: float
    claims: dict[int, int]  # journal ids, and the attempt under which each is held
    versions: dict[int, int]  # of the tickets that were there, as they were seen
    opened: list[Row]
    changed: list[Row]  # parameters of an update: b_id and the others
    articles: list[Row]
    attachments: list[Row]
    history: list[Row]
    links: list[Row]
    keys: list[KeyClaim]
    letters: outbox.Rows
    questions: list[Row]
    moves: list[tuple[Move, int]]  # and the ticket where it goes
    releases: list[Release]
    marks: list[Mark]
    tripped: list[Tripped]
    lifted: list[str]
    outcomes: list[Row]  # parameters of an update: b_id and the others
    mail_keys: list[str]
    nameless: list[Row]  # keys that older and newer mails without Message-ID give up


def prepared(changes: Sequence[Change], now: float) -> Batch:
    """All changes of a batch, in order, as rows."""
    first: dict[int, int | None] = {}
    last: dict[int, Ticket] = {}
    for change in changes:
        if change.ticket is not None:
            first.setdefault(change.ticket.id, change.version)
            last[change.ticket.id] = change.ticket
    versions = {i: version for i, version in first.items() if version is not None}
    articles = [a for change in changes for a in change.articles]
    outcomes = [(c.claim, c.outcome) for c in changes if c.claim is not None and c.outcome is not None]
    holders = {outcome.mail_key: claim for claim, outcome in outcomes}  # of two occurrences in a batch the later one
    return Batch(
        now,
        {c.claim.journal_id: c.claim.attempt for c in changes if c.claim is not None},
        versions,
        [_ticket(t) for i, t in last.items() if i not in versions],
        [{f"b_{key}": value for key, value in _ticket(last[i]).items()} for i in versions],
        [_article(a) for a in articles],
        [_attachment(a.id, position, part) for a in articles for position, part in enumerate(a.attachments)],
        [_history(c.ticket.id, entry) for c in changes if c.ticket is not None for entry in c.history],
        [row for c in changes if c.ticket is not None for other in c.related for row in _related(c.ticket.id, other)],
        # all in one order: no two workers wait for each other
        sorted((key for c in changes for key in c.keys), key=lambda key: key.message_id),
        outbox.prepared([letter for c in changes for letter in c.letters], now),
        [row for c in changes for row in _questions(c)],
        [(move, c.ticket.id) for c in changes if c.ticket is not None for move in c.moves],
        [c.release for c in changes if c.release is not None],
        [mark for c in changes for mark in c.marks],
        [c.tripped for c in changes if c.tripped is not None],
        [c.lift for c in changes if c.lift is not None],
        [
            {"b_id": claim.journal_id} | _outcome(outcome, holds=holders[outcome.mail_key] is claim)
            for claim, outcome in outcomes
        ],
        [outcome.mail_key for _, outcome in outcomes if outcome.mail_key],
        [
            {
                "b_key": c.outcome.mail_key,
                "b_before": c.time - REPEAT_SECONDS,
                "b_after": c.time + REPEAT_SECONDS,
            }
            for c in changes
            if c.outcome is not None and c.outcome.mail_key and not c.outcome.message_id
        ],
    )


def _ticket(value: Ticket) -> Row:
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
        "follows": value.follows,
        "acknowledged": value.acknowledged,
        "created": value.created,
        "updated": value.updated,
        "closed": value.closed,
        "last_public_id": value.last_public_id,
        "root_id": value.root_id,
    }


def _article(a: Article) -> Row:
    return {
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
        "reasons": _reasons(a.reasons),
        "defects": list(a.defects),
    }


def _attachment(article_id: int, position: int, part: Attachment) -> Row:
    return {
        "article_id": article_id,
        "position": position,
        "filename": part.filename,
        "content_type": part.content_type,
        "size": part.size,
        "sha256": part.sha256,
        "inline": part.inline,
        "content_id": part.content_id,
    }


def _history(ticket_id: int, entry: HistoryEntry) -> Row:
    return {
        "ticket_id": ticket_id,
        "article_id": entry.article_id,
        "time": entry.time,
        "actor": entry.actor,
        "what": entry.what,
        "was": entry.was,
        "became": entry.became,
    }


def _related(one: int, other: int) -> list[Row]:
    return [{"ticket_id": a, "other_id": b, "type": "related"} for a, b in ((one, other), (other, one))]


def _questions(change: Change) -> list[Row]:
    ask = change.ask
    if ask is None:
        return []
    return [
        {
            "message_id": letter.message_id,
            "ticket_id": letter.ticket_id,
            "article_id": ask.article_id,
            "address": ask.address,
            "event": ask.event,
            "expires": ask.expires,
            "command": ask.command,
        }
        for letter in change.letters
        if letter.event == ask.event
    ]


def _outcome(outcome: Outcome, *, holds: bool) -> Row:
    return {
        "b_mail_key": outcome.mail_key if holds else None,
        "b_outcome": outcome.kind,
        "b_outcome_ticket": outcome.ticket_id,
        "b_outcome_article": outcome.article_id,
        "b_reasons": _reasons(outcome.reasons),
        "b_evidence": asdict(outcome.evidence),
        "b_sender": outcome.sender,
        "b_subject": outcome.subject,
        "b_message_id": outcome.message_id,
    }


def _reasons(reasons: Sequence[Reason]) -> list[dict[str, str]]:
    return [{"code": r.code, "seen": r.seen, "outcome": r.outcome} for r in reasons]
