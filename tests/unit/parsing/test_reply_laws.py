"""What holds of the reply of any text: it never raises, makes no words up, and takes linear time."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing import language
from parsing.reply import SCANNED, split

DELIMITER = "##- Please write your answer above this line -##"

PIECES = [
    "words", "> quoted", "", " ", "> ", ">", "On Tue, Mar 10, 2026 at 9:00 AM Desk <a@b.example> wrote:", "wrote:",
    "-- ", "--", "____________________", "From: a@b.example", "Sent: 9:00", "To: c", "Subject: d", "Thanks,", "Anna",
    "-----Original Message-----", "---------- Forwarded message ---------", "> wrote:", "<", "mailto:x <y@z.example>",
    "Sent from my iPhone", DELIMITER, f"> {DELIMITER}", "##-", "-##", ":", "：", "\u200b", "\u00a0", "a@b.example:",
    "2026-03-10 09:00 <a@b.example>", "x" * 90, "\r", "\x00",
]  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES) | st.text(max_size=20)).map("\n".join))
HTML = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "<div class=gmail_quote>",
                "<blockquote>",
                "</blockquote>",
                "<",
                ">",
                "words",
                "quoted",
                'id="Signature"',
                "&amp;",
                "<!--",
            ]
        )
    ).map("".join),
)


@given(TEXTS, HTML, st.text() | st.sampled_from(["", "Re: x", "Fwd: x", "x"]), st.booleans())
def test_any_text_is_split_and_no_words_are_made_up(text, html, subject, is_reply):
    found = split(text, html, subject, is_reply)
    invisible = str.maketrans(
        "", "", "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff\u00a0 "
    )
    have = text.translate(invisible)
    for line in (*found.reply.split("\n"), *found.signature.split("\n")):
        assert "".join(line.split()).translate(invisible) in "".join(have.split())


@given(TEXTS, st.sampled_from(["Printer", "no prefix: x", "[Ticket#1] printer"]))
def test_first_mail_loses_no_words(text, subject):
    if "##" in text:
        return
    text += "\nand these are my last words"
    found = split(text, "", subject, False)
    assert f"{found.reply}\n{found.signature}".split() == text.split()


@given(TEXTS)
def test_nothing_below_our_delimiter_is_in_the_reply(text):
    assert "below the line" not in split(f"{text}\n{DELIMITER}\nbelow the line", "", "Re: x", True).reply


@given(TEXTS)
def test_language_of_any_text_is_two_letters_or_none(text):
    found = language.guess(text)
    assert found is None or len(found) == 2


def calls(text: str) -> int:
    """The function calls that splitting takes: what time is made of, without a clock."""
    count = 0

    def profile(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(profile)
    try:
        split(text, "", "Re: x", True)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "line",
    [
        "> quoted\n", ">" * 60 + " deep\n", "On \n", "On 10 Mar 2026 09:00\n", "a@b.example wrote:\n", "b <\nwrote:\n",
        "From: x\n\n", "From: a@b.example\nSent: 9:00\n", "colon:\n", "\n", "-----a\n", "-- \n", "x\nThanks,\nBob\n",
        "> a\nb\n", "> wrote:\n", "##-a\n",
    ],
)  # fmt: skip
def test_twice_the_lines_take_twice_the_calls(line):
    n = SCANNED // len(line) // 4
    assert calls(line * 2 * n) <= 2.2 * calls(line * n) + 200


def test_text_past_the_limit_is_kept_but_not_certain():
    text = "words\n" * (SCANNED // 6 + 10) + "the end"
    found = split(text, "", "Re: x", True)
    assert (found.reply, found.certain) == (text, False)
