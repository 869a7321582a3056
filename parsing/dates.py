"""The Date field in every form that is sent (RFC 5322 sections 3.3 and 4.3), as aware UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

from parsing import months, words

_USUAL = re.compile(
    r"(?:[A-Za-z]{2,9}[.,]{0,2} *)?(\d{1,2})[ -]([A-Za-z]{3,9})[ -](\d{4}) +(\d{1,2}):(\d\d)(?::(\d\d))? *"
    r"(?:(?:GMT|UTC)?([+-]\d\d:?\d\d)|GMT|UTC|UT|Z|(?=\Z|\())",
    re.ASCII,
)
_ISO = re.compile(r"\s*(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_COMMENT = re.compile(r"\([^()]*\)")
_COLON = re.compile(r"\s*:\s*")
# Zones that clients name and the standard library does not know, in hours. Of those that mean two, the one where more
# mail is written: India's, not Israel's.
_ZONES = {
    "CET": 1, "CEST": 2, "MET": 1, "MEST": 2, "MEZ": 1, "MESZ": 2, "WET": 0, "WEST": 1, "BST": 1, "EET": 2, "EEST": 3,
    "MSK": 3, "TRT": 3, "IDT": 3, "SAST": 2, "CAT": 2, "EAT": 3, "WAT": 1, "GST": 4, "PKT": 5, "IST": 5.5, "NPT": 5.75,
    "ICT": 7, "WIB": 7, "HKT": 8, "SGT": 8, "PHT": 8, "AWST": 8, "JST": 9, "KST": 9, "ACST": 9.5, "ACDT": 10.5,
    "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "BRT": -3, "ART": -3, "NDT": -2.5, "NST": -3.5, "AKST": -9,
    "AKDT": -8, "HST": -10,
}  # fmt: skip
_NAMED_ZONE = re.compile(rf"\d:\d\d(?::\d\d)?(?: [ap]m)?(?: \d{{4}})? ?({'|'.join(_ZONES)})(?=\W|\Z)", re.IGNORECASE)
# A clock, which has one half of the day twice where a language says so before or after it.
_CLOCK = re.compile(
    r"(上午|下午|午前|午後|오전|오후)?\s?(?<!\d)(\d{1,2})[:h](\d\d)(?:[:.](\d\d)(?:\.\d+)?)?(?!\d)\s?([ap]\.?\s?m\b\.?)?",
    re.IGNORECASE,
)
_AFTERNOON = ("p", "下午", "午後", "오후")
_BY_NAME = re.compile(
    r"(?<!\d)(\d{1,2})(?:\.|st|nd|rd|th|º|er)?[ \-]+(?:de )?([^\W\d_]{3,12})\.?,?[ \-]+(?:de )?(\d{4})(?!\d)"
)
_NAME_FIRST = re.compile(r"(?<![^\W\d_])([^\W\d_]{3,12})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?!\d)")
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})\s?[-./年년]\s?(\d{1,2})\s?[-./月월]\s?(\d{1,2})(?!\d)")
_BY_NUMBER = re.compile(r"(?<!\d)(\d{1,2})([./-])\s?(\d{1,2})\2\s?(\d{4})(?!\d)")
_AHEAD = re.compile(r"(?:GMT|UTC)?\s?([+-]\d\d:?\d\d)(?!\d)")
_FIELD_BYTES = 200  # a date is 31 characters; comments may follow


def parse(value: str) -> datetime | None:
    """The moment, or None where it cannot be read. A date without a zone is taken as UTC."""
    value = value[:_FIELD_BYTES]
    usual = _USUAL.match(value)
    try:
        if usual and (numbered := months.number(usual[2])):
            day, _, year, hour, minute, second, zone = usual.groups()
            moment = datetime(
                int(year),
                numbered,
                int(day),
                0 if hour == "24" else int(hour),
                int(minute),
                min(int(second or 0), 59),  # a leap second
                tzinfo=UTC,
            ) + timedelta(days=hour == "24")  # midnight, as ISO 8601 once wrote it
            return _sane(moment - _offset(zone) if zone else moment)
        iso = _ISO.match(value)
        if iso:
            zone = (iso[3] or "Z").replace("Z", "+00:00")
            return _sane(datetime.fromisoformat(f"{iso[1]}T{iso[2]}{zone}").astimezone(UTC))
        return _odd(_COLON.sub(":", _COMMENT.sub(" ", words.decode(value))))
    except (ValueError, KeyError, OverflowError, TypeError, IndexError):
        return None


def _offset(zone: str) -> timedelta:
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return timedelta(minutes=-minutes if zone[0] == "-" else minutes)


def _odd(plain: str) -> datetime | None:
    """Two-digit years, named zones, asctime: the standard library's reading (RFC 5322 section 4.3), and words."""
    clock = _CLOCK.search(plain)
    if clock and (clock[1] or clock[5] or not plain.isascii()):
        return _local(plain, clock)  # the library would take 10:00 PM for the morning
    parts = parsedate_tz(plain.replace("GMT+", "+").replace("GMT-", "-"))  # as JavaScript writes it
    if parts is None:
        return _local(plain, clock) if clock else None
    year, month, day, hour, minute, second, *_, offset = parts
    named = _NAMED_ZONE.search(plain)
    seconds = _ZONES[named[1].upper()] * 3600 if named else offset or 0
    zone = timezone(timedelta(seconds=seconds)) if abs(seconds) < 86_400 else UTC
    return _sane(datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).astimezone(UTC))


def _local(plain: str, clock: re.Match[str]) -> datetime | None:
    """A date as a program shows it to its user: months by name or number, and the hours of half a day."""
    half = (clock[5] or clock[1] or "").lower()
    rest = plain[: clock.start()] + " " + plain[clock.end() :]
    day = _day(rest, american=bool(clock[5]))
    if day is None:
        return None
    hour = int(clock[2])
    if half and 0 < hour <= 12:
        hour = hour % 12 + 12 * half.startswith(_AFTERNOON)
    moment = datetime(*day, hour, int(clock[3]), min(int(clock[4] or 0), 59), tzinfo=UTC)
    after = plain[clock.end() :]
    if ahead := _AHEAD.search(after):
        return _sane(moment - _offset(ahead[1]))
    zone = next((word for word in re.findall(r"[A-Z]{2,5}", after) if word in _ZONES or word in _AMERICAN), "")
    return _sane(moment - timedelta(hours=_ZONES.get(zone) or _AMERICAN.get(zone, 0)))


_AMERICAN = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}  # RFC 5322 4.3


def _day(text: str, *, american: bool) -> tuple[int, int, int] | None:
    """Year, month, day. Of 3/4/2026 nobody can tell which is the day, but beside an AM it is the second."""
    if (named := _BY_NAME.search(text)) and (month := months.number(named[2])):
        return int(named[3]), month, int(named[1])
    if (named := _NAME_FIRST.search(text)) and (month := months.number(named[1])):
        return int(named[3]), month, int(named[2])
    if found := _YEAR_FIRST.search(text):
        return int(found[1]), int(found[2]), int(found[3])
    found = _BY_NUMBER.search(text)
    if found is None:
        return None
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if found[2] != "/" or first > 12 or first == second:
        return year, second, first
    return (year, first, second) if american or second > 12 else None


def _sane(moment: datetime) -> datetime | None:
    """Mail began in 1971; what claims to be older has a broken clock or a broken year."""
    return moment if moment.year > 1970 else None
