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


def test_a_leap_second_is_still_a_date() -> None:
    assert dates.parse("Sat, 31 Dec 2016 23:59:60 +0000") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
