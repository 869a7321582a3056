"""Columns of a list in terminals of any width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailgate.cli.layout import GAP, Column, fit

COLUMNS = [Column.read(name) for name in ("Number", "Subject*", "Queue??", "Requester~", "Owner~?")]
NATURAL = [8, 60, 12, 30, 18]


def names(cells: dict[int, int]) -> list[str]:
    return [COLUMNS[i].name for i in cells]


def test_marks_of_a_name_say_what_may_happen_to_the_column() -> None:
    assert Column.read("Owner~??") == Column("Owner", short=True, rank=2)
    assert Column.read("Subject*") == Column("Subject", wide=True)


def test_where_there_is_room_nothing_is_cut_or_left_out() -> None:
    assert list(fit(COLUMNS, NATURAL, 200).values()) == NATURAL


def test_columns_that_may_go_leave_a_narrow_terminal_highest_rank_first() -> None:
    assert names(fit(COLUMNS, NATURAL, 64)) == ["Number", "Subject", "Requester", "Owner"]
    assert names(fit(COLUMNS, NATURAL, 45)) == ["Number", "Subject", "Requester"]


def test_column_that_may_go_and_is_empty_is_left_out() -> None:
    assert names(fit(COLUMNS, [8, 60, 0, 30, 0], 200)) == ["Number", "Subject", "Requester"]
    assert names(fit(COLUMNS, [8, 0, 12, 30, 18], 200))[1] == "Subject"


@given(st.lists(st.integers(0, 100), min_size=5, max_size=5), st.integers(60, 300))
def test_list_is_never_wider_than_the_terminal(natural: list[int], width: int) -> None:
    natural[0] = min(natural[0], 12)
    cells = fit(COLUMNS, natural, width)
    assert sum(cells.values()) + GAP * (len(cells) - 1) <= width
    assert cells[0] == max(natural[0], len("Number"))
