"""A desk in memory: mails go through deciding and enacting, and what changes is kept in dictionaries as the database
would keep it. `gather` answers only what was asked, so a question that is forgotten shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import permutations

from mailgate.desk.effects import effect
from mailgate.desk.overtaken import caught_up
from mailgate.desk.tickets import enact
from mailgate.outgoing.compose import issued_as, threaded_as
from parsing.message import Address, ParsedMessage
from routing import beside, tokens
from routing.behind import attributed
from routing.breakers import AUTOMATIC_EVENTS
from routing.decide import decide, questions
from routing.decision import Decision
from routing.facts import DOUBTED, Answered, Asked, Confirmation, Facts, Questions, Seen, SentLetter, ThreadKey
from routing.mail import NO_EVIDENCE, REPEAT_SECONDS, Claim, Envelope, Evidence, Mail
from routing.policy import Limits, Policy, Queue, Staff
from routing.reports import UNREACHABLE_SECONDS
from routing.ticket import Ticket
from storage.change import Announcement, Article, Change, Letter, Mark, Move

MONDAY = 1_700_000_000.0
PASS = Evidence("pass", "unknown", "dmarc=pass by mx.desk.example")
KEYS = tokens.Keys("a", {"a": b"secret of the tests, thirty-two b"})


def desk(address: str = "help@desk.example", **changes: object) -> Policy:
    """A desk of two agents, a second queue with an address of its own, and one partner."""
    domain = address.partition("@")[2]
    sam = Staff("Sam", (f"sam@{domain}", f"s.miller@{domain}"))
    tess = Staff("Tess", (f"tess@{domain}",))
    policy = Policy(
        name="Example Desk",
        address=address,
        keys=KEYS,
        queues={
            "Service Desk": Queue("Service Desk", address, (), "en"),
            "Hardware": Queue("Hardware", f"hardware@{domain}", (f"tess@{domain}",), "en"),
        },
        default_queue="Service Desk",
        addresses={address: "Service Desk", f"hardware@{domain}": "Hardware"},
        staff={a: person for person in (sam, tess) for a in person.addresses},
        partners={"acme.example": "Acme"},
    )
    return replace(policy, **changes)  # type: ignore[arg-type]


def person(address: str, name: str = "") -> Address:
    return Address(name, address)


def message(
    sender: str | Sequence[str] | None,
    text: str = "words",
    *,
    id: str | None = None,  # noqa: A002 - the header's name
    re: Sequence[str] = (),
    to: Sequence[str] = ("help@desk.example",),
    cc: Sequence[str] = (),
    subject: str = "Printer",
    **more: object,
) -> ParsedMessage:
    """A mail as it is read. `re`: the ids of its References, the last one in In-Reply-To, too."""
    authors = [] if sender is None else [sender] if isinstance(sender, str) else list(sender)
    values: dict[str, object] = {
        "message_id": id,
        "in_reply_to": tuple(re[-1:]),
        "references": tuple(re),
        "from_": tuple(map(person, authors)),
        "to": tuple(map(person, to)),
        "cc": tuple(map(person, cc)),
        "subject": subject,
        "date": datetime(2026, 3, 2, tzinfo=UTC),
        "text": text,
        "reply": text,
    }
    return ParsedMessage(**{**values, **more})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter as its recipient sees it."""

    letter: Letter
    told: Announcement
    references: tuple[str, ...]

    @property
    def held(self) -> bool:
        return self.letter.held_for is not None


