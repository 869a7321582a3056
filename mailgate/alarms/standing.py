"""How the desk stands: what the database counts with what the settings know, and every problem with what to do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from mailgate.alarms import clock
from mailgate.grants import ends
from mailgate.grants.ends import Secret
from mailgate.settings import Settings
from mailgate.trouble import parted
from storage.status import Mailbox, Status, last_success, read
from storage.words import DAEMON, DAEMON_SECONDS

WAITING_SECONDS = 60.0  # the worker takes a mail within 50 ms; one that waits this long has nobody to take it
STUCK_SECONDS = 120.0  # whoever holds it: a mail that fails is tried five times within 30 s, then parked
VERIFYING_SECONDS = 1800.0  # where senders are looked into: the DNS is asked for 15 minutes before
LEFT_SECONDS = 1800.0  # past its poll; whoever watches it renews IDLE, and says so, every nine minutes
LATE_SECONDS = 3 * DAEMON_SECONDS  # a daemon that lives tells the database so within it
LEAST_MAILS = 20  # of the largest that there must be room for on the disk

Kind = Literal["mailbox", "relay", "grant", "disk", "backlog", "database", "look"]  # "look": for `status`, no alarm


@dataclass(frozen=True, slots=True)
class Problem:
    """`name` tells it from others; `said` is a sentence with what to do; `since` in seconds since 1970 UTC.

    `stops`: the names of what waits for it, and is no problem of its own until then.
    """

    kind: Kind
    name: str
    said: str
    since: float | None = None
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disk:
    """Where everything is kept: bytes that are free there, and bytes in all."""

    folder: Path
    free: int
    size: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The counts of the database with what the settings know."""

    status: Status
    mailboxes: tuple[Mailbox, ...]
    secrets: tuple[Secret, ...]
    disk: Disk | None
    problems: tuple[Problem, ...]


def look(settings: Settings, *, counted: bool = True) -> Standing:
    """One snapshot; without `counted` the totals are 0, and it is quick however much is kept.

    Raises DatabaseUnavailable and SchemaMismatch.
    """
    now = time.time()
    return standing(settings, read(settings.database_url, now, counted=counted), now)


def standing(settings: Settings, status: Status, now: float) -> Standing:
    """What that snapshot means for these settings."""
    mailboxes: list[Mailbox] = []
    for account in settings.imap:  # one that has left the settings is nobody's problem any more
        met = [box for box in status.mailboxes if box.account == account.name]
        mailboxes += met or [Mailbox(account.name, account.folder, None, None, None, None, None)]
    secrets = tuple(ends.secrets(settings))
    problems = (
        *_database(status),
        *_arrivals(status, settings, now),
        *_mailboxes(mailboxes, settings, now),
        *_beats(status, settings),
        *_clock(status, now),
        *around(settings, secrets, now),
        *_outgoing(status, settings),
        *_restored(status, settings),
    )
    return Standing(status, tuple(mailboxes), secrets, disk(settings), tuple(folded(problems)))


def folded(problems: Sequence[Problem]) -> Iterator[Problem]:
    """A grant's trouble once, without those of the mailboxes and the relay that wait for it.

    Where it is over they try again soon, and it rings nobody that they have not yet.
    """
    waiting: dict[str, list[str]] = {}
    for one in problems:
        if (grant := _grant(one)) is not None:
            waiting.setdefault(grant, []).append(one.name)
    broken = {one.name for one in problems if one.kind == "grant"}
    for one in problems:
        if one.kind == "grant" and (hang := waiting.get(one.name)):
            yield replace(one, stops=tuple(hang))
        elif (grant := _grant(one)) is None:
            yield one
        elif grant not in broken:
            yield replace(one, kind="look")


def _grant(problem: Problem) -> str | None:
    """The grant that a mailbox or the relay names as its trouble."""
    about = problem.said.removeprefix(f"{problem.name}: ")
    if problem.kind in ("mailbox", "relay") and about.startswith("grant "):
        return about.partition(": ")[0]
    return None


def around(settings: Settings, secrets: Sequence[Secret], now: float) -> Iterator[Problem]:
    """What no database is needed for: grants and the disk."""
    for secret in secrets:
        if (said := ends.trouble(secret, now)) is not None:
            hang = _hanging(settings, secret.name)
            said = f"grant {secret.name}: {said}{f'; on it hang: {hang}' if hang else ''}"
            yield Problem("grant", f"grant {secret.name}", said, secret.error_since)
    kept = disk(settings)
    if kept is not None and kept.free < LEAST_MAILS * settings.max_size:
        said = f"disk: {kept.free / 1_000_000:,.0f} MB free at {kept.folder}; make room, or mail has to wait outside"
        yield Problem("disk", "disk", said)


def _hanging(settings: Settings, grant: str) -> str:
    """What signs in by that grant."""
    accounts = {**{f"mailbox {box.name}": box for box in settings.imap}, "relay": settings.relay}
    by = {name: settings.granted(account) for name, account in accounts.items() if account is not None}
    return ", ".join(name for name, its in by.items() if its is not None and its.name == grant)


def disk(settings: Settings) -> Disk | None:
    """The disk that the SQLite file is on, else that of `storage.state`; None where that folder is not there."""
    url = settings.database_url
    kept = Path(url.removeprefix("sqlite:///")).parent if url.startswith("sqlite:///") else settings.state
    if not kept.is_dir():
        return None
    usage = shutil.disk_usage(kept)
    return Disk(kept, usage.free, usage.total)


def _database(status: Status) -> Iterator[Problem]:
    if status.read_only:
        yield Problem("database", "database", f"database: it may only be read: {_WAITS}")


