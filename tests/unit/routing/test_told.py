"""Who is told that a `#send` did nothing, and that a member's notices do not arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from unit.routing.world import PASS, Sent, World, desk, message

from routing.decision import Decision
from routing.policy import Queue, Staff

ANNA, SAM, TESS = "anna@acme.example", "sam@desk.example", "tess@desk.example"
DAY = 86400.0


@pytest.fixture
def world() -> World:
    made = World()
    made.arrive(message(ANNA, id="a1"))
    return made


def told(world: World, event: str, why: str) -> list[Sent]:
    return [s for s in world.letters(event) if s.told.why == why]


def held(world: World) -> str:
    notice = world.letters("notice", SAM)[0].letter.message_id
    world.arrive(message(SAM, "Try again.", id="s1", re=[notice], reply_certain=False), evidence=PASS)
    return world.letters("preview", SAM)[0].letter.message_id


def send(world: World, asked: str, number: int, at: float = 0.0) -> Decision:
    return world.arrive(message(SAM, "#send", id=f"send{number}", re=[asked]), evidence=PASS, at=at)


def test_second_send_is_answered_and_nothing_goes_out_twice(world: World) -> None:
    asked = held(world)
    send(world, asked, 1)
    assert not told(world, "preview", "used")
    send(world, asked, 2)
    (letter,) = told(world, "preview", "used")
    assert letter.letter.recipient == SAM
    assert len(world.letters("answer", ANNA)) == 1


def test_send_that_comes_too_late_is_answered(world: World) -> None:
    send(world, held(world), 1, at=8 * DAY)
    (letter,) = told(world, "preview", "expired")
    assert letter.letter.recipient == SAM
    assert [s.held for s in world.letters("answer", ANNA)] == [True]


def test_sends_without_end_are_not_answered_without_end(world: World) -> None:
    asked = held(world)
    for number in range(20):
        send(world, asked, number, at=float(number))
    assert len(told(world, "preview", "used")) < 6


def test_what_is_answered_to_such_a_letter_stays_inside(world: World) -> None:
    asked = held(world)
    send(world, asked, 1)
    send(world, asked, 2)
    used = told(world, "preview", "used")[0].letter.message_id
    decision = world.arrive(message(SAM, "Oh, I see.", id="s2", re=[used]), evidence=PASS)
    assert (decision.verb, decision.visibility) == ("note", "internal")


def bounced(world: World, letter: Sent, number: int, at: float = 0.0) -> None:
    report = message(
        "mailer-daemon@desk.example", id=f"report{number}", kind="bounce", bounce_original_id=letter.letter.message_id,
        bounce_recipients=(letter.letter.recipient,), bounce_status=("5.1.1",),
    )  # fmt: skip
    world.arrive(report, mail_from="", at=at)


def recipients(letters: Sequence[Sent]) -> list[str]:
    return [s.letter.recipient for s in letters]


def test_others_of_the_queue_are_told_once_a_day_that_notices_do_not_reach_a_member(world: World) -> None:
    world.arrive(message(ANNA, id="a2", subject="Second"))
    first, second = world.letters("notice", SAM)
    bounced(world, first, 1)
    assert recipients(told(world, "notice", "bounced")) == [TESS]
    bounced(world, second, 2, at=60.0)
    assert len(told(world, "notice", "bounced")) == 1
    world.arrive(message(ANNA, id="a3", subject="Third"), at=2 * DAY)
    bounced(world, world.letters("notice", SAM)[-1], 3, at=2 * DAY)
    assert recipients(told(world, "notice", "bounced")) == [TESS, TESS]


def test_administrators_are_told_where_the_queue_has_no_other_member() -> None:
    policy = desk(queues={"Service Desk": Queue("Service Desk", "help@desk.example", (SAM,), "en")})
    tess = Staff("Tess", (TESS,), ("agent", "admin"))
    for staff, whom in (({**policy.staff, TESS: tess}, [TESS]), ({SAM: policy.staff[SAM]}, [])):
        world = World(replace(policy, staff=staff))
        world.arrive(message(ANNA, id="a1"))
        bounced(world, world.letters("notice", SAM)[0], 1)
        assert recipients(told(world, "notice", "bounced")) == whom
        assert world.outcomes[-1][1] == "record"


# --- the token of a question, which its answer shows to whoever is in Cc ------------------------------------------


def asked_by_mail(world: World) -> str:
    notice = world.letters("notice", SAM)[0].letter.message_id
    world.arrive(message(SAM, "Words in Sam's name", id="s1", re=[notice]))
    return world.letters("confirm", SAM)[0].letter.message_id


def sent_on(world: World) -> list[str]:
    return [s.letter.recipient for s in world.letters("answer") if not s.held]


@pytest.mark.parametrize("words", ["This is not mine.", "#send"])
@pytest.mark.parametrize("sender", [SAM, TESS, ANNA, "eve@evil.example"])
def test_whoever_reads_the_token_in_the_answer_to_a_question_can_do_nothing_with_it(
    world: World, words: str, sender: str
) -> None:
    asked = asked_by_mail(world)
    world.arrive(message(SAM, words, id="s2", re=[asked], cc=["eve@evil.example"]), evidence=PASS)
    before = sent_on(world)
    for number, named in enumerate(({"re": [asked]}, {"in_reply_to": (asked,)}, {"references": (asked,)})):
        world.arrive(message(sender, "#send", id=f"e{number}", **named))
    rcpt = [f"help+{asked.partition('@')[0]}@desk.example"]
    world.arrive(message(sender, "#send", id="e9"), rcpt=rcpt)
    assert sent_on(world) == before == ([ANNA] if words == "#send" else [])


@pytest.mark.parametrize(("named", "letters"), [([TESS], 1), ([], 0)])
def test_the_author_is_told_at_once_that_his_answer_ended_the_question(
    world: World, named: list[str], letters: int
) -> None:
    asked = asked_by_mail(world)
    world.arrive(message(SAM, "Better words", id="s2", re=[asked], cc=named), evidence=PASS)
    assert recipients(told(world, "preview", "ended")) == [SAM] * letters
    assert sent_on(world) == []


def test_an_answer_to_a_question_that_nobody_else_reads_leaves_it_open(world: World) -> None:
    asked = asked_by_mail(world)
    world.arrive(message(SAM, "What is this?", id="s2", re=[asked], cc=["s.miller@desk.example"]), evidence=PASS)
    send(world, asked, 1)
    assert sent_on(world) == [ANNA]
