"""HTML mail as text that reads well, in one linear pass from tag to tag.

Own reading, no tree: no nesting, attribute or unclosed comment costs more than the bytes it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from operator import length_hint

from parsing import limits, styles, tags
from parsing.concealment import Concealment
from parsing.layout import PADDING, Layout
from parsing.styles import Look

# A tag. Possessive, and given up for the looser one at the first quote that does not close.
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*+)((?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)>")
_LOOSE_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*+)([^>]*+)>")
_PRE = re.compile("<pre", re.IGNORECASE)
_BLANKS = "\n\r\t\f"  # which HTML shows as a blank, but for <pre>
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
_STYLES = re.compile(r"<!--|<style\b([^>]*+)>", re.IGNORECASE)
_OTHER_SCREENS = re.compile(r"media\s*=\s*[\"']?\s*(?!all|screen\s*[\"'>])[a-z(]", re.IGNORECASE)
_WORDS = 2_000  # characters of hidden text in which a letter is looked for


def to_text(html: str, *, links: bool = True) -> str:
    """The text that a reader sees: hidden text dropped, one line a row, list marks, `> ` before a cited mail.

    With `links`, the address of a link follows its words where they do not say it.
    """
    return read(html, links=links)[0]


def read(html: str, *, links: bool = True) -> tuple[str, bool]:
    """The same, and whether words were dropped because a reader does not see them."""
    html = html[: limits.HTML_BYTES]
    loose = not html.isascii() and any(sign in html for sign in PADDING)
    if _PRE.search(html):
        loose = True
    else:
        for sign in _BLANKS:
            if sign in html:
                html = html.replace(sign, " ")
    reader = _Reader(html, Layout(links=links, loose=loose), "")
    text = reader.read()
    if reader.late:  # rules that hold for what stands above them, too
        reader = _Reader(html, Layout(links=links, loose=loose), "".join(reader.css))
        text = reader.read()
    return text, reader.dropped


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag as it was read: what it does where nothing is hidden, how it looks, or is skipped with its content.

    `covers` says that its look matters where nothing is hidden so far.
    """

    name: str
    closing: bool
    source: str
    act: Callable[[Layout, str], None] | None
    look: Look | None
    covers: bool
    skipped: bool