def unwritten(status: Status, settings: Settings, now: float) -> Problem | None:
    """That a daemon which runs has told the database nothing for long: it seems to take no writes."""
    seen = last_success(status.beats, DAEMON)
    if status.read_only or seen is None or seen > now - LATE_SECONDS:
        return None
    said = f"database: mailgate runs, and could write nothing since {moment(seen, settings)}: {_WAITS}"
    return Problem("database", "database", said, seen)


def _arrivals(status: Status, settings: Settings, now: float) -> Iterator[Problem]:
    if status.parked:
        yield Problem("look", "parked", f"{_count(status.parked, 'mail')} parked; see `mailgate inbox list --parked`")
    due, oldest = status.oldest_due, status.oldest_new
    if due is not None and due < now - WAITING_SECONDS:
        said = f"backlog: mail waits since {moment(due, settings)}; does `mailgate serve` run?"
        yield Problem("backlog", "backlog", said, due)
    elif oldest is not None and oldest < now - (VERIFYING_SECONDS if settings.verifies else STUCK_SECONDS):
        said = (
            f"backlog: a mail of {moment(oldest, settings)} is not worked yet; see `mailgate inbox list`, and the log"
        )
        yield Problem("backlog", "backlog", said, oldest)


def _mailboxes(mailboxes: Sequence[Mailbox], settings: Settings, now: float) -> Iterator[Problem]:
    polls = {account.name: account.poll for account in settings.imap}
    for box in mailboxes:
        name = f"mailbox {box.account}"
        if box.error:
            said = f"{name}: {_since(box.error, box.error_since, settings)}; it is tried again, {_TRY}"
            yield Problem("mailbox", name, said, box.error_since)
        elif box.last_success is None:
            yield Problem("look", name, f"{name} was never reached; {_TRY}")
        elif box.last_success < now - polls[box.account] - LEFT_SECONDS:
            said = (
                f"{name}: nobody looked into it since {moment(box.last_success, settings)}; does `mailgate serve` run?"
            )
            yield Problem("mailbox", name, said)  # from now on: who comes back after days looks within seconds


_WAITS = "mail has to wait outside; `mailgate check` says more, and so does the log"
_TRY = "`mailgate check` tries it now"
_NAMES = "is the name server of dns.nameservers, or of /etc/resolv.conf, up? it is asked again"


def _since(error: str, since: float | None, settings: Settings) -> str:
    """What went wrong, since when; and what to do, where who kept it knew."""
    said, todo = parted(error)
    return f"{said}, since {moment(since, settings)}{f'; {todo}' if todo else ''}"


def _beats(status: Status, settings: Settings) -> Iterator[Problem]:
    for beat in status.beats:
        if beat.error and (beat.name != "relay" or settings.relay is not None):
            does = f"mail is kept and tried again, {_TRY}" if beat.name == "relay" else _NAMES
            said = f"{beat.name}: {_since(beat.error, beat.error_since, settings)}; {does}"
            yield Problem("relay" if beat.name == "relay" else "look", beat.name, said, beat.error_since)


def _clock(status: Status, now: float) -> Iterator[Problem]:
    if (error := clock.error(status.arrivals, now)) is not None:
        said = f"clock: mails arrive {abs(error) / 3600:,.1f} hours {'ago' if error > 0 else 'from now'}"
        means = "ahead, and nobody is acknowledged" if error > 0 else "behind"
        yield Problem("look", "clock", f"{said}: this machine's clock is {means}; `timedatectl set-ntp true`")


def _outgoing(status: Status, settings: Settings) -> Iterator[Problem]:
    if status.failed_lately:
        yield Problem(
            "look",
            "failed",
            f"{_count(status.failed_lately, 'delivery', 'deliveries')} failed within a day; "
            "see `mailgate outbox list --state failed --state bounced`",
        )
    if held := sum(letters.count for letters in status.unsent if letters.held_for == "relay"):
        why = "the settings have no [relay]" if settings.relay is None else "there was no [relay]"
        said = f"{_count(held, 'outgoing mail')} held: {why}; see `mailgate outbox list --state held`"
        yield Problem("look", "held", said)


def _restored(status: Status, settings: Settings) -> Iterator[Problem]:
    """Sending that is frozen, and what a restore left for a person to decide."""
    begun = status.restore
    again = {(folder.account, folder.folder) for folder in begun.reread} if begun is not None else set()
    for account in settings.imap if begun is not None else ():
        folder = account.after.removeprefix("move:")
        if account.after != folder and (account.name, folder) not in again:
            said = (
                f"mailbox {account.name}: {folder} is not read again yet since the restore; does `mailgate serve` run?"
            )
            yield Problem("look", f"reread {account.name}", said)
    held = sum(letters.count for letters in status.unsent if letters.held_for == "restore")
    if begun is not None and begun.thawed is None:
        waits = f"{_count(held, 'outgoing mail')} held" if held else "nothing is held"
        said = f"sending is frozen since the restore of {moment(begun.restored, settings)}, {waits}; `mailgate thaw`"
        yield Problem("look", "frozen", said, begun.restored)
    elif held:
        said = f"{_count(held, 'outgoing mail')} may have been sent before the restore"
        said += "; see `mailgate outbox list --state held`"
        yield Problem("look", "restore", said)


def _count(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def moment(time: float | None, settings: Settings) -> str:
    """Seconds since 1970 in the desk's time zone, which is named: 2026-11-25 09:12 CET."""
    if time is None:
        return "long ago"
    return datetime.fromtimestamp(time, ZoneInfo(settings.desk.timezone)).strftime("%Y-%m-%d %H:%M %Z")


def iso(time: float) -> str:
    """Seconds since 1970 as UTC, ISO 8601 with Z."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
