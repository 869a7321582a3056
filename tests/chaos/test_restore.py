"""A desk at work is backed up, goes on for hours, is lost, and comes back: killed while it is saved, and while it is
restored; then everything is counted.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import smtplib
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from servers.daemon import COMMAND, Daemon
from servers.dovecot import Dovecot
from servers.process import until
from servers.sink import Received, Sink

from mailgate import settings as files
from mailgate.application import Application, open_application
from mailgate.worker import explain
from routing import tokens
from storage import archive, schema
from storage.database import Database, StorageError
from storage.tables import article, journal, outbox, ticket

KILLS = max(3, int(os.environ.get("MAILGATE_KILLS", "6")) // 2)  # of the backup, and as many of the restore
EARLIER, LATER, WAITING = 8, 12, 3  # mails before the backup, after it, and those that come when the desk is gone
AGENT, DESK = "agent@desk.example", "help@desk.example"
SETTINGS = """
[desk]
name = "Example Desk"
address = "help@desk.example"
[storage]
url = "{url}"
[smtp]
listen = ["127.0.0.1:{{port}}"]
[relay]
host = "127.0.0.1"
port = {relay}
envelope = "verp"
[answers]
subject_token = "always"
per_address = "off"
unknown = "off"
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
auth_results = "mx.imap.example"
start = "all"
poll = 1
"""


def answering(letter: Received) -> tuple[str, ...]:
    """The chain of ids of who answers it (RFC 5322 section 3.6.4)."""
    message = letter.message
    return tuple(i.strip("<>") for i in f"{message['References']} {message['Message-ID']}".split())


def mail(message_id: str, sender: str, *, subject: str = "", to: str = DESK, ids: tuple[str, ...] = ()) -> bytes:
    """A mail with a verified author; `ids` is the chain that it answers."""
    chain = " ".join(f"<{i}>" for i in ids)
    answers = f"In-Reply-To: <{ids[-1]}>\r\nReferences: {chain}\r\n" if ids else ""
    passed = f"mx.imap.example; dmarc=pass header.from={sender.partition('@')[2]}"
    return (
        f"Authentication-Results: {passed}\r\nFrom: Person <{sender}>\r\nTo: {to}\r\n"
        f"Subject: {subject or f'Printer {message_id}'}\r\nDate: Mon, 5 Jan 2026 08:00:00 +0000\r\n"
        f"Message-ID: <{message_id}>\r\n{answers}\r\nIt does not print, says {message_id}.\r\n"
    ).encode()


@dataclass
class House:
    """A desk with its mailbox, its relay, and what was put into the mailbox: Message-ID to author."""

    daemon: Daemon
    dovecot: Dovecot
    sink: Sink
    user: str
    url: str
    delivered: dict[str, str] = field(default_factory=dict)

    def deliver(self, message_id: str, sender: str, **values: Any) -> None:
        self.dovecot.deliver(self.user, mail(message_id, sender, **values))
        self.delivered[message_id] = sender

    def settled(self) -> dict[str, Any]:
        """When every mail of the mailbox is on record and every letter is sent."""
        until(lambda: not self.dovecot.mails(self.user), "the mailbox is empty", 60)
        return self.daemon.settled(60)

    def last(self, event: str, recipient: str) -> Received:
        found = [m for m in self.sink.to(recipient) if m.message["X-Mailgate-Event"] == event]
        return found[-1]

    def roots(self) -> dict[str, str]:
        """The Message-ID of each ticket's first mail, by number."""
        db = Database(self.url)
        with db.read() as session:
            rows = session.execute(sa.select(ticket.c.number, ticket.c.root_id)).all()
        db.close()
        return {row.number: row.root_id for row in rows}


@pytest.fixture
def house(tmp_path: Path, database_url: str, dovecot: Dovecot, sink: Sink) -> Any:
    (tmp_path / "password").write_text("pw")
    user = f"restore-{os.getpid()}-{'lite' if database_url.startswith('sqlite') else 'pg'}"
    text = SETTINGS.format(url=database_url, relay=sink.port, imap=dovecot.port, user=user)
    house = House(Daemon(tmp_path, text), dovecot, sink, user, database_url)
    yield house
    house.daemon.stop()
    house.daemon.close()


