"""Looking again where somebody else was faster, and no longer than is of use."""

from __future__ import annotations

import pytest

from storage.conflicts import MOST_LOOKS, looking_again
from storage.database import Conflict, DatabaseUnavailable


class Race:
    """Work that loses so many times before it wins."""

    def __init__(self, losses: int, error: type[Exception] = Conflict) -> None:
        self.losses, self.error, self.looks = losses, error, 0

    def __call__(self) -> int:
        self.looks += 1
        if self.looks <= self.losses:
            raise self.error(f"lost {self.looks}")
        return self.looks


def test_work_that_loses_is_done_again_until_it_wins() -> None:
    assert looking_again(Race(3)) == 4


def test_work_that_wins_is_done_once() -> None:
    race = Race(0)
    assert looking_again(race) == race.looks == 1


def test_a_race_without_end_ends_with_its_last_conflict() -> None:
    race = Race(MOST_LOOKS)
    with pytest.raises(Conflict, match=f"lost {MOST_LOOKS}"):
        looking_again(race)
    assert race.looks == MOST_LOOKS


def test_another_trouble_is_no_race() -> None:
    race = Race(1, DatabaseUnavailable)
    with pytest.raises(DatabaseUnavailable):
        looking_again(race)
    assert race.looks == 1
