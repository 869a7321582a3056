"""An answer that overtakes the mail it answers, and names no other: two tickets that become one, or stay linked."""

from __future__ import annotations

from itertools import permutations

import pytest
from unit.routing.world import MONDAY, NO_EVIDENCE, NO_LIMITS, PASS, World, desk, message

from mailgate.desk import commands
from parsing.message import ParsedMessage
from routing import tokens
from routing.mail import Evidence

ANNA, BEN, CARL, EVE = "anna@acme.example", "ben@acme.example", "carl@acme.example", "eve@evil.example"
SAM, TESS = "sam@desk.example", "tess@desk.example"
FAILED = Evidence("fail", "unknown", "dmarc=fail")

FIRST = message(ANNA, "It burns", id="m1@acme.example", cc=[BEN])
PARENT = message(ANNA, "More smoke", id="m2@acme.example", re=["m1@acme.example"], cc=[BEN])
ANSWER = message(BEN, "Here, too", id="m3@acme.example", cc=[ANNA], in_reply_to=("m2@acme.example",))


def world(**changes: object) -> World:
    return World(desk(limits=NO_LIMITS, **changes))


def arrive(there: World, *mails: ParsedMessage, batch: bool = False, evidence: Evidence = NO_EVIDENCE) -> None:
    taken = [there.take(read, at=60.0 * n, evidence=evidence) for n, read in enumerate(mails)]
    for group in [taken] if batch else [[mail] for mail in taken]:
        there.settle(group)


def threads(there: World) -> set[frozenset[str]]:
    live = [t for t in there.tickets.values() if t.state_type != "merged"]
    return {frozenset(a.text for a in there.of(t.id) if a.direction == "in") for t in live}


@pytest.mark.parametrize("evidence", [NO_EVIDENCE, PASS])
def test_they_are_one_ticket_in_any_order_of_arrival(evidence: Evidence) -> None:
    for order in permutations([FIRST, PARENT, ANSWER]):
        there = world()
        arrive(there, *order, evidence=evidence)
        assert threads(there) == {frozenset({"It burns", "More smoke", "Here, too"})}
        (live,) = (t for t in there.tickets.values() if t.state_type != "merged")
        assert set(live.participants) == {ANNA, BEN}
        assert live.requester == ANNA


def test_in_one_batch_it_is_the_same_as_one_by_one() -> None:
    later = message(ANNA, "Out now", id="m4@acme.example", in_reply_to=("m3@acme.example",))
    again = message(BEN, "Good", id="m5@acme.example", in_reply_to=("m2@acme.example",))
    alone, together = world(), world()
    arrive(alone, FIRST, ANSWER, PARENT, later, again)
    arrive(together, FIRST, ANSWER, PARENT, later, again, batch=True)
    assert together.state() == alone.state()
    assert len(threads(alone)) == 1


def test_staff_are_told_and_later_mails_follow() -> None:
    there = world()
    arrive(there, FIRST, ANSWER, PARENT)
    assert there.tickets[2].merged_into == 1
    told = [(s.letter.recipient, s.told.details) for s in there.letters("notice") if s.told.why == "merged"]
    assert told == [(who, (("was", "INC-1002"), ("became", "INC-1001"))) for who in (SAM, TESS)]
    acknowledged = there.letters("acknowledgement", BEN)[0].letter.message_id
    there.arrive(message(BEN, "Well?", id="m4@acme.example", re=[acknowledged]), at=300.0)
    assert "Well?" in there.public_words(1)


@pytest.mark.parametrize(
    ("answer", "evidence"),
    [
        (message(EVE, "EVIL", id="e@evil.example", in_reply_to=("m2@acme.example",)), PASS),
        (message(CARL, "EVIL", id="e@evil.example", in_reply_to=("m2@acme.example",)), NO_EVIDENCE),
        (message(BEN, "EVIL", id="e@evil.example", in_reply_to=("m2@acme.example",)), FAILED),
    ],
)
def test_whoever_could_not_have_joined_stays_outside(answer: ParsedMessage, evidence: Evidence) -> None:
    there = world()
    arrive(there, FIRST)
    arrive(there, answer, evidence=evidence)
    arrive(there, PARENT)
    assert threads(there) == {frozenset({"It burns", "More smoke"}), frozenset({"EVIL"})}
    assert set(there.tickets[1].participants) == {ANNA, BEN}


def test_a_strangers_answer_is_linked_and_staff_are_told_why() -> None:
    there = world()
    arrive(there, FIRST, message(EVE, "EVIL", id="e@evil.example", in_reply_to=("m2@acme.example",)), PARENT)
    assert frozenset({1, 2}) in there.links
    (told, _) = [s.told for s in there.letters("notice") if s.told.why == "apart"]
    assert dict(told.details) == {"linked": "INC-1001", "because": "apart_people"}
    assert "EVIL" not in there.public_words(1)


def test_a_colleague_joins_where_his_partner_lets_him() -> None:
    there = world(colleagues=frozenset({"Acme"}))
    answer = message(CARL, "Here, too", id="c@acme.example", in_reply_to=("m2@acme.example",))
    arrive(there, FIRST, answer, PARENT)
    assert len(threads(there)) == 1


