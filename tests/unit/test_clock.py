"""A clock that is wrong by hours is told from the times of the mails that were taken last."""

from __future__ import annotations

import pytest

from mailgate.alarms.clock import error
from storage.status import Arrival

NOW = 1_800_000_000.0
HOUR = 3600.0


def arrivals(*waited: float, apart: float = 1200.0) -> list[Arrival]:
    """Mails taken so far apart, newest first, that seem to have waited so long."""
    taken = [NOW - n * apart for n in range(len(waited))]
    return [Arrival(moment - lag, moment) for moment, lag in zip(taken, waited, strict=True)]


@pytest.mark.parametrize(
    ("found", "ahead"),
    [
        (arrivals(25 * HOUR, 25 * HOUR + 7, 25 * HOUR + 60), 25 * HOUR),
        (arrivals(-24 * HOUR), -24 * HOUR),
        (arrivals(-24 * HOUR, 3.0, 5.0), -24 * HOUR),
        (arrivals(2.0, 25 * HOUR, 25 * HOUR), None),  # it was set since
        (arrivals(25 * HOUR, 25 * HOUR), None),  # too few
        (arrivals(25 * HOUR, 26 * HOUR, 27 * HOUR, apart=1.0), None),  # old mails that were moved in, or an outage
        (arrivals(25 * HOUR, 25 * HOUR + 1, 25 * HOUR + 2, apart=1.0), None),  # the same, that arrived together
        (arrivals(2.0, 60.0, 900.0), None),
        (arrivals(-60.0), None),
        ([], None),
    ],
)
def test_error_of_the_clock(found: list[Arrival], ahead: float | None) -> None:
    assert error(found, NOW) == ahead


def test_what_arrived_days_ago_tells_nothing_of_today() -> None:
    assert error(arrivals(-24 * HOUR), NOW + 2 * 86400) is None
    assert error(arrivals(-24 * HOUR), NOW - 60) is None  # set back since
