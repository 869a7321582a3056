"""What staff wrote below a notice or between its lines: nothing of the notice is taken for theirs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import inline

NOTICE = "> ##- Please write your answer above this line -##\n>\n> INC-1001 is new\n> Is it on?\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"On Monday Jane wrote:\n{NOTICE}\nBelow it.\n", "Below it."),
        (f"On Monday Jane wrote:\n{NOTICE}Yes.\n>\n> And now?\nNo.", "Yes.\n\nNo."),
        (f"{NOTICE}\nBelow it.\n\nMore.\n-- \nFirst Agent", "Below it.\n\nMore."),
        (f"{NOTICE}> {'long ' * 12}\nline\nof it\n\nMine.", "Mine."),
        ("> Is it on?\n\nBelow what is no notice.", ""),
        ("##- Please write your answer above this line -##\n\nNot quoted.", ""),
        (f"{NOTICE}\n##- Please write your answer above this line -##\nA second one.", ""),
        (NOTICE, ""),
        ("", ""),
    ],
)
def test_words_below_and_between_quoted_lines(text: str, found: str) -> None:
    assert inline.words(text) == found


@given(st.lists(st.text("canary ", min_size=1, max_size=120), max_size=8), st.integers(60, 90))
def test_what_a_client_broke_off_a_quoted_line_is_left_out(lines: list[str], width: int) -> None:
    """Clients that quote break lines anew, and some leave the end of one without a mark."""
    quoted = ["> ##- line -##"]
    for line in lines:
        mark = f"> {line}"
        quoted += [mark[:width], *([mark[width:]] if len(mark) > width else [])]
    assert inline.words("\n".join([*quoted, "", "MINE"])) == "MINE"
