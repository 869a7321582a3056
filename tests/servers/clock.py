"""A clock that is wrong as one likes, for a process and its children; that of `time.monotonic` stays right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from servers.process import need


class Clock:
    """It is read anew at each look, so that it can be set while they run."""

    def __init__(self, file: Path) -> None:
        need("faketime")
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        self._file = file
        self.set(timedelta())
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, ahead: timedelta) -> None:
        """How far it is ahead of the right time."""
        self._file.write_text(f"{ahead.total_seconds():+.0f}\n")
