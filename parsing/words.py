"""Encoded words in headers (RFC 2047), in the broken forms that are sent, and raw 8-bit text beside them."""

from __future__ import annotations

import binascii
import re
from functools import lru_cache

from parsing import charsets

# charset, RFC 2231 section 5 language, encoding. The text runs to the next "?=" and is found by hand, so that
# a header full of beginnings without an end costs one search.
# Some leave the charset out, or stand blanks around it.
_OPENING = re.compile(r"=\?[ \t]{0,3}(\"?[^?=*\s\"]{0,60}\"?)(?:\*[^?\s]{0,30})?[ \t]{0,3}\?([bBqQ])\?")
_BASE64_PIECES = 1_000  # encoded one after another in one body; past them padding counts for nothing
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))


def clean(text: str) -> str:
    """Without line ends, NUL and other controls, which a header value never means."""
    return text if text.isprintable() else _CONTROL.sub(" ", text.replace("\0", "")).strip()


def decode_fields(fields: list[tuple[str, str]], hint: str) -> tuple[tuple[str, str], ...]:
    """All fields with their values decoded."""
    everything = "".join([value for _, value in fields])
    if everything.isascii() and "=?" not in everything and everything.isprintable():
        return tuple(fields)
    return tuple(
        [
            field
            if (value := field[1]).isascii() and "=?" not in value and value.isprintable()
            else (field[0], decode(value, hint))
            for field in fields
        ]
    )


def decode(value: str, hint: str = "") -> str:
    """A header value as people read it.

    `value` has one character a byte (decoded as Latin-1) and no folds; `hint` is a charset that stands
    elsewhere in the mail, for raw 8-bit text. Adjacent encoded words of one charset are joined as bytes before they are
    decoded, since many writers cut inside a character.
    """
    if "=?" not in value:
        return clean(value if value.isascii() and "\x1b" not in value else _raw(value, hint))
    return _often(value, hint) if len(value) <= _OFTEN_CHARS else _decode(value, hint)


def _decode(value: str, hint: str) -> str:
    out: list[str] = []
    held = bytearray()  # bytes of adjacent words in one charset
    charset = ""
    position = 0
    for start, end, word_charset, data in _words(value):
        between = value[position:start]
        if held and (between.strip(" \t") or word_charset.lower() != charset.lower()):
            out.append(_word_text(bytes(held), charset))
            held.clear()
        # RFC 2047 section 6.2: white space between adjacent encoded words is not displayed.
        if between.strip(" \t") or position == 0:
            out.append(between if between.isascii() else _raw(between, hint))
        charset = word_charset
        held += data
        position = end
    if held:
        out.append(_word_text(bytes(held), charset))
    rest = value[position:]
    out.append(rest if rest.isascii() else _raw(rest, hint))
    return clean("".join(out))


_OFTEN_CHARS = 200  # a subject or a name, which are asked for twice in a mail, and a name again in the next
_often = lru_cache(maxsize=1024)(_decode)


def _words(value: str) -> list[tuple[int, int, str, bytes]]:
    """(start, end, charset, bytes) of each encoded word."""
    found = []
    position = 0
    while opening := _OPENING.search(value, position):
        start, begin = opening.span()
        end = value.find("?=", begin)
        if end < 0:
            # A word cut off at the end of the header is still read, if it is one word.
            if " " in value[begin:] or not value[begin:].strip():
                break
            end, position = len(value.rstrip("?")), len(value)
        else:
            # "=?utf-8?Q??=" is an empty word; "?Q?a?=3F?=" has a bare question mark before an escape.
            position = end + 2
        data = _payload(value[begin:end], opening[2])
        if data is None:
            position = begin
            continue
        found.append((start, position, opening[1], data))
    return found


def _payload(text: str, encoding: str) -> bytes | None:
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        raw = text.encode("utf-8")
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    return base64(raw)


def base64(raw: bytes) -> bytes:
    """Base64 as far as it can be read (RFC 2045 section 6.8): foreign bytes skipped, padding not needed."""
    try:
        data = binascii.a2b_base64(raw)
    except binascii.Error:
        pass
    else:
        # The library stops at the first padding; several encoded pieces may go on in lines after it.
        pad = raw.find(b"=")
        if pad < 0 or not raw[pad:].strip(b"=\r\n \t") or raw[pad:].lstrip(b"=").startswith((b" ", b"\t")):
            return data
    out = []
    for piece in re.split(rb"=+", raw, maxsplit=_BASE64_PIECES):
        letters = piece.translate(None, _NOT_BASE64)
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        out.append(binascii.a2b_base64(letters + b"=" * (-len(letters) % 4)))
    return b"".join(out)


def _word_text(data: bytes, charset: str) -> str:
    return charsets.decode(data, charset)[0]


def _raw(value: str, hint: str) -> str:
    """Raw 8-bit text (RFC 6532 says UTF-8, older mail anything)."""
    try:
        data = value.encode("latin-1")
    except UnicodeEncodeError:
        return value  # characters already
    return charsets.decode(data, "", hint)[0]
