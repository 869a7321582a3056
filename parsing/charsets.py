"""Bytes to characters: by the declared charset, or, where that cannot be true, by what they look like."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

from parsing import storable
from parsing.guessing import guess

# Names that mean more than they say: each is read as the superset that writers really use (WHATWG Encoding,
# section 4.2, does the same), and names that mail programs made up.
_SUPERSETS = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "hz",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
    "big5": "cp950",
}
_MADE_UP = {
    "ansi": "cp1252",
    "x-ansi": "cp1252",
    "ansi_x3.110-1983": "cp1252",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-6-i": "iso8859-6",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "x-gbk": "gb18030",
    "x-sjis": "cp932",
    "x-windows-949": "cp949",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-euc-jp": "euc_jp",
    "cp-850": "cp850",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "unicode": "utf-16",
    "utf8mb4": "utf-8",
    "x-user-defined": "cp1252",
    "iso-2022-jp-ms": "iso2022_jp_ext",
    "iso-ir-6": "cp1252",
    "windows-874": "cp874",
    "windows-31j": "cp932",
    "cp-1252": "cp1252",
}
_TEXT_NAME = re.compile(r"[A-Za-z0-9][\w.:+-]{0,40}\Z", re.ASCII)
# Python's own transformations, some of them slow or with warnings.
_NOT_FOR_MAIL = frozenset(("idna", "punycode", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"))
_AFTER_NAME = re.compile(r"[\s,;(\"']")  # comments, and the rest of a field that lost its quotes
# Of these, pure ASCII bytes may mean other characters.
_NOT_ASCII = re.compile(r"utf[-_]?(?:7|16|32)|iso-?2022|hz|ibm|cp037|cp500|cp1026|cp1140|cp424|cp273", re.IGNORECASE)
_MULTIBYTE = frozenset({"gb18030", "cp950", "big5hkscs", "cp932", "cp949", "euc_jp", "johab"})
_SAYS_NOTHING = frozenset(("us-ascii", "ascii"))  # of bytes that are not ASCII
_SAMPLE = 400  # characters that tell whether text is mostly good


@lru_cache(maxsize=512)
def codec_for(declared: str) -> str | None:
    """The Python codec to read a declared charset with, or None where there is no such charset."""
    name = _AFTER_NAME.split(declared.strip(" \t\"'").lower(), maxsplit=1)[0]
    if not name or not _TEXT_NAME.match(name):
        return None
    name = _MADE_UP.get(name, name)
    try:
        info = codecs.lookup(name)
        b"a".decode(info.name, "replace")
    except (LookupError, ValueError):  # unknown, or no text encoding
        squeezed = re.sub(r"(?:http-equiv|content).*", "", name).rstrip("-_.")
        return codec_for(squeezed) if squeezed != name else None
    if info.name.replace("-", "_") in _NOT_FOR_MAIL:
        return None
    return _SUPERSETS.get(info.name, info.name)


def decode(data: bytes, declared: str, hint: str = "") -> tuple[str, str]:
    """The text, and a sentence on what was wrong with the charset ("" if nothing). Never raises.

    `hint` is a charset that stands elsewhere in the mail and is tried where `declared` says nothing.
    """
    if data.isascii() and not (declared and _NOT_ASCII.search(declared)):
        return (_escaped(data) if b"\x1b" in data else None) or (data.decode("ascii"), "")
    codec = codec_for(declared) if declared else None
    wrong = f"unknown charset {declared[:40]!r}" if declared and codec is None else ""
    if codec == "utf-8":
        try:
            return data.decode("utf-8"), ""
        except UnicodeDecodeError as error:
            return _mislabelled(data, error)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and len(data) % 2 == 0:
        return data.decode("utf-16", "replace"), wrong
    if codec and codec.startswith(("utf-16", "utf-32", "utf_16", "utf_32")) and b"\0" not in data[:64]:
        codec, wrong = None, f"charset is not {declared[:40]!r}"
    if codec and codec.startswith("iso2022") and not data.isascii() and b"\x1b$" not in data:
        codec, wrong = None, f"charset is not {declared[:40]!r}"  # whose bytes all have seven bits (RFC 1468)
    if codec is None or codec == "cp1252" or codec in _MULTIBYTE or not codec.startswith(("utf", "iso2022", "hz")):
        utf8 = _as_utf8(data, codec)
        if utf8 is not None:
            return utf8, wrong or (f"charset is utf-8, not {declared[:40]!r}" if declared else "")
    if codec is None or declared.lower() in _SAYS_NOTHING:
        damaged = _as_damaged_utf8(data)
        if damaged is not None:
            return damaged, wrong or "bytes that are not utf-8"
        codec = codec_for(hint) if hint and hint.lower() not in _SAYS_NOTHING else None
        codec = codec if codec not in (None, "utf-8", "utf-7") else guess(data)
        return data.decode(codec, "replace"), wrong or f"8-bit text without a charset, read as {codec}"
    if codec == "utf-7":  # alone among codecs it makes halves of surrogate pairs, and what reads on fails on them
        text = storable.text(data.decode(codec, "replace"))
        return text, f"bytes that are not {declared[:40]!r}" if "\ufffd" in text else wrong
    try:
        return data.decode(codec), wrong
    except UnicodeDecodeError as error:
        if codec == "cp1252":  # five bytes are undefined there, and are C1 controls in ISO 8859-1
            return data.decode("cp1252", "replace"), wrong
        if codec in _MULTIBYTE and error.start < len(data) // 2:
            other = guess(data)
            if other != codec and other in _MULTIBYTE and _decodes(data, other):
                return data.decode(other), f"charset is {other}, not {declared[:40]!r}"
        return data.decode(codec, "replace"), f"bytes that are not {declared[:40]!r}"


def _escaped(data: bytes) -> tuple[str, str] | None:
    """Text that nobody labelled and that switches charsets by escapes, as Japanese mail does (RFC 1468, RFC 1557)."""
    codec = "iso2022_kr" if b"\x1b$)C" in data else "iso2022_jp_ext"
    if b"\x1b$" not in data or not _decodes(data, codec):
        return None
    return data.decode(codec), f"charset is {codec}, and it is not said"


def settled(hint: str, data: bytes) -> str:
    """The hint that decides for raw 8-bit text from here on: `hint`, or, where it cannot, what `data` looks like.

    Called before the first such text of a mail, so that a mail full of them is guessed once.
    """
    if data.isascii() or codec_for(hint) not in (None, "utf-8") or _decodes(data, "utf-8"):
        return hint
    return guess(data)


def _mislabelled(data: bytes, error: UnicodeDecodeError) -> tuple[str, str]:
    """Bytes that are labelled UTF-8 and are not: damaged UTF-8 stays that, anything else is guessed."""
    broken, good = _broken(data)
    if error.start > _SAMPLE or broken <= good:
        return data.decode("utf-8", "replace"), "bytes that are not utf-8"
    codec = guess(data)
    return data.decode(codec, "replace"), f"charset is not utf-8, read as {codec}"


def _as_damaged_utf8(data: bytes) -> str | None:
    """UTF-8, if that is what most of these bytes are that nobody labelled: it does not look so by chance."""
    broken, good = _broken(data)
    return data.decode("utf-8", "replace") if good > 4 * broken else None


def _broken(data: bytes) -> tuple[int, int]:
    """How much of `data` is no UTF-8, and how many of its first characters are that and not ASCII."""
    whole = data.decode("utf-8", "ignore")
    broken = data.decode("utf-8", "replace").count("\ufffd") - whole.count("\ufffd")
    return broken, sum(1 for char in whole[:_SAMPLE] if char > "\x7f")


def _as_utf8(data: bytes, codec: str | None) -> str | None:
    """UTF-8, if the bytes are that and the declared charset is hardly what was meant."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if codec in _MULTIBYTE:
        # Two-byte text can look like UTF-8 by chance when there is little of it.
        foreign = sum(1 for char in text[:_SAMPLE] if char > "\x7f")
        if foreign < 4 and codec is not None and _decodes(data, codec):
            return None
    return text


def _decodes(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True
