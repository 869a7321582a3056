"""How a process of the daemon hears that it is to end: at whatever moment, whatever it waits for, within a time.

A handler runs between two steps of the main thread, which may hold the very lock that `Event.set` wants; and a signal
to a whole group comes twice, by itself and by the parent. So a handler only writes to a pipe, and a thread reads it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Iterator

log = logging.getLogger("mailgate")

STOP_SECONDS = 10.0  # what is in hand is finished within it
LAST_SECONDS = 2.0  # then a process ends whatever a thread of it still waits for
_ASKED = (signal.SIGTERM, signal.SIGINT)


def at_once() -> None:
    """Until something is served there is nothing to finish: being asked to end is the end, in order."""
    for number in _ASKED:
        signal.signal(number, lambda *_: os._exit(0))


@contextlib.contextmanager
def put_off() -> Iterator[None]:
    """A signal that comes within the block waits for its end: a fork, whose child has the handlers of its parent."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ASKED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKED)


def hear(stopping: threading.Event, alive: int) -> None:
    """In a child: set `stopping` at SIGTERM, at SIGINT, or when the pipe `alive` ends, whose other end is the parent's.

    A second signal does not hurry it. Past its time the process ends; what it has in hand is taken up by the next.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)

    def told(*_: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(write, b"\0")

    for number in _ASKED:
        signal.signal(number, told)  # in the main thread; an event loop takes the descriptor below for its own
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)  # at once, also while the main thread waits in C
    threading.Thread(target=_end, args=((read, alive), stopping), name="stopping", daemon=True).start()


def _end(pipes: tuple[int, int], stopping: threading.Event) -> None:
    select.select(pipes, [], [])
    stopping.set()
    time.sleep(STOP_SECONDS + LAST_SECONDS)
    log.warning("process %d ends with something in hand; it is taken up at the next start", os.getpid())
    os._exit(0)
