"""HTML mail as text that reads well, in one linear pass from tag to tag.

Own reading, no tree: no nesting, attribute or unclosed comment costs more than the bytes it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from parsing import limits, tags
from parsing.layout import Layout

# A tag. Possessive, and given up for the looser one at the first quote that does not close.
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*+)((?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)>")
_LOOSE_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*+)([^>]*+)>")
_NO_MARGIN = re.compile(r"Mso|margin(?:-top|-bottom)?\s*:\s*0", re.IGNORECASE)

_SHORT = 400  # characters of a tag that is read once and remembered: mails repeat a few of them
_REMEMBERED = 1_024
_SKIPPED = frozenset({"head", "script", "style", "title", "template", "noframes", "object", "select", "textarea"})
_BLOCKS = frozenset(
    (
        "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div",
        "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "html", "legend", "main",
        "nav", "section", "summary", "table", "tbody", "tfoot", "thead", "tr",
    )
)  # fmt: skip
_PARAGRAPHS = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre"))
_CLOSED_BY_TWIN = frozenset(("p", "li", "td", "tr", "th", "option"))


def to_text(html: str, *, links: bool = True) -> str:
    """The text that a reader sees: hidden text dropped, one line a row, list marks, `> ` before a cited mail.

    With `links`, the address of a link follows its words where they do not say it.
    """
    return _Reader(html[: limits.HTML_BYTES], Layout(links=links)).read()


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag as it was read: what it does where nothing is hidden, whether it hides, or is skipped with its content."""

    name: str
    closing: bool
    source: str
    act: Callable[[Layout, str], None] | None
    hides: bool
    skipped: bool


class _Reader:
    """Goes over the pieces of HTML between one "<" and the next: nearly all are a short tag and some words.

    For any other it looks at the whole. `start` is where the "<" of `pieces[at]` stands in it: a place already known.
    """

    def __init__(self, html: str, layout: Layout) -> None:
        self.html = html
        self.layout = layout
        self.pieces = html.split("<", limits.HTML_TAGS + 1)
        del self.pieces[limits.HTML_TAGS + 1 :]
        self.before = self.pieces.pop(0)
        self.at, self.start = 0, len(self.before)
        self.tag = _TAG  # how tags are told
        self.hidden = ""
        self.hidden_depth = 0

    def read(self) -> str:
        layout, pieces, end = self.layout, self.pieces, len(self.pieces)
        text, number = self.before, 0
        while True:
            if text and not self.hidden and not (text == "\n" and layout.wanted and not layout.pre):
                layout.words(text)  # a line end is nearly all that stands between paragraphs
            if number == end:
                return layout.text()
            inside, closed, text = pieces[number].partition(">")
            tag = _short_tag(inside) if closed and len(inside) < _SHORT else None
            if tag is None or tag.skipped:
                tag, number, text = self.unusual(number)
            else:
                number += 1
            if tag is not None and (not self.hidden or not self.stays_hidden(tag)):
                if tag.act is not None:
                    tag.act(layout, tag.source)
                elif tag.hides:
                    self.hidden, self.hidden_depth = tag.name, 1

    def unusual(self, number: int) -> tuple[_Tag | None, int, str]:
        """The tag at a piece that is no short one, if it is one at all; the piece to go on with; the words before."""
        self.start += sum(map(len, self.pieces[self.at : number])) + number - self.at
        self.at = number
        found = self.tag.match(self.html, self.start)
        tag = _tag(*found.groups()) if found else None
        position = found.end() if found else self.stray(self.start)
        if tag and tag.skipped:
            position = self.skip(tag.name, position)
            tag = None
        while self.at < len(self.pieces) and self.start < position:
            self.start += 1 + len(self.pieces[self.at])
            self.at += 1
        return tag, self.at, self.html[position : self.start]

    def stays_hidden(self, tag: _Tag) -> bool:
        """Whether this tag, inside something hidden, ends that no more than what it stands in; False for a twin."""
        if tag.name != self.hidden:
            return True
        if tag.closing:
            self.hidden_depth -= 1
            if self.hidden_depth == 0:
                self.hidden = ""
        elif not tag.source.endswith("/"):
            if tag.name in _CLOSED_BY_TWIN:
                self.hidden = ""
                return False
            self.hidden_depth += 1
        return True

    def stray(self, start: int) -> int:
        """Past a "<" that opens no tag: where to go on."""
        follow = self.html[start + 1 : start + 2]
        if follow in ("!", "?"):
            return self.declaration(start)
        if follow == "/" or follow.isalpha():
            if self.tag is _TAG:
                self.tag = _LOOSE_TAG  # a quote that does not close: from here on quotes count for nothing
                return start
            if self.html.find(">", start) < 0:
                if not self.layout.out and not self.layout.line:
                    self.layout.words(self.html[start:])  # nothing but this: better shown than lost
                return len(self.html)
        if not self.hidden:
            self.layout.words("<")
        return start + 1

    def declaration(self, start: int) -> int:
        """Past a comment or declaration. Outlook's conditional comments are comments to everybody else."""
        html = self.html
        if html.startswith("<!--", start):
            end = html.find("-->", start + 2)
            return len(html) if end < 0 else end + 3
        end = html.find(">", start)
        return len(html) if end < 0 else end + 1

    def skip(self, name: str, position: int) -> int:
        """Past the content of an element; a head ends at the latest where the body begins."""
        html, size = self.html, len(name)
        opening = "<" if name == "head" else "</"
        while (start := html.find(opening, position)) >= 0:
            if html[start + 1 : start + 2] == "/" and html[start + 2 : start + 2 + size].lower() == name:
                end = html.find(">", start)
                return len(html) if end < 0 else end + 1
            if name == "head" and html[start + 1 : start + 5].lower() == "body":
                return start
            position = start + 1
        return len(html)


