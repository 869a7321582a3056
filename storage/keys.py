"""Signing keys, kept in the database so that a backup has them: old ids are still ours after a restore."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from sqlalchemy import Connection

from routing.tokens import Keys
from storage.tables import restore, signing_key

ROTATE_SECONDS = 180 * 86400.0  # a key signs so long; with as many names as there are, each is accepted for 17 years
_NAMES = "abcdefghijklmnopqrstuvwxyz0123456789"


def load(connection: Connection) -> Keys:
    """All keys; the newest one that is not retired signs. With what restores have cut off."""
    rows = connection.execute(sa.select(signing_key).order_by(signing_key.c.created)).all()
    current = [row.id for row in rows if row.retired is None]
    gaps = connection.execute(sa.select(restore.c.last_ticket, restore.c.first_ticket).order_by(restore.c.id))
    foreign, doubted = kept(connection)
    return Keys(
        current[-1],
        {row.id: bytes(row.secret) for row in rows},
        {row.id: row.last_ticket for row in rows if row.last_ticket is not None},
        tuple((row.last_ticket, row.first_ticket) for row in gaps),
        foreign,
        doubted,
    )


def kept(connection: Connection) -> tuple[tuple[tuple[str, bytes], ...], tuple[tuple[int, int], ...]]:
    """What restores have kept of desks that were replaced: keys by name, and ranges of ids that two gave out."""
    if "doubted" not in {column["name"] for column in sa.inspect(connection).get_columns("restore")}:
        return (), ()
    rows = connection.execute(sa.select(restore.c.foreign_keys, restore.c.doubted).order_by(restore.c.id)).all()
    return (
        tuple((name, bytes.fromhex(secret)) for row in rows for name, secret in row.foreign_keys or ()),
        tuple((first, last) for row in rows for first, last in row.doubted or ()),
    )


def current(connection: Connection) -> tuple[str, float]:
    """The name of the key that signs, and since when it does."""
    query = sa.select(signing_key.c.id, signing_key.c.created).where(signing_key.c.retired.is_(None))
    name, created = connection.execute(query.order_by(signing_key.c.created.desc()).limit(1)).one()
    return name, created


def rotate(connection: Connection, now: float) -> str:
    """A new key signs from now on; ids of the old ones are still accepted. The new key's name.

    Where all names are taken, the oldest key gives up its own: its ids are unknown from then on.
    """
    rows = connection.execute(sa.select(signing_key.c.id).order_by(signing_key.c.created)).scalars().all()
    name = next((n for n in _NAMES if n not in rows), rows[0])
    connection.execute(signing_key.delete().where(signing_key.c.id == name))
    connection.execute(signing_key.update().where(signing_key.c.retired.is_(None)).values(retired=now))
    connection.execute(signing_key.insert(), {"id": name, "secret": secrets.token_bytes(32), "created": now})
    return name
