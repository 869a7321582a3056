"""Read what a delivery status says of each recipient (RFC 3464, and RFC 6533 for addresses beyond ASCII)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from parsing import phrases
from parsing.message import BounceDelivery

STATUS_BYTES = 262_144  # of a message/delivery-status: several thousand recipients
DIAGNOSTIC = 500  # characters of what the other server said; longer ones are whole pages of help
RECIPIENTS = 1_000  # more than a mail may have at most servers; the rest is not counted
TYPES = frozenset(("message/delivery-status", "message/global-delivery-status"))
CODE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")  # RFC 3463 section 2
REPLY_CODE = re.compile(r"(?<!\d)[245]\d\d[ -][^\w\n]{0,3}([245]\.\d{1,3}\.\d{1,3})(?![\d.])")  # RFC 2034 section 4

_REASONS = {detail: phrases.finder(said) for detail, said in phrases.BOUNCE_REASONS.items()}
_GENERAL = frozenset(("4.1", "4.7", "7.1"))  # subjects and details that stand beside a more special one
_BARE_REPLY = re.compile(
    r"(?:^[ \t]{0,8}|<<< ?|<-- ?|(?:said|says|replied|response|error|reason|code|with|of)\W{1,4})([45])[0-5]\d[ :-]",
    re.IGNORECASE | re.MULTILINE,
)
_STATED = re.compile(  # in a field of its own
    r"(\"[^\"\n]{1,64}\"@[\w.\-]{1,255}|[^\s<>\"@]{1,320}@[\w.\-\[\]]{1,255})"
)
_INSIDE = re.compile(rb"\nContent-Type: message/(?:global-)?delivery-status")
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the recipients: in `failed` and `delayed` those it did not reach, as they stand, each once.

    `codes` are their enhanced status codes (RFC 3463), `diagnostic` the first Diagnostic-Code, of a failure before a
    delay's; `delivered` says that the mail has reached some. `deliveries` are all recipients, of each the worst.
    """

    failed: tuple[str, ...]
    delayed: tuple[str, ...]
    codes: tuple[str, ...]
    delivered: bool
    diagnostic: str
    deliveries: tuple[BounceDelivery, ...]


def read(statuses: Iterable[bytes]) -> Told:
    """All groups of all these message/delivery-status."""
    failed: dict[str, str] = {}
    delayed: dict[str, str] = {}
    codes: dict[str, None] = {}
    said: dict[bool, str] = {}  # whether it failed: in whose words
    told: dict[str, BounceDelivery] = {}
    delivered = False
    for data in statuses:
        for group in _groups(data):
            action = group.get("action", "").lower().split("(")[0].strip()
            address = _recipient(group)
            if not address or len(failed) + len(delayed) >= RECIPIENTS:
                continue
            code = _status(group)
            arrived = action.startswith(("delivered", "relayed", "expanded"))  # RFC 3464 section 2.3.3
            waits = action.startswith("delayed") or (not action and (code or "").startswith("4."))
            known = told.get(address.lower())
            if known is None or (known.action != "failed" and not arrived):
                told[address.lower()] = BounceDelivery(
                    known.to if known else address, action if arrived else "delayed" if waits else "failed", code or ""
                )
            if arrived:
                delivered = True
                continue
            (delayed if waits else failed).setdefault(address.lower(), address)
            if diagnostic := " ".join(group.get("diagnostic-code", "").split()):
                said.setdefault(not waits, diagnostic[:DIAGNOSTIC])
            if code:
                codes[code] = None
    for key in failed:
        delayed.pop(key, None)
    return Told(
        tuple(failed.values()),
        tuple(delayed.values()),
        tuple(codes),
        delivered,
        said.get(True) or said.get(False, ""),
        tuple(told.values()),
    )


def inside(data: bytes) -> Iterator[bytes]:
    """The delivery status of a report that a gateway wrapped into another mail."""
    found = _INSIDE.search(data, 0, STATUS_BYTES)
    if found:
        start = found.start()
        body = data[start : start + STATUS_BYTES].replace(b"\r", b"").partition(b"\n\n")[2]
        yield body.partition(b"\n--")[0]


def told_codes(text: str, recipients: int, delayed: bool = False) -> tuple[str, ...]:
    """The enhanced status codes (RFC 3463) of what a report says in words, or by an SMTP reply without one."""
    found = [detail for detail, says in _REASONS.items() if says(text)]
    if recipients <= 1 and len(found) > 1:
        # That a server was not reached or would not have it goes with another reason; two of those are advice.
        found = [detail for detail in found if detail not in _GENERAL] or found[-1:]
        found = found if len(found) == 1 else []
    replies = {match[1] for match in _BARE_REPLY.finditer(text)}
    if not found and replies:
        found = ["0.0"]
    level = "4" if delayed or replies == {"4"} else "5"
    return tuple([f"{level}.{detail}" for detail in found])


def _groups(data: bytes) -> Iterator[dict[str, str]]:
    """The groups of fields of a message/delivery-status (RFC 3464 section 2.1), names in lower case."""
    fields: dict[str, str] = {}
    name = ""
    for raw in (*data[:STATUS_BYTES].decode("utf-8", "replace").splitlines(), ""):
        line = raw.rstrip()
        if not line:
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t" and name:
            fields[name] += " " + line.strip()
        else:
            name, colon, value = line.partition(":")
            name = name.strip().lower()
            if colon and name not in fields:
                fields[name] = value.strip()
            else:
                name = ""


def _recipient(fields: dict[str, str]) -> str | None:
    """The address that the mail was sent to, else the one that it ended at (RFC 3464 section 2.3.1, 2.3.2)."""
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        kind, semicolon, value = fields.get(name, "").partition(";")
        value = value if semicolon else kind
        if semicolon and kind.strip().lower() not in ("rfc822", "utf-8", "", "smtp", "unknown"):
            continue
        match = _STATED.search(_EMBEDDED.sub(_character, value))
        if match and name == "original-recipient":
            return match[1].replace("+2B", "+").replace("+3D", "=")  # ORCPT as some copy it, in xtext (RFC 3461 4)
        if match:
            return match[1]
    return None


def _character(found: re.Match[str]) -> str:
    """What an EmbeddedUnicodeChar stands for (RFC 6533 section 3); a control or no character stays as it is."""
    character = chr(code) if (code := int(found[1], 16)) < 0x110000 else ""
    return character if character.isprintable() and character else found[0]


def _status(fields: dict[str, str]) -> str | None:
    """The enhanced status code: Status, unless it says nothing ("5.0.0") and the diagnostic says more."""
    diagnostic = fields.get("diagnostic-code", "")
    match = CODE.search(fields.get("status", ""))
    if match and not match[1].endswith(".0.0"):
        return match[1]
    told = REPLY_CODE.search(diagnostic) or CODE.search(diagnostic)
    if told:
        return told[1]
    if match:
        return match[1]
    return next(iter(told_codes(diagnostic, 1, fields.get("action", "").lower().startswith("delayed"))), None)
