"""Interleaved conversations by mail, and on which tickets they end: ids missing, rewritten and dropped, subjects
changed, forwards, duplicates by several doors with list footers, replies before their parents, and strangers who quote.

python benchmarks/conversations.py [MAILS] [SEED]

All goes through the real stations on SQLite; what each mail belongs to is known to the generator alone. Exit 1 below
99.5% on the right ticket, or with any mail on a stranger's.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path

import sqlalchemy as sa

from mailgate import settings
from mailgate.application import open_application
from mailgate.worker import Worker
from parsing.read import identify
from storage import journal
from storage.database import now
from storage.journal import Arrival
from storage.tables import journal as arrivals
from storage.tables import outbox

GOAL = 0.995
SETTINGS = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[smtp]
auth_results = "mx.desk.example"
[lmtp]
[relay]
[answers]
subject_token = "always"
per_address = "off"
unknown = "off"
per_thread = "off"
desk = "off"
[[staff]]
name = "First Agent"
email = "agent@desk.example"
"""
DESK, AGENT = "help@desk.example", "agent@desk.example"
PASS = "Authentication-Results: mx.desk.example; dmarc=pass header.from=desk.example\r\n"
SUBJECTS = ("Printer", "Question", "Password", "Invoice 4711", "Urgent", "Order", "VPN", "")  # shared by many
OPEN = 200  # conversations that go on at a time
ROUND = 48  # mails between two looks at what the desk has sent

# What becomes of an answer on its way, with its weight.
FAULTS = (("whole", 45), ("phone", 15), ("relay", 10), ("dropped", 10), ("subject", 12), ("first", 4), ("forward", 4))


@dataclass(frozen=True, slots=True)
class Known:
    """A mail that somebody can answer: ours or another's."""

    message_id: str
    references: tuple[str, ...]
    subject: str
    ours: bool


@dataclass(slots=True)
class Talk:
    """One conversation: who takes part, and what each of them has read."""

    number: int
    people: tuple[str, ...]  # the first one asked
    subject: str
    read: dict[str, list[Known]] = field(default_factory=dict)
    tickets: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Sent:
    """What the generator knows of an arrival: whose conversation it belongs to. `own`: a ticket of its own is right."""

    talk: int
    fault: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """Where the mails ended. `strangers`: on a ticket of other people."""

    mails: int
    right: int
    kinds: Counter[str]  # what had happened to them
    apart: Counter[str]  # alone on a new ticket, or nowhere, by what had happened to them
    strangers: int
    seconds: float

    @property
    def share(self) -> float:
        return self.right / self.mails


