"""Know the words of our own notices where somebody has left them in his answer without our delimiter and without ">".

What only staff get is looked for, in every language of `templates/mail`: the line that says how a ticket stands, what
introduces somebody's words, how sure their author is, and the lines below them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import re2

INTERNAL = ("notice", "confirm", "preview", "alarm")  # letters that only staff get
LEAST = 12  # characters of a whole sentence of ours that nobody else writes by chance
LONG = 32  # the same of a part of one, beside what differs from mail to mail
MEMORY = 64_000_000  # bytes that RE2 may take for its states, so that it stays at one step a byte; it takes few of them

_compile: Any = re2.compile  # re2 has no types
_Set: Any = re2.Set
_escape: Any = re2.escape
_SPACE = "[\\s\u00a0]+"  # clients wrap lines anew
_SPEAKER = "(?:>|@[^\\s]+)"  # what an author ends with: "<jane@acme.example>"; how sure he is, stands for itself
_DECORATION = "[\\s>*_|-]*"  # what clients put before a line
_ONE_WRAP = "[^\\n]*(?:\\n[^\\n]+)?"  # a name and an address, perhaps on two lines
_END = "(?m:[\\s*_]*$)"
_FILLED = re.compile(r"\{% if .*?endif %\}|\{\{.*?\}\}")


def begins(text: str) -> int | None:
    """Where the first line begins that has words of a notice of ours, in characters; None where there is none."""
    found = _OURS.search(text) if _IS_THERE.Match(text) else None  # half the price of a search, which tells where, too
    return None if found is None else text.rfind("\n", 0, found.start()) + 1


def _patterns() -> Iterator[str]:
    """RE2 patterns of what is fixed in our notices, in all languages."""
    yield r"\bINC-\d+\W{1,4}· "
    for file in sorted(files("templates").joinpath("mail").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            yield from _of_language(tomllib.loads(file.read_text("utf-8")))


def _of_language(said: dict[str, Any]) -> Iterator[str]:
    for label in ("owner_label", "requester_label"):
        yield f"·{_SPACE}{_words(said[label])}:"
    for sure in said["trust"].values():
        yield rf"\({_words(sure)}\)"
    for line in ("delimiter", "shortened_label", "kept_out_label", "how", "how_note", "how_asks", "how_inside"):
        yield from _of_paragraph(said[line])
    for name, blocks in said["letter"].items():
        if name.partition("-")[0] in INTERNAL:
            for paragraphs in blocks.values():
                for paragraph in paragraphs:
                    yield from _of_paragraph(paragraph)


def _of_paragraph(paragraph: str) -> Iterator[str]:
    """Its long fixed parts; where it has none, the whole of it, whatever it is filled with."""
    fixed = [part.strip() for part in _FILLED.split(paragraph)]
    long = [part for part in (fixed if fixed[0] else fixed[2:]) if len(part) >= LONG]
    if len(fixed) == 1 and len(paragraph) >= LEAST:
        long = [paragraph]
    if long:
        yield from map(_words, long)
        return
    if not fixed[0] and sum(map(len, fixed)) < LEAST:
        return  # "Jane Doe <jane@acme.example> wrote:" is any client's, too; how sure she is tells ours
    # "I have closed this ticket." are anybody's words: only after the address of an author they are ours.
    head = f"(?m:^){_DECORATION}{_words(fixed[0])}{_SPACE}" if fixed[0] else f"{_SPEAKER}{_SPACE}"
    rest = [_words(part) for part in fixed[1:] if part]
    yield head + (_ONE_WRAP + _ONE_WRAP.join(rest) if fixed[0] else "[^\\n]*".join(rest)) + _END


def _words(text: str) -> str:
    """A pattern of these words, wherever their line is wrapped."""
    return _SPACE.join(_escape(word) for word in text.split())


def _compiled() -> tuple[Any, Any]:
    options = re2.Options()
    options.max_mem = MEMORY
    pattern = f"(?i){'|'.join(dict.fromkeys(_patterns()))}"
    some = _Set.SearchSet(options)
    some.Add(pattern)
    some.Compile()
    return some, _compile(pattern, options)


_IS_THERE, _OURS = _compiled()
