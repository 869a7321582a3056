"""Group commit: one thread writes what arrived while the last commit was being synced; each caller awaits a future.

A durable commit costs the same for one mail as for sixty, so waiting together is nearly free. The bounds keep a batch
short, and a large mail goes alone, after the small ones that wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from storage import database, journal
from storage.conflicts import looking_again
from storage.database import Conflict, Database, DatabaseUnavailable
from storage.journal import Arrival, Entry, Stored

log = logging.getLogger("mailgate.door")

BATCH_MAILS = 64  # beyond it a commit saves nothing more, and holds up its first mail
BATCH_BYTES = 2_000_000  # some 20 ms of writing
LARGE_BYTES = 500_000  # such a mail is a commit of its own: its neighbours wait for one of them at most
IDLE_SECONDS = 1.0  # acknowledgements ride with the next commit, and no longer than this without one
BATCH_ACKNOWLEDGEMENTS = 1_000  # each is a bound variable of one statement, of which SQLite takes 32,766

Waiting = tuple[Arrival, "asyncio.Future[Stored | None]"]


@dataclass(frozen=True, slots=True)
class _Outcome:
    stored: list[Stored | None]
    acknowledged: bool


class Commits:
    """The committer of one door. All its state belongs to the event loop; only `_write` runs in its thread."""

    def __init__(self, db: Database, clock: Callable[[], float] = database.now) -> None:
        self._db = db
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="committer")
        self._small: deque[Waiting] = deque()
        self._large: deque[Waiting] = deque()
        self._written: list[int] = []  # journal ids whose 250 was written, not yet recorded
        self._running: asyncio.Future[_Outcome] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._large_turn = False
        self._available = True

    def submit(self, arrival: Arrival) -> asyncio.Future[Stored | None]:
        """Where the arrival stands once it is on disk, or None where it could not be written (logged).

        The future belongs to the commit: who awaits it shields it, for a commit is not undone by a client's leaving.
        """
        future: asyncio.Future[Stored | None] = self._loop.create_future()
        (self._large if len(arrival.raw) > LARGE_BYTES else self._small).append((arrival, future))
        if self._running is None:
            self._next()
        return future

    def acknowledged(self, journal_id: int) -> None:
        """Its 250 was written; recorded with the next commit, or when there is none for a second."""
        self._written.append(journal_id)
        if self._running is None and self._idle is None:
            self._idle = self._loop.call_later(IDLE_SECONDS, self._next)

    async def close(self) -> None:
        """Commit what waits and record what was acknowledged; nothing may be submitted any more."""
        await self._settled()
        self._next()  # the last acknowledgements
        await self._settled()
        if self._idle is not None:
            self._idle.cancel()
        self._thread.shutdown()

    async def _settled(self) -> None:
        while (run := self._running) is not None:  # each begins the next as long as anything waits
            await asyncio.wait((run,))

    def _next(self) -> None:
        """Begin the next commit, if there is anything to write."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        batch = self._batch()
        ids = self._written[:BATCH_ACKNOWLEDGEMENTS]
        if not batch and not ids:
            return
        del self._written[: len(ids)]
        arrivals = [arrival for arrival, _ in batch]
        self._running = self._loop.run_in_executor(self._thread, self._write, arrivals, ids)
        self._running.add_done_callback(lambda run: self._done(batch, ids, run.result()))

    def _batch(self) -> list[Waiting]:
        """A large mail alone, in turn with as many small ones as the bounds allow."""
        if self._large and (self._large_turn or not self._small):
            self._large_turn = False
            return [self._large.popleft()]
        self._large_turn = True
        batch: list[Waiting] = []
        total = 0
        while self._small and len(batch) < BATCH_MAILS:
            total += len(self._small[0][0].raw)
            if total > BATCH_BYTES:
                break
            batch.append(self._small.popleft())
        return batch

    def _done(self, batch: list[Waiting], ids: list[int], outcome: _Outcome) -> None:
        self._running = None
        if not outcome.acknowledged:
            self._written[:0] = ids
        for (_, future), stored in zip(batch, outcome.stored, strict=True):
            if not future.done():
                future.set_result(stored)
        if self._small or self._large:
            self._next()
        elif self._written:
            self._idle = self._loop.call_later(IDLE_SECONDS, self._next)

    # --- in the thread --------------------------------------------------------------------------------------------

    def _write(self, arrivals: Sequence[Arrival], ids: Sequence[int]) -> _Outcome:
        """One commit. What is at fault in one mail is not laid on its neighbours: they are halved until it is alone."""
        entries = [journal.entry(arrival) for arrival in arrivals]
        refused = _Outcome([None] * len(arrivals), acknowledged=False)
        try:
            stored = looking_again(lambda: self._append(entries, ids))  # another door may hold the same bytes
        except Conflict:
            return refused
        except DatabaseUnavailable as error:
            if self._available:
                log.error("database unavailable, mails are put off: %s", error)
            self._available = False
            return refused
        except Exception:  # the door stays up whatever a mail does to it
            if len(arrivals) <= 1:
                log.exception("a mail could not be written to the journal")
                return refused
            half = len(arrivals) // 2
            first, second = self._write(arrivals[:half], ids), self._write(arrivals[half:], ())
            return _Outcome([*first.stored, *second.stored], first.acknowledged)
        if not self._available:
            log.warning("database available again")
        self._available = True
        return _Outcome(list(stored), acknowledged=True)

    def _append(self, entries: Sequence[Entry], ids: Sequence[int]) -> list[Stored]:
        with self._db.write() as connection:
            journal.acknowledge(connection, ids)
            return journal.append(connection, entries, self._clock())
