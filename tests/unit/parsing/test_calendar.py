"""Invitations and answers to them."""

from __future__ import annotations

import pytest

from parsing.message import Calendar
from parsing.read import parse


def event(*lines: str, method: str = "REPLY") -> Calendar | None:
    body = "\r\n".join(
        ["BEGIN:VCALENDAR", f"METHOD:{method}", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""]
    )
    return parse(b"From: j@x.example\r\nContent-Type: text/calendar\r\n\r\n" + body.encode()).calendar


def test_an_answer_is_read() -> None:
    found = event("UID:1@x", "DTSTART:20260105T080037Z", 'ATTENDEE;CN="J";PARTSTAT=DECLINED:mailto:j@x.example')
    assert found == Calendar("REPLY", "1@x", "2026-01-05T08:00:37Z", "DECLINED")


def test_a_request_answers_nothing() -> None:
    found = event("UID:1@x", "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:j@x.example", method="REQUEST")
    assert found == Calendar("REQUEST", "1@x", None, None)


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("DTSTART;VALUE=DATE:20260105", "2026-01-05"),
        ("DTSTART;TZID=Europe/Berlin:20260105T080037", "2026-01-05T07:00:37Z"),
        ('DTSTART;TZID="W. Europe Standard Time":20260105T080037', "2026-01-05T08:00:37"),
        ("DTSTART;TZID=../../etc/passwd:20260105T080037", "2026-01-05T08:00:37"),
        ("DTSTART:soon", None),
    ],
)
def test_start_is_read_as_far_as_it_can_be(line: str, start: str | None) -> None:
    found = event("UID:1@x", line)
    assert found is not None
    assert found.start == start


def test_folded_lines_and_alarms_do_not_disturb() -> None:
    found = event("UID:1", " 2@x", "BEGIN:VALARM", "UID:other", "END:VALARM")
    assert found is not None
    assert found.uid == "12@x"


def test_a_calendar_file_is_read_by_its_type() -> None:
    found = parse(b"From: j@x.example\nContent-Type: application/ics\n\nBEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n")
    assert found.calendar == Calendar("REPLY", "", None, None)


def test_a_mail_without_calendar_has_none() -> None:
    assert parse(b"From: j@x.example\n\nBEGIN:VCALENDAR\n").calendar is None


def words(*lines: str, method: str) -> str:
    body = "\r\n".join(["BEGIN:VCALENDAR", f"METHOD:{method}", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"])
    return parse(b"From: j@x.example\r\nContent-Type: text/calendar\r\n\r\n" + body.encode()).text


def test_a_mail_that_is_all_calendar_is_read_as_words() -> None:
    event = ("UID:1@x", "SUMMARY:Move\\, printers", "DTSTART:20260105T080000Z", "LOCATION:Room 5")
    assert words(*event, method="CANCEL") == "Cancelled: Move, printers\n2026-01-05 08:00:00 UTC\nRoom 5"
    assert words(*event, "STATUS:CANCELLED", method="REQUEST").startswith("Cancelled: ")
    assert words(*event, method="REQUEST").startswith("Move, printers\n")
    answer = "ATTENDEE;PARTSTAT=DECLINED:mailto:j@x.example"
    assert words(*event, answer, method="REPLY").startswith("Declined: Move, printers\n")


def test_a_calendar_under_words_adds_none_and_what_is_no_calendar_stays() -> None:
    head = b"From: j@x.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee you\n--b\n"
    part = b"Content-Type: text/calendar; method=CANCEL\n\nBEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\n--b--\n"
    assert parse(head + part).text.strip() == "See you"
    assert parse(b"From: j@x.example\nContent-Type: text/calendar\n\nwords\n").text == "words\n"
