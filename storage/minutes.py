"""Acknowledgements counted by the minute: what limits over all senders ask for with every batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.database import conflict_insert
from storage.tables import acknowledged
from storage.tally import slot

Counts = Mapping[tuple[int, str], int]  # (minute since 1970, known or unknown) to how many


def count(connection: Connection, counts: Counts) -> None:
    """So many more. The caller commits."""
    if not counts:
        return
    statement = conflict_insert(connection, acknowledged)
    more = statement.on_conflict_do_update(
        index_elements=["minute", "limited", "slot"],
        set_={"count": acknowledged.c.count + statement.excluded.count},
    )
    here = slot(connection)
    rows = [{"minute": m, "limited": who, "slot": here, "count": n} for (m, who), n in sorted(counts.items())]
    connection.execute(more, rows)


def between(connection: Connection, since: float, until: float) -> dict[int, tuple[int, int]]:
    """By minute, how many went to known and to unknown senders; both ends are seconds since 1970."""
    minute, limited = acknowledged.c.minute, acknowledged.c.limited
    statement = (
        sa.select(minute, limited, sa.func.sum(acknowledged.c.count))
        .where(minute >= since // 60, minute <= until // 60)
        .group_by(minute, limited)
    )
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for when, who, number in connection.execute(statement):
        found[when][who] = int(number)
    return {when: (by.get("known", 0), by.get("unknown", 0)) for when, by in found.items()}
