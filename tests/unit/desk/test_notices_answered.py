"""Whatever staff answer to a notice, only what is surely meant for the requester goes to him by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.outgoing.desk import NOTICE, POLICY, TICKET, change, text
from unit.routing.world import MONDAY, PASS, Sent, World, message

from mailgate.desk import commands, merging
from mailgate.outgoing.compose import WORDLESS, Pen
from mailgate.outgoing.rendering import language
from parsing.message import Address
from routing import tokens

ANNA, BEN, SAM, TESS = "anna@acme.example", "ben@acme.example", "sam@desk.example", "tess@desk.example"
NOW = MONDAY + 100
LANGUAGES = ("en", "de", "es", "fr", "it", "nl", "pl", "pt")


@pytest.fixture
def world() -> World:
    made = World()
    made.arrive(message(ANNA, "It burns", id="m1@acme.example", cc=[BEN], subject="Fire"))
    return made


def newest(world: World, why: str) -> Sent:
    (*_, found) = [s for s in world.letters("notice") if s.told.why == why]
    return found


def answered(world: World, to: Sent, words: str = "I take it", by: str = SAM, *, ids: str = "all") -> None:
    """`ids`: all of them, only those of the thread (a relay has replaced the mail's own), or its own alone."""
    named = {"all": [*to.references, to.letter.message_id], "thread": list(to.references), "own": []}[ids]
    named = named or [to.letter.message_id]
    world.arrive(message(by, words, id=f"a{world.arrivals}@desk.example", re=named), evidence=PASS, at=200.0)


def gone(world: World) -> list[str]:
    return [s.letter.recipient for s in world.letters("answer") if not s.held]


def weakly(world: World) -> None:
    token = tokens.subject_token("INC-1001")
    world.arrive(message(ANNA, "It is me", id="w@acme.example", subject=f"Fire {token}"), at=50.0)


def refused(world: World) -> None:
    queues = {n: replace(q, closed_reply="refuse") for n, q in world.policy.queues.items()}  # type: ignore[arg-type]
    world.policy = replace(world.policy, queues=queues)
    world.command(commands.close(world.tickets[1], 900, "Water", SAM, NOW, world.policy))
    world.arrive(message(ANNA, "Again", id="w@acme.example", re=["m1@acme.example"]), at=300.0, evidence=PASS)


def bounced(world: World) -> None:
    letter = world.letters("acknowledgement")[0].letter
    world.arrive(
        message(
            "mailer-daemon@acme.example", id="d@acme.example", kind="bounce", bounce_original_id=letter.message_id,
            bounce_recipients=(ANNA,), bounce_status=("5.1.1",),
        )
    )  # fmt: skip


def assigned(world: World) -> None:
    world.command(commands.assign(world.tickets[1], 900, SAM, TESS, NOW, world.policy))


def unassigned(world: World) -> None:
    world.tickets[1] = replace(world.tickets[1], owner=SAM)
    world.command(commands.unassign(world.tickets[1], 900, TESS, NOW, world.policy))


def moved(world: World) -> None:
    world.command(commands.move(world.tickets[1], 900, "Hardware", SAM, NOW, world.policy))


def closed(world: World) -> None:
    world.tickets[1] = replace(world.tickets[1], owner=SAM)
    world.command(commands.close(world.tickets[1], 900, "Water", TESS, NOW, world.policy))


def reopened(world: World) -> None:
    closed(world)
    world.command(commands.reopen(world.tickets[1], 902, TESS, NOW + 1, world.policy))


def merged(world: World) -> None:
    world.arrive(message(ANNA, "Smoke", id="m2@acme.example", subject="Smoke"))
    for each in merging.merge(world.tickets[2], world.tickets[1], 900, TESS, NOW, world.policy, (ANNA,)).changes:
        world.command(each)


def noted(world: World) -> None:
    world.command(commands.note(world.tickets[1], 900, "She is a pain", TESS, NOW, world.policy))


@pytest.mark.parametrize("ids", ["all", "thread", "own"])
@pytest.mark.parametrize(("why", "happens"), [("unverified", weakly), ("refused", refused), ("note", noted)])
def test_the_answer_to_words_that_stayed_inside_stays_inside(world, why, happens, ids) -> None:
    happens(world)
    answered(world, newest(world, why), "Is this really her?", ids=ids)
    assert not world.letters("answer")
    assert [a.visibility for a in world.articles.values() if a.text == "Is this really her?"] == ["internal"]


@pytest.mark.parametrize("ids", ["all", "thread", "own"])
@pytest.mark.parametrize(
    ("why", "happens"),
    [
        ("bounced", bounced),
        ("owner", assigned),
        ("unowned", unassigned),
        ("queue", moved),
        ("closed", closed),
        ("reopened", reopened),
        ("merged", merged),
    ],
)
def test_the_answer_to_a_notice_without_a_partners_words_waits_for_send(world, why, happens, ids) -> None:
    happens(world)
    notice = newest(world, why)
    before = world.tickets[notice.told.ticket.id]
    answered(world, notice, by=notice.letter.recipient, ids=ids)
    assert gone(world) == []
    (*_, asked) = world.letters("preview")
    assert (asked.letter.recipient, asked.told.why) == (notice.letter.recipient, "told")
    after = world.tickets[before.id]
    assert (after.state, after.owner) == (before.state, before.owner)
    world.arrive(message(notice.letter.recipient, "#send", re=[asked.letter.message_id]), evidence=PASS, at=300.0)
    assert gone(world) == [ANNA, BEN]


def with_the_number_alone(world: World, words: str, by: str = SAM) -> None:
    subject = f"Re: Fire {tokens.subject_token('INC-1001')}"
    world.arrive(message(by, words, id="n1@desk.example", subject=subject), evidence=PASS, at=200.0)


@pytest.mark.parametrize(
    "happens",
    [weakly, refused, noted, bounced, assigned, unassigned, moved, closed, reopened, merged],
)
def test_an_answer_that_no_id_tells_from_one_to_an_internal_mail_waits_for_send(world, happens) -> None:
    happens(world)
    with_the_number_alone(world, "Is this really her?")
    assert gone(world) == []
    asked = world.letters("preview", SAM)[-1]
    assert (asked.told.why, asked.told.words) == ("number", "Is this really her?")
    world.arrive(message(SAM, "#send", re=[asked.letter.message_id]), evidence=PASS, at=300.0)
    assert set(gone(world)) == {ANNA, BEN}


def test_an_answer_with_the_number_alone_goes_out_where_nothing_internal_was_written(world) -> None:
    with_the_number_alone(world, "Try again")
    assert gone(world) == [ANNA, BEN]


def test_the_number_alone_of_an_answer_that_comes_in_the_batch_of_the_note_waits_too(world) -> None:
    notice = newest(world, "new").letter.message_id
    note = message(TESS, "#note She is a pain", id="i1@desk.example", re=[notice])
    subject = f"Re: Fire {tokens.subject_token('INC-1001')}"
    answer = message(SAM, "Indeed", id="n1@desk.example", subject=subject)
    world.settle([world.take(m, evidence=PASS, at=200.0) for m in (note, answer)])
    assert gone(world) == []


def test_an_answer_to_a_question_of_ours_that_has_lost_its_ids_waits_too(world) -> None:
    doubt = message(
        SAM, "Doubt", id="d1@desk.example", re=[newest(world, "new").letter.message_id], reply_certain=False
    )
    world.arrive(doubt, evidence=PASS, at=100.0)
    with_the_number_alone(world, "No, leave it")
    assert gone(world) == []


def test_a_send_that_answers_no_question_is_answered_and_does_nothing(world) -> None:
    before = world.tickets[1]
    answered(world, newest(world, "new"), "#send")
    (told,) = world.letters("preview", SAM)
    assert (told.told.why, told.letter.ticket_id) == ("unasked", 1)
    assert (world.letters("answer"), world.tickets[1], len(world.articles)) == ([], before, 2)
    answered(world, told, "#send")
    assert world.letters("answer") == [], "nor does an answer to that"


def test_sends_that_answer_no_question_are_not_answered_without_end(world) -> None:
    for _ in range(20):
        answered(world, newest(world, "new"), "#send")
    assert len(world.letters("preview", SAM)) == 5


def test_a_send_alone_that_belongs_to_no_ticket_is_only_recorded(world) -> None:
    world.arrive(message(SAM, "#send", id="x@desk.example"), evidence=PASS)
    assert not world.letters("preview") and not world.letters("answer")


# --- a command that nobody vouches for -----------------------------------------------------------------------------


def doubted_unassign(world: World, words: str = "#unassign") -> Sent:
    answered(world, newest(world, "new"), "I take it")
    notice = newest(world, "new").letter.message_id
    world.arrive(message(SAM, words, id="u1@desk.example", re=[notice]), at=220.0)
    (*_, asked) = world.letters("confirm", SAM)
    return asked


def test_an_unverified_unassign_is_done_once_its_author_confirms_it(world) -> None:
    asked = doubted_unassign(world, "#unassign\nI am away")
    assert (asked.told.why, dict(asked.told.details)["typed"]) == ("unassign", "#unassign")
    assert world.tickets[1].owner == SAM
    public = len(world.of(1))
    world.arrive(message(SAM, "#send", id="y@desk.example", re=[asked.letter.message_id]), at=300.0)
    assert world.tickets[1].owner is None
    assert len(world.of(1)) == public, "what stands below it stays inside"
    assert len(gone(world)) == 2, "nothing goes out but the answer before it"
    assert newest(world, "unowned").letter.recipient == TESS
    world.command(commands.assign(world.tickets[1], 900, SAM, TESS, NOW, world.policy))
    world.arrive(message(SAM, "#send", id="z@desk.example", re=[asked.letter.message_id]), at=310.0)
    assert world.tickets[1].owner == SAM, "once"


def test_an_unverified_unassign_that_somebody_else_confirms_is_not_done(world) -> None:
    asked = doubted_unassign(world)
    world.arrive(message(TESS, "#send", id="y@desk.example", re=[asked.letter.message_id]), evidence=PASS, at=300.0)
    assert world.tickets[1].owner == SAM


def test_words_below_the_send_of_a_command_are_asked_for_on_their_own(world) -> None:
    asked = doubted_unassign(world)
    words = message(SAM, "#send\nAnd bring sand", id="y@desk.example", re=[asked.letter.message_id])
    world.arrive(words, evidence=PASS, at=300.0)
    assert world.tickets[1].owner is None
    assert [s.told.why for s in world.letters("preview", SAM)] == ["below"]
    assert newest(world, "unowned").letter.recipient == TESS


def test_the_answer_to_a_partners_words_goes_out_at_once(world) -> None:
    for why in ("new", "reply"):
        answered(world, newest(world, why), f"Answer to {why}")
        world.arrive(message(ANNA, "More", id=f"m{why}@acme.example", re=["m1@acme.example"]), evidence=PASS, at=210.0)
    assert gone(world) == [ANNA, BEN, ANNA, BEN]


@pytest.mark.parametrize("words", ["Bin krank bis Montag.", "The office is closed until 2 January.", "OOO until 3.12."])
def test_words_that_may_be_a_responders_wait_for_send_and_change_nothing(world, words) -> None:
    before = world.tickets[1]
    answered(world, newest(world, "new"), words)
    assert gone(world) == []
    after = world.tickets[1]
    assert (after.state, after.owner, after.updated) == (before.state, before.owner, before.updated)
    (asked,) = world.letters("preview")
    assert (asked.told.why, asked.told.words) == ("away", words)
    world.arrive(message(SAM, "#send", re=[asked.letter.message_id]), evidence=PASS, at=300.0)
    assert gone(world) == [ANNA, BEN]


@pytest.mark.parametrize("words", ["Done, please try again.", "I will come by until 3 December."])
def test_a_usual_answer_with_a_date_goes_out_at_once(world, words) -> None:
    answered(world, newest(world, "new"), words)
    assert gone(world) == [ANNA, BEN]


def test_the_subject_of_a_responder_makes_any_words_wait(world) -> None:
    token = tokens.subject_token("INC-1001")
    world.arrive(message(SAM, "Gone.", id="s@desk.example", subject=f"Automatic reply: Fire {token}"), evidence=PASS)
    assert gone(world) == [] and world.letters("preview", SAM)


# --- what the notices say of it -----------------------------------------------------------------------------------


def written(why: str, code: str) -> str:
    queues = {key: replace(queue, language=code) for key, queue in POLICY.queues.items()}
    details = (("was", "Hardware"), ("became", "Software"), ("recipient", "bob@acme.example"), ("linked", "INC-1001"))
    told = replace(NOTICE, why=why, words="", attachments=(), ticket=replace(TICKET, language=code), details=details)
    return text(Pen(replace(POLICY, queues=queues), None).compose(change(told)).letters[0])


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("why", [*WORDLESS, "unverified", "refused", "note", "new", "reply"])
def test_a_notice_says_what_an_answer_to_it_does(why: str, code: str) -> None:
    say = language(code)
    assert say is not None
    lines = written(why, code).strip().split("\n")
    readers = "jane@acme.example"
    ends = lines[lines.index("-- ") + 1 :]
    if why in ("unverified", "refused", "note"):
        assert ends == [say.say["how_inside"]]
    else:
        first = say.say["how_asks" if why in WORDLESS else "how"]
        assert [ends[0].replace(", bob@acme.example", ""), *ends[1:]] == [
            first.replace("{{ readers }}", readers),
            say.say["how_note"],
        ]


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("why", ["away", "told", "number"])
def test_a_preview_says_why_the_answer_waits_and_to_whom_it_would_go(why: str, code: str) -> None:
    queues = {key: replace(queue, language=code) for key, queue in POLICY.queues.items()}
    told = replace(NOTICE, event="preview", why=why, words="Words.", author=Address("Agent", "agent@desk.example"))
    body = text(Pen(replace(POLICY, queues=queues), None).compose(change(told)).letters[0])
    say = language(code)
    assert say is not None
    assert say.letters[f"preview-{why}"]["lead"][0] in body
    assert "jane@acme.example" in body and "#send" in body
