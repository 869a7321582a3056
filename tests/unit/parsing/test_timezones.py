"""A calendar part's own description of a zone gives the offset of a moment in it (RFC 5545 section 3.6.5)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from parsing import timezones

BERLIN = """TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE"""
NEW_YORK = BERLIN.replace("BYDAY=-1SU;BYMONTH=10", "BYDAY=1SU;BYMONTH=11").replace(
    "BYDAY=-1SU;BYMONTH=3", "BYDAY=2SU;BYMONTH=3"
)
NEW_YORK = NEW_YORK.replace("TO:+0100", "TO:-0500").replace("TO:+0200", "TO:-0400")


def in_utc(zone: str, *moment: int) -> datetime | None:
    lines = [(name, value) for name, _, value in (line.partition(":") for line in zone.splitlines())]
    zones = timezones.read(lines)
    return timezones.in_utc(datetime(*moment), next(iter(zones.values()), ()))  # type: ignore[arg-type]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("zone", "moment", "utc"),
    [
        (BERLIN, (2026, 2, 25, 9, 0), (2026, 2, 25, 8, 0)),
        (BERLIN, (2026, 3, 28, 9, 0), (2026, 3, 28, 8, 0)),
        (BERLIN, (2026, 3, 29, 9, 0), (2026, 3, 29, 7, 0)),
        (BERLIN, (2026, 10, 25, 9, 0), (2026, 10, 25, 8, 0)),
        (NEW_YORK, (2026, 3, 7, 9, 0), (2026, 3, 7, 14, 0)),
        (NEW_YORK, (2026, 3, 8, 9, 0), (2026, 3, 8, 13, 0)),
        (NEW_YORK, (2026, 12, 31, 22, 0), (2027, 1, 1, 3, 0)),
    ],
)
def test_summer_time_begins_and_ends_where_the_rules_say(
    zone: str, moment: tuple[int, ...], utc: tuple[int, ...]
) -> None:
    assert in_utc(zone, *moment) == datetime(*utc, tzinfo=UTC)  # type: ignore[arg-type,misc]


def test_zone_without_rules_holds_from_its_beginning_on() -> None:
    plain = "TZID:Here\nBEGIN:STANDARD\nDTSTART:20200101T000000\nTZOFFSETTO:+0530\nEND:STANDARD"
    assert in_utc(plain, 2026, 2, 25, 9, 0) == datetime(2026, 2, 25, 3, 30, tzinfo=UTC)
    assert in_utc(plain, 2019, 2, 25, 9, 0) is None


@pytest.mark.parametrize("broken", ["", "TZID:Here", BERLIN.replace("DTSTART", "X"), BERLIN.replace("TZOFFSETTO", "X")])
def test_zone_that_says_nothing_gives_no_offset(broken: str) -> None:
    assert in_utc(broken, 2026, 2, 25, 9, 0) is None


def test_rule_with_a_month_that_there_is_not_raises_what_the_calendar_expects() -> None:
    with pytest.raises(ValueError, match="month"):
        in_utc(BERLIN.replace("BYMONTH=10", "BYMONTH=13").replace("BYMONTH=3", "BYMONTH=13"), 2026, 2, 25, 9, 0)
