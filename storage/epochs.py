"""Epochs of ids: each restore begins a new one, with sending frozen until a person thaws it.

What the desk did between the backup and the disaster is lost here and remembered outside: partners have mails with its
ids. So a new key signs, old keys count for the tickets that the backup has, and numbers go on beyond every one that can
have been given out meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from routing.tokens import FIRST_NUMBER
from storage import keys
from storage.tables import counter, journal, outbox, restore, signing_key, ticket

DAY = 86400.0
LEAST_A_DAY = 1000  # tickets that any desk may have opened in a day
SAFETY = 10  # times the busiest day that was ever seen: a storm of alerts, an import
FRIENDLY = 100  # numbers begin at a multiple of it
ARTICLES_A_TICKET = 100  # mails of a ticket, and those of ours about it
MAYBE_SENT = "may have been sent already: it waited when the backup was made"


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore: when, from a backup of when, and the ids that are lost between `last_ticket` and `first_ticket`."""

    id: int
    made: float
    restored: float
    last_ticket: int
    first_ticket: int
    thawed: float | None


@dataclass(frozen=True, slots=True)
class Key:
    """A row of the signing keys."""

    id: str
    secret: bytes
    created: float
    last_ticket: int | None


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a database that is replaced gave out: of its ids none may be given out again.

    `kin`: it is of the desk that comes back, else of one that began anew in its place, or of any other. `first`: the
    first ticket id that it gave out after the backup, None where none. `foreign` (name, secret) and `doubted` (first,
    last) are what its own restores had kept of desks before it.
    """

    keys: tuple[Key, ...]
    last_ticket: int
    last_article: int
    kin: bool = True
    first: int | None = None
    foreign: tuple[tuple[str, bytes], ...] = ()
    doubted: tuple[tuple[int, int], ...] = ()

    @property
    def given(self) -> int:
        """The last ticket id that must not be given out again; 0 where none of its own is younger than the backup."""
        return self.last_ticket if self.kin or self.first is not None else 0

    def doubts(self, last_ticket: int) -> tuple[tuple[int, int], ...]:
        """Ranges of ids up to that one, both ends among them, which two desks gave out."""
        if self.kin or self.first is None or self.first > last_ticket:
            return self.doubted
        return (*self.doubted, (self.first, min(self.last_ticket, last_ticket)))


def lineage(connection: Connection, made: float = 0.0) -> Lineage:
    """Of a database with any schema of ours, as it is for a backup that was made then."""
    known = {column["name"] for column in sa.inspect(connection).get_columns("signing_key")}
    columns = [c if c.name in known else sa.null().label(c.name) for c in signing_key.c]
    rows = connection.execute(sa.select(*columns).select_from(signing_key).order_by(signing_key.c.created))
    last = counters(connection)
    found = tuple(Key(row.id, bytes(row.secret), row.created, row.last_ticket) for row in rows)
    first: int | None = 1
    if any(key.created < made for key in found):  # else the desk itself is younger
        young = sa.select(sa.func.min(ticket.c.id)).where(ticket.c.created >= made)
        first = connection.execute(young).scalar_one()
    foreign, doubted = keys.kept(connection)
    given = last.get("ticket", 0)
    return Lineage(
        found, given, last.get("article", 0), first=first if given else None, foreign=foreign, doubted=doubted
    )


def of_one_desk(connection: Connection, other: Lineage) -> bool:
    """Whether this database and the other one have a signing key in common: backups of one desk have."""
    ours = {row.id: bytes(row.secret) for row in connection.execute(sa.select(signing_key.c.id, signing_key.c.secret))}
    return any(ours.get(key.id) == key.secret for key in other.keys)


def counters(connection: Connection) -> dict[str, int]:
    """The last ids that were given out."""
    return {row.name: row.value for row in connection.execute(sa.select(counter.c.name, counter.c.value))}


def busiest_day(connection: Connection) -> int:
    """The most tickets that were opened in one day, UTC."""
    day = sa.cast(sa.func.floor(ticket.c.created / DAY), sa.Integer)
    days = sa.select(sa.func.count().label("n")).select_from(ticket).group_by(day).subquery()
    return connection.execute(sa.select(sa.func.max(days.c.n))).scalar_one() or 0


def first_after(last: int, made: float, now: float, busiest: int, given: int = 0) -> int:
    """The id of the first ticket after a restore: past every one that can have been given out since the backup.

    A thousand tickets a day, or ten times the busiest day, for the time since then and for a day more; and past
    `given`, the last id that the replaced database is known to have given out. Its number is a multiple of 100.
    """
    since = max(0.0, now - made) / DAY
    reach = last + max(LEAST_A_DAY, SAFETY * busiest) * (1 + since)
    return math.ceil((FIRST_NUMBER + max(reach, given + 1)) / FRIENDLY) * FRIENDLY - FIRST_NUMBER


def begin(connection: Connection, made: float, now: float, first: int, other: Lineage | None) -> Restored:
    """A new epoch in a database that was just loaded: nothing is sent, a new key signs, ids go on at `first`.

    `other`: the database that was in this place. Where it is of this same desk, its keys are accepted for the tickets
    that both have; a name that is taken stays with its key. Of another one they are known, and lead nowhere.
    """
    # The last ticket that is there: ids that were reserved for mails in hand have none.
    last_ticket = connection.execute(sa.select(sa.func.max(ticket.c.id))).scalar_one() or 0
    last_article = counters(connection).get("article", 0)
    shared = signing_key.c.last_ticket.is_(None) | (signing_key.c.last_ticket > last_ticket)
    connection.execute(signing_key.update().where(shared).values(last_ticket=last_ticket))
    names = set(connection.execute(sa.select(signing_key.c.id)).scalars())
    for key in other.keys if other and other.kin else ():
        if key.id in names:
            continue
        kept = last_ticket if key.last_ticket is None else min(last_ticket, key.last_ticket)
        row = {"id": key.id, "secret": key.secret, "created": key.created, "retired": now, "last_ticket": kept}
        connection.execute(signing_key.insert(), row)
    keys.rotate(connection, now)
    reach = (first - last_ticket) * ARTICLES_A_TICKET
    first_article = max(last_article, other.last_article if other else 0) + reach
    for name, value in (("ticket", first), ("article", first_article)):
        connection.execute(counter.update().where(counter.c.name == name).values(value=value - 1))
    # In the lost time another mail may have got what was reserved for one in hand: all of them reserve anew.
    connection.execute(
        journal.update().where(journal.c.state.in_(("new", "parked"))).values(ticket_id=None, article_id=None)
    )
    connection.execute(journal.update().where(journal.c.owner.is_not(None)).values(owner=None, due=now))
    connection.execute(
        outbox.update()
        .where(outbox.c.state.in_(("pending", "deferred")))
        .values(state="held", held_for="restore", error=MAYBE_SENT, owner=None, updated=now)
    )
    values = {
        "made": made,
        "restored": now,
        "last_ticket": last_ticket,
        "first_ticket": first,
        "last_article": last_article,
        "first_article": first_article,
        **_strange(other, last_ticket),
    }
    connection.execute(restore.insert(), values)
    begun = latest(connection)
    assert begun is not None
    return begun


def _strange(other: Lineage | None, last_ticket: int) -> dict[str, Any]:
    """What is kept of a desk that was replaced and is not this one."""
    if other is None:
        return {}
    foreign = [*other.foreign, *((key.id, key.secret) for key in other.keys if not other.kin)]
    return {
        "foreign_keys": [[name, secret.hex()] for name, secret in foreign] or None,
        "doubted": [[first, last] for first, last in other.doubts(last_ticket)] or None,
    }


def latest(connection: Connection) -> Restored | None:
    """The restore that this epoch began with; None for a desk that never was restored."""
    row = connection.execute(sa.select(restore).order_by(restore.c.id.desc()).limit(1)).first()
    if row is None:
        return None
    return Restored(row.id, row.made, row.restored, row.last_ticket, row.first_ticket, row.thawed)


IS_FROZEN = sa.exists(sa.select(restore.c.id).where(restore.c.thawed.is_(None)))  # nothing is sent


def holds(connection: Connection, times: Sequence[float]) -> list[bool]:
    """Whether letters that mails of these moments caused are held: while frozen all; of mails that came before the
    restore always, since the lost time may have sent them.
    """
    statement = sa.select(sa.func.max(restore.c.restored), sa.func.count(), sa.func.count(restore.c.thawed))
    restored, all_, thawed = connection.execute(statement).one()
    return [all_ > thawed or (restored is not None and time < restored) for time in times]


@dataclass(frozen=True, slots=True)
class Thawed:
    """Letters that go out now, and those that may have been sent before the restore and still wait for a person."""

    released: int
    held: int


def thaw(connection: Connection, now: float) -> Thawed | None:
    """Sending begins; None where it was not frozen. What was written because of something since the restore goes out.

    What is older stays held: `outbox release` or `discard`.
    """
    done = connection.execute(restore.update().where(restore.c.thawed.is_(None)).values(thawed=now))
    begun = latest(connection)
    if not done.rowcount or begun is None:
        return None
    waits = sa.and_(outbox.c.state == "held", outbox.c.held_for == "restore")
    values = {"state": "pending", "held_for": None, "created": now, "due": now, "updated": now, "error": None}
    fresh = outbox.update().where(waits, outbox.c.caused_at >= begun.restored).values(values)
    released = connection.execute(fresh).rowcount
    return Thawed(released, len(earlier(connection)))


def earlier(connection: Connection) -> list[int]:
    """The ids of letters that are held because the lost time may have sent them."""
    waits = sa.select(outbox.c.id).where(outbox.c.state == "held", outbox.c.held_for == "restore")
    return list(connection.execute(waits.order_by(outbox.c.id)).scalars())
