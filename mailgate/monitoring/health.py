"""Whether the daemon lives, and whether mail that comes now would be taken; where not, why not."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator

from mailgate.monitoring.roster import Muster
from mailgate.settings import Settings
from storage import schema
from storage.database import StorageError
from storage.status import snapshot

SILENT_SECONDS = 60.0  # the parent writes once a second; while it waits for a child that ends it does not
SHORT_LIFE_SECONDS = 5.0  # a role that has just died and was started again has yet to show that it stays
DATABASE_SECONDS = 3  # for each answer of the database
DOOR_SECONDS = 2.0  # for the greeting of a door
_SECRET = re.compile(r"://[^@/\s]*@")  # user and password of a URL in a driver's words


def ails(muster: Muster, now: float, clock: float) -> Iterator[str]:
    """What keeps the daemon from being alive. `clock` is that of `time.monotonic`."""
    if clock - muster.seen > SILENT_SECONDS:
        yield f"the parent process has given no sign for {clock - muster.seen:.0f} s"
    for post in muster.posts:
        if not post.pid:
            yield f"{post.role} does not run"
        elif post.died and now - post.since < SHORT_LIFE_SECONDS:
            yield f"{post.role} died {now - post.died:.0f} s ago and was started again ({post.deaths} times in all)"


def hinders(settings: Settings, muster: Muster) -> Iterator[str]:
    """What keeps mail from being taken or worked now: roles, database, schema, doors."""
    yield from ails(muster, time.time(), time.monotonic())
    if (said := _database(settings)) is not None:
        yield said
    for protocol, address in _doors(settings):
        if (said := _door(address)) is not None:
            yield f"{protocol} {address}: {said}"


def _database(settings: Settings) -> str | None:
    try:
        with snapshot(settings.database_url, DATABASE_SECONDS) as found:
            rows = found.rows("SELECT version_num FROM alembic_version")
    except StorageError as error:
        return f"database: {_SECRET.sub('://', ' '.join(str(error).split()))}"
    version = rows[0][0] if rows else "none"
    if version != schema.VERSION:
        return f"database: it has schema {version}, this program wants {schema.VERSION}"
    return None


def _doors(settings: Settings) -> Iterator[tuple[str, str]]:
    for protocol, door in (("smtp", settings.smtp), ("lmtp", settings.lmtp)):
        for address in door.listen if door else ():
            yield protocol, address


def _door(address: str) -> str | None:
    """A door is open that greets with 220 (RFC 5321 section 3.1)."""
    try:
        with _connected(address) as door:
            door.settimeout(DOOR_SECONDS)
            greeting = door.recv(512)
            with contextlib.suppress(OSError):
                door.sendall(b"QUIT\r\n")
                door.recv(512)
    except OSError as error:
        return f"no answer ({error.strerror or error})"
    if greeting.startswith(b"220"):
        return None
    return f"it says {greeting.decode('ascii', 'replace').strip()!r}" if greeting else "it hangs up"


def _connected(address: str) -> socket.socket:
    if not address.startswith("unix:"):
        host, _, port = address.rpartition(":")
        here = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104 - it listens on all
        return socket.create_connection((here, int(port)), timeout=DOOR_SECONDS)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.settimeout(DOOR_SECONDS)
    try:
        door.connect(address.removeprefix("unix:"))
    except OSError:
        door.close()
        raise
    return door
