"""What a calendar part says (RFC 5545, RFC 5546, RFC 6047): method, uid, start, and the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from parsing import charsets, limits, timezones
from parsing.message import Calendar
from parsing.parts import Part

TYPES = frozenset(("text/calendar", "application/ics"))

_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?\Z", re.ASCII)
_PARTSTAT = re.compile(r";PARTSTAT=\"?([A-Za-z-]+)", re.IGNORECASE)
_ATTENDEE = re.compile(
    r"^ATTENDEE[;:].*mailto:([^\s\">]{1,320})", re.IGNORECASE | re.MULTILINE
)  # the last: SENT-BY may be before
_SAID = frozenset(("SUMMARY", "LOCATION", "STATUS", "DESCRIPTION"))
_ESCAPED = re.compile(r"\\(.)")  # RFC 5545 section 3.3.11
_ZONE = re.compile(r";TZID=\"?([^\":;]+)", re.IGNORECASE)


def read(parts: Iterable[Part]) -> Calendar | None:
    """The first calendar part with an event, or None."""
    for part in parts:
        if part.content_type in TYPES or (
            part.filename.lower().endswith(".ics") and part.data[:100].lstrip().upper().startswith(b"BEGIN:VCALENDAR")
        ):
            found = _event(part)
            if found:
                return found
    return None


def attendees(part: Part) -> frozenset[str]:
    """The addresses of all attendees (RFC 5545 section 3.8.4.1) in a calendar part, in lower case."""
    return frozenset(address.lower() for address in _ATTENDEE.findall(_unfolded(part)))


def is_shown(part: Part) -> bool:
    """Whether it is an invitation or the like that is meant to be seen, and not sent as a file."""
    return part.content_type == "text/calendar" and part.disposition != "attachment"


def summary(part: Part) -> str:
    """A calendar part that is all of a mail, as words: what, when, where, and what became of it; "" if it is none."""
    event = _event(part)
    if event is None:
        return ""
    said: dict[str, str] = {}
    inside = ""
    for line in _unfolded(part).split("\n", limits.CALENDAR_LINES)[: limits.CALENDAR_LINES]:
        head, _, value = line.partition(":")
        name = head.partition(";")[0].strip().upper()
        if name in ("BEGIN", "END"):
            inside = value.strip().upper() if name == "BEGIN" else ""
        elif name in _SAID and inside in ("VEVENT", "VTODO"):
            said.setdefault(name, _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value).strip())
    cancelled = event.method == "CANCEL" or said.get("STATUS", "").upper() == "CANCELLED"
    state = "Cancelled" if cancelled else (event.answer or "").capitalize()
    title = said.get("SUMMARY", "")
    lines = (
        f"{state}: {title}" if state and title else title or state,
        (event.start or "").replace("T", " ").replace("Z", " UTC"),
        said.get("LOCATION", ""),
        "\n" * ("DESCRIPTION" in said) + said.get("DESCRIPTION", ""),
    )
    return "\n".join([line for line in lines if line.strip()])


def _unfolded(part: Part) -> str:
    text, _ = charsets.decode(part.data[: limits.TEXT_BYTES], part.param("charset") or "utf-8")
    # RFC 5545 section 3.1: a line that begins with a blank goes on with the one before.
    return text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")


def _event(part: Part) -> Calendar | None:
    lines = _unfolded(part).split("\n", limits.CALENDAR_LINES)
    method, uid, answer = part.param("method").upper(), "", None
    inside: list[str] = []
    zone_lines: list[tuple[str, str]] = []
    moment: tuple[str, str] | None = None
    for line in lines[: limits.CALENDAR_LINES]:
        head, _, value = line.partition(":")
        name = head.partition(";")[0].strip().upper()
        value = value.strip()
        if name == "BEGIN":
            inside.append(value.upper())
        elif name == "END":
            if inside:
                inside.pop()
        elif name == "METHOD":
            method = value.upper()
        if "VTIMEZONE" in inside[:2] or value == "VTIMEZONE":
            zone_lines.append((name, value))
        elif not inside or inside[-1] not in ("VEVENT", "VTODO"):
            continue
        elif name == "UID" and not uid:
            uid = value
        elif name == "DTSTART" and moment is None:
            moment = (head, value)
        elif name == "ATTENDEE" and answer is None:
            found = _PARTSTAT.search(line)
            answer = found[1].upper() if found else None
    if not uid and not method:
        return None
    start = _moment(*moment, timezones.read(zone_lines)) if moment else None
    # Only in a reply is the attendee's state an answer (RFC 5546 section 3.2.3); in a request it is a question.
    return Calendar(method, uid, start, answer if method in ("REPLY", "COUNTER") else None)


def _moment(head: str, value: str, zones: Mapping[str, Sequence[timezones.Observance]]) -> str | None:
    found = _MOMENT.match(value)
    if not found:
        return None
    year, month, day, hour, minute, second, utc = found.groups()
    if hour is None:
        return f"{year}-{month}-{day}"
    zone = _ZONE.search(head)
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59))  # noqa: DTZ001
        if utc:
            return moment.isoformat() + "Z"
        if zone:
            aware = timezones.in_utc(moment, zones.get(zone[1].strip(), ()))
            if aware is None:
                aware = moment.replace(tzinfo=ZoneInfo(zone[1].strip()))
            return aware.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except (ValueError, OverflowError, KeyError, OSError):  # no such day, or an unknown zone
        return f"{year}-{month}-{day}T{hour}:{minute}:{second}"
    return moment.isoformat()
