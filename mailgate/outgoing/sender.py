"""Takes due letters from the outbox under a lease and hands them to the relay over a few kept-open connections.

The loop alone touches the database; each thread has a connection of its own. Sending is outside any transaction. A
process that dies between sending and recording sends again, under the letter's own Message-ID.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Sequence
from queue import Empty, SimpleQueue

from mailgate.logs import Outage
from mailgate.outgoing.relay import Connection, NotRelayed, RelayAway, SenderRefused
from mailgate.settings import Settings
from storage import beats, deliveries, sending, tally
from storage.database import Conflict, Database, DatabaseUnavailable, now
from storage.deliveries import Deferred, Failed, Result, Sent
from storage.sending import Outgoing
from storage.watch import Watch

log = logging.getLogger("mailgate.post")

POLL_SECONDS = 0.05  # between looks where there is nothing to do
GATHER_SECONDS = 0.01  # after a first result, for others to be recorded with it in one commit
IN_HAND = 32  # letters claimed for each connection: enough to keep it busy while a commit is synced
FAREWELL_SECONDS = 1.0  # for QUIT, to a relay that answers
IDLE_SECONDS = 60.0  # a connection that nobody needs is closed; relays end it after five minutes
RENEW_SECONDS = sending.LEASE_SECONDS / 4
CROWDED_SECONDS = 30.0  # before another connection is tried beside those that work
FIRST_WAIT = 1.0  # before a relay that is away is tried again; doubles
LONGEST_WAIT = 60.0
BEAT_SECONDS = 5.0
OUTAGE_SECONDS = 1.0  # between looks at a database that is away
MINUTE = 61.0  # Postfix counts whole seconds: its minute ends as the 61st begins (anvil(8), which resets past its unit)


class Sender:
    """Sends until `stopping` is set; what the relay has begun to take is finished and recorded first."""

    def __init__(self, settings: Settings, db: Database, stopping: threading.Event, owner: str) -> None:
        assert settings.relay is not None  # without a relay all letters are held
        self.relay = settings.relay
        self.db = db
        self.stopping = stopping
        self.owner = owner
        self.settings = settings
        self._work: SimpleQueue[Outgoing | None] = SimpleQueue()
        self._done: SimpleQueue[Result] = SimpleQueue()
        self._in_hand: dict[int, Outgoing] = {}
        self._lock = threading.Lock()
        self._handing: set[int] = set()  # those that the relay may take or have taken; under the lock
        self._results: list[Result] = []  # not yet recorded
        self._handed_over: deque[float] = deque()  # when, at the latest, for the limit a minute
        self._leased_until = 0.0  # clock of `time.monotonic`, as all below
        self._renew_at = 0.0
        self._beat_at = 0.0
        self._watch = Watch(db)
        self._away = _Away()
        self._unwelcome = _Unwelcome()
        self._unrelayed = _Unrelayed()
        self._outage = Outage(log, "the database")
        self._connections: list[Connection] = []

    def run(self) -> None:
        """Send until told to stop."""
        threads = [
            threading.Thread(target=self._deliver, name=f"relay-{number}", daemon=True)
            for number in range(self.relay.max_connections)
        ]
        for thread in threads:
            thread.start()
        remembered = False
        try:
            while not self.stopping.is_set() or self._in_hand or self._results:
                try:
                    if self.stopping.is_set():
                        self._let_go()
                    if not remembered:
                        self._remember()
                        remembered = True
                    self._step()
                except Conflict as conflict:
                    log.info("looking again: %s", conflict)
                except DatabaseUnavailable as error:
                    self._outage.lasts(error)
                    if self.stopping.wait(OUTAGE_SECONDS):
                        break  # what was sent and not recorded is sent once more, under its own Message-ID
        finally:
            self._watch.close()
            for _ in threads:
                self._work.put(None)
            end = time.monotonic() + FAREWELL_SECONDS
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))

    # --- the loop -----------------------------------------------------------------------------------------------

    def _step(self) -> None:
        self._collect()
        clock = time.monotonic()
        room = 0 if self.stopping.is_set() else self._room(clock)
        renewing = bool(self._in_hand) and clock >= self._renew_at
        if not self._results and not renewing and not (room and self._is_due()):
            if not self._in_hand:
                self.stopping.wait(POLL_SECONDS)
            return
        results, moment = self._results, now()
        with self.db.write() as session:
            failed = deliveries.record(session, self.owner, results, moment) if results else []
            tally.count(session, _delivered(results, failed))
            if renewing:
                sending.renew(session, self.owner, list(self._in_hand), moment)
            answered = any(isinstance(r, Sent | Failed) for r in results)
            if (
                clock >= self._beat_at
                and answered
                and not (self._unwelcome.lately(clock) or self._unrelayed.waits(clock))
            ):
                beats.seen(session, "relay", moment, None)
                self._beat_at = clock + BEAT_SECONDS
            if (error := self._away.untold() or self._unwelcome.untold() or self._unrelayed.untold()) is not None:
                beats.seen(session, "relay", moment, error)
            kept = self._unwelcome.kept(clock)
            taken = sending.claim(session, self.owner, moment, room, but=self._in_hand, kept=kept) if room else []
        self._outage.over()
        self._results = []
        if renewing or not self._in_hand:
            self._leased_until = clock + sending.LEASE_SECONDS
            self._renew_at = clock + RENEW_SECONDS
        self._report(failed)
        for letter in taken:
            self._in_hand[letter.id] = letter
            self._work.put(letter)

    def _collect(self) -> None:
        """What became of letters in hand: the first result, and those that come soon after it."""
        if not self._in_hand and self._done.empty():
            return
        try:
            first = self._done.get(timeout=POLL_SECONDS)
        except Empty:
            return
        found = [first]
        self.stopping.wait(GATHER_SECONDS)
        while True:
            try:
                found.append(self._done.get_nowait())
            except Empty:
                break
        clock = time.monotonic()
        for result in found:
            if self._in_hand.pop(result.id, None) is None:
                continue  # let go meanwhile
            with self._lock:
                self._handing.discard(result.id)
            self._results.append(result)
            if not (isinstance(result, Deferred) and not result.counts):
                self._handed_over.append(clock)

    def _let_go(self) -> None:
        """At a stop: what no relay has begun to take goes back, though a thread may wait for its connection yet."""
        with self._lock:
            ids = self._in_hand.keys() - self._handing
        for letter in [self._in_hand.pop(one) for one in sorted(ids)]:
            self._results.append(Deferred(letter.id, letter.attempt, "", counts=False))

    def _room(self, clock: float) -> int:
        """How many letters may be claimed now."""
        if self._away.is_away(clock):
            return 0
        room = self.relay.max_connections * IN_HAND - len(self._in_hand)
        if self._away.untried:
            room = 1 - len(self._in_hand)  # one letter finds out whether it is there again
        while self._handed_over and self._handed_over[0] <= clock - MINUTE:
            self._handed_over.popleft()
        if self.relay.per_minute:  # in any minute, whenever the relay looks at its clock: those in hand count, too
            room = min(room, self.relay.per_minute - len(self._in_hand) - len(self._handed_over))
        return max(0, room)

    def _remember(self) -> None:
        """What the process before this one sent within the last minute counts, too."""
        if self.relay.per_minute:
            with self.db.read() as session:
                sent = sending.sent_since(session, now() - MINUTE)
            self._handed_over.extend([time.monotonic()] * min(sent, self.relay.per_minute))

    def _is_due(self) -> bool:
        if not self._watch.news():
            return False
        with self.db.read() as session:
            due = sending.is_due(session, now(), self._unwelcome.kept(time.monotonic()))
        self._outage.over()
        return due

    def _report(self, failed: Sequence[Result]) -> None:
        for result in failed:
            if isinstance(result, Failed):
                log.warning("outgoing mail %d was refused for good: %s", result.id, result.error)

    # --- a thread for each connection ---------------------------------------------------------------------------

    def _deliver(self) -> None:
        connection = Connection(self.relay, self.settings)
        self._connections.append(connection)
        while True:
            try:
                letter = self._work.get(timeout=IDLE_SECONDS)
            except Empty:
                connection.close()
                continue
            if letter is None:
                connection.close()
                return
            try:
                result = self._send(connection, letter)
            except RelayAway as away:
                crowded = any(other.is_open for other in self._connections)
                if not crowded:
                    self._away.failed(str(away), away.seconds)
                self._done.put(Deferred(letter.id, letter.attempt, str(away), counts=False))
                if crowded:
                    log.warning("the relay takes no further connection now: %s", away)
                    self.stopping.wait(CROWDED_SECONDS)
            else:
                self._done.put(result)

    def _send(self, connection: Connection, letter: Outgoing) -> Result:
        clock = time.monotonic()
        away = self._away.is_away(clock) or letter.envelope_from in self._unwelcome.kept(clock)
        if self.stopping.is_set() or away or clock >= self._leased_until:
            return Deferred(letter.id, letter.attempt, "", counts=False)
        try:
            connection.open()  # a stop does not wait for it
            with self._lock:
                if self.stopping.is_set():
                    return Deferred(letter.id, letter.attempt, "", counts=False)
                self._handing.add(letter.id)
            result = connection.send(letter)
        except SenderRefused as refused:
            self._unwelcome.refused(letter.envelope_from, str(refused))
            return Deferred(letter.id, letter.attempt, str(refused), counts=False)
        except NotRelayed as refused:  # letters to others may go: to its own domains it is no relay
            self._unrelayed.refused(letter.id, str(refused))
            result = Deferred(letter.id, letter.attempt, refused.text, refused.status)
        except RelayAway:
            raise  # not the letter's: the thread deals with it
        except Exception:  # a letter that we cannot send must not end the sending of others
            log.exception("outgoing mail %d", letter.id)
            connection.close()
            return Deferred(letter.id, letter.attempt, traceback.format_exc(limit=-1))
        else:
            self._unrelayed.over(letter.id)
        self._away.succeeded()
        if isinstance(result, Sent):
            self._unwelcome.taken(letter.envelope_from)
        return result


def _delivered(results: Sequence[Result], failed: Sequence[Result]) -> tally.Events:
    """Tries by what came of them; a letter that was given up failed, and what was not tried counts nowhere."""
    given_up = {result.id for result in failed}
    events = Counter[tuple[str, str]]()
    for result in results:
        if isinstance(result, Failed) or result.id in given_up:
            events["delivered", "failed"] += 1
        elif isinstance(result, Sent):
            events["delivered", "sent"] += 1
        elif result.counts:
            events["delivered", "deferred"] += 1
    return events


class _Trouble:
    """With an error that `status` has not been told of. Threads tell it, the loop asks it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._untold: str | None = None

    def untold(self) -> str | None:
        """The error that `status` has not been told of."""
        with self._lock:
            error, self._untold = self._untold, None
            return error