_OPENED: dict[str, Callable[[Layout, str], None]] = {
    **dict.fromkeys(_BLOCKS, Layout.below),
    **dict.fromkeys(_PARAGRAPHS, Layout.apart),
    "br": Layout.broken,
    "td": Layout.cell,
    "th": Layout.head_cell,
    "a": Layout.open_link,
    "li": Layout.item,
    "ul": Layout.open_list,
    "ol": Layout.open_numbers,
    "blockquote": Layout.open_quote,
    "hr": Layout.rule,
    "img": Layout.picture,
    "tr": Layout.open_row,
    "table": Layout.open_table,
    "pre": Layout.open_pre,
}
_CLOSED: dict[str, Callable[[Layout, str], None]] = {
    **dict.fromkeys(_BLOCKS, Layout.below),
    **dict.fromkeys(_PARAGRAPHS, Layout.apart),
    "p": Layout.below,
    "li": Layout.below,
    "td": Layout.close_cell,
    "th": Layout.close_cell,
    "a": Layout.close_link,
    "ul": Layout.close_list,
    "ol": Layout.close_list,
    "blockquote": Layout.close_quote,
    "tr": Layout.close_row,
    "table": Layout.close_row,
    "pre": Layout.close_pre,
}


@lru_cache(maxsize=_REMEMBERED)
def _short_tag(inside: str) -> _Tag | None:
    """The tag with that between its brackets, None where it is none or goes on after them."""
    found = _TAG.fullmatch(f"<{inside}>")
    return _tag(*found.groups()) if found else None


def _tag(slash: str, name: str, source: str) -> _Tag:
    name = name.lower()
    if slash:
        return _Tag(name, True, source, _CLOSED.get(name), False, False)
    act = _OPENED.get(name)
    if name == "p" and _NO_MARGIN.search(source):
        act = Layout.below
    empty = source.endswith("/")
    if tags.is_hidden(name, source):
        return _Tag(name, False, source, None, not empty, name in _SKIPPED and not empty)
    return _Tag(name, False, source, act, False, name in _SKIPPED and not empty)
