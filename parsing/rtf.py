"""The words of a rich text body: Outlook's compressed RTF ([MS-OXRTFCP]) unpacked, and RTF 1.9 as plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from parsing import charsets, limits

_HEADER = 16  # compressed size, size, how it is packed, checksum; four bytes each ([MS-OXRTFCP] section 2.1.3.1)
_PACKED, _PLAIN = b"LZFu", b"MELA"
_WINDOW = 4096
# What the window holds at the beginning ([MS-OXRTFCP] section 2.1.3.1.3).
_BEGINNING = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n" + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\",
    re.DOTALL,
)
_NOT_SHOWN = frozenset(
    (
        b"fonttbl",
        b"colortbl",
        b"stylesheet",
        b"info",
        b"pict",
        b"object",
        b"header",
        b"footer",
        b"themedata",
        b"listtable",
    )
)
_WRITTEN = {
    b"par": "\n", b"line": "\n", b"row": "\n", b"sect": "\n", b"page": "\n", b"tab": "\t", b"cell": "\t",
    b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“",
    b"rdblquote": "”", b"emspace": " ", b"enspace": " ",
}  # fmt: skip
_SIGNS = {b"~": "\u00a0", b"_": "‑", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}


def unpacked(data: bytes) -> bytes:
    """The RTF in a PidTagRtfCompressed, at most `limits.TNEF_TEXT_BYTES`; raises ValueError where it is none."""
    kind = data[8:12]
    if kind == _PLAIN:
        return data[_HEADER : _HEADER + limits.TNEF_TEXT_BYTES]
    if kind != _PACKED:
        raise ValueError("no compressed RTF")
    out = bytearray(_BEGINNING)
    position, end = _HEADER, len(data)
    while position < end and len(out) < limits.TNEF_TEXT_BYTES:
        control = data[position]
        position += 1
        for bit in range(8):
            if position >= end:
                break
            if not control >> bit & 1:
                out.append(data[position])
                position += 1
                continue
            # Twelve bits of place in the window, four of length; the place to be written next ends it.
            token = int.from_bytes(data[position : position + 2], "big")
            position += 2
            back = (len(out) - (token >> 4)) % _WINDOW
            if back == 0:
                return bytes(out[len(_BEGINNING) :])
            if back > len(out):
                raise ValueError("a place that was never written")
            for _ in range((token & 15) + 2):
                out.append(out[-back])
    return bytes(out[len(_BEGINNING) :])


@dataclass(frozen=True, slots=True)
class _Group:
    shown: bool = True
    fallback: int = 1  # characters after \uN for readers without Unicode


def to_text(rtf: bytes) -> str:
    """What a reader sees of it, in one pass; what comes after groups nested too deep is left out."""
    out: list[str] = []
    held = bytearray()  # of one charset, in which a character may take two bytes
    groups: list[_Group] = []
    charset, group, skip, position = "cp1252", _Group(), 0, 0
    while position < len(rtf) and (token := _TOKEN.match(rtf, position)):
        position = token.end()
        word, number, hexed, sign, brace, text = token.groups()
        if hexed or text:
            data = bytes([int(hexed, 16)]) if hexed else text
            unseen = min(skip, len(data))
            skip -= unseen
            if group.shown:
                held += data[unseen:]
            continue
        if held:
            out.append(charsets.decode(bytes(held), charset)[0])
            held.clear()
        if brace == b"{":
            if len(groups) >= limits.DEPTH:
                break
            groups.append(group)
        elif brace:
            group = groups.pop() if groups else _Group()
        elif word == b"bin":
            position += max(0, int(number or 0))
        elif word == b"ansicpg" and number:
            charset = f"cp{int(number)}"
        elif word == b"uc":
            group = replace(group, fallback=min(int(number or 1), 10))
        elif word in _NOT_SHOWN or sign == b"*":  # of a destination that is not known: RTF 1.9, "\*"
            group = replace(group, shown=False)
        elif group.shown and word == b"u" and number:
            out.append(chr(int(number) % 0x10000))
            skip = group.fallback
        elif group.shown:
            out.append(_WRITTEN.get(word or b"", "") or _SIGNS.get(sign or b"", ""))
    if held:
        out.append(charsets.decode(bytes(held), charset)[0])
    # \u writes characters beyond the first plane as two halves.
    return "".join(out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").strip("\n")
