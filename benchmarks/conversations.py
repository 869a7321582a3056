"""Interleaved conversations by mail, and on which tickets they end: ids missing, rewritten and dropped, subjects
changed, forwards by partners and staff, internal notes and answers to them, duplicates by several doors with list
footers, replies before their parents, and strangers who quote.

python benchmarks/conversations.py [MAILS] [SEED] [DESK]

Three desks play the same: one as it is shipped (`auto`), one that asks for answers at an address with a token
(`reply_address = "plus"`), one with the number in each subject (`subject_token = "always"`). Limits of automatic
answers are off, for hours of mail arrive within minutes; else all settings are the defaults. All goes through the real
stations on SQLite. What each mail belongs to is known to the generator alone: a conversation's ticket is the one of the
mail that began it, whatever happened to the others.

A mail that brings nothing of its conversation along, no id, number or address, is right on a ticket of its own: no desk
can know better, and what is answered to it goes on there. Such mails are counted apart. Exit 1 with a mail on a
stranger's ticket or words of an internal note made public on any of them, and below 99.5% on the second and third desk.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.utils import parseaddr
from pathlib import Path

import sqlalchemy as sa

from mailgate import settings
from mailgate.application import open_application
from mailgate.worker import Worker
from parsing.read import identify
from routing import tokens
from storage import journal
from storage.database import now
from storage.journal import Arrival
from storage.tables import article, outbox, ticket
from storage.tables import journal as arrivals

GOAL = 0.995
DUPLICATE = "duplicate: "
SETTINGS = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[smtp]
auth_results = "mx.desk.example"
[lmtp]
[relay]
[answers]
MARK
per_address = "off"
unknown = "off"
per_thread = "off"
desk = "off"
[[staff]]
name = "First Agent"
email = "agent@desk.example"
[[staff]]
name = "Second Agent"
email = "second@desk.example"
"""
DESKS = {
    "auto": "",
    "plus": 'reply_address = "plus"',
    "always": 'subject_token = "always"',
}
MUST = ("plus", "always")  # the desks whose answers can be told; the first one has nothing but ids
DESK, STAFF = "help@desk.example", ("agent@desk.example", "second@desk.example")
PASS = "Authentication-Results: mx.desk.example; dmarc=pass header.from=desk.example\r\n"
SUBJECTS = ("Printer", "Question", "Password", "Invoice 4711", "Urgent", "Order", "VPN", "")  # shared by many
OPEN = 200  # conversations that go on at a time
ROUND = 48  # mails between two looks at what the desk has sent

# What becomes of a partner's answer on its way, with its weight; an agent's client is no worse than a phone.
FAULTS = (("whole", 45), ("phone", 15), ("relay", 10), ("dropped", 10), ("subject", 12), ("first", 4), ("forward", 4))
BY_STAFF = (("whole", 50), ("phone", 15), ("note", 30), ("forward", 5))


@dataclass(frozen=True, slots=True)
class Known:
    """A mail that somebody can answer: ours or another's. `strand`: of which part of its conversation it is."""

    message_id: str
    references: tuple[str, ...]
    subject: str
    strand: int
    ours: bool = False
    reply_to: str = DESK
    inside: bool = False  # what is answered to it stays inside


