from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from mailgate.intake import commits as module
from mailgate.intake.commits import BATCH_MAILS, LARGE_BYTES, Commits
from storage import journal
from storage.database import Conflict, Database, DatabaseUnavailable
from storage.journal import Arrival, Entry, Stored
from storage.tables import journal as table


def mail(name: str, size: int = 0, message_id: bool = True) -> Arrival:
    return Arrival(
        "smtp", "192.0.2.1", "ann@acme.example", ("help@desk.example",), b"%s" % name.encode() + b"x" * size, message_id
    )


def rows(db: Database) -> list[Any]:
    with db.read() as connection:
        return list(connection.execute(sa.select(table.c.id, table.c.acknowledged).order_by(table.c.id)))


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[bytes]]:
    """What each commit appended, by the first byte of each mail; the first one waits for `held` to be left."""
    seen: list[list[bytes]] = []
    append = journal.append

    def spy(connection: Connection, entries: Sequence[Entry], now: float) -> list[Stored]:
        seen.append([entry.arrival.raw[:1] for entry in entries])
        return append(connection, entries, now)

    monkeypatch.setattr(module.journal, "append", spy)
    return seen


@contextlib.contextmanager
def busy(db: Database) -> Iterator[None]:
    """Somebody else is writing: the next commit waits until the block is left."""
    begun, over = threading.Event(), threading.Event()

    def write() -> None:
        with db.write():
            begun.set()
            over.wait(20)

    thread = threading.Thread(target=write)
    thread.start()
    begun.wait(20)
    yield
    over.set()
    thread.join()


def test_mails_that_come_during_a_commit_share_the_next(database: Database, batches: list[list[bytes]]) -> None:
    async def story() -> list[Stored | None]:
        commits = Commits(database)
        waiting = [commits.submit(mail(name)) for name in "abcd"]
        stored = await asyncio.gather(*waiting)
        await commits.close()
        return stored

    stored = asyncio.run(story())
    assert batches[:2] == [[b"a"], [b"b", b"c", b"d"]]
    assert [s.journal_id for s in stored if s] == [row.id for row in rows(database)]


def test_commit_is_on_disk_before_its_mail_is_answered(sqlite: Database) -> None:
    async def story() -> None:
        commits = Commits(sqlite)
        with busy(sqlite):
            waiting = commits.submit(mail("a"))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        stored = await waiting
        other = Database(sqlite.url)  # another connection, as another process would see it
        assert stored is not None
        assert [row.id for row in rows(other)] == [stored.journal_id]
        other.close()
        await commits.close()

    asyncio.run(story())


def test_batch_is_bounded_in_mails_and_bytes(sqlite: Database, batches: list[list[bytes]]) -> None:
    async def story() -> None:
        commits = Commits(sqlite)
        small = [commits.submit(mail(f"s{n}")) for n in range(BATCH_MAILS + 5)]
        medium = [commits.submit(mail(f"m{n}", LARGE_BYTES - 10)) for n in range(8)]
        await asyncio.gather(*small, *medium)
        await commits.close()

    asyncio.run(story())
    assert max(len(batch) for batch in batches) == BATCH_MAILS
    assert max(batch.count(b"m") for batch in batches) == module.BATCH_BYTES // LARGE_BYTES


def test_large_mails_go_alone_and_small_ones_between_them(sqlite: Database, batches: list[list[bytes]]) -> None:
    async def story() -> None:
        commits = Commits(sqlite)
        large = [commits.submit(mail(f"L{n}", LARGE_BYTES)) for n in range(3)]
        small = [commits.submit(mail(f"s{n}")) for n in range(4)]
        await asyncio.gather(*small)
        assert not large[-1].done()
        await asyncio.gather(*large)
        await commits.close()

    asyncio.run(story())
    assert [batch for batch in batches if batch] == [[b"L"], [b"s"] * 4, [b"L"], [b"L"]]


def test_caller_that_leaves_does_not_undo_its_commit(sqlite: Database) -> None:
    async def story() -> None:
        commits = Commits(sqlite)

        async def client() -> None:
            await asyncio.shield(commits.submit(mail("a")))

        task = asyncio.create_task(client())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await commits.close()

    asyncio.run(story())
    assert [row.acknowledged for row in rows(sqlite)] == [False]


def test_written_answer_is_recorded_with_the_next_commit(database: Database) -> None:
    async def story() -> None:
        commits = Commits(database)
        first = await commits.submit(mail("a"))
        assert first is not None
        commits.acknowledged(first.journal_id)
        await commits.submit(mail("b"))
        assert [row.acknowledged for row in rows(database)] == [True, False]
        await commits.close()

    asyncio.run(story())


def test_written_answer_is_recorded_when_nothing_comes_and_when_it_stops(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        commits = Commits(sqlite)
        first, second = await commits.submit(mail("a")), await commits.submit(mail("b"))
        assert first is not None
        assert second is not None
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
        commits.acknowledged(first.journal_id)
        async with asyncio.timeout(20):
            while not rows(sqlite)[0].acknowledged:
                await asyncio.sleep(0.01)
        monkeypatch.setattr(module, "IDLE_SECONDS", 3600)
        commits.acknowledged(second.journal_id)
        await commits.close()
        assert [row.acknowledged for row in rows(sqlite)] == [True, True]

    asyncio.run(story())


def test_outage_puts_mails_off_and_ends_by_itself(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        commits = Commits(sqlite)
        first = await commits.submit(mail("a"))
        assert first is not None
        with monkeypatch.context() as outage:
            outage.setattr(module.journal, "append", _raises(DatabaseUnavailable("disk is full")))
            commits.acknowledged(first.journal_id)
            assert await asyncio.gather(commits.submit(mail("b")), commits.submit(mail("c"))) == [None, None]
        assert await commits.submit(mail("b")) is not None
        await commits.close()

    asyncio.run(story())
    assert [row.acknowledged for row in rows(sqlite)] == [True, False]


def test_mail_that_cannot_be_written_is_refused_alone(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    append = journal.append

    def choke(connection: Connection, entries: Sequence[Entry], now: float) -> list[Stored]:
        if any(entry.arrival.raw == b"poison" for entry in entries):
            raise RuntimeError("secret text")
        return append(connection, entries, now)

    monkeypatch.setattr(module.journal, "append", choke)

    async def story() -> list[Stored | None]:
        commits = Commits(sqlite)
        stored = await asyncio.gather(*(commits.submit(mail(name)) for name in ("a", "b", "c", "poison", "d")))
        await commits.close()
        return stored

    assert [stored is not None for stored in asyncio.run(story())] == [True, True, True, False, True]
    assert len(rows(sqlite)) == 4
    assert "could not be written" in caplog.text


def test_conflict_is_looked_at_again(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    append, tries = journal.append, []

    def once(connection: Connection, entries: Sequence[Entry], now: float) -> list[Stored]:
        tries.append(entries)
        if len(tries) == 1:
            raise Conflict("another door was first")
        return append(connection, entries, now)

    monkeypatch.setattr(module.journal, "append", once)

    async def story() -> None:
        commits = Commits(sqlite)
        assert await commits.submit(mail("a")) is not None
        await commits.close()

    asyncio.run(story())
    assert len(rows(sqlite)) == 1


def _raises(error: Exception) -> Any:
    def fail(*_: object) -> None:
        raise error

    return fail
