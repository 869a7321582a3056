"""What no sequence of mails, in any order of arrival, can do. Worlds in memory, mails made by hypothesis."""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import ip_network
from itertools import permutations
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from unit.routing.world import MONDAY, NO_LIMITS, PASS, World, desk, message

from mailgate.desk.merging import merge, of_company
from parsing.message import Address, ParsedMessage
from routing import tokens
from routing.mail import NO_EVIDENCE, Evidence, Mail
from routing.policy import Form, Limits, Person
from routing.ticket import Ticket

ANNA, BEN, SAM, TESS = "anna@acme.example", "ben@acme.example", "sam@desk.example", "tess@desk.example"
EVE, MALLORY = "eve@evil.example", "mallory@evil.example"
FORGED = Evidence("fail", "unknown", "dmarc=fail")
BAD = Evidence("fail", "reject", "dmarc=fail (policy reject)")
FEW = Limits((1, 600), (2, 600), None, (3, 600))
# CI has the same cases each time; MAILGATE_EXAMPLES=5000 (`make properties`) has so many new ones of each.
EXAMPLES = int(os.environ.get("MAILGATE_EXAMPLES", "0"))
quick = settings(max_examples=EXAMPLES or 150, derandomize=not EXAMPLES, deadline=None, database=None)


# --- (a) an attacker who holds no id and no token of the thread ---------------------------------------------------


@st.composite
def attacks(draw: st.DrawFn) -> tuple[ParsedMessage, Evidence]:
    """Any mail of somebody who has seen nothing of the tickets but their numbers, in anybody's name.

    Without Authentication-Results that pass for a name that is not his: no provider writes those.
    """
    name = draw(st.sampled_from([ANNA, BEN, SAM, TESS, EVE, MALLORY, "help@desk.example", ANNA.upper()]))
    proof = [NO_EVIDENCE, FORGED, BAD] + ([PASS] if name in (EVE, MALLORY) else [])
    guess = st.sampled_from([
        "guess@acme.example",
        "mga1.2.aaaaaa.aaaaaaaaaaaaaa@desk.example",
        tokens.message_id(tokens.Keys("a", {"a": b"another key"}), "answer", 1, 2, ANNA, "desk.example"),
        "evil1@evil.example",
        "evil2@evil.example",
    ])  # fmt: skip
    number = draw(st.integers(0, 6))
    return (
        message(
            draw(st.sampled_from([name, [name, EVE], [EVE, name]])) if not draw(st.booleans()) else name,
            draw(st.sampled_from(["EVIL words", "#send", "#note EVIL", "#send\nEVIL", "> #send\nEVIL", "#close EVIL"])),
            id=draw(st.none() | guess),
            re=draw(st.lists(guess, max_size=2)),
            subject="Re: Printer" + (f" {tokens.subject_token(f'INC-{1000 + number}')}" if number else ""),
            cc=draw(st.lists(st.sampled_from([ANNA, EVE, MALLORY]), max_size=2)),
            kind=draw(st.sampled_from(["human", "human", "auto_reply", "list", "calendar", "alert", "bounce"])),
            reply_certain=draw(st.booleans()),
        ),
        draw(st.sampled_from(proof)),
    )


def history(world: World) -> list[tuple[ParsedMessage, Evidence]]:
    """What Anna, Ben and the agents write, each mail made when its turn has come."""
    step = len([a for a in world.articles.values() if "SECRET" in a.text])
    if step == 0:
        return [(message(ANNA, "SECRET one", id="a1@acme.example", cc=[BEN]), NO_EVIDENCE)]
    own = next((t for t in world.tickets.values() if t.root_id == "a1@acme.example"), None)
    if own is None:
        return []
    notice = next(s for s in world.letters("notice", SAM) if s.letter.ticket_id == own.id).letter.message_id
    return [
        (message(SAM, "SECRET answer", id=f"s{step}@desk.example", re=[notice]), PASS),
        (message(SAM, "SECRET held", id=f"h{step}@desk.example", re=[notice]), NO_EVIDENCE),
        (message(ANNA, "SECRET more", id=f"a{step + 1}@acme.example", re=["a1@acme.example"]), NO_EVIDENCE),
        (message(BEN, "SECRET too", id=f"b{step}@acme.example", re=["a1@acme.example"]), PASS),
    ]


