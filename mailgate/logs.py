"""The daemon's log: one readable line an event on standard error; systemd's journal gives it its own time."""

from __future__ import annotations

import logging
import os
import sys


def configure(level: int = logging.INFO) -> None:
    """Log to standard error; without the time where systemd stamps every line itself."""
    stamp = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
    form = f"{stamp}%(levelname).1s %(name)s: %(message)s"
    logging.basicConfig(stream=sys.stderr, level=level, format=form, datefmt="%Y-%m-%d %H:%M:%S")
    for noisy in ("mail.log", "imapclient", "asyncio"):  # they say what we say in our own words
        logging.getLogger(noisy).setLevel(logging.ERROR)
