"""The readable body: which parts it is, and how they are joined."""

from __future__ import annotations

import pytest

from parsing import bodies, limits, parts
from parsing.defects import Defects


def body(kind: str, *inner: str) -> bodies.Body:
    return bodies.read(parts.read(multipart(kind, "b", *inner).encode(), Defects()), Defects())


def multipart(kind: str, boundary: str, *inner: str) -> str:
    joined = "".join(f"--{boundary}\n{one}\n" for one in inner)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\n\n{joined}--{boundary}--\n"


def plain(text: str, extra: str = "") -> str:
    return f"Content-Type: text/plain; charset=utf-8{extra}\n\n{text}"


def rich(text: str) -> str:
    return f"Content-Type: text/html; charset=utf-8\n\n{text}"


def test_of_alternatives_the_plain_text_is_read_and_the_html_kept() -> None:
    found = body("alternative", plain("hello"), rich("<p>hello</p>"))
    assert (found.text, found.html) == ("hello", "<p>hello</p>")


def test_an_alternative_in_a_form_for_few_is_no_file_and_an_invitation_is_one() -> None:
    watch = "Content-Type: text/watch-html\n\n<b>hello</b>"
    invitation = "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nEND:VCALENDAR"
    tree = parts.read(multipart("alternative", "b", plain("hello"), watch, invitation).encode(), Defects())
    left = [part.content_type for part in tree.parts if id(part) not in bodies.read(tree, Defects()).parts]
    assert left == ["text/calendar"]


def test_a_body_in_rich_text_format_is_read_as_text() -> None:
    mail = b"Content-Type: text/rtf\n\n{\\rtf1 hello \\b there\\b0}"
    assert bodies.read(parts.read(mail, Defects()), Defects()).text == "hello there"


@pytest.mark.parametrize(
    "stub", ["", " \n", "Your mail client does not support HTML.", "Please open this message in your browser"]
)
def test_an_alternative_that_says_nothing_gives_way_to_the_html(stub: str) -> None:
    assert body("alternative", plain(stub), rich("<p>hello</p>")).text.strip() == "hello"


def test_a_real_text_about_html_is_no_stub() -> None:
    text = (
        "The portal does not display HTML mails. " + "We need this fixed before Monday, since staff cannot work. " * 10
    )
    assert body("alternative", plain(text), rich("<p>other</p>")).text == text


def test_mixed_texts_are_joined_in_order() -> None:
    found = body("mixed", plain("one"), rich("<p>two</p>"), plain("three"))
    assert found.text == "one\n\ntwo\n\nthree"
    assert "one" in found.html
    assert "<p>two</p>" in found.html


def test_alternative_inside_mixed_inside_related_is_found() -> None:
    inner = multipart("alternative", "c", plain("hello"), rich("<p>hello</p>"))
    assert body("related", inner, "Content-Type: image/png\n\nx").text == "hello"


def test_apple_mail_pieces_between_pictures_are_joined() -> None:
    pieces = multipart("mixed", "c", rich("<p>a</p>"), "Content-Type: image/png\n\nx", rich("<p>b</p>"))
    assert body("alternative", plain("a\nb"), pieces).html == "<p>a</p>\n<p>b</p>"


def test_a_text_file_is_no_body() -> None:
    found = body("mixed", plain("hello"), plain("log", "; name=a.log"), "Content-Disposition: attachment\n\nnote")
    assert found.text == "hello"


def test_a_text_shown_inline_with_a_name_is_read_where_there_is_no_other() -> None:
    shown = "Content-Type: text/plain; name=a.txt\nContent-Disposition: inline\n\nhello"
    assert body("mixed", shown).text == "hello"
    assert body("mixed", plain("other"), shown).text == "other"


def test_the_same_words_in_plain_and_html_side_by_side_are_read_once() -> None:
    assert body("mixed", plain("hello desk"), rich("<p>hello desk</p>")).text == "hello desk"
    assert body("mixed", plain("hello desk"), rich("<p>bye desk</p>")).text == "hello desk\n\nbye desk"


def test_of_a_report_only_the_notice_is_read() -> None:
    found = body(
        "report", plain("It failed."), "Content-Type: message/delivery-status\n\nx", "Content-Type: text/plain\n\nlog"
    )
    assert found.text == "It failed."


def test_text_past_the_limit_is_cut_and_said() -> None:
    for size, said in ((limits.TEXT_BYTES + 10, [f"more than {limits.TEXT_BYTES} bytes of text: cut"]), (1_000, [])):
        defects = Defects()
        tree = parts.read(multipart("mixed", "b", plain("a" * size)).encode(), defects)
        assert len(bodies.read(tree, defects).text) == min(size, limits.TEXT_BYTES)
        assert defects == said


def test_the_charset_in_the_html_counts_where_the_part_names_none() -> None:
    raw = b"Content-Type: text/html\n\n<meta charset=iso-8859-2>\xb3"
    assert bodies.read(parts.read(raw, Defects()), Defects()).text == "ł"


def test_nul_does_not_reach_the_text() -> None:
    assert body("mixed", plain("a\0b")).text == "ab"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one \ntwo\nthree", "one two\nthree"),
        (" > stuffed", "> stuffed"),
        ("> one \n> two\nmine", "> one two\nmine"),
        ("> one \nmine", "> one \nmine"),
        ("hello\n-- \nJane", "hello\n-- \nJane"),
        ("hello \n-- \nJane", "hello \n-- \nJane"),
    ],
)
def test_flowed_text_is_joined(text: str, expected: str) -> None:
    assert bodies.unflow(text, delete_space=False) == expected


def test_flowed_text_of_languages_without_blanks_is_joined_without_them() -> None:
    assert bodies.unflow("日本 \n語", delete_space=True) == "日本語"


def test_enriched_text_loses_its_commands() -> None:
    found = body(
        "mixed", "Content-Type: text/enriched\n\n<bold>Hello</bold> <color><param>red</param>you</color>\n\nBye"
    )
    assert found.text == "Hello you\nBye"
