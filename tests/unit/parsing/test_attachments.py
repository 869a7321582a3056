"""Attachments: what counts as one, its name, its picture in the HTML."""

from __future__ import annotations

import hashlib

import pytest

from parsing import attachments
from parsing.message import Attachment
from parsing.read import parse

HEAD = b"From: j@x.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nhello\n"


def files(*inner: bytes) -> tuple[Attachment, ...]:
    return parse(HEAD + b"".join(b"--b\n" + one + b"\n" for one in inner) + b"--b--\n").attachments


def test_size_and_sum_are_of_the_decoded_bytes() -> None:
    (found,) = files(b"Content-Type: a/b; name=x.bin\nContent-Transfer-Encoding: base64\n\nQUJD")
    assert (found.filename, found.content_type, found.size, found.data) == ("x.bin", "a/b", 3, b"ABC")
    assert found.sha256 == hashlib.sha256(b"ABC").hexdigest()


def test_the_body_is_no_attachment() -> None:
    assert files() == ()


def test_an_empty_file_with_a_name_is_kept_and_an_empty_part_is_not() -> None:
    assert [one.filename for one in files(b"Content-Type: a/b; name=x\n\n", b"Content-Type: a/b\n\n")] == ["x"]


def test_an_attached_mail_is_named_by_its_subject() -> None:
    (found,) = files(b"Content-Type: message/rfc822\n\nSubject: =?utf-8?q?=C3=84?= b\n\nx")
    assert found.filename == "Ä b.eml"


@pytest.mark.parametrize(("kind", "suffix"), [(b"image/png", "png"), (b"image/jpg", "jpg"), (b"x/unknown", "bin")])
def test_a_file_without_a_name_is_named_by_its_place(kind: bytes, suffix: str) -> None:
    assert files(b"Content-Type: " + kind + b"\n\nx")[0].filename == f"part-1.2.{suffix}"


def test_a_location_names_a_file_without_a_name() -> None:
    (found,) = files(b"Content-Type: image/png\nContent-Location: http://x.example/a.png\n\nx")
    assert found.filename == "a.png"
    (found,) = files(b"Content-Type: image/png; name=b.png\nContent-Location: a.png\n\nx")
    assert found.filename == "b.png"


def test_a_picture_that_the_html_shows_is_inline_and_another_is_not() -> None:
    found = files(
        b"Content-Type: text/html\n\n<img src=cid:a@x>",
        b"Content-Type: image/png; name=a.png\nContent-ID: <a@x>\n\nx",
        b"Content-Type: image/png; name=b.png\nContent-ID: <b@x>\n\nx",
    )
    assert [(one.filename, one.inline) for one in found] == [("a.png", True), ("b.png", False)]


@pytest.mark.parametrize(
    ("url", "cid", "inline"),
    [
        ("<img src=cid:img10>", "img1", False),
        ("<img src=cid:img1>", "img1", True),
        ('<img src="CID:img%401%2Bx">', "img@1+x", True),
        ("<img src='cid:a%20b'>", "a b", True),
        ('<td style="background:url(cid:a@x)">', "a@x", True),
        ('<img src="cid:a&amp;b@x">', "a&b@x", True),
        ('<img src="cid:<a@x>">', "a@x", False),
        ('<img src="acid:a@x">', "a@x", False),
        ("<img src=cid:A@x>", "a@x", False),
    ],
)
def test_a_picture_is_shown_by_its_whole_id_alone(url: str, cid: str, inline: bool) -> None:
    (found,) = files(
        b"Content-Type: text/html\n\n" + url.encode(),
        b"Content-Type: image/png; name=a.png\nContent-ID: <" + cid.encode() + b">\n\nx",
    )
    assert found.inline is inline


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("Größe 1.pdf", "Größe 1.pdf"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\j\\a.txt", "a.txt"),
        ("offer 1/2.pdf", "offer 1_2.pdf"),
        (".htaccess", "htaccess"),
        ("a\r\nb\0.txt", "ab.txt"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("..", "unnamed"),
        ('a "b" <c>?.txt', "a _b_ _c__.txt"),
        ("CON.txt", "_CON.txt"),
        ("lpt1", "_lpt1"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("Contract.txt", "Contract.txt"),
        ("com10.txt", "com10.txt"),
        ("", "unnamed"),
        ("a" * 300 + ".txt", "a" * 196 + ".txt"),
        ("ä" * 300, "ä" * 100),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert attachments.safe_name(name) == safe
