"""The offset from UTC of a moment in a zone that the calendar part itself describes (RFC 5545 section 3.6.5).

Exchange names its zones in a way that only Windows knows ("W. Europe Standard Time"), so that their rules count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

OBSERVANCES = 200  # STANDARD and DAYLIGHT of one zone: a rule for each year of a century

_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)", re.ASCII)
_START = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)", re.ASCII)
_BYDAY = re.compile(r"([+-]?\d)(MO|TU|WE|TH|FR|SA|SU)\Z", re.ASCII)
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(slots=True)
class Observance:
    """From `start` on, yearly where `rule` says so, clocks stand `offset` ahead of UTC."""

    start: datetime
    offset: timedelta
    rule: dict[str, str] = field(default_factory=dict)

    def last_onset(self, moment: datetime) -> datetime | None:
        """The last time not after `moment`, both in local time, at which it began; None where it had not yet."""
        if not self.rule:
            return self.start if self.start <= moment else None
        onsets = (self._onset(year) for year in (moment.year, moment.year - 1))
        found = next((onset for onset in onsets if onset is not None and onset <= moment), None)
        return found if found is not None and found >= self.start else None

    def _onset(self, year: int) -> datetime | None:
        first = date(year, int(self.rule.get("BYMONTH") or self.start.month), 1)
        byday = _BYDAY.match(self.rule.get("BYDAY", ""))
        if not byday:
            return self.start.replace(year=year)
        count, weekday = int(byday[1]), _DAYS.index(byday[2])
        if count > 0:
            day = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))
        else:
            last = date(year + first.month // 12, first.month % 12 + 1, 1) - timedelta(days=1)
            day = last - timedelta(days=(last.weekday() - weekday) % 7 + 7 * (-count - 1))
        return datetime.combine(day, self.start.time())


def read(lines: Sequence[tuple[str, str]]) -> dict[str, list[Observance]]:
    """The zones of a calendar by TZID, from its unfolded lines as (name, value); what cannot be read is left out."""
    zones: dict[str, list[Observance]] = {}
    zone: list[Observance] = []
    found: dict[str, str] | None = None
    for name, value in lines:
        if name == "TZID":
            zone = zones.setdefault(value, [])
        elif name == "BEGIN" and value in ("STANDARD", "DAYLIGHT"):
            found = {}
        elif name == "END" and found is not None:
            observance = _observance(found)
            if observance and len(zone) < OBSERVANCES:
                zone.append(observance)
            found = None
        elif name == "END" and value == "VTIMEZONE":
            zone = []
        elif found is not None:
            found.setdefault(name, value)
    return zones


def in_utc(moment: datetime, zone: Sequence[Observance]) -> datetime | None:
    """`moment`, which has no zone, in UTC; None where the zone says nothing of that time.

    Raises ValueError or OverflowError where a rule names a day that there is not.
    """
    best: tuple[datetime, timedelta] | None = None
    for observance in zone:
        onset = observance.last_onset(moment)
        if onset is not None and (best is None or onset > best[0]):
            best = (onset, observance.offset)
    return (moment - best[1]).replace(tzinfo=UTC) if best else None


def _observance(found: dict[str, str]) -> Observance | None:
    start, offset = _START.match(found.get("DTSTART", "")), _OFFSET.match(found.get("TZOFFSETTO", ""))
    if not (start and offset):
        return None
    ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
    rule = dict(part.partition("=")[::2] for part in found.get("RRULE", "").upper().split(";") if part)
    year, month, day, hour, minute = map(int, start.groups())
    try:
        moment = datetime(year, month, day, hour, minute)  # noqa: DTZ001 - local time of the zone
    except ValueError:
        return None
    return Observance(moment, ahead if offset[1] == "+" else -ahead, rule)
