"""Everything about one ticket, read in one snapshot: what `ticket show` and a ticket's page are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from routing.decision import Reason
from storage.change import TO_PARTNERS
from storage.listings import TICKET_COLUMNS, LetterRow, TicketRow, letters_query, numbers, reasons
from storage.tables import article, attachment, history, journal, link, outbox, ticket


@dataclass(frozen=True, slots=True)
class AttachmentRow:
    """What is in a mail; its bytes stay in the raw mail. `size` in bytes."""

    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool


@dataclass(frozen=True, slots=True)
class ReceivedRow:
    """One arrival of an article's mail."""

    journal_id: int
    time: float
    door: str
    envelope_from: str
    to: tuple[str, ...]
    duplicate: bool


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """An article with its arrivals and deliveries."""

    id: int
    time: float
    sender: str
    sender_name: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    direction: str
    visibility: str
    kind: str
    trust: str | None
    message_id: str | None
    subject: str
    text: str
    reply: str
    attachments: tuple[AttachmentRow, ...]
    reasons: tuple[Reason, ...]
    defects: tuple[str, ...]
    received: tuple[ReceivedRow, ...]
    deliveries: tuple[LetterRow, ...]


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One change of the ticket."""

    time: float
    actor: str
    what: str
    was: str | None
    became: str | None
    article_id: int | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """A ticket and all that belongs to it, oldest first."""

    row: TicketRow
    closed: float | None
    language: str
    fields: Mapping[str, str]
    participants: tuple[str, ...]
    watchers: tuple[str, ...]
    tags: tuple[str, ...]
    links: tuple[tuple[str, str], ...]  # type, number
    articles: tuple[ArticleRow, ...]
    history: tuple[HistoryRow, ...]


def read(connection: Connection, number: str) -> Dossier | None:
    """The ticket of that number, or None where there is none."""
    found = connection.execute(
        sa.select(
            *TICKET_COLUMNS,
            ticket.c.closed,
            ticket.c.language,
            ticket.c.fields,
            ticket.c.participants,
            ticket.c.watchers,
            ticket.c.tags,
            ticket.c.merged_into,
        ).where(ticket.c.number == number)
    ).one_or_none()
    if found is None:
        return None
    row = TicketRow(*found[: len(TICKET_COLUMNS)])
    changes = connection.execute(
        sa.select(
            history.c.time, history.c.actor, history.c.what, history.c.was, history.c.became, history.c.article_id
        )
        .where(history.c.ticket_id == row.id)
        .order_by(history.c.id)
    )
    return Dossier(
        row,
        found.closed,
        found.language,
        dict(found.fields),
        tuple(found.participants),
        tuple(found.watchers),
        tuple(found.tags),
        _links(connection, row.id, found.merged_into),
        _articles(connection, row.id),
        tuple(HistoryRow(*change) for change in changes),
    )


def _links(connection: Connection, ticket_id: int, merged_into: int | None) -> tuple[tuple[str, str], ...]:
    pairs = [
        (row.type, row.other_id)
        for row in connection.execute(
            sa.select(link.c.type, link.c.other_id)
            .where(link.c.ticket_id == ticket_id)
            .order_by(link.c.type, link.c.other_id)
        )
    ]
    if merged_into is not None:
        pairs = [pair for pair in pairs if pair != ("related", merged_into)]
        pairs.append(("merged_into", merged_into))
    names = numbers(connection, [other for _, other in pairs]) if pairs else {}
    return tuple((kind, names[other]) for kind, other in pairs if other in names)


def _articles(connection: Connection, ticket_id: int) -> tuple[ArticleRow, ...]:
    ours = sa.select(article.c.id).where(article.c.ticket_id == ticket_id)
    files: dict[int, list[AttachmentRow]] = defaultdict(list)
    for row in connection.execute(
        sa.select(attachment).where(attachment.c.article_id.in_(ours)).order_by(attachment.c.position)
    ):
        files[row.article_id].append(AttachmentRow(row.filename, row.content_type, row.size, row.sha256, row.inline))
    received: dict[int, list[ReceivedRow]] = defaultdict(list)
    for row in connection.execute(
        sa.select(
            journal.c.outcome_article,
            journal.c.id,
            journal.c.received_at,
            journal.c.door,
            journal.c.mail_from,
            journal.c.rcpt_to,
            journal.c.outcome,
        )
        .where(journal.c.outcome_article.in_(ours), journal.c.outcome.in_(("article", "duplicate")))
        .order_by(journal.c.id)
    ):
        received[row.outcome_article].append(
            ReceivedRow(
                row.id, row.received_at, row.door, row.mail_from, tuple(row.rcpt_to), row.outcome == "duplicate"
            )
        )
    deliveries: dict[int, list[LetterRow]] = defaultdict(list)
    for row in connection.execute(
        letters_query().where(outbox.c.article_id.in_(ours), outbox.c.event.in_(TO_PARTNERS)).order_by(outbox.c.id)
    ):
        letter = LetterRow(*row)
        assert letter.article_id is not None
        deliveries[letter.article_id].append(letter)
    rows = connection.execute(
        sa.select(article).where(article.c.ticket_id == ticket_id).order_by(article.c.time, article.c.id)
    )
    return tuple(
        ArticleRow(
            row.id,
            row.time,
            row.sender,
            row.sender_name,
            tuple(row.to),
            tuple(row.cc),
            row.direction,
            row.visibility,
            row.kind,
            row.trust,
            row.message_id,
            row.subject,
            row.text,
            row.reply,
            tuple(files[row.id]),
            reasons(row.reasons),
            tuple(row.defects),
            tuple(received[row.id]),
            tuple(deliveries[row.id]),
        )
        for row in rows
    )
