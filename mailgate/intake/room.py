"""How many bytes of mail the door may hold at once, over all connections, until they are committed."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Any

WAIT_SECONDS = 60.0  # a client waits two minutes for its 354 (RFC 5321 section 4.5.3.2.4); half of it is ours


class Room:
    """So many bytes. Who declares a size waits for it before DATA; who does not takes while reading, or is refused."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def enter(self, size: int, patience: float = WAIT_SECONDS) -> Hold | None:
        """A hold on `size` bytes, in the order of asking; None where they came not free in `patience` seconds."""
        if (not self._waiting or not size) and self.take(size):
            return Hold(self, size)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            async with asyncio.timeout(patience):
                await turn
        except TimeoutError:
            return None
        finally:
            if turn.cancelled():  # timed out, or the client left
                self._waiting.remove((size, turn))
                self.give(0)
        return Hold(self, size)

    def take(self, size: int) -> bool:
        """Take `size` bytes at once, or none."""
        if size > self._free:
            return False
        self._free -= size
        return True

    def give(self, size: int) -> None:
        """Give `size` bytes back; whoever waits first comes first."""
        self._free += size
        while self._waiting and self.take(self._waiting[0][0]):
            self._waiting.popleft()[1].set_result(None)


class Hold:
    """Bytes held for one mail; given back when the block is left, or when its commit has ended."""

    def __init__(self, room: Room, size: int) -> None:
        self._room = room
        self._size = size
        self._lent = False

    def grow(self, size: int) -> bool:
        """Hold at least `size` bytes; False where there is no room for them."""
        more = size - self._size
        if more <= 0:
            return True
        if not self._room.take(more):
            return False
        self._size = size
        return True

    def until(self, commit: asyncio.Future[Any]) -> None:
        """The mail belongs to its commit now, which goes on when the client has left."""
        self._lent = True
        commit.add_done_callback(lambda _: self._room.give(self._size))

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._lent:
            self._room.give(self._size)
