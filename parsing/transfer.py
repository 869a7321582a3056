"""Undo what carries bytes through mail: base64, quoted-printable, uuencode (RFC 2045 section 6)."""

from __future__ import annotations

import binascii
import re
from itertools import takewhile

from parsing import uuencode, words
from parsing.defects import Defects

_ENCODING_NAMES = {"quoted_printable": "quoted-printable", "quoted/printable": "quoted-printable", "base-64": "base64"}


_RULE = re.compile(rb"\n(?:\r?\n)?(?=(?:_{8,}|-- )[ \t]*\r?\n)")  # over a footer
_WORD = re.compile(rb"\s*[^\s]*[^A-Za-z0-9+/=\s]")  # that is no base64


def decode(data: bytes, encoding: str, defects: Defects, *, is_text: bool = False) -> bytes:
    """The bytes that a Content-Transfer-Encoding carries; an unknown one leaves them as they are.

    Under a text in base64 a mailing list's plain footer is kept as it stands.
    """
    if encoding in ("7bit", "8bit"):
        return data
    name = encoding.partition(";")[0].partition("(")[0].strip(" \t\"'").lower()
    name = _ENCODING_NAMES.get(name, name)
    if name.replace("-", "").replace(" ", "") in ("7bit", "7bits", "8bit", "8bits", "binary", ""):
        return data
    if name == "base64":
        end = _end_of_base64(data) if is_text else -1
        return words.base64(data) if end < 0 else words.base64(data[:end]) + data[end:]
    if name == "quoted-printable":
        return binascii.a2b_qp(data)
    if name in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _uudecode(data)
    defects.note(f"unknown transfer encoding {name[:40]!r}")
    return data


def _end_of_base64(data: bytes) -> int:
    """Where plain words begin under a text in base64, with the line end before them; -1 where none do."""
    padding = data.find(b"=")
    if padding < 0:
        rule = _RULE.search(data)
        return rule.start() if rule else -1
    end = data.find(b"\n", padding)
    return end if end >= 0 and _WORD.match(data, end) else -1


def _uudecode(data: bytes) -> bytes:
    """The lines between `begin` and `end`."""
    lines = iter(data.splitlines())
    for line in lines:
        if line.startswith(b"begin "):
            break
    return uuencode.decode(takewhile(lambda line: line.strip() != b"end", lines))