@quick
@given(st.lists(st.one_of(attacks(), st.integers(0, 3)), max_size=12), st.integers(1, 4))
def test_who_holds_no_id_of_the_thread_gets_nothing_in_and_nothing_out(
    steps: list[tuple[ParsedMessage, Evidence] | int], batch: int
) -> None:
    world = World(desk(limits=NO_LIMITS))
    waiting: list[Mail] = []
    for time, step in enumerate([0, *steps]):
        if isinstance(step, int):
            turns = history(world)
            if not turns:
                continue
            step = turns[step % len(turns)]
        waiting.append(world.take(step[0], evidence=step[1], at=60.0 * time))
        if len(waiting) >= batch or time == 0:
            world.settle(waiting)
            waiting = []
    world.settle(waiting)
    for article in world.articles.values():
        if article.visibility == "public" and "SECRET" in world.public_words(article.ticket_id):
            assert "EVIL" not in article.text, "a stranger's words in a partner's public thread"
    secret = [s for s in world.sent if b"SECRET" in s.letter.body]
    assert {s.letter.recipient for s in secret} <= {ANNA, BEN, SAM, TESS}, "a ticket's words to an outsider"
    evil = [s for s in world.sent if b"EVIL" in s.letter.body and not s.held and s.letter.recipient in (ANNA, BEN)]
    assert not evil, "an attacker's words to a partner"
    assert not any(c.used for c in world.confirmations.values()), "a command of nobody"
    theirs = next(t for t in world.tickets.values() if t.root_id == "a1@acme.example")
    assert set(theirs.participants) <= {ANNA, BEN}
    assert theirs.owner in (None, SAM) and theirs.requester == ANNA


GROUP, SHOP = "support@acme-group.example", "www@desk.example"
WAYS = ["mail", "form", "group", "forward", "report", "plus", "quarantine", "alarm", "question", "thread"]
BESIEGED = {
    "limits": NO_LIMITS,
    "forms": {SHOP: Form("website", (ip_network("192.0.2.7/32"),))},
    "front_lists": frozenset((GROUP,)),
}
TRICKS = st.tuples(
    st.sampled_from(WAYS),
    st.sampled_from([ANNA, BEN, "carl@acme.example", SAM, TESS, EVE]),
    st.sampled_from(["EVIL words", "#send", "#note EVIL", "#send\nEVIL", "#unassign\nEVIL", "Away until Monday. EVIL"]),
    st.sampled_from(["none", "fail", "reject", "pass"]),
    st.integers(0, 30),
)  # fmt: skip


def trick(world: World, way: str, name: str, text: str, evidence: str, number: int) -> Mail:
    """A mail of Eve's, who knows what came to her: letters about tickets of her own, whose ids she may use anywhere.

    Nobody's provider passes a name that is not hers, and what is about her own delivery says so.
    """
    hers = [s.letter.message_id for s in world.sent if s.letter.recipient == EVE] or ["guess@evil.example"]
    known = hers[number % len(hers)]
    said: dict[str, Any] = {"id": f"evil{number}@evil.example", "re": [known], "cc": [EVE, "mallory@evil.example"]}
    how: dict[str, Any] = {"mail_from": EVE}
    token = tokens.subject_token(f"INC-{1001 + number % 3}")
    said["subject"] = f"Re: Printer {token}" if number % 2 else "Printer"
    match way:
        case "form":
            said |= {"reply_to": (Address("", name),), "re": []}
            name, how["peer"] = SHOP, "192.0.2.7"
        case "group":
            said["headers"] = (("X-Original-From", name), ("List-Id", "<support.acme-group.example>"))
            name = GROUP
        case "forward":
            said |= {"subject": f"Fwd: Printer {token}", "forwarded_from": Address("", ANNA)}
        case "report":
            said |= {"kind": "bounce", "bounce_original_id": known, "bounce_recipients": (ANNA,)}
            said |= {"bounce_status": ("5.1.1",)}
        case "plus":
            how["rcpt"] = [f"help+{known.partition('@')[0]}@desk.example"]
        case "quarantine":
            how["released"], evidence = True, "reject"
        case "alarm" | "question" | "thread":
            event = {"alarm": "alarm", "question": "confirm", "thread": "notice"}[way]
            said["re"] = [tokens.message_id(tokens.Keys("a", {"a": b"another key"}), event, 1, 2, SAM, "desk.example")]
    seen = {"none": NO_EVIDENCE, "fail": FORGED, "reject": BAD, "pass": PASS if name == EVE else NO_EVIDENCE}[evidence]
    return world.take(message(name, text, **said), evidence=seen, at=60.0 * world.arrivals, **how)


