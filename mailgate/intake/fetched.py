"""From what an IMAP server answered to an arrival: dates, sizes, what stayed behind, and what is no mail at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailgate.intake.arguments import is_address
from parsing import addresses, headers, limits
from parsing.read import identify
from routing.policy import without_suffix
from storage.journal import Arrival, ImapUid, entry
from storage.mailboxes import Taken

HEADER_BYTES = 1_000_000  # of an oversize mail; `parsing` reads the first 256 KB
TEXT_BYTES = 1_000_000  # of an oversize mail: a novel; what is written by hand comes before what is attached
BATCH_MAILS = 50  # a FETCH of more is not faster; a commit of more neither
BATCH_BYTES = 8_000_000  # held in memory at once, if it is not one mail alone
SUMMARY = ("RFC822.SIZE", "INTERNALDATE")
WHOLE = "BODY.PEEK[]"  # PEEK: nothing depends on \Seen, and nothing sets it
PARTIAL = (f"BODY.PEEK[HEADER]<0.{HEADER_BYTES}>", f"BODY.PEEK[TEXT]<0.{TEXT_BYTES}>")

# What Exchange puts in the place of a mail that it cannot convert, as subject or as first words of the body.
_SUBSTITUTE = re.compile(
    rb"\s*(Retrieval using the IMAP4 protocol failed|The server couldn.{1,3}t retrieve the following message)",
    re.IGNORECASE,
)
_SUBSTITUTE_BYTES = 64 * 1024  # such a text is short
_PART_HEADER = re.compile(rb"\s*--[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n")
# The last mail server's notes, the nearest to the envelope first.
_DELIVERED = ("x-original-to", "envelope-to", "delivered-to", "to", "cc")


@dataclass(frozen=True, slots=True)
class Place:
    """Where mails are fetched: the door's name, the folder under its UIDVALIDITY, and the addresses of the desk."""

    door: str
    account: str
    folder: str
    uidvalidity: int
    own: frozenset[str]
    deletes: bool  # what the account does with mails afterwards is `delete`
    verify: bool = False  # the author of each mail is checked here, later


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of a mail before it is fetched: RFC822.SIZE in bytes, INTERNALDATE in seconds since 1970 UTC."""

    uid: int
    size: int
    received_at: float


def summary(uid: int, answer: Mapping[bytes, Any]) -> Summary | None:
    """None where the server left something out."""
    size, date = answer.get(b"RFC822.SIZE"), answer.get(b"INTERNALDATE")
    if not isinstance(size, int) or not isinstance(date, datetime) or date.tzinfo is None:
        return None
    return Summary(uid, size, date.timestamp())


def batches(mails: Iterable[Summary], max_size: int) -> Iterator[list[Summary]]:
    """Mails to fetch together; an oversize one alone."""
    batch: list[Summary] = []
    total = 0
    for mail in mails:
        alone = mail.size > max_size
        if batch and (alone or len(batch) == BATCH_MAILS or total + mail.size > BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(mail)
        total += mail.size
        if alone:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def whole(place: Place, mail: Summary, answer: Mapping[bytes, Any]) -> Taken:
    """A mail fetched whole; parked where the server said OK without a body, or gave a text of its own instead."""
    raw = answer.get(b"BODY[]")
    if not isinstance(raw, bytes) or not raw.strip():
        return parked(place, mail, "the server said OK and gave no mail")
    if _is_substitute(raw):
        return parked(place, mail, "the server could not give the mail and put a text of its own in its place", raw)
    return Taken(entry(_arrival(place, mail, raw)), stays=False)


def oversize(place: Place, mail: Summary, answer: Mapping[bytes, Any], max_size: int) -> Taken:
    """A mail past the limit: header and beginning of its text, so cut that it still parses. It is never deleted."""
    header, text = answer.get(b"BODY[HEADER]<0>"), answer.get(b"BODY[TEXT]<0>")
    if not isinstance(header, bytes) or not header.strip():
        return parked(place, mail, "the server said OK and gave no header")
    raw = header + _whole_parts(header, text if isinstance(text, bytes) else b"")
    note = (
        f"{mail.size:,} bytes are more than the limit of {max_size:,}: only the header and the beginning of the text "
        f"were taken, the rest stayed in the mailbox ({place.account}: {place.folder})"
    )
    return Taken(entry(_arrival(place, mail, raw, note)), stays=place.deletes)


def parked(place: Place, mail: Summary, why: str, raw: bytes = b"") -> Taken:
    """Not a mail, and nobody's words: for a person to look at. What lies at the server stays there."""
    note = f"{why}; it stays in the mailbox ({place.account}: {place.folder}, UID {mail.uid})"
    return Taken(entry(_arrival(place, mail, raw, note, parked=True)), stays=True)


