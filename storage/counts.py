"""What `/metrics` reads beside `status`: events counted ever, open tickets, limits that keep answers back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storage.status import Snapshot


@dataclass(frozen=True, slots=True)
class Counts:
    """`events` as `storage.tally` counts them; `tickets` by state type, closed ones left out; `breakers` by limit."""

    events: Mapping[tuple[str, str], float]
    tickets: Mapping[str, int]
    breakers: Mapping[str, int]


def read(found: Snapshot, breakers_since: Mapping[str, float]) -> Counts:
    """A breaker is open that kept an answer back since `breakers_since` (by limit, seconds since 1970 UTC)."""
    events = found.rows("SELECT name, label, sum(value) FROM tally GROUP BY name, label")
    tickets = found.rows(
        "SELECT state_type, count(*) FROM ticket WHERE state_type IN ('new', 'open', 'pending') GROUP BY state_type"
    )
    breakers = {
        limit: int(
            found.rows(
                f"SELECT count(*) FROM breaker WHERE last > {since!r} AND substr(name, 1, {len(limit)}) = '{limit}'"
            )[0][0]
        )
        for limit, since in breakers_since.items()
    }
    return Counts({(name, label): value for name, label, value in events}, dict(tickets), breakers)
