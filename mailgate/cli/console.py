"""How commands print: lines of JSON for machines, rich tables and pages for people, in the desk's time zone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mailgate.cli.layout import Column, fit

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from mailgate.settings import Settings

PIPE_WIDTH = 2000  # cells where there is no terminal: nothing is cut or wrapped for grep
EDGES = 3  # cells left and right of a list
PAGE_WIDTH = 100  # longer lines are hard to read
SHOWN = 100  # rows of a list that a person gets without asking for more: a table of 100,000 takes minutes

STYLES = {
    "new": "bold yellow",
    "open": "green",
    "pending": "cyan",
    "closed": "dim",
    "merged": "dim",
    "removed": "dim",
    "done": "green",
    "parked": "bold red",
    "sent": "green",
    "deferred": "yellow",
    "failed": "bold red",
    "bounced": "bold red",
    "held": "bold yellow",
    "rejected": "dim",
    "internal": "yellow",
    "public": "green",
    "authenticated": "green",
    "confirmed": "green",
    "known_thread": "cyan",
    "unverified": "yellow",
}

# C0 and C1 controls steer a terminal, and bidirectional overrides make text read as what it is not.
_HARMLESS = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
}


def emit(document: Mapping[str, Any]) -> None:
    """One JSON object on one line. ASCII only: a U+2028 or U+0085 in a mail would end the line for some readers."""
    sys.stdout.write(json.dumps(document, separators=(",", ":")) + "\n")


def iso(time: float | None) -> str | None:
    """Seconds since 1970 as UTC, ISO 8601 with Z."""
    return None if time is None else datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clean(text: str) -> str:
    """Text of a mail that may be shown in a terminal: what would steer it is replaced."""
    return text.replace("\r\n", "\n").translate(_HARMLESS)


def line(text: str | None) -> str:
    """The same on one line."""
    return " ".join(clean(text or "").split())


class People:
    """A terminal with somebody before it. Times are in `zone`, that of the desk."""

    def __init__(self, settings: Settings | None = None) -> None:
        from rich.console import Console

        self.zone: tzinfo = ZoneInfo(settings.desk.timezone) if settings else UTC
        self.console: Console = Console(highlight=False, markup=False, emoji=False)
        if not self.console.is_terminal:
            self.console.width = PIPE_WIDTH

    def time(self, time: float | None) -> str:
        """A moment as people read it; a dash for none."""
        return "–" if time is None else datetime.fromtimestamp(time, self.zone).strftime("%Y-%m-%d %H:%M")

    def when(self, time: float | None) -> str:
        """The same for a list: in a terminal, where room is short, only what is not plain from today's date."""
        if time is None or not self.console.is_terminal:
            return self.time(time)
        moment, today = datetime.fromtimestamp(time, self.zone), datetime.now(self.zone)
        if moment.date() == today.date():
            return moment.strftime("%H:%M")
        return moment.strftime("%d %b %H:%M" if moment.year == today.year else "%d %b %Y")

    def page(self, *parts: RenderableType) -> None:
        """Something to be read, no wider than the eye follows."""
        for part in parts:
            self.console.print(part, width=min(self.console.width, PAGE_WIDTH))

    def say(self, text: str, style: str = "") -> None:
        """One line of ours; a terminal that is too narrow for it breaks it between words, below where it begins."""
        self.line(styled(text, style))

    def line(self, text: Text) -> None:
        """The same of several styles. In a pipe a line stays one."""
        if not self.console.is_terminal:
            self.console.print(text, soft_wrap=True)
            return
        from rich.padding import Padding

        indent = len(text.plain) - len(text.plain.lstrip(" "))
        text = text[indent:]
        self.console.print(Padding(text, (0, 0, 0, indent)) if indent else text)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str | Text | None]], *, title: str | None = None
    ) -> None:
        """A list that fits the terminal; how columns are spelled says `layout.Column.read`."""
        from rich import box
        from rich.table import Table

        specs = [Column.read(name) for name in columns]
        lines = [
            [cell if cell is not None and not isinstance(cell, str) else styled(cell or "") for cell in row]
            for row in rows
        ]
        natural = [max((row[i].cell_len for row in lines), default=0) for i in range(len(specs))]
        made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", padding=(0, 1, 0, 0))
        cells = fit(specs, natural, self.console.width - EDGES)
        for i, width in cells.items():
            made.add_column(
                specs[i].name, width=width, no_wrap=not specs[i].wide, overflow="fold" if specs[i].wide else "ellipsis"
            )
        for row in lines:
            made.add_row(*[row[i] for i in cells])
        self.console.print(made)

    def more(self, shown: int, total: int) -> None:
        """How many rows stayed away."""
        if total > shown:
            self.say(f"{shown} of {total}; more with --limit", "dim")


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text | None]], *, title: str | None = None) -> Table:
    """Rows under a thin line; columns whose name ends with `*` wrap, others do not."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for name in columns:
        wide = name.endswith("*")
        made.add_column(name.rstrip("*"), no_wrap=not wide, overflow="fold")
    for row in rows:
        made.add_row(*[styled(cell or "") if isinstance(cell, str | None) else cell for cell in row])
    return made


def styled(text: str, style: str = "") -> Text:
    """Text of any origin: no markup in it is obeyed."""
    from rich.text import Text

    return Text(clean(text), style=style)


def state(name: str | None) -> Text:
    """A state, trust or visibility in its colour."""
    return styled(name or "–", STYLES.get(name or "", ""))
