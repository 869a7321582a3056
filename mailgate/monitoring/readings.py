"""What the metrics of the catalogue are at this moment: the truth is in the database, whatever is restarted."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from mailgate.alarms import standing
from mailgate.alarms.standing import Kind, Problem
from mailgate.grants import ends
from mailgate.monitoring.catalogue import METRICS
from mailgate.monitoring.kept import Kept
from mailgate.monitoring.roster import Roster
from mailgate.policy import NO_KEYS, build
from mailgate.settings import Settings, junk_door
from routing.decision import Verb
from storage import counts, status
from storage.counts import Counts
from storage.database import StorageError
from storage.status import Status
from storage.tally import HANDLED_WITHIN

KEPT_SECONDS = 5.0  # so often the database is asked at most, however many scrape
DATABASE_SECONDS = 4  # for each of its answers; Prometheus waits ten
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
KINDS: tuple[Kind, ...] = get_args(Kind)
RESULTS = ("sent", "deferred", "failed", "bounced")

Labels = tuple[str, ...]
Sample = tuple[str, Labels, float]  # name in the catalogue, values of its labels, value


class Readings(Collector):
    """A Prometheus collector; `collect` looks, at most every five seconds."""

    def __init__(self, settings: Settings, roster: Roster) -> None:
        self._settings = settings
        self._roster = roster
        limits = build(settings, NO_KEYS).limits
        self._windows = {
            limit: window[1]
            for limit in ("per_address", "per_subject", "per_thread", "unknown", "desk")
            if (window := getattr(limits, limit)) is not None
        }
        self._kept = Kept(self._look, KEPT_SECONDS)

    def collect(self) -> Iterable[Family]:
        """All families, those without a sample left out."""
        return self._kept()

    def _look(self) -> list[Family]:
        began = time.monotonic()
        now = time.time()
        samples = [*self._outside(now), *self._database(now)]
        samples.append(("mailgate_scrape_seconds", (), time.monotonic() - began))
        return families(samples)

    def _outside(self, now: float) -> Iterator[Sample]:
        """What no database is needed for."""
        yield "mailgate_build_info", (version("mailgate"),), 1
        yield from _roles(self._roster)
        if (disk := standing.disk(self._settings)) is not None:
            yield "mailgate_disk_free_bytes", (), disk.free
            yield "mailgate_disk_size_bytes", (), disk.size
        for secret in ends.secrets(self._settings):
            yield "mailgate_grant_up", (secret.name,), secret.error is None
            if secret.ends is not None:
                yield "mailgate_grant_end_timestamp_seconds", (secret.name,), secret.ends

    def _database(self, now: float) -> Iterator[Sample]:
        since = {limit: now - window for limit, window in self._windows.items()}
        try:
            with status.snapshot(self._settings.database_url, DATABASE_SECONDS) as found:
                seen = status.look(found, now, counted=False)
                counted = counts.read(found, since)
        except StorageError:
            away = Problem("database", "database", "")
            yield "mailgate_database_up", (), 0
            yield from _problems([away, *standing.around(self._settings, tuple(ends.secrets(self._settings)), now)])
            return
        yield "mailgate_database_up", (), 1
        yield "mailgate_database_size_bytes", (), seen.size
        yield from _arrived(seen, counted, self._settings, now)
        yield from _outgoing(seen, counted, now)
        yield from _reached(seen, self._settings)
        yield from _problems(standing.standing(self._settings, seen, now).problems)
        alarms = Counter(name.partition(" ")[0] for name in seen.alarms)
        for kind in KINDS:
            if kind != "look":
                yield "mailgate_alarms_active", (kind,), alarms[kind]


def _roles(roster: Roster) -> Iterator[Sample]:
    for post in roster.read().posts:
        yield "mailgate_role_up", (post.role,), bool(post.pid)
        yield "mailgate_role_deaths_total", (post.role,), post.deaths
        if not post.pid:
            continue
        yield "mailgate_role_start_timestamp_seconds", (post.role,), post.since
        try:  # proc(5): fields 14, 15 and 24 of stat, counted after the name in brackets, which may hold anything
            fields = Path(f"/proc/{post.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile, or there is no /proc
            continue
        yield "mailgate_role_cpu_seconds_total", (post.role,), (int(fields[11]) + int(fields[12])) / TICK
        yield "mailgate_role_resident_memory_bytes", (post.role,), int(fields[21]) * PAGE


def _arrived(seen: Status, counted: Counts, settings: Settings, now: float) -> Iterator[Sample]:
    doors = {label for name, label in counted.events if name == "received"} | set(_doors(settings))
    for door in sorted(doors):
        yield "mailgate_mails_received_total", (door,), counted.events.get(("received", door), 0)
    for outcome in (*get_args(Verb), "parked"):
        yield "mailgate_mails_worked_total", (outcome,), counted.events.get(("worked", outcome), 0)
    for state, count in (("new", seen.new), ("parked", seen.parked), ("quarantine", seen.set_aside)):
        yield "mailgate_mails", (state,), count
    yield "mailgate_oldest_mail_age_seconds", (), _age(seen.oldest_new, now)
    total = 0.0
    for most in (*map(str, HANDLED_WITHIN), "inf"):
        total += counted.events.get(("handled", most), 0)
        yield "mailgate_mail_handling_seconds", (most.replace("inf", "+Inf"),), total
    yield "mailgate_mail_handling_seconds", ("sum",), counted.events.get(("handled_seconds", ""), 0)
    yield "mailgate_work_busy_seconds_total", (), counted.events.get(("busy_seconds", "work"), 0)
    for state in ("new", "open", "pending"):
        yield "mailgate_tickets", (state,), counted.tickets.get(state, 0)


def _doors(settings: Settings) -> Iterator[str]:
    """The doors that these settings open, so that the first mail by one is a step from 0."""
    if settings.smtp:
        yield "smtp"
    if settings.lmtp:
        yield "lmtp"
    for box in settings.imap:
        yield f"imap:{box.name}"
        if box.junk:
            yield junk_door(box.name)


def _outgoing(seen: Status, counted: Counts, now: float) -> Iterator[Sample]:
    for state in ("pending", "deferred", "held"):
        waiting = [letters for letters in seen.unsent if letters.state == state]
        yield "mailgate_outbox_mails", (state,), sum(letters.count for letters in waiting)
        oldest = min((letters.oldest for letters in waiting), default=None)
        yield "mailgate_outbox_oldest_age_seconds", (state,), _age(oldest, now)
    for result in RESULTS:
        yield "mailgate_deliveries_total", (result,), counted.events.get(("delivered", result), 0)
    for limit, count in counted.breakers.items():
        yield "mailgate_breakers_open", (limit,), count


def _reached(seen: Status, settings: Settings) -> Iterator[Sample]:
    names = {box.name for box in settings.imap}
    for box in seen.mailboxes:
        if box.account in names:
            yield "mailgate_mailbox_up", (box.account, box.folder), box.error is None
            when = box.last_success or 0
            yield "mailgate_mailbox_last_success_timestamp_seconds", (box.account, box.folder), when
    beats = {beat.name: beat for beat in seen.beats}
    if settings.relay is not None:
        relay = beats.get("relay")
        yield "mailgate_relay_up", (), relay is None or relay.error is None
        yield "mailgate_relay_last_success_timestamp_seconds", (), (relay.last_success if relay else None) or 0
    if settings.verifies:
        dns = beats.get("dns")
        yield "mailgate_dns_up", (), dns is None or dns.error is None


def _problems(problems: Sequence[Problem]) -> Iterator[Sample]:
    kinds = Counter(problem.kind for problem in problems)
    for kind in KINDS:
        yield "mailgate_problems", (kind,), kinds[kind]


def _age(since: float | None, now: float) -> float:
    return 0.0 if since is None else max(0.0, now - since)


def families(samples: Iterable[Sample]) -> list[Family]:
    """Samples as Prometheus takes them, in the order of the catalogue."""
    by_name: dict[str, list[tuple[Labels, float]]] = {name: [] for name in METRICS}
    for name, labels, value in samples:
        by_name[name].append((labels, float(value)))
    return [_family(name, found) for name, found in by_name.items() if found]


def _family(name: str, found: list[tuple[Labels, float]]) -> Family:
    metric = METRICS[name]
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(name, metric.says)
        within = {labels[0]: value for labels, value in found}
        histogram.add_metric([], [(le, value) for le, value in within.items() if le != "sum"], within["sum"])
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(name, metric.says, labels=metric.labels)
    for labels, value in found:
        family.add_metric(labels, value)
    return family
