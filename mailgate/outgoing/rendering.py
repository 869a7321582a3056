"""The words of a letter: one layout, the strings of each language, and what an administrator put over them.

A letter is named by its event and why ("notice-reply"). Its words in one language become a Jinja template that fills
the blocks of `templates/mail/letter.txt` and `letter.html`. A file of the settings' `templates` folder goes first:

    [QUEUE/]NAME[.LANGUAGE].txt and .html     NAME: acknowledgement, notice-new, notice, or a rule's `template`

It may stand alone or say `{% extends "letter.txt" %}`; without its .html the HTML part is made of its text.
"""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

log = logging.getLogger("mailgate.outgoing")

FALLBACK = "en"
MOST_PAIRS = 1_000  # kept compiled; a rule may name a template by what it captured from a mail
_NAME = re.compile(r"[\w-][\w .-]{0,80}")
_LINK = re.compile(r"\bhttps?://[^\s<>\"'\x00-\x1f]{1,2000}(?<![.,;:!?)\]}*_])")

Context = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Language:
    """The strings of one language: `say` are single words and lines, `letters` the paragraphs of each letter.

    `subjects` say before a subject what its mail wants; `because` says why two tickets stand beside each other;
    `reply_does` what a reply to a closed ticket does.
    """

    code: str
    say: Mapping[str, str]
    trust: Mapping[str, str]
    states: Mapping[str, str]
    subjects: Mapping[str, str]
    because: Mapping[str, str]
    reply_does: Mapping[str, str]
    letters: Mapping[str, Mapping[str, list[str]]]


@cache
def language(code: str) -> Language | None:
    """The strings of that language, or of the one that it is a variety of; None where we have none."""
    data = _resource(f"{code}.toml") if re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", code) else None
    if data is None:
        base, dash, _ = code.partition("-")
        return language(base) if dash else None
    tree = tomllib.loads(data)
    say = {key: value for key, value in tree.items() if isinstance(value, str)}
    return Language(
        code, say, tree["trust"], tree["state"], tree["subject"], tree["because"], tree["reply_does"], tree["letter"]
    )


def _resource(name: str) -> str | None:
    file = files("templates").joinpath("mail", name)
    return file.read_text("utf-8") if file.is_file() else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which words: the letter's name ("notice-reply"), and whose they are."""

    name: str
    queue: str
    template: str | None  # a rule's
    languages: tuple[str, ...]  # the first one that we have


class Rendering:
    """Templates, each compiled once. With `folder`, what lies there goes first; `complain` hears of faults in it."""

    def __init__(self, folder: Path | None = None, complain: Callable[[str], None] = log.error) -> None:
        self.folder = folder
        self._say = complain
        self._shipped = _environment(_resource)
        self._own = _environment(self._first) if folder else None
        self._found: dict[Wanted, _Pair] = {}
        self._complained: set[str] = set()

    def language(self, languages: tuple[str, ...]) -> Language:
        """The first of these that we have, else English."""
        for code in (*languages, FALLBACK):
            if (found := language(code)) is not None:
                return found
        raise FileNotFoundError(f"templates/mail/{FALLBACK}.toml")  # not installed whole

    def render(self, wanted: Wanted, context: Context) -> tuple[str, str]:
        """Plain text and HTML. A fault of an administrator's template is logged once, and the shipped one used."""
        pair = self._found.get(wanted)
        if pair is None:
            if len(self._found) >= MOST_PAIRS:
                self._found.clear()
            pair = self._found[wanted] = self._pair(wanted)
        try:
            return pair.render(context)
        except Exception as error:  # whatever an administrator's template does, the letter goes out
            if pair.own is None:
                raise
            self._complain(pair.own, error)
            shipped = self._found[wanted] = self._shipped_pair(wanted)
            return shipped.render(context)

    def candidates(self, wanted: Wanted) -> list[str]:
        """Names of overriding files without .txt, the most special first."""
        event = wanted.name.partition("-")[0]
        names = [n for n in (wanted.template, wanted.name, event) if n and _NAME.fullmatch(n)]
        codes = list(dict.fromkeys(part for code in wanted.languages for part in (code, code.partition("-")[0])))
        written = self.language(wanted.languages).code
        if written in codes:
            codes = codes[: codes.index(written) + 1]
        folders = [f"{wanted.queue}/", ""] if _NAME.fullmatch(wanted.queue) else [""]
        return list(
            dict.fromkeys(
                f"{folder}{name}{suffix}"
                for name in names
                for folder in folders
                for suffix in (*(f".{code}" for code in codes), "")
            )
        )

    def _first(self, name: str) -> str | None:
        own = self._file(name)
        return own if own is not None else _resource(name)

    def _file(self, name: str) -> str | None:
        file = (self.folder or Path()) / name
        try:
            return file.read_text("utf-8") if file.is_file() else None
        except (OSError, UnicodeDecodeError) as error:
            self._complain(name, error)
            return None

    def _complain(self, name: str, error: Exception) -> None:
        if name not in self._complained:
            self._complained.add(name)
            self._say(f"template {name}: {describe(error)}; the shipped one is used")

    def _pair(self, wanted: Wanted) -> _Pair:
        if self._own is not None:
            name = next((n for n in self.candidates(wanted) if self._file(f"{n}.txt") is not None), None)
            try:
                if name is not None:
                    return self._override(name, wanted)
                if self._file("letter.txt") is not None or self._file("letter.html") is not None:
                    return _pair(self._own, self.language(wanted.languages), wanted.name, own="letter")
            except TemplateError as error:
                self._complain(name or "letter", error)
        return self._shipped_pair(wanted)

    def _shipped_pair(self, wanted: Wanted) -> _Pair:
        return _pair(self._shipped, self.language(wanted.languages), wanted.name, own=None)

    def _override(self, name: str, wanted: Wanted) -> _Pair:
        assert self._own is not None
        say = _globals(self.language(wanted.languages))
        text = self._own.get_template(f"{name}.txt", globals=say)
        has_html = self._file(f"{name}.html") is not None
        html = self._own.get_template(f"{name}.html" if has_html else "plain.html", globals=say)
        return _Pair(text, html, name, from_text=not has_html)


