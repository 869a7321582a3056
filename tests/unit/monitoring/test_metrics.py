"""The catalogue and what is read: each metric is said, has its kind, and is there on a desk that has everything."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from prometheus_client.core import Metric as Family

from mailgate.monitoring import readings
from mailgate.monitoring.catalogue import METRICS, SUBJECTS
from mailgate.monitoring.readings import Readings
from mailgate.monitoring.roster import Roster
from mailgate.settings import load
from storage import beats, mailboxes, tally
from storage.database import Database
from storage.tables import breaker

SETTINGS = """
[desk]
name = "Desk"
address = "help@desk.example"
[storage]
url = "{url}"
[smtp]
verify = true
[lmtp]
[relay]
[[imap]]
name = "office"
host = "127.0.0.1"
user = "help@desk.example"
password_file = "p"
junk = "Junk"
[[grant]]
name = "m365"
provider = "microsoft"
client_id = "1"
tenant = "2"
client_secret_file = "s"
secret_ends = 2027-01-31
"""


def read(db: Database, folder: Path) -> dict[str, Family]:
    file = folder / "mailgate.toml"
    file.write_text(SETTINGS.format(url=db.url))
    roster = Roster()
    roster.started("work", 1)
    return {family.name: family for family in Readings(load(file), roster).collect()}


def values(found: dict[str, Family], name: str) -> dict[tuple[str, ...], float]:
    return {tuple(sample.labels.values()): sample.value for sample in found[name.removesuffix("_total")].samples}


def test_each_metric_is_there_on_a_desk_that_has_everything(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        mailboxes.succeeded(session, "office", "INBOX", 1.8e9)
        beats.seen(session, "relay", 1.8e9, None)
        beats.seen(session, "dns", 1.8e9, None)
    found = read(database, tmp_path)
    assert {name.removesuffix("_total") for name in METRICS} == set(found)


def test_names_follow_prometheus() -> None:
    assert len(METRICS) == sum(len(subject.metrics) for subject in SUBJECTS)  # none twice
    for metric in METRICS.values():
        assert re.fullmatch(r"mailgate_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.says.endswith(".")
        assert not re.search(r"_(ms|milliseconds|minutes|megabytes|percent)\b", metric.name)
        if "timestamp" in metric.name:
            assert metric.name.endswith("_timestamp_seconds")
        assert not {"address", "sender", "recipient", "subject", "ticket"} & set(metric.labels)


def test_events_of_several_processes_are_one_count(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for pid in (1, 2, 3, 17):
        monkeypatch.setattr("os.getpid", lambda pid=pid: pid)
        with database.write() as session:
            tally.count(session, {("received", "smtp"): 2, ("received", "lmtp"): 0})
    with database.read() as session:
        rows = session.exec_driver_sql("SELECT slot, value FROM tally ORDER BY slot").all()
    assert sum(value for _, value in rows) == 8
    assert [slot for slot, _ in rows] == ([0] if database.is_sqlite else [1, 2, 3])


def test_event_of_a_transaction_that_is_undone_is_none(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        tally.count(session, {("received", "smtp"): 1})
        raise ZeroDivisionError
    assert values(read(database, tmp_path), "mailgate_mails_received_total")["smtp",] == 0


def test_how_long_mails_took_is_a_histogram_that_adds_up(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        tally.count(session, tally.handled([0.05, 0.05, 0.2, 4.0, 9999.0, -3.0]))  # a clock that was set back
    samples = read(database, tmp_path)["mailgate_mail_handling_seconds"].samples
    within = {s.labels["le"]: s.value for s in samples if s.name.endswith("_bucket")}
    assert [within[le] for le in ("0.1", "0.25", "1.0", "5.0", "3600.0", "+Inf")] == [3, 4, 4, 5, 5, 6]
    assert {s.name: s.value for s in samples if not s.labels}["mailgate_mail_handling_seconds_sum"] == pytest.approx(
        10003.3
    )


def test_breaker_is_open_for_its_window(database: Database, tmp_path: Path) -> None:
    now = time.time()
    rows = [("per_address anna@acme.example", 10), ("per_address bob@acme.example", 10_000), ("desk", 10)]
    with database.write() as session:
        session.execute(breaker.insert(), [{"name": n, "opened": 0.0, "last": now - ago} for n, ago in rows])
    found = values(read(database, tmp_path), "mailgate_breakers_open")
    assert (found["per_address",], found["desk",], found["unknown",]) == (1, 1, 0)


def test_database_is_asked_once_however_many_scrape(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    real = readings.status.look

    def look(*args: object, **options: object) -> object:
        asked.append(1)
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(readings.status, "look", look)
    file = tmp_path / "mailgate.toml"
    file.write_text(SETTINGS.format(url=sqlite.url))
    found = Readings(load(file), Roster())
    for _ in range(5):
        list(found.collect())
    assert len(asked) == 1
    monkeypatch.setattr(found._kept, "_until", 0.0)
    list(found.collect())
    assert len(asked) == 2