def work(world: World, step: int) -> Mail | None:
    """What Anna and the agents do meanwhile; also a `#send` for each of Sam's own words, and a merge."""
    turns = history(world)
    own = next((t for t in world.tickets.values() if t.root_id == "a1@acme.example"), None)
    if own is not None and step == 4:
        waiting = [s for s in world.letters("confirm", SAM) if "SECRET" in s.told.words]
        turns = [(message(SAM, "#send", re=[s.letter.message_id]), NO_EVIDENCE) for s in waiting[-1:]]
    if own is not None and step == 5:
        held = message(SAM, "SECRET doubt", id=f"u{world.arrivals}@desk.example", re=[
            world.letters("notice", SAM)[0].letter.message_id], reply_certain=False)  # fmt: skip
        turns = [(held, PASS)]
    if own is not None and step == 6:
        again = f"z{world.arrivals}@acme.example"
        turns = [(message(ANNA, "SECRET again", id=again), PASS)]
    if own is not None and step == 7:
        for other in [t for t in world.tickets.values() if t.requester == ANNA and t.id != own.id]:
            if "SECRET" in world.public_words(other.id) and other.state_type not in ("merged", "removed"):
                number = 10_000 * (1 + world.arrivals) + 10 * other.id
                come = of_company(other, own, world.policy)
                time = MONDAY + 60.0 * world.arrivals
                for change in merge(other, own, number, SAM, time, world.policy, come).changes:
                    world.command(change)
                return None
    if not turns:
        return None
    read, evidence = turns[step % len(turns)]
    return world.take(read, evidence=evidence, at=60.0 * world.arrivals)


@quick
@given(st.lists(st.one_of(TRICKS, st.integers(0, 7)), max_size=14), st.booleans(), st.booleans())
def test_whoever_only_knows_conversations_of_his_own_gets_into_no_other(
    steps: list[tuple[str, str, str, str, int] | int], colleagues: bool, token: bool
) -> None:
    together = frozenset({"Acme"}) if colleagues else frozenset[str]()
    world = World(desk(**BESIEGED, colleagues=together, subject_token=token))
    world.settle([world.take(message(EVE, "EVIL hello", id="e1@evil.example"), evidence=PASS)])
    for step in [0, *steps]:
        taken = work(world, step) if isinstance(step, int) else trick(world, *step)
        if taken is not None:
            world.settle([taken])
    for article in world.articles.values():
        if article.visibility == "public" and "SECRET" in world.public_words(article.ticket_id):
            assert "EVIL" not in article.text, "a stranger's words in a partner's public thread"
    outside = [s for s in world.sent if s.letter.recipient not in (SAM, TESS) and not s.held]
    assert {s.letter.recipient for s in outside if b"SECRET" in s.letter.body} <= {ANNA, BEN}
    assert not [s for s in outside if b"EVIL" in s.letter.body], "an attacker's words to anybody outside"
    used = [world.articles[c.article_id].text for c in world.confirmations.values() if c.used]
    assert all("SECRET" in words for words in used), "a command of nobody"
    theirs = next(t for t in world.tickets.values() if t.root_id == "a1@acme.example")
    assert set(theirs.participants) <= {ANNA, BEN} and theirs.requester == ANNA
    assert theirs.owner in (None, SAM)
    assert not [m for m in world.marks if m.suppress and m.suppress != EVE], "an address is silenced by its own report"


