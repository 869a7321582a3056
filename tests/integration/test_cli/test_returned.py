"""Reports that fit nothing and addresses that nothing goes to, at the terminal."""

from __future__ import annotations

import threading
from typing import Any

from reports import bounce

from mailgate.application import open_application
from mailgate.settings import load
from mailgate.worker import Worker
from storage import suppression
from storage.suppression import Suppressed


def test_unmatched_list_says_what_it_is_and_why(desk: Any) -> None:
    desk.run("deliver", "--from", "<>", stdin=bounce("nobody@other.example", "stranger@other.example"))
    app = open_application(load(desk.settings))
    try:
        Worker(app, "test:work:1", threading.Event()).step()
    finally:
        app.db.close()
    row = desk.lines("inbox", "list", "--unmatched")[0]
    assert (row["outcome"], row["kind"]) == ("unmatched", "bounce")
    assert "no mail of ours fits it" in row["reason"]
    assert "no mail of ours" in desk.text("inbox", "list", "--unmatched")


def test_a_suppressed_address_is_listed_and_lifted(desk: Any) -> None:
    app = open_application(load(desk.settings))
    try:
        with app.db.write() as session:
            suppression.add(session, [Suppressed("anna@acme.example", 1_700_000_000.0, "5.1.1", "a@desk.example")])
    finally:
        app.db.close()
    assert desk.lines("outbox", "suppressed", "list") == [
        {
            "to": "anna@acme.example",
            "time": "2023-11-14T22:13:20Z",
            "status": "5.1.1",
            "message_id": "a@desk.example",
        }
    ]
    assert "anna@acme.example" in desk.text("outbox", "suppressed", "list")
    assert "is not suppressed" in desk.refused("outbox", "suppressed", "lift", "anna@acme.example", "ben@acme.example")
    assert desk.one("outbox", "suppressed", "lift", "Anna@acme.example") == {"done": 1}
    assert desk.lines("outbox", "suppressed", "list") == []
