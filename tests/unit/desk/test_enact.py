"""What a decision does to a ticket, and who is told what of it."""

from __future__ import annotations

from typing import Any

import pytest
from unit.routing.world import MONDAY, NO_EVIDENCE, PASS, World, desk, message

from mailgate.desk import commands
from parsing.message import Address, Alert, Attachment
from routing import rules, tokens
from routing.mail import Evidence
from routing.ticket import Ticket

ANNA, BEN, EVE = "anna@acme.example", "ben@acme.example", "eve@evil.example"
SAM, TESS, MILLER = "sam@desk.example", "tess@desk.example", "s.miller@desk.example"
DESK, KIM = "help@desk.example", "kim@acme.example"


@pytest.fixture
def world() -> World:
    """Anna has written, Ben in Cc; she has the acknowledgement, both agents a notice."""
    made = World()
    made.arrive(message(ANNA, "It burns", id="m1@acme.example", cc=[BEN, TESS, "help+x@desk.example"], subject="Fire"))
    return made


def notice(world: World, agent: str = SAM) -> str:
    return world.letters("notice", agent)[-1].letter.message_id


def by_agent(world: World, text: str = "Pour water", sender: str = SAM, **how: Any) -> None:
    more = {k: how.pop(k) for k in list(how) if k in ("cc", "reply_certain", "attachments", "id", "kind")}
    read = message(sender, text, **{"id": f"s{world.arrivals}@desk.example", **more}, re=[notice(world)])
    world.arrive(read, **{"evidence": PASS, "at": 60.0, **how})


def ticket(world: World, number: int = 1) -> Ticket:
    return world.tickets[number]


def recipients(world: World, event: str, since: int = 0) -> list[str]:
    return [s.letter.recipient for s in world.sent[since:] if s.letter.event == event]


def test_a_first_mail_opens_a_ticket_acknowledges_it_and_tells_the_members(world: World) -> None:
    opened = ticket(world)
    assert (opened.number, opened.subject, opened.state_type, opened.queue) == (
        "INC-1001",
        "Fire",
        "new",
        "Service Desk",
    )
    assert (opened.requester, opened.partner, opened.owner, opened.acknowledged) == (ANNA, "Acme", None, True)
    assert recipients(world, "acknowledgement") == [ANNA]
    assert recipients(world, "notice") == [SAM, TESS]
    assert "It burns" in world.letters("notice")[0].told.words
    assert not world.letters("acknowledgement")[0].told.words, "an acknowledgement never repeats the sender's words"
    acknowledgement = world.letters("acknowledgement")[0].told
    assert (acknowledgement.in_reply_to, acknowledgement.references[-1:]) == ("m1@acme.example", ("m1@acme.example",))


def test_participants_are_author_to_and_cc_without_our_own_addresses(world: World) -> None:
    assert ticket(world).participants == (ANNA, BEN, TESS)


def test_a_partners_reply_tells_the_members_and_then_the_owner(world: World) -> None:
    before = len(world.sent)
    world.arrive(message(ANNA, "Still burns", id="m2@acme.example", re=["m1@acme.example"]), at=30.0)
    assert recipients(world, "notice", before) == [SAM, TESS]
    by_agent(world)
    before = len(world.sent)
    world.arrive(message(BEN, "Here, too", id="m3@acme.example", re=["m1@acme.example"]), at=90.0)
    assert recipients(world, "notice", before) == [SAM]
    assert len(world.letters("acknowledgement")) == 1
    assert ticket(world).updated == MONDAY + 90


def test_staffs_answer_goes_to_the_requester_with_the_participants_in_cc(world: World) -> None:
    by_agent(world)
    answers = world.letters("answer")
    assert [s.letter.recipient for s in answers] == [ANNA, BEN], "no agent is among them"
    told = answers[0].told
    assert [a.address for a in told.to] == [ANNA] and [a.address for a in told.cc] == [BEN]
    assert told.words == "Pour water"
    assert (ticket(world).state, ticket(world).owner) == ("open", SAM)
    assert ticket(world).participants == (ANNA, BEN, TESS), "who answers is staff and no participant"


def test_staffs_answer_answers_the_requesters_last_mail(world: World) -> None:
    world.arrive(message(ANNA, "More", id="m2@acme.example", re=["m1@acme.example"]), at=30.0)
    world.arrive(message(BEN, "Me too", id="b1@acme.example", re=["m1@acme.example"]), at=40.0)
    by_agent(world, at=50.0)
    by_agent(world, "And sand", at=60.0)
    assert [s.told.in_reply_to for s in world.letters("answer")] == ["m2@acme.example"] * 4
    assert world.letters("answer")[0].told.references == ("m1@acme.example", "m2@acme.example")


