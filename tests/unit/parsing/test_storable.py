"""What no database holds is in no text of a message, wherever it stood in the mail."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from parsing import limits, storable
from parsing.read import identify, parse


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for one in value for text in texts(one)]
    return (
        [text for field in fields(value) for text in texts(getattr(value, field.name))] if is_dataclass(value) else []
    )


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Grüße 👋", "Grüße 👋"),
        ("a\0b", "ab"),
        ("\ud800x", "\ufffdx"),
        ("\ud83d\udc4b", "👋"),
        ("ü\0\udc00", "ü\ufffd"),
    ],
)
def test_what_cannot_be_stored_is_taken_out_and_the_rest_stays(text: str, stored: str) -> None:
    assert storable.text(text) == stored


@pytest.mark.parametrize(
    "bad", [b"\0", b"=?utf-7?Q?+2AA-?=", b"=?utf-8?Q?=00?=", b"=?utf-16?B?AGE=?="], ids=["raw", "half", "word", "wide"]
)
def test_no_field_keeps_what_cannot_be_stored(bad: bytes) -> None:
    raw = (
        b"Return-Path: <a%b@x.example>\nReceived: by %b\nFrom: N%b <a%b@x.example>\nTo: b%b@x.example\nSubject: S %b\n"
        b"Message-ID: <i%b@x.example>\nIn-Reply-To: <j%b@x.example>\nReferences: <k%b@x.example>\nX-Own: %b\n"
        b"Authentication-Results: mx%b; dmarc=pass header.from=%b\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-7\n\n+2AA- x\0\n--b\n"
        b"Content-Type: text/calendar; method=%b; charset=utf-7\n\nBEGIN:VCALENDAR\nUID:+2AA-\0\n\n--b\n"
        b'Content-Type: image/png; name="p%b.png"\nContent-ID: <p%b@x.example>\n\n\x89PNG\0\n--b--\n'
    ).replace(b"%b", bad)
    message = parse(raw)
    assert not [text for text in texts(message) if "\0" in text or storable.text(text) != text]
    assert not any("could not be read" in sentence for sentence in message.defects)
    assert message.attachments[-1].data.endswith(b"\0")  # files are bytes, and stay
    known = identify(raw)
    assert not [text for text in (known.message_id or "", known.from_address, known.subject) if "\0" in text]


@pytest.mark.parametrize("field", ["Message-ID", "In-Reply-To", "References"])
def test_an_id_that_is_too_long_is_left_out_and_said(field: str) -> None:
    def read(length: int) -> tuple[set[str], bool]:
        own = "" if field == "Message-ID" else "Message-ID: <m@x.example>\n"
        message = parse(f"From: a@x.example\n{own}{field}: <{'x' * (length - 2)}@y>\n\nx\n".encode())
        ids = {message.message_id or "", *message.in_reply_to, *message.references} - {"", "m@x.example"}
        return ids, any("Message-ID longer than" in sentence for sentence in message.defects)

    assert read(limits.ID_CHARS) == ({"x" * (limits.ID_CHARS - 2) + "@y"}, False)
    assert read(limits.ID_CHARS + 1) == (set(), True)


def test_many_ids_that_are_long_together_are_all_read() -> None:
    ids = [f"{number}@x.example" for number in range(300)]
    message = parse(
        f"From: a@x.example\nMessage-ID: <m>\nReferences: {' '.join(f'<{i}>' for i in ids)}\n\nx\n".encode()
    )
    assert (message.references, message.defects) == (tuple(ids), ())


def test_an_address_that_is_too_long_is_left_out_and_never_cut_to_anothers() -> None:
    def read(length: int) -> tuple[list[str], bool]:
        address = "a@acme.example".ljust(length, "x")
        message = parse(f"From: a@x.example\nTo: {address}, b@x.example\nMessage-ID: <m>\n\nx\n".encode())
        return [one.address for one in message.to], bool(message.defects)

    assert read(limits.ADDRESS_CHARS) == (["a@acme.example".ljust(limits.ADDRESS_CHARS, "x"), "b@x.example"], False)
    assert read(limits.ADDRESS_CHARS + 1) == (["b@x.example"], True)
