"""The station between journal and worker: arrivals whose door asks for it are checked, many at once, each within a
time; a question to the DNS that stays without an answer is asked again for a quarter of an hour."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from mailgate.logs import Outage
from mailgate.settings import Settings
from mailgate.verify.check import Checker
from mailgate.verify.dns import Ask
from routing.mail import Evidence
from routing.policy import Door
from storage import beats, verifications
from storage.database import Database, DatabaseUnavailable, now
from storage.verifications import Unverified
from storage.watch import Watch

log = logging.getLogger("mailgate.verify")

THREADS = 32  # they wait for the DNS most of the time; a domain whose nameserver is silent holds one up
HAND_BYTES = 32_000_000  # of mails in hand; a check holds its mail a few times over
POLL_SECONDS = 0.03
OUTAGE_SECONDS = 1.0  # between looks at a database that is away
BEAT_SECONDS = 60.0  # between signs of life of the DNS


class Station:
    """Checks what is due until `stopping` is set; what is in hand then is given back."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        doors: Mapping[str, Door],
        stopping: threading.Event,
        *,
        ask: Ask | None = None,
        clock: Callable[[], float] = now,
    ) -> None:
        self._check = Checker(settings, doors, ask)
        self._db = db
        self._stopping = stopping
        self._clock = clock
        self._pool = ThreadPoolExecutor(THREADS, "verify")
        self._watch = Watch(db)
        self._hands: dict[Future[Evidence], Unverified] = {}
        self._beat_at = 0.0
        self._troubled = False
        self._outage = Outage(log, "the database")

    def run(self) -> None:
        """Work until told to stop."""
        while not self._stopping.is_set():
            try:
                if not self._worked():
                    self._stopping.wait(POLL_SECONDS)
            except DatabaseUnavailable as error:
                self._outage.lasts(error)
                self._stopping.wait(OUTAGE_SECONDS)
        self.close()

    def close(self) -> None:
        """Give back what is not done."""
        self._watch.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        try:
            with self._db.write() as session:
                verifications.give_back(session, list(self._hands.values()), self._clock())
                beats.forget(session, "dns")
        except DatabaseUnavailable as error:  # their leases run out
            self._outage.lasts(error)
        self._hands = {}

    def _worked(self) -> bool:
        """Whether there was something to do."""
        if not (self._hands or self._watch.news()):
            return False
        worked = self.step()
        self._outage.over()
        return worked

    def step(self) -> bool:
        """Take what is due, wait a moment for what is in hand, write what was found; False where there was nothing."""
        self._take()
        done, _ = wait(self._hands, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        if done:
            self._write([(self._hands[future], future) for future in done])
            for future in done:
                del self._hands[future]
        return bool(self._hands or done)

    def _take(self) -> None:
        free = THREADS - len(self._hands)
        if not free or sum(len(held.raw) for held in self._hands.values()) > HAND_BYTES:
            return
        with self._db.read() as session:
            if not verifications.is_due(session, self._clock()):
                return
        with self._db.write() as session:
            taken = verifications.claim(session, self._clock(), free)
        for held in taken:
            self._hands[self._pool.submit(self._checked, held)] = held

    def _checked(self, held: Unverified) -> Evidence:
        if held.attempt > len(verifications.WAITS) + 1:
            return Evidence("none", "unknown", f"could not be checked in {held.attempt - 1} tries", "check")
        return self._check(held.envelope, held.raw)

    def _write(self, done: Sequence[tuple[Unverified, Future[Evidence]]]) -> None:
        """What was found, and when to ask again about what was not."""
        moment = self._clock()
        found: list[tuple[Unverified, Evidence]] = []
        again: list[tuple[Unverified, float]] = []
        trouble: str | None = None
        for held, future in done:
            error = future.exception()
            if error is None:
                found.append((held, future.result()))
                continue
            trouble = str(error)
            if (seconds := held.wait) is not None:
                again.append((held, moment + seconds))
            else:
                found.append((held, Evidence("none", "unknown", f"could not be checked: {trouble}", "check")))
        with self._db.write() as session:
            verifications.settle(session, found)
            for held, at in again:
                verifications.postpone(session, held, at)
            if bool(again) != self._troubled or moment >= self._beat_at:
                beats.seen(session, "dns", moment, trouble if again else None)
                self._troubled, self._beat_at = bool(again), moment + BEAT_SECONDS
        for held, evidence in found:
            log.info("mail %d: %s", held.journal_id, evidence.seen)
        for held, at in again:
            log.warning("mail %d: %s; again in %d s", held.journal_id, trouble, at - moment)
