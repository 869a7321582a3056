"""What a restore did not bring back: an id of that time leads nowhere, and the decision says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.routing.world import KEYS, World, desk, message

from routing import tokens
from routing.decision import Decision
from routing.tokens import Keys

ANNA, ERIC = "anna@acme.example", "eric@acme.example"
AFTER = Keys("b", {**KEYS.secrets, "b": b"the key of the time since then"}, {"a": 50}, ((50, 1300),))


def codes(decision: Decision) -> set[str]:
    return {reason.code for reason in decision.reasons}


@pytest.fixture
def world() -> World:
    """A desk after a restore, whose ticket 1 the backup had."""
    world = World(desk())
    world.arrive(message(ANNA, id="m1@acme.example"))
    world.policy = replace(world.policy, keys=AFTER)
    return world


def lost(ticket: int, event: str = "answer", recipient: str = ANNA) -> str:
    return tokens.message_id(KEYS, event, ticket, 7, recipient, "desk.example")


def test_answer_to_a_mail_of_the_lost_time_opens_a_ticket_and_says_why(world: World) -> None:
    decision = world.arrive(message(ANNA, re=[lost(51)]))
    assert decision.verb == "open"
    assert not decision.related
    assert "id_lost" in codes(decision)


def test_answer_to_a_mail_about_an_old_ticket_joins_it_whenever_that_was_written(world: World) -> None:
    decision = world.arrive(message(ANNA, re=[lost(1)]))
    assert (decision.verb, decision.ticket_id) == ("append", 1)
    assert "id_lost" not in codes(decision)


def test_plus_address_of_the_lost_time_leads_nowhere(world: World) -> None:
    address = f"help+{lost(51).partition('@')[0]}@desk.example"
    decision = world.arrive(message(ANNA, re=["x@acme.example"]), rcpt=[address])
    assert decision.verb == "open"
    assert "id_lost" in codes(decision)


@pytest.mark.parametrize(("number", "code"), [("INC-1051", "token_lost"), ("INC-2299", "token_lost"),
                                              ("INC-2300", "token_unknown")])  # fmt: skip
def test_number_of_the_lost_time_is_told_from_one_that_never_was(world: World, number: str, code: str) -> None:
    decision = world.arrive(message(ANNA, subject=f"Re: {tokens.subject_token(number)} Printer"))
    assert decision.verb == "open"
    assert codes(decision) & {"token_lost", "token_unknown"} == {code}


def test_own_id_in_the_chain_finds_the_ticket_that_was_opened_anew(world: World) -> None:
    """The first mail is read again from its folder, and has another number; then somebody answers the lost notice."""
    again = world.arrive(message(ERIC, id="m2@acme.example"))
    decision = world.arrive(message(ERIC, re=["m2@acme.example", lost(51, recipient=ERIC)]))
    assert (decision.verb, decision.ticket_id) == ("append", again.ticket_id)
    assert "id_lost" in codes(decision)


def test_mail_of_ours_from_the_lost_time_that_comes_back_is_still_ours(world: World) -> None:
    decision = world.arrive(
        message("help@desk.example", id=lost(51), headers=(("X-Mailgate-Event", "acknowledgement"),))
    )
    assert decision.verb == "record"


def test_report_about_a_mail_of_the_lost_time_fits_nothing(world: World) -> None:
    decision = world.arrive(message("mailer-daemon@acme.example", kind="bounce", bounce_original_id=lost(51)))
    assert decision.verb == "unmatched"
    assert "id_lost" in codes(decision)


# --- a desk that began anew in this place, and was replaced ---------------------------------------------------------

REPLACED = Keys("a", {"a": b"the key of the desk that began anew"})
BOTH = replace(AFTER, foreign=(("a", REPLACED.secrets["a"]),), doubted=((1, 4),))
AGENT = "agent@desk.example"


@pytest.fixture
def twice(world: World) -> World:
    """Ticket 1 of this desk; the other one gave that number out, too."""
    world.policy = replace(world.policy, keys=BOTH)
    return world


def strange(ticket: int, recipient: str = ANNA) -> str:
    return tokens.message_id(REPLACED, "answer", ticket, 7, recipient, "desk.example")


TOKEN = tokens.subject_token("INC-1001")


@pytest.mark.parametrize("sender", [ANNA, ERIC, AGENT])
@pytest.mark.parametrize("chain", [True, False])
def test_number_that_two_desks_gave_out_decides_for_nobody_alone(twice: World, sender: str, *, chain: bool) -> None:
    named = [strange(1, sender)] if chain else []
    decision = twice.arrive(message(sender, subject=f"Re: {TOKEN} Printer", re=named))
    assert (decision.verb, decision.related) == ("open", (1,))
    assert "thread_doubted_token" in codes(decision)
    assert ("id_lost" in codes(decision)) == chain


def test_id_of_the_replaced_desk_makes_any_number_beside_it_doubtful(twice: World) -> None:
    twice.policy = replace(twice.policy, keys=replace(BOTH, doubted=()))
    decision = twice.arrive(message(ANNA, subject=f"Re: {TOKEN} Printer", re=[strange(1)]))
    assert decision.verb == "open"


def test_sign_of_this_desk_leads_to_its_ticket_whatever_its_number(twice: World) -> None:
    decision = twice.arrive(message(ANNA, subject=f"Re: {TOKEN} Printer", re=[lost(1)]))
    assert (decision.verb, decision.ticket_id) == ("append", 1)


def test_number_that_only_this_desk_gave_out_counts(twice: World) -> None:
    twice.policy = replace(twice.policy, keys=replace(BOTH, doubted=((2, 4),)))
    decision = twice.arrive(message(ANNA, subject=f"Re: {TOKEN} Printer"))
    assert decision.ticket_id == 1
    assert "thread_doubted_token" not in codes(decision)
