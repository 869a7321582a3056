"""Bodies: 7 bit, read back by the standard library as they were, and the same bytes for the same words."""

from __future__ import annotations

import hashlib
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.outgoing import mime
from parsing.message import Attachment


def file(data: bytes, name: str = "report.pdf", kind: str = "application/pdf") -> Attachment:
    return Attachment(name, kind, len(data), hashlib.sha256(data).hexdigest(), False, None, data)


def read(headers: bytes, body: bytes) -> Message:
    return message_from_bytes(headers + b"\r\n" + body)


def words(part: Message) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode(str(part.get_content_charset())).replace("\r\n", "\n").removesuffix("\n")


@given(st.text(max_size=400), st.text(max_size=400))
def test_any_text_and_html_read_back_side_by_side(text: str, html: str) -> None:
    headers, body = mime.body(text, html, ())
    octets = headers + b"\r\n" + body
    octets.decode("ascii")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    message = read(headers, body)
    assert message.get_content_type() == "multipart/alternative"
    assert not message.defects
    plain, rich = message.get_payload()  # type: ignore[misc]
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    for part, given_text in ((plain, text), (rich, html)):
        lines = given_text.replace("\r\n", "\n").replace("\r", "\n")
        kept = "".join(c for c in lines if c in "\t\n" or (c >= " " and c != "\x7f"))
        assert words(part) == kept.removesuffix("\n")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain words", "7bit"),
        ("Die Größe des Druckers", "quoted-printable"),
        ("データ", "base64"),
        ("x" * 2000, "quoted-printable"),
    ],
)
def test_encoding_is_the_one_that_keeps_it_readable_and_short(text: str, encoding: str) -> None:
    message = read(*mime.body(text, "", ()))
    assert message.get_payload(0)["Content-Transfer-Encoding"] == encoding  # type: ignore[index]


def test_files_come_behind_the_words() -> None:
    headers, body = mime.body(
        "words", "<p>words</p>", (file(b"\x00\xff" * 500), file(b"two", "zwei ü.txt", "text/plain"))
    )
    message = read(headers, body)
    assert message.get_content_type() == "multipart/mixed"
    both, first, second = message.get_payload()  # type: ignore[misc]
    assert both.get_content_type() == "multipart/alternative"
    assert (first.get_filename(), first.get_content_type()) == ("report.pdf", "application/pdf")
    assert first.get_payload(decode=True) == b"\x00\xff" * 500
    assert (second.get_filename(), second.get_content_disposition()) == ("zwei ü.txt", "attachment")


@pytest.mark.parametrize(
    "kind", ["message/rfc822", "multipart/mixed", "text/plain\r\nX-Evil: 1", "text", "", 'text/html; charset="x"']
)
def test_a_type_that_cannot_be_repeated_is_sent_as_bytes(kind: str) -> None:
    message = read(*mime.body("words", "", (file(b"Subject: x\r\n\r\nhi", "mail", kind),)))
    part = message.get_payload(1)
    assert isinstance(part, Message)
    assert part.get_content_type() == "application/octet-stream"
    assert "X-Evil" not in part
    assert part.get_payload(decode=True) == b"Subject: x\r\n\r\nhi"


def test_an_attached_mail_keeps_a_name_that_clients_open() -> None:
    message = read(*mime.body("words", "", (file(b"x", "Fwd printer", "message/rfc822"),)))
    assert message.get_payload(1).get_filename() == "Fwd printer.eml"  # type: ignore[union-attr]


def test_same_words_are_the_same_bytes_and_others_are_not() -> None:
    assert mime.body("a", "b", (file(b"1"),)) == mime.body("a", "b", (file(b"1"),))
    assert mime.body("a", "b", ())[1] != mime.body("a", "c", ())[1]