# --- an attacker who was shown a mail of the thread, and for whom nobody vouches ------------------------------------

SHOWN = st.tuples(
    st.sampled_from([ANNA, BEN, SAM, TESS, EVE]),
    st.sampled_from(["EVIL words", "#send", "#note EVIL", "#unassign", "Away until Monday."]),
    st.sampled_from(["re", "id", "plus", "token"]),
    st.integers(0, 30),
)


@quick
@given(st.lists(st.one_of(SHOWN, st.integers(0, 6)), max_size=12), st.booleans(), st.sampled_from(["reopen", "link"]))
def test_whoever_was_shown_a_mail_and_is_not_verified_gets_no_words_that_are_written_afterwards(
    steps: list[tuple[str, str, str, int] | int], closed: bool, reply: Any
) -> None:
    policy = desk(limits=NO_LIMITS)
    queues = {n: replace(queue, closed_reply=reply) for n, queue in policy.queues.items()}
    world = World(replace(policy, queues=queues))
    for step in [0, 0, *steps]:
        if isinstance(step, int):
            taken = work(world, step)
        else:
            name, text, way, number = step
            shown = ["a1@acme.example", *(s.letter.message_id for s in world.sent if s.letter.event != "confirm")]
            known = shown[number % len(shown)]
            said: dict[str, Any] = {"re": [known]} if way == "re" else {"id": known} if way == "id" else {}
            said["subject"] = f"Re: Printer {tokens.subject_token('INC-1001') if way == 'token' else ''}"
            rcpt = [f"help+{known.partition('@')[0]}@desk.example"] if way == "plus" else None
            said.setdefault("id", f"evil{world.arrivals}@evil.example")
            evil = message(name, text, cc=[EVE, MALLORY], **said)
            taken = world.take(evil, at=60.0 * world.arrivals, rcpt=rcpt)
        if taken is not None:
            world.settle([taken])
        if closed and (own := world.tickets.get(1)) is not None and own.state_type == "open":
            world.tickets[1] = replace(own, state="closed", state_type="closed", closed=MONDAY)
    for ticket in world.tickets.values():
        if "SECRET" in world.public_words(ticket.id):
            assert not {EVE, MALLORY} & {*ticket.participants, ticket.requester}, "an outsider in the ticket"
    secret = [s for s in world.sent if b"SECRET" in s.letter.body]
    assert {s.letter.recipient for s in secret} <= {ANNA, BEN, SAM, TESS}, "words of the ticket to an outsider"


# --- (b) batches, (d) acknowledgements ----------------------------------------------------------------------------


@st.composite
def traffic(draw: st.DrawFn) -> list[tuple[ParsedMessage, Evidence, float]]:
    """A few people who write, answer, repeat and forge, with ids that meet one another's; times not in order."""
    mails = []
    ids = [f"m{n}@x" for n in range(5)]
    # ids of ours: of the first acknowledgements and notices, as they will be made
    world = World()
    ours = [
        world.id_of(*parts)
        for parts in [
            ("acknowledgement", 1, 3, ANNA),
            ("notice", 1, 2, SAM),
            ("notice", 2, 4, SAM),
            ("notice", 1, 0, ""),
        ]
    ]
    for _ in range(draw(st.integers(2, 10))):
        time = draw(st.sampled_from([0.0, 30.0, 90.0, 640.0, 1300.0]))
        if mails and draw(st.integers(0, 2)) == 0:
            mails.append((*draw(st.sampled_from(mails))[:2], time))
            continue
        name = draw(st.sampled_from([ANNA, BEN, SAM, EVE]))
        token = draw(st.sampled_from(["", "", tokens.subject_token("INC-1001"), tokens.subject_token("INC-1002")]))
        mails.append((
            message(
                name,
                draw(st.sampled_from(["words", "#note words", "#send", "other words"])),
                id=draw(st.none() | st.sampled_from(ids)),
                re=draw(st.lists(st.sampled_from([*ids, *ours]), max_size=3)),
                cc=draw(st.lists(st.sampled_from([ANNA, BEN, EVE]), max_size=1)),
                subject=f"Printer {token}".strip(),
                kind=draw(st.sampled_from(["human", "human", "human", "auto_reply", "list", "bounce"])),
                bounce_original_id=draw(st.none() | st.sampled_from(ours)),
            ),
            draw(st.sampled_from([NO_EVIDENCE, PASS, FORGED])),
            time,
        ))  # fmt: skip
    return mails


