"""The parts that are not the readable body, with names that are safe to show and to store."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Sequence

from parsing import cids, headers, tnef, words
from parsing.bodies import Body
from parsing.defects import Defects
from parsing.message import Attachment
from parsing.parts import Part

# Controls and the marks that turn the writing direction, which make "exe.txt" of "txt.exe" (Unicode TR 36).
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
# What Windows allows in no name, and the names of its devices, with any suffix.
_SIGNS = str.maketrans('"<>|?*', "______")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])[ ]*(?:\.|\Z)", re.IGNORECASE)
_NAME_BYTES = 200  # file systems allow 255 with the storage's own prefix
_TNEF_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
_SUFFIXES = {
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "text/calendar": ".ics",
    "text/plain": ".txt",
    "text/html": ".html",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/pjpeg": ".jpg",
    "image/x-png": ".png",
    "application/x-zip-compressed": ".zip",
    "application/pgp-signature": ".asc",
    "application/pkcs7-signature": ".p7s",
    "application/x-pkcs7-signature": ".p7s",
    "application/pkcs7-mime": ".p7m",
    "application/x-pkcs7-mime": ".p7m",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/global-delivery-status": ".txt",
    "message/global-disposition-notification": ".txt",
    "message/global-headers": ".txt",
    "message/feedback-report": ".txt",
    "text/rfc822-headers": ".txt",
}


def read(parts: Sequence[Part], body: Body, defects: Defects) -> tuple[Attachment, ...]:
    """All leaves but those of the body, in whose HTML a picture may stand by its cid, and the files in its text."""
    shown = cids.named_in(body.html) if any(part.content_id for part in parts) else frozenset()
    found = [
        _attachment(name, mimetypes.guess_type(name)[0] or "application/octet-stream", data, None, inline=False)
        for name, data in body.files
    ]
    for part in parts:
        if id(part) in body.parts or (not part.data and not part.filename):
            continue
        if part.content_type in _TNEF_TYPES or part.filename.lower() == "winmail.dat":
            unpacked = tnef.read(part.data)
            if unpacked is not None:
                found += [_attachment(name, kind, data, None, inline=False) for name, kind, data in unpacked.files]
                if not unpacked.wrong:
                    continue
                defects.note(unpacked.wrong)  # and the container is kept, for what could not be read
        cid = part.content_id
        inline = (cid in shown) or (part.disposition == "inline" and not part.filename)
        name = part.filename or _own_name(part)
        found.append(_attachment(name, part.content_type, part.data, cid, inline=inline))
    return tuple(found)


def _attachment(name: str, kind: str, data: bytes, cid: str | None, *, inline: bool) -> Attachment:
    return Attachment(safe_name(name), kind, len(data), hashlib.sha256(data).hexdigest(), inline, cid, data)


def _own_name(part: Part) -> str:
    """A name for a part without one: an attached mail by its subject, others by their place."""
    suffix = _SUFFIXES.get(part.content_type) or mimetypes.guess_extension(part.content_type) or ".bin"
    if suffix == ".eml":
        end, _ = headers.find_end(part.data, 0, min(len(part.data), 16_384), b"\r\n" in part.data[:2_000])
        fields, _ = headers.split(part.data[:end])
        subject = words.decode(headers.first(fields, "subject"))
        if subject:
            return subject + suffix
    return f"part-{part.path}{suffix}"


def safe_name(name: str) -> str:
    """A file name that any system takes, at most 200 bytes of UTF-8.

    It has no folders, controls, direction marks or leading dots, and nothing that Windows reserves.
    """
    name = _UNSAFE.sub("", name).strip()
    if "\\" in name or name.startswith(("/", "./", "../")):
        name = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = name.replace("/", "_").replace(":", "_" if name[1:2] != ":" else "").lstrip(". ").rstrip(". ")
    name = name.translate(_SIGNS)
    if _DEVICE.match(name):
        name = "_" + name
    if len(name.encode("utf-8", "replace")) > _NAME_BYTES:
        stem, dot, suffix = name.rpartition(".")
        suffix = dot + suffix if dot and len(suffix) <= 10 else ""
        room = _NAME_BYTES - len(suffix.encode("utf-8", "replace"))
        name = (stem if suffix else name).encode("utf-8", "replace")[:room].decode("utf-8", "ignore") + suffix
    return name or "unnamed"
