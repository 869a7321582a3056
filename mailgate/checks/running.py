"""Whether a daemon of this desk runs on this machine, and since when none does; what to type where none does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from mailgate.alarms.standing import LATE_SECONDS, Problem, moment
from mailgate.locking import held
from mailgate.settings import Settings
from storage.status import Beat, last_success
from storage.words import DAEMON

UNIT = "/lib/systemd/system/mailgate.service"
PACKAGED = "/etc/mailgate/mailgate.toml"


@dataclass(frozen=True, slots=True)
class Daemon:
    """`here`: it holds its lock on this machine; `seen`: when one last told the database that it lives."""

    here: bool
    seen: float | None

    def problem(self, settings: Settings, now: float) -> Problem | None:
        """That none runs, on a desk that has been served before."""
        if self.here or self.seen is None or (self.seen > now - LATE_SECONDS and not _alone(settings)):
            return None
        said = f"mailgate does not run since {moment(self.seen, settings)}: no mail is taken, worked or sent"
        return Problem("look", "daemon", f"{said}; `{start(settings)}`", self.seen)

    @property
    def begun(self) -> bool:
        """Whether it has ever run."""
        return self.here or self.seen is not None


def daemon(settings: Settings, beats: Sequence[Beat]) -> Daemon:
    """How it is. Not for a process of the daemon: looking at the lock file ends record locks of its own there."""
    return Daemon(held(settings), last_success(beats, DAEMON))


def _alone(settings: Settings) -> bool:
    """An SQLite file has one daemon; a PostgreSQL may have several, on several machines."""
    return settings.database_url.startswith("sqlite:///")


def start(settings: Settings) -> str:
    """The command that starts it."""
    if settings.file == PACKAGED and os.path.exists(UNIT):  # noqa: PTH110
        return "systemctl start mailgate"
    return "mailgate serve"
