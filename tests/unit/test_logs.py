"""What lasts is logged when it begins and when it is over."""

from __future__ import annotations

import logging

import pytest

from mailgate.logs import Outage


def test_outage_is_logged_at_its_beginning_and_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = Outage(logging.getLogger("mailgate.test"), "the database")
    outage.over()
    for _ in range(3):
        outage.lasts(OSError("no answer\n\tis it running?"))
    outage.lasts(OSError("starting up"))
    outage.over()
    outage.over()
    assert caplog.messages == [
        "the database is away: no answer is it running?",
        "the database is away: starting up",
        "the database is there again",
    ]
