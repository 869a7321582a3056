"""What the parent says of its roles is read whole, or not at all."""

from __future__ import annotations

import threading

import pytest

from mailgate.monitoring.health import SHORT_LIFE_SECONDS, SILENT_SECONDS, ails
from mailgate.monitoring.roster import Muster, Post, Roster

NOON = 1_800_000_000.0


def test_reader_sees_what_was_written_last() -> None:
    roster = Roster()
    assert roster.read() == Muster()
    roster.started("work", 11)
    roster.started("door", 12)
    roster.died("work")
    assert [(p.role, p.pid, p.deaths) for p in roster.read().posts] == [("work", 0, 1), ("door", 12, 0)]
    roster.started("work", 13)
    roster.keep(["work"])
    roster.write()
    assert [(p.role, p.pid, p.deaths) for p in roster.read().posts] == [("work", 13, 1)]


def test_nobody_ever_reads_half_of_it() -> None:
    roster = Roster()
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for pid in (1, 10**9):
                roster.started("work", pid)

    writer = threading.Thread(target=write)
    roster.started("work", 1)
    writer.start()
    try:
        seen = {post.pid for _ in range(2000) for post in roster.read().posts}
    finally:
        stop.set()
        writer.join()
    assert seen <= {1, 10**9}
    assert seen


@pytest.mark.parametrize(
    ("post", "said"),
    [
        (Post("work", 11, NOON - 1, 0, 0.0), []),
        (Post("work", 0, NOON - 9, 1, NOON - 1), ["work does not run"]),
        (
            Post("work", 11, NOON - 1, 3, NOON - 2),
            ["work died 2 s ago and was started again (3 times in all)"],
        ),
        (Post("work", 11, NOON - SHORT_LIFE_SECONDS, 3, NOON - 9), []),
    ],
)
def test_role_that_runs_and_stays_is_well(post: Post, said: list[str]) -> None:
    assert list(ails(Muster((post,), 100.0), NOON, 101.0)) == said


def test_parent_that_gives_no_sign_is_told() -> None:
    assert list(ails(Muster((), 100.0), NOON, 100.0 + SILENT_SECONDS)) == []
    (said,) = ails(Muster((), 100.0), NOON, 101.0 + SILENT_SECONDS)
    assert said == "the parent process has given no sign for 61 s"