def test_the_second_agent_who_answers_does_not_take_an_owned_ticket(world: World) -> None:
    by_agent(world)
    by_agent(world, "Sand, too", sender=TESS, at=90.0)
    assert ticket(world).owner == SAM


def test_an_agents_second_address_is_the_same_agent(world: World) -> None:
    by_agent(world, sender=MILLER)
    assert ticket(world).owner == SAM
    before = len(world.sent)
    by_agent(world, "#note x", sender=MILLER)
    assert SAM not in recipients(world, "notice", before)


def test_a_note_stays_inside_and_tells_the_others(world: World) -> None:
    before = len(world.sent)
    by_agent(world, "#note Anna is furious", cc=["boss@desk.example"])
    assert recipients(world, "answer") == [] and recipients(world, "notice", before) == [TESS]
    (article,) = world.of(1, "internal")
    assert article.reply == "Anna is furious"
    assert (ticket(world).state_type, ticket(world).owner) == ("new", None)
    assert "boss@desk.example" not in ticket(world).participants


def test_whom_staff_put_in_cc_of_an_answer_takes_part(world: World) -> None:
    by_agent(world, cc=["vendor@parts.example"])
    assert "vendor@parts.example" in ticket(world).participants
    assert "vendor@parts.example" in recipients(world, "answer")


def test_an_unverified_answer_is_held_until_its_member_confirms_it_once(world: World) -> None:
    by_agent(world, evidence=Evidence("none", "unknown", "nothing"))
    assert all(s.held for s in world.letters("answer")) and recipients(world, "confirm") == [SAM]
    assert (ticket(world).state_type, ticket(world).owner) == ("new", None)
    (held,) = world.of(1, "internal")
    asked = world.letters("confirm")[0].letter.message_id
    for n in range(2):
        world.arrive(message(SAM, "#send", id=f"c{n}@desk.example", re=[asked]), at=120.0)
    assert not any(s.held for s in world.letters("answer"))
    assert world.articles[held.id].visibility == "public" and world.articles[held.id].trust == "confirmed"
    assert (ticket(world).state_type, ticket(world).owner) == ("open", SAM)
    assert len(world.articles) == 3, "the #send itself is no article"


def test_a_preview_that_was_confirmed_stays_as_sure_as_it_was(world: World) -> None:
    by_agent(world, reply_certain=False)
    (held,) = world.of(1, "internal")
    asked = world.letters("preview", SAM)[0]
    assert asked.told.words == "Pour water", "the preview shows what would go out"
    world.arrive(message(SAM, "#send", id="c@desk.example", re=[asked.letter.message_id]), at=120.0)
    assert world.articles[held.id].trust == "authenticated" and not any(s.held for s in world.letters("answer"))


def test_a_preview_names_the_command_that_does_not_exist(world: World) -> None:
    by_agent(world, "#close\nDone.")
    (asked,) = world.letters("preview", SAM)
    assert (asked.told.why, asked.told.details) == ("command", (("typed", "#close"),))
    assert asked.told.words == "#close\nDone.", "the preview shows what would go out"
    assert [s.held for s in world.letters("answer")] == [True, True]


def sent(world: World) -> list[str]:
    """Words of the agent's that the requester has got."""
    return [s.told.words for s in world.letters("answer", ANNA) if not s.held]


def test_what_an_agent_or_a_machine_in_his_name_writes_too_fast_comes_back_to_him_and_the_administrator_is_told_once(
    world: World,
) -> None:
    for n in range(12):
        by_agent(world, f"Answer {n}", at=60.0 + n)
    assert sent(world) == [f"Answer {n}" for n in range(10)]
    asked = world.letters("preview", SAM)
    assert [(s.told.why, s.told.words) for s in asked] == [("limit", "Answer 10"), ("limit", "Answer 11")]
    for n, question in enumerate(asked):
        world.arrive(message(SAM, "#send", id=f"c{n}@desk.example", re=[question.letter.message_id]), at=90.0)
    assert sent(world) == [f"Answer {n}" for n in range(12)]
    assert recipients(world, "alarm") == [SAM, TESS]
    alarm = world.letters("alarm")[0].told
    assert alarm.why == "staff"
    assert alarm.words == "10 mails in the name of sam@desk.example, authenticated, in INC-1001 in 10 minutes"
    by_agent(world, "It is me again", at=800.0)
    assert sent(world)[-1] == "It is me again"


