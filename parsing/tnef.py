"""winmail.dat unpacked: Microsoft's TNEF ([MS-OXTNEF]), its files, and its body in whatever form it has one."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass, field

from parsing import limits, rtf

_SIGNATURE = b"\x78\x9f\x3e\x22"
# Attribute ids ([MS-OXTNEF] section 2.1.3.2), without their type half.
_ATTACH_REND_DATA, _ATTACH_TITLE, _ATTACH_DATA, _ATTACHMENT = 0x9002, 0x8010, 0x800F, 0x9005
_MESSAGE_PROPERTIES, _BODY, _CODEPAGE = 0x9003, 0x800C, 0x9007
# MAPI property ids ([MS-OXPROPS]).
_DATA, _LONG_NAME, _NAME, _MIME_TAG = 0x3701, 0x3707, 0x3704, 0x370E
_PLAIN_BODY, _HTML_BODY, _RTF_BODY = 0x1000, 0x1013, 0x1009
_FIXED = {
    0x0002: 4,
    0x0003: 4,
    0x0004: 4,
    0x0005: 8,
    0x0006: 8,
    0x0007: 8,
    0x000A: 4,
    0x000B: 4,
    0x0014: 8,
    0x0040: 8,
    0x0048: 16,
}
_VARIABLE = frozenset((0x000D, 0x001E, 0x001F, 0x0102))


@dataclass(slots=True)
class Unpacked:
    """`files` as (name, content type, data); `wrong` is "" or a sentence on why the reading stopped."""

    files: list[tuple[str, str, bytes]] = field(default_factory=list)
    text: str = ""
    html: str = ""
    wrong: str = ""


@dataclass(slots=True)
class _File:
    title: str = ""
    name: str = ""
    kind: str = ""
    data: bytes = b""


def read(data: bytes) -> Unpacked | None:
    """The contents, or None where these bytes are no TNEF. Linear in their length; never raises."""
    if not data.startswith(_SIGNATURE):
        return None
    out = Unpacked()
    files: list[_File] = []
    codepage = "cp1252"
    try:
        for identifier, value in _attributes(data):
            if identifier == _CODEPAGE and len(value) >= 4:
                codepage = f"cp{int.from_bytes(value[:4], 'little')}"
            elif identifier == _ATTACH_REND_DATA:
                if len(files) >= limits.TNEF_ATTACHMENTS:
                    out.wrong = f"more than {limits.TNEF_ATTACHMENTS} files in winmail.dat: the rest was not read"
                    break
                files.append(_File())
            elif identifier == _ATTACH_TITLE and files:
                files[-1].title = _text(value, codepage)
            elif identifier == _ATTACH_DATA and files:
                files[-1].data = value
            elif identifier == _ATTACHMENT and files:
                _file_properties(value, files[-1], codepage)
            elif identifier == _MESSAGE_PROPERTIES:
                _message_properties(value, out, codepage)
            elif identifier == _BODY and not out.text:
                out.text = _text(value, codepage)
    except (IndexError, ValueError):
        out.wrong = "winmail.dat is damaged: what was read stands"
    for item in files:
        name = item.name or item.title or "unnamed"
        kind = item.kind.lower() or mimetypes.guess_type(name)[0] or "application/octet-stream"
        out.files.append((name, kind, item.data))
    return out


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """level (1), id (2), type (2), length (4), value, checksum (2): [MS-OXTNEF] section 2.1.3.1."""
    position = 6
    if len(data) <= position:
        raise ValueError("nothing after the signature and the key")
    while position + 9 <= len(data):
        identifier = int.from_bytes(data[position + 1 : position + 3], "little")
        length = int.from_bytes(data[position + 5 : position + 9], "little")
        position += 9
        if position + length > len(data):
            raise ValueError("an attribute longer than the file")
        yield identifier, data[position : position + length]
        position += length + 2
    if data[position:].strip(b"\0\r\n"):
        raise ValueError("an attribute without its end")


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """MAPI properties as (id, type, value), of several values the first: [MS-OXTNEF] section 2.1.3.4."""
    count = int.from_bytes(data[:4], "little")
    position = 4
    for _ in range(min(count, len(data) // 4)):
        if position + 4 > len(data):
            return
        kind = int.from_bytes(data[position : position + 2], "little")
        identifier = int.from_bytes(data[position + 2 : position + 4], "little")
        position += 4
        if identifier >= 0x8000:  # a named property: GUID, kind, then id or name
            named = int.from_bytes(data[position + 16 : position + 20], "little")
            position += 20
            if named:
                position += 4 + _padded(int.from_bytes(data[position : position + 4], "little"))
            else:
                position += 4
        several = bool(kind & 0x1000)
        kind &= 0x0FFF
        values = 1
        if several or kind in _VARIABLE:
            values = int.from_bytes(data[position : position + 4], "little")
            position += 4
        first: bytes | None = None
        for _ in range(min(values, len(data) // 2)):
            if position > len(data):
                raise ValueError("a property longer than the file")
            if kind in _VARIABLE:
                length = int.from_bytes(data[position : position + 4], "little")
                value = data[position + 4 : position + 4 + length]
                position += 4 + _padded(length)
            elif kind in _FIXED:
                value = data[position : position + _FIXED[kind]]
                position += _FIXED[kind]
            else:
                raise ValueError("an unknown property type")
            first = value if first is None else first
        if first is not None:
            yield identifier, kind, first


def _padded(length: int) -> int:
    return length + (-length % 4)


def _file_properties(data: bytes, item: _File, codepage: str) -> None:
    for identifier, kind, value in _properties(data):
        if identifier == _LONG_NAME:
            item.name = _string(kind, value, codepage)
        elif identifier == _NAME and not item.title:
            item.title = _string(kind, value, codepage)
        elif identifier == _MIME_TAG:
            item.kind = _string(kind, value, codepage)
        elif identifier == _DATA and not item.data:
            item.data = value[16:] if kind == 0x000D else value  # an object begins with its interface's GUID


def _message_properties(data: bytes, out: Unpacked, codepage: str) -> None:
    rich = b""
    for identifier, kind, value in _properties(data):
        if identifier == _PLAIN_BODY:
            out.text = _string(kind, value, codepage)
        elif identifier == _HTML_BODY:
            out.html = _string(kind, value[: limits.TNEF_TEXT_BYTES], codepage)
        elif identifier == _RTF_BODY:
            rich = value
    if rich and not out.text and not out.html:
        try:
            out.text = rtf.to_text(rtf.unpacked(rich))
        except ValueError:
            out.wrong = "the rich text in winmail.dat is damaged: it was not read"


def _string(kind: int, value: bytes, codepage: str) -> str:
    if kind == 0x001F:
        return value.decode("utf-16-le", "replace").rstrip("\0")
    return _text(value, codepage)


def _text(value: bytes, codepage: str) -> str:
    try:
        return value.rstrip(b"\0").decode(codepage, "replace")
    except LookupError:
        return value.rstrip(b"\0").decode("cp1252", "replace")
