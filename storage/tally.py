"""What happened how often, ever: counted in the transaction in which it happens, so that no restart loses a count."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from storage.database import conflict_insert
from storage.tables import tally

SLOTS = 16  # on PostgreSQL processes count beside each other; one row for all would make their commits queue

# Upper bounds, in seconds, of the classes of how long a mail took from the journal to its ticket.
HANDLED_WITHIN = (0.1, 0.25, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0)

Events = Mapping[tuple[str, str], float]  # (name, label) to how many more


def count(connection: Connection, events: Events) -> None:
    """So many more of each. The caller commits."""
    rows = [(name, label, value) for (name, label), value in sorted(events.items()) if value]
    if not rows:
        return
    here = slot(connection)
    statement = conflict_insert(connection, tally)
    more = statement.on_conflict_do_update(
        index_elements=["name", "label", "slot"], set_={"value": tally.c.value + statement.excluded.value}
    )
    connection.execute(more, [{"name": n, "label": la, "slot": here, "value": v} for n, la, v in rows])


def slot(connection: Connection) -> int:
    """Where this process counts."""
    return 0 if connection.dialect.name == "sqlite" else os.getpid() % SLOTS


def handled(seconds: Iterable[float]) -> Events:
    """How long mails took, each in its class; "inf" is beyond all of them."""
    events: Counter[tuple[str, str]] = Counter()
    total = 0.0
    for each in seconds:
        took = max(0.0, each)
        total += took
        events["handled", next((str(most) for most in HANDLED_WITHIN if took <= most), "inf")] += 1
    return {**events, ("handled_seconds", ""): total}
