"""Subjects compared, ids in their order, and whose address is ours."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from unit.routing.world import World, desk, message

from routing import answers, threads, tokens
from routing.facts import Facts
from routing.policy import Door
from routing.threads import Match
from routing.ticket import Ticket
from routing.tokens import OWN_STYLE, Style


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Re: Printer", "Printer"),
        ("AW: WG: printer ", "Printer"),
        ("RE[2]: Printer", "Printer"),
        ("[EXT] Re: [users] Printer", "Printer"),
        ("答复：Printer", "Printer"),
        (f"Re: Printer {tokens.subject_token('INC-1001')}", "Printer"),
        ("Fwd:  Printer  on fire", "printer on FIRE"),
    ],
)
def test_answers_and_forwards_have_the_subject_of_what_they_answer(one: str, other: str) -> None:
    assert threads.bare_subject(one, OWN_STYLE) == threads.bare_subject(other, OWN_STYLE)


@pytest.mark.parametrize(("one", "other"), [("Invoice", "Printer"), ("Error: Printer", "Printer"), ("", "Printer")])
def test_other_subjects_differ(one: str, other: str) -> None:
    assert threads.bare_subject(one, OWN_STYLE) != threads.bare_subject(other, OWN_STYLE)


def test_a_subject_of_nothing_but_prefixes_ends() -> None:
    assert threads.bare_subject("Re: " * 10_000, OWN_STYLE).startswith("re:")


def test_ids_are_named_in_reply_to_first_then_references_from_the_right_each_once_without_its_own() -> None:
    world = World()
    read = message("a@x.example", id="own", in_reply_to=("c",), references=("a", "b", "own", "c"))
    assert threads.named_ids(world.take(read)) == ("c", "b", "a")
    many = message("a@x.example", references=tuple(f"r{n}" for n in range(500)), in_reply_to=())
    assert len(threads.named_ids(world.take(many))) == threads.SEEN_IDS


def test_conflicts_are_told_once_for_each_other_ticket() -> None:
    found = (
        Match(1, "signed_id", "a"),
        Match(2, "stored_id", "b"),
        Match(2, "stored_id", "c"),
        Match(1, "named_id", "d"),
    )
    assert threads.conflicts(found) == (found[1],)
    assert threads.conflicts(()) == ()


def ticket(number: int, merged_into: int | None = None) -> Ticket:
    return Ticket(number, f"INC-{number}", 1, "", "Incident", "new", "new", "Desk", 3, None, None, "", None, "en", 0.0,
                  0.0, merged_into=merged_into)  # fmt: skip


def test_merges_are_followed_and_a_circle_of_them_ends() -> None:
    facts = Facts({1: ticket(1, 2), 2: ticket(2, 3), 3: ticket(3), 4: ticket(4, 5), 5: ticket(5, 4), 6: ticket(6, 7)})
    followed = [facts.ticket(n) for n in (1, 3)]
    assert [t.id for t in followed if t is not None] == [3, 3]
    assert [facts.ticket(n) for n in (4, 6, 9)] == [None, None, None]


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("help@desk.example", True),
        ("HELP+abc@Desk.example", True),
        ("hardware@desk.example", True),
        ("Postmaster@desk.example", True),
        ("postmaster", True),
        ("sam@desk.example", False),
        ("postmaster@acme.example", False),
        ("help@acme.example", False),
        ("helper@desk.example", False),
    ],
)
def test_ours_are_the_desks_and_queues_addresses_with_any_suffix_and_postmaster(address: str, ours: bool) -> None:
    assert desk().is_ours(address) is ours
    assert desk().accepts(address) is ours


def test_a_partner_is_known_by_address_by_domain_or_by_the_nearest_domain_above() -> None:
    policy = desk(partners={"acme.example": "Acme", "eu.acme.example": "Acme EU", "dora@free.example": "Dora Ltd"})
    asked = ["a@acme.example", "A@EU.acme.example", "a@x.eu.acme.example", "dora@free.example", "eve@free.example", "x"]
    assert [policy.partner(a) for a in asked] == ["Acme", "Acme EU", "Acme EU", "Dora Ltd", None, None]
    assert policy.partner("a@notacme.example") is None


def test_an_agent_is_known_by_any_address_and_by_name() -> None:
    found = [desk().member(who) for who in ("S.Miller@desk.example", " sam ", "SAM@desk.example")]
    assert {m.name for m in found if m is not None} == {"Sam"} and len(found) == 3
    assert desk().member("anna@acme.example") is None
    assert desk().members("Service Desk") == ("sam@desk.example", "tess@desk.example"), "one address each"


def test_a_door_trusts_its_relays_and_local_sockets() -> None:
    door = Door("mx", (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))
    assert all(map(door.trusts, ("10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "")))
    assert not any(map(door.trusts, ("192.0.2.1", "2001:db9::1", "?")))
    assert Door("mx").trusts("192.0.2.1")


@pytest.mark.parametrize(
    "local",
    ["mailer-daemon", "MAILER-DAEMON", "postmaster", "noreply", "no-reply", "no_reply", "no.reply", "NoReply2",
     "donotreply", "do-not-reply", "do_not_reply", "dontreply", "nicht-antworten", "ne-pas-repondre", "noreply-orders",
     "orders-noreply", "bounce", "bounces", "list-bounces", "bounces+17", "users-owner", "owner-users", "majordomo"],
)  # fmt: skip
def test_nobody_reads_the_mail_of_machines(local: str) -> None:
    world = World()
    mail = world.take(message(f"{local}@x.example"))
    said = answers.why_not(mail, f"{local}@x.example", Facts(), world.policy)
    assert said is not None and said[0] == "nobody_reads"


@pytest.mark.parametrize(
    "local", ["noreen", "replies", "bouncer", "landowner", "donald", "info", "notifications", "post"]
)
def test_people_whose_names_look_alike_are_answered(local: str) -> None:
    world = World()
    mail = world.take(message(f"{local}@x.example"))
    assert answers.why_not(mail, f"{local}@x.example", Facts(), world.policy) is None


@pytest.mark.parametrize("style", [OWN_STYLE, Style("otrs", "Ticket#"), Style("rt", "desk.example")])
def test_a_plus_address_counts_beside_our_token_however_it_is_written_and_not_with_another_subject(
    style: Style,
) -> None:
    world = World(desk(token=style))
    world.arrive(message("anna@acme.example", id="m1@acme.example", subject="Printer"))
    [ack] = world.letters("acknowledgement")
    address = f"help+{ack.letter.message_id.partition('@')[0]}@desk.example"
    answered = message("anna@acme.example", subject=f"Re: Printer {style.write('INC-1001')}")
    assert world.arrive(answered, rcpt=[address]).ticket_id == 1
    foreign = world.arrive(message("anna@acme.example", subject="Invoice"), rcpt=[address])
    assert (foreign.verb, foreign.related) == ("open", (1,))
