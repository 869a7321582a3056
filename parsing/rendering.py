"""HTML mail as text that reads well, in one linear pass over its bytes.

Own reading, no tree: no nesting, attribute or unclosed comment costs more than the bytes it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from html import unescape

from parsing import limits, tags

# A tag. Possessive, and given up for the looser one at the first quote that does not close.
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*+)((?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)>")
_LOOSE_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*+)([^>]*+)>")
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_PADDING = re.compile("[\u200b\ufeff\u034f\u00ad\u2060]")  # what newsletters fill their preview text with
_NO_MARGIN = re.compile(r"Mso|margin(?:-top|-bottom)?\s*:\s*0", re.IGNORECASE)

_SHORT = 400  # characters of a tag that is read once and remembered: mails repeat a few of them
_REMEMBERED = 1_024
_MARKS = 20  # quote marks before a line: deeper quotes tell nobody more, and would multiply the text
_RULE = "_" * 32  # what Outlook writes for <hr> in its own text part
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
    return _Text(html[: limits.HTML_BYTES], links).read()


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag as it was read: what it does where nothing is hidden, whether it hides, or is skipped with its content."""

    name: str
    closing: bool
    source: str
    act: Callable[[_Text, str], None] | None
    hides: bool
    skipped: bool


class _Text:
    def __init__(self, html: str, links: bool) -> None:
        self.html = html
        self.links = links
        self.tag = _TAG  # how tags are told
        self.out: list[str] = []  # finished lines
        self.line: list[str] = []
        self.wanted = 0  # line ends that must stand before the next words
        self.blank = True  # the line so far ends in a blank, so that another one is dropped
        self.pre = 0
        self.cites: list[bool] = []  # of each open blockquote: is it a cited mail
        self.prefix = ""  # before each line in them
        self.lists: list[int] = []  # of each open list: 0 for bullets, else the next number
        self.link: tuple[str, int, int] | None = None  # address, lines and pieces before its words
        self.hidden = ""
        self.hidden_depth = 0
        self.row_start = 0
        self.cells = 0
        self.ruled = False  # the table has header cells or a border: cells are told apart by a bar
        self.bullet = ""
        self.fresh = False  # in a cell without words so far: blocks begin no line there

    def read(self) -> str:
        html, position = self.html, 0
        find = html.find
        for _ in range(limits.HTML_TAGS):
            start = find("<", position)
            if start != position:
                text = html[position:start] if start >= 0 else html[position:]
                if self.hidden:
                    pass
                elif not text.isspace() or self.pre or not text.isascii():
                    self.words(text)
                elif not self.blank and not self.wanted:  # between tags nearly everywhere
                    self.put(" ")
                if start < 0:
                    break
            end = find(">", start, start + _SHORT)
            tag = _short_tag(html[start + 1 : end]) if end > 0 else None
            if tag is None:
                found = self.tag.match(html, start)
                if found is None:
                    position = self.stray(start)
                    continue
                tag = _tag(*found.groups())
                position = found.end()
            else:
                position = end + 1
            if tag.skipped:
                position = self.skip(tag.name, position)
            elif not self.hidden or not self.stays_hidden(tag):
                if tag.act is not None:
                    tag.act(self, tag.source)
                elif tag.hides:
                    self.hidden, self.hidden_depth = tag.name, 1
        self.newline()
        return _tidy(self.out)

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
                if not self.out and not self.line:
                    self.words(self.html[start:])  # nothing but this: better shown than lost
                return len(self.html)
        if not self.hidden:
            self.words("<")
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

    def words(self, text: str) -> None:
        if "&" in text:
            text = unescape(text)
        if not text.isascii():
            text = _PADDING.sub("", text)
        if self.pre:
            first, *rest = text.replace("\r\n", "\n").split("\n")
            self.put(first)
            for line in rest:
                self.newline()
                self.put(line)
            return
        text = text.replace("\n", " ")
        if "  " in text or "\t" in text or "\r" in text:
            text = _BLANKS.sub(" ", text)
        if text.startswith(" ") and (self.blank or self.wanted):
            text = text[1:]
        if text:
            self.put(text)

    def put(self, text: str) -> None:
        if not text:
            return
        if self.wanted:
            self.feed()
        if self.bullet:
            self.line.append(self.bullet)
            self.bullet = ""
        self.line.append(text)
        self.fresh = False
        self.blank = text[-1] in " \n"

    def feed(self) -> None:
        """Write the line ends that are wanted."""
        wanted, self.wanted = self.wanted, 0
        if self.line:
            self.newline()
        if wanted > 1 and self.out and self.out[-1].strip("> "):
            self.out.append(self.prefix.rstrip())

    def newline(self) -> None:
        line = "".join(self.line).replace("\xa0", " ").rstrip()
        self.out.append(self.prefix + line)
        self.line = []
        self.blank = True

    def want(self, ends: int) -> None:
        if not self.fresh and (self.line or ends > 1) and self.wanted < ends:
            self.wanted = ends

    def below(self, _: str) -> None:
        self.want(1)

    def apart(self, _: str) -> None:
        self.want(2)

    def broken(self, _: str) -> None:
        if self.wanted:
            self.feed()
        self.newline()

    def rule(self, _: str) -> None:
        self.want(1)
        self.put(_RULE)
        self.want(1)

    def open_pre(self, _: str) -> None:
        self.want(2)
        self.pre += 1

    def close_pre(self, _: str) -> None:
        self.pre = max(0, self.pre - 1)
        self.want(2)

    def open_table(self, source: str) -> None:
        self.fresh = False
        self.want(1)
        self.ruled = tags.attributes(source).get("border", "0") not in ("0", "") if "border" in source else False

    def open_row(self, _: str) -> None:
        self.fresh = False
        self.want(1)
        self.cells = 0

    def close_row(self, _: str) -> None:
        self.fresh = False
        self.want(1)

    def close_cell(self, _: str) -> None:
        self.fresh = False

    def head_cell(self, source: str) -> None:
        self.ruled = True
        self.cell(source)

    def cell(self, _: str) -> None:
        if self.cells and len(self.out) == self.row_start and (self.line or self.wanted):
            # All cells so far fit one line: the next one goes on in it.
            self.wanted = 0
            if self.line:
                self.put(" | " if self.ruled else "  ")
        elif not self.cells:
            if self.wanted:
                self.feed()
            self.row_start = len(self.out)
        else:
            self.want(1)
        self.cells += 1
        self.fresh = True

    def open_list(self, _: str) -> None:
        self.want(1 if self.lists else 2)
        self.lists.append(0)

    def open_numbers(self, source: str) -> None:
        self.open_list(source)
        self.lists[-1] = 1

    def close_list(self, _: str) -> None:
        if self.lists:
            self.lists.pop()
        self.want(1 if self.lists else 2)

    def item(self, _: str) -> None:
        self.want(1)
        depth = max(0, len(self.lists) - 1)
        number = self.lists[-1] if self.lists else 0
        if number:
            self.lists[-1] += 1
        self.bullet = "  " * min(depth, 10) + (f"{number}. " if number else "- ")

    def open_quote(self, source: str) -> None:
        self.want(1)
        if self.wanted or self.line:
            self.wanted = max(self.wanted, 1)
            self.feed()
        if len(self.cites) < limits.DEPTH:
            self.cites.append("cite" in source or "quote" in source)
            self.mark()

    def close_quote(self, _: str) -> None:
        if self.line:
            self.newline()
        if self.cites:
            cited = self.cites.pop()
            self.mark()
            self.wanted = 2 if cited else max(self.wanted, 1)

    def mark(self) -> None:
        self.prefix = "> " * min(sum(self.cites), _MARKS)

    def open_link(self, source: str) -> None:
        address = tags.attributes(source).get("href", "").strip() if self.links and "href" in source.lower() else ""
        shown = address.lower().startswith(("http://", "https://", "ftp://"))
        self.link = (address, len(self.out), len(self.line)) if shown else None

    def close_link(self, _: str) -> None:
        if self.link is None:
            return
        address, lines, pieces = self.link
        self.link = None
        same_line = len(self.out) == lines
        words = "".join(self.line[pieces:] if same_line else self.line).strip()
        plain = address.split("://", 1)[1].rstrip("/").removeprefix("www.")
        if words and plain not in words and words.removeprefix("www.").rstrip("/") != plain:
            if self.line[-1].endswith(" "):
                self.line[-1] = self.line[-1].rstrip(" ")
            self.put(f" <{address}>")

    def picture(self, source: str) -> None:
        alt = tags.attributes(source).get("alt", "") if "alt" in source.lower() else ""
        if alt and len(alt) <= 8 and not alt.isascii():
            self.put(alt)  # an emoji that the client made a picture of


