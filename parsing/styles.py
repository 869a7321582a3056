"""What CSS makes of an element: whether a reader sees its words.

Declarations in an attribute or in the rules of `<style>` for a tag, a class or an id; other selectors are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

RULES_BYTES = 100_000  # of `<style>`; newsletters carry 30 KB
RULES = 2_000
STYLES = 20  # elements that rules stand in: each one found is read together with those before
_REMEMBERED = 32  # sheets: clients write the same one into every mail
_FAR = -900.0  # pixels to the left from which on an element is off every page
_TINY = 1.5  # pixels of a letter that nobody reads
_CLIPPED = 1.0  # pixels of a box whose overflow is cut off
_EM = 16.0  # pixels, the size that browsers begin with

_COMMENT = re.compile(r"/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)")
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \t\n]?|(.))")  # CSS Syntax section 4.3.7
_LENGTH = re.compile(r"\s*([+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}))(px|pt|r?em|ex|%|[a-z]*)")
_SHORT_FONT = re.compile(r"(?<![\w.-])([\d.]{1,9}(?:px|pt|r?em|%)?)\s?/")
_SHORT_SIZE = re.compile(r"(?<![\w.-])((?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:px|pt|r?em|%))")
_NUMBER = re.compile(r"-?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})")
_SCALED = re.compile(r"\bscale(?:3d|[xyz])?\(\s*0*(?:\.0*)?\s*[,)]")
_SELECTOR = re.compile(r"[a-z][a-z0-9]*|[a-z0-9]*[.#][\w-]{1,100}", re.IGNORECASE | re.ASCII)
_BRACE = re.compile(r"[{}]")
_COLOURS = {"white": "ffffff", "black": "000000"}
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})\s*,?\s*(\d{1,3})\s*,?\s*(\d{1,3})\s*(?:[,/]\s*([\d.]{1,9})%?\s*)?\)")
_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\Z")
_PAPER = re.compile(r"#[0-9a-f]{3,8}|rgba?\([^()]{5,40}\)|[a-z]{3,20}")
_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "em": _EM, "rem": _EM, "ex": _EM / 2, "%": _EM / 100}
TRANSPARENT = "transparent"
# Rules without any of these conceal nothing, and need not be read: nearly all.
_CONCEALING: tuple[str, ...] = (
    "none",
    "hidden",
    "collapse",
    "mso-hide",
    "opacity",
    "indent",
    "clip",
    "scale",
    "rgb",
    "transparent",
    ":-",
)
_CONCEALING += (": -", "\\", "/*", "#")
_SMALL = re.compile(r"font[a-z-]{0,5}\s{0,9}:\s{0,9}[01.](?!\d)")
_SHOWN = frozenset(("", "inherit", "initial", "unset", "revert"))


@dataclass(frozen=True, slots=True)
class Look:
    """What an element says of its words: None where it says nothing and its parent's holds.

    `hides` is for all in it; tiny letters and ink of the paper's colour are so until an element in it says otherwise.
    Colours are six hex digits; `paper` is "" where it is a picture or no colour that can be told.
    """

    hides: bool = False
    tiny: bool | None = None
    ink: str | None = None
    paper: str | None = None


_NOTHING = Look()


def declarations(style: str) -> dict[str, str]:
    """The properties of a declaration list in lower case; the last of twins counts, or the important one."""
    if "/*" in style:
        style = _COMMENT.sub("", style)
    found: dict[str, str] = {}
    important: set[str] = set()
    for one in style.split(";"):
        name, colon, value = one.partition(":")
        if not colon:
            continue
        if "\\" in one:
            name, value = _ESCAPE.sub(_unescaped, name), _ESCAPE.sub(_unescaped, value)
        name, value = name.strip().lower(), value.strip().lower()
        value, mark, _ = value.partition("!")
        if mark or name not in important:
            found[name] = value.strip()
            if mark:
                important.add(name)
    return found


def look(found: Mapping[str, str]) -> Look | None:
    """What declarations say of the words, None where they say nothing."""
    said = Look(_hides(found), _tiny(found), _ink(found), _paper(found))
    return None if said == _NOTHING else said


def colour(value: str) -> str:
    """A colour as six hex digits, `TRANSPARENT`, or "" where it is none that can be told."""
    value = value.strip().lower()
    if value in _COLOURS:
        return _COLOURS[value]
    if value == TRANSPARENT:
        return value
    if _HEX.match(value):
        digits = value[1:] if len(value) > 5 else "".join(digit * 2 for digit in value[1:])
        return TRANSPARENT if digits[6:] == "00" else digits[:6]
    rgb = _RGB.match(value)
    if rgb:
        clear = rgb[4] is not None and not rgb[4].strip("0.")
        return TRANSPARENT if clear else "".join(f"{min(int(part), 255):02x}" for part in rgb.groups()[:3])
    return ""


@lru_cache(maxsize=_REMEMBERED)
def rules(css: str) -> tuple[dict[str, dict[str, str]], bool]:
    """The declarations of each simple selector ("p", ".note", "p.note", "#top").

    And whether no other selector colours anything, so that the colours of elements are known.
    Rules in `@media` and the like hold for some screens only and are left out.
    """
    lower = css[:RULES_BYTES].lower()
    if not any(word in lower for word in _CONCEALING) and not _SMALL.search(lower):
        return {}, "color" not in lower and "background" not in lower
    css = _COMMENT.sub("", css[:RULES_BYTES].replace("<!--", " ").replace("-->", " "))
    found: dict[str, dict[str, str]] = {}
    plain = True
    for number, (selectors, body) in enumerate(_blocks(css)):
        if number == RULES:
            break
        said = declarations(body)
        for selector in selectors.split(","):
            name = selector.strip()
            if "\\" in name:
                name = _ESCAPE.sub(_unescaped, name)
            if _SELECTOR.fullmatch(name):
                found.setdefault(name.lower(), {}).update(said)
            elif "color" in said or any(one.startswith("background") for one in said):
                plain = False
    looks = {name: seen for name, said in found.items() if (seen := look(said))}
    if not any(seen.hides or seen.tiny or seen.ink == TRANSPARENT for seen in looks.values()):
        return {}, plain and not any(seen.ink or seen.paper for seen in looks.values())
    return {name: found[name] for name in looks}, plain


def matching(known: Mapping[str, dict[str, str]], name: str, identity: str, classes: str) -> dict[str, str]:
    """The declarations that rules make for an element, the closest selector last."""
    found = dict(known.get(name, ()))
    for mark, word in [(".", word) for word in classes.lower().split()] + [("#", identity.lower())]:
        for key in (f"{mark}{word}", f"{name}{mark}{word}"):
            found |= known.get(key, {})
    return found


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """(selectors, declarations) of the rules that stand in no other block."""
    depth = start = opened = 0
    for brace in _BRACE.finditer(css):
        if brace[0] == "{":
            depth += 1
            if depth == 1:
                opened = brace.start()
        elif depth:
            depth -= 1
            if depth == 0:
                selectors = css[start:opened].rpartition(";")[2].strip()
                if not selectors.startswith("@"):
                    yield selectors, css[opened + 1 : brace.start()]
                start = brace.end()
        else:
            start = brace.end()


def _hides(found: Mapping[str, str]) -> bool:
    get = found.get
    return (
        get("display") == "none"
        or get("visibility") in ("hidden", "collapse")
        or get("mso-hide") == "all"
        or _zero(get("opacity", ""))
        or any(_pixels(get(name, "")) <= _FAR for name in ("text-indent", "left", "top", "margin-left", "margin-top"))
        or bool(_SCALED.search(get("transform", "")))
        or _is_clipped(found)
    )


def _is_clipped(found: Mapping[str, str]) -> bool:
    clip = found.get("clip", "")
    if clip.startswith("rect(") and all(abs(float(part)) <= _CLIPPED for part in _NUMBER.findall(clip)):
        return any(map(str.isdigit, clip))
    if found.get("clip-path", "").startswith(("inset(50%", "inset(100%", "circle(0")):
        return True
    if not any(found.get(name, "").startswith(("hidden", "clip")) for name in ("overflow", "overflow-x", "overflow-y")):
        return False
    boxes = ("height", "max-height", "width", "max-width")
    sizes = [size for name in boxes if (size := found.get(name, "")) and ("%" not in size or _zero(size))]
    return any(0 <= _pixels(size, nothing=_EM) <= _CLIPPED for size in sizes)


def _tiny(found: Mapping[str, str]) -> bool | None:
    size = found.get("font-size", "")
    if not size and (short := found.get("font", "")):
        part = _SHORT_FONT.search(short) or _SHORT_SIZE.search(short)
        size = part[1] if part else ""
    if size in _SHOWN:
        return None
    return _pixels(size, nothing=_EM) <= _TINY


def _ink(found: Mapping[str, str]) -> str | None:
    value = found.get("color", "")
    return None if value in _SHOWN else colour(value)


def _paper(found: Mapping[str, str]) -> str | None:
    if found.get("background-image", "none") != "none":
        return ""
    value = found.get("background-color") or found.get("background", "")
    if value in _SHOWN or value in (TRANSPARENT, "none"):
        return None
    if "url(" in value or "gradient" in value:
        return ""
    part = _PAPER.match(value)
    paper = colour(part[0]) if part else ""
    return None if paper == TRANSPARENT else paper


def _zero(value: str) -> bool:
    number = _NUMBER.match(value)
    return number is not None and float(number[0]) <= 0.01


def _pixels(value: str, nothing: float = 0.0) -> float:
    """A length in pixels, `nothing` where it is none; what is a share of something is taken of a letter's size."""
    length = _LENGTH.match(value)
    return float(length[1]) * _UNITS.get(length[2], _EM) if length else nothing


def _unescaped(found: re.Match[str]) -> str:
    if found[2] is not None:
        return found[2]
    code = int(found[1], 16)
    return chr(code) if 0 < code < 0xD800 or 0xE000 <= code < 0x110000 else "\ufffd"
