"""Draws what a terminal showed as an SVG that moves by CSS alone, so that it moves inside an <img>, too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

import pyte
from rich.color import ANSI_COLOR_NAMES, Color
from rich.terminal_theme import MONOKAI

CELL, LINE, FONT = 8.4, 17.5, 14  # pixels
MARGIN, TITLE = 18, 40
HOLD = 8.0  # seconds at the end, before it begins again
BRIEFEST = 0.06  # seconds that something is shown, or it is left out
NAMES = {"brown": "yellow"}  # pyte's name, and that of everybody else
Span = tuple[int, str, str, bool]  # column, text, colour, bold


class Screen(pyte.HistoryScreen):  # type: ignore[misc]  # pyte has no types
    """A terminal that remembers what has left it at the top; dim text is grey, which pyte does not know."""

    def select_graphic_rendition(self, *attributes: int) -> None:
        """SGR (ECMA-48 section 8.3.117)."""
        coloured = any(30 <= number <= 38 for number in attributes)
        super().select_graphic_rendition(*(90 if n == 2 and not coloured else n for n in attributes))

    def rows(self) -> list[tuple[Span, ...]]:
        """All lines there ever were, the last ones those on the screen."""
        lines = [*self.history.top, *(self.buffer[row] for row in range(self.lines))]
        return [self._spans([line[column] for column in range(self.columns)]) for line in lines]

    @staticmethod
    def _spans(cells: list[pyte.screens.Char]) -> tuple[Span, ...]:
        spans, column = [], 0
        for (colour, bold), run in groupby(cells, key=lambda cell: (cell.fg, cell.bold)):
            text = "".join(cell.data for cell in run)
            if text.strip():
                lead = len(text) - len(text.lstrip())
                spans.append((column + lead, text.strip(), colour, bold))
            column += len(text)
        return tuple(spans)


@dataclass(slots=True)
class Shown:
    """What one line says, from when until when (None: the end)."""

    row: int
    spans: tuple[Span, ...]
    start: float
    end: float | None = None


@dataclass(slots=True)
class Film:
    """Each line at each time, and how far the terminal has scrolled."""

    shown: list[Shown] = field(default_factory=list)
    scrolled: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)])
    length: float = 0.0


def film(events: Iterable[tuple[float, str]], columns: int, lines: int) -> Film:
    """What these events show, in the order in which it appears."""
    screen = Screen(columns, lines, history=10_000, ratio=0.5)
    stream = pyte.Stream(screen)
    result, now = Film(), dict[int, Shown]()
    for at, text in events:
        stream.feed(text)
        result.length = at
        for row, spans in enumerate(screen.rows()):
            last = now.get(row)
            if last is not None and last.spans == spans:
                continue
            if last is not None and at - last.start < BRIEFEST:
                last.spans = spans
                continue
            if last is not None:
                last.end = at
            now[row] = Shown(row, spans, at)
            result.shown.append(now[row])
        if (top := len(screen.history.top)) != result.scrolled[-1][1]:
            result.scrolled.append((at, top))
    result.shown = [line for line in result.shown if line.spans]
    return result


def svg(title: str, events: Iterable[tuple[float, str]], columns: int, lines: int) -> str:
    """The picture; where nothing moves, it is how it ends."""
    made = film(events, columns, lines)
    whole = made.length + HOLD
    keys: dict[tuple[float, float | None], str] = {}
    texts = []
    for line in made.shown:
        name = keys.setdefault((line.start, line.end), f"k{len(keys)}")
        kind = "v" if line.end is not None else "v z"
        texts.append(f'<g class="{kind}" style="animation-name:{name}">{_line(line)}</g>')
    frames = "".join(f"@keyframes {name}{{{_frames(*span, whole)}}}" for span, name in keys.items())
    scroll = "".join(f"{_part(at, whole)}{{transform:translateY({-top * LINE:g}px)}}" for at, top in made.scrolled)
    width, height = columns * CELL + 2 * MARGIN, lines * LINE + TITLE + MARGIN
    end = made.scrolled[-1][1] * LINE
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 {width:g} {height:g}" \
role="img" aria-labelledby="title">
<title id="title">{escape(title)}</title>
<style>
text{{font:{FONT}px "DejaVu Sans Mono","SFMono-Regular",Menlo,Consolas,monospace;white-space:pre}}
text{{fill:{_hex("default")}}}
.t{{font:bold 14px sans-serif;text-anchor:middle;fill:#9a9a9a}}.b{{font-weight:bold}}
.v{{visibility:hidden;animation:{whole:.2f}s step-end infinite}}.z{{visibility:visible}}
.s{{transform:translateY({-end:g}px);animation:s {whole:.2f}s step-end infinite}}
@keyframes s{{{scroll}}}
{frames}
@media (prefers-reduced-motion:reduce){{.v,.s{{animation:none}}}}
</style>
<clipPath id="c"><rect x="{MARGIN / 2:g}" y="{TITLE}" width="{width - MARGIN:g}" height="{lines * LINE:g}"/></clipPath>
<rect width="{width:g}" height="{height:g}" rx="9" fill="{MONOKAI.background_color.hex}"/>
<circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="42" cy="20" r="6" fill="#febc2e"/>
<circle cx="62" cy="20" r="6" fill="#28c840"/><text class="t" x="{width / 2:g}" y="25">{escape(title)}</text>
<g clip-path="url(#c)"><g class="s">
{chr(10).join(texts)}
</g></g>
</svg>
"""


def _part(at: float, whole: float) -> str:
    return f"{100 * at / whole:.2f}%"


def _frames(start: float, end: float | None, whole: float) -> str:
    first = "0%{visibility:hidden}" if start else ""
    last = f"{_part(end, whole)}{{visibility:hidden}}" if end is not None else ""
    return f"{first}{_part(start, whole)}{{visibility:visible}}{last}"


def _line(line: Shown) -> str:
    y = TITLE + (line.row + 0.75) * LINE
    return "".join(_span(span, y) for span in line.spans)


def _span(span: Span, y: float) -> str:
    column, text, colour, bold = span
    look = f' fill="{_hex(colour)}" style="fill:{_hex(colour)}"' if colour != "default" else ""
    weight = ' class="b"' if bold else ""
    place = f'x="{MARGIN + column * CELL:g}" y="{y:g}" textLength="{len(text) * CELL:g}"'
    return f"<text {place}{weight}{look}>{escape(text, quote=False)}</text>"


def _hex(colour: str) -> str:
    """A colour as pyte calls it, in the theme of the other pictures."""
    if colour == "default":
        return str(MONOKAI.foreground_color.hex)
    name = NAMES.get(colour, colour)
    name = f"bright_{name.removeprefix('bright')}" if name.startswith("bright") else name
    if name == "bright_black":
        return "#878787"  # dim text, as in the other pictures
    if name in ANSI_COLOR_NAMES:
        return str(Color.parse(name).get_truecolor(MONOKAI).hex)
    return f"#{colour}"