class Play:
    """Writes mails, hands them to the stations, and reads what comes back."""

    def __init__(self, folder: Path, seed: int) -> None:
        file = folder / "mailgate.toml"
        file.write_text(SETTINGS)
        self.app = open_application(settings.load(file), create=True)
        self.worker = Worker(self.app, "bench:work:1", threading.Event())
        self.rng = random.Random(seed)
        self.talks: list[Talk] = []
        self.sent: dict[int, Sent] = {}  # by journal id
        self.count = 0
        self.letters_seen = 0
        self.late: list[tuple[bytes, str, Sent]] = []  # parents that come after their answers
        self.recent: list[tuple[bytes, str, Sent]] = []

    def run(self, mails: int) -> Score:
        started = time.perf_counter()
        while len(self.sent) < mails:
            batch = [*self.late]
            self.late = []
            while len(batch) < ROUND:
                batch += self._turn()
            self._arrive(batch[: mails - len(self.sent)])
            while self.worker.step():
                pass
            self._read_letters()
        score = self._score(time.perf_counter() - started)
        self.app.db.close()
        return score

    # --- mails ------------------------------------------------------------------------------------------------------

    def _turn(self) -> list[tuple[bytes, str, Sent]]:
        """What happens next somewhere."""
        dice = self.rng.random()
        live = self.talks[-OPEN:]
        if len(live) < 10 or dice < 0.2:
            return self._begin()
        if dice < 0.28 and self.recent:
            return [self._again(*self.rng.choice(self.recent[-300:]))]
        if dice < 0.31:
            return self._stranger(self.rng.choice(live))
        talk = self.rng.choice(live)
        if dice < 0.45 and talk.read.get(AGENT):
            return [self._answer(talk, AGENT, "whole")]
        readers = [person for person in talk.people if talk.read.get(person)]
        if not readers:
            return []
        faults, weights = zip(*FAULTS, strict=True)
        return [self._answer(talk, self.rng.choice(readers), self.rng.choices(faults, weights)[0])]

    def _begin(self) -> list[tuple[bytes, str, Sent]]:
        number = len(self.talks)
        company = self.rng.randrange(40)
        people = self.rng.sample([f"p{n}@company{company}.example" for n in range(12)], self.rng.choice((1, 1, 2, 3)))
        talk = Talk(number, tuple(people), self.rng.choice(SUBJECTS))
        self.talks.append(talk)
        nameless = self.rng.random() < 0.05
        root = self._id(people[0])
        raw = self._mail(people[0], talk.subject, "" if nameless else root, (), (), cc=people[1:])
        first = (raw, people[0], Sent(number, "first mail"))
        if nameless or len(people) == 1:
            return [first]
        for person in people[1:]:
            talk.read.setdefault(person, []).append(Known(root, (), talk.subject, ours=False))
        if self.rng.random() < 0.3:  # a colleague answers to all before the desk has read the first mail
            early = self._answer(talk, people[1], "whole", fault="before its parent")
            self.late.append(first)
            return [early]
        return [first]

    def _answer(self, talk: Talk, person: str, what: str, fault: str = "") -> tuple[bytes, str, Sent]:
        known = talk.read[person][-1] if self.rng.random() < 0.8 else self.rng.choice(talk.read[person])
        named: tuple[str, ...] = (known.message_id,)
        references: tuple[str, ...] = (*known.references, known.message_id)
        subject = known.subject if known.subject.startswith("Re: ") else f"Re: {known.subject}"
        if what == "dropped" and not known.ours:
            what = "whole"
        if what == "relay" and not (known.ours and known.references):
            what = "whole"
        match what:
            case "phone":
                references = ()
            case "relay":  # it gave our mail another id, and told nobody
                named = (f"relay{self.rng.getrandbits(48):x}@relay.example",)
                references = (*known.references, *named)
            case "dropped":
                named = references = ()
            case "subject":
                subject = f"{self.rng.choice(SUBJECTS)} {self.count}"
            case "first":
                named = ()
            case "forward":
                subject = f"Fwd: {known.subject}"
        message_id = self._id(person)
        to_all = not known.ours or self.rng.random() < 0.7  # who answers a colleague answers him, too
        others = [p for p in talk.people if p != person] if person != AGENT and to_all else []
        raw = self._mail(person, subject, message_id, named, references, cc=others, trusted=person == AGENT)
        for other in others:
            talk.read.setdefault(other, []).append(Known(message_id, references, subject, ours=False))
        return raw, person, Sent(talk.number, fault or what)

    def _again(self, raw: bytes, sender: str, sent: Sent) -> tuple[bytes, str, Sent]:
        """The same mail by way of a mailing list: a hop more, a tag in the subject, a footer."""
        head, _, body = raw.partition(b"\r\n\r\n")
        head = head.replace(b"Subject: ", b"Subject: [it-help] ", 1)
        copy = b"Received: from lists.example by mx.desk.example; Mon, 5 Jan 2026 08:00:00 +0000\r\n" + head
        copy += b"\r\nList-Id: <it-help.lists.example>\r\nPrecedence: list\r\n\r\n"
        copy += body + b"\r\n-- \r\nit-help mailing list: https://lists.example/it-help\r\n"
        return copy, sender, Sent(sent.talk, f"duplicate: {sent.fault}", sent.own)

    def _stranger(self, talk: Talk) -> list[tuple[bytes, str, Sent]]:
        """Somebody who was shown a mail of ours, and writes about it: he gets a ticket of his own."""
        shown = [known for person in talk.people for known in talk.read.get(person, ()) if known.ours]
        if not shown:
            return []
        known = self.rng.choice(shown)
        ids = (known.message_id,) if self.rng.random() < 0.5 else ()
        person = f"stranger{self.count}@elsewhere.example"
        raw = self._mail(person, f"Fwd: {known.subject}", self._id(person), ids, ids)
        return [(raw, person, Sent(talk.number, "stranger", own=True))]

    def _id(self, person: str) -> str:
        return f"{self.rng.getrandbits(60):x}@{person.partition('@')[2]}"

    def _mail(
        self, sender: str, subject: str, message_id: str, named: Sequence[str], references: Sequence[str],
        *, cc: Sequence[str] = (), trusted: bool = False,
    ) -> bytes:  # fmt: skip
        self.count += 1
        fields = {
            "From": f"Somebody <{sender}>",
            "To": DESK,
            "Cc": ", ".join(cc),
            "Subject": subject,
            "Date": "Mon, 5 Jan 2026 08:00:00 +0000",
            "Message-ID": f"<{message_id}>" if message_id else "",
            "In-Reply-To": " ".join(f"<{i}>" for i in named),
            "References": "\r\n ".join(f"<{i}>" for i in references),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value or name == "Subject")
        return f"{PASS if trusted else ''}{head}\r\nThese are words number {self.count}.\r\n".encode()

    # --- the desk ---------------------------------------------------------------------------------------------------

    def _arrive(self, batch: Sequence[tuple[bytes, str, Sent]]) -> None:
        entries = []
        for raw, sender, sent in batch:
            door = "lmtp" if sent.fault.startswith("duplicate") else "smtp"
            named = identify(raw).message_id is not None
            entries.append(journal.entry(Arrival(door, "127.0.0.1", sender, (DESK,), raw, named)))
        with self.app.db.write() as session:
            stored = journal.append(session, entries, now())
        for entry, mail in zip(stored, batch, strict=True):
            self.sent.setdefault(entry.journal_id, mail[2])
            if b"\r\nMessage-ID: " in mail[0] and not mail[2].fault.startswith("duplicate"):
                self.recent.append(mail)

    def _read_letters(self) -> None:
        """What the desk wrote, in the hands of those it is for."""
        with self.app.db.read() as session:
            rows = session.execute(
                sa.select(outbox.c.id, outbox.c.recipient, outbox.c.ticket_id, outbox.c.headers, outbox.c.state)
                .where(outbox.c.id > self.letters_seen)
                .order_by(outbox.c.id)
            ).all()
            done = session.execute(sa.select(arrivals.c.id, arrivals.c.outcome_ticket)).all() if rows else []
        by_ticket = {ticket: self.sent[i] for i, ticket in done if ticket is not None and not self.sent[i].own}
        for row in rows:
            self.letters_seen = row.id
            sent = by_ticket.get(row.ticket_id)
            if sent is None or row.state == "held":
                continue
            talk = self.talks[sent.talk]
            if row.recipient != AGENT and row.recipient not in talk.people:
                continue
            letter = message_from_bytes(bytes(row.headers))
            references = tuple(i.strip("<>") for i in (letter["References"] or "").split())
            known = Known(letter["Message-ID"].strip("<>"), references, " ".join(letter["Subject"].split()), ours=True)
            talk.read.setdefault(row.recipient, []).append(known)

    # --- the count --------------------------------------------------------------------------------------------------

    def _score(self, seconds: float) -> Score:
        """A conversation's ticket is the one on which most of its mails ended."""
        with self.app.db.read() as session:
            rows = session.execute(sa.select(arrivals.c.id, arrivals.c.outcome_ticket)).all()
        ends = {row.id: row.outcome_ticket for row in rows}
        votes: dict[int, Counter[int]] = {}
        for number, sent in self.sent.items():
            if not sent.own and (ticket := ends[number]) is not None:
                votes.setdefault(sent.talk, Counter())[ticket] += 1
        home = {talk: tickets.most_common(1)[0][0] for talk, tickets in votes.items()}
        owner = {ticket: talk for talk, ticket in home.items()}
        right, strangers, apart = 0, 0, Counter[str]()
        for number, sent in self.sent.items():
            ticket = ends[number]
            theirs = owner.get(ticket) if ticket is not None else None
            if sent.own:
                good = theirs is None and ticket is not None
                strangers += theirs is not None
            else:
                good = ticket == home.get(sent.talk)
                strangers += theirs is not None and theirs != sent.talk
            right += good
            if not good:
                apart[sent.fault] += 1
        kinds = Counter(sent.fault for sent in self.sent.values())
        return Score(len(self.sent), right, kinds, apart, strangers, seconds)


def play(mails: int, seed: int = 1) -> Score:
    """That many mails, the same ones for a seed."""
    with tempfile.TemporaryDirectory(prefix="mailgate-conversations-") as folder:
        return Play(Path(folder), seed).run(mails)


def main() -> int:
    """Play and tell."""
    mails, seed = (*map(int, sys.argv[1:3]), *(10_000, 1)[len(sys.argv[1:3]) :])
    score = play(mails, seed)
    print(f"{score.mails:,} mails in {score.seconds:.1f} s")
    print("  " + ", ".join(f"{kind} {count:,}" for kind, count in score.kinds.most_common() if ":" not in kind))
    print(f"  duplicates by another door {sum(n for kind, n in score.kinds.items() if ':' in kind):,}")
    print(f"on the right ticket   {score.right:,} ({score.share:.2%})")
    print(f"on a stranger's       {score.strangers}")
    for fault, count in score.apart.most_common():
        print(f"  elsewhere: {fault} {count}")
    return int(score.share < GOAL or score.strangers > 0)


if __name__ == "__main__":
    sys.exit(main())
