"""Partners' own ticket numbers, as far as they can be keys."""

from __future__ import annotations

import pytest
from unit.routing.world import PASS, World, desk, message

from routing import numbers
from routing.patterns import compiled
from routing.policy import OldDesk
from routing.tokens import Style


@pytest.mark.parametrize(("length", "found"), [(numbers.LONGEST, 1), (numbers.LONGEST + 1, 0)])
def test_a_number_is_no_longer_than_a_key(length: int, found: int) -> None:
    world = World(desk(ticket_patterns={"Acme": compiled(r"ACME-(?P<number>\d+)", "number")}))
    mail = world.take(message("anna@acme.example", id="m", subject="ACME-" + "7" * length))
    assert len(numbers.of(mail, world.policy)) == found


def test_our_own_token_in_the_form_of_the_old_desk_is_none_of_its_numbers() -> None:
    style = Style("otrs", "Ticket#")
    world = World(desk(token=style, old_desks=(OldDesk("otrs", ("Ticket#",)),)))
    for name in ("a", "b"):
        world.arrive(message("anna@acme.example", id=name, subject=name))
    both = world.arrive(message("anna@acme.example", re=["a"], subject=f"Re: a {style.write('INC-1002')}"))
    assert (both.ticket_id, both.numbers) == (1, ())
    assert "thread_conflict" in {reason.code for reason in both.reasons}


@pytest.mark.parametrize("digits", ["10024", "10029", "2024010110000017"])
def test_the_old_desks_number_is_owned_whether_or_not_its_last_digit_is_our_check_digit(digits: str) -> None:
    world = World(desk(token=Style("otrs", "Ticket#"), old_desks=(OldDesk("otrs", ("Ticket#",)),)))
    opened = world.arrive(message("anna@acme.example", id="a", subject=f"Re: Printer [Ticket#{digits}]"))
    assert [number.number for number in opened.numbers] == [digits]
    joined = world.arrive(message("anna@acme.example", id="b", subject=f"Re: Printer [Ticket#{digits}]"), evidence=PASS)
    assert joined.ticket_id == opened.ticket_id
