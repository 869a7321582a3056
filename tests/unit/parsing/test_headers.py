"""Fields are split and unfolded; MIME values are taken apart in every form that is sent."""

from __future__ import annotations

import pytest

from parsing import headers, limits
from parsing.defects import Defects


def split(block: bytes) -> tuple[list[tuple[str, str]], list[str]]:
    defects = Defects()
    fields, _ = headers.split(block, defects)
    return fields, defects


def test_folded_fields_are_unfolded() -> None:
    assert split(b"Subject: a\r\n b\r\nTo: c\r\n") == ([("Subject", "a b"), ("To", "c")], [])


def test_an_mbox_line_is_no_field() -> None:
    assert split(b"From jane Mon Jan  5\nTo: c\n") == ([("To", "c")], [])


def test_a_fold_that_lost_its_blank_goes_on() -> None:
    fields, defects = split(b"Subject: a\nlost words\nTo: c\n")
    assert fields == [("Subject", "a lost words"), ("To", "c")]
    assert defects == ["a header line without a name"]


def test_a_body_without_an_empty_line_before_it_is_given_back() -> None:
    defects = Defects()
    fields, tail = headers.split(b"To: c\nDear desk, hello\nand more\n", defects)
    assert fields == [("To", "c")]
    assert tail == len(b"Dear desk, hello\nand more\n")
    assert defects == ["no empty line between header and body"]


def test_too_many_fields_are_cut_and_said() -> None:
    fields, defects = split(b"X: y\n" * (limits.HEADER_FIELDS + 1))
    assert len(fields) == limits.HEADER_FIELDS
    assert "header fields" in defects[0]
    assert split(b"X: y\n" * limits.HEADER_FIELDS)[1] == []


def test_too_long_a_field_is_cut_and_said() -> None:
    fields, defects = split(b"X: " + b"y" * (limits.FIELD_BYTES + 1) + b"\n")
    assert len(fields[0][1]) == limits.FIELD_BYTES
    assert "longer than" in defects[0]
    assert split(b"X: " + b"y" * limits.FIELD_BYTES + b"\n")[1] == []


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        ('attachment; filename="a;b.txt"; size=3', {"filename": "a;b.txt", "size": "3"}),
        ("attachment; filename=a b.txt", {"filename": "a b.txt"}),
        ("attachment; filename*=utf-8''a%20b.txt", {"filename": "a b.txt"}),
        ("attachment; filename*=\"utf-8''a%20b.txt\"", {"filename": "a b.txt"}),
        ("attachment; filename=\"utf-8''%C3%A4.txt\"", {"filename": "ä.txt"}),
        ('attachment; filename*0="abc"; filename*1="def.txt"', {"filename": "abcdef.txt"}),
        ("attachment; filename*1*=%A4.txt; filename*0*=utf-8''a%C3", {"filename": "aä.txt"}),
        ("attachment; filename*0*=UTF-8''x; filename*1=y%20z", {"filename": "xy%20z"}),
        ("attachment; filename=x.txt; filename*=utf-8''y.txt", {"filename": "y.txt"}),
        ('attachment; filename="=?utf-8?Q?a=C3=A4?= =?utf-8?Q?b?="', {"filename": "aäb"}),
        ("attachment; filename==?utf-8?B?w6QudHh0?=", {"filename": "ä.txt"}),
        ("attachment; filename=\xc3\xa4.txt", {"filename": "ä.txt"}),
        ('attachment; filename="C:\\dir\\f.txt"', {"filename": "C:\\dir\\f.txt"}),
        ('attachment; filename="a\\"b.txt"', {"filename": 'a"b.txt'}),
        ('attachment; filename="unclosed.txt', {"filename": "unclosed.txt"}),
        ("attachment filename=x.txt", {"filename": "x.txt"}),
        ("attachment;; filename=x", {"filename": "x"}),
        ("attachment", {}),
    ],
)
def test_parameters_are_read_in_every_form(value: str, parameters: dict[str, str]) -> None:
    kind, found = headers.mime_value(value)
    assert kind == "attachment"
    assert dict(found) == parameters


def test_parameters_stop_at_their_limit() -> None:
    value = "a/b" + "".join(f"; x{i}=1" for i in range(limits.PARAMETERS + 1))
    assert len(headers.mime_value(value)[1]) == limits.PARAMETERS


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<a@b.example> <c@d.example>", ("a@b.example", "c@d.example")),
        ("<a@b.example><a@b.example>", ("a@b.example",)),
        ("<a@b.example> (was <c@d.example>)", ("a@b.example",)),
        ("<a @b.example>", ("a@b.example",)),
        ("a@b.example (Jane)", ("a@b.example",)),
        ('Your message of "Mon" <a@b.example>', ("a@b.example",)),
        ("nothing here", ()),
        ("<>", ()),
    ],
)
def test_ids_are_read_without_comments_and_words(value: str, ids: tuple[str, ...]) -> None:
    assert headers.message_ids([value]) == ids


@pytest.mark.parametrize(
    ("value", "found"), [("<a@b>", "a@b"), ("12345", "12345"), ("two words", None), ("<>", None), ("", None)]
)
def test_message_id_may_be_a_bare_word(value: str, found: str | None) -> None:
    assert headers.message_id(value) == found


def test_of_too_many_references_the_last_are_kept() -> None:
    value = " ".join(f"<{i}@x.example>" for i in range(limits.MESSAGE_IDS + 1))
    ids = headers.message_ids([value])
    assert len(ids) == limits.MESSAGE_IDS
    assert ids[-1] == f"{limits.MESSAGE_IDS}@x.example"


def test_an_address_in_a_sentence_is_no_id() -> None:
    sentence = 'Your message of "Tue, 3 Mar 2026 10:00" from j@x.example'
    assert headers.message_ids([f"{sentence} <id@x.example>"]) == ("id@x.example",)
    assert headers.message_ids([sentence]) == ()
    assert headers.message_ids(["one@x.example two@x.example"]) == ("one@x.example", "two@x.example")


def test_references_in_encoded_words_are_read() -> None:
    assert headers.message_ids(["=?utf-8?Q?=3Cone=40x.example=3E?= <two@x.example>"]) == (
        "one@x.example",
        "two@x.example",
    )
    assert headers.message_ids(["<a=?b@x.example>"]) == ("a=?b@x.example",)
