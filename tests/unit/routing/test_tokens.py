"""Numbers with a check digit, and ids that only we can make."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import tokens
from routing.tokens import Keys

KEYS = Keys("b", {"a": b"old" * 11, "b": b"new" * 11})
quick = settings(max_examples=150, derandomize=True, deadline=None, database=None)
ids = st.integers(1, 36**9 - 1)
events = st.sampled_from(sorted(tokens.EVENTS))


def test_the_check_digit_finds_every_wrong_digit_and_every_neighbours_swap() -> None:
    for value in range(1000, 3000):
        digits = str(value) + str(tokens.check_digit(str(value)))
        for place, digit in enumerate(digits):
            for other in set("0123456789") - {digit}:
                wrong = digits[:place] + other + digits[place + 1 :]
                assert tokens.check_digit(wrong) != 0
        for place, (one, two) in enumerate(pairwise(digits)):
            if one != two:
                assert tokens.check_digit(digits[:place] + two + one + digits[place + 2 :]) != 0


@pytest.mark.parametrize(
    ("subject", "right", "wrong"),
    [
        ("Re: [INC-1042-{}] Printer", ("INC-1042",), 0),
        ("Re: [inc-1042-{}] Printer", ("INC-1042",), 0),
        ("[ INC-1042-{} ]", ("INC-1042",), 0),
        ("[INC-1042-{}] and again [INC-1042-{}]", ("INC-1042",), 0),
        ("INC-1042-{} without brackets", (), 0),
        ("[INC-1043-{}]", (), 1),
        ("[INC-01042-{}]", (), 0),
        ("[INC-1042]", (), 0),
        ("[INC-１０４２-{}]", (), 0),
    ],
)
def test_a_token_stands_in_a_subject_with_its_check_digit(subject: str, right: tuple[str, ...], wrong: int) -> None:
    digit = tokens.check_digit("1042")
    found, misread = tokens.in_subject(subject.format(digit, digit))
    assert (found, len(misread)) == (right, wrong)


def test_a_subject_without_its_tokens_reads_as_before() -> None:
    token = tokens.subject_token("INC-1042")
    assert tokens.without_token(f"Re: {token}  Printer {token}") == "Re: Printer"
    assert tokens.ticket_id("INC-1042") == 42
    assert tokens.number(42) == "INC-1042"


@pytest.mark.parametrize("typed", ["INC-1042", "inc-1042", "1042", "[INC-1042-3]", " INC-1042 "])
def test_a_person_may_type_a_number_in_many_ways(typed: str) -> None:
    assert tokens.read_number(typed) == 42


@pytest.mark.parametrize("typed", ["", "INC-", "printer", "INC-10 42", "١٠٤٢"])
def test_what_is_no_number_is_none(typed: str) -> None:
    assert tokens.read_number(typed) is None


@quick
@given(events, ids, st.integers(0, 36**9), st.emails())
def test_a_signed_id_says_what_it_was_made_for(event: str, ticket: int, article: int, recipient: str) -> None:
    made = tokens.message_id(KEYS, event, ticket, article, recipient, "desk.example")
    read = tokens.read_signed(made, KEYS)
    assert read is not None
    assert (read.event, read.ticket_id, read.article_id) == (event, ticket, article)
    assert read.is_for(recipient.upper()) and not read.is_for("someone.else@example.org")
    assert made == tokens.message_id(KEYS, event, ticket, article, recipient, "desk.example"), "the same on every try"
    assert tokens.read_signed(made.upper(), KEYS) == read, "relays change case"
    assert tokens.read_signed(f"{made.partition('@')[0]}@relay.example", KEYS) == read, "and domains"


@quick
@given(events, ids, st.data())
def test_a_changed_id_is_nobodys(event: str, ticket: int, data: st.DataObject) -> None:
    left = tokens.sign(KEYS, event, ticket, 7, "anna@acme.example")
    place = data.draw(st.integers(0, len(left) - 1))
    other = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789.").filter(lambda c: c != left[place]))
    assert tokens.read_signed(left[:place] + other + left[place + 1 :], KEYS) is None


def test_old_keys_are_accepted_and_foreign_ones_are_not() -> None:
    old = tokens.sign(Keys("a", KEYS.secrets), "answer", 1, 2, "anna@acme.example")
    assert tokens.read_signed(old, KEYS) is not None
    assert tokens.read_signed(tokens.sign(Keys("a", {"a": b"else"}), "answer", 1, 2, "anna@acme.example"), KEYS) is None
    assert tokens.read_signed(tokens.sign(Keys("c", {"c": b"else"}), "answer", 1, 2, "anna@acme.example"), KEYS) is None


@pytest.mark.parametrize(
    "text", ["", "@", "mg", "printer@acme.example", "mga1.2.aaaaaa.b", "mgz1.2.aaaaaa.baaaaaaaaaaaaa"]
)
def test_what_is_no_id_of_ours_is_none(text: str) -> None:
    assert tokens.read_signed(text, KEYS) is None


@pytest.mark.parametrize(
    "domain", ["d.example", "a.very.long.name.of.a.help.desk.of.some.company.example", "x" * 63 + ".example", "y" * 63]
)
@pytest.mark.parametrize(("ticket", "article"), [(1, 2), (36**9 - 1, 36**10 - 1)])
def test_an_id_is_at_most_70_characters_with_its_brackets(domain: str, ticket: int, article: int) -> None:
    made = tokens.message_id(KEYS, "answer", ticket, article, "anna@acme.example", domain)
    left, _, right = made.partition("@")
    assert len(f"<{made}>") <= 70
    assert right and domain.endswith(right) and right[0].isalnum()
    assert tokens.read_signed(made, KEYS) is not None
    assert tokens.on_domain(left, domain) == made