def test_a_ticket_that_staff_work_on_stays_and_is_linked() -> None:
    there = world()
    arrive(there, FIRST, ANSWER)
    there.command(commands.assign(there.tickets[2], 500, "Sam", "root", 1_700_000_100.0, there.policy))
    there.command(commands.reply(there.tickets[2], 501, "Wait.", SAM, 1_700_000_100.0, there.policy))
    before = len(there.sent)
    there.arrive(PARENT, at=300.0)
    assert len(threads(there)) == 2 and frozenset({1, 2}) in there.links
    told = [s for s in there.sent[before:] if s.told.why == "apart"]
    assert [(s.letter.recipient, dict(s.told.details)["because"]) for s in told] == [(SAM, "apart_work")]


def test_a_conversation_that_only_names_the_mail_is_left_alone() -> None:
    there = world()
    other = message(BEN, "Else", id="o1@acme.example", re=["o0@acme.example", "m2@acme.example"])
    arrive(there, FIRST, other, PARENT)
    assert threads(there) == {frozenset({"It burns", "More smoke"}), frozenset({"Else"})}
    assert not [s for s in there.letters("notice") if s.told.why in ("apart", "merged")]


DORA = "dora@acme.example"
ROOT = message(ANNA, "Root", id="r@acme.example", cc=[CARL, DORA])
BY_CARL = message(CARL, "Carl", id="c@acme.example", re=["r@acme.example"], to=[ANNA, "help@desk.example"])
BY_DORA = message(DORA, "Dora", id="d@acme.example", re=["r@acme.example"], to=[ANNA, "help@desk.example"], cc=[CARL])


@pytest.mark.parametrize("batch", [True, False])
def test_who_answered_before_the_mail_that_names_him_came_is_in_its_ticket(batch: bool) -> None:
    for order in permutations([ROOT, BY_CARL, BY_DORA]):
        there = world()
        arrive(there, *order, evidence=PASS, batch=batch)
        assert threads(there) == {frozenset({"Root", "Carl", "Dora"})}
        (live,) = (t for t in there.tickets.values() if t.state_type != "merged")
        assert live.requester == ANNA
        assert {CARL, DORA} <= set(live.participants)
        assert len([s for s in there.letters("acknowledgement") if s.letter.recipient == DORA]) <= 1


def test_several_who_answered_too_early_are_let_in_at_once_and_staff_have_one_notice() -> None:
    eds = message("ed@acme.example", "Ed", id="e@acme.example", re=["r@acme.example"])
    root = message(ANNA, "Root", id="r@acme.example", cc=[CARL, DORA, "ed@acme.example"])
    there = world()
    arrive(there, BY_CARL, BY_DORA, eds, root, evidence=PASS)
    assert threads(there) == {frozenset({"Root", "Carl", "Dora", "Ed"})}
    merged = [s for s in there.letters("notice", SAM) if s.told.why == "merged"]
    assert [dict(s.told.details)["was"] for s in merged] == ["INC-1002, INC-1003"]


def test_a_mail_that_names_somebody_else_lets_nobody_in() -> None:
    there = world()
    arrive(there, BY_CARL, BY_DORA, message(ANNA, "Root", id="r@acme.example", cc=[CARL]), evidence=PASS)
    assert len(threads(there)) == 2


def test_a_ticket_that_only_a_number_led_to_stays_beside_it() -> None:
    token = tokens.subject_token("INC-1001")
    there = world()
    arrive(there, BY_CARL, message(DORA, "Dora", id="d@acme.example", subject=f"Question {token}"), ROOT)
    assert len(threads(there)) == 2


def test_a_ticket_that_is_worked_on_stays_beside_it() -> None:
    there = world()
    arrive(there, BY_CARL, BY_DORA, evidence=PASS)
    there.command(commands.reply(there.tickets[2], 900, "Yes?", SAM, MONDAY + 150, there.policy))
    there.arrive(ROOT, at=200.0, evidence=PASS)
    assert len(threads(there)) == 2


def test_the_first_mail_takes_in_the_answer_that_left_its_author_out() -> None:
    answer = message(DORA, "Dora", id="d@acme.example", re=["r@acme.example", "c@acme.example"], to=[CARL])
    for order in permutations([ROOT, BY_CARL, answer]):
        there = world()
        arrive(there, *order, evidence=PASS)
        assert threads(there) == {frozenset({"Root", "Carl", "Dora"})}
        (live,) = (t for t in there.tickets.values() if t.state_type != "merged")
        assert live.requester == ANNA


@pytest.mark.parametrize(
    ("root", "evidence"),
    [
        (message(EVE, "EVIL", id="r@acme.example", cc=[DORA]), PASS),
        (message(ANNA, "EVIL", id="r@acme.example", cc=[DORA]), NO_EVIDENCE),
        (message("dave@acme.example", "Dave", id="r@acme.example"), PASS),
    ],
)
def test_a_first_mail_of_strangers_takes_nothing_in(root: ParsedMessage, evidence: Evidence) -> None:
    there = world()
    there.arrive(message(DORA, "Dora", id="d@acme.example", re=["r@acme.example"]), evidence=PASS)
    there.arrive(root, evidence=evidence, at=60.0)
    assert len(threads(there)) == 2
