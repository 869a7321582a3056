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


# --- quoted without marks, as Outlook does ------------------------------------------------------------------------

SENT = """##- Write above this line -##

INC-1 · new

New, from Jane:

Is it on?
And now?

--\x20
#note keeps it inside."""
LOOK = "From: Desk\nSubject: INC-1\n\n##- Write above this line -##\n\nINC-1 new\n\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{LOOK}New, from Jane:\nIs it on?\nYes, it is.\nAnd now?\nNo.\n#note keeps it inside.", "Yes, it is.\n\nNo."),
        (f"{LOOK}New, from Jane: Is it\non? And now? [Sam] No. #note keeps\nit inside.", "[Sam] No."),
        (f"{LOOK}New, from Jane:\nIs it on?\nAnd now?\n#note keeps it inside.\n\nBelow.", "Below."),
        (f"{LOOK}New, from Jane:\nIs it on?\nAnd now?\n#note keeps it inside.", ""),
        (f"{LOOK}New, from Jane:\nIs it?\nYes.\nAnd now?\n#note keeps it inside.", ""),  # a word of it is gone
        (f"{LOOK}New, from Jane:\nIs it on?\nYes.", ""),
        (f"{LOOK}{LOOK}New, from Jane:\nIs it on?\nAnd now?\nNo.\n#note keeps it inside.", ""),
        ("Yes.", ""),
    ],
)
def test_words_that_a_mail_has_more_than_the_notice_in_it(text: str, found: str) -> None:
    assert inline.besides(text, SENT) == found


WORDS = st.lists(st.sampled_from(["canary", "bird", "it", "is", "-", "·"]), max_size=30)


@given(WORDS, st.lists(st.sampled_from(["MINE", "TOO"]), max_size=5), st.data())
def test_of_a_notice_nothing_is_among_them(notice: list[str], mine: list[str], data: st.DataObject) -> None:
    mixed = list(notice)
    for word in mine:
        mixed.insert(data.draw(st.integers(0, len(mixed))), word)
    if data.draw(st.booleans()) and notice:
        mixed.remove(notice[0])
    mark = "##- line -##\n"
    found = inline.besides(mark + " ".join(mixed), mark + " ".join(notice)).split()
    assert sorted(w for w in found if w.isalpha()) in ([], sorted(mine))
