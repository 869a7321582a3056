"""Files that stand in a text between `begin` and `end` (POSIX uuencode), as they were sent before there was MIME."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable

_BEGIN = re.compile(r"^begin 0?[0-7]{3} (\S[^\n]{0,254})\n", re.MULTILINE)
_END = re.compile(r"\nend[ \t]*$", re.MULTILINE)
FILES = 100  # in one text; the rest stays in it


def take_out(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text without the files in it, and the files as (name, data). What is no whole file stays where it is."""
    kept: list[str] = []
    files: list[tuple[str, bytes]] = []
    position = 0
    while len(files) < FILES and (begin := _BEGIN.search(text, position)):
        end = _END.search(text, begin.end() - 1)
        if end is None:
            break
        lines = text[begin.end() : end.start()].split("\n")
        if all(map(_is_line, lines)):
            kept.append(text[position : begin.start()])
            files.append((begin[1].strip(), decode(line.encode("ascii") for line in lines)))
        else:
            kept.append(text[position : end.end()])
        position = end.end()
    return "".join([*kept, text[position:]]), files


def _is_line(line: str) -> bool:
    """Whether the first character counts the bytes of the rest; blanks at the end may be lost."""
    if not line.isascii() or not line or not " " <= line[0] <= "`":
        return not line.strip()
    whole = ((ord(line[0]) - 32 & 63) + 2) // 3 * 4
    return len(line) - 1 <= whole + 2 and len(line.rstrip()) - 1 >= whole - 4


def decode(lines: Iterable[bytes]) -> bytes:
    """The bytes of such lines; one that is damaged is skipped."""
    out = []
    for line in lines:
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            length = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
            try:
                out.append(binascii.a2b_uu(line[:length]))
            except binascii.Error:
                continue
    return b"".join(out)
