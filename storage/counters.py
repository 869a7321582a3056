"""Numbers that are given out: of tickets, and of articles and letters."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from storage.tables import counter


def reserve(connection: Connection, name: str, count: int) -> int:
    """`count` consecutive numbers of that counter; the first of them."""
    value = connection.execute(
        counter.update().where(counter.c.name == name).values(value=counter.c.value + count).returning(counter.c.value)
    ).scalar_one()
    return int(value) - count + 1


def give_back(connection: Connection, name: str, unused: Sequence[int]) -> None:
    """Reserved numbers that nothing took, if nobody reserved others since: people look for the numbers in a gap."""
    if unused and unused[-1] - unused[0] == len(unused) - 1:
        connection.execute(
            counter.update().where(counter.c.name == name, counter.c.value == unused[-1]).values(value=unused[0] - 1)
        )
