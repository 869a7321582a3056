"""Ticket numbers as people type them."""

from __future__ import annotations

import pytest

from mailgate.cli.numbers import ticket_number
from mailgate.errors import CommandError
from routing.tokens import subject_token


@pytest.mark.parametrize("typed", ["INC-1042", "inc-1042", " 1042 ", "[INC-1042]", subject_token("INC-1042")])
def test_number_is_understood_however_it_is_typed(typed: str) -> None:
    assert ticket_number(typed) == "INC-1042"


def test_check_digit_counts_without_brackets_too() -> None:
    assert ticket_number(subject_token("INC-1042").strip("[]").lower()) == "INC-1042"


def test_wrong_check_digit_is_refused() -> None:
    right = int(subject_token("INC-1042")[-2])
    with pytest.raises(CommandError, match="check digit"):
        ticket_number(f"[INC-1042-{(right + 1) % 10}]")


@pytest.mark.parametrize("typed", ["", "INC-", "printer", "REQ-1042", "jane@acme.example"])
def test_other_text_is_no_number(typed: str) -> None:
    with pytest.raises(CommandError, match="look like INC-1042"):
        ticket_number(typed)
