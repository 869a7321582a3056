"""The files that settings are read from, and the place in them that an error is about."""

from __future__ import annotations

import glob
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailgate.errors import SettingsError

# sections that may stand there several times
LISTS = ("imap", "grant", "queue", "staff", "partner", "person", "old_desk", "form", "rule")

Place = tuple[str | int, ...]  # ("imap", 0, "port"): a key, by section, number in a list, and name


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong at a place, and how to mend it: "expected ..., found ..."."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """One file as it was read."""

    file: Path
    text: str
    tree: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sources:
    """A file with its includes read in. `origins` tells where each entry of a list section came from."""

    main: Source
    tree: dict[str, Any]
    origins: Mapping[str, Sequence[tuple[Source, int]]] = field(default_factory=dict)

    def sentence(self, misfit: Misfit) -> str:
        """FILE:LINE: KEY: what is wrong."""
        return _printable(f"{self.where(misfit.place)}: {self._key(misfit.place)}: {misfit.text}")

    def where(self, place: Place) -> str:
        """FILE:LINE. The line is left out where it cannot be told."""
        source = self.main
        if len(place) > 1 and isinstance(place[1], int) and (origin := self.origins.get(str(place[0]))):
            source, index = origin[place[1]]
            place = (place[0], index, *place[2:])
        line = line_of(source.text, place)
        return f"{source.file}:{line}" if line else str(source.file)

    def _key(self, place: Place) -> str:
        """`imap "office".port`; an entry without a name by its number, as people count."""
        out = ""
        node: Any = self.tree
        for step in place:
            if isinstance(node, Mapping):
                node = node.get(step)
            else:
                node = node[step] if isinstance(node, list) and isinstance(step, int) else None
            if isinstance(step, int):
                name = node.get("name") if isinstance(node, Mapping) else None
                out += f' "{name}"' if isinstance(name, str) else f" no. {step + 1}"
            else:
                out += f".{step}" if out else step
        return out


def _printable(text: str) -> str:
    """On one line, and with nothing in it that steers a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def read(file: Path) -> Sources:
    """A file and its includes. Raises SettingsError where one cannot be read, or is not TOML."""
    main = _source(file)
    patterns = main.tree.get("include", [])
    if not isinstance(patterns, list) or not patterns:
        return Sources(main, main.tree)
    tree = dict(main.tree)
    origins = {key: [(main, n) for n in range(len(tree[key]))] for key in LISTS if isinstance(tree.get(key), list)}
    problems: list[str] = []
    for part in _included(file, patterns, problems):
        for key, value in part.tree.items():
            if key in LISTS and isinstance(value, list) and isinstance(tree.get(key, []), list):
                tree[key] = [*tree.get(key, []), *value]
                origins.setdefault(key, []).extend((part, n) for n in range(len(value)))
            else:
                line = line_of(part.text, (key,))
                problems.append(
                    f"{part.file}{f':{line}' if line else ''}: {key}: an included file may hold only "
                    f"{', '.join(f'[[{k}]]' for k in LISTS)}; move it to {file.name}"
                )
    if problems:
        raise SettingsError(problems)
    return Sources(main, tree, origins)


def _included(file: Path, patterns: list[Any], problems: list[str]) -> Iterator[Source]:
    for pattern in patterns:
        names = sorted(glob.glob(str(file.parent / str(pattern))))  # noqa: PTH207 - a pattern may be absolute
        if not names and not any(c in str(pattern) for c in "*?["):
            problems.append(f"{file}: include: there is no file {pattern}")
        for name in names:
            try:
                yield _source(Path(name))
            except SettingsError as error:
                problems += error.problems


def _source(file: Path) -> Source:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SettingsError([f"{file}: there is no such file; `mailgate init` writes one"]) from None
    except OSError as error:
        raise SettingsError([f"{file}: cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        raise SettingsError([f"{file}: is not UTF-8 at byte {error.start}; save it as UTF-8"]) from None
    try:
        return Source(file, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_syntax(file, text, str(error))]) from None


_HINTS = (
    (r"Cannot declare \('(.+)',\) twice", "the section [NAME] stands there twice; put its keys together"),
    (r"Cannot overwrite a value", "the key stands there twice; take one away"),
    (r"Cannot mutate immutable", "the section is written in two ways; put its keys together"),
    (r"Invalid value", 'texts stand in "quotes", lists in [brackets], yes and no are true and false'),
    (r"Illegal character '\\[nr]'", "the closing quote is missing"),
    (r"Unescaped '\\'|Illegal character", "write patterns and Windows paths in 'single quotes', or double each \\"),
    (r"Expected '=' after a key", "a line is: key = value"),
    (r"Expected ']'|Expected '\]\]'", "a section is [name], one of several is [[name]]"),
    (r"Unclosed array", "a list that begins with [ ends with ]"),
    (r"Expected newline or end of document", "one key = value on a line"),
    (r"Unterminated string", "the closing quote is missing"),
)


def _syntax(file: Path, text: str, said: str) -> str:
    """A syntax error with the line as it stands there."""
    at = re.search(r" \(at line (\d+), column \d+\)", said)
    if at is None:  # "(at end of document)"
        number, shown = len(text.splitlines()), ""
    else:
        number = int(at[1])
        lines = text.splitlines()
        shown = lines[number - 1].strip() if number <= len(lines) else ""
    what = re.sub(r" \(at .*\)$", "", said)
    mend = next((_filled(hint, match) for pattern, hint in _HINTS if (match := re.search(pattern, what))), what)
    return f"{file}:{number}: is not TOML: {f'{shown[:60]!r}: ' if shown else ''}{mend}"


def _filled(hint: str, match: re.Match[str]) -> str:
    return hint.replace("NAME", match[1]) if match.lastindex else hint


def line_of(text: str, place: Place) -> int | None:
    """The line that a place stands on, counted from 1: the key's, else its section's; None where neither is found."""
    lines = text.splitlines()
    names = [step for step in place if isinstance(step, str)]
    index = next((step for step in place if isinstance(step, int)), 0)
    start, end = _block(lines, names[0], index) if names else (None, 0)
    if start is None:
        return _key_line(lines, names[0], 0, len(lines)) if names else None
    for name in reversed(names[1:]):
        if (found := _key_line(lines, name, start - 1, end)) is not None:
            return found
    return start


def _block(lines: Sequence[str], section: str, index: int) -> tuple[int | None, int]:
    """First line of the section's header (from 1) and the line after its last."""
    own = re.compile(rf"\s*\[\[?\s*\"?{re.escape(section)}\"?\s*\]")
    below = re.compile(rf"\s*\[\[?\s*\"?{re.escape(section)}\"?\s*\.")
    start = None
    for number, line in enumerate(lines):
        if not line.lstrip().startswith("["):
            continue
        if start is not None and not below.match(line):
            return start, number
        if own.match(line):
            if index == 0:
                start = number + 1
            index -= 1
    return start, len(lines)


def _key_line(lines: Sequence[str], key: str, first: int, end: int) -> int | None:
    pattern = re.compile(rf"^[^#]*?(?<![\w-])\"?{re.escape(key)}\"?(\s*=|\s*\.|\s*\])")
    return next((n + 1 for n in range(first, end) if pattern.match(lines[n])), None)
