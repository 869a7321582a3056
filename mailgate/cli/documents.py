"""Rows of storage as the JSON objects of the terminal: names and meanings here are promised to others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mailgate.cli.console import iso
from routing.decision import Reason
from routing.tokens import Style
from storage.dossier import ArticleRow, Dossier
from storage.listings import ArrivalRow, LetterRow, TicketRow


def ticket_row(row: TicketRow) -> dict[str, Any]:
    """A line of `ticket list`."""
    return {
        "number": row.number,
        "subject": row.subject,
        "type": row.type,
        "state": row.state,
        "state_type": row.state_type,
        "queue": row.queue,
        "priority": row.priority,
        "owner": row.owner,
        "requester": row.requester,
        "partner": row.partner,
        "created": iso(row.created),
        "updated": iso(row.updated),
    }


def dossier(ticket: Dossier, style: Style) -> dict[str, Any]:
    """The object of `ticket show`."""
    return {
        **ticket_row(ticket.row),
        "closed": iso(ticket.closed),
        "language": ticket.language,
        "token": style.write(ticket.row.number),
        "fields": dict(ticket.fields),
        "participants": list(ticket.participants),
        "watchers": list(ticket.watchers),
        "tags": list(ticket.tags),
        "links": [{"type": kind, "number": number} for kind, number in ticket.links],
        "articles": [_article(one) for one in ticket.articles],
        "history": [
            {
                "time": iso(one.time),
                "actor": one.actor,
                "what": one.what,
                "from": one.was,
                "to": one.became,
                "article": one.article_id,
            }
            for one in ticket.history
        ],
    }


def _article(one: ArticleRow) -> dict[str, Any]:
    return {
        "id": one.id,
        "time": iso(one.time),
        "from": one.sender or one.sender_name or None,  # a note of who has no address: the user name
        "from_name": one.sender_name,
        "to": list(one.to),
        "cc": list(one.cc),
        "direction": one.direction,
        "visibility": one.visibility,
        "kind": one.kind,
        "trust": one.trust,
        "message_id": one.message_id,
        "subject": one.subject,
        "text": one.text,
        "reply": one.reply,
        "attachments": [
            {
                "filename": file.filename,
                "content_type": file.content_type,
                "size": file.size,
                "sha256": file.sha256,
                "inline": file.inline,
            }
            for file in one.attachments
        ],
        "reasons": reasons(one.reasons),
        "defects": list(one.defects),
        "received": [
            {
                "id": arrival.journal_id,
                "time": iso(arrival.time),
                "door": arrival.door,
                "envelope_from": arrival.envelope_from,
                "to": list(arrival.to),
            }
            for arrival in one.received
        ],
        "deliveries": [
            {
                "id": letter.id,
                "to": letter.recipient,
                "event": letter.event,
                "state": letter.state,
                "status": letter.status,
                "time": iso(letter.updated),
                "error": letter.error,
                "held_for": letter.held_for,
                "message_id": letter.message_id,
            }
            for letter in one.deliveries
        ],
    }


def reasons(found: Iterable[Reason]) -> list[dict[str, str]]:
    """Reasons of a decision, in the order they were found."""
    return [{"code": reason.code, "seen": reason.seen, "outcome": reason.outcome} for reason in found]


def arrival(row: ArrivalRow) -> dict[str, Any]:
    """A line of `inbox list` and `quarantine list`."""
    return {
        "id": row.id,
        "time": iso(row.time),
        "event": "rejected" if row.rejected else row.outcome,
        "from": row.sender,
        "to": list(row.rcpt_to),
        "subject": row.subject,
        "state": row.state,
        "attempts": row.attempts,
        "error": row.error,
        "ticket": row.ticket,
        "outcome": row.outcome,
        "message_id": row.message_id,
        "kind": row.kind,
        "reason": row.why,
    }


def arrival_whole(row: ArrivalRow) -> dict[str, Any]:
    """The object of `inbox show` and `quarantine show`."""
    return {
        **arrival(row),
        "door": row.door,
        "peer": row.peer,
        "envelope_from": row.mail_from,
        "size": row.size,
        "note": row.note,
        "released": row.released,
        "article": row.article_id,
        "reasons": reasons(row.reasons),
    }


def letter(row: LetterRow) -> dict[str, Any]:
    """A line of `outbox list`."""
    return {
        "id": row.id,
        "time": iso(row.time),
        "event": row.event,
        "from": row.envelope_from,
        "to": [row.recipient],
        "subject": row.subject,
        "state": row.state,
        "attempts": row.attempts,
        "error": row.error,
        "ticket": row.ticket,
        "status": row.status,
        "held_for": row.held_for,
        "message_id": row.message_id,
        "updated": iso(row.updated),
    }