def test_a_machine_that_answers_without_end_is_asked_five_times(world: World) -> None:
    for n in range(40):
        by_agent(world, f"Answer {n}", at=60.0 + n)
    assert len(sent(world)) == 10
    assert len(world.letters("preview")) == 5
    assert recipients(world, "notice", since=2 + 10) == [], "nobody else is told"
    assert recipients(world, "alarm") == [SAM, TESS]


def test_forged_mails_in_an_agents_name_take_nothing_from_his_own(world: World) -> None:
    for n in range(15):
        by_agent(world, f"Forged {n}", at=60.0 + n, evidence=NO_EVIDENCE)
    by_agent(world, at=90.0)
    assert sent(world) == ["Pour water"]
    by_agent(world, "Perhaps this", at=90.0, reply_certain=False)
    assert [s.told.words for s in world.letters("preview", SAM)] == ["Perhaps this"], "nor from what he is asked"
    for n in range(15):
        world.arrive(message(TESS, f"Forged {n}", id=f"f{n}", subject="Pay"), at=60.0 + n)
    world.arrive(message(TESS, "Hello all", id="real", subject="Hello"), at=90.0, evidence=PASS)
    assert [s.told.words for s in world.letters("notice", SAM)][-1] == "Hello all"


def test_what_an_agent_hands_on_is_told_however_fast(world: World) -> None:
    for n in range(12):
        world.arrive(message(SAM, f"Mine {n}", id=f"o{n}", subject="Mine"), at=60.0 + n, evidence=PASS)
    told = [s.told.words for s in world.letters("notice", TESS)]
    assert "Mine 9" in told and "Mine 10" not in told
    text = f"Please.\n\n---- Forwarded message ----\nFrom: Kim <{KIM}>\nTo: x@y\n\nIt leaks."
    handed = message(SAM, text, id="h", subject="Fwd: Leak", forwarded_from=Address("Kim", KIM))
    assert world.arrive(handed, at=90.0, evidence=PASS).forwarded is not None
    assert "It leaks." in world.letters("notice", TESS)[-1].told.words


def test_words_below_a_send_wait_for_a_send_of_their_own(world: World) -> None:
    by_agent(world, reply_certain=False)
    first = world.letters("preview", SAM)[0].letter.message_id
    world.arrive(message(SAM, "#send\nAnd bring sand", id="c@desk.example", re=[first]), at=120.0, evidence=PASS)
    assert [s.told.words for s in world.letters("answer", ANNA) if not s.held] == ["Pour water"]
    assert [s.told.words for s in world.letters("answer", ANNA) if s.held] == ["And bring sand"]
    asked = world.letters("preview", SAM)[1]
    assert (asked.told.why, asked.told.words) == ("below", "And bring sand")
    assert (ticket(world).state_type, ticket(world).owner) == ("open", SAM)
    world.arrive(message(SAM, "#send\nSam", id="d@desk.example", re=[asked.letter.message_id]), at=180.0, evidence=PASS)
    assert not any(s.held for s in world.letters("answer"))
    assert len(world.letters("preview")) == 2, "a name is no answer"
    assert {a.reply for a in world.of(1) if a.sender.address == SAM} == {"Pour water", "And bring sand"}


def test_words_below_a_send_of_somebody_unverified_are_confirmed_before_they_go(world: World) -> None:
    by_agent(world, evidence=Evidence("none", "unknown", "nothing"))
    asked = world.letters("confirm")[0].letter.message_id
    world.arrive(message(SAM, "#send\nAnd bring sand", id="c@desk.example", re=[asked]), at=120.0)
    (second,) = [s for s in world.letters("confirm", SAM) if s.told.why == "below"]
    assert second.told.words == "And bring sand"
    world.arrive(message(SAM, "#send", id="d@desk.example", re=[second.letter.message_id]), at=180.0)
    assert {a.trust for a in world.of(1) if a.sender.address == SAM} == {"confirmed"}


def test_unassign_tells_the_others_and_what_is_below_it_stays_inside(world: World) -> None:
    by_agent(world)
    assert ticket(world).owner == SAM
    before = len(world.sent)
    by_agent(world, "#unassign\nI am away from tomorrow on", at=120.0)
    assert ticket(world).owner is None
    assert recipients(world, "notice", before) == [TESS] and recipients(world, "answer", before) == []
    assert world.sent[-1].told.why == "unowned"
    (note,) = world.of(1, "internal")
    assert note.reply == "I am away from tomorrow on"


