"""Addresses that do not exist, as a report with a token of their own said: no mail goes there until one comes back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.database import insert_or_ignore
from storage.tables import suppression


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address in lower case, since when and why nothing goes there, and which mail of ours came back."""

    address: str
    since: float
    status: str
    message_id: str


def add(connection: Connection, entries: Sequence[Suppressed]) -> None:
    """From now on nothing goes there; the first reason stays."""
    insert_or_ignore(
        connection,
        suppression,
        [{"address": e.address, "since": e.since, "status": e.status, "message_id": e.message_id} for e in entries],
    )


def lift(connection: Connection, addresses: Iterable[str]) -> int:
    """Mail goes there again; of how many that is news."""
    wanted = sorted({address.lower() for address in addresses})
    if not wanted:
        return 0
    return connection.execute(suppression.delete().where(suppression.c.address.in_(wanted))).rowcount


def find(connection: Connection, addresses: Iterable[str] | None = None) -> dict[str, Suppressed]:
    """Those of these addresses, or of all, that nothing goes to; the newest last."""
    query = sa.select(suppression).order_by(suppression.c.since, suppression.c.address)
    if addresses is not None:
        wanted = sorted({address.lower() for address in addresses})
        if not wanted:
            return {}
        query = query.where(suppression.c.address.in_(wanted))
    return {row.address: Suppressed(*row) for row in connection.execute(query)}
