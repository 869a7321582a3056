"""Two replies to one closed ticket, decided at one moment by two workers, go on in one ticket."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from stations import SETTINGS, Stations

from mailgate import worker as module
from mailgate.actions import Actions
from mailgate.worker import Worker
from routing.facts import Facts
from storage.database import Database
from storage.tables import history

LINK = SETTINGS + '[[queue]]\nname = "Service Desk"\ndefault = true\nclosed_reply = "link"\n'


@pytest.fixture
def closed(database: Database, tmp_path: Path) -> Stations:
    """A desk whose only ticket is closed."""
    stations = Stations(database, tmp_path, LINK)
    stations.arrive("anna@acme.example", Message_ID="first@acme.example")
    stations.work()
    Actions(stations.app, "agent@desk.example").close("INC-1001", None)
    return stations


def reply(stations: Stations, words: str) -> None:
    stations.arrive("anna@acme.example", words, References="<first@acme.example>")


def test_two_workers_that_decide_at_one_moment_open_one_ticket(
    closed: Stations, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    other = Stations(Database(database_url), tmp_path / "other", LINK)
    workers = [closed.worker, Worker(other.app, "test:work:2", threading.Event())]
    hands = []
    for number, worker in enumerate(workers):
        reply(closed, f"Again {number}")
        hands.append((worker, worker._claim()))
    together, looks = threading.Barrier(2, timeout=30), threading.local()
    gather = module.gather

    def both_look(*asked: object) -> Facts:
        facts = gather(*asked)  # type: ignore[arg-type]
        if not getattr(looks, "looked", False):
            looks.looked = True
            together.wait()  # neither writes before both have seen the ticket as it was
        return facts

    monkeypatch.setattr(module, "gather", both_look)
    threads = [threading.Thread(target=worker.settle, args=(claims,)) for worker, claims in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.db.close()
    (_, linked) = closed.tickets()  # whichever worker was first
    mails = [a for a in closed.articles() if a.ticket_id == linked.id and a.direction == "in"]
    assert {a.reply.strip() for a in mails} == {"Again 0", "Again 1"}
    assert len(closed.letters("acknowledgement")) == 2, "the first mail's and the new ticket's"


def test_a_closed_ticket_says_which_one_goes_on_with_it(closed: Stations) -> None:
    reply(closed, "Again")
    closed.work()
    linked = [h for h in closed.rows(history) if h.what == "linked"]
    assert [(h.ticket_id, h.became) for h in linked] == [(1, "INC-1002")]
    assert closed.tickets()[0].state == "closed"
