"""What staff wrote below a notice or between its lines: nothing of the notice is taken for theirs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing.message import Address
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


# --- words below or between what is quoted, besides those above it -------------------------------------------------

SAM = Address("Sam Agent", "sam@desk.example")
MARKED = "Above.\n\nOn Monday Desk wrote:\n\n" + "\n".join(f"> {line}" for line in SENT.split("\n"))
PLAIN = f"Above.\n\nFrom: Desk\nSent: Monday\nTo: Sam\nSubject: INC-1\n\n{SENT}"
CONFIDENTIAL = "This e-mail is confidential and intended solely for the addressee. If you are not, delete it."


@pytest.mark.parametrize("quote", [MARKED, PLAIN])
@pytest.mark.parametrize("words", ["Below.", "Yes", "Is it on?", "Below.\n\nSam Agent", "Sam Agent\nplease restart it"])
def test_words_below_the_quote_are_left(quote: str, words: str) -> None:
    assert inline.rest(f"{quote}\n\n{words}", SENT, SAM).startswith(words.partition("\n")[0])


@pytest.mark.parametrize("quote", [MARKED, PLAIN, PLAIN.replace("And now?", "And\nnow?")])
@pytest.mark.parametrize(
    "below",
    [
        "",
        "-- \nSam Agent\nDesk",
        "Sam Agent",
        "Sam Agent\nFirst Level\nTel. +49 30 1234567",
        "Best regards\nSam Agent",
        "Sent from my iPhone",
        CONFIDENTIAL,
        f"{'_' * 40}\nstaff mailing list",
    ],
)
def test_a_whole_quote_and_a_signature_leave_nothing(quote: str, below: str) -> None:
    assert inline.rest(f"{quote}\n\n{below}", SENT, SAM) == ""


@pytest.mark.parametrize("typed", ["[Sam] Yes.", "yes", "new"])
def test_words_between_lines_without_marks_are_left(typed: str) -> None:
    text = PLAIN.replace("Is it on?\n", f"Is it on?\n{typed}\n")
    assert inline.rest(text, SENT, SAM) == typed


def test_what_a_client_makes_of_addresses_and_links_is_the_notices() -> None:
    sent = SENT.replace("from Jane:", "from Jane <j@acme.example>: https://acme.example/x")
    seen = SENT.replace("from Jane:", "from Jane <j@acme.example<mailto:j@acme.example>>: <https://safe.example/?u=x>")
    assert inline.rest(PLAIN.replace(SENT, seen), sent, SAM) == ""


def test_without_the_notice_only_marks_tell() -> None:
    assert inline.rest(f"{MARKED}\n\nBelow.", "", SAM) == "Below."
    assert inline.rest(f"{PLAIN}\n\nBelow.", "", SAM) == ""