class _Away(_Trouble):
    """Whether the relay is away, and how long it is left alone. Threads tell it, the loop asks it."""

    def __init__(self) -> None:
        super().__init__()
        self._until = 0.0
        self._wait = 0.0

    @property
    def untried(self) -> bool:
        """Whether the last try failed."""
        return self._wait > 0

    def is_away(self, clock: float) -> bool:
        return clock < self._until

    def failed(self, error: str, seconds: float) -> None:
        with self._lock:
            clock = time.monotonic()
            if clock < self._until:  # another connection has told already
                return
            self._wait = max(seconds, min(LONGEST_WAIT, self._wait * 2 or FIRST_WAIT))
            self._until = clock + self._wait
            self._untold = error
            log.warning("the relay is away, next try in %.0f s: %s", self._wait, error)

    def succeeded(self) -> None:
        if self._wait:
            with self._lock:
                self._wait = self._until = 0.0
                log.info("the relay is there")


class _Unwelcome(_Trouble):
    """Envelope senders that the relay refuses: their letters are kept, one of them tries now and then. Threads tell it,
    the loop asks it."""

    def __init__(self) -> None:
        super().__init__()
        self._until: dict[str, float] = {}
        self._wait: dict[str, float] = {}

    def kept(self, clock: float) -> tuple[str, ...]:
        """Senders whose letters stay where they are now."""
        with self._lock:
            return tuple(sender for sender, until in self._until.items() if clock < until)

    def lately(self, clock: float) -> bool:
        """Whether one is refused, and its letters are still there: they would have tried again."""
        with self._lock:
            return any(clock < until + LONGEST_WAIT for until in self._until.values())

    def refused(self, sender: str, error: str) -> None:
        with self._lock:
            clock = time.monotonic()
            if clock < self._until.get(sender, 0.0):  # another connection has told already
                return
            wait = self._wait[sender] = min(LONGEST_WAIT, self._wait.get(sender, 0.0) * 2 or FIRST_WAIT)
            self._until[sender] = clock + wait
            self._untold = error
            log.warning("mails of an envelope sender are kept, next try in %.0f s: %s", wait, error)

    def taken(self, sender: str) -> None:
        with self._lock:
            if self._until.pop(sender, None) is not None:
                del self._wait[sender]
                log.info("the relay takes mail from <%s>", sender)


class _Unrelayed(_Trouble):
    """Letters that the relay does not carry for us, until they are tried again. Threads tell it, the loop asks it."""

    def __init__(self) -> None:
        super().__init__()
        self._until: dict[int, float] = {}  # by letter; one that was discarded meanwhile is over by itself

    def waits(self, clock: float) -> bool:
        with self._lock:
            self._until = {letter: until for letter, until in self._until.items() if clock < until}
            return bool(self._until)

    def refused(self, letter: int, error: str) -> None:
        with self._lock:
            if not self._until:
                log.warning("mails to others wait: %s", error)
            self._until[letter] = time.monotonic() + deliveries.LONGEST_WAIT + LONGEST_WAIT
            self._untold = error

    def over(self, letter: int) -> None:
        with self._lock:
            if self._until.pop(letter, None) is not None and not self._until:
                log.info("the relay carries mail to others")
