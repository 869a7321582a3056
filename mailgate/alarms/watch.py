"""Alarms that do not depend on mail: one when a trouble begins, one when it is over, through restarts and outages.

What is wrong is `standing`'s to say; how it is told is `ringing`'s. `step` decides, and is pure.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from mailgate.alarms import ringing, standing
from mailgate.alarms.ringing import Ring
from mailgate.alarms.standing import Problem
from mailgate.grants import ends
from mailgate.settings import Alarm as AlarmSettings
from mailgate.settings import Settings, seconds
from storage import alarms
from storage.alarms import Alarm
from storage.database import Conflict, Database, StorageError

log = logging.getLogger("mailgate.alarms")

LOOK_SECONDS = 15.0  # between looks; a grant's news is looked at at once
SLICE_SECONDS = 0.2  # how soon a stop, or news, is noticed
CALM_SECONDS = 60.0  # a trouble must have been gone before it is over: what comes and goes is one alarm
LATE_SECONDS = 86400.0  # a way that fails for longer has its own trouble, and the other has told
AT_ONCE = ("grant", "disk")  # they do not mend themselves


@dataclass(frozen=True, slots=True)
class Step:
    """`begun` is what stands after a look, `rings` is what is to be told of it."""

    begun: Mapping[str, Alarm]
    rings: Sequence[Ring]


def step(begun: Mapping[str, Alarm], problems: Sequence[Problem], now: float, after: float) -> Step:
    """A look: `problems` are there, `begun` was known; an alarm is told once it has lasted for `after` seconds.

    Nothing counts as told before `told` has said so: what could not be told is told at the next look.
    """
    there = {problem.name: problem for problem in problems if problem.kind != "look"}
    result: dict[str, Alarm] = {}
    rings: list[Ring] = []
    for name, problem in there.items():
        alarm = begun.get(name)
        if alarm is None or alarm.told is None:
            since = alarm.since if alarm is not None else (problem.since or now)
            alarm = Alarm(name, problem.said, since)
            if problem.kind in AT_ONCE or now - since >= after:
                rings.append(Ring(name, "begins", problem.said, since))
        result[name] = replace(alarm, over=None)
    waiting = {name for problem in problems for name in problem.stops}
    for name, alarm in begun.items():
        if name in there or alarm.told is None:  # what nobody was told of ends in silence
            continue
        if name in waiting:  # it is not over, and its grant has an alarm of its own
            result[name] = replace(alarm, over=None)
            continue
        alarm = result[name] = replace(alarm, over=alarm.over or now)
        calm = 0.0 if name.startswith("grant ") else CALM_SECONDS
        if alarm.over is not None and now - alarm.over >= calm:
            rings.append(Ring(name, "over", alarm.said, alarm.since))
    return Step(result, rings)


def told(begun: Mapping[str, Alarm], ring: Ring, now: float) -> dict[str, Alarm]:
    """Somebody was told of it."""
    if ring.state == "over":
        return {name: alarm for name, alarm in begun.items() if name != ring.name}
    return {**begun, ring.name: replace(begun[ring.name], told=now)}


def _in_background(work: Callable[[], None]) -> Future[None]:
    """In a thread that nobody waits for."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            work()
            done.set_result(None)
        except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
            done.set_exception(error)

    threading.Thread(target=run, name="alarm", daemon=True).start()
    return done


@dataclass(frozen=True, slots=True)
class _Late:
    """What was told by the ways in `heard`, and not yet by the others; they are tried until then."""

    ring: Ring
    heard: frozenset[str]
    until: float


