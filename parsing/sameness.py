"""When two arrivals are the same: keys over what stays the same on the way (mail) and over every byte but the trace."""

from __future__ import annotations

import hashlib

from parsing import headers, limits
from parsing.message import ParsedMessage

# What servers add on the way (RFC 5321 section 4.4, RFC 8601, RFC 8617, RFC 6376) and filters write.
_TRACE = frozenset(
    (
        b"received",
        b"return-path",
        b"delivered-to",
        b"x-original-to",
        b"authentication-results",
        b"dkim-signature",
        b"x-received",
        b"received-spf",
    )
)
_TRACE_PREFIXES = (b"arc-", b"x-spam-")


def content_key(raw: bytes) -> str:
    """SHA-256 in hex over a mail without its trace fields and with line ends made one kind."""
    stop = min(len(raw), limits.HEADER_BYTES)
    end, body = headers.find_end(raw, 0, stop, raw.find(b"\r\n", 0, 2_000) >= 0)
    digest = hashlib.sha256()
    dropped = False
    for line in raw[:end].split(b"\n"):
        if line[:1] not in (b" ", b"\t"):
            name = line.partition(b":")[0].rstrip().lower()
            dropped = name in _TRACE or name.startswith(_TRACE_PREFIXES)
        if not dropped:
            digest.update(line.rstrip(b"\r") + b"\n")
    rest = raw[body:]
    digest.update(rest.replace(b"\r\n", b"\n") if b"\r" in rest else rest)
    return digest.hexdigest()


def mail_key(message: ParsedMessage, raw: bytes) -> str:
    """SHA-256 in hex over Message-ID, first From address and Date as written; "" without a Message-ID."""
    if not message.message_id:
        return ""
    author = message.from_[0].address.lower() if message.from_ else ""
    date = " ".join((message.header("date") or "").split())
    return hashlib.sha256(f"{message.message_id}\n{author}\n{date}".encode("utf-8", "replace")).hexdigest()
