"""What an HTML tag says of itself: its attributes, and whether a reader sees what is in it."""

from __future__ import annotations

import re
from html import unescape

_ATTRIBUTE = re.compile(r"(?<![a-zA-Z-])([a-zA-Z-]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))")
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?<![\w-])opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|\Z)",
    re.IGNORECASE,
)
_TINY = re.compile(r"font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|\Z)", re.IGNORECASE)
_CLIPPED = re.compile(r"(?<![\w-])(?:max-)?height\s*:\s*0(?:px|pt)?\s*(?:;|!|\Z)", re.IGNORECASE)
_MAYBE_HIDDEN = re.compile(r"none|hidden|opacity|font-size|height", re.IGNORECASE)

VOID = frozenset(("br", "img", "hr", "input", "meta", "link", "col", "base", "wbr", "area", "embed", "source"))
_INLINE = frozenset(("span", "font", "a", "b", "i", "em", "strong", "small", "p"))


def attributes(source: str) -> dict[str, str]:
    """The attributes of a tag's inside, names in lower case; of twins the first counts, as in browsers."""
    found: dict[str, str] = {}
    for name, double, single, plain in _ATTRIBUTE.findall(source):
        found.setdefault(name.lower(), unescape(double or single or plain))
    return found


def is_hidden(name: str, source: str) -> bool:
    """Whether a tag of that name hides what is in it, by its style or the attribute `hidden`."""
    if len(source) <= 6 or name in VOID or not _MAYBE_HIDDEN.search(source):
        return False
    found = attributes(source)
    style = found.get("style", "")
    if style and (
        _HIDDEN.search(style)
        or (name in _INLINE and _TINY.search(style))
        or (_CLIPPED.search(style) and "overflow" in style and "hidden" in style)
    ):
        return True
    bare = _ATTRIBUTE.sub(" ", source).lower().split()
    return "hidden" in bare or "hidden" in found
