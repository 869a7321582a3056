"""Makes the pictures of the pages, each from what it shows.

python docs/pictures.py demo     demo.svg, from a run of the demo
python docs/pictures.py init     init.cast and init.svg, from a run of `mailgate init` against real servers (as root)
python docs/pictures.py trust    trust.svg

The second needs what the tests need, and `pip install pyte`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from html import escape
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from mailgate.cli.stage import Stage
from mailgate.demo.desk import Desk
from mailgate.demo.play import play

HERE = Path(__file__).parent
WIDTH = 92
SHOWN = ("request", "answer", "forgery")  # half of the play: a picture is looked at, not read


def demo() -> None:
    """Play it, and keep what a terminal would show."""
    console = Console(
        record=True, file=StringIO(), width=WIDTH, force_terminal=True, highlight=False, emoji=False, markup=False
    )
    stage = Stage(console, lambda _: None)
    with Desk() as desk:
        for number, scene in enumerate(play(desk), 1):
            if scene.act.name in SHOWN:
                stage.scene(number, scene)
    svg = console.export_svg(title="mailgate demo", theme=MONOKAI, unique_id="demo")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # nothing remote is loaded
    (HERE / "demo.svg").write_text(svg)


def init() -> None:
    """Record it, and draw the recording."""
    import drawing
    import recording

    events = list(recording.hurried(recording.record()))
    (HERE / "init.cast").write_text(recording.cast(events))
    (HERE / "init.svg").write_text(drawing.svg("mailgate init", events, recording.COLUMNS, recording.LINES))


@dataclass(frozen=True, slots=True)
class Degree:
    """A row of trust.svg: an answer to "who vouches?", its degree, and what partner and staff may do by it."""

    answer: str
    name: str
    partner: tuple[str, str]
    staff: tuple[str, str]
    fill: str


DEGREES = (
    Degree(
        "the sender's mail house",
        "verified",
        ("opens a ticket,", "joins his own"),
        ("goes to", "the partner"),
        "#dff2df",
    ),
    Degree(
        "nobody, but it answers our mail",
        "knows the conversation",
        ("joins", "the ticket"),
        ("stays inside until he", "answers #send"),
        "#edf6e3",
    ),
    Degree(
        "nobody",
        "not verified",
        ("opens a ticket; in an old", "one, a note for staff"),
        ("stays inside until he", "answers #send"),
        "#fdf3d7",
    ),
    Degree(
        "that house says: not from us",
        "failed",
        ("quarantine, if the house", "asks for it; no answer"),
        ("quarantine, if the house", "asks for it"),
        "#fbe3e1",
    ),
)
TRUST_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 386" font-family="system-ui, sans-serif" font-size="14" \
role="img" aria-labelledby="title">
  <title id="title">How trust works: who vouches for the sender, and what follows</title>
  <style>
    .box { fill: #ffffff; stroke: #44546a; stroke-width: 1.5 }
    .line { fill: none; stroke: #44546a; stroke-width: 1.5; marker-end: url(#arrow) }
    .name { font-weight: 600; fill: #1f2a37; text-anchor: middle }
    .note { fill: #55606e; font-size: 12px; text-anchor: middle }
    .says { fill: #1f2a37; font-size: 13px; text-anchor: middle }
  </style>
  <defs>
    <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
      <path d="M0 0 8 4 0 8z" fill="#44546a"/>
    </marker>
  </defs>
  <rect width="860" height="386" fill="#fbfcfd" rx="10"/>
"""
TOP, STEP, HEIGHT = 64, 78, 62  # of the rows


def trust() -> None:
    """The mail at the left, a row for each degree at its right."""
    middle = TOP + (3 * STEP + HEIGHT) / 2
    parts = [
        TRUST_HEAD,
        *(
            _text(x, 40, "note", head)
            for x, head in ((330, "Who vouches?"), (555, "A partner's mail"), (748, "A mail of staff"))
        ),
        f'<rect class="box" x="20" y="{middle - 45:g}" width="140" height="90" rx="8"/>',
        f'<path class="box" fill="none" d="M20 {middle - 39:g} L90 {middle - 2:g} L160 {middle - 39:g}"/>',
        _text(90, middle + 24, "name", "From: Anna"),
        _text(90, middle + 64, "note", "anybody can write that"),
    ]
    for number, degree in enumerate(DEGREES):
        y = TOP + number * STEP
        at = y + HEIGHT / 2
        parts += [
            f'<path class="line" d="M160 {middle:g} C 190 {middle:g}, 180 {at:g}, 213 {at:g}"/>',
            f'<rect class="box" style="fill:{degree.fill}" x="215" y="{y}" width="230" height="{HEIGHT}" rx="8"/>',
            _text(330, y + 26, "name", degree.name),
            _text(330, y + 45, "note", degree.answer),
            f'<path class="line" d="M445 {at:g} H463"/>',
            f'<rect class="box" style="fill:{degree.fill}" x="465" y="{y}" width="375" height="{HEIGHT}" rx="8"/>',
            f'<path d="M650 {y} V{y + HEIGHT}" stroke="#44546a" stroke-dasharray="3 3"/>',
        ]
        for x, said in ((557, degree.partner), (745, degree.staff)):
            parts += [_text(x, y + 27 + 17 * row, "says", words) for row, words in enumerate(said)]
    (HERE / "trust.svg").write_text("\n  ".join(parts) + "\n</svg>\n")


def _text(x: float, y: float, kind: str, words: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words, quote=False)}</text>'


PICTURES = {"demo": demo, "init": init, "trust": trust}

if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()
        print(f"drew docs/{name}.svg")
