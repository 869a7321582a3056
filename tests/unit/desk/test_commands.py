"""What a person at a terminal does to a ticket, and what is refused with which words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.routing.world import MONDAY, World, message

from mailgate.desk import commands, watching
from mailgate.errors import CommandError
from routing.ticket import Ticket

ANNA, BEN, SAM, TESS = "anna@acme.example", "ben@acme.example", "sam@desk.example", "tess@desk.example"
NOW = MONDAY + 100


@pytest.fixture
def world() -> World:
    made = World()
    made.arrive(message(ANNA, "It burns", id="m1@acme.example", cc=[BEN], subject="Fire"))
    made.arrive(message(None, "???", id="m2@nobody.example", subject="Noise"))
    made.sent.clear()
    return made


def ticket(world: World, number: int = 1) -> Ticket:
    return world.tickets[number]


def told(world: World, event: str) -> list[str]:
    return [s.letter.recipient for s in world.sent if s.letter.event == event]


def test_new_opens_a_ticket_for_somebody_and_writes_only_to_staff(world: World) -> None:
    world.command(commands.new(50, 500, "Carl@acme.example", "Chair", None, "Wobbles", SAM, NOW, world.policy))
    opened = ticket(world, 50)
    assert (opened.number, opened.requester, opened.partner, opened.queue) == (
        "INC-1050", "carl@acme.example", "Acme", "Service Desk",
    )  # fmt: skip
    assert told(world, "notice") == [TESS], "not the one who did it"
    assert told(world, "acknowledgement") == []
    assert [a.text for a in world.of(50)] == ["Wobbles"]


@pytest.mark.parametrize(
    ("who", "queue", "said"),
    [
        ("carl", None, "--for: expected an address, found 'carl'"),
        (ANNA, "Cellar", "--queue: there is no queue 'Cellar'"),
    ],
)
def test_new_says_what_was_wrong(world: World, who: str, queue: str | None, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        commands.new(50, 500, who, "Chair", queue, "Wobbles", SAM, NOW, world.policy)


def test_reply_goes_to_the_requester_with_participants_in_cc_and_takes_the_ticket(world: World) -> None:
    world.command(commands.reply(ticket(world), 500, "Pour water", SAM, NOW, world.policy))
    assert told(world, "answer") == [ANNA, BEN]
    assert world.sent[0].told.in_reply_to == "m1@acme.example"
    assert (ticket(world).state_type, ticket(world).owner) == ("open", SAM)
    (article,) = [a for a in world.of(1) if a.direction == "out" and a.kind == "human"]
    assert (article.text, article.to, article.cc, article.trust) == ("Pour water", (ANNA,), (BEN,), None)


def test_reply_of_somebody_who_is_no_agent_opens_the_ticket_and_owns_nothing(world: World) -> None:
    world.command(commands.reply(ticket(world), 500, "Pour water", "root", NOW, world.policy))
    assert (ticket(world).state_type, ticket(world).owner) == ("open", None)


def test_reply_without_a_requester_is_refused(world: World) -> None:
    with pytest.raises(CommandError, match="INC-1002 has no requester"):
        commands.reply(ticket(world, 2), 500, "Hello?", SAM, NOW, world.policy)


def test_note_stays_inside(world: World) -> None:
    world.command(commands.note(ticket(world), 500, "Odd", SAM, NOW, world.policy))
    assert told(world, "notice") == [TESS] and told(world, "answer") == []
    assert [a.text for a in world.of(1, "internal")] == ["Odd"]


@pytest.mark.parametrize("who", ["tess@desk.example", "TESS@desk.example", "Tess", "tess"])
def test_assign_gives_it_to_an_agent_who_is_told(world: World, who: str) -> None:
    world.command(commands.assign(ticket(world), 500, who, SAM, NOW, world.policy))
    assert ticket(world).owner == TESS and told(world, "notice") == [TESS]
    assert world.sent[0].told.details == (("was", ""), ("became", TESS))


def test_assign_to_oneself_tells_nobody(world: World) -> None:
    world.command(commands.assign(ticket(world), 500, "s.miller@desk.example", SAM, NOW, world.policy))
    assert ticket(world).owner == SAM and not world.sent


def test_assign_says_whom_it_knows(world: World) -> None:
    with pytest.raises(CommandError, match="'anna' is not of the staff; known are sam@"):
        commands.assign(ticket(world), 500, "anna", SAM, NOW, world.policy)
    world.command(commands.assign(ticket(world), 500, "Sam", "root", NOW, world.policy))
    with pytest.raises(CommandError, match="INC-1001 is owned by"):
        commands.assign(ticket(world), 501, "Sam", "root", NOW, world.policy)


def test_unassigning_tells_the_owner_and_the_queue(world: World) -> None:
    with pytest.raises(CommandError, match="INC-1001 is owned by nobody already"):
        commands.unassign(ticket(world), 500, SAM, NOW, world.policy)
    world.command(commands.assign(ticket(world), 500, "Tess", "root", NOW, world.policy))
    world.command(commands.move(ticket(world), 501, "Hardware", "root", NOW, world.policy))
    world.sent.clear()
    world.command(commands.unassign(ticket(world), 502, SAM, NOW, world.policy))
    assert ticket(world).owner is None and told(world, "notice") == [TESS]
    assert world.sent[0].told.why == "unowned"


def test_closing_tells_the_requester_once(world: World) -> None:
    world.command(commands.close(ticket(world), 500, "New printer", SAM, NOW, world.policy))
    closed = ticket(world)
    assert (closed.state_type, closed.closed, closed.fields) == ("closed", NOW, {"resolution": "New printer"})
    assert told(world, "state") == [ANNA] and len(world.sent) == 1
    with pytest.raises(CommandError, match="closed already"):
        commands.close(closed, 501, None, SAM, NOW, world.policy)


def test_closing_a_ticket_of_nobody_leaves_a_note(world: World) -> None:
    world.command(commands.close(ticket(world, 2), 500, "Noise", SAM, NOW, world.policy))
    assert ticket(world, 2).state_type == "closed" and not world.sent
    assert [a.text for a in world.of(2, "internal")] == ["Noise"]


def test_reopening_tells_the_owner(world: World) -> None:
    world.command(commands.assign(ticket(world), 500, "Tess", SAM, NOW, world.policy))
    world.command(commands.close(ticket(world), 501, None, SAM, NOW, world.policy))
    world.sent.clear()
    world.command(commands.reopen(ticket(world), 502, SAM, NOW + 1, world.policy))
    assert (ticket(world).state_type, ticket(world).closed) == ("open", None)
    assert told(world, "notice") == [TESS] and told(world, "state") == []
    with pytest.raises(CommandError, match="INC-1001 is open, not closed"):
        commands.reopen(ticket(world), 503, SAM, NOW, world.policy)


def test_moving_tells_the_other_queues_members(world: World) -> None:
    world.command(commands.move(ticket(world), 500, "Hardware", SAM, NOW, world.policy))
    assert ticket(world).queue == "Hardware" and told(world, "notice") == [TESS]
    with pytest.raises(CommandError, match="in queue Hardware already"):
        commands.move(ticket(world), 501, "Hardware", SAM, NOW, world.policy)
    with pytest.raises(CommandError, match="there is no queue 'Cellar'"):
        commands.move(ticket(world), 501, "Cellar", SAM, NOW, world.policy)


@pytest.mark.parametrize("state", ["merged", "removed"])
def test_what_is_merged_or_removed_is_not_worked_on(world: World, state: str) -> None:
    gone = replace(ticket(world), state=state, state_type=state)  # type: ignore[arg-type]
    for act in (
        lambda: commands.reply(gone, 500, "x", SAM, NOW, world.policy),
        lambda: commands.close(gone, 500, None, SAM, NOW, world.policy),
        lambda: commands.assign(gone, 500, "Tess", SAM, NOW, world.policy),
        lambda: commands.move(gone, 500, "Hardware", SAM, NOW, world.policy),
    ):
        with pytest.raises(CommandError, match=f"INC-1001 is {state}"):
            act()


def test_invited_is_somebody_outside_and_gets_the_answers_from_then_on(world: World) -> None:
    world.command(watching.invite(ticket(world), "Dora@other.example", SAM, NOW, world.policy))
    assert ticket(world).participants[-1] == "dora@other.example"
    world.command(commands.reply(ticket(world), 500, "Sorted", SAM, NOW, world.policy))
    assert set(told(world, "answer")) == {ANNA, BEN, "dora@other.example"}


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("Dora", "expected an address"),
        (TESS, "is of the desk"),
        ("help+x@desk.example", "is of the desk"),
        (BEN, "takes part in INC-1001 already"),
    ],
)
def test_invited_is_nobody_who_takes_part_already(world: World, who: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        watching.invite(ticket(world), who, SAM, NOW, world.policy)
