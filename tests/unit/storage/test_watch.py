"""Whoever polls asks the tables only where somebody has committed, or some time has passed."""

from __future__ import annotations

import sqlalchemy as sa

from storage.database import Database
from storage.tables import beat
from storage.watch import LOOK_SECONDS, Watch


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def written(db: Database, name: str) -> None:
    with db.write() as session:
        session.execute(beat.insert(), {"name": name})


def settled(watch: Watch) -> None:
    """PostgreSQL's own transactions (autovacuum, other tests) are news too: until there is none."""
    while watch.news():
        pass


def test_commit_is_news_once(database: Database) -> None:
    watch = Watch(database, Clock())
    try:
        assert watch.news()  # nobody has looked before
        for number in range(20):
            settled(watch)
            written(database, f"relay {number}")
            assert watch.news()
        settled(watch)
    finally:
        watch.close()


def test_commit_is_seen_by_the_look_that_its_news_cause(database: Database) -> None:
    watch = Watch(database, Clock())
    try:
        for number in range(50):
            settled(watch)
            written(database, f"relay {number}")
            assert watch.news()
            with database.read() as session:
                assert session.execute(sa.select(sa.func.count()).select_from(beat)).scalar_one() == number + 1
    finally:
        watch.close()


def test_time_that_passes_is_news(database: Database) -> None:
    clock = Clock()
    watch = Watch(database, clock)
    try:
        settled(watch)
        clock.now += LOOK_SECONDS
        assert watch.news()
    finally:
        watch.close()


def test_database_that_is_away_is_for_the_look_to_tell() -> None:
    watch = Watch(Database("sqlite:////nowhere/mailgate.db"), Clock())
    assert watch.news()
    assert watch.news()
    away = Watch(Database("postgresql+psycopg://u@127.0.0.1:1/x"), Clock())
    assert away.news()
    assert away.news()
