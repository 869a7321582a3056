"""Which columns of a list fit a terminal, and how wide each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GAP = 2  # cells between two columns
SHORT_LEAST = 16  # an address cut to less says nothing
WIDE_LEAST = 14  # words wrapped to less are a ladder
WIDE_FIRST = 30  # words get this much before shortened columns get their full width


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `wide` ones wrap, `short` ones are cut where there is no room; those with a `rank` may be left out,
    the highest rank first."""

    name: str
    wide: bool = False
    short: bool = False
    rank: int = 0

    @classmethod
    def read(cls, spelled: str) -> Column:
        """From "Name*" (wide), "Name~" (short), "Name?" (may be left out), "Name??" (is left out before)."""
        name = spelled.rstrip("*~?")
        marks = spelled[len(name) :]
        return cls(name, "*" in marks, "~" in marks, marks.count("?"))


def fit(columns: Sequence[Column], natural: Sequence[int], width: int) -> dict[int, int]:
    """Cells for each column that is shown, by its index. `natural` is what each would take, 0 where it is empty."""
    shown = [i for i, column in enumerate(columns) if natural[i] or not column.rank]
    wanted = {i: max(natural[i], len(columns[i].name)) for i in shown}

    def least(i: int) -> int:
        if columns[i].wide:
            return min(wanted[i], WIDE_LEAST)
        return min(wanted[i], SHORT_LEAST) if columns[i].short else wanted[i]

    while sum(map(least, shown)) + GAP * (len(shown) - 1) > width:
        spare = [i for i in shown if columns[i].rank]
        if not spare:
            break
        shown.remove(max(spare, key=lambda i: (columns[i].rank, i)))
    cells = {i: least(i) for i in shown}
    room = width - sum(cells.values()) - GAP * (len(shown) - 1)
    for those, most in (
        ([i for i in shown if columns[i].wide], WIDE_FIRST),
        ([i for i in shown if columns[i].short], width),
        ([i for i in shown if columns[i].wide], width),
    ):
        for i in those:
            more = max(0, min(room, min(wanted[i], most) - cells[i]))
            cells[i] += more
            room -= more
    return cells
