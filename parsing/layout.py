"""Words laid out as plain text while HTML is read: lines, paragraphs, lists, the cells of a row, cited mails."""

from __future__ import annotations

import re
from html import unescape

from parsing import limits, quotes, tags
from parsing.introductions import WRAP_CHARACTERS, WRAP_LINES

_BLANKS = re.compile(r"[ \t\r\n\f]+")
PADDING = "\u200b\ufeff\u034f\u00ad\u2060"  # what newsletters fill their preview text with
_PADDING = re.compile(f"[{PADDING}]")
_MARKS = 20  # quote marks before a line: deeper quotes tell nobody more, and would multiply the text
_PICTURES = 50  # a newsletter cut into pieces has 30
_BAR = re.compile(r"border-(?:left|inline-start)(?:-width|-style)?\s*:\s*+(?!none|0)", re.IGNORECASE)
_TRIES = 20  # an answer quotes from the first of them on
_RULE = "_" * 32  # what Outlook writes for <hr> in its own text part


class Layout:
    """The text so far. What a tag does to it is a method that takes the tag's attributes as they are written."""

    def __init__(self, *, links: bool, loose: bool) -> None:
        self.links = links
        self.loose = loose  # blanks may stand side by side, or what is no letter between letters
        self.out: list[str] = []  # finished lines
        self.line: list[str] = []
        self.wanted = 0  # line ends that must stand before the next words
        self.blank = True  # the line so far ends in a blank, so that another one is dropped
        self.pre = 0
        self.cites: list[bool] = []  # of each open blockquote: is it a cited mail
        self.introduced = False  # "On ... wrote:" stood over a blockquote that bears no mark
        self.tried = 0  # blockquotes over which it was looked for
        self.prefix = ""  # before each line in them
        self.lists: list[int] = []  # of each open list: 0 for bullets, else the next number
        self.link: tuple[str, int, int] | None = None  # address, lines and pieces before its words
        self.row_start = 0
        self.cells = 0
        self.ruled = False  # the table has header cells or a border: cells are told apart by a bar
        self.bullet = ""
        self.pictures: list[str] = []  # what stands for those that cannot be seen
        self.fresh = False  # in a cell without words so far: blocks begin no line there

    def text(self) -> str:
        """All of it: never more than two empty lines in a row, none at the ends; of pictures alone, what they say."""
        self.newline()
        text = "\n".join(self.out).replace("\xa0", " ")
        if not text.strip("> \n"):
            return "\n".join(self.pictures)
        if "\n\n\n\n" not in text and ">\n" not in text and "> \n" not in text:  # so that no quote has such lines
            return text.strip("\n")
        out: list[str] = []
        empty = 0
        for line in text.split("\n"):
            empty = empty + 1 if not line.strip("> ") else 0
            if empty <= 2:
                out.append(line)
        return "\n".join(out).strip("\n")

    def words(self, text: str) -> None:
        """What stands between two tags, its entities not resolved."""
        if self.loose or "&" in text:
            text = _PADDING.sub("", unescape(text))
            if self.pre:
                self.lines(text)
                return
            if not text.isprintable():
                text = _BLANKS.sub(" ", text)
        if "  " in text:
            text = _BLANKS.sub(" ", text)
        if text:
            self.put(text)

    def lines(self, text: str) -> None:
        """Words whose blanks and line ends stay."""
        first, *rest = text.replace("\r\n", "\n").split("\n")
        if first:
            self.put(first)
        for line in rest:
            self.newline()
            if line:
                self.put(line)

    def put(self, text: str) -> None:
        """Words as they are to be read, on the line that is open; a blank before them only where none stands yet."""
        if text[0] == " " and (self.blank or self.wanted) and not self.pre:
            text = text[1:]
            if not text:
                return
        if self.wanted:
            self.feed()
        if self.bullet:
            self.line.append(self.bullet)
            self.bullet = ""
        self.line.append(text)
        self.fresh = False
        self.blank = text[-1] == " "

    def feed(self) -> None:
        """Write the line ends that are wanted."""
        wanted, self.wanted = self.wanted, 0
        if self.line:
            self.newline()
        if wanted > 1 and self.out and self.out[-1].strip("> "):
            self.out.append(self.prefix.rstrip())

    def newline(self) -> None:
        line = self.line
        self.out.append(self.prefix + "".join(line).rstrip())
        line.clear()
        self.blank = True

    def want(self, ends: int) -> None:
        if not self.fresh and (self.line or ends > 1) and self.wanted < ends:
            self.wanted = ends

    def below(self, _: str) -> None:
        if self.line and not self.wanted and not self.fresh:
            self.wanted = 1

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
        start = tags.attributes(source).get("start", "") if "start" in source.lower() else ""
        self.lists[-1] = int(start) if start.isdecimal() and 0 < len(start) < 10 and int(start) else 1

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
            self.cites.append("cite" in source or "quote" in source or self.is_cited(source))
            self.mark()

    def is_cited(self, source: str) -> bool:
        """Whether a blockquote without a client's mark quotes: by its bar, or by what introduces it.

        People who indent their own words get one from their client, too: with margins, without a bar.
        """
        if source.strip():
            return bool(_BAR.search(source))
        if not self.introduced and self.tried < _TRIES:
            above = [line.removeprefix(self.prefix)[-WRAP_CHARACTERS:] for line in self.out[-WRAP_LINES:]]
            last = next((line for line in reversed(above) if line.strip()), "")
            if last.endswith((":", "：", ": ")):
                self.tried += 1
                self.introduced = bool(quotes.marks([*above, "> "]))
        return self.introduced

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
                self.blank = False
            self.put(f" <{address}>")

    def picture(self, source: str) -> None:
        alt = tags.attributes(source).get("alt", "") if "alt" in source.lower() else ""
        if alt and len(alt) <= 8 and not alt.isascii():
            self.put(alt)  # an emoji that the client made a picture of
        elif alt.strip() and len(self.pictures) < _PICTURES:
            self.pictures.append(" ".join(alt.split()))
