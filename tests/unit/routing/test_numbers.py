"""Partners' own ticket numbers, as far as they can be keys."""

from __future__ import annotations

import pytest
from unit.routing.world import World, desk, message

from routing import numbers
from routing.patterns import compiled


@pytest.mark.parametrize(("length", "found"), [(numbers.LONGEST, 1), (numbers.LONGEST + 1, 0)])
def test_a_number_is_no_longer_than_a_key(length: int, found: int) -> None:
    world = World(desk(ticket_patterns={"Acme": compiled(r"ACME-(?P<number>\d+)", "number")}))
    mail = world.take(message("anna@acme.example", id="m", subject="ACME-" + "7" * length))
    assert len(numbers.of(mail, world.policy)) == found
