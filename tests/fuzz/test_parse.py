"""`parse` never raises and never gives up, for mails put together at random from the pieces that break readers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsing.document import document
from parsing.read import content_key, identify, mail_key, parse

SEEDS = sorted((Path(__file__).parent / "seeds").glob("*"))

NAMES = st.sampled_from(
    [
        b"From", b"To", b"Cc", b"Reply-To", b"Sender", b"Subject", b"Date", b"Message-ID", b"In-Reply-To",
        b"References", b"Return-Path", b"Received", b"Authentication-Results", b"DKIM-Signature", b"Content-Type",
        b"Content-Transfer-Encoding", b"Content-Disposition", b"Content-ID",
        b"Auto-Submitted", b"X-Spam-Status", b"X",
    ]
)  # fmt: skip
PIECES = st.sampled_from(
    [
        b"a@b.example", b"<", b">", b'"', b"(", b")", b"\\", b",",
        b";", b":", b"=", b"*0*=", b"''", b"%E4", b" ", b"\t",
        b"=?utf-8?Q?=C3=A4?=", b"=?gb2312?B?1tDOxA==?=", b"=?", b"?=", b"\xff", b"\xc3\xa4", b"\0", b"@", b"[", b"]",
        b"multipart/mixed", b"multipart/alternative", b"multipart/report",
        b"; boundary=b", b"text/html", b"text/plain",
        b"text/calendar", b"message/rfc822", b"message/delivery-status", b"application/ms-tnef",
        b"application/pkcs7-mime", b"; charset=utf-7", b"; charset=utf-16", b"; charset=idna", b"; format=flowed",
        b"base64", b"quoted-printable", b"x-uuencode",
        b"; filename=", b"Mon, 5 Jan 2026 08:00:37 +9999", b"99999999999",
        b"mx.example; dkim=pass header.d=b.example", b"Re: ", b"Fwd: ",
    ]
)  # fmt: skip
LINES = st.sampled_from(
    [
        b"", b"--b", b"--b--", b"-- ", b"> quoted", b"On Monday, Jane wrote:", b"From: a@b.example", b"QUJD", b"=E4=",
        b"<div style='display:none'>", b"<table><tr><td>x", b"</div>",
        b"<!--", b"<blockquote type=cite>", b"&#x110000;",
        b"BEGIN:VCALENDAR", b"BEGIN:VEVENT", b"UID:1", b"DTSTART;TZID=../x:20260105T080037", b"METHOD:REPLY",
        b"Final-Recipient: rfc822; a@b.example", b"Action: failed", b"Status: 5.1.1", b"begin 644 x", b"end",
        b"\x78\x9f\x3e\x22\x00\x00\x01\x90\x02\x00\x00", b"\x30\x80\x06\x09", b"\xff\xfe\x00", b"text", b"Host: web",
    ]
)  # fmt: skip
FIELD = st.builds(lambda name, value: name + b": " + b"".join(value), NAMES, st.lists(PIECES, max_size=6))
BLOCK = st.builds(
    lambda head, body: b"\n".join([*head, b"", *body, b""]), st.lists(FIELD, max_size=8), st.lists(LINES, max_size=8)
)
MAIL = st.builds(
    lambda blocks, crlf: b"\n--b\n".join(blocks).replace(b"\n", b"\r\n" if crlf else b"\n"),
    st.lists(BLOCK, min_size=1, max_size=4),
    st.booleans(),
)


def check(raw: bytes) -> None:
    message = parse(raw)
    assert not any(sentence.startswith("the mail could not be read") for sentence in message.defects)
    assert "\0" not in message.text + message.subject
    assert not set("\r\n") & set(message.subject)
    json.dumps(document(message, "-"))
    found = identify(raw)
    assert found.hops >= 0
    assert len(content_key(raw)) == 64
    assert bool(mail_key(message, raw)) == bool(message.message_id)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(MAIL)
def test_no_mail_of_broken_pieces_stops_the_reading(raw: bytes) -> None:
    check(raw)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_stop_the_reading(raw: bytes) -> None:
    check(raw)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name)
def test_what_once_broke_a_reader_is_read(path: Path) -> None:
    check(path.read_bytes())
