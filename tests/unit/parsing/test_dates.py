"""The Date field in every form that is sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from parsing import dates

EIGHT = datetime(2026, 1, 5, 8, 0, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 5 Jan 2026 08:00:37 +0000",
        "Mon, 05 Jan 2026 09:00:37 +0100 (CET)",
        "Mon, 5 Jan 2026 09:00:37 +01:00",
        "5 Jan 26 03:00:37 EST",
        "05-Jan-2026 00:00:37 PST",
        "Mon Jan  5 08:00:37 2026",
        "Mo, 5 Jan 2026 09:00:37 +0100",
        "Mon, 5 January 2026 8:00:37 GMT",
        "Mon, 5 Jan 2026 08.00.37 +0000",
        "2026-01-05T08:00:37Z",
        "2026-01-05 10:00:37 +0200",
        "Mon, 5 Jan 2026 09:00:37 CET",
        "Mon Jan  5 10:00:37 MEST 2026",
        "Mon, 5 Jan 2026 09:00:37 GMT+0100",
        "Mon Jan 05 2026 09:00:37 GMT+0100 (CET)",
        "Mon, 5 Jan 2026 09(h):  00 : 37 +0100",
    ],
)
def test_forms_of_one_moment_are_that_moment(value: str) -> None:
    assert dates.parse(value) == EIGHT


@pytest.mark.parametrize(
    "value", ["", "garbage", "Mon, 32 Jan 2026 08:00:37 +0000", "5 Jan 0026 08:00:37 +0000", "1e999"]
)
def test_what_is_no_date_is_none(value: str) -> None:
    assert dates.parse(value) is None


def test_midnight_may_be_the_end_of_the_day_before() -> None:
    assert dates.parse("Mon, 5 Jan 2026 24:00:00 +0000") == dates.parse("Tue, 6 Jan 2026 00:00:00 +0000")
    assert dates.parse("Mon, 5 Jan 2026 25:00:00 +0000") is None


def test_a_leap_second_is_still_a_date() -> None:
    assert dates.parse("Sat, 31 Dec 2016 23:59:60 +0000") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


TEN = datetime(2026, 3, 13, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "Fri, 13 Mar 2026 10:00:00 PM",
        "Fri, 13 Mar 2026 05:00 p.m. -0500",
        "Fr, 13 Mrz 2026 23:00:00 +0100",
        "Freitag, 13. März 2026 22:00",
        "ven., 13 mars 2026 23:00:00 +0100",
        "viernes, 13 de marzo de 2026 22:00",
        "Пт, 13 мар 2026 22:00:00",
        "pt., 13 marca 2026 22:00:00 GMT",
        "3/13/2026 10:00:00 PM",
        "13/03/2026 22:00",
        "13.03.2026 22:00",
        "2026/03/13 22:00:00",
        "2026年3月13日 下午10:00",
        "March 13, 2026 10:00 PM",
        "Sat, 14 Mar 2026 03:30:00 IST",
        "Sat, 14 Mar 2026 03:30:00 AM IST",
        "Sat, 14 Mar 2026 09:00:00 AEDT",
        "=?utf-8?q?Freitag=2C_13=2E_M=C3=A4rz_2026_22=3A00?=",
        "Freitag, 13. März 2026 22:00".encode().decode("latin-1"),
    ],
)
def test_dates_as_programs_show_them_to_their_users_are_read(value: str) -> None:
    assert dates.parse(value) == TEN


@pytest.mark.parametrize(
    ("value", "hour"),
    [
        ("13 Mar 2026 12:30:00 AM", 0),
        ("13 Mar 2026 12:30:00 PM", 12),
        ("13 Mar 2026 15:30:00 PM", 15),
        ("13 Mar 2026 09:30:00 AM", 9),
    ],
)
def test_half_a_day_is_told_from_the_other(value: str, hour: int) -> None:
    assert dates.parse(value) == datetime(2026, 3, 13, hour, 30, tzinfo=UTC)


def test_a_day_that_nobody_can_tell_from_the_month_is_no_date_but_beside_am() -> None:
    assert dates.parse("3/4/2026 10:00") is None
    assert dates.parse("3/4/2026 10:00 AM") == datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
    assert dates.parse("13 Foo 2026 22:00") is None
