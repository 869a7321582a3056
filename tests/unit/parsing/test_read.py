"""The whole reading, the door's short one, and the keys of sameness."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from parsing import attachments, limits, parts
from parsing.defects import Defects
from parsing.document import document
from parsing.read import Identity, content_key, identify, mail_key, parse

MAIL = (
    b"Return-Path: <jane@x.example>\r\nReceived: from a by b\r\nReceived: from c by d\r\n"
    b"From: Jane Doe <jane@X.example>\r\nSender: office@x.example\r\nReply-To: team@x.example\r\n"
    b"To: Help <help@desk.example>\r\nCc: bob@y.example\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Mon, 5 Jan 2026 09:00:37 +0100\r\nMessage-ID: <1@x.example>\r\nIn-Reply-To: <0@x.example>\r\n"
    b"References: <00@x.example>\r\n <0@x.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"
)


def test_every_field_of_a_plain_mail_is_read() -> None:
    message = parse(MAIL)
    assert message.message_id == "1@x.example"
    assert message.in_reply_to == ("0@x.example",)
    assert message.references == ("00@x.example", "0@x.example")
    assert message.author is not None
    assert (message.author.name, message.author.address) == ("Jane Doe", "jane@x.example")
    assert message.sender is not None
    assert message.sender.address == "office@x.example"
    assert [one.address for one in (*message.reply_to, *message.to, *message.cc)] == [
        "team@x.example",
        "help@desk.example",
        "bob@y.example",
    ]
    assert message.return_path == "jane@x.example"
    assert message.subject == "Grüße"
    assert message.date == datetime(2026, 1, 5, 8, 0, 37, tzinfo=UTC)
    assert message.text == "hello\n"
    assert message.received == ("from a by b", "from c by d")
    assert message.header("subject") == "Grüße"
    assert message.defects == ()


@pytest.mark.parametrize(
    ("fields", "defect"),
    [
        (b"To: a@b.example", "no From"),
        (b"From: (nobody)", "no From with a mailbox"),
        (b"From: a@b.example\nFrom: c@d.example", "more than one From"),
        (b"From: a@b.example\nSubject: x\nSubject: y", "more than one Subject"),
        (b"From: a@b.example\nDate: soon", "a Date that cannot be read"),
        (b"From: a@b.example", "no Message-ID"),
        (b"From: a@b.example\nX-Serial: 1\0", "NUL bytes were taken out"),
        (b"From: a@b.example\n\nx\0y", "NUL bytes were taken out"),
    ],
)
def test_what_is_wrong_with_the_header_is_said(fields: bytes, defect: str) -> None:
    assert defect in parse(fields + b"\n\nx\n").defects


@pytest.mark.parametrize(
    ("field", "piece", "limit", "defect"),
    [
        (b"To: ", b"a@b.example,", limits.ADDRESSES, "mailboxes"),
        (b"Content-Type: text/plain;", b"a=b;", limits.MIME_FIELD_BYTES // 4, "Content-Type longer"),
        (b"Content-Disposition: attachment;", b"a=b;", limits.MIME_FIELD_BYTES // 4, "Content-Disposition longer"),
        (b"Content-Disposition: attachment;", b"a=b;", limits.PARAMETERS, "parameters"),
        (b"X: y\nContent-Type: text/html\n\n", b"<b>", limits.HTML_TAGS, "tags"),
        (b"X: y\n", b"Authentication-Results: a; b=c\n", limits.AUTH_RESULTS, "Authentication-Results"),
    ],
)
def test_a_limit_that_is_passed_is_said(field: bytes, piece: bytes, limit: int, defect: str) -> None:
    past = parse(b"From: j@x.example\n" + field + piece * (limit + 1) + b"\n\nx\n")
    within = parse(b"From: j@x.example\n" + field + piece * (limit // 2) + b"\n\nx\n")
    assert [sentence for sentence in past.defects if defect in sentence]
    assert not [sentence for sentence in within.defects if defect in sentence]


def test_too_many_references_are_said() -> None:
    def defects(count: int) -> tuple[str, ...]:
        ids = b" ".join(b"<%d@x.example>" % i for i in range(count))
        return parse(b"From: j@x.example\nMessage-ID: <m@x.example>\nReferences: " + ids + b"\n\nx\n").defects

    assert any("references" in sentence for sentence in defects(limits.MESSAGE_IDS + 1))
    assert defects(limits.MESSAGE_IDS // 2) == ()


def test_all_authors_of_a_doubled_from_are_kept() -> None:
    message = parse(b"From: a@b.example\nFrom: c@d.example\n\nx\n")
    assert [one.address for one in message.from_] == ["a@b.example", "c@d.example"]


def test_of_a_doubled_subject_the_topmost_counts() -> None:
    assert parse(b"From: a@b.example\nSubject: x\nSubject: y\n\n").subject == "x"


def test_mail_parser_says_what_is_wrong_with_an_address() -> None:
    assert any(sentence.startswith("From: ") for sentence in parse(b'From: "Jane <\nTo: (\n\nx\n').defects)
    assert not any(sentence.startswith("From: ") for sentence in parse(MAIL).defects)


def test_a_fault_of_ours_still_gives_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(attachments, "read", fail)
    message = parse(MAIL)
    assert "hello" in message.text
    assert message.defects == ("the mail could not be read: RecursionError",)
    assert not message.reply_certain
    assert (message.message_id, message.subject, message.kind) == ("1@x.example", "Grüße", "auto_generated")


@pytest.mark.parametrize("raw", [b"", b"\n", b"\0", b"hello", b"\xff" * 100, b"--\n--\n"])
def test_anything_becomes_a_message(raw: bytes) -> None:
    assert not any("could not be read:" in sentence for sentence in parse(raw).defects)


def test_identify_reads_what_the_door_asks() -> None:
    assert identify(MAIL) == Identity("1@x.example", "jane@x.example", "Grüße", 2)
    assert identify(b"Subject: a\n b\nX-Received: x\n\nMessage-ID: <no@x.example>\nReceived: no\n") == Identity(
        None, "", "a b", 0
    )


def test_identify_agrees_with_parse() -> None:
    message, found = parse(MAIL), identify(MAIL)
    assert (message.message_id, message.subject, len(message.received)) == (found.message_id, found.subject, found.hops)


def test_content_key_is_blind_to_the_trace_and_to_line_ends_only() -> None:
    other_way = MAIL.replace(b"Received: from a by b\r\n", b"Received: from e\r\n by f\r\nX-Spam-Score: 1\r\n")
    assert content_key(MAIL) == content_key(other_way)
    assert content_key(MAIL) == content_key(MAIL.replace(b"\r\n", b"\n"))
    assert content_key(MAIL) != content_key(MAIL.replace(b"hello", b"hullo"))
    assert content_key(MAIL) != content_key(MAIL.replace(b"To: Help", b"To: Desk"))


def test_mail_key_is_message_id_author_and_date() -> None:
    def key(raw: bytes) -> str:
        return mail_key(parse(raw), raw)

    assert key(MAIL) == key(MAIL.replace(b"hello", b"hello\r\n-- \r\nlist footer").replace(b"jane@X", b"Jane@x"))
    assert key(MAIL) != key(MAIL.replace(b"09:00:37", b"09:00:38"))
    assert key(MAIL) != key(MAIL.replace(b"jane@X", b"john@X"))
    assert key(MAIL) != key(MAIL.replace(b"<1@x", b"<2@x"))
    assert key(MAIL.replace(b"Message-ID: <1@x.example>\r\n", b"")) == ""


def test_document_has_bare_ids_and_no_bytes() -> None:
    printed = document(parse(MAIL), "a.eml")
    assert printed["in_reply_to"] == "0@x.example"
    assert printed["date"] == "2026-01-05T08:00:37Z"
    assert printed["from"] == {"name": "Jane Doe", "address": "jane@x.example"}
    assert printed["kind"] == "human"
    assert printed["attachments"] == []
    assert document(parse(b""), "b.eml")["in_reply_to"] is None


def test_parts_given_to_the_kinds_are_leaves() -> None:
    tree = parts.read(MAIL, Defects())
    assert [part.path for part in tree.parts] == ["1"]