def unwritable(place: Place, mail: Taken) -> Taken:
    """In the place of a mail that the journal cannot take: its mail stays in the mailbox."""
    assert mail.arrival.imap is not None and mail.arrival.received_at is not None
    known = Summary(mail.arrival.imap.uid, len(mail.arrival.raw), mail.arrival.received_at)
    return parked(place, known, "could not be written to the journal")


def _arrival(place: Place, mail: Summary, raw: bytes, note: str | None = None, *, parked: bool = False) -> Arrival:
    identity = identify(raw)
    sender, recipients = _envelope(raw, place.own)
    return Arrival(
        place.door,
        "",
        identity.from_address if sender is None else sender,
        recipients,
        raw,
        identity.message_id is not None,
        received_at=mail.received_at,
        imap=ImapUid(place.account, place.folder, place.uidvalidity, mail.uid),
        note=note,
        parked=parked,
        verify=place.verify,
    )


def _envelope(raw: bytes, own: frozenset[str]) -> tuple[str | None, tuple[str, ...]]:
    """The envelope is gone: the sender of Return-Path ("" for `<>`, None for none), and which of the desk's addresses
    the last server or the sender named."""
    stop = min(len(raw), limits.HEADER_BYTES)
    end, _ = headers.find_end(raw, 0, stop, crlf=b"\r\n" in raw[:1000])
    fields, _ = headers.split(raw[:end])
    sender: str | None = None
    named: dict[str, list[str]] = {name: [] for name in _DELIVERED}
    for name, value in fields:
        key = name.lower()
        if key in named:
            named[key].append(value)
        elif key == "return-path" and sender is None:
            path = value.strip().removeprefix("<").removesuffix(">")
            sender = path if not path or is_address(path) else None
    found = (a.address for values in named.values() for a in addresses.parse(values))
    return sender, tuple(dict.fromkeys(a for a in found if without_suffix(a.lower()) in own))


def _is_substitute(raw: bytes) -> bool:
    if len(raw) > _SUBSTITUTE_BYTES:
        return False
    if _SUBSTITUTE.match(identify(raw).subject.encode("utf-8", "replace")):
        return True
    _, start = headers.find_end(raw, 0, len(raw), crlf=b"\r\n" in raw[:1000])
    if (part := _PART_HEADER.match(raw, start)) is not None:
        start = part.end()
    return _SUBSTITUTE.match(raw, start) is not None


def _whole_parts(header: bytes, text: bytes) -> bytes:
    """The beginning of a body without the part that was cut; one part alone, and a body of no parts, stay cut."""
    end, _ = headers.find_end(header, 0, len(header), crlf=b"\r\n" in header[:1000])
    fields, _ = headers.split(header[:end])
    kind, parameters = headers.mime_value(headers.first(fields, "content-type"))
    boundary = dict(parameters).get("boundary", "").encode("latin-1", "replace")
    if not kind.startswith("multipart/") or not boundary:
        return text
    first, last = text.find(b"--" + boundary), text.rfind(b"\n--" + boundary)
    kept = text[: last + 1] if last > first else text + b"\r\n"
    return kept + b"--" + boundary + b"--\r\n"
