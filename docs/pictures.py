"""Makes `demo.svg`, the picture in the README, from a run of the demo:  python docs/pictures.py"""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from mailgate.cli.stage import Stage
from mailgate.demo.desk import Desk
from mailgate.demo.play import play

WIDTH = 92
SHOWN = ("request", "answer", "forgery")  # half of the play: a picture is looked at, not read


def main() -> None:
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
    (Path(__file__).parent / "demo.svg").write_text(svg)


if __name__ == "__main__":
    main()