def killed(house: House, rng: random.Random, *words: str, longest: float) -> None:
    """A command that is killed at some moment, or comes to its end before."""
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=house.daemon.folder,
        env={**os.environ, "MAILGATE_CONFIG": str(house.daemon.file)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(rng.uniform(0.3, longest))  # the moment of the kill, not a synchronisation
    process.send_signal(signal.SIGKILL)
    process.wait(10)


@pytest.mark.chaos
@pytest.mark.real("dovecot-imapd")
@pytest.mark.timeout(120 + 20 * KILLS)
def test_desk_that_is_lost_comes_back_whole_and_sends_nothing_twice(house: House, tmp_path: Path) -> None:
    rng = random.Random(int(os.environ.get("MAILGATE_SEED", "7")))
    daemon, sink = house.daemon.start(), house.sink

    # Before the backup: tickets, and an answer of staff.
    for number in range(EARLIER):
        house.deliver(f"early-{number}@acme.example", f"p{number}@acme.example")
    house.settled()
    notice = next(m for m in sink.to(AGENT) if "early-0@" in m.raw.decode())
    old_number = notice.message["X-Mailgate-Ticket"]
    house.deliver("staff-0@desk.example", AGENT, ids=answering(notice), subject="Re: Printer")
    house.settled()
    old_answer = house.last("answer", "p0@acme.example").message["Message-ID"][1:-1]

    backup = saved_under_load(house, rng, tmp_path)
    before = set(house.delivered)

    # The time that will be lost: new tickets, answers in old and new ones, a mail that no mailbox has.
    for number in range(LATER):
        house.deliver(f"late-{number}@acme.example", f"q{number}@acme.example")
    house.deliver("follow@acme.example", "p0@acme.example", ids=(old_answer,), subject="Re: Printer")
    house.settled()
    notice = next(m for m in sink.to(AGENT) if "late-0@" in m.raw.decode())
    house.deliver("staff-1@desk.example", AGENT, ids=answering(notice), subject="Re: Printer")
    with smtplib.SMTP("127.0.0.1", daemon.port, timeout=30) as client:
        client.sendmail("smtp@acme.example", [DESK], mail("smtp@acme.example", "smtp@acme.example"))
    house.settled()
    lost_roots, lost = house.roots(), [m for m in sink.mails if m.message["X-Mailgate-Ticket"]]
    assert daemon.stop() == 0
    for number in range(WAITING):
        house.deliver(f"waiting-{number}@acme.example", f"w{number}@acme.example")

    # The disaster, and the way back.
    if house.url.startswith("sqlite"):
        for file in tmp_path.glob("mailgate.db*"):
            file.unlink()
    began = time.monotonic()
    plan = daemon.run("restore", str(backup), "--replace", "--dry-run")
    took = time.monotonic() - began
    assert "Nothing was done." in plan
    assert "office: Processed" in plan
    for _ in range(KILLS):
        killed(house, rng, "restore", str(backup), "--replace", longest=1.5 * took)
        old_new_or_refused(house, lost_roots)
    assert "Sending is frozen." in daemon.run("restore", str(backup), "--replace")
    assert list(tmp_path.glob(".mailgate-staging-*")) == []
    sink.clear()
    daemon.start()
    until(lambda: daemon.json("status")["restore"]["reread"], "the folder is read again", 60)
    status = house.settled()

    # Nothing lost, nothing doubled, nothing sent.
    assert "sending is frozen" in daemon.log()
    assert sink.mails == []
    assert status["restore"]["thawed"] is None
    assert status["restore"]["reread"][0]["found"] >= LATER
    counted(house, before)
    roots = house.roots()
    first = int(status["restore"]["first_number"].removeprefix("INC-"))
    fresh = {number for number, root in roots.items() if root not in {lost_roots.get(n) for n in roots if n == number}}
    assert fresh
    assert all(int(number.removeprefix("INC-")) >= first for number in fresh)
    app = open_application(files.load(daemon.file))
    lead_nowhere_else(app, lost, lost_roots, roots)
    found = explained(app, mail("x1@acme.example", "p0@acme.example", ids=(old_answer,), subject="Re: Printer"))
    assert found.number == old_number, "old threads still match"
    lost_notice = next(m for m in lost if m.rcpt_to == ("q1@acme.example",)).message["Message-ID"][1:-1]
    chain = ("late-1@acme.example", lost_notice)
    found = explained(app, mail("x2@acme.example", "q1@acme.example", ids=chain, subject="Re: Printer"))
    assert found.number is not None, "by the partner's own id"
    assert roots[found.number] == "late-1@acme.example"
    app.db.close()

    # Thawed: only what came since goes out.
    house.deliver("new@acme.example", "new@acme.example")
    house.settled()
    assert sink.mails == []
    held = daemon.json("status")["outbox"]["held"]
    daemon.run("thaw")
    status = house.settled()
    new = {m.rcpt_to[0] for m in sink.mails}
    assert new == {"new@acme.example", AGENT}
    assert len(sink.mails) == 2, [m.message["Subject"] for m in sink.mails]
    assert status["outbox"]["held"] == held - 2
    assert any("may have been sent before the restore" in problem for problem in status["problems"])
    again(house, backup, set(house.roots()))


def saved_under_load(house: House, rng: random.Random, folder: Path) -> Path:
    """A backup while mails come in, after some that were killed: each is whole, or has no name."""
    done = threading.Event()

    def load() -> None:
        number = 0
        while not done.wait(0.05):
            number += 1
            house.deliver(f"load-{number}@acme.example", f"l{number}@acme.example")

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for number in range(KILLS):
            file = folder / f"killed-{number}.tar"
            killed(house, rng, "backup", str(file), longest=1.4)
            if file.exists():
                with archive.staging(folder) as staging:
                    archive.read(file, staging, lambda _, __: None)
        house.daemon.run("backup", str(folder / "backup.tar"))
    finally:
        done.set()
        thread.join(30)
    house.settled()
    assert list(folder.glob(".mailgate-staging-*")) == []
    return folder / "backup.tar"


def old_new_or_refused(house: House, old: dict[str, str]) -> None:
    """After a kill: the database of before, the whole restored one, or one that no daemon takes for a new desk's."""
    if house.url.startswith("sqlite") and not Path(house.url.removeprefix("sqlite:///")).exists():
        return
    db = Database(house.url)
    try:
        if schema.version(db) is None:
            assert house.url.startswith("sqlite"), "the old one is gone"
            return  # killed before anything was begun
        assert schema.integrity(db) == []
        with db.read() as session:
            restored = session.exec_driver_sql("SELECT count(*) FROM restore").scalar_one()
        if not restored:
            assert house.roots() == old
    except StorageError as error:
        assert "run `mailgate restore FILE` again" in str(error)
    finally:
        db.close()


def counted(house: House, before: set[str]) -> None:
    """Each mail that lies in the mailbox is one article, and each first mail one ticket."""
    db = Database(house.url)
    with db.read() as session:
        there = Counter(session.execute(sa.select(article.c.message_id).where(article.c.direction == "in")).scalars())
        states = set(session.execute(sa.select(journal.c.state)).scalars())
        tickets = session.execute(sa.select(sa.func.count()).select_from(ticket)).scalar_one()
        acknowledged = session.execute(
            sa.select(outbox.c.ticket_id).where(outbox.c.event == "acknowledgement")
        ).scalars()
        twice = {t: n for t, n in Counter(acknowledged).items() if n > 1}
    assert schema.integrity(db) == []
    db.close()
    assert states == {"done"}
    assert before <= set(house.delivered)
    assert set(there) == set(house.delivered), "the mailbox has them all, and no mailbox had the one by SMTP"
    assert {i: n for i, n in there.items() if n != 1} == {}
    first = [i for i in house.delivered if not i.startswith(("staff-", "follow"))]
    assert tickets == len(first)
    assert twice == {}


def explained(app: Application, raw: bytes, to: str = DESK) -> Any:
    return explain(app, raw, "smtp", "someone@acme.example", (to,))


def lead_nowhere_else(
    app: Application, lost: list[Received], lost_roots: dict[str, str], roots: dict[str, str]
) -> None:
    """By no id that was given out ever does a mail come to another ticket than to that same conversation's."""
    gone = 0
    for number, letter in enumerate(lost):
        message = letter.message
        said, left = message["X-Mailgate-Ticket"], message["Message-ID"][1:-1].partition("@")[0]
        plus, subject = f"help+{left}@desk.example", f"Re: {tokens.subject_token(said)} Printer"
        sender, ids = letter.rcpt_to[0], (message["Message-ID"][1:-1],)
        tried = (
            mail(f"t{number}@acme.example", sender, ids=ids, subject="Re: Printer"),
            mail(f"u{number}@acme.example", sender, subject=subject),
        )
        for found in (*(explained(app, raw) for raw in tried), explained(app, tried[0], plus)):
            if found.number is not None:
                assert roots[found.number] == lost_roots[said], (found.number, said)
            else:
                codes = {reason.code for reason in found.decision.reasons}
                assert codes & {"id_lost", "token_lost"}, (said, codes)
                gone += 1
    assert gone > LATER


def again(house: House, backup: Path, given: set[str]) -> None:
    """The same backup a second time: another epoch, past the numbers of the first."""
    house.daemon.stop()
    house.daemon.run("restore", str(backup), "--replace")
    house.sink.clear()
    house.daemon.start()
    until(lambda: house.daemon.json("status")["restore"]["reread"], "the folder is read again", 60)
    house.settled()
    assert house.sink.mails == []
    counted(house, set())
    restored = set(house.roots())
    last = max(int(number.removeprefix("INC-")) for number in given)
    first = int(house.daemon.json("status")["restore"]["first_number"].removeprefix("INC-"))
    assert first > last
    assert all(int(n.removeprefix("INC-")) >= first for n in restored - given)
