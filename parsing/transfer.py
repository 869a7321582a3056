"""Undo what carries bytes through mail: base64, quoted-printable, uuencode (RFC 2045 section 6)."""

from __future__ import annotations

import binascii
from itertools import takewhile

from parsing import uuencode, words

_ENCODING_NAMES = {"quoted_printable": "quoted-printable", "quoted/printable": "quoted-printable", "base-64": "base64"}


def decode(data: bytes, encoding: str, defects: list[str]) -> bytes:
    """The bytes that a Content-Transfer-Encoding carries; an unknown one leaves them as they are."""
    if encoding in ("7bit", "8bit"):
        return data
    name = encoding.partition(";")[0].partition("(")[0].strip(" \t\"'").lower()
    name = _ENCODING_NAMES.get(name, name)
    if name.replace("-", "").replace(" ", "") in ("7bit", "7bits", "8bit", "8bits", "binary", ""):
        return data
    if name == "base64":
        return words.base64(data)
    if name == "quoted-printable":
        return binascii.a2b_qp(data)
    if name in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _uudecode(data)
    sentence = f"unknown transfer encoding {name[:40]!r}"
    if sentence not in defects:
        defects.append(sentence)
    return data


def _uudecode(data: bytes) -> bytes:
    """The lines between `begin` and `end`."""
    lines = iter(data.splitlines())
    for line in lines:
        if line.startswith(b"begin "):
            break
    return uuencode.decode(takewhile(lambda line: line.strip() != b"end", lines))
