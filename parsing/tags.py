"""What an HTML tag says of itself: its attributes, and how its words look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape

from parsing import styles
from parsing.styles import Look

_ATTRIBUTE = re.compile(r"(?<![a-zA-Z-])([a-zA-Z-]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))")
_SAYS = re.compile(r"style|hidden|color|background", re.IGNORECASE)

VOID = frozenset(("br", "img", "hr", "input", "meta", "link", "col", "base", "wbr", "area", "embed", "source"))


def attributes(source: str) -> dict[str, str]:
    """The attributes of a tag's inside, names in lower case; of twins the first counts, as in browsers."""
    found: dict[str, str] = {}
    for name, double, single, plain in _ATTRIBUTE.findall(source):
        found.setdefault(name.lower(), unescape(double or single or plain))
    return found


def look(name: str, source: str, rules: Mapping[str, dict[str, str]] | None = None) -> Look | None:
    """How the words in a tag of that name look by its attributes, and by the `rules` of `<style>`; None: no matter."""
    if name in VOID or (not rules and (len(source) <= 6 or not _SAYS.search(source))):
        return None
    found = attributes(source) if "=" in source else {}
    said = styles.matching(rules, name, found.get("id", ""), found.get("class", "")) if rules else {}
    if "style" in found:
        said |= styles.declarations(found["style"])
    if "bgcolor" in found:
        said.setdefault("background-color", found["bgcolor"])
    if "background" in found:
        said["background-image"] = found["background"]
    if name == "font" and "color" in found:
        said.setdefault("color", found["color"])
    seen = styles.look(said) if said else None
    if "hidden" in source.lower() and ("hidden" in found or "hidden" in _ATTRIBUTE.sub(" ", source).lower().split()):
        return replace(seen or Look(), hides=True)
    return seen
