"""Whom a mail brings into a conversation that has begun, and whom not: Eve, who has been shown a mail of it, writes in
Anna's name and puts herself into Cc."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.routing.world import NO_LIMITS, PASS, World, desk, message

from routing.policy import DEGREES, Person, Policy, Staff

ANNA, BEN, CARL, SAM = "anna@acme.example", "ben@acme.example", "carl@acme.example", "sam@desk.example"
DORA, DAVE, EVE = "dora@other.example", "dave@other.example", "eve@evil.example"
GINA, GUY = "gina@gmail.com", "guy@gmail.com"


def begun(requester: str = ANNA, policy: Policy | None = None) -> World:
    world = World(policy or desk(limits=NO_LIMITS))
    world.arrive(message(requester, "SECRET", id="a1"))
    return world


def cc(world: World, sender: str, *people: str, **how: object) -> None:
    world.arrive(message(sender, "Please add them.", id="a2", re=["a1"], cc=people), **how)


def read_by(world: World) -> set[str]:
    """Who gets what staff answer."""
    notice = next(s for s in reversed(world.letters("notice", SAM)) if s.told.why != "merged").letter.message_id
    world.arrive(message(SAM, "SECRET answer", id="s1", re=[notice]), evidence=PASS)
    return {s.letter.recipient for s in world.letters("answer") if not s.held}


def test_a_stranger_in_cc_of_an_unverified_mail_gets_no_answers_and_staff_are_told() -> None:
    world = begun()
    cc(world, ANNA, EVE)
    assert read_by(world) == {ANNA}
    told = [s for s in world.letters("notice", SAM) if s.told.why == "reply"]
    assert [dict(s.told.details).get("kept_out") for s in told] == [EVE]
    assert world.arrive(message(EVE, "Me too", id="e1", re=["a1"])).verb == "open", "she is not in it"


def test_a_stranger_in_cc_of_a_verified_mail_gets_the_answers() -> None:
    world = begun()
    cc(world, ANNA, EVE, evidence=PASS)
    assert read_by(world) == {ANNA, EVE}
    assert not any(dict(s.told.details).get("kept_out") for s in world.sent)


def test_a_colleague_in_cc_of_an_unverified_mail_gets_the_answers() -> None:
    world = begun()
    cc(world, ANNA, BEN)
    assert read_by(world) == {ANNA, BEN}


@pytest.mark.parametrize(
    ("requester", "named", "readers"),
    [
        (DORA, DAVE, {DORA, DAVE}),  # of one house, though of no partner
        (GINA, GUY, {GINA}),  # where anybody can have an address
        ("gina@yahoo.it", "guy@yahoo.it", {"gina@yahoo.it"}),
        (DORA, ANNA, {DORA}),
        (ANNA, DORA, {ANNA}),
    ],
)
def test_of_one_house_is_who_shares_its_domain_but_for_public_mail_houses(
    requester: str, named: str, readers: set[str]
) -> None:
    world = begun(requester)
    cc(world, requester, named)
    assert read_by(world) == readers


def test_whom_the_first_mail_names_are_in_it_from_the_start() -> None:
    world = World(desk(limits=NO_LIMITS))
    world.arrive(message(ANNA, "SECRET", id="a1", cc=[DORA]))
    cc(world, DORA, ANNA)
    assert read_by(world) == {ANNA, DORA}


def test_an_agent_who_answers_lets_in_whom_he_names() -> None:
    world = begun()
    cc(world, ANNA, EVE)
    notice = world.letters("notice", SAM)[-1].letter.message_id
    world.arrive(message(SAM, "Both of you", id="s0", re=[notice], cc=[EVE]), evidence=PASS)
    assert read_by(world) == {ANNA, EVE}


def test_an_unverified_mail_of_the_root_author_lets_no_stranger_in() -> None:
    world = World(desk(limits=NO_LIMITS))
    world.arrive(message(BEN, "SECRET too", id="b1", re=["root"], cc=[ANNA]))
    world.arrive(message(ANNA, "words", id="root", cc=[EVE]))
    (ticket,) = world.tickets.values()
    assert (ticket.requester, set(ticket.participants)) == (ANNA, {ANNA, BEN})


def test_who_was_turned_away_is_not_merged_in_by_an_unverified_mail_that_names_him() -> None:
    for verified in (False, True):
        world = begun()
        world.arrive(message(EVE, "Hello", id="e1", re=["a1"]))
        cc(world, ANNA, EVE, **({"evidence": PASS} if verified else {}))
        assert (EVE in world.tickets[1].participants) is verified
        assert (world.tickets[2].state == "merged") is verified


def bridged(first: str, words: str, second: dict[str, object], third: dict[str, object], **how: Any) -> World:
    """Anna's ticket, a ticket of its own with Eve in Cc, and the mail of Anna's that merges the two."""
    world = begun()
    world.arrive(message(first, words, cc=[EVE, BEN], **second), **how.get("aside", {}))
    world.arrive(message(ANNA, "It belongs here", **third), **how.get("bridge", {}))
    assert world.tickets[2].merged_into == 1
    return world


OVERTAKES = (ANNA, "Answer first", {"id": "x2", "re": ["y1"]}, {"id": "y1", "re": ["a1"]})
BESIDE = (BEN, "Me, too", {"id": "b1", "re": ["a1"]}, {"id": "a2", "re": ["a1"], "cc": [BEN]})


@pytest.mark.parametrize("way", [OVERTAKES, BESIDE])
@pytest.mark.parametrize("bridge", [{}, {"evidence": PASS}])
def test_an_unverified_mail_lets_no_stranger_in_by_a_ticket_that_is_merged(way: Any, bridge: dict[str, Any]) -> None:
    world = bridged(*way, bridge=bridge)
    told = [dict(s.told.details) for s in world.letters("notice", SAM) if s.told.why == "merged"]
    assert [details.get("kept_out") for details in told] == [EVE]
    assert read_by(world) == {ANNA, BEN}


@pytest.mark.parametrize("way", [OVERTAKES, BESIDE])
@pytest.mark.parametrize("bridge", [{}, {"evidence": PASS}])
def test_whom_a_verified_mail_brought_comes_along_when_its_ticket_is_merged(way: Any, bridge: dict[str, Any]) -> None:
    world = bridged(*way, aside={"evidence": PASS}, bridge=bridge)
    assert not any(dict(s.told.details).get("kept_out") for s in world.sent)
    assert read_by(world) == {ANNA, BEN, EVE}


def test_a_ticket_that_goes_on_with_a_closed_one_lets_no_stranger_in_either() -> None:
    policy = desk(limits=NO_LIMITS)
    queues = {n: replace(q, closed_reply="link") for n, q in policy.queues.items()}
    world = begun(policy=replace(policy, queues=queues))
    world.tickets[1] = replace(world.tickets[1], state="closed", state_type="closed", closed=0.0)
    cc(world, ANNA, EVE, BEN)
    assert set(world.tickets[2].participants) == {ANNA, BEN}


@pytest.mark.parametrize("where", ["desk", "queue", "partner"])
def test_a_desk_may_let_unverified_mail_invite(where: str) -> None:
    line = {"known_thread": ("open", "join", "see", "invite")}
    said: dict[str, object] = {
        "desk": {"degrees": {**DEGREES, **line}},
        "queue": {"queue_degrees": {"Service Desk": line}},
        "partner": {"partner_degrees": {"Acme": line}},
    }[where]
    world = begun(policy=desk(limits=NO_LIMITS, **said))
    cc(world, ANNA, EVE)
    assert read_by(world) == {ANNA, EVE}


def test_an_agent_who_may_answer_unverified_lets_no_stranger_in() -> None:
    line = {**DEGREES, "known_thread": ("open", "join", "see", "reply")}
    world = begun(policy=desk(limits=NO_LIMITS, degrees=line))
    notice = world.letters("notice", SAM)[-1].letter.message_id
    world.arrive(message(SAM, "In Sam's name", id="s0", re=[notice], cc=[EVE, BEN]))
    assert set(world.tickets[1].participants) == {ANNA, BEN}


def test_a_member_of_staff_with_a_mailbox_at_a_partner_is_no_person_of_it() -> None:
    sam = Staff("Sam", (SAM, "sam@acme.example"))
    policy = desk(staff=dict.fromkeys(sam.addresses, sam))
    assert (policy.partner(SAM), policy.partner("sam@acme.example")) == (None, "Acme")


def test_a_person_who_writes_from_another_address_gets_the_answers_there_too() -> None:
    anna = Person("Anna", (ANNA, GINA))
    world = begun(policy=desk(limits=NO_LIMITS, people=dict.fromkeys(anna.addresses, anna)))
    world.arrive(message(GINA, "My mail at work is down.", id="a2", re=["a1"]))
    assert read_by(world) == {ANNA, GINA}


def test_an_unverified_mail_brings_in_the_other_address_of_who_is_in_it_and_no_other() -> None:
    anna = Person("Anna", (ANNA, GINA))
    world = begun(policy=desk(limits=NO_LIMITS, people=dict.fromkeys(anna.addresses, anna)))
    cc(world, ANNA, GINA, GUY)
    assert read_by(world) == {ANNA, GINA}