@dataclass(slots=True)
class World:
    policy: Policy = field(default_factory=desk)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    keys: dict[str, ThreadKey] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    confirmations: dict[str, Confirmation] = field(default_factory=dict)
    articles: dict[int, Article] = field(default_factory=dict)
    links: set[frozenset[int]] = field(default_factory=set)
    sent: list[Sent] = field(default_factory=list)
    outcomes: list[tuple[int, str]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    placed: dict[int, int | None] = field(default_factory=dict)  # arrival: the ticket it ended on
    arrivals: int = 0
    breakers: dict[str, float] = field(default_factory=dict)

    # --- mails ----------------------------------------------------------------------------------------------

    def take(
        self,
        read: ParsedMessage,
        *,
        at: float = 0.0,
        evidence: Evidence = NO_EVIDENCE,
        door: str = "smtp",
        peer: str = "",
        rcpt: Sequence[str] | None = None,
        mail_from: str | None = None,
        late: float = 0.0,
        released: bool = False,
    ) -> Mail:
        """An arrival, `at` seconds after Monday; `late` seconds pass before it is journaled."""
        self.arrivals += 1
        n = self.arrivals
        author = read.author.address if read.author else ""
        recipients = [self.policy.address] if rcpt is None else rcpt
        said = (read.message_id, author, read.date) if read.message_id else (author, read.subject, read.text)
        time = MONDAY + at
        mail = Mail(
            Claim(n, 1, n, 2 * n),
            Envelope(door, peer, author if mail_from is None else mail_from, tuple(recipients),
                     time, time + late),
            read,
            evidence,
            hashlib.sha256(repr(said).encode()).hexdigest(),
            len(read.text),
            released,
        )  # fmt: skip
        return attributed(mail, self.policy)

    def settle(self, mails: Sequence[Mail]) -> list[Decision]:
        """One batch, as the worker does it."""
        facts = self.gather(questions(mails, self.policy))
        decisions, changes = [], []
        for mail in mails:
            decision = decide(mail, facts, self.policy)
            change = self.compose(enact(mail, decision, facts, self.policy))
            facts = facts.after(effect(change))
            decisions.append(decision)
            changes.append(change)
            for more in map(self.compose, caught_up(mail, decision, facts, self.policy)):
                facts = facts.after(effect(more))
                changes.append(more)
        for change in changes:
            self.write(change)
        return decisions

    def arrive(self, read: ParsedMessage, **how: object) -> Decision:
        """One mail, alone in its batch."""
        return self.settle([self.take(read, **how)])[0]  # type: ignore[arg-type]

    def command(self, change: Change) -> None:
        """What somebody did at a terminal."""
        self.write(self.compose(change))

    # --- what is sent ---------------------------------------------------------------------------------------

    def compose(self, change: Change) -> Change:
        letters = [
            Letter(told.event, told.ticket.id, told.article_id, recipient, self.policy.address,
                   self.id_of(issued_as(told), told.ticket.id, told.signed_as, recipient),
                   told.subject, b"", told.words.encode(), told.time, told.held_for, told.limited)
            for told in change.announcements
            for recipient in dict.fromkeys(told.recipients)
        ]  # fmt: skip
        return replace(change, letters=tuple(letters))

    def id_of(self, event: str, ticket: int, article: int, recipient: str) -> str:
        return tokens.message_id(self.policy.keys, event, ticket, article, recipient, self.policy.domain)

    def references(self, told: Announcement) -> tuple[str, ...]:
        if told.event in ("confirm", "preview"):
            return ()
        ours = self.id_of(threaded_as(told), told.ticket.id, 0, "")
        return tuple(dict.fromkeys((*told.references, ours, *([told.in_reply_to] if told.in_reply_to else []))))

    def letters(self, event: str, recipient: str | None = None) -> list[Sent]:
        return [s for s in self.sent if s.letter.event == event and recipient in (None, s.letter.recipient)]

    # --- the database ---------------------------------------------------------------------------------------

    def gather(self, asked: Questions) -> Facts:
        keys = self.keys_of(asked.message_ids)
        back = {m.message_id for m in self.marks if m.state == "failed"}
        letters = {
            s.letter.message_id: SentLetter(s.letter.message_id, s.letter.event, s.letter.ticket_id,
                                            s.letter.article_id, s.letter.recipient,
                                            "bounced" if s.letter.message_id in back else "pending")
            for s in self.sent
            if s.letter.message_id in asked.message_ids
        }  # fmt: skip
        confirmations = {i: c for i, c in self.confirmations.items() if i in asked.message_ids}
        wanted = set(asked.ticket_ids) | {k.ticket_id for k in keys.values()}
        wanted |= {x.ticket_id for x in letters.values() if x.ticket_id} | {c.ticket_id for c in confirmations.values()}
        for _ in range(10):
            wanted |= {
                t.id for t in self.tickets.values()
                if any(t.follows == (x.follows or x.id) for i in wanted
                       if (x := self.tickets.get(i)) and x.state_type == "closed")
            }  # fmt: skip
            wanted |= {t.merged_into for i in wanted if (t := self.tickets.get(i)) and t.merged_into is not None}
        if any(key.article_id is None for key in keys.values()):
            keys |= self.keys_of({t.root_id or "" for i in wanted if (t := self.tickets.get(i))})
        beside = self.beside(wanted, asked)
        wanted |= {other for others in beside.values() for other in others}
        recent = [s.letter for s in self.sent if asked.since < s.letter.time <= asked.until]
        minutes: dict[int, tuple[int, int]] = {}
        for letter in recent if asked.counted else []:
            if letter.event == "acknowledgement":
                known, unknown = minutes.get(int(letter.time // 60), (0, 0))
                other = letter.limited == "unknown"
                minutes[int(letter.time // 60)] = (known + (not other), unknown + other)
        return Facts(
            {i: self.tickets[i] for i in wanted if i in self.tickets},
            keys,
            {k: s for k, s in self.seen.items() if k in asked.mail_keys | asked.content_keys},
            letters,
            confirmations,
            {a: tuple(Answered(x.time, x.subject) for x in recent
                      if x.recipient == a and x.event == "acknowledgement") for a in asked.addresses},
            {i: times for i in wanted if (times := tuple(
                s.letter.time for s in self.sent if s.letter.ticket_id == i and s.letter.time > asked.since
                and s.letter.event in AUTOMATIC_EVENTS))},
            {name: last for name, last in self.breakers.items() if last > asked.since - UNREACHABLE_SECONDS},
            minutes,
            {a: tuple(Asked(x.time, x.ticket_id or 0, self.verified(x)) for x in recent
                      if x.recipient == a and x.event in ("confirm", "preview")) for a in asked.addresses},
            self.wrote(wanted, asked),
            self.opened(asked),
            beside,
            inside=self.inside(wanted) if asked.staff else frozenset(),
            doubted=frozenset(a.ticket_id for a in self.articles.values() if a.ticket_id in wanted
                              and (a.direction, a.visibility) == ("in", "public") and a.trust in DOUBTED),
        )  # fmt: skip

    def keys_of(self, ids: Iterable[str]) -> dict[str, ThreadKey]:
        inside = {a.id for a in self.articles.values() if a.visibility == "internal"}
        return {i: replace(k, internal=k.article_id in inside) for i in ids if (k := self.keys.get(i)) is not None}

    def beside(self, tickets: set[int], asked: Questions) -> dict[int, tuple[int, ...]]:
        found: set[tuple[int, int]] = set()
        ids, before = set(tickets), set[int]()
        while asked.people and ids - before:
            looked, before = ids - before, before | ids
            for first, other in (pair for link in self.links for pair in permutations(link)):
                there = self.tickets[other]
                new = there.state_type == "new" and there.requester in asked.people
                if first in looked and (there.merged_into == first or (new and beside.key(first, other) in self.keys)):
                    found.add((first, other))
            ids = {other for _, other in found}
        return {first: tuple(sorted(o for f, o in found if f == first)) for first, _ in found}

    def inside(self, tickets: set[int]) -> frozenset[int]:
        quiet = tuple(tokens.prefix(event) for event in tokens.QUIET)
        kept = {a.ticket_id for a in self.articles.values() if a.visibility == "internal"}
        told = {s.letter.ticket_id for s in self.sent if s.letter.message_id.startswith(quiet)}
        return frozenset(tickets & (kept | told))

    def wrote(self, tickets: set[int], asked: Questions) -> dict[tuple[int, str, str], tuple[float, ...]]:
        times: dict[tuple[int, str, str], tuple[float, ...]] = {}
        for entry in self.articles.values():
            by = entry.ticket_id, entry.sender.address.lower(), entry.trust or ""
            if by[0] in tickets and by[1] in asked.staff and entry.direction == "in" and entry.time > asked.since:
                times[by] = (*times.get(by, ()), entry.time)
        return times

    def verified(self, letter: Letter) -> bool:
        about = self.articles.get(letter.article_id or 0)
        return about is not None and about.trust == "authenticated"

    def opened(self, asked: Questions) -> dict[tuple[str, str], tuple[float, ...]]:
        times: dict[tuple[str, str], tuple[float, ...]] = {}
        for entry in self.articles.values():
            there = self.tickets[entry.ticket_id]
            first = entry.direction == "in" and entry.time == there.created > asked.since
            if first and there.requester in asked.staff:
                who = there.requester, entry.trust or ""
                times[who] = (*times.get(who, ()), there.created)
        return times

    def write(self, change: Change) -> None:
        """What `storage.changes` does, in dictionaries. A lost fence is a bug of the test: nothing runs beside it."""
        claim, outcome = change.claim, change.outcome
        if claim is not None and outcome is not None:
            self.outcomes.append((claim.journal_id, outcome.kind))
            self.placed[claim.journal_id] = outcome.ticket_id
            if outcome.mail_key:
                before = self.seen.get(outcome.mail_key)
                set_aside = before is not None and before.outcome == "quarantine"
                assert before is None or set_aside or abs(before.received_at - change.time) > REPEAT_SECONDS
                self.seen[outcome.mail_key] = Seen(
                    claim.journal_id, outcome.ticket_id, outcome.article_id, change.time, outcome.kind
                )
        self.marks += change.marks
        if (trip := change.tripped) is not None:
            self.breakers[trip.name] = max(trip.time, self.breakers.get(trip.name, trip.time))
        if change.ticket is not None:
            there = self.tickets.get(change.ticket.id)
            assert (there.version if there else None) == change.version
            self.tickets[change.ticket.id] = change.ticket
            self.links |= {frozenset((change.ticket.id, other)) for other in change.related}
        self.articles |= {a.id: a for a in change.articles}
        for move in change.moves:
            self._move(move, change)
        for key in change.keys:
            known = self.keys.get(key.message_id)
            now = self.whole(key.ticket_id)  # the database claims all keys of a batch before it moves any
            assert known is None or known.ticket_id in (key.ticket_id, now)
            if known is None:
                self.keys[key.message_id] = ThreadKey(now, key.article_id, weak=key.weak)
            elif known.article_id is None:
                self.keys[key.message_id] = replace(known, article_id=key.article_id)
        told = {(t.event, t.signed_as, r): t for t in change.announcements for r in t.recipients}
        for letter in change.letters:
            why = next(t for (event, _, r), t in told.items() if (event, r) == (letter.event, letter.recipient))
            assert letter.message_id not in {s.letter.message_id for s in self.sent}, "an id is one letter's"
            self.sent.append(Sent(letter, why, self.references(why)))
        if change.ask is not None and change.ticket is not None:
            for letter in change.letters:
                if letter.event == change.ask.event:
                    self.confirmations[letter.message_id] = Confirmation(
                        letter.message_id, change.ticket.id, change.ask.article_id, change.ask.address,
                        change.ask.event, change.ask.expires, used=False, command=change.ask.command,
                        words=self.articles[change.ask.article_id].reply,
                    )  # fmt: skip
        if (release := change.release) is not None:
            assert not self.confirmations[release.message_id].used
            self.confirmations[release.message_id] = replace(self.confirmations[release.message_id], used=True)
        if release is not None and release.publishes:
            held = self.articles[release.article_id]
            self.articles[release.article_id] = replace(held, visibility="public", trust=release.trust)
            self.sent = [
                replace(s, letter=replace(s.letter, held_for=None)) if s.letter.article_id == release.article_id else s
                for s in self.sent
            ]

    def whole(self, number: int) -> int:
        """That ticket, or the one it has become part of."""
        while (merged := self.tickets[number].merged_into) is not None:
            number = merged
        return number

    def _move(self, move: Move, change: Change) -> None:
        assert change.ticket is not None
        to = change.ticket.id

        def goes(ticket_id: int | None, article_id: int | None) -> bool:
            return ticket_id == move.ticket_id and move.article_id in (None, article_id)

        for number, entry in self.articles.items():
            if goes(entry.ticket_id, number):
                self.articles[number] = replace(entry, ticket_id=to)
        self.keys = {
            i: replace(key, ticket_id=to) if goes(key.ticket_id, key.article_id) else key
            for i, key in self.keys.items()
        }
        if move.article_id is not None:
            self.sent = [
                replace(s, letter=replace(s.letter, ticket_id=to))
                if goes(s.letter.ticket_id, s.letter.article_id)
                else s
                for s in self.sent
            ]

    # --- what is looked at ----------------------------------------------------------------------------------

    def of(self, ticket: int, visibility: str = "public") -> list[Article]:
        return [a for a in self.articles.values() if a.ticket_id == ticket and a.visibility == visibility]

    def public_words(self, ticket: int) -> str:
        return "\n".join(a.text for a in self.of(ticket))

    def state(self) -> tuple[object, ...]:
        """Everything that stands, to compare two worlds."""
        return (self.tickets, self.keys, self.seen, self.confirmations, self.articles, self.links,
                sorted(self.sent, key=lambda s: s.letter.message_id), sorted(self.outcomes))  # fmt: skip


NO_LIMITS = Limits(None, None, None, None)
