"""The content of an opaque S/MIME signature (RFC 8551 section 3.5.2): enough of BER to find it, nothing verified."""

from __future__ import annotations

from collections.abc import Iterator

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2, RFC 5652 section 5.1
_SEQUENCE, _SET, _OID, _OCTETS, _OCTETS_IN_PIECES, _CONTEXT_0 = 0x30, 0x31, 0x06, 0x04, 0x24, 0xA0
_PIECES = 100_000  # OpenSSL writes pieces of 4 KB; this is 400 MB of them


def is_message(content_type: str) -> bool:
    """Whether a part says that it is an S/MIME message, signed or encrypted (RFC 8551 section 3.2)."""
    return content_type in ("application/pkcs7-mime", "application/x-pkcs7-mime")


def content(data: bytes) -> bytes | None:
    """The MIME entity inside a SignedData, or None where it is anything else or damaged."""
    try:
        # ContentInfo { OID, [0] SignedData { version, algorithms, EncapsulatedContentInfo { OID, [0] octets } } }
        outer = _children(data, *_only(data, 0, len(data), _SEQUENCE))
        oid, explicit = next(outer), next(outer)
        if oid[0] != _OID or data[oid[1] : oid[2]] != _SIGNED_DATA or explicit[0] != _CONTEXT_0:
            return None
        signed = _children(data, *_only(data, explicit[1], explicit[2], _SEQUENCE))
        next(signed)
        next(signed)
        tag, start, end = next(signed)
        inner = _children(data, start, end)
        next(inner)
        tag, start, end = next(inner)
        if tag != _CONTEXT_0:
            return None
        tag, start, end = next(_children(data, start, end))
        if tag == _OCTETS:
            return data[start:end]
        if tag == _OCTETS_IN_PIECES:
            return b"".join(data[s:e] for t, s, e in _children(data, start, end) if t == _OCTETS)
    except (IndexError, ValueError, StopIteration):
        return None
    return None


def _only(data: bytes, start: int, end: int, wanted: int) -> tuple[int, int]:
    tag, inside, stop = next(_children(data, start, end))
    if tag != wanted:
        raise ValueError("another structure")
    return inside, stop


def _children(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(tag, start, end) of the values from `position`; one of indefinite length (X.690 8.1.3.6) runs to `end`.

    That is enough here, where only the innermost value has something after it that must not be read, and
    that one is made of pieces with lengths.
    """
    for _ in range(_PIECES):
        if position + 2 > end:
            return
        tag, length = data[position], data[position + 1]
        position += 2
        if tag == 0 and length == 0:
            return  # end of contents
        if length == 0x80:
            yield tag, position, end
            return
        if length > 0x80:
            size = length & 0x7F
            if size > 8:
                raise ValueError("a length beyond reason")
            length = int.from_bytes(data[position : position + size], "big")
            position += size
        if position + length > end:
            raise ValueError("a value longer than its holder")
        yield tag, position, position + length
        position += length
