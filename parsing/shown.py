"""What a line of a mail shows, whether it is quoted, and the mark of a client that is found in lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["wrote", "original", "forward", "block"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A client's mark: lines `start` to `end` (exclusive) introduce what is quoted or forwarded below.

    `column` is where in line `start` the mark begins, when new words stand before it on that line. It is not
    `sure` where a person may have written it: "As we wrote on 10.03.2026:".
    """

    kind: Kind
    start: int
    end: int
    column: int = 0
    sure: bool = True


_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]{1,64}@[^\s<>()\[\]\"',;:]{1,255}")


def visible(line: str) -> str:
    """The line without what cannot be seen: soft hyphens, zero-width characters, marks of direction."""
    return line if line.isascii() else _INVISIBLE.sub("", line).replace("\u00a0", " ")


def is_visible(text: str) -> bool:
    """Whether it surely is what `visible` makes of it: told at once of Latin-1's letters."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return "\u00ad" not in text and "\u00a0" not in text


def is_quoted(line: str) -> bool:
    """Whether the line carries a quote's prefix (RFC 3676 section 4.5)."""
    head = line[:1]
    return head == ">" or (head == " " and line[1:3].lstrip(" ")[:1] == ">")
