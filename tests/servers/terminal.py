"""A person at a terminal: a program behind a pty, what it shows, and what is typed when it asks."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

LOOK_SECONDS = 0.1  # how soon its end is noticed
PRESS_SECONDS = 5.0  # without an answer, before a key is pressed again
STEER = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\x07")


class Terminal:
    """`type(words)` after `sees(text)`; `end()` is its exit status."""

    def __init__(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            # Who sits at a terminal is interrupted by Ctrl-C, also where the tests run in a background that is not.
            # The first terminal that the leader of a session opens is where its Ctrl-C comes from (tty_ioctl(4)).
            ["env", "--default-signal=INT", "/bin/sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(slave), *command],
            cwd=folder,
            env={**environment, "TERM": "xterm", "COLUMNS": "110", "LINES": "40"},
            start_new_session=True,
        )
        self._slave = slave  # open as long as we look, so that the terminal outlives a moment with nobody at it
        self.shown = ""
        self._read = 0  # of `shown`, up to where `sees` has looked

    def _more(self, seconds: float) -> bool:
        """Whether there may be more."""
        ended = self._process.poll() is not None
        if not select.select([self._master], [], [], 0 if ended else min(max(seconds, 0), LOOK_SECONDS))[0]:
            return not ended
        self.shown += STEER.sub("", os.read(self._master, 65536).decode("utf-8", "replace"))
        return True

    def sees(self, text: str, seconds: float = 60.0) -> None:
        """Until that is shown, after what was seen before."""
        end = time.monotonic() + seconds
        alive = True
        while (at := self.shown.find(text, self._read)) < 0:
            if not alive or time.monotonic() > end:
                raise AssertionError(f"{text!r} was not shown:\n{self.shown}")
            alive = self._more(end - time.monotonic())
        self._read = at + len(text)

    def type(self, words: str = "") -> None:
        """A line and Enter."""
        os.write(self._master, f"{words}\r".encode())

    def answers(self, question: str, words: str = "") -> None:
        """Once it is asked, that."""
        self.sees(question)
        self.type(words)

    def interrupt(self, answer: str, presses: int = 5) -> None:
        """Ctrl-C until that is shown.

        A signal between CPython's last look at its signals and its read() of the terminal is seen only once the read
        ends: the key seems dead. Who sits there presses it again.
        """
        for left in reversed(range(presses)):
            os.write(self._master, b"\x03")
            try:
                self.sees(answer, PRESS_SECONDS)
                break
            except AssertionError:
                if not left:
                    raise

    def end(self, seconds: float = 60.0) -> int:
        """Its exit status, and everything shown."""
        end = time.monotonic() + seconds
        while self._more(end - time.monotonic()):
            if time.monotonic() > end:
                self.close()
                raise AssertionError(f"it did not end:\n{self.shown}")
        return self._process.wait(10)

    def close(self) -> None:
        """Gone, with all that it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        for end in (self._master, self._slave):
            os.close(end)
