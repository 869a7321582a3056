"""Signed mail is read, encrypted mail is kept and said so."""

from __future__ import annotations

import base64

import pytest

from parsing import smime
from parsing.read import parse

SIGNED_DATA, DATA, ENVELOPED = "2a864886f70d010702", "2a864886f70d010701", "2a864886f70d010703"


def der(tag: int, *inside: bytes) -> bytes:
    value = b"".join(inside)
    size = len(value)
    length = bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + value


def oid(text: str) -> bytes:
    return der(0x06, bytes.fromhex(text))


def opaque(content: bytes, kind: str = SIGNED_DATA) -> bytes:
    inner = der(0x30, oid(DATA), der(0xA0, der(0x04, content)))
    return der(0x30, oid(kind), der(0xA0, der(0x30, der(0x02, b"\x01"), der(0x31), inner, der(0x31))))


ENTITY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nhello desk\r\n"


def mail(data: bytes) -> bytes:
    head = b"From: j@x.example\nContent-Type: application/pkcs7-mime; name=smime.p7m\n"
    return head + b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(data)


def test_the_content_of_an_opaque_signature_is_read_and_the_signature_kept() -> None:
    message = parse(mail(opaque(ENTITY)))
    assert message.text == "hello desk\n"
    assert [one.filename for one in message.attachments] == ["smime.p7m"]
    assert not any("encrypted" in sentence for sentence in message.defects)


def test_pieces_of_indefinite_length_are_joined() -> None:
    pieces = b"\x24\x80" + der(0x04, b"one ") + der(0x04, b"two") + b"\0\0"
    inner = b"\x30\x80" + oid(DATA) + b"\xa0\x80" + pieces + b"\0\0\0\0"
    body = b"\x30\x80" + der(0x02, b"\x01") + der(0x31) + inner + b"\0\0"
    assert smime.content(b"\x30\x80" + oid(SIGNED_DATA) + b"\xa0\x80" + body + b"\0\0\0\0") == b"one two"


@pytest.mark.parametrize("data", [opaque(ENTITY, ENVELOPED), b"", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"x" * 50])
def test_what_is_no_signature_is_kept_and_called_encrypted(data: bytes) -> None:
    assert smime.content(data) is None
    assert "encrypted: its content was not read" in parse(mail(data or b"\0")).defects


def test_signatures_around_signatures_are_opened_a_few_times_only() -> None:
    data = ENTITY
    for _ in range(10):
        wrapped = base64.encodebytes(opaque(data))
        data = b"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n" + wrapped
    assert parse(b"From: j@x.example\n" + data).text == ""


def test_a_detached_signature_is_an_attachment_beside_the_text() -> None:
    message = parse(
        b"From: j@x.example\nContent-Type: multipart/signed; boundary=b\n\n--b\n\nhello\n"
        b"--b\nContent-Type: application/pgp-signature\n\nsig\n--b--\n"
    )
    assert message.text == "hello"
    assert [one.filename for one in message.attachments] == ["part-1.2.asc"]


def test_pgp_inside_the_text_is_called_encrypted() -> None:
    armour = (
        b"From: j@x.example\nMessage-ID: <1@x.example>\n\n-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----\n"
    )
    assert "encrypted: its content was not read" in parse(armour).defects
    assert parse(armour.replace(b"MESSAGE", b"SIGNATURE")).defects == ()


def test_pgp_mime_is_kept_and_called_encrypted() -> None:
    message = parse(
        b"From: j@x.example\nContent-Type: multipart/encrypted; boundary=b\n\n"
        b"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n"
        b"--b\nContent-Type: application/octet-stream; name=encrypted.asc\n\nx\n--b--\n"
    )
    assert "encrypted: its content was not read" in message.defects
    assert "encrypted.asc" in [one.filename for one in message.attachments]


def signed(fields: bytes) -> bytes:
    return (
        b"From: j@x.example\nSubject: [...]\nContent-Type: multipart/signed; boundary=b\n\n--b\n"
        + fields
        + b"\n\nhello\n--b\nContent-Type: application/pgp-signature\n\nsig\n--b--\n"
    )


@pytest.mark.parametrize("marked", [b'hp="clear"', b"protected-headers=v1"])
def test_the_subject_inside_what_is_signed_counts(marked: bytes) -> None:
    message = parse(signed(b"Subject: =?utf-8?q?Gr=C3=BCner?= printer\nContent-Type: text/plain; " + marked))
    assert message.subject == "Grüner printer"
    assert any("RFC 9788" in sentence for sentence in message.defects)


def test_a_subject_inside_that_does_not_say_that_it_counts_does_not() -> None:
    message = parse(signed(b"Subject: Printer\nContent-Type: text/plain"))
    assert message.subject == "[...]"
    assert not any("RFC 9788" in sentence for sentence in message.defects)


def test_the_subject_inside_an_opaque_signature_counts() -> None:
    data = base64.encodebytes(opaque(b'Subject: Inner\nContent-Type: text/plain; hp="clear"\n\nhello\n'))
    head = b"From: j@x.example\nSubject: [...]\nContent-Type: application/pkcs7-mime\n"
    assert parse(head + b"Content-Transfer-Encoding: base64\n\n" + data).subject == "Inner"
