"""The little that a door needs to know of a mail before it answers, from the header alone."""

from __future__ import annotations

from dataclasses import dataclass

from parsing import addresses, headers, limits, storable, words


@dataclass(frozen=True, slots=True)
class Identity:
    """What a door asks before it commits: `hops` counts Received fields (RFC 5321 section 6.3)."""

    message_id: str | None
    from_address: str
    subject: str
    hops: int


_ASKED = {b"m": b"message-id", b"f": b"from", b"s": b"subject", b"r": b"received"}


def identify(raw: bytes) -> Identity:
    """The identity from the header block alone, in one scan of its lines."""
    stop = min(len(raw), limits.HEADER_BYTES)
    end, _ = headers.find_end(raw, 0, stop, raw.find(b"\r\n", 0, 2_000) >= 0)
    found: dict[bytes, list[bytes]] = {}
    hops = 0
    current = b""
    for line in raw[:end].split(b"\n"):
        start = line[:1]
        if start in (b" ", b"\t"):
            if current:
                found[current].append(line.strip())
            continue
        current = b""
        asked = _ASKED.get(start.lower())
        if asked is None:
            continue
        name, _, value = line.partition(b":")
        name = name.rstrip().lower()
        if name != asked:
            continue
        if name == b"received":
            hops += 1
        elif name not in found:
            found[name] = [value.strip()]
            current = name
    return _identity({name: b" ".join(lines) for name, lines in found.items()}, hops)


def _identity(found: dict[bytes, bytes], hops: int) -> Identity:
    def text(name: bytes) -> str:
        return storable.text(found.get(name, b"")[: limits.FIELD_BYTES].decode("latin-1"))

    from_ = addresses.parse([text(b"from")])
    return Identity(
        headers.message_id(text(b"message-id")), from_[0].address if from_ else "", words.decode(text(b"subject")), hops
    )
