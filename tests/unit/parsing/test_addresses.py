"""Mailboxes are read as people meant them, and never another person's."""

from __future__ import annotations

import pytest

from parsing import addresses, limits
from parsing.message import Address


def read(value: str) -> list[tuple[str, str]]:
    return [(one.name, one.address) for one in addresses.parse([value])]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Jane Doe <jane@x.example>", [("Jane Doe", "jane@x.example")]),
        ("jane@X.Example", [("", "jane@x.example")]),
        ('"Doe, Jane" <j@x.example>, Bob <b@y.example>', [("Doe, Jane", "j@x.example"), ("Bob", "b@y.example")]),
        ("j@x.example (Jane (the boss) Doe)", [("Jane (the boss) Doe", "j@x.example")]),
        ('"john doe"@x.example', [("", '"john doe"@x.example')]),
        ("Jane <j@[192.0.2.1]>", [("Jane", "j@[192.0.2.1]")]),
        (
            "Friends: a@b.example, Bo <b@c.example>; c@d.example",
            [("", "a@b.example"), ("Bo", "b@c.example"), ("", "c@d.example")],
        ),
        ("undisclosed-recipients:;", []),
        ("<@relay.example,@b.example:j@x.example>", [("", "j@x.example")]),
        ("Jane <j @ x.example>", [("Jane", "j@x.example")]),
        ("Jane <j(own)@x.example(host)>", [("Jane", "j@x.example")]),
        ("j@x . example, Bo <b@y.example.>", [("", "j@x.example"), ("Bo", "b@y.example")]),
        ("j@x.example <>", [("", "j@x.example")]),
        ("=?utf-8?Q?Doe,_J=C3=B6rg?= <j@x.example>", [("Doe, Jörg", "j@x.example")]),
        ('"=?utf-8?B?SsO2cmc=?=" <j@x.example>', [("Jörg", "j@x.example")]),
        ("", []),
        ("<>", []),
        ("root", [("", "root")]),
        ("<root>", [("", "root")]),
        ("<=?utf-8?B?SsO2cmcgRG9l?=>", []),
        ('"jane"@acme.example', [("", "jane@acme.example")]),  # RFC 5321 section 4.1.2: all quoting is one mailbox
        ('Jane <"jane.doe"@acme.example>', [("Jane", "jane.doe@acme.example")]),
        ('Jane <"jane doe"@acme.example>', [("Jane", '"jane doe"@acme.example')]),
        ('<"jane..doe"@acme.example>', [("", '"jane..doe"@acme.example')]),
        ('<"jane@evil.example"@acme.example>', [("", '"jane@evil.example"@acme.example')]),
    ],
)
def test_valid_forms_are_read(value: str, expected: list[tuple[str, str]]) -> None:
    assert read(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("alice@example.com <bob@example.com>", [("alice@example.com", "bob@example.com")]),
        ('"alice@example.com" <bob@example.com>', [("alice@example.com", "bob@example.com")]),
        ("alice@a.example bob@b.example", [("", "alice@a.example"), ("", "bob@b.example")]),
        ("Alice <alice@a.example> Bob <bob@b.example>", [("Alice", "alice@a.example"), ("Bob", "bob@b.example")]),
    ],
)
def test_an_address_in_a_name_is_never_taken_for_the_author(value: str, expected: list[tuple[str, str]]) -> None:
    assert read(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Doe, Jane <j@x.example>", [("Doe, Jane", "j@x.example")]),
        ("Jane <j@x.example", [("Jane", "j@x.example")]),
        ("Jane <<j@x.example>>", [("Jane", "j@x.example")]),
        ('"unclosed <j@x.example>', [("unclosed", "j@x.example")]),
        ("Jane (unclosed <j@x.example>", [("Jane unclosed", "j@x.example")]),
        ("j@x.example Jane Doe", [("Jane Doe", "j@x.example")]),
        ("<j@x.example> Jane", [("Jane", "j@x.example")]),
        ("a@b.example; c@d.example", [("", "a@b.example"), ("", "c@d.example")]),
        ("Jane <mailto:j@x.example>", [("Jane", "j@x.example")]),
        ("Jane Doe [mailto:j@x.example]", [("Jane Doe", "j@x.example")]),
        ("=?utf-8?Q?Jane_=3Cj=40x.example=3E?=", [("Jane", "j@x.example")]),
        ("J\xc3\xb6rg <j@x.example>", [("Jörg", "j@x.example")]),
        ("MAILER-DAEMON (Mail Delivery System)", [("Mail Delivery System", "MAILER-DAEMON")]),
    ],
)
def test_broken_forms_are_read_as_meant(value: str, expected: list[tuple[str, str]]) -> None:
    assert read(value) == expected


def test_all_from_fields_are_read_together() -> None:
    assert addresses.parse(["a@b.example", "c@d.example"]) == (Address("", "a@b.example"), Address("", "c@d.example"))


def test_the_list_stops_at_its_limit() -> None:
    assert len(addresses.parse(["a@b.example, " * (limits.ADDRESSES + 5)])) == limits.ADDRESSES
    assert len(addresses.parse(["a@b.example, " * 5])) == 5


def test_return_path_of_a_bounce_is_empty() -> None:
    assert addresses.bare("<>") == ""
    assert addresses.bare("<jane@x.example>") == "jane@x.example"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("'Jane Doe' <j@x.example>", "Jane Doe"),
        ("\"'Jane Doe'\" <j@x.example>", "Jane Doe"),
        ("=?utf-8?q?'Jane_D=C3=B6e'?= <j@x.example>", "Jane Döe"),
        ("'O'Neil' <j@x.example>", "O'Neil"),
        ("D'Arcy <j@x.example>", "D'Arcy"),
        ("Jane 'JD' <j@x.example>", "Jane 'JD'"),
        ("'Jane' and 'Bob' <j@x.example>", "'Jane' and 'Bob'"),
    ],
)
def test_apostrophes_around_a_whole_name_are_no_part_of_it(value: str, name: str) -> None:
    assert [one.name for one in addresses.parse([value])] == [name]


def test_raw_japanese_before_an_address_is_its_name() -> None:
    raw = "鈴木".encode("iso2022_jp").decode("latin-1")
    assert addresses.parse([f"{raw} <j@x.example>"]) == (Address("鈴木", "j@x.example"),)
