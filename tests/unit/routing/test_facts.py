"""What is asked before deciding, and what stands after each mail of a batch."""

from __future__ import annotations

from unit.routing.world import MONDAY, World, desk, message

from routing import tokens
from routing.decide import questions
from routing.facts import Effect, Facts, Seen, ThreadKey
from routing.policy import Limits

ANNA, BEN = "anna@acme.example", "ben@acme.example"


def test_a_placeholder_is_filled_and_stays_as_strong_as_it_was() -> None:
    facts = Facts(keys={"a": ThreadKey(1, None)})
    after = facts.after(Effect(keys=(("a", ThreadKey(1, 7, weak=True)),)))
    assert after.keys["a"] == ThreadKey(1, 7)


def test_an_id_keeps_the_article_and_the_ticket_that_it_has() -> None:
    facts = Facts(keys={"a": ThreadKey(1, 7), "b": ThreadKey(1, None)})
    after = facts.after(Effect(keys=(("a", ThreadKey(1, 8)), ("b", ThreadKey(2, 9)))))
    assert after.keys == facts.keys


def test_a_later_occurrence_takes_the_place_of_the_first() -> None:
    later = Seen(2, 2, 2, 4000.0)
    after = Facts(seen={"k": Seen(1, 1, 1, 0.0)}).after(Effect(seen=later, seen_as=("k",)))
    assert after.seen["k"] == later


def test_a_batch_counts_the_acknowledgements_that_each_mail_alone_would_count() -> None:
    policy = desk(limits=Limits(None, None, None, (1, 600)))
    decisions = []
    for together in (True, False):
        world = World(policy)
        world.arrive(message(ANNA, id="first"), at=30.0)
        mails = [world.take(message(BEN, "b", id="b"), at=0.0), world.take(message(BEN, "c", id="c"), at=90.0)]
        decisions.append(world.settle(mails) if together else [d for m in mails for d in world.settle([m])])
    assert decisions[0] == decisions[1]
    assert [d.acknowledge for d in decisions[0]] == [False, False], "two in a minute are in one window"


def test_questions_name_every_id_token_and_address() -> None:
    policy = desk()
    world = World(policy)
    signed = world.id_of("answer", 5, 2, ANNA)
    left = tokens.sign(policy.keys, "confirm", 6, 4, ANNA)
    read = message(
        ANNA.upper(),
        id="own@x",
        re=["r1@x", signed.upper()],
        subject=f"Re {tokens.subject_token('INC-1007')} [INC-1008-x]",
        bounce_original_id="bounced@x",
    )
    asked = questions([world.take(read, at=60.0, rcpt=[f"help+{left}@desk.example"])], policy)
    assert asked.message_ids >= {"own@x", "r1@x", signed, "bounced@x", f"{left}@desk.example"}
    assert asked.ticket_ids == {5, 6, 7}
    assert asked.addresses == {ANNA}
    assert len(asked.mail_keys) == 1 and not asked.content_keys
    assert asked.since <= MONDAY + 60 - 3600 and asked.until >= MONDAY + 60


def test_no_mails_ask_nothing() -> None:
    asked = questions([], desk())
    assert not (asked.message_ids or asked.ticket_ids or asked.mail_keys or asked.addresses or asked.counted)