class Alarms:
    """`run()`, in a thread of its own, until `stopping` is set. `news` asks for a look at once."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        stopping: threading.Event,
        news: threading.Event,
        *,
        ring: Callable[[Settings, Ring, Collection[str]], Mapping[str, str]] = ringing.ring,
    ) -> None:
        self._settings = settings
        self._db = db
        self._stopping = stopping
        self._news = news
        self._ring = ring
        self._after = seconds((settings.alarm or AlarmSettings()).after)
        self._begun: Mapping[str, Alarm] = {}
        self._kept: Mapping[str, Alarm] | None = None  # as the database has it; not yet read
        self._away_since: float | None = None
        self._late: dict[str, _Late] = {}  # by name of the alarm
        self._failures: Mapping[str, str] = {}

    def run(self) -> None:
        """Look, and look again; a look whose command hangs is left alone at the end, and told of again later."""
        look_at = 0.0
        looking: Future[None] | None = None
        while not self._stopping.is_set():
            if looking is not None and looking.done():
                looking.result()  # a fault of ours ends the thread, and the role begins anew
                looking = None
            if looking is None and (self._news.is_set() or time.monotonic() >= look_at):
                self._news.clear()
                looking = _in_background(lambda: self.look(time.time()))
                look_at = time.monotonic() + LOOK_SECONDS
            self._stopping.wait(SLICE_SECONDS)

    def look(self, now: float) -> None:
        """One look, and what is to be told of it."""
        problems = self._problems(now)
        self._read()
        done = step(self._begun, problems, now, self._after)
        self._begun = done.begun
        self._write()
        self._late = {name: late for name, late in self._late.items() if now < late.until}
        late = [late for name, late in self._late.items() if name not in [ring.name for ring in done.rings]]
        for ring in done.rings:
            if self._tell(_Late(ring, frozenset(), now + LATE_SECONDS)):
                if ring.state == "over":
                    log.warning("alarm %s is over; it was: %s", ring.name, ringing.was(ring.said))
                else:
                    log.warning("alarm %s %s: %s", ring.name, ring.state, ring.said)
                self._begun = told(self._begun, ring, now)
                self._write()
        for one in late:
            self._tell(one)

    def _tell(self, late: _Late) -> bool:
        """Whether somebody was told. A way that fails is tried again at the next look, and the others are not."""
        name = late.ring.name
        failed = self._ring(self._settings, late.ring, late.heard)
        for way, why in failed.items():
            if self._failures.get(way) != why:
                log.error("alarm %s could not be told: %s: %s", name, way, why)
        self._failures = failed
        heard = frozenset(way for way, _ in ringing.ways(self._settings)) - failed.keys()
        if failed and heard:
            self._late[name] = replace(late, heard=heard)
        else:
            self._late.pop(name, None)
        return bool(heard)

    def _problems(self, now: float) -> Sequence[Problem]:
        try:
            found = standing.look(self._settings, counted=False)
            unwritten = standing.unwritten(found.status, self._settings, now)
        except StorageError as error:
            self._away_since = self._away_since or now
            said = f"database: it is away ({' '.join(str(error).split())}); `mailgate check` says what to do"
            secrets = tuple(ends.secrets(self._settings))
            away = Problem("database", "database", said, self._away_since)
            return [away, *standing.around(self._settings, secrets, now), *self._unseen()]
        self._away_since = None
        return (*found.problems, unwritten) if unwritten else found.problems

    def _unseen(self) -> list[Problem]:
        """What only the database knows is as it was while it is away."""
        kinds: dict[str, standing.Kind] = {"mailbox": "mailbox", "relay": "relay", "backlog": "backlog"}
        return [
            Problem(kinds[name.partition(" ")[0]], name, alarm.said, alarm.since)
            for name, alarm in self._begun.items()
            if name.partition(" ")[0] in kinds and alarm.over is None
        ]

    def _read(self) -> None:
        if self._kept is not None:
            return
        try:
            with self._db.read() as session:
                self._kept = alarms.load(session)
        except StorageError:
            return  # with the next look
        self._begun = {**self._kept, **self._begun}

    def _write(self) -> None:
        """As far as the database is there; else with the next look."""
        if self._kept is None or self._begun == self._kept:
            return
        try:
            with self._db.write() as session:
                alarms.save(session, self._begun.values())
            self._kept = dict(self._begun)
        except Conflict as conflict:
            log.info("looking again: %s", conflict)
        except StorageError as error:
            log.warning("alarms could not be kept: %s", error)
