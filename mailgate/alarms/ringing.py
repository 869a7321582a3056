"""Tells somebody of an alarm by another way than mail: a command that is run, a page that is posted to."""

from __future__ import annotations

import json
import os
import shlex
import ssl
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.error import HTTPError, URLError

from mailgate.alarms.standing import iso
from mailgate.settings import Alarm, Settings

COMMAND_SECONDS = 30.0
WEBHOOK_SECONDS = 15.0  # from the first byte to the last: one that dribbles keeps no other alarm waiting
LONGEST = 300  # characters of what went wrong that are told
LONGEST_ERRORS = 100_000  # bytes of a command's errors that are read


@dataclass(frozen=True, slots=True)
class Ring:
    """What is told. `since` in seconds since 1970 UTC."""

    name: str
    state: Literal["begins", "over", "test"]
    said: str
    since: float


class RingFailed(Exception):
    """Nobody was told; why, in a line."""


def ring(settings: Settings, told: Ring, but: Collection[str] = ()) -> dict[str, str]:
    """Tell by each way that the settings have, but for those named; why some of them failed, by way."""
    failed = {}
    for way, tell in ways(settings):
        if way in but:
            continue
        try:
            tell(told)
        except RingFailed as error:
            failed[way] = str(error)
    return failed


def ways(settings: Settings) -> Iterator[tuple[str, Callable[[Ring], None]]]:
    """Each way with its key in the settings."""
    alarm = settings.alarm
    if alarm is not None and alarm.command:
        yield "alarm.command", lambda told: _run(alarm.command or "", settings, told)
    if alarm is not None and alarm.webhook:
        yield "alarm.webhook", lambda told: _in_time(lambda: _post(alarm, settings, told))


def sentence(settings: Settings, told: Ring) -> str:
    """One line for a person."""
    said = " ".join(told.said.split())
    if told.state == "over":
        return f"{settings.desk.name}: {told.name} is well again (it was: {was(said)})"
    return f"{settings.desk.name}: {said}"


def was(said: str) -> str:
    """What was wrong, without what to do about it."""
    return said.partition("; ")[0]


def _run(command: str, settings: Settings, told: Ring) -> None:
    names = {"MAILGATE_ALARM": told.name, "MAILGATE_STATE": told.state, "MAILGATE_SAID": told.said}
    try:
        with tempfile.TemporaryFile() as errors:  # no pipe: what it leaves running in the background may keep it open
            done = subprocess.run(  # noqa: S603 - the administrator's
                shlex.split(command),
                input=f"{sentence(settings, told)}\n".encode(),
                env={**os.environ, **{key: text.replace("\0", "") for key, text in names.items()}},
                cwd=settings.folder or None,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                timeout=COMMAND_SECONDS,
                check=False,
            )
            errors.seek(0)
            said = errors.read(LONGEST_ERRORS).decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        raise RingFailed(f"it did not end within {COMMAND_SECONDS:.0f} s") from None
    except (OSError, ValueError) as error:
        raise RingFailed(getattr(error, "strerror", None) or str(error)) from None
    if done.returncode:
        raise RingFailed(f"it ended with {done.returncode}: {' '.join(said.split())[-LONGEST:]}")


def _in_time(tell: Callable[[], None]) -> None:
    """A time-out of a socket begins again with every byte; this one does not."""
    outcome: list[RingFailed | None] = []

    def run() -> None:
        try:
            tell()
            outcome.append(None)
        except RingFailed as error:
            outcome.append(error)

    thread = threading.Thread(target=run, name="webhook", daemon=True)
    thread.start()
    thread.join(WEBHOOK_SECONDS)
    if not outcome:
        raise RingFailed(f"no answer within {WEBHOOK_SECONDS:.0f} s")
    if outcome[0] is not None:
        raise outcome[0]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Elsewhere was not checked for https."""

    def redirect_request(self, *_: object) -> None:
        return None


def _post(alarm: Alarm, settings: Settings, told: Ring) -> None:
    document = {
        "desk": settings.desk.address,
        "alarm": told.name,
        "state": told.state,
        "said": told.said,
        "since": iso(told.since),
        "text": sentence(settings, told),  # what Slack, Mattermost and Teams show
    }
    request = urllib.request.Request(  # noqa: S310 - `consistency` lets https pass, and http on this machine
        alarm.webhook or "",
        data=json.dumps(document).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "mailgate"},
    )
    try:
        context = ssl.create_default_context(cafile=str(settings.path(alarm.tls_ca)) if alarm.tls_ca else None)
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect)
        opener.open(request, timeout=WEBHOOK_SECONDS).close()
    except HTTPError as error:  # an answer that is no 2xx
        error.close()
        raise RingFailed(f"{error.code} {error.reason}"[:LONGEST]) from None
    except URLError as error:
        raise RingFailed(str(error.reason)[:LONGEST]) from None
    except (OSError, ValueError) as error:
        raise RingFailed(str(error)[:LONGEST]) from None
