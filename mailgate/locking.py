"""The lock that a daemon holds as long as any of its processes lives: one daemon for one desk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator

from mailgate.errors import CommandError
from mailgate.settings import Settings

AFTER_A_KILL = 15.0  # children of a killed parent finish what they hold before a new daemon may begin
A_LOOK = 1.0  # seconds: somebody only asks whether it is held


@contextlib.contextmanager
def lock(settings: Settings, seconds: float) -> Iterator[None]:
    """Hold it. Raises CommandError where another has it for so long."""
    place, flags = _place(settings)
    try:
        handle = os.open(place, flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CommandError(f"{place}: cannot be opened: {error.strerror}") from None
    try:
        _take(handle, settings, time.monotonic() + seconds)
        yield
    finally:
        os.close(handle)


def held(settings: Settings) -> bool:
    """Whether somebody holds it. Not for a process of the daemon: what it closes here ends record locks of its own."""
    try:
        handle = os.open(_place(settings)[0], os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _place(settings: Settings) -> tuple[str, int]:
    """Beside an SQLite file; for PostgreSQL, which several may share, the file of settings itself."""
    database = settings.database_url.removeprefix("sqlite:///")
    if database == settings.database_url:
        return str(settings.file), os.O_RDONLY
    return f"{database}.lock", os.O_RDWR | os.O_CREAT


def _take(handle: int, settings: Settings, end: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES) or time.monotonic() > end:
                raise CommandError(f"a daemon with {settings.file}, or on its database, is running already") from None
            time.sleep(0.1)