@dataclass(slots=True)
class Talk:
    """One conversation: who takes part, and what each of them has read."""

    number: int
    people: tuple[str, ...]  # the first one asked
    read: dict[str, list[Known]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """What the generator knows of an arrival: whose it is, and the strand that it belongs to.

    A strand begins with a mail that nothing leads from to another: the first one of a conversation, or one that brings
    nothing of it along. `alone`: it is such a later one, or a stranger's.
    """

    talk: int
    strand: int
    fault: str
    alone: bool = False
    inside: bool = False


Arriving = tuple[bytes, str, str, Sent]  # the mail, its envelope


@dataclass(frozen=True, slots=True)
class Score:
    """Where the mails ended. `strangers`: on a ticket of other people; `leaks`: internal words that became public."""

    mails: int
    right: int
    kinds: Counter[str]  # what had happened to them
    apart: Counter[str]  # elsewhere than with their strand, by what had happened to them
    bare: int  # brought nothing of their conversation along
    bare_right: int  # of those: on a ticket of their own, or after all on one of their conversation
    strangers: int
    leaks: int
    seconds: float

    @property
    def share(self) -> float:
        """Of the mails by which their conversation can be told."""
        return self.right / (self.mails - self.bare)


class Play:
    """Writes mails, hands them to the stations, and reads what comes back."""

    def __init__(self, folder: Path, seed: int, desk: str) -> None:
        file = folder / "mailgate.toml"
        file.write_text(SETTINGS.replace("MARK", DESKS[desk]))
        self.app = open_application(settings.load(file), create=True)
        self.worker = Worker(self.app, "bench:work:1", threading.Event())
        self.rng = random.Random(seed)
        self.talks: list[Talk] = []
        self.sent: dict[int, Sent] = {}  # by journal id
        self.strands = 0
        self.count = 0
        self.letters_seen = 0
        self.late: list[Arriving] = []  # parents that come after their answers
        self.recent: list[Arriving] = []

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

    def _turn(self) -> list[Arriving]:
        """What happens next somewhere."""
        dice = self.rng.random()
        live = self.talks[-OPEN:]
        if len(live) < 10 or dice < 0.17:
            return self._begin()
        if dice < 0.2:
            return [self._handed_on()]
        if dice < 0.28 and self.recent:
            return [self._again(*self.rng.choice(self.recent[-300:]))]
        if dice < 0.31:
            return self._stranger(self.rng.choice(live))
        talk = self.rng.choice(live)
        agent = self.rng.choice(STAFF)
        if dice < 0.5 and talk.read.get(agent):
            what = self._choose(BY_STAFF)
            return [self._answer(talk, agent, what)]
        readers = [person for person in talk.people if talk.read.get(person)]
        return [self._answer(talk, self.rng.choice(readers), self._choose(FAULTS))] if readers else []

    def _choose(self, weighed: Sequence[tuple[str, int]]) -> str:
        words, weights = zip(*weighed, strict=True)
        return str(self.rng.choices(words, weights)[0])

    def _talk(self, people: Sequence[str]) -> tuple[Talk, str]:
        talk = Talk(len(self.talks), tuple(people))
        self.talks.append(talk)
        return talk, self.rng.choice(SUBJECTS)

    def _strand(self) -> int:
        self.strands += 1
        return self.strands

    def _people(self) -> list[str]:
        company = self.rng.randrange(40)
        return self.rng.sample([f"p{n}@company{company}.example" for n in range(12)], self.rng.choice((1, 1, 2, 3)))

    def _begin(self) -> list[Arriving]:
        people = self._people()
        talk, subject = self._talk(people)
        nameless = self.rng.random() < 0.05
        root, strand = self._id(people[0]), self._strand()
        raw = self._mail(people[0], subject, "" if nameless else root, (), (), cc=people[1:])
        first = (raw, people[0], DESK, Sent(talk.number, strand, "first mail"))
        if nameless or len(people) == 1:
            return [first]
        for person in people[1:]:
            talk.read.setdefault(person, []).append(Known(root, (), subject, strand))
        if self.rng.random() < 0.3:  # a colleague answers to all before the desk has read the first mail
            early = self._answer(talk, people[1], "whole", fault="before its parent")
            self.late.append(first)
            return [early]
        return [first]

    def _handed_on(self) -> Arriving:
        """A partner wrote to a member of staff, who forwards it to the desk; many clients name its id."""
        person, agent = self._people()[0], self.rng.choice(STAFF)
        talk, subject = self._talk([person])
        original = self._id(person)
        ids = self.rng.choice(((), (original,)))
        text = (
            f"---------- Forwarded message ---------\r\nFrom: Somebody <{person}>\r\n"
            f"Date: Mon, 5 Jan 2026 at 07:00\r\nSubject: {subject}\r\nTo: An Agent <{agent}>\r\n\r\n"
            f"Words to a member of staff, number {self.count}."
        )
        raw = self._mail(agent, f"Fwd: {subject}", self._id(agent), ids, ids, trusted=True, text=text)
        return raw, agent, DESK, Sent(talk.number, self._strand(), "forwarded by staff")

    def _answer(self, talk: Talk, person: str, what: str, fault: str = "") -> Arriving:
        known = talk.read[person][-1] if self.rng.random() < 0.8 else self.rng.choice(talk.read[person])
        named: tuple[str, ...] = (known.message_id,)
        references: tuple[str, ...] = (*known.references, known.message_id)
        subject = known.subject if known.subject.startswith("Re: ") else f"Re: {known.subject}"
        text, staff, there = "", person in STAFF, known.strand
        match what:
            case "phone":
                references = ()
            case "relay":  # it gave the mail that is answered another id, and told nobody
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
            case "note":
                text = f"#note Among us, number {self.count}."
        to = known.reply_to if what != "forward" else DESK
        led = [i for i in (*named, *references) if not i.startswith("relay")]
        bare = not led and to == DESK and not tokens.in_subject(subject)[0]
        if bare:
            there = self._strand()
        message_id = self._id(person)
        to_all = not known.ours or self.rng.random() < 0.7  # who answers a colleague answers him, too
        others = [p for p in talk.people if p != person] if not staff and to_all else []
        raw = self._mail(
            person, subject, message_id, named, references, cc=others, trusted=staff, to=to, text=text
        )  # fmt: skip
        for other in others:
            talk.read.setdefault(other, []).append(Known(message_id, references, subject, there))
        inside = staff and (known.inside or what in ("note", "forward"))
        said = fault or (f"staff: {'answer to a note' if known.inside else what}" if staff else what)
        return raw, person, to, Sent(talk.number, there, said, alone=bare, inside=inside)

    def _again(self, raw: bytes, sender: str, to: str, sent: Sent) -> Arriving:
        """The same mail by way of a mailing list: a hop more, a tag in the subject, a footer."""
        head, _, body = raw.partition(b"\r\n\r\n")
        head = head.replace(b"Subject: ", b"Subject: [it-help] ", 1)
        copy = b"Received: from lists.example by mx.desk.example; Mon, 5 Jan 2026 08:00:00 +0000\r\n" + head
        copy += b"\r\nList-Id: <it-help.lists.example>\r\nPrecedence: list\r\n\r\n"
        copy += body + b"\r\n-- \r\nit-help mailing list: https://lists.example/it-help\r\n"
        return copy, sender, to, replace(sent, fault=f"{DUPLICATE}{sent.fault}")

    def _stranger(self, talk: Talk) -> list[Arriving]:
        """Somebody who was shown a mail of ours, and writes about it: he gets a ticket of his own."""
        shown = [known for person in talk.people for known in talk.read.get(person, ()) if known.ours]
        if not shown:
            return []
        known = self.rng.choice(shown)
        ids = (known.message_id,) if self.rng.random() < 0.5 else ()
        to = known.reply_to if self.rng.random() < 0.5 else DESK
        person = f"stranger{self.count}@elsewhere.example"
        raw = self._mail(person, f"Fwd: {known.subject}", self._id(person), ids, ids, to=to)
        his, strand = Talk(len(self.talks), (person,)), self._strand()
        self.talks.append(his)
        return [(raw, person, to, Sent(his.number, strand, "stranger", alone=True))]

    def _id(self, person: str) -> str:
        return f"{self.rng.getrandbits(60):x}@{person.partition('@')[2]}"

    def _mail(
        self, sender: str, subject: str, message_id: str, named: Sequence[str], references: Sequence[str],
        *, cc: Sequence[str] = (), trusted: bool = False, to: str = DESK, text: str = "",
    ) -> bytes:  # fmt: skip
        self.count += 1
        fields = {
            "From": f"Somebody <{sender}>",
            "To": to,
            "Cc": ", ".join(cc),
            "Subject": subject,
            "Date": "Mon, 5 Jan 2026 08:00:00 +0000",
            "Message-ID": f"<{message_id}>" if message_id else "",
            "In-Reply-To": " ".join(f"<{i}>" for i in named),
            "References": "\r\n ".join(f"<{i}>" for i in references),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value or name == "Subject")
        return f"{PASS if trusted else ''}{head}\r\n{text or f'These are words number {self.count}.'}\r\n".encode()

    # --- the desk ---------------------------------------------------------------------------------------------------

    def _arrive(self, batch: Sequence[Arriving]) -> None:
        entries = []
        for raw, sender, to, sent in batch:
            door = "lmtp" if sent.fault.startswith(DUPLICATE) else "smtp"
            named = identify(raw).message_id is not None
            entries.append(journal.entry(Arrival(door, "127.0.0.1", sender, (to,), raw, named)))
        with self.app.db.write() as session:
            stored = journal.append(session, entries, now())
        for entry, mail in zip(stored, batch, strict=True):
            self.sent.setdefault(entry.journal_id, mail[3])
            if b"\r\nMessage-ID: " in mail[0] and not mail[3].fault.startswith(DUPLICATE):
                self.recent.append(mail)

    def _ends(self) -> dict[int, int | None]:
        """Of each arrival the ticket that it is on, merges followed."""
        with self.app.db.read() as session:
            merged = {r.id: r.merged_into for r in session.execute(sa.select(ticket.c.id, ticket.c.merged_into))}
            rows = session.execute(sa.select(arrivals.c.id, arrivals.c.outcome_ticket)).all()
        ends: dict[int, int | None] = {}
        for row in rows:
            there = row.outcome_ticket
            while there is not None and merged.get(there) is not None:
                there = merged[there]
            ends[row.id] = there
        return ends

    def _read_letters(self) -> None:
        """What the desk wrote, in the hands of those it is for."""
        with self.app.db.read() as session:
            rows = session.execute(
                sa.select(outbox.c.recipient, outbox.c.ticket_id, outbox.c.headers, outbox.c.state, outbox.c.id)
                .where(outbox.c.id > self.letters_seen)
                .order_by(outbox.c.id)
            ).all()
        first: dict[int, Sent] = {}
        for number, there in sorted(self._ends().items()) if rows else ():
            if there is not None:
                first.setdefault(there, self.sent[number])
        for row in rows:
            self.letters_seen = row.id
            sent = first.get(row.ticket_id)
            if sent is None or row.state == "held" or sent.fault == "stranger":
                continue
            talk = self.talks[sent.talk]
            if row.recipient not in STAFF and row.recipient not in talk.people:
                continue
            letter = message_from_bytes(bytes(row.headers))
            message_id = letter["Message-ID"].strip("<>")
            signed = tokens.read_signed(message_id, self.app.policy.keys)
            if signed is None or signed.event in ("confirm", "preview", "alarm"):
                continue
            known = Known(
                message_id,
                tuple(i.strip("<>") for i in (letter["References"] or "").split()),
                " ".join(letter["Subject"].split()),
                sent.strand,
                ours=True,
                reply_to=parseaddr(letter["Reply-To"] or DESK)[1],
                inside=signed.event == "internal",
            )
            talk.read.setdefault(row.recipient, []).append(known)

    # --- the count --------------------------------------------------------------------------------------------------

    def _score(self, seconds: float) -> Score:
        """A strand's ticket is the one of the mail that began it."""
        ends = self._ends()
        with self.app.db.read() as session:
            visible = {r.journal_id for r in session.execute(
                sa.select(article.c.journal_id).where(article.c.visibility == "public"))}  # fmt: skip
        home: dict[int, int | None] = {}
        for number, sent in sorted(self.sent.items()):
            home.setdefault(sent.strand, ends[number])
        whose: dict[int, set[int]] = {}  # of a ticket: the conversations that have their home there
        for sent in self.sent.values():
            if (there := home[sent.strand]) is not None:
                whose.setdefault(there, set()).add(sent.talk)
        right = bare = bare_right = strangers = leaks = 0
        apart = Counter[str]()
        for number, sent in self.sent.items():
            there = ends[number]
            others = whose.get(there, set()) - {sent.talk} if there is not None else set()
            strangers += bool(others)
            leaks += sent.inside and number in visible
            good = there is not None and there == home[sent.strand] and not others
            if sent.alone and sent.fault != "stranger" and not sent.fault.startswith(DUPLICATE):
                bare += 1
                bare_right += good
                continue
            right += good
            if not good:
                apart[sent.fault] += 1
        kinds = Counter(sent.fault for sent in self.sent.values())
        return Score(len(self.sent), right, kinds, apart, bare, bare_right, strangers, leaks, seconds)


def play(mails: int, seed: int = 1, desk: str = "auto") -> Score:
    """That many mails to that desk, the same ones for a seed as far as its letters are the same."""
    with tempfile.TemporaryDirectory(prefix="mailgate-conversations-") as folder:
        return Play(Path(folder), seed, desk).run(mails)


def main() -> int:
    """Play and tell."""
    mails, seed = (*map(int, sys.argv[1:3]), *(10_000, 1)[len(sys.argv[1:3]) :])
    failed = False
    for desk in sys.argv[3:4] or DESKS:
        score = play(mails, seed, desk)
        print(f"{desk}: {DESKS[desk] or 'all as it is shipped'}; limits of automatic answers off")
        print(f"  {score.mails:,} mails in {score.seconds:.1f} s")
        print("  " + ", ".join(f"{k} {n:,}" for k, n in score.kinds.most_common() if not k.startswith(DUPLICATE)))
        print(f"  {DUPLICATE}{sum(n for k, n in score.kinds.items() if k.startswith(DUPLICATE)):,} by another door")
        print(f"  on the right ticket   {score.right:,} of {score.mails - score.bare:,} ({score.share:.2%})")
        print(f"  bring nothing along   {score.bare:,}, of them {score.bare_right:,} on a ticket of their own")
        print(f"  on a stranger's       {score.strangers}")
        print(f"  internal made public  {score.leaks}")
        for fault, count in score.apart.most_common():
            print(f"    elsewhere: {fault} {count}")
        failed |= score.strangers > 0 or score.leaks > 0 or (desk in MUST and score.share < GOAL)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