def test_unassign_that_is_not_verified_asks_its_author_and_changes_nothing(world: World) -> None:
    by_agent(world)
    before = len(world.sent)
    by_agent(world, "#unassign", evidence=Evidence("none", "unknown", "nothing"), at=120.0)
    assert ticket(world).owner == SAM
    assert [(s.letter.recipient, s.told.why, s.told.details) for s in world.sent[before:]] == [
        (SAM, "unassign", (("typed", "#unassign"),))
    ]


def test_unassign_of_whom_the_sender_check_failed_is_told_to_its_author_and_changes_nothing(world: World) -> None:
    by_agent(world)
    before = len(world.sent)
    by_agent(world, "#unassign", evidence=Evidence("fail", "unknown", "dmarc=fail"), at=120.0)
    assert ticket(world).owner == SAM
    assert [(s.letter.recipient, s.told.why) for s in world.sent[before:]] == [(SAM, "refused")]


def test_words_below_the_quote_alone_are_kept_inside_and_their_author_is_told(world: World) -> None:
    by_agent(world, "", reply_certain=False)
    (kept,) = world.of(1, "internal")
    assert (kept.reply, ticket(world).state_type, ticket(world).owner) == ("", "new", None)
    (asked,) = world.letters("preview")
    assert (asked.letter.recipient, asked.told.why, asked.told.words) == (SAM, "nothing", "")
    assert not world.letters("answer"), "an empty letter is never written"
    world.arrive(message(SAM, "#send", id="c@desk.example", re=[asked.letter.message_id]), evidence=PASS, at=120.0)
    assert not world.letters("answer"), "there is nothing to send"
    assert [s.told.why for s in world.letters("preview")] == ["nothing", "unasked"]
    assert len(world.of(1, "internal")) == 1
    assert not world.confirmations


@pytest.mark.parametrize(("inline", "held"), [(True, 0), (False, 2)])
def test_files_without_words_are_an_answer_unless_they_are_pictures_of_a_signature(
    world: World, inline: bool, held: int
) -> None:
    file = Attachment("a.png", "image/png", 3, "0" * 64, inline, None, b"abc")
    by_agent(world, "", reply_certain=False, attachments=(file,))
    assert len(world.letters("answer")) == held


def test_an_out_of_office_changes_neither_state_nor_owner_nor_clock(world: World) -> None:
    before = ticket(world)
    for sender in (ANNA, SAM, "deputy@acme.example"):
        number = len(world.sent)
        world.arrive(
            message(sender, "Away", id=f"o{sender}", re=[notice(world)], kind="auto_reply"), at=900.0, evidence=PASS
        )
        assert len(world.sent) == number, "nobody is told"
    after = ticket(world)
    assert (after.state, after.owner, after.updated, after.participants, after.last_public_id) == (
        before.state, before.owner, before.updated, before.participants, before.last_public_id,
    )  # fmt: skip
    assert len(world.of(1, "internal")) == 3


def test_a_reply_to_a_closed_ticket_reopens_it(world: World) -> None:
    world.command(commands.close(ticket(world), 900, "Out", "root", MONDAY + 100, world.policy))
    assert ticket(world).closed == MONDAY + 100
    world.arrive(message(ANNA, "Burns again", id="m9@acme.example", re=["m1@acme.example"]), at=200.0)
    assert (ticket(world).state_type, ticket(world).closed) == ("open", None)
    assert world.letters("notice")[-1].told.why == "reopening"


def test_a_weak_note_tells_staff_that_it_is_not_verified(world: World) -> None:
    by_agent(world)
    before = len(world.sent)
    world.arrive(message(BEN, "Hm", id="b@acme.example", subject="Fire " + tokens.subject_token("INC-1001")), at=300.0)
    assert recipients(world, "notice", before) == [SAM]
    assert world.sent[-1].told.why == "unverified"
    assert world.keys["b@acme.example"].weak


def test_a_forged_note_in_the_owners_name_is_told_to_the_others(world: World) -> None:
    by_agent(world)
    before = len(world.sent)
    by_agent(world, "#note pay at once", evidence=Evidence("none", "unknown", "nothing"), at=400.0)
    assert recipients(world, "notice", before) == [TESS]