@quick
@given(traffic(), st.integers(2, 10))
def test_many_in_one_batch_are_decided_as_one_by_one(
    mails: list[tuple[ParsedMessage, Evidence, float]], size: int
) -> None:
    alone, together = World(desk(limits=FEW)), World(desk(limits=FEW))
    one_by_one = [alone.arrive(read, evidence=evidence, at=at) for read, evidence, at in mails]
    taken = [together.take(read, evidence=evidence, at=at) for read, evidence, at in mails]
    at_once = [d for first in range(0, len(taken), size) for d in together.settle(taken[first : first + size])]
    assert at_once == one_by_one
    assert together.state() == alone.state()


@quick
@given(traffic())
def test_every_mail_has_one_outcome_and_a_ticket_at_most_one_acknowledgement(
    mails: list[tuple[ParsedMessage, Evidence, float]],
) -> None:
    world = World()
    for read, evidence, at in mails:
        world.arrive(read, evidence=evidence, at=at)
    assert sorted(n for n, _ in world.outcomes) == list(range(1, len(mails) + 1))
    acknowledged = [s.letter.ticket_id for s in world.letters("acknowledgement")]
    assert len(acknowledged) == len(set(acknowledged))
    assert all(world.tickets[n].acknowledged for n in acknowledged if n is not None)
    for ticket in world.tickets.values():
        assert not any(world.policy.is_ours(p) for p in ticket.participants)


# --- (c) any order ------------------------------------------------------------------------------------------------


def conversation(people: list[str], parents: list[int]) -> list[ParsedMessage]:
    """Mail n answers mail `parents[n]` to all: everybody is on every mail, and References name all before it."""
    mails: list[ParsedMessage] = []
    for n, parent in enumerate(parents):
        author = people[n % len(people)]
        before = [] if n == 0 else [*mails[parent].references, f"m{parent}@acme.example"]
        others = [p for p in people if p != author]
        mails.append(message(author, f"words {n}", id=f"m{n}@acme.example", re=before, cc=others))
    return mails


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[ParsedMessage], list[int]]:
    size = draw(st.integers(2, 6))
    people = draw(st.sampled_from([[ANNA, BEN], [ANNA, BEN, "carl@acme.example"]]))
    mails = conversation(people, [0, *(draw(st.integers(0, n - 1)) for n in range(1, size))])
    return mails, draw(st.permutations(range(size)))


@quick
@given(conversations(), st.booleans())
def test_mails_of_one_conversation_end_on_one_ticket_in_any_order(
    case: tuple[list[ParsedMessage], list[int]], authenticated: bool
) -> None:
    mails, order = case
    world = World(desk(limits=NO_LIMITS))
    for time, n in enumerate(order):
        world.arrive(mails[n], evidence=PASS if authenticated else NO_EVIDENCE, at=10.0 * time)
    assert len(world.tickets) == 1
    ticket = next(iter(world.tickets.values()))
    assert {a.text for a in world.of(ticket.id) if a.direction == "in"} == {m.text for m in mails}
    assert ticket.requester == ANNA, "the author of the root mail, whichever came first"
    assert len(world.letters("acknowledgement")) == 1


