"""Files in a text are attachments; what only looks like one stays text."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing import uuencode
from parsing.read import parse


def encoded(name: str, data: bytes) -> str:
    lines = [binascii.b2a_uu(data[start : start + 45]).decode() for start in range(0, len(data), 45)]
    return f"begin 644 {name}\n" + "".join(lines) + "`\nend\n"


@given(st.binary(max_size=300))
def test_a_file_in_a_text_is_taken_out(data: bytes) -> None:
    text, files = uuencode.take_out(f"See this:\n{encoded('a.bin', data)}Thanks\n")
    assert text.split() == ["See", "this:", "Thanks"]
    assert files == [("a.bin", data)]


def test_of_several_files_all_are_taken_out() -> None:
    text, files = uuencode.take_out(encoded("a.txt", b"one") + "and\n" + encoded("b.txt", b"two"))
    assert text.strip() == "and"
    assert [name for name, _ in files] == ["a.txt", "b.txt"]


@pytest.mark.parametrize(
    "text",
    [
        "begin 644 times and end\nwords\nend\n",
        "begin 644 a.txt\nthese are words of a person, not a file\nend\n",
        "begin 644 a.txt\n#86)C\n`\n",
        "we begin 644 a.txt\n#86)C\n`\nend\n",
    ],
)
def test_what_is_no_whole_file_stays_text(text: str) -> None:
    assert uuencode.take_out(text) == (text, [])


def test_too_many_files_stay_in_the_text() -> None:
    _, files = uuencode.take_out(encoded("a", b"x") * (uuencode.FILES + 1))
    assert len(files) == uuencode.FILES


def test_a_file_in_the_text_of_a_mail_is_an_attachment() -> None:
    message = parse(f"From: j@x.example\n\nSee this:\n{encoded('../log.txt', b'disk full')}".encode())
    assert message.text.strip() == "See this:"
    (file,) = message.attachments
    assert (file.filename, file.content_type, file.data) == ("log.txt", "text/plain", b"disk full")
