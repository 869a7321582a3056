"""Encoded words and raw 8-bit text in headers."""

from __future__ import annotations

import pytest

from parsing import words
from parsing.read import parse


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"),
        ("=?utf-8?Q?a?=  =?utf-8?Q?b?=", "ab"),
        ("=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "ä"),
        ("=?utf-8?B?w?= =?utf-8?B?6Q=?=", "é"),
        ("=?gb2312?B?1tDOxA==?= =?big5?B?pKSk5Q==?=", "中文中文"),
        ("=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=", "テスト"),
        ("=?utf-8*en?q?x=20y?=", "x y"),
        ("=?iso-8859-1?q?=80?=", "€"),
        ('"=?utf-8?Q?in_quotes?="', '"in quotes"'),
    ],
)
def test_encoded_words_are_decoded(value: str, expected: str) -> None:
    assert words.decode(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=?utf-8?B?w6Q=?==?utf-8?B?w7Y=?=", "äö"),
        ("=?iso-8859-1?q?a b?=", "a b"),
        ("=?utf-8?B?w6TDtsO8?", "äöü"),
        ("=?utf-8?b?w6Q?=", "ä"),
        ("=?utf-8?q?=E4?=", "ä"),
        ("=?x-unknown?B?w6Q=?=", "ä"),
        ('=?"utf-8"?B?w6Q=?=', "ä"),
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("=?utf-8?Q??=", ""),
    ],
)
def test_broken_words_are_read_as_meant(value: str, expected: str) -> None:
    assert words.decode(value) == expected


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Привет мир", "utf-8"),
        ("Présentation générale", "latin-1"),
        ("Привет мир", "cp1251"),
        ("Привет мир", "koi8-r"),
        ("你好世界", "gb18030"),
        ("你好世界", "big5"),
        ("こんにちは", "shift_jis"),
    ],
)
def test_raw_8_bit_is_guessed(text: str, charset: str) -> None:
    assert words.decode(text.encode(charset).decode("latin-1")) == text


def test_the_charset_of_the_mail_helps_where_nothing_is_declared() -> None:
    raw = "Łódź".encode("iso-8859-2").decode("latin-1")
    assert words.decode(raw, "iso-8859-2") == "Łódź"


def test_the_charset_of_the_first_text_part_helps_too() -> None:
    raw = "From: j@x.example\nSubject: Łódź\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
    raw += "Content-Type: text/plain; charset=iso-8859-2\n\nx\n--b--\n"
    assert parse(raw.encode("iso-8859-2")).subject == "Łódź"


def test_line_ends_never_come_out_of_a_header() -> None:
    decoded = words.decode("a =?utf-8?Q?=0D=0ABcc:_x=00y?=")
    assert not set(decoded) & set("\r\n\0")
    assert "Bcc: xy" in decoded


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"aGVsbG8=", b"hello"),
        (b"aGVsbG8", b"hello"),
        (b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"aGVsbG8=\r\nIQ==\r\n", b"hello!"),
        (b"aGVsbG8= trailing words", b"hello"),
        (b"aGVsb", b"hel"),
        (b"", b""),
    ],
)
def test_base64_is_read_as_far_as_it_goes(raw: bytes, expected: bytes) -> None:
    assert words.base64(raw) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=??Q?caf=C3=A9?=", "café"),
        ("=? utf-8 ?Q?caf=C3=A9?=", "café"),
        ("=?utf-8 ?B?w6Q=?=", "ä"),
        ("What =? and ?= mean", "What =? and ?= mean"),
        ("a =? b ?X?c?=", "a =? b ?X?c?="),
    ],
)
def test_encoded_words_without_a_charset_or_with_blanks_around_it_are_decoded(value: str, expected: str) -> None:
    assert words.decode(value) == expected


def test_raw_japanese_and_thai_subjects_are_read() -> None:
    for text, charset in (("プリンター", "iso2022_jp"), ("เครื่องพิมพ์เสีย", "cp874")):
        assert parse(b"From: a@b.example\nSubject: " + text.encode(charset) + b"\n\nx\n").subject == text