def test_a_strangers_mail_is_linked_and_nothing_of_the_first_ticket_is_in_it(world: World) -> None:
    signed = world.letters("acknowledgement")[0].letter.message_id
    world.arrive(
        message(EVE, "Tell me", id="e1@evil.example", re=["m1@acme.example", signed], cc=[EVE], subject="Re: Fire")
    )
    opened = world.tickets[2]
    assert frozenset({1, 2}) in world.links
    told = world.letters("notice", SAM)[-1].told
    assert (told.why, dict(told.details)) == ("linked", {"linked": "INC-1001", "because": "no_participant"})
    assert (opened.requester, opened.participants, opened.root_id) == (EVE, (EVE,), "e1@evil.example")
    assert world.keys["m1@acme.example"].ticket_id == 1 and signed not in world.keys
    world.arrive(message(EVE, "Well?", id="e2@evil.example", re=["m1@acme.example", signed, "e1@evil.example"]))
    assert len(world.tickets) == 2, "his next mail is in the ticket that is his"
    assert not [s for s in world.sent if s.letter.recipient == EVE and b"burns" in s.letter.body]


def test_a_bounce_marks_the_letter_and_tells_the_owner(world: World) -> None:
    by_agent(world)
    before, letter = len(world.sent), world.letters("answer", BEN)[0].letter
    world.arrive(
        message(
            "mailer-daemon@acme.example", id="d@acme.example", kind="bounce", bounce_original_id=letter.message_id,
            bounce_recipients=(ANNA, BEN), bounce_status=("2.0.0", "5.1.1"),
            bounce_diagnostic="smtp; 550 5.1.1 no such user",
        ),
        mail_from="", at=500.0,
    )  # fmt: skip
    told = world.sent[-1].told
    assert recipients(world, "notice", before) == [SAM] and told.why == "bounced"
    assert told.details == (("recipient", BEN), ("status", "5.1.1"), ("doubted", "yes"))
    [mark] = world.marks
    assert (mark.message_id, mark.state, mark.status) == (letter.message_id, "failed", "5.1.1")
    assert mark.error == "not verified: smtp; 550 5.1.1 no such user"
    assert ticket(world).updated == MONDAY + 60


def test_nobody_is_told_of_a_delay_and_only_colleagues_of_a_bounced_notice(world: World) -> None:
    before = len(world.sent)
    for number, (event, temporary) in enumerate((("acknowledgement", (ANNA,)), ("notice", ()))):
        letter = world.letters(event)[0].letter
        world.arrive(
            message(
                "mailer-daemon@acme.example", id=f"d{number}", kind="bounce", bounce_original_id=letter.message_id,
                bounce_recipients=(letter.recipient,), bounce_status=("4.4.1",), bounce_temporary=temporary,
            )
        )  # fmt: skip
    assert [m.state for m in world.marks] == ["delayed", "failed"]
    assert [s.letter.recipient for s in world.sent[before:]] == [TESS]


@pytest.mark.parametrize("owner", ["Tess", TESS, "TESS@desk.example"])
def test_a_rule_may_name_an_agent_as_the_owner(owner: str) -> None:
    world = World(desk(rules=(rules.compile_rule("o", {}, {"owner": owner, "priority": 5, "tags": ["x"]}),)))
    world.arrive(message(ANNA, id="m"))
    assert (ticket(world).owner, ticket(world).priority, ticket(world).tags) == (TESS, 5, ("x",))
    assert recipients(world, "notice") == [TESS, SAM]


def test_a_captured_word_makes_nobody_the_owner() -> None:
    rule = rules.compile_rule("o", {"subject": {"matches": r"(?P<who>\S+@\S+)"}}, {"owner": "{who}"})
    world = World(desk(rules=(rule,)))
    world.arrive(message(ANNA, "secret", id="m", subject=f"for {EVE}"))
    assert ticket(world).owner is None and EVE not in [s.letter.recipient for s in world.sent]


def test_the_reason_of_a_rule_says_what_it_set() -> None:
    rule = rules.compile_rule(
        "printers",
        {"subject": {"matches": r"printer (?P<model>\S+)"}},
        {"queue": "Hardware", "fields": {"model": "{model}"}, "tags": ["a", "b"], "acknowledge": False},
    )
    world = World(desk(rules=(rule,)))
    decision = world.arrive(message(ANNA, id="m", subject="printer LX-9 burns"))
    [reason] = [reason for reason in decision.reasons if reason.code == "rule"]
    assert reason.outcome == "sets queue = Hardware, tags = a b, acknowledge = false, model = LX-9"


