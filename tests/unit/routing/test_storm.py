"""Many conversations at once, with what mail clients, relays and lists do to them: each mail finds its own ticket."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

import pytest
from unit.routing.world import NO_EVIDENCE, NO_LIMITS, PASS, World, desk, message

from parsing.message import ParsedMessage
from routing import tokens
from routing.mail import Evidence, Mail

CONVERSATIONS = 100
ROUNDS = 20
BATCH = 64  # as the worker takes them
SAM = "sam@desk.example"


@dataclass(slots=True)
class Talk:
    """One conversation: its people, and the ids that its mails had, ours among them."""

    number: int
    people: list[str]
    chain: list[str] = field(default_factory=list)  # as a client's References would be
    root: str = ""


def damaged(random: Random, talk: Talk, ticket: str) -> dict[str, object]:
    """The ids and the subject of an answer, as one client or another writes them."""
    last, whole = talk.chain[-1:], tuple(talk.chain)
    subject = random.choice([f"Re: Case {talk.number}", f"AW: Case {talk.number}", "Something else", "Fwd: Case"])
    way = random.randrange(20)
    if way < 9:
        ids: dict[str, object] = {"in_reply_to": tuple(last), "references": whole}
    elif way < 11:
        ids = {"in_reply_to": (), "references": whole}  # a phone
    elif way < 13:
        ids = {"in_reply_to": tuple(last), "references": ()}  # an old client
    elif way < 15:
        ids = {"in_reply_to": (), "references": (whole[0], *last)}  # cut in the middle
    elif way < 17:
        ids = {"in_reply_to": ("unknown@relay.example",), "references": whole}  # the parent's id was replaced
    elif way < 18:
        ids = {"in_reply_to": tuple(i.upper() if i.startswith("mg") else i for i in last), "references": ()}
    else:
        return {"subject": f"{subject} {tokens.subject_token(ticket)}"}  # all are gone, the token is left
    return ids | {"subject": subject}


def stranger(random: Random, talk: Talk, ticket: str, n: int) -> ParsedMessage:
    """Somebody who was shown or guesses something of the ticket."""
    shown = [f"Case {talk.number} {tokens.subject_token(ticket)}", f"Fwd: Case {talk.number}"]
    return message(
        f"x{n}@elsewhere.example", "STRANGER", id=f"x{n}@elsewhere.example", subject=random.choice(shown),
        re=random.choice([(), tuple(talk.chain[-2:])]),
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_mails_find_their_tickets_and_strangers_their_own(seed: int) -> None:
    random = Random(seed)
    world = World(desk(limits=NO_LIMITS))
    talks = [Talk(n, [f"a{n}@acme.example", f"b{n}@acme.example"]) for n in range(CONVERSATIONS)]
    expected: dict[int, Talk | None] = {}  # by arrival
    waiting: list[Mail] = []
    count = 0

    def take(read: ParsedMessage, evidence: Evidence, talk: Talk | None, door: str = "smtp") -> None:
        nonlocal count
        count += 1
        waiting.append(world.take(read, evidence=evidence, at=20.0 * count, door=door))
        expected[waiting[-1].claim.journal_id] = talk

    for talk in talks:
        talk.root = f"root{talk.number}@acme.example"
        read = message(
            talk.people[0], f"first of {talk.number}", id=talk.root, cc=talk.people[1:], subject=f"Case {talk.number}"
        )
        take(read, NO_EVIDENCE, talk)
        talk.chain = [talk.root]
    settle(world, waiting)
    for turn in range(ROUNDS):
        for talk in talks:
            ticket = world.tickets[world.keys[talk.root].ticket_id]
            ours = [
                s for s in world.sent[-3000:] if s.letter.ticket_id == ticket.id and s.letter.recipient in talk.people
            ]
            if ours and random.random() < 0.5:
                talk.chain.append(random.choice(ours[-2:]).letter.message_id)
            own = f"m{talk.number}.{turn}@acme.example"
            author = random.choice(talk.people)
            how = damaged(random, talk, ticket.number)
            read = message(author, f"turn {turn} of {talk.number}", id=own, cc=[p for p in talk.people if p != author])
            take(replace(read, **how), random.choice([NO_EVIDENCE, PASS]), talk)  # type: ignore[arg-type]
            talk.chain.append(own)
            if random.random() < 0.1:  # by another door, with a list's tag and footer
                again = replace(read, **how, text=read.text + "\n-- \nfooter")  # type: ignore[arg-type]
                take(again, NO_EVIDENCE, talk, "imap:office")
            if random.random() < 0.1:
                take(stranger(random, talk, ticket.number, len(expected)), random.choice([NO_EVIDENCE, PASS]), None)
            if random.random() < 0.2:
                notice = [
                    s for s in world.sent[-3000:] if s.letter.ticket_id == ticket.id and s.letter.recipient == SAM
                ]
                for sent in notice[-1:]:
                    answer = message(
                        SAM, f"answer {turn}", id=f"s{talk.number}.{turn}@desk.example", re=[sent.letter.message_id]
                    )
                    take(answer, PASS, talk)
        if turn % 2:  # one in a hundred is overtaken by an answer to it
            for n in random.sample(range(len(waiting)), len(waiting) // 100):
                waiting.append(waiting.pop(n))
            settle(world, waiting)
    found = {o[0]: o for o in world.outcomes}
    assert len(found) == len(expected) > 2000
    owners = {world.keys[talk.root].ticket_id: talk for talk in talks}
    assert len(owners) == CONVERSATIONS
    placed = {n: world.placed[n] for n in expected}
    right = sum(owners.get(placed[n] or 0) is talk for n, talk in expected.items() if talk is not None)
    asked = sum(talk is not None for talk in expected.values())
    wrong = [n for n, talk in expected.items() if owners.get(placed[n] or 0) not in (None, talk)]
    assert not wrong, "a mail on somebody else's ticket"
    assert right >= 0.995 * asked
    assert all("STRANGER" not in world.public_words(number) for number in owners)


def settle(world: World, waiting: list[Mail]) -> None:
    for first in range(0, len(waiting), BATCH):
        world.settle(waiting[first : first + BATCH])
    waiting.clear()
