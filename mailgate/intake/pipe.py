"""The pipe's door, what `mailgate deliver` does: one mail from a stream into the journal, and a sysexits code."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from mailgate.intake import MOST_HOPS
from mailgate.intake.arguments import is_address
from mailgate.settings import Settings
from parsing import headers, limits
from parsing.read import identify
from storage import database, journal
from storage.conflicts import looking_again
from storage.database import Conflict, Database, DatabaseUnavailable
from storage.journal import Arrival, Stored

log = logging.getLogger("mailgate.door")

# sysexits.h, as pipe(8) of Postfix and Exim's pipe transport read them
STORED = 0
REFUSED = 65  # EX_DATAERR: the mail goes back
NO_SUCH_ADDRESS = 67  # EX_NOUSER: the mail goes back
TRY_AGAIN = 75  # EX_TEMPFAIL: the mail server keeps it


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of it: the exit code, and one line for a person ("" where it was stored)."""

    code: int
    text: str


def deliver(
    settings: Settings,
    db: Database,
    accepts: Callable[[str], bool],
    stream: BinaryIO,
    sender: str | None = None,
    recipients: Sequence[str] = (),
) -> Delivery:
    """Store the mail on `stream` for `recipients` (none: the desk).

    `sender` None: from Return-Path, then From; "" and "<>" are the null sender. One unknown recipient and nothing is
    stored. On disk when the code is 0.
    """
    to = tuple(dict.fromkeys(recipients)) or (settings.desk.address,)
    for address in to:
        if not accepts(address):
            return Delivery(NO_SUCH_ADDRESS, f"{address}: no such address here")
    raw = _without_envelope_line(stream.read(settings.max_size + 1))
    if not raw.strip():
        return Delivery(REFUSED, "there is no mail on standard input")
    if len(raw) > settings.max_size:
        return Delivery(REFUSED, f"the mail is larger than {settings.max_size:,} bytes (smtp.max_size)")
    identity = identify(raw)
    if identity.hops > MOST_HOPS:  # RFC 5321 section 6.3
        return Delivery(REFUSED, "the mail has been through too many hands: a loop")
    if sender is None:
        path = _return_path(raw)
        mail_from = identity.from_address if path is None else path
        mail_from = mail_from if is_address(mail_from) else ""
    else:
        mail_from = sender.strip().removeprefix("<").removesuffix(">")
        if mail_from and not is_address(mail_from):
            return Delivery(REFUSED, f"{sender!r} is no address")
    return _store(db, Arrival("pipe", "", mail_from, to, raw, identity.message_id is not None))


def _store(db: Database, arrival: Arrival) -> Delivery:
    entry = journal.entry(arrival)

    def append() -> Stored:
        with db.write() as connection:
            return journal.append(connection, [entry], database.now())[0]

    try:
        stored = looking_again(append)  # a door may hold the same bytes at the same moment
    except Conflict:
        return Delivery(TRY_AGAIN, "the database is busy, try again later")
    except DatabaseUnavailable as error:
        log.error("database unavailable: %s", error)
        return Delivery(TRY_AGAIN, "the database is not available, try again later")
    # Apart, because a pipe killed between the two is tried again by its mail server; without it only the mail's
    # repetition within days is taken for such a try.
    with contextlib.suppress(Conflict, DatabaseUnavailable), db.write() as connection:
        journal.acknowledge(connection, [stored.journal_id])
    return Delivery(STORED, "")


def _without_envelope_line(raw: bytes) -> bytes:
    """Without the mbox line `From sender date` that some delivery agents put before the header (RFC 4155)."""
    return raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw


def _return_path(raw: bytes) -> str | None:
    """The path that the last mail server noted, "" for `<>` (RFC 5321 section 4.4); None where there is none."""
    stop = min(len(raw), limits.HEADER_BYTES)
    end, _ = headers.find_end(raw, 0, stop, crlf=b"\r\n" in raw[:1000])
    fields, _ = headers.split(raw[:end])
    for name, value in fields:
        if name.lower() == "return-path":
            return value.strip().removeprefix("<").removesuffix(">")
    return None
