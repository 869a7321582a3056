"""The Date field in every form that is sent (RFC 5322 sections 3.3 and 4.3), as aware UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

_MONTHS = {"janfebmaraprmayjunjulaugsepoctnovdec"[i * 3 : i * 3 + 3]: i + 1 for i in range(12)}
_USUAL = re.compile(
    r"(?:[A-Za-z]{2,9}[.,]{0,2} *)?(\d{1,2})[ -]([A-Za-z]{3})[a-z]{0,6}[ -](\d{4}) +(\d{1,2}):(\d\d)(?::(\d\d))? *"
    r"(?:(?:GMT|UTC)?([+-]\d\d:?\d\d)|GMT|UTC|UT|Z|(?=\Z|\())",
    re.ASCII,
)
_ISO = re.compile(r"\s*(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_COMMENT = re.compile(r"\([^()]*\)")
_COLON = re.compile(r"\s*:\s*")
# Zones that clients name and the standard library does not know, in hours; abbreviations that mean two are left out.
_ZONES = {"CET": 1, "CEST": 2, "MET": 1, "MEST": 2, "WEST": 1, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9}
_NAMED_ZONE = re.compile(rf"\d:\d\d(?::\d\d)?(?: \d{{4}})? ?({'|'.join(_ZONES)})(?=\W|\Z)", re.IGNORECASE)
_FIELD_BYTES = 200  # a date is 31 characters; comments may follow


def parse(value: str) -> datetime | None:
    """The moment, or None where it cannot be read. A date without a zone is taken as UTC."""
    value = value[:_FIELD_BYTES]
    usual = _USUAL.match(value)
    try:
        if usual:
            day, month, year, hour, minute, second, zone = usual.groups()
            moment = datetime(
                int(year),
                _MONTHS[month.lower()],
                int(day),
                int(hour),
                int(minute),
                min(int(second or 0), 59),  # a leap second
                tzinfo=UTC,
            )
            return _sane(moment - _offset(zone) if zone else moment)
        iso = _ISO.match(value)
        if iso:
            zone = (iso[3] or "Z").replace("Z", "+00:00")
            return _sane(datetime.fromisoformat(f"{iso[1]}T{iso[2]}{zone}").astimezone(UTC))
        return _odd(value)
    except (ValueError, KeyError, OverflowError, TypeError, IndexError):
        return None


def _offset(zone: str) -> timedelta:
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return timedelta(minutes=-minutes if zone[0] == "-" else minutes)


def _odd(value: str) -> datetime | None:
    """Two-digit years, named zones, asctime, comments: the standard library's reading (RFC 5322 section 4.3)."""
    plain = _COLON.sub(":", _COMMENT.sub(" ", value))
    parts = parsedate_tz(plain.replace("GMT+", "+").replace("GMT-", "-"))  # as JavaScript writes it
    if parts is None:
        return None
    year, month, day, hour, minute, second, *_, offset = parts
    named = _NAMED_ZONE.search(plain)
    if named:
        offset = _ZONES[named[1].upper()] * 3600
    zone = timezone(timedelta(seconds=offset or 0)) if abs(offset or 0) < 86_400 else UTC
    return _sane(datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).astimezone(UTC))


def _sane(moment: datetime) -> datetime | None:
    """Mail began in 1971; what claims to be older has a broken clock or a broken year."""
    return moment if moment.year > 1970 else None
