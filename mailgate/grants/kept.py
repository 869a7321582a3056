"""The file of one grant: its tokens and how its last renewal went, mode 0600, shared by every process of a desk.

Read without a lock: it is replaced whole. Written under a lock, and on disk before anybody uses what is new in it:
a provider may take a refresh token back once it has given the next one (RFC 6749 section 6).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from mailgate.grants.errors import GrantError

ROOM = 65536  # bytes that are taken on the disk before a renewal: no token is asked for that could not be kept


class Access(msgspec.Struct, frozen=True):
    """An access token. Times in all of this module are seconds since 1970 UTC."""

    token: str
    obtained: float
    expires: float

    def __repr__(self) -> str:
        return f"Access(expires={self.expires:.0f})"  # never in a log


class Trouble(msgspec.Struct, frozen=True):
    """Renewals that failed, `failures` in a row, the last one at `tried`. `dead`: a person has to act."""

    said: str
    since: float
    tried: float
    failures: int
    dead: bool


class Kept(msgspec.Struct, frozen=True):
    """What is known of a grant. `made_for` tells the settings that it belongs to."""

    made_for: str = ""
    access: Mapping[str, Access] = msgspec.field(default_factory=dict)  # by whom it is for; "" for all
    refresh: str | None = None
    refresh_ends: float | None = None
    troubles: Mapping[str, Trouble] = msgspec.field(default_factory=dict)  # by whom as well

    def __repr__(self) -> str:
        return f"Kept(access={self.access!r}, troubles={self.troubles!r})"


def place(folder: Path, name: str) -> Path:
    """The file of the grant `name`."""
    return folder / f"grant-{name}.json"


def load(file: Path, made_for: str) -> Kept:
    """What is kept for these settings; nothing where the file is not there, or belongs to others. Raises GrantError."""
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=Kept)
    except FileNotFoundError:
        return Kept(made_for)
    except OSError as error:
        raise GrantError(f"{file}: {error.strerror}", dead=False) from None
    except (msgspec.DecodeError, UnicodeDecodeError):  # the cause would show what stands in it
        raise GrantError(f"{file} is damaged; sign in again", dead=True) from None
    return kept if kept.made_for == made_for else Kept(made_for)


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Nobody else, in this process or another, writes that file meanwhile. Raises GrantError."""
    try:
        handle = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise GrantError(f"{file.parent}: {error.strerror}", dead=False) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def writing(file: Path) -> Iterator[Writer]:
    """Room on the disk for the file's next version, taken at once and given back. Under `locked`. Raises GrantError."""
    draft = file.with_suffix(".new")
    try:
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise GrantError(f"{draft}: {error.strerror}", dead=False) from None
    try:
        os.fchmod(handle, 0o600)  # one that a killed process left may have another
        os.posix_fallocate(handle, 0, ROOM)
        yield Writer(file, draft, handle)
    except OSError as error:
        raise GrantError(f"{file}: {error.strerror}", dead=False) from None
    finally:
        os.close(handle)
        draft.unlink(missing_ok=True)


class Writer:
    """Puts the next version in place of the last one, whole or not at all; on disk when `write` returns."""

    def __init__(self, file: Path, draft: Path, handle: int) -> None:
        self._file, self._draft, self._handle = file, draft, handle

    def write(self, kept: Kept) -> None:
        """Raises OSError."""
        text = msgspec.json.encode(kept)
        os.pwrite(self._handle, text, 0)
        os.ftruncate(self._handle, len(text))
        os.fsync(self._handle)
        self._draft.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
