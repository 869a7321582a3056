"""The daemon's log: one readable line an event on standard error; systemd's journal gives it its own time."""

from __future__ import annotations

import logging
import os
import sys


class Outage:
    """What is away is logged when it goes and when it is back, and not at each try between."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self._said: str | None = None

    def lasts(self, error: Exception) -> None:
        """It is away; logged where that is new, or has another reason."""
        said = " ".join(str(error).split())
        if said != self._said:
            self._log.warning("%s is away: %s", self._what, said)
        self._said = said

    def over(self) -> None:
        """It is there, as far as one knows."""
        if self._said is not None:
            self._log.info("%s is there again", self._what)
        self._said = None


def configure(level: int = logging.INFO) -> None:
    """Log to standard error; without the time where systemd stamps every line itself."""
    stamp = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
    form = f"{stamp}%(levelname).1s %(name)s: %(message)s"
    logging.basicConfig(stream=sys.stderr, level=level, format=form, datefmt="%Y-%m-%d %H:%M:%S")
    for noisy in ("mail.log", "imapclient", "asyncio"):  # they say what we say in our own words
        logging.getLogger(noisy).setLevel(logging.ERROR)
