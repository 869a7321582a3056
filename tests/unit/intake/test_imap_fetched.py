"""What a server's FETCH answers become."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mailgate.intake.fetched import Place, Summary, oversize, parked, summary, whole
from parsing.read import parse
from storage.journal import ImapUid

PLACE = Place("imap:office", "office", "INBOX", 7, frozenset({"help@desk.example", "hardware@desk.example"}), False)
MAIL = Summary(3, 100, 1000.0)
HEADER = b"From: Anna <anna@acme.example>\r\nTo: help@desk.example\r\nMessage-ID: <a@acme.example>\r\n"
SUBSTITUTE = b"Retrieval using the IMAP4 protocol failed for the following message"


def test_internaldate_is_the_moment_and_not_the_clock_face() -> None:
    date = datetime(2026, 1, 2, 12, 0, 0, tzinfo=timezone(timedelta(hours=-5)))
    found = summary(3, {b"RFC822.SIZE": 10, b"INTERNALDATE": date})
    assert found == Summary(3, 10, datetime(2026, 1, 2, 17, 0, 0, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("left_out", [b"RFC822.SIZE", b"INTERNALDATE"])
def test_a_summary_with_something_left_out_is_none(left_out: bytes) -> None:
    answer = {b"RFC822.SIZE": 10, b"INTERNALDATE": datetime(2026, 1, 1, tzinfo=UTC)}
    answer.pop(left_out)
    assert summary(3, answer) is None


def test_a_whole_mail_is_an_arrival_of_its_own_uid() -> None:
    taken = whole(PLACE, MAIL, {b"BODY[]": HEADER + b"\r\nHello\r\n"})
    arrival = taken.arrival
    assert not taken.stays
    assert arrival.imap == ImapUid("office", "INBOX", 7, 3)
    assert (arrival.door, arrival.mail_from, arrival.rcpt_to) == (
        "imap:office",
        "anna@acme.example",
        ("help@desk.example",),
    )
    assert arrival.has_message_id
    assert (arrival.received_at, arrival.note, arrival.parked) == (1000.0, None, False)


@pytest.mark.parametrize(
    ("path", "sender"),
    [(b"<bounce@acme.example>", "bounce@acme.example"), (b"<>", ""), (b"who knows", "anna@acme.example")],
)
def test_the_envelope_sender_is_the_return_path_else_from(path: bytes, sender: str) -> None:
    taken = whole(PLACE, MAIL, {b"BODY[]": b"Return-Path: " + path + b"\r\n" + HEADER + b"\r\nHello\r\n"})
    assert taken.arrival.mail_from == sender


def test_recipients_are_the_desks_addresses_the_servers_notes_first() -> None:
    header = b"Delivered-To: Hardware+x@desk.example\r\nCc: b@acme.example, HELP@desk.example\r\nTo: c@acme.example\r\n"
    taken = whole(PLACE, MAIL, {b"BODY[]": header + b"\r\nHello\r\n"})
    assert taken.arrival.rcpt_to == ("Hardware+x@desk.example", "HELP@desk.example")


@pytest.mark.parametrize("answer", [{}, {b"BODY[]": None}, {b"BODY[]": b""}, {b"BODY[]": b"\r\n"}])
def test_ok_without_a_body_is_parked_and_stays(answer: dict[bytes, object]) -> None:
    taken = whole(PLACE, MAIL, answer)
    assert taken.stays
    assert taken.arrival.parked
    assert taken.arrival.note is not None
    assert "gave no mail" in taken.arrival.note
    assert "UID 3" in taken.arrival.note


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: " + SUBSTITUTE + b": 17\r\n\r\nThe mail is not deleted.\r\n",
        b"Subject: =?utf-8?q?Retrieval_using_the_IMAP4_protocol_failed?=\r\n\r\nx\r\n",
        b"Subject: Printer\r\n\r\n\r\n" + SUBSTITUTE + b": 17\r\n",
        b"Subject: Printer\r\n\r\nThe server couldn't retrieve the following message:\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\n" + SUBSTITUTE,
    ],
)
def test_a_servers_substitute_text_is_nobodys_words(raw: bytes) -> None:
    taken = whole(PLACE, MAIL, {b"BODY[]": raw})
    assert taken.stays
    assert taken.arrival.parked
    assert taken.arrival.raw == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: Help\r\n\r\nSince Monday Outlook says:\r\n" + SUBSTITUTE + b"\r\n",
        b"Subject: Re: " + SUBSTITUTE + b"\r\n\r\nWhat is that?\r\n",
        b"Subject: Help\r\n\r\n> " + SUBSTITUTE + b"\r\nwhat is that?\r\n",
    ],
)
def test_a_partner_who_writes_about_the_substitute_text_is_heard(raw: bytes) -> None:
    assert not whole(PLACE, MAIL, {b"BODY[]": raw}).arrival.parked


def _cut(header: bytes, text: bytes) -> bytes:
    taken = oversize(PLACE, MAIL, {b"BODY[HEADER]<0>": header, b"BODY[TEXT]<0>": text}, 50)
    assert not taken.arrival.parked
    assert taken.arrival.note is not None
    assert "100 bytes are more than the limit of 50" in taken.arrival.note
    return taken.arrival.raw


MIXED = HEADER + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
FIRST = b"--b\r\nContent-Type: text/plain\r\n\r\nSee the picture.\r\n"


def test_an_oversize_mail_loses_the_part_that_was_cut() -> None:
    raw = _cut(MIXED, FIRST + b"--b\r\nContent-Type: image/png; name=p.png\r\n\r\nabcdef")
    assert raw == MIXED + FIRST + b"--b--\r\n"
    message = parse(raw)
    assert (message.text.strip(), message.attachments) == ("See the picture.", ())


def test_an_oversize_mail_of_one_part_keeps_what_came() -> None:
    raw = _cut(MIXED, b"--b\r\nContent-Type: text/plain\r\n\r\nlong, long")
    assert parse(raw).text.strip() == "long, long"


def test_an_oversize_mail_without_parts_keeps_what_came() -> None:
    assert _cut(HEADER + b"\r\n", b"long, long") == HEADER + b"\r\nlong, long"


def test_an_oversize_header_alone_still_parses() -> None:
    assert parse(_cut(MIXED, b"")).message_id == "a@acme.example"


def test_an_oversize_mail_is_moved_or_flagged_but_never_deleted() -> None:
    answer = {b"BODY[HEADER]<0>": HEADER + b"\r\n", b"BODY[TEXT]<0>": b"x"}
    deleting = Place("imap:office", "office", "INBOX", 7, frozenset(), True)
    assert not oversize(PLACE, MAIL, answer, 50).stays
    assert oversize(deleting, MAIL, answer, 50).stays


def test_an_oversize_mail_without_a_header_is_parked() -> None:
    taken = oversize(PLACE, MAIL, {b"BODY[HEADER]<0>": None}, 50)
    assert taken.stays
    assert taken.arrival.parked


def test_what_could_not_be_fetched_says_where_it_lies() -> None:
    arrival = parked(PLACE, MAIL, "could not be fetched in 5 tries").arrival
    assert arrival.note == "could not be fetched in 5 tries; it stays in the mailbox (office: INBOX, UID 3)"
    assert arrival.raw == b""