def test_a_queues_own_members_are_told_of_its_tickets() -> None:
    world = World()
    world.arrive(message(ANNA, id="m"), rcpt=["hardware@desk.example"])
    assert ticket(world).queue == "Hardware" and recipients(world, "notice") == [TESS]


@pytest.mark.parametrize(
    ("rule", "partner", "guessed", "language"),
    [("fr", "de", "it", "fr"), (None, "de", "it", "de"), (None, None, "it", "it"), (None, None, None, "en")],
)
def test_the_language_is_the_rules_the_partners_the_mails_or_the_queues(
    rule: str | None, partner: str | None, guessed: str | None, language: str
) -> None:
    made = (rules.compile_rule("l", {}, {"language": rule}),) if rule else ()
    world = World(desk(rules=made, partner_languages={"Acme": partner} if partner else {}))
    world.arrive(message(ANNA, id="m", language=guessed))
    assert ticket(world).language == language


def test_an_alert_opens_an_alert_with_its_fields_and_is_not_acknowledged() -> None:
    world = World()
    world.arrive(message("nagios@acme.example", id="m", kind="alert", alert=Alert("nagios", "db1", "", "DOWN")))
    assert (ticket(world).type, ticket(world).fields) == ("Alert", {"host": "db1", "alert_state": "DOWN"})
    assert recipients(world, "acknowledgement") == [] and recipients(world, "notice") == [SAM, TESS]


def test_an_old_mail_is_told_to_staff_and_not_acknowledged() -> None:
    world = World()
    world.arrive(message(ANNA, id="m"), late=25 * 3600.0)
    assert recipients(world, "acknowledgement") == [] and recipients(world, "notice") == [SAM, TESS]


def test_a_mail_in_our_own_name_has_no_requester_and_is_told_to_staff() -> None:
    world = World()
    world.arrive(message(DESK, "A form was filled in", id="form@desk.example"))
    assert (ticket(world).requester, ticket(world).participants) == (None, ())
    assert recipients(world, "notice") == [SAM, TESS] and recipients(world, "acknowledgement") == []


def test_the_same_mail_by_another_door_adds_nothing(world: World) -> None:
    before = (world.tickets.copy(), len(world.articles), len(world.sent))
    again = message(ANNA, "It burns", id="m1@acme.example", subject="[list] Fire")
    assert world.arrive(again, door="imap:office", at=5.0).verb == "duplicate"
    assert (world.tickets, len(world.articles), len(world.sent)) == before


def test_an_answer_carries_files_and_no_pictures_of_a_signature(world: World) -> None:
    def part(name: str, inline: bool) -> Attachment:
        return Attachment(name, "image/png", 3, "0" * 64, inline, None, b"png")

    by_agent(world, attachments=(part("plan.png", False), part("logo.png", True)))
    assert [a.filename for a in world.letters("answer")[0].told.attachments] == ["plan.png"]


@pytest.mark.parametrize("first", [BEN, ANNA])
def test_the_subject_of_the_root_mail_becomes_that_of_the_ticket(first: str) -> None:
    world = World()
    world.arrive(message(first, "Too", id="b@acme.example", re=["r@acme.example"], to=[DESK, ANNA], subject="AW: Fire"))
    assert ticket(world).subject == "AW: Fire"
    world.arrive(message(ANNA, "It burns", id="r@acme.example", cc=[BEN], subject="Fire"))
    assert ticket(world).subject == "Fire"
    world.arrive(message(ANNA, "Still", id="s@acme.example", re=["r@acme.example"], subject="Another"))
    assert ticket(world).subject == "Fire", "a later mail changes nothing"


def test_a_root_mail_without_a_subject_leaves_that_of_its_answer() -> None:
    world = World()
    world.arrive(message(BEN, "More", id="b@acme.example", re=["r@acme.example"], to=[DESK, ANNA], subject="AW: Fire"))
    world.arrive(message(ANNA, "It burns", id="r@acme.example", cc=[BEN], subject=""))
    assert ticket(world).subject == "AW: Fire"


def test_the_root_author_becomes_the_requester_and_later_answers_go_to_her() -> None:
    world = World()
    world.arrive(message(BEN, "Me too", id="b@acme.example", re=["r@acme.example"], to=[DESK, ANNA]))
    world.arrive(message(ANNA, "It burns", id="r@acme.example", cc=[BEN]))
    assert ticket(world).requester == ANNA and ticket(world).last_public_id == "r@acme.example"
    by_agent(world)
    assert [a.address for a in world.letters("answer")[0].told.to] == [ANNA]
