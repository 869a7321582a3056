"""A back catalogue, mbox or maildir: through the same stations as every mail, into closed tickets, without a word out.

An arrival is known by its bytes, for ever: what was imported once is not imported again, so that running it a second
time finishes what a killed one left, and doubles nothing.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from mailgate.application import Application
from mailgate.desk.archive import DOOR
from mailgate.errors import CommandError
from mailgate.worker import Worker
from parsing import dates, headers, limits
from storage import catalogue, holders, journal
from storage.catalogue import Catalogue
from storage.database import now
from storage.journal import Arrival
from storage.working import BATCH_BYTES

BATCH_MAILS = 256  # nobody waits for the first of a batch here; more save nothing
READ_BYTES = 1_000_000  # of an mbox at a time
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC).timestamp()  # a Date before mail was is a clock that was never set

Progress = Callable[[int, int], None]  # mails and bytes read so far


@dataclass(frozen=True, slots=True)
class Old:
    """A mail of the catalogue. `noted` is the date beside it (postmark, file time), seconds since 1970; 0: none."""

    raw: bytes
    noted: float
    read: int  # bytes of the catalogue read with it


@dataclass(frozen=True, slots=True)
class Imported:
    """What this run did, and what stands of all imports."""

    read: int
    stored: int
    standing: Catalogue


def run(app: Application, mails: Iterator[Old], progress: Progress) -> Imported:
    """Import them all. Raises DatabaseUnavailable; what was done until then stays done."""
    owner = holders.new_owner("import")
    holders.end_dead(app.db, now())
    with holders.holding(app.db, owner):
        return _run(Worker(app, owner, threading.Event()), mails, progress)


def _run(worker: Worker, mails: Iterator[Old], progress: Progress) -> Imported:
    app = worker.app
    while True:
        with app.db.write() as session:
            claimed = catalogue.left(session, DOOR, worker.owner, now())
        if not claimed:
            break
        worker.settle(claimed)
    count = size = stored = 0
    for batch in _batches(mails):
        entries = [journal.entry(_arrival(old)) for old in batch]
        with app.db.write() as session:
            claimed = catalogue.take(session, entries, worker.owner, now())
        worker.settle(claimed)
        count += len(batch)
        size += sum(old.read for old in batch)
        stored += len(claimed)
        progress(count, size)
    with app.db.read() as session:
        return Imported(count, stored, catalogue.standing(session, DOOR))


def _batches(mails: Iterator[Old]) -> Iterator[list[Old]]:
    batch: list[Old] = []
    size = 0
    for old in mails:
        if batch and (len(batch) == BATCH_MAILS or size + len(old.raw) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(old)
        size += len(old.raw)
    if batch:
        yield batch


def _arrival(old: Old) -> Arrival:
    """`has_message_id`: these bytes are one arrival for ever, with or without such an id."""
    sender, date = _postmarks(old.raw)
    received = date or old.noted or now()
    return Arrival(DOOR, "", sender, (), old.raw, has_message_id=True, received_at=min(received, now()))


def _postmarks(raw: bytes) -> tuple[str, float]:
    """Return-Path and Date of a mail; "" and 0 where they are missing or senseless."""
    end, _ = headers.find_end(raw, 0, min(len(raw), limits.HEADER_BYTES), crlf=b"\r\n" in raw[:1000])
    sender, moment = "", 0.0
    for name, value in headers.split(raw[:end])[0]:
        if name.lower() == "return-path":
            sender = value.strip().removeprefix("<").removesuffix(">")
        elif name.lower() == "date" and not moment and (date := dates.parse(value)) is not None:
            moment = date.timestamp() if date.timestamp() >= EARLIEST else 0.0
    return sender, moment


# --- mbox (RFC 4155) and maildir ----------------------------------------------------------------------------------

_POSTMARK = re.compile(rb"From \S+ +(.{24,60})")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def open_mbox(path: Path) -> tuple[int, Iterator[Old]]:
    """Its bytes, and its mails. Raises CommandError where it is none."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    if file.read(5) not in (b"From ", b""):
        file.close()
        raise CommandError(f'{path}: is no mbox: it does not begin with "From "')
    file.seek(0)
    return path.stat().st_size, _mbox(file)


def _mbox(file: BinaryIO) -> Iterator[Old]:
    """A mail begins where a line begins with "From " after an empty one; quoted ones are given back (mboxrd)."""
    with closing(file):
        rest, searched, block = b"", 0, b"-"
        while block:
            block = file.read(READ_BYTES)
            rest += block
            start = 0
            while (at := rest.find(b"\nFrom ", searched)) >= 0:
                searched = at + 1
                if rest[max(at - 2, 0) : at].endswith((b"\n", b"\n\r")):
                    yield _unwrapped(rest[start:searched])
                    start = searched
            rest = rest[start:]
            searched = max(len(rest) - len(b"\nFrom "), 0)
        if rest.strip():
            yield _unwrapped(rest)


def _unwrapped(piece: bytes) -> Old:
    line, _, raw = piece.partition(b"\n")
    if raw.endswith((b"\n\n", b"\r\n\r\n")):  # the empty line belongs to the mbox
        raw = raw[:-2] if raw.endswith(b"\r\n") else raw[:-1]
    if b"\n>" in raw:
        raw = _QUOTED.sub(rb"\1", raw)
    return Old(raw, _moment(line), len(piece))


def _moment(line: bytes) -> float:
    match = _POSTMARK.match(line)
    if match is None:
        return 0.0
    text = " ".join(match[1].decode("ascii", "replace").split())
    for asctime in (text, f"{text} +0000"):  # RFC 4155 appendix A: UTC, and no zone
        with suppress(ValueError):
            return datetime.strptime(asctime, "%a %b %d %H:%M:%S %Y %z").timestamp()
    return 0.0


def open_maildir(path: Path) -> tuple[int, Iterator[Old]]:
    """Its bytes, and its mails, oldest name first. Raises CommandError where it is none."""
    if not (path / "cur").is_dir():
        raise CommandError(f"{path}: is no maildir: there is no folder cur in it")
    files = [file for name in ("cur", "new") if (path / name).is_dir() for file in (path / name).iterdir()]
    files = sorted((file for file in files if file.is_file() and not file.name.startswith(".")), key=lambda f: f.name)
    return sum(file.stat().st_size for file in files), (_old(file) for file in files)


def _old(file: Path) -> Old:
    raw = file.read_bytes()
    return Old(raw, file.stat().st_mtime, len(raw))
