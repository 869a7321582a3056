from __future__ import annotations

import pytest

from mailgate.intake import replies
from mailgate.intake.arguments import Sender, recipient, sender

SIZE = 1000


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<ann@acme.example>", "ann@acme.example"),
        ("from: <ann@acme.example>", "ann@acme.example"),
        ("FROM:ann@acme.example", "ann@acme.example"),
        ("FROM:<>", ""),
        ("FROM:<nagios>", "nagios"),
        ("FROM:<@one.example,@two.example:ann@acme.example>", "ann@acme.example"),
        ('FROM:<"ann \\"a\\" smith"@acme.example>', '"ann \\"a\\" smith"@acme.example'),
        ('FROM:<"ann.smith+x"@acme.example>', "ann.smith+x@acme.example"),
        ('FROM:<"ann smith"@acme.example>', '"ann smith"@acme.example'),
        ('FROM:<".ann"@acme.example>', '".ann"@acme.example'),
        ('FROM:<"ann@bob"@acme.example>', '"ann@bob"@acme.example'),
        ("FROM:<ann@[192.0.2.1]>", "ann@[192.0.2.1]"),
        ("FROM:<CN=Ann/O=Acme@acme.example>", "CN=Ann/O=Acme@acme.example"),
        (f"FROM:<{'a' * 300}@acme.example>", f"{'a' * 300}@acme.example"),
    ],
)
def test_sender_is_read_in_every_form_in_use(argument: str, address: str) -> None:
    assert sender(argument, SIZE) == Sender(address, 0, smtputf8=False)


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("", replies.SENDER_SYNTAX),
        ("FROM", replies.SENDER_SYNTAX),
        ("TO:<ann@acme.example>", replies.SENDER_SYNTAX),
        ("FROM:", replies.SENDER_SYNTAX),
        ("FROM:<ann@acme.example", replies.SENDER_ADDRESS),
        ("FROM:<ann smith@acme.example>", replies.SENDER_ADDRESS),
        ("FROM:<ann@bob@acme.example>", replies.SENDER_ADDRESS),
        ("FROM:<@acme.example>", replies.SENDER_ADDRESS),
        ("FROM:<ann@>", replies.SENDER_ADDRESS),
        ("FROM:<ann@acme.example>SIZE=1", replies.SENDER_ADDRESS),
        ("FROM:<ann@acme.example> SIZE", replies.PARAMETER_SYNTAX),
        ("FROM:<ann@acme.example> SIZE=-1", replies.PARAMETER_SYNTAX),
        ("FROM:<ann@acme.example> SIZE=²", replies.PARAMETER_SYNTAX),
        ("FROM:<ann@acme.example> SMTPUTF8=yes", replies.PARAMETER_SYNTAX),
        ("FROM:<ann@acme.example> BODY=8BITMIME body=7BIT", replies.PARAMETER_SYNTAX),
        ("FROM:<ann@acme.example> =x", replies.PARAMETER_SYNTAX),
        ("FROM:<ann@acme.example> AUTH=<>", replies.PARAMETER_UNKNOWN),
        ("FROM:<ann@acme.example> HOLDFOR=60", replies.PARAMETER_UNKNOWN),
        ("FROM:<ann@acme.example> SIZE=1001", replies.TOO_BIG),
        ("FROM:<jürgen@acme.example>", replies.NEEDS_SMTPUTF8),
    ],
)
def test_sender_that_cannot_be_read_is_refused(argument: str, reply: replies.Reply) -> None:
    assert sender(argument, SIZE) is reply


def test_declared_size_up_to_the_limit_is_kept_in_mind() -> None:
    assert sender("FROM:<ann@acme.example> size=1000 BODY=8bitmime", SIZE) == Sender("ann@acme.example", 1000, False)


def test_sender_outside_ascii_needs_smtputf8() -> None:
    assert sender("FROM:<jürgen@acme.example> SMTPUTF8", SIZE) == Sender("jürgen@acme.example", 0, smtputf8=True)


@pytest.mark.parametrize("argument", ["TO:<postmaster>", "to: postmaster", "TO:<@one.example:postmaster>"])
def test_recipient_is_read_with_and_without_brackets(argument: str) -> None:
    assert recipient(argument, smtputf8=False) == "postmaster"


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("<help@desk.example>", replies.RECIPIENT_SYNTAX),
        ("TO:", replies.RECIPIENT_SYNTAX),
        ("TO:<>", replies.RECIPIENT_ADDRESS),
        ("TO:<help desk@desk.example>", replies.RECIPIENT_ADDRESS),
        ("TO:<help@desk.example> ORCPT=rfc822;x", replies.PARAMETER_UNKNOWN),
        ("TO:<hülfe@desk.example>", replies.NEEDS_SMTPUTF8),
    ],
)
def test_recipient_that_cannot_be_read_is_refused(argument: str, reply: replies.Reply) -> None:
    assert recipient(argument, smtputf8=False) is reply
