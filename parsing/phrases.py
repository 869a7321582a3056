"""The words by which clients and systems say what a text is, in all languages, from `phrases.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any, Literal

import re2

_Set: Any = re2.Set  # re2 has no types
_escape: Any = re2.escape

Role = Literal["from", "date", "to", "subject", "cc", "other"]

_DATA: dict[str, Any] = tomllib.loads(files("parsing").joinpath("phrases.toml").read_text("utf-8"))

WROTE: tuple[str, ...] = tuple(_DATA["wrote"])
WROTE_ANYWHERE: tuple[str, ...] = tuple(_DATA["wrote_anywhere"])
ORIGINAL: tuple[str, ...] = tuple(_DATA["original"])
FORWARDED: tuple[str, ...] = tuple(_DATA["forwarded"])
SENT: tuple[str, ...] = tuple(_DATA["sent"])
DEVICES: tuple[str, ...] = tuple(_DATA["devices"])
REPLY_PREFIXES: frozenset[str] = frozenset(_DATA["reply_prefixes"])
FORWARD_PREFIXES: frozenset[str] = frozenset(_DATA["forward_prefixes"])
ANSWER_LABELS: tuple[str, ...] = tuple(_DATA["answer_labels"])
ANSWERS_BELOW: tuple[str, ...] = tuple(_DATA["answers_below"])
BOUNCE_SUBJECTS: tuple[str, ...] = tuple(_DATA["bounce_subjects"])
BOUNCE_WORDS: tuple[str, ...] = tuple(_DATA["bounce_words"])
BOUNCE_ADDRESSES: tuple[str, ...] = tuple(_DATA["bounce_addresses"])
BOUNCE_DELAYED: tuple[str, ...] = tuple(_DATA["bounce_delayed"])
BOUNCE_DELIVERED: tuple[str, ...] = tuple(_DATA["bounce_delivered"])
BOUNCE_COPIES: tuple[str, ...] = tuple(_DATA["bounce_copies"])
BOUNCE_REASONS: dict[str, tuple[str, ...]] = {code: tuple(said) for code, said in _DATA["bounce_reasons"].items()}
ABSENCE_SUBJECTS: tuple[str, ...] = tuple(_DATA["absence_subjects"])
ABSENCE_LABELS: tuple[str, ...] = tuple(_DATA["absence_labels"])
ABSENCE_NOUNS: tuple[str, ...] = tuple(_DATA["absence_nouns"])
ABSENCE_OPENINGS: tuple[str, ...] = tuple(_DATA["absence_openings"])
ABSENCE_PROMISES: tuple[str, ...] = tuple(_DATA["absence_promises"])
AWAY_SELF: tuple[str, ...] = tuple(_DATA["away_self"])
AWAY_WORDS: tuple[str, ...] = tuple(_DATA["away_words"])
AWAY_UNTIL: tuple[str, ...] = tuple(_DATA["away_until"])
AWAY_DATES: tuple[str, ...] = tuple(_DATA["away_dates"])
AWAY_MEANWHILE: tuple[str, ...] = tuple(_DATA["away_meanwhile"])
AWAY_BACK: tuple[str, ...] = tuple(_DATA["away_back"])
AWAY_THANKS: tuple[str, ...] = tuple(_DATA["away_thanks"])
AWAY_REQUESTS: tuple[str, ...] = tuple(_DATA["away_requests"])
AWAY_MOVED: tuple[str, ...] = tuple(_DATA["away_moved"])
AWAY_BESIDES: tuple[str, ...] = tuple(_DATA["away_besides"])
DISCLAIMERS: tuple[str, ...] = tuple(_DATA["disclaimers"])
DISCLAIMERS_PLACED: tuple[str, ...] = tuple(_DATA["disclaimers_placed"])
DISCLAIMERS_FORMAL: tuple[str, ...] = tuple(_DATA["disclaimers_formal"])
DISCLAIMERS_WHOLE: tuple[str, ...] = tuple(_DATA["disclaimers_whole"])
REACTIONS: tuple[str, ...] = tuple(_DATA["reactions"])
CLOSINGS: frozenset[str] = frozenset(_DATA["closings"])
SALUTATIONS: tuple[str, ...] = tuple(_DATA["salutations"])
PARTICLES: frozenset[str] = frozenset(_DATA["particles"])
LABELS: dict[str, Role] = {}
_ROLES: tuple[Role, ...] = ("from", "date", "to", "subject", "cc", "other")
for _role in _ROLES:
    for _word in _DATA["labels"][_role]:
        LABELS.setdefault(_word, _role)


def finder(patterns: Iterable[str], before: str = "", after: str = "") -> Callable[[str], bool]:
    """Whether a text has any of these RE2 patterns, without regard to case: one step a byte, whatever the text.

    They are compiled when they are first asked: most mails need few of them, and a start none.
    """
    pattern = f"(?i){before}(?:{'|'.join(patterns)}){after}"
    match: Callable[[str], object] | None = None

    def found(text: str) -> bool:
        nonlocal match
        if match is None:
            compiled = _Set.SearchSet()  # half the price of a search, which tells where, too
            compiled.Add(pattern)
            compiled.Compile()
            match = compiled.Match
        return bool(match(text))

    return found


def words(given: Iterable[str]) -> str:
    """An RE2 pattern for any of these words, as they stand."""
    return "|".join(_escape(word) for word in sorted(given, key=len, reverse=True))
