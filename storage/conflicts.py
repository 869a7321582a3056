"""What is done where somebody else was faster: look again, at most so often, each time after a little longer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from storage.database import Conflict

MOST_LOOKS = 10  # more in a row is no race: somebody writes faster than we can look, or it is a bug
FIRST_PAUSE = 0.002  # seconds at most, doubled with each conflict: two that met do not meet again
LONGEST_PAUSE = 0.1

Result = TypeVar("Result")


def looking_again(work: Callable[[], Result], most: int = MOST_LOOKS) -> Result:
    """What `work` returns, which looks anew each time it is called. Raises the Conflict of its last call."""
    for conflicts in range(most - 1):
        try:
            return work()
        except Conflict:
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**conflicts)))  # noqa: S311
    return work()