class _Reader:
    """Goes over the pieces of HTML between one "<" and the next: nearly all are a short tag and some words.

    For any other it looks at the whole. `start` is where the "<" of `pieces[at]` stands in it: a place already known.
    """

    def __init__(self, html: str, layout: Layout, css: str) -> None:
        self.html = html
        self.layout = layout
        self.pieces = html.split("<", limits.HTML_TAGS + 1)
        del self.pieces[limits.HTML_TAGS + 1 :]
        self.before = self.pieces.pop(0)
        self.ahead = iter(self.pieces)
        self.at, self.start = 0, len(self.before)
        self.tag = _TAG  # how tags are told
        self.concealment = Concealment()
        self.css: list[str] = []
        self.rules: dict[str, dict[str, str]] = {}
        self.styled: dict[str, _Tag] = {}  # of tags as they are written: what the rules make of them
        self.dropped = self.late = False
        self.known = bool(css)  # all rules, from an earlier reading
        if css:
            self.learn(css)

    def read(self) -> str:
        layout, known, frames = self.layout, _TAGS, self.concealment.frames
        rules, loose = self.rules, layout.loose
        if self.before:
            layout.words(self.before)
        for piece in self.ahead:
            inside, closed, text = piece.partition(">")
            tag = known.get(inside) or _remember(inside) if closed else None
            if tag is None:
                tag, text = self.unusual()
                rules = self.rules
            act = tag.act
            if (frames or rules or tag.covers) and not self.passes(tag):
                act = None
            if act is not None:
                act(layout, tag.source)
            if text and (text != " " or not layout.wanted or layout.pre):
                # a line end, now a blank, is nearly all that stands between paragraphs
                if frames and frames[-1].conceals:
                    self.dropped = self.dropped or any(map(str.isalnum, unescape(text[:_WORDS])))
                elif loose or "&" in text or "  " in text:
                    layout.words(text)
                else:
                    layout.put(text)
        return layout.text()

    def passes(self, tag: _Tag) -> bool:
        """Whether the tag does anything where it stands, which is in a frame, under rules, or makes a frame."""
        if tag is _NO_TAG:
            return True
        if self.rules and not tag.closing:
            tag = self.ruled(tag)
        if not (self.concealment.frames or tag.covers):
            return True
        return self.concealment.passes(tag.name, tag.closing, tag.source, tag.look)

    def unusual(self) -> tuple[_Tag, str]:
        """The tag at the piece just taken, which is no short one, if it is one at all; and the words after it.

        All pieces up to the end of those are taken.
        """
        at = len(self.pieces) - length_hint(self.ahead) - 1
        self.start += sum(map(len, self.pieces[self.at : at])) + at - self.at
        found = self.tag.match(self.html, self.start)
        if not found and (position := self.stray(self.start)) == self.start:
            found = self.tag.match(self.html, self.start)  # without regard to quotes
            position = self.stray(self.start) if not found else position
        tag = _tag(*found.groups()) if found else _NO_TAG
        if found:
            position = found.end()
        if tag.skipped:
            begin = position if tag.name == "head" else self.start
            position = self.skip(tag.name, position)
            if not self.known and tag.name in ("head", "style") and len(self.css) < styles.STYLES:
                self.collect(self.html[begin:position])
            tag = _NO_TAG
        self.start += 1 + len(self.pieces[at])
        self.at = at + 1
        while self.start < position and self.at < len(self.pieces):
            self.start += 1 + len(self.pieces[self.at])
            self.at += 1
            next(self.ahead)
        return tag, self.html[position : self.start]

    def collect(self, html: str) -> None:
        """Take the rules of the `<style>` in a piece of HTML, none that stands in a comment."""
        position = 0
        while len(self.css) < styles.STYLES and (found := _STYLES.search(html, position)):
            inside = found.end()
            end = html.find("-->" if found[1] is None else "</", inside)
            position = len(html) if end < 0 else end
            if found[1] is not None and not _OTHER_SCREENS.search(found[1]):
                self.css.append(html[inside:position])
        self.learn("\n".join(self.css))
        self.late = self.late or bool(self.rules and (self.layout.out or self.layout.line))

    def learn(self, css: str) -> None:
        self.rules, self.concealment.colours = styles.rules(css)
        self.styled.clear()

    def ruled(self, tag: _Tag) -> _Tag:
        """The tag with what the rules make of it."""
        written = f"{tag.name} {tag.source}"
        known = self.styled.get(written)
        if known is None:
            known = self.styled[written] = _opening(tag.name, tag.source, self.rules)
        return known

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
        if not self.concealment.now:
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


_NO_TAG = _Tag("", False, "", None, None, False, False)
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


_TAGS: dict[str, _Tag] = {}  # by what stands between their brackets


def _remember(inside: str) -> _Tag | None:
    """The tag with that between its brackets; None where it is none, is long, goes on after them, or is skipped."""
    found = _TAG.fullmatch(f"<{inside}>") if len(inside) < _SHORT else None
    tag = _tag(*found.groups()) if found else None
    if tag is None or tag.skipped:
        return None
    if len(_TAGS) >= _REMEMBERED:
        _TAGS.clear()
    _TAGS[inside] = tag
    return tag


def _tag(slash: str, name: str, source: str) -> _Tag:
    name = name.lower()
    if slash:
        return _Tag(name, True, source, _CLOSED.get(name), None, False, False)
    return _opening(name, source, {})


def _opening(name: str, source: str, rules: dict[str, dict[str, str]]) -> _Tag:
    act = _OPENED.get(name)
    if name == "p" and _NO_MARGIN.search(source):
        act = Layout.below
    look = tags.look(name, source, rules)
    covers = look is not None and (
        look.hides or bool(look.tiny) or look.ink == styles.TRANSPARENT or look.paper is not None
    )
    return _Tag(name, False, source, act, look, covers, name in _SKIPPED and not source.endswith("/"))
