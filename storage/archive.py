"""A backup file: a tar with its checksums as last entry, which appears whole or not at all, and is read whole or not.

Its entries: `backup.json` (what it is), files that lie beside the database, `mailgate.db`, `SHA256SUMS` as sha256sum
writes it. Secrets are in it: mails, signing keys, tokens. Its mode is 0600.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from storage.database import StorageError

FORMAT = 2  # 1 was never released
DATABASE = "mailgate.db"
MANIFEST = "backup.json"
SUMS = "SHA256SUMS"
SETTINGS = "settings/"  # the settings file and what it includes, by their places in its folder
GRANTS = "grants/"
LONGEST_ENTRY = 64_000_000  # bytes of an entry that is no database: settings, templates, tokens
COPY_BYTES = 1_000_000
_STAGING = ".mailgate-staging-"
_RESTORING = ".mailgate-restoring-"  # of a restore that does more than look

Progress = Callable[[int, int], None]  # done and all


class BackupFailed(StorageError):
    """Why there is no backup file, in a sentence."""


class BackupDamaged(StorageError):
    """Why a file is no backup that could be restored, in a sentence."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is: of which program and schema, and as of when (seconds since 1970 UTC)."""

    mailgate: str
    schema: str
    made: float
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup that was read whole: the copy of its database, and its other files by name."""

    manifest: Manifest
    database: Path
    files: dict[str, bytes]


@contextlib.contextmanager
def staging(folder: Path, *, restoring: bool = False) -> Iterator[Path]:
    """A folder in that folder for what is in the making. Those that killed programs left there are removed.

    Those of restores have another name and are removed by the next one alone: they are signs of one broken off.
    """
    prefix = _RESTORING if restoring else _STAGING
    for left in folder.glob(f"{prefix}*"):
        with contextlib.suppress(OSError), _held(left):
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder) as name, _held(Path(name)):
        yield Path(name)


def broken_off(folder: Path) -> bool:
    """Whether a restore was begun in that folder and not finished, or goes on."""
    return next(folder.glob(f"{_RESTORING}*"), None) is not None


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """A lock on it while its program lives. Raises OSError where another one has it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def write(file: Path, database: Path, files: Sequence[tuple[str, bytes]], manifest: Manifest, report: Progress) -> int:
    """Write a backup and return its size in bytes. It has its name once it is whole and on disk. Raises OSError.

    `database`, a file in a `staging` folder, is on the same file system as `file`.
    """
    draft = database.with_name("backup.tar")
    sums: list[str] = []
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            texts = [(MANIFEST, json.dumps(asdict(manifest), indent=2).encode()), *files]
            for name, text in texts:
                sums.append(_add(archive, name, BytesIO(text), len(text), manifest.made))
            size = database.stat().st_size
            with database.open("rb") as content:
                sums.append(_add(archive, DATABASE, content, size, manifest.made, lambda done: report(done, size)))
            text = "".join(sums).encode()
            _add(archive, SUMS, BytesIO(text), len(text), manifest.made)
        out.flush()
        os.fsync(out.fileno())
    size = draft.stat().st_size
    draft.replace(file)
    sync_folder(file.parent)
    return size


class _Summed:
    """A file that is hashed while it is read."""

    def __init__(self, content: IO[bytes], report: Callable[[int], None]) -> None:
        self._content, self._report = content, report
        self.digest = hashlib.sha256()
        self.done = 0

    def read(self, size: int = -1) -> bytes:
        data = self._content.read(size)
        self.digest.update(data)
        self.done += len(data)
        self._report(self.done)
        return data


def _add(
    archive: tarfile.TarFile,
    name: str,
    content: IO[bytes],
    size: int,
    time: float,
    report: Callable[[int], None] = lambda _: None,
) -> str:
    """An entry; its line in SHA256SUMS."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(time)
    summed = _Summed(content, report)
    archive.addfile(entry, summed)
    return f"{summed.digest.hexdigest()}  {name}\n"


def read(file: Path, folder: Path, report: Progress) -> Opened:
    """Read a backup whole, its database into `folder`; every byte is held against its checksum.

    Raises BackupDamaged with what is wrong, and OSError where the disk is.
    """
    found: dict[str, str] = {}
    files: dict[str, bytes] = {}
    database = folder / DATABASE
    try:
        with file.open("rb") as raw:
            size = os.fstat(raw.fileno()).st_size
            with tarfile.open(fileobj=raw, mode="r:") as archive:
                for entry in archive:
                    name, content = _entry(archive, entry, file)
                    if name in found or name in files:
                        raise BackupDamaged(f"{file} is damaged: it has {name} twice")
                    if name == DATABASE:
                        found[name] = _copied(content, database, lambda done: report(done, size))
                        continue
                    if entry.size > LONGEST_ENTRY:
                        raise BackupDamaged(f"{file} is no backup of mailgate: {name} is too large")
                    files[name] = content.read()
                    found[name] = hashlib.sha256(files[name]).hexdigest()
    except tarfile.TarError as error:
        raise BackupDamaged(f"{file} is damaged, cut off, or no backup at all: {error}") from None
    sums = files.pop(SUMS, None)
    if sums is None:
        raise BackupDamaged(f"{file} is cut off, or no backup of mailgate: it does not end with {SUMS}")
    del found[SUMS]
    said = dict(line.split("  ", 1)[::-1] for line in sums.decode("utf-8", "replace").splitlines() if "  " in line)
    for name in sorted(said.keys() | found.keys()):
        if said.get(name) != found.get(name):
            raise BackupDamaged(f"{file} is damaged: {name} is not what {SUMS} says")
    if MANIFEST not in files or DATABASE not in found:
        raise BackupDamaged(f"{file} is no backup of mailgate: it has no {MANIFEST} or no {DATABASE}")
    return Opened(_manifest(files.pop(MANIFEST), file), database, files)


def _entry(archive: tarfile.TarFile, entry: tarfile.TarInfo, file: Path) -> tuple[str, IO[bytes]]:
    """Its name, which leads nowhere else, and its content."""
    path = PurePosixPath(entry.name)
    content = archive.extractfile(entry) if entry.isfile() else None
    if content is None or path.is_absolute() or ".." in path.parts:
        raise BackupDamaged(f"{file} is no backup of mailgate: it holds {entry.name!r}")
    return str(path), content


def _copied(content: IO[bytes], target: Path, report: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    done = 0
    with target.open("xb") as out:
        while data := content.read(COPY_BYTES):
            digest.update(data)
            out.write(data)
            done += len(data)
            report(done)
    return digest.hexdigest()


def _manifest(text: bytes, file: Path) -> Manifest:
    try:
        said = json.loads(text)
        if said["format"] != FORMAT:
            raise BackupDamaged(f"{file} is a backup of another format ({said['format']}): update mailgate")
        return Manifest(str(said["mailgate"]), str(said["schema"]), float(said["made"]))
    except (ValueError, KeyError, TypeError):
        raise BackupDamaged(f"{file} is no backup of mailgate: its {MANIFEST} cannot be read") from None


def sync_folder(folder: Path) -> None:
    """A rename is on disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