REPLIES = st.tuples(
    st.integers(0, 3),  # which mail before it is answered
    st.integers(0, 3),  # by whom
    st.sampled_from(["all", "ends", "references", "parent"]),  # which ids the client names
    st.sets(st.integers(0, 3), max_size=3),  # who is in Cc
)
CONVERSATIONS = st.lists(REPLIES, min_size=1, max_size=4).flatmap(
    lambda replies: st.tuples(st.just(replies), st.permutations(range(len(replies) + 1)))
)
PEOPLE = [ANNA, BEN, "carl@acme.example", "dora@acme.example"]


def answers(replies: list[tuple[int, int, str, set[int]]], order: list[int]) -> list[ParsedMessage]:
    """Anna's first mail names everybody; each answer goes to the author of what it answers, and to some of the others.

    A client that names the parent alone has it, so it came before.
    """
    mails = [message(ANNA, "words 0", id="m0@acme.example", cc=PEOPLE[1:])]
    chains: list[list[str]] = [[]]
    for n, (answered, who, how, cc) in enumerate(replies, 1):
        parent, author = answered % n, PEOPLE[who]
        chain = [*chains[parent], f"m{parent}@acme.example"]
        ends = list(dict.fromkeys([chain[0], chain[-1]]))
        known = order.index(parent) < order.index(n)
        named: dict[str, object] = {"re": chain} if how == "all" else {"re": ends}
        if how == "references":
            named = {"references": tuple(chain)}
        elif how == "parent" and known:
            named = {"in_reply_to": tuple(chain[-1:])}
        before = mails[parent]
        to = [a.address for a in (before.to if before.from_[0].address == author else before.from_)]
        mails.append(
            message(
                author, f"words {n}", id=f"m{n}@acme.example", to=dict.fromkeys([*to, "help@desk.example"]),
                cc=[PEOPLE[c] for c in sorted(cc) if c != who], subject="Re: Printer", **named,
            )  # type: ignore[arg-type]
        )  # fmt: skip
        chains.append(chain)
    return mails


@example(
    ([(0, 0, "all", set()), (1, 2, "all", set()), (2, 0, "all", set()), (2, 1, "ends", set())], [4, 1, 3, 2, 0]), 1
)
@example(([(0, 2, "all", set()), (1, 1, "all", set())], [2, 0, 1]), 3)
@example(
    ([(0, 0, "all", set()), (0, 0, "all", set()), (2, 2, "parent", set()), (3, 1, "all", set())], [4, 2, 0, 3, 1]), 1
)
@quick
@given(
    CONVERSATIONS,
    st.integers(1, 5),
)
def test_answers_to_some_with_some_of_the_ids_end_on_one_ticket_in_any_order(
    case: tuple[list[tuple[int, int, str, set[int]]], list[int]], batch: int
) -> None:
    replies, order = case
    mails = answers(replies, order)
    world = World(desk(limits=NO_LIMITS))
    taken = [world.take(mails[n], evidence=PASS, at=10.0 * time) for time, n in enumerate(order)]
    for first in range(0, len(taken), batch):
        world.settle(taken[first : first + batch])
    (ticket,) = (t for t in world.tickets.values() if t.state_type != "merged")
    assert {a.text for a in world.of(ticket.id) if a.direction == "in"} == {m.text for m in mails}
    assert ticket.requester == ANNA, "the author of the root mail, whichever came first"
    acknowledged = [s.letter.ticket_id for s in world.letters("acknowledgement")]
    assert len(acknowledged) == len(set(acknowledged)), "each first mail at most once"
    notice = next(s for s in reversed(world.letters("notice", SAM)) if s.told.why in ("new", "reply", "linked"))
    world.arrive(message(SAM, "SAM", re=[*notice.references, notice.letter.message_id]), evidence=PASS, at=900.0)
    answered = {s.letter.recipient for s in world.letters("answer") if not s.held}
    assert ANNA in answered and answered <= set(PEOPLE)
    assert "SAM" in world.public_words(ticket.id)


