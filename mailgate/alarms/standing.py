"""How the desk stands: what the database counts with what the settings know, and every problem with what to do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from mailgate.grants import ends
from mailgate.grants.ends import Secret
from mailgate.settings import Settings
from storage.status import Mailbox, Status, read

WAITING_SECONDS = 60.0  # the worker takes a mail within 50 ms; one that waits this long has nobody to take it
LEAST_MAILS = 20  # of the largest that there must be room for on the disk

Kind = Literal["mailbox", "relay", "grant", "disk", "backlog", "database", "look"]  # "look": for `status`, no alarm


@dataclass(frozen=True, slots=True)
class Problem:
    """`name` tells it from others; `said` is a sentence with what to do; `since` in seconds since 1970 UTC."""

    kind: Kind
    name: str
    said: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The counts of the database with what the settings know."""

    status: Status
    mailboxes: tuple[Mailbox, ...]
    secrets: tuple[Secret, ...]
    problems: tuple[Problem, ...]


def look(settings: Settings, *, counted: bool = True) -> Standing:
    """One snapshot; without `counted` all counts are 0, and it is quick however much is kept.

    Raises DatabaseUnavailable and SchemaMismatch.
    """
    now = time.time()
    status = read(settings.database_url, now, counted=counted)
    mailboxes: list[Mailbox] = []
    for account in settings.imap:  # one that has left the settings is nobody's problem any more
        met = [box for box in status.mailboxes if box.account == account.name]
        mailboxes += met or [Mailbox(account.name, account.folder, None, None, None, None, None)]
    secrets = tuple(ends.secrets(settings))
    problems = (
        *_arrivals(status, now),
        *_mailboxes(mailboxes),
        *_beats(status, settings),
        *around(settings, secrets, now),
        *_outgoing(status, settings),
    )
    return Standing(status, tuple(mailboxes), secrets, problems)


def around(settings: Settings, secrets: Sequence[Secret], now: float) -> Iterator[Problem]:
    """What no database is needed for: grants and the disk."""
    for secret in secrets:
        if (said := ends.trouble(secret, now)) is not None:
            yield Problem("grant", f"grant {secret.name}", f"grant {secret.name}: {said}", secret.error_since)
    url = settings.database_url
    kept = Path(url.removeprefix("sqlite:///")).parent if url.startswith("sqlite:///") else settings.state
    if kept.is_dir() and (free := shutil.disk_usage(kept).free) < LEAST_MAILS * settings.max_size:
        said = f"disk: {free / 1_000_000:,.0f} MB free at {kept}; make room, or mail will have to wait outside"
        yield Problem("disk", "disk", said)


def _arrivals(status: Status, now: float) -> Iterator[Problem]:
    if status.parked:
        yield Problem("look", "parked", f"{_count(status.parked, 'mail')} parked; see `mailgate inbox list --parked`")
    since = status.oldest_due
    if since is not None and since < now - WAITING_SECONDS:
        yield Problem("backlog", "backlog", f"mail waits since {moment(since)}; does `mailgate serve` run?", since)


def _mailboxes(mailboxes: Sequence[Mailbox]) -> Iterator[Problem]:
    for box in mailboxes:
        name = f"mailbox {box.account}"
        if box.error:
            said = f"{name}: {box.error}, since {moment(box.error_since)}"
            yield Problem("mailbox", name, said, box.error_since)
        elif box.last_success is None:
            yield Problem("look", name, f"{name} was never reached; try `mailgate check`")


def _beats(status: Status, settings: Settings) -> Iterator[Problem]:
    for beat in status.beats:
        if beat.error and (beat.name != "relay" or settings.relay is not None):
            said = f"{beat.name}: {beat.error}, since {moment(beat.error_since)}"
            yield Problem("relay" if beat.name == "relay" else "look", beat.name, said, beat.error_since)


def _outgoing(status: Status, settings: Settings) -> Iterator[Problem]:
    if status.failed_lately:
        yield Problem(
            "look",
            "failed",
            f"{_count(status.failed_lately, 'delivery', 'deliveries')} failed within a day; "
            "see `mailgate outbox list --state failed --state bounced`",
        )
    if held := dict(status.held_for).get("relay"):
        why = "the settings have no [relay]" if settings.relay is None else "there was no [relay]"
        said = f"{_count(held, 'outgoing mail')} held: {why}; see `mailgate outbox list --state held`"
        yield Problem("look", "held", said)


def _count(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def moment(time: float | None) -> str:
    """Seconds since 1970 as UTC, ISO 8601 with Z."""
    return "long ago" if time is None else datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
