"""A real Postfix that takes 3 connections at once and 30 mails a minute, and 500 letters for it.

`make relay` runs the whole of it, in real minutes; else a minute is a second, and there are fewer letters.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from servers.postfix import Postfix
from servers.process import until
from servers.sink import Sink

from mailgate.outgoing import sender as sending
from mailgate.outgoing.sender import Sender
from mailgate.settings import Desk, Relay, Settings
from storage import outbox as letters
from storage.change import Event, Letter
from storage.database import Database, now
from storage.tables import outbox

CONNECTIONS, RATE = 3, 30
MINUTE = max(1, int(os.environ.get("MAILGATE_MINUTE", "1")))  # seconds, as anvil(8) counts them: in whole ones
WHOLE = MINUTE == 60
EACH = (
    {"notice": 200, "acknowledgement": 150, "answer": 150}
    if WHOLE
    else dict.fromkeys(("notice", "acknowledgement", "answer"), 40)
)  # as a storm writes them; they leave the other way round
TURNS = ("answer", "acknowledgement", "notice")
SECONDS = 120 + sum(EACH.values()) / RATE * (MINUTE + 1)


@pytest.fixture
def relay(sink: Sink) -> Iterator[Postfix]:
    limits = {
        "smtpd_client_connection_count_limit": str(CONNECTIONS),
        "smtpd_client_message_rate_limit": str(RATE),
        "anvil_rate_time_unit": f"{MINUTE}s",
        "smtpd_client_event_limit_exceptions": "",  # else this machine is one
    }
    server = Postfix(other=f"smtp:[127.0.0.1]:{sink.port}", extra=limits)
    try:
        yield server.start()
    finally:
        server.close()


def letter(kind: Event, number: int) -> Letter:
    name = f"{kind}{number:03}"
    headers = f"Message-ID: <{name}@desk.example>\r\nSubject: s\r\n\r\n".encode()
    recipient, sender = f"{name}@acme.example", "help@desk.example"
    return Letter(kind, 42, 7, recipient, sender, f"{name}@desk.example", "s", headers, b"words\r\n", now())


def attempts(db: Database) -> list[tuple[str, int]]:
    with db.read() as session:
        return [(row.state, row.attempt) for row in session.execute(sa.select(outbox.c.state, outbox.c.attempt))]


@pytest.mark.chaos
@pytest.mark.real("postfix")
@pytest.mark.timeout(SECONDS + 60)
def test_everything_leaves_through_a_postfix_of_3_connections_and_30_mails_a_minute(
    sqlite: Database, relay: Postfix, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MINUTE", sending.MINUTE - 60 + MINUTE)
    for kind, count in EACH.items():
        with sqlite.write() as session:
            letters.write(session, letters.prepared([letter(kind, n) for n in range(count)], now()))
    settings = Settings(
        desk=Desk(name="Desk", address="help@desk.example"),
        relay=Relay(host="127.0.0.1", port=relay.port, max_connections=CONNECTIONS, per_minute=RATE),
    )
    stopping = threading.Event()
    thread = threading.Thread(target=Sender(settings, sqlite, stopping, "host:file:1").run)
    thread.start()
    try:
        until(lambda: {state for state, _ in attempts(sqlite)} == {"sent"}, "all are sent", SECONDS)
    finally:
        stopping.set()
        thread.join(30)
    total = sum(EACH.values())
    until(lambda: len(sink.mails) >= total, "the relay has handed all of them on")
    assert len({mail.rcpt_to for mail in sink.mails}) == len(sink.mails) == total  # none lost, none twice
    taken = re.findall(r"cleanup\[\d+\]: \w+: message-id=<([a-z]+)(\d+)@", relay.log())
    ranks = [TURNS.index(kind) for kind, _ in taken]
    assert len(ranks) == total
    displaced = [rank != expected for rank, expected in zip(ranks, sorted(ranks), strict=True)]
    assert sum(displaced) <= 2 * 2 * (CONNECTIONS - 1)  # only what the connections carry at the two borders
    assert {attempt for _, attempt in attempts(sqlite)} == {1}  # the relay had never to refuse one
    assert not re.search(r"limit exceeded|Error: too m", relay.log())


@pytest.mark.real("postfix")
def test_that_postfix_refuses_who_does_not_keep_to_it(
    sqlite: Database, relay: Postfix, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the test above says something."""
    with sqlite.write() as session:
        letters.write(session, letters.prepared([letter("notice", n) for n in range(2 * RATE)], now()))
    settings = Settings(
        desk=Desk(name="Desk", address="help@desk.example"), relay=Relay(host="127.0.0.1", port=relay.port)
    )
    stopping = threading.Event()
    thread = threading.Thread(target=Sender(settings, sqlite, stopping, "host:file:1").run)
    thread.start()
    try:
        until(lambda: "limit exceeded" in relay.log(), "it refused one")
    finally:
        stopping.set()
        thread.join(30)
