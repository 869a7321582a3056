"""Whether this machine's clock is right, told from when mails arrived at their mailboxes, by the clocks there. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from storage.status import Arrival

RECENT = 86400.0  # what arrived longer ago tells of a clock that may be set by now
BEHIND = 300.0  # no mail arrives later than now; clocks differ by less
AHEAD = 3600.0  # a mail may lie so long before it is taken
LEAST = 3  # mails that agree
AGREE = 300.0  # seconds between them; old mails that were moved in lie there for different times


def error(arrivals: Sequence[Arrival], now: float) -> float | None:
    """Seconds that our clock seems to be ahead, less than 0 behind; None where nothing says so. Newest first.

    Ahead: each of the newest mails seems to have waited equally long, though they arrived at different times.
    """
    if not arrivals or not 0 <= now - arrivals[0].taken < RECENT:
        return None
    newest = arrivals[0].taken - arrivals[0].received
    if newest < -BEHIND:
        return newest
    some = arrivals[:LEAST]
    waited = [one.taken - one.received for one in some]
    received = [one.received for one in some]
    if len(some) == LEAST and min(waited) > AHEAD and max(waited) - min(waited) < AGREE:
        return min(waited) if max(received) - min(received) > 2 * AGREE else None
    return None