@dataclass(frozen=True, slots=True)
class _Pair:
    text: Template
    html: Template
    own: str | None  # the administrator's file
    from_text: bool = False

    def render(self, context: Context) -> tuple[str, str]:
        text = self.text.render(context).strip("\n") + "\n"
        return text, self.html.render(context, text=text) if self.from_text else self.html.render(context)


def describe(error: Exception) -> str:
    """What is wrong with a template, and where."""
    line = getattr(error, "lineno", None)
    return f"line {line}: {error}" if line else f"{error}"


def _environment(load: Callable[[str], str | None]) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        loader=FunctionLoader(load),
        autoescape=lambda name: bool(name and name.endswith(".html")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters["lines"] = lines
    environment.filters["linked"] = linked
    return environment


def _globals(strings: Language) -> dict[str, str]:
    return {**strings.say, "language": strings.code}


def _pair(environment: SandboxedEnvironment, strings: Language, name: str, own: str | None) -> _Pair:
    say = _globals(strings)
    words = strings.letters.get(name) or strings.letters.get(name.partition("-")[0]) or {}
    how = f"{{% if waits %}}{strings.say['how_asks']}{{% else %}}{strings.say['how']}{{% endif +%}}"
    blocks = {"how": [how, strings.say["how_note"]], **words}
    text = "".join(f"{{% block {key} %}}{_paragraphs(key, value)}{{% endblock %}}" for key, value in blocks.items())
    rich = "".join(
        f"{{% block {key} %}}{_html_paragraphs(key, value)}{{% endblock %}}" for key, value in blocks.items()
    )
    return _Pair(
        _compiled(environment, f'{{% extends "letter.txt" %}}{text}', f"{strings.code}/{name}.txt", say),
        _compiled(environment, f'{{% extends "letter.html" %}}{rich}', f"{strings.code}/{name}.html", say),
        own,
    )


def _compiled(environment: SandboxedEnvironment, source: str, name: str, say: dict[str, str]) -> Template:
    """A template of a string, under a name that tells whether it is HTML (`from_string` gives none)."""
    code = environment.compile(source, name, name)
    # One dictionary: Jinja copies it for each letter, and a chain of several costs a tenth of that letter.
    return environment.template_class.from_code(environment, code, dict(environment.make_globals(say)))


def _paragraphs(key: str, texts: list[str]) -> str:
    return ("\n" if key == "how" else "\n\n").join(texts) + "\n\n"


def _html_paragraphs(key: str, texts: list[str]) -> str:
    return "<br>\n".join(texts) if key == "how" else "".join(f"<p>{text}</p>\n" for text in texts)


def lines(text: str) -> Markup:
    """Text as HTML, its lines and indents kept; Outlook knows no `white-space: pre-wrap`."""
    return Markup(_broken(str(escape(text))))  # noqa: S704 - escaped on the line


def linked(text: str) -> Markup:
    """The same, web addresses made links: for staff's words alone."""
    parts: list[str] = []
    end = 0
    for match in _LINK.finditer(text):
        address = escape(match[0])
        parts += [_broken(str(escape(text[end : match.start()]))), f'<a href="{address}">{address}</a>']
        end = match.end()
    parts.append(_broken(str(escape(text[end:]))))
    return Markup("".join(parts))  # noqa: S704 - every part is escaped


def _broken(escaped: str) -> str:
    return escaped.replace("  ", "&nbsp; ").replace("\t", "&nbsp; &nbsp; ").replace("\n", "<br>\n")
