"""What is read for deciding stays small, however much was written to somebody."""

from __future__ import annotations

import pytest

from routing.facts import Questions
from storage import gather, outbox
from storage.change import Letter
from storage.database import Database

ANNA, BEN = "anna@acme.example", "ben@acme.example"


@pytest.fixture
def flooded(database: Database) -> Database:
    letters = [
        Letter("acknowledgement", n, None, who, "", f"{n}.{who}", f"Case {n}", b"", b"", float(n), None, "known")
        for n in range(1, 31)
        for who in (ANNA, BEN)
    ]
    with database.write() as session:
        outbox.write(session, outbox.prepared(letters, 100.0))
    return database


def read(db: Database, most: int) -> dict[str, list[float]]:
    asked = Questions(addresses=frozenset((ANNA, BEN)), most=most, since=0.0, until=100.0)
    with db.read() as session:
        return {who: [a.time for a in found] for who, found in gather.gather(session, asked).answered.items()}


def test_the_newest_of_each_address_are_read_and_no_more(flooded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOST_WRITTEN", 5)
    newest = [26.0, 27.0, 28.0, 29.0, 30.0]
    assert read(flooded, 0) == {ANNA: newest, BEN: newest}


def test_a_limit_that_counts_more_is_given_more(flooded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOST_WRITTEN", 5)
    assert [len(times) for times in read(flooded, 12).values()] == [12, 12]
