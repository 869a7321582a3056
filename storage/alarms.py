"""Alarms that were begun, so that each is told once when it begins and once when it is over, whatever is restarted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.tables import alarm


@dataclass(frozen=True, slots=True)
class Alarm:
    """A trouble: since when, when somebody was told, and since when it is over. Seconds since 1970 UTC."""

    name: str
    said: str
    since: float
    told: float | None = None
    over: float | None = None


def load(connection: Connection) -> dict[str, Alarm]:
    """Every alarm that is not over, or whose end nobody was told of."""
    return {row.name: Alarm(*row) for row in connection.execute(sa.select(alarm))}


def save(connection: Connection, alarms: Iterable[Alarm]) -> None:
    """These, and no others. The caller commits."""
    connection.execute(alarm.delete())
    rows = [{"name": a.name, "said": a.said, "since": a.since, "told": a.told, "over": a.over} for a in alarms]
    if rows:
        connection.execute(alarm.insert(), rows)
