"""Read what a monitoring mail reports, by the forms in `parsing/formats`.

Each file there is one system. It has `system`, and one or more `[[form]]` with

- `[form.recognise]`: patterns for `subject` and `text`, and `[form.recognise.headers]` by header name;
  all that are given must be found, and the text of a form without a subject is looked for at its beginning only;
- `[form.text]`, `[form.subject]`: patterns for `host`, `service`, `state`; a field is the first group that
  takes part in the match, looked for in the text before the subject. What is not found is "".

Patterns are RE2's, which takes linear time whatever the mail. Those that begin with `\\A` see to it that an
alert which somebody quotes or forwards below words of his own is none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import re2

from parsing import forwards
from parsing.message import Alert

RECOGNISED = 2_048  # characters of the text in which a form shows itself
SCANNED = 16_384  # characters of the text in which its fields stand: plug-in output may be long, and comes last
_FIELDS = ("host", "service", "state")
_NEVER = r"[^\x00-\x{10FFFF}]"
_compile: Any = re2.compile  # re2 has no types
_Set: Any = re2.Set


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a system's mails: what it is recognised by, and compiled patterns for its fields."""

    system: str
    recognise: Mapping[str, str]
    headers: Mapping[str, Any]
    text: Mapping[str, Any]
    subject: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Many forms, with automata for all their patterns at once.

    `openings` holds those of texts that are told without their subject. They are tried at the beginning only,
    where a mail of any other kind fails within a few characters.
    """

    forms: tuple[Form, ...]
    subjects: Any
    texts: Any
    openings: Any


def catalogue(systems: Iterable[Mapping[str, Any]]) -> Catalogue:
    """The forms of these systems' files; raises KeyError or re2.error where one is wrong."""
    forms: list[Form] = []
    for system in systems:
        for form in system["form"]:
            recognise = dict(form["recognise"])
            headers = recognise.pop("headers", {})
            forms.append(
                Form(
                    system["system"],
                    recognise,
                    {name.lower(): _compile(pattern) for name, pattern in headers.items()},
                    {name: _compile(pattern) for name, pattern in form.get("text", {}).items()},
                    {name: _compile(pattern) for name, pattern in form.get("subject", {}).items()},
                )
            )
    named = [form.recognise.get("subject") for form in forms]
    texts = [form.recognise.get("text", "") for form in forms]
    return Catalogue(
        tuple(forms),
        _any_of(_Set.SearchSet(), named),
        _any_of(_Set.SearchSet(), texts),
        _any_of(_Set.MatchSet(), [None if name else text for name, text in zip(named, texts, strict=True)]),
    )


def _any_of(patterns: Any, given: Iterable[str | None]) -> Any:
    """An RE2 set whose matches are numbers of forms; None never matches."""
    for pattern in given:
        patterns.Add(_NEVER if pattern is None else pattern)
    patterns.Compile()
    return patterns


_KNOWN = catalogue(
    tomllib.loads(file.read_text("utf-8"))
    for file in sorted(files("parsing.formats").iterdir(), key=lambda file: file.name)
    if file.name.endswith(".toml")
)


def read(subject: str, text: str, fields: Mapping[str, str], known: Catalogue = _KNOWN) -> Alert | None:
    """The alert that this mail reports, or None where it has the form of no monitoring system.

    `fields` are its headers by lower-case name.
    """
    opening = text[:RECOGNISED]
    likely = set(known.openings.Match(opening) or ())
    named = known.subjects.Match(subject)
    if named:
        likely |= set(named).intersection(known.texts.Match(opening))
    for number in sorted(likely):
        form = known.forms[number]
        if all(name in fields and pattern.search(fields[name]) for name, pattern in form.headers.items()):
            if forwards.is_reply_subject(subject) or forwards.is_forward_subject(subject):
                return None
            body = text[:SCANNED]
            return Alert(form.system, *(_field(form, name, subject, body) for name in _FIELDS))
    return None


def _field(form: Form, name: str, subject: str, text: str) -> str:
    for patterns, where in ((form.text, text), (form.subject, subject)):
        match = patterns[name].search(where) if name in patterns else None
        if match:
            return next((group for group in match.groups() if group), "").strip()
    return ""
