"""Which roles of the daemon run: the parent writes it into memory that its children share, and one of them reads it."""

from __future__ import annotations

import json
import mmap
import time
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

BYTES = 8192  # a role takes some 100
TRIES = 50  # to read what is not just being written
HEAD = 12  # length and checksum


@dataclass(frozen=True, slots=True)
class Post:
    """A role that these settings want. `pid` 0: it does not run now; `since` and `died` in seconds since 1970 UTC."""

    role: str
    pid: int
    since: float
    deaths: int  # how often it ended by itself since the daemon started
    died: float  # the last time; 0: never


@dataclass(frozen=True, slots=True)
class Muster:
    """The roles as the parent saw them last; `seen` on the clock that all processes of a machine share."""

    posts: tuple[Post, ...] = ()
    seen: float = 0.0


class Roster:
    """Made by the parent before its first child. One process writes; a reader never sees half of what is written."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, BYTES)
        self._posts: dict[str, Post] = {}  # the parent's

    def started(self, role: str, pid: int) -> None:
        """A process of that role runs from now on."""
        before = self._posts.get(role, Post(role, 0, 0.0, 0, 0.0))
        self._posts[role] = replace(before, pid=pid, since=time.time())
        self.write()

    def died(self, role: str) -> None:
        """It ended by itself."""
        if (post := self._posts.get(role)) is not None:
            self._posts[role] = replace(post, pid=0, deaths=post.deaths + 1, died=time.time())
        self.write()

    def keep(self, roles: Sequence[str]) -> None:
        """No others are wanted any more."""
        self._posts = {role: post for role, post in self._posts.items() if role in roles}

    def write(self) -> None:
        """The parent lives, and this is how its roles stand."""
        posts = [asdict(post) for post in self._posts.values()]
        text = json.dumps({"seen": time.monotonic(), "posts": posts}).encode()
        head = len(text).to_bytes(4, "big") + zlib.crc32(text).to_bytes(8, "big")
        self._memory[: HEAD + len(text)] = head + text

    def read(self) -> Muster:
        """What was written last; an empty one before that."""
        for _ in range(TRIES):
            copy = self._memory[:BYTES]
            text = copy[HEAD : HEAD + int.from_bytes(copy[:4], "big")]
            if text and zlib.crc32(text) == int.from_bytes(copy[4:HEAD], "big"):
                found = json.loads(text)
                return Muster(tuple(Post(**post) for post in found["posts"]), found["seen"])
        return Muster()
