"""What was found out holds for a moment, so that many who ask cost no more than one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """What `find` found, for `seconds`; of many who ask at once one looks, and the others wait for it."""

    def __init__(self, find: Callable[[], T], seconds: float) -> None:
        self._find = find
        self._seconds = seconds
        self._lock = threading.Lock()
        self._found: T | None = None
        self._until = 0.0

    def __call__(self) -> T:
        with self._lock:
            if self._found is None or time.monotonic() >= self._until:
                self._found = self._find()
                self._until = time.monotonic() + self._seconds
            return self._found