_OPENED: dict[str, Callable[[_Text, str], None]] = {
    **dict.fromkeys(_BLOCKS, _Text.below),
    **dict.fromkeys(_PARAGRAPHS, _Text.apart),
    "br": _Text.broken,
    "td": _Text.cell,
    "th": _Text.head_cell,
    "a": _Text.open_link,
    "li": _Text.item,
    "ul": _Text.open_list,
    "ol": _Text.open_numbers,
    "blockquote": _Text.open_quote,
    "hr": _Text.rule,
    "img": _Text.picture,
    "tr": _Text.open_row,
    "table": _Text.open_table,
    "pre": _Text.open_pre,
}
_CLOSED: dict[str, Callable[[_Text, str], None]] = {
    **dict.fromkeys(_BLOCKS, _Text.below),
    **dict.fromkeys(_PARAGRAPHS, _Text.apart),
    "p": _Text.below,
    "li": _Text.below,
    "td": _Text.close_cell,
    "th": _Text.close_cell,
    "a": _Text.close_link,
    "ul": _Text.close_list,
    "ol": _Text.close_list,
    "blockquote": _Text.close_quote,
    "tr": _Text.close_row,
    "table": _Text.close_row,
    "pre": _Text.close_pre,
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
        act = _Text.below
    empty = source.endswith("/")
    if tags.is_hidden(name, source):
        return _Tag(name, False, source, None, not empty, name in _SKIPPED and not empty)
    return _Tag(name, False, source, act, False, name in _SKIPPED and not empty)


def _tidy(lines: list[str]) -> str:
    """Never more than two empty lines in a row, none at the ends."""
    out: list[str] = []
    empty = 0
    for line in lines:
        empty = empty + 1 if not line.strip("> ") else 0
        if empty <= 2:
            out.append(line)
    return "\n".join(out).strip("\n")
