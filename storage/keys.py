"""Signing keys, kept in the database so that a backup has them: old ids are still ours after a restore."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from sqlalchemy import Connection

from routing.tokens import Keys
from storage.tables import signing_key

_NAMES = "abcdefghijklmnopqrstuvwxyz0123456789"


def load(connection: Connection) -> Keys:
    """All keys; the newest one that is not retired signs."""
    rows = connection.execute(sa.select(signing_key).order_by(signing_key.c.created)).all()
    current = [row.id for row in rows if row.retired is None]
    return Keys(current[-1], {row.id: bytes(row.secret) for row in rows})


def rotate(connection: Connection, now: float) -> str:
    """A new key signs from now on; ids of the old ones are still accepted. The new key's name."""
    taken = {row.id for row in connection.execute(sa.select(signing_key.c.id))}
    name = next(n for n in _NAMES if n not in taken)
    connection.execute(signing_key.update().where(signing_key.c.retired.is_(None)).values(retired=now))
    connection.execute(signing_key.insert(), {"id": name, "secret": secrets.token_bytes(32), "created": now})
    return name
