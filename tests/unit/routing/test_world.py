"""The desk in memory, by which so much is proved, and the database decide alike and keep the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.routing.test_properties import CONVERSATIONS, FEW, answers, traffic
from unit.routing.world import NO_LIMITS, PASS, World, desk, message

from mailgate.desk.effects import effect
from mailgate.desk.overtaken import caught_up
from mailgate.desk.tickets import enact
from parsing.message import ParsedMessage
from routing import tokens
from routing.decide import decide, questions
from routing.decision import Decision
from routing.facts import ThreadKey
from routing.mail import Evidence, Mail
from storage import gather as reads
from storage import schema
from storage.batch import prepared
from storage.changes import write_changes
from storage.database import Database
from storage.tables import article, confirmation, journal, link, metadata, thread_key, ticket


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Database:
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('world') / 'mailgate.db'}")
    schema.create(made)
    return made


def claimed(db: Database, mails: Sequence[Mail]) -> None:
    """The rows of the journal that these mails were claimed from."""
    with db.write() as session:
        session.execute(
            journal.insert(),
            [
                {
                    "id": mail.claim.journal_id, "door": mail.envelope.door, "peer": "", "mail_from": "",
                    "rcpt_to": [], "received_at": mail.envelope.received_at, "size": mail.size,
                    "journaled_at": mail.envelope.journaled_at, "content_hash": mail.key, "acknowledged": True,
                    "state": "new", "due": 0.0, "attempt": 1, "verify_attempt": 0, "released": False,
                }
                for mail in mails
            ],
        )  # fmt: skip


def settle(db: Database, world: World, mails: Sequence[Mail]) -> list[Decision]:
    claimed(db, mails)
    with db.read() as session:
        facts = reads.gather(session, questions(mails, world.policy))
    decisions, changes = [], []
    for mail in mails:
        decision = decide(mail, facts, world.policy)
        change = world.compose(enact(mail, decision, facts, world.policy))
        facts = facts.after(effect(change))
        decisions.append(decision)
        changes.append(change)
        for more in map(world.compose, caught_up(mail, decision, facts, world.policy)):
            facts = facts.after(effect(more))
            changes.append(more)
    with db.write() as session:
        write_changes(session, prepared(changes, mails[-1].envelope.received_at))
    return decisions


@settings(max_examples=30, derandomize=True, deadline=None, database=None)
@given(traffic())
def test_the_database_keeps_what_the_world_in_memory_keeps(
    db: Database, mails: list[tuple[ParsedMessage, Evidence, float]]
) -> None:
    with db.write() as session:
        for table in reversed(metadata.sorted_tables):
            session.execute(table.delete())
    world = World(desk(limits=FEW))
    taken = [world.take(read, evidence=evidence, at=at) for read, evidence, at in mails]
    for first in range(0, len(taken), 3):
        batch = taken[first : first + 3]
        assert settle(db, world, batch) == world.settle(batch)
    with db.read() as session:
        found = reads.tickets(session, [row.id for row in session.execute(ticket.select())])
        keys = {
            r.message_id: ThreadKey(r.ticket_id, r.article_id, r.ours, r.weak)
            for r in session.execute(thread_key.select())
        }
        asked = {r.message_id: r.used is not None for r in session.execute(confirmation.select())}
        links = {frozenset((r.ticket_id, r.other_id)) for r in session.execute(link.select())}
        held = {r.mail_key: r.id for r in session.execute(journal.select()) if r.mail_key}
        kinds = [(r.id, r.outcome) for r in session.execute(journal.select().order_by(journal.c.id))]
    assert found == world.tickets
    assert keys == world.keys
    assert asked == {i: c.used for i, c in world.confirmations.items()}
    assert links == world.links
    assert held == {key: seen.journal_id for key, seen in world.seen.items()}
    assert kinds == sorted(world.outcomes)


@settings(max_examples=30, derandomize=True, deadline=None, database=None)
@given(CONVERSATIONS, st.integers(1, 5))
def test_the_database_joins_and_merges_as_the_world_in_memory_does(
    db: Database, case: tuple[list[tuple[int, int, str, set[int]]], list[int]], size: int
) -> None:
    with db.write() as session:
        for table in reversed(metadata.sorted_tables):
            session.execute(table.delete())
    mails = answers(*case)
    world = World(desk(limits=NO_LIMITS))
    taken = [world.take(mails[n], evidence=PASS, at=10.0 * time) for time, n in enumerate(case[1])]
    for first in range(0, len(taken), size):
        batch = taken[first : first + size]
        assert settle(db, world, batch) == world.settle(batch)
    with db.read() as session:
        found = reads.tickets(session, [row.id for row in session.execute(ticket.select())])
        keys = {
            r.message_id: ThreadKey(r.ticket_id, r.article_id, r.ours, r.weak)
            for r in session.execute(thread_key.select())
        }
    assert found == world.tickets
    assert keys == world.keys


def test_the_questions_that_an_agent_was_asked_are_counted_by_the_database_too(db: Database) -> None:
    with db.write() as session:
        for table in reversed(metadata.sorted_tables):
            session.execute(table.delete())
    world = World()
    first = [world.take(message("anna@acme.example", id="m@acme.example"))]
    more = [
        world.take(message("sam@desk.example", id=f"s{n}@x", subject=tokens.subject_token("INC-1001")), at=60.0 * n)
        for n in range(1, 8)
    ]
    verbs = []
    for mail in [*first, *more]:
        decisions = settle(db, world, [mail])
        assert decisions == world.settle([mail])
        verbs.append(decisions[0].verb)
    assert verbs == ["open", *["hold"] * 5, *["note"] * 2]


@pytest.mark.parametrize("batch", [1, 4])
def test_an_overtaken_mail_merges_in_the_database_too(db: Database, batch: int) -> None:
    with db.write() as session:
        for table in reversed(metadata.sorted_tables):
            session.execute(table.delete())
    world = World()
    anna, ben = "anna@acme.example", "ben@acme.example"
    mails = [
        world.take(read, at=60.0 * n)
        for n, read in enumerate(
            [
                message(anna, id="m1@acme.example", cc=[ben]),
                message(ben, id="m3@acme.example", in_reply_to=("m2@acme.example",)),
                message(anna, id="m2@acme.example", re=["m1@acme.example"]),
                message(ben, id="m4@acme.example", in_reply_to=("m2@acme.example",)),
            ]
        )
    ]
    for first in range(0, len(mails), batch):
        assert settle(db, world, mails[first : first + batch]) == world.settle(mails[first : first + batch])
    with db.read() as session:
        found = reads.tickets(session, [1, 2])
        places = {row.message_id: row.ticket_id for row in session.execute(thread_key.select())}
        articles = [row.ticket_id for row in session.execute(article.select())]
    assert found == world.tickets and found[2].merged_into == 1
    assert places == {f"m{n}@acme.example": 1 for n in (1, 2, 3, 4)}
    assert set(articles) == {1}
