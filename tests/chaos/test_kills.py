"""The whole daemon killed at random moments while mails come in by SMTP and IMAP; then everything is counted."""

from __future__ import annotations

import os
import random
import smtplib
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import sqlalchemy as sa
from servers.daemon import Daemon
from servers.dovecot import Dovecot
from servers.sink import Sink

from storage import schema
from storage.database import Database
from storage.tables import article, journal, ticket

KILLS = int(os.environ.get("MAILGATE_KILLS", "10"))
SENDERS = 4
SETTINGS = """
[desk]
name = "Chaos Desk"
address = "help@desk.example"
[smtp]
listen = ["127.0.0.1:{{port}}"]
[relay]
host = "127.0.0.1"
port = {relay}
[answers]
per_address = "off"
unknown = "off"
desk = "off"
[[staff]]
name = "Agent"
email = "agent@desk.example"
[[imap]]
name = "office"
host = "127.0.0.1"
port = {imap}
tls = "none"
user = "{user}"
password_file = "password"
start = "all"
poll = 1
"""


class Load:
    """Clients that send, try again where there was no 250, and remember what was acknowledged."""

    def __init__(self, port: int, dovecot: Dovecot, user: str) -> None:
        self.port, self.dovecot, self.user = port, dovecot, user
        self.stopping = threading.Event()
        self.acknowledged: list[str] = []
        self.delivered: list[str] = []
        self.threads = [threading.Thread(target=self._send, args=(n,)) for n in range(SENDERS)]
        self.threads.append(threading.Thread(target=self._deliver))

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def wait(self, seconds: float = 60.0) -> None:
        """Until one more mail has been acknowledged, however slow the machine is."""
        before, end = len(self.acknowledged), time.monotonic() + seconds
        while len(self.acknowledged) == before:
            assert time.monotonic() < end, "no mail is taken in"
            time.sleep(0.01)

    def _send(self, client: int) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            message_id = f"smtp-{client}-{number}@acme.example"
            raw = mail(message_id, f"person{client}-{number}@acme.example")
            while not self._try(raw, f"person{client}-{number}@acme.example"):
                if self.stopping.wait(0.05):
                    return  # never acknowledged: it may be there or not
            self.acknowledged.append(message_id)
            self.stopping.wait(0.01)

    def _try(self, raw: bytes, sender: str) -> bool:
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as client:
                client.sendmail(sender, ["help@desk.example"], raw)
        except (OSError, smtplib.SMTPException):
            return False
        return True

    def _deliver(self) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            message_id = f"imap-{number}@acme.example"
            self.dovecot.deliver(self.user, mail(message_id, f"boxed{number}@acme.example"))
            self.delivered.append(message_id)
            self.stopping.wait(0.05)


def mail(message_id: str, sender: str) -> bytes:
    return (
        f"From: Person <{sender}>\r\nTo: help@desk.example\r\nSubject: Printer {message_id}\r\n"
        f"Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nMessage-ID: <{message_id}>\r\n\r\nIt does not print.\r\n"
    ).encode()


@pytest.mark.chaos
@pytest.mark.real("dovecot-imapd")
@pytest.mark.timeout(60 + 15 * KILLS)
def test_kill_at_any_moment_loses_nothing_and_doubles_nothing(tmp_path: Path, dovecot: Dovecot, sink: Sink) -> None:
    rng = random.Random(int(os.environ.get("MAILGATE_SEED", "7")))
    user = f"chaos-{os.getpid()}"
    (tmp_path / "password").write_text("pw")
    daemon = Daemon(tmp_path, SETTINGS.format(relay=sink.port, imap=dovecot.port, user=user))
    daemon.start()
    landed = 0
    try:
        with Load(daemon.port, dovecot, user) as load:
            for kill in range(KILLS):
                before = len(load.acknowledged)
                if kill % 6 != 5:  # every sixth falls into its first moments, before or after the first mail
                    load.wait()
                time.sleep(rng.uniform(0.0, 1.0))
                daemon.kill()
                landed += len(load.acknowledged) > before
                daemon.start()
            time.sleep(0.5)
        wait_until_taken(daemon, load)
        daemon.settled(60 + 2 * KILLS)  # what waits grows with them: while it is down it works nothing
    finally:
        stopped = daemon.stop()
        daemon.close()
    assert stopped == 0
    assert landed >= KILLS * 0.8, "the kills must land while mails are being taken in"
    count(Database(f"sqlite:///{tmp_path / 'mailgate.db'}"), load, sink)


def wait_until_taken(daemon: Daemon, load: Load) -> None:
    """Every mail of the mailbox is in the journal and in Processed."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if not load.dovecot.mails(load.user):
            return
        time.sleep(0.1)
    raise AssertionError(f"left in INBOX: {len(load.dovecot.messages(load.user, 'INBOX'))}\n{daemon.log()[-3000:]}")


def count(db: Database, load: Load, sink: Sink) -> None:
    with db.read() as session:
        states = Counter(session.execute(sa.select(journal.c.state)).scalars())
        outcomes = session.execute(sa.select(journal.c.message_id, journal.c.outcome)).all()
        articles = Counter(
            session.execute(sa.select(article.c.message_id).where(article.c.direction == "in")).scalars()
        )
        tickets = session.execute(sa.select(sa.func.count()).select_from(ticket)).scalar_one()
        numbers = set(session.execute(sa.select(ticket.c.number)).scalars())
    assert set(states) == {"done"}, states
    assert schema.integrity(db) == []
    first = Counter(message_id for message_id, outcome in outcomes if outcome == "article")
    expected = {*load.acknowledged, *load.delivered}
    assert len(expected) > KILLS * 5
    assert {i: n for i, n in first.items() if n != 1} == {}
    assert {i: n for i, n in articles.items() if n != 1} == {}
    assert expected - set(articles) == set(), "mails that were acknowledged and are on no ticket"
    assert tickets == len(articles)
    sent: dict[str, set[str]] = defaultdict(set)
    for received in sink.mails:
        parsed = received.message
        if parsed["X-Mailgate-Event"] == "acknowledgement":
            sent[parsed["X-Mailgate-Ticket"]].add(parsed["Message-ID"])
    assert set(sent) == numbers, "each ticket's sender was told, at least once"
    assert {t: ids for t, ids in sent.items() if len(ids) != 1} == {}