@quick
@given(CONVERSATIONS, st.sets(st.integers(0, 4)), st.integers(1, 5))
def test_who_answers_from_a_second_address_is_in_the_conversation_in_any_order(
    case: tuple[list[tuple[int, int, str, set[int]]], list[int]], from_home: set[int], batch: int
) -> None:
    replies, order = case
    known = [Person(a, (a, a.replace("acme", "home"))) for a in PEOPLE]
    mails = [
        replace(mail, from_=(Address("", mail.from_[0].address.replace("acme", "home")),)) if n in from_home else mail
        for n, mail in enumerate(answers(replies, order))
    ]
    world = World(desk(limits=NO_LIMITS, people={a: person for person in known for a in person.addresses}))
    taken = [world.take(mails[n], evidence=PASS, at=10.0 * time) for time, n in enumerate(order)]
    for first in range(0, len(taken), batch):
        world.settle(taken[first : first + batch])
    (ticket,) = (t for t in world.tickets.values() if t.state_type != "merged")
    assert {a.text for a in world.of(ticket.id) if a.direction == "in"} == {m.text for m in mails}
    assert ticket.requester in known[0].addresses, "who wrote the root mail, by one address or the other"
    assert ticket.partner == "Acme"
    acknowledged = [s.letter.ticket_id for s in world.letters("acknowledgement")]
    assert len(acknowledged) == len(set(acknowledged)), "each first mail at most once"


def test_two_conversations_of_the_same_people_stay_apart_in_any_order() -> None:
    first = conversation([ANNA, BEN], [0, 0])
    second = [
        message(ANNA, "else", id="z0@acme.example", cc=[BEN]),
        message(BEN, "else too", id="z1@acme.example", cc=[ANNA], re=["z0@acme.example"]),
    ]
    for order in permutations([*first, *second]):
        world = World(desk(limits=NO_LIMITS))
        for time, mail in enumerate(order):
            world.arrive(mail, evidence=PASS, at=10.0 * time)
        threads = {frozenset(a.text for a in world.of(t) if a.direction == "in") for t in world.tickets}
        assert threads == {frozenset({"words 0", "words 1"}), frozenset({"else", "else too"})}


def test_who_answers_all_before_the_number_is_known_is_acknowledged_at_most_once() -> None:
    root = message(ANNA, id="r@acme.example", cc=[BEN])
    answer = message(BEN, id="b@acme.example", re=["r@acme.example"], cc=[ANNA])
    for order in ([root, answer], [answer, root]):
        world = World()
        for mail in order:
            world.arrive(mail, evidence=PASS)
        (ticket,) = world.tickets.values()
        assert (ticket.requester, ticket.partner) == (ANNA, "Acme")
        assert [s.letter.recipient for s in world.letters("acknowledgement")] == [order[0].from_[0].address]


def test_who_writes_twice_before_he_is_named_is_acknowledged_once_alone_and_in_a_batch() -> None:
    root = message(ANNA, id="r@acme.example")
    answers_ = [message(BEN, f"more {n}", id=f"b{n}@acme.example", re=["r@acme.example"]) for n in range(3)]
    for batch in (1, 4):
        world = World(desk(limits=NO_LIMITS))
        taken = [world.take(mail) for mail in (root, *answers_)]
        for first in range(0, 4, batch):
            world.settle(taken[first : first + batch])
        assert [s.letter.recipient for s in world.letters("acknowledgement")] == [ANNA, BEN]
        assert len(world.tickets) == 4, "and none of them is in Anna's"


def test_a_mail_of_agents_to_a_partner_is_theirs_also_when_his_answer_comes_first() -> None:
    root = message(SAM, "Shall we meet?", id="r@desk.example", to=[ANNA, "help@desk.example"])
    answer = message(ANNA, "Yes", id="a@acme.example", re=["r@desk.example"], to=[SAM, "help@desk.example"])
    found: list[Ticket] = []
    for order in ([root, answer], [answer, root]):
        world = World()
        for mail in order:
            world.arrive(mail, evidence=PASS)
        found += world.tickets.values()
        assert not world.letters("answer"), "the partner has the agent's mail already"
    assert [t.requester for t in found] == [SAM, SAM]
    assert {frozenset(t.participants) for t in found} == {frozenset({SAM, ANNA})}
