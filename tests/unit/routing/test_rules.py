"""Rules: every field, every operator, what they set, and what is said about a wrong one."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from unit.routing.world import message

from parsing.message import Attachment, ParsedMessage
from routing.mail import Envelope
from routing.rules import RuleError, Seen, compile_rule, run

MAIL = message(
    "anna@acme.example",
    "The printer HP-4 burns.\nPlease help.",
    to=["help@desk.example"],
    cc=["ben@acme.example"],
    subject="Printer HP-4 is out of toner",
    reply="The printer HP-4 burns.",
    language="en",
    attachments=(Attachment("plan.pdf", "application/pdf", 3, "0" * 64, False, None, b"pdf"),),
    headers=(("X-Origin", "scanner"), ("X-Empty", ""), ("X-Origin", "floor two")),
)


HUMAN, LIST = '{ kind = { equals = "human" } }', '{ kind = { equals = "list" } }'
BIG, HUGE = '{ size = { over = "1MB" } }', '{ size = { over = "9MB" } }'


def seen(read: ParsedMessage = MAIL, **changes: Any) -> Seen:
    envelope = Envelope("smtp", "", "anna@acme.example", ("help@desk.example",), 0.0, 0.0)
    values = {"trust": "unverified", "partner": "Acme", "queue": "Service Desk", "size": 2_000_000, **changes}
    return Seen(read, envelope, **values)


def matches(when: str, mail: Seen | None = None) -> bool:
    """Whether a condition as it stands in a file of settings holds."""
    rule = compile_rule("r", tomllib.loads(f"when = {when}")["when"], {"priority": 5})
    return bool(run([rule], mail or seen()).matched)


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ('{ subject = { contains = "TONER" } }', '{ subject = { contains = "ink" } }'),
        ('{ subject = { matches = "(?i)hp-\\\\d" } }', '{ subject = { matches = "hp-\\\\d" } }'),
        ('{ subject = { equals = "printer hp-4 is out of toner" } }', '{ subject = { equals = "printer" } }'),
        ('{ body = { contains = "please" } }', '{ body = { contains = "thanks" } }'),
        ('{ reply = { contains = "burns" } }', '{ reply = { contains = "please" } }'),
        ('{ from = { equals = "Anna@ACME.example" } }', '{ from = { equals = "ben@acme.example" } }'),
        ('{ from = { in = ["x@y.example", "anna@acme.example"] } }', '{ from = { in = ["x@y.example"] } }'),
        ('{ to = { contains = "ben@" } }', '{ to = { contains = "carl@" } }'),
        ('{ recipient = { equals = "help@desk.example" } }', '{ recipient = { equals = "ben@acme.example" } }'),
        ('{ "header.x-origin" = { equals = "floor two" } }', '{ "header.X-Origin" = { equals = "floor one" } }'),
        ('{ header.X-Origin = { exists = true } }', '{ header.X-Origin = { exists = false } }'),
        ('{ header.X-Empty = { exists = true } }', '{ header.X-None = { exists = true } }'),
        ('{ header = { X-Origin = { contains = "scan" } } }', '{ header.X-None = { contains = "" } }'),
        ('{ kind = { equals = "human" } }', '{ kind = { in = ["list", "alert"] } }'),
        ('{ partner = { equals = "acme" } }', '{ partner = { exists = false } }'),
        ('{ queue = { equals = "Service Desk" } }', '{ queue = { equals = "Hardware" } }'),
        ('{ trust = { in = ["unverified", "failed"] } }', '{ trust = { equals = "authenticated" } }'),
        ('{ language = { equals = "en" } }', '{ language = { equals = "de" } }'),
        ('{ size = { over = "1MB" } }', '{ size = { over = "2MB" } }'),
        ('{ size = { under = "3 MB", over = 10 } }', '{ size = { under = "1999kB" } }'),
        ('{ size = { equals = 2000000 } }', '{ size = { equals = 1 } }'),
        ('{ attachment = { matches = "\\\\.pdf$" } }', '{ attachment = { matches = "\\\\.exe$" } }'),
        ('{ attachment = { exists = true } }', '{ attachment = { exists = false } }'),
        (f"{{ all = [{HUMAN}, {BIG}] }}", f"{{ all = [{HUMAN}, {HUGE}] }}"),
        (f"{{ any = [{LIST}, {BIG}] }}", f"{{ any = [{LIST}, {HUGE}] }}"),
        (f"{{ not = {LIST} }}", f"{{ not = {HUMAN} }}"),
        ('{ subject.contains = "toner", kind.in = ["human"] }', '{ subject.contains = "toner", kind.in = ["list"] }'),
        (f"{{ not = {{ any = [{LIST}, {{ not = {BIG} }}] }} }}", f"{{ not = {{ any = [{BIG}] }} }}"),
        ("{}", '{ subject = { exists = false } }'),
    ],
)  # fmt: skip
def test_a_condition_holds_or_does_not(yes: str, no: str) -> None:
    assert matches(yes)
    assert not matches(no)


def test_what_a_pattern_captures_is_set_in_texts_tags_and_fields() -> None:
    rule = compile_rule(
        "printers",
        {"subject": {"matches": r"(?i)printer (?P<model>\S+)"}, "from": {"matches": "@(?P<domain>.+)"}},
        {"queue": "{domain}", "tags": ["{model}", "print"], "fields": {"model": "{model} {unknown}"}, "priority": 5},
    )
    assert run([rule], seen()).set == {
        "queue": "acme.example",
        "tags": ("HP-4", "print"),
        "fields": {"model": "HP-4 {unknown}"},
        "priority": 5,
    }


def test_a_captured_text_is_not_filled_in_again() -> None:
    rule = compile_rule("r", {"subject": {"matches": r"(?P<a>\S+) (?P<b>\S+)"}}, {"fields": {"f": "{a}"}})
    assert run([rule], seen(message("anna@acme.example", subject="{b} secret"))).set == {"fields": {"f": "{b}"}}


def test_later_rules_overwrite_add_and_see_the_queue_until_one_stops() -> None:
    rules = [
        compile_rule("one", {}, {"queue": "Hardware", "tags": ["a"], "fields": {"x": "1"}, "priority": 1}),
        compile_rule(
            "two", {"queue": {"equals": "Hardware"}}, {"tags": ["a", "b"], "fields": {"y": "2"}, "priority": 2}
        ),
        compile_rule("no", {"queue": {"equals": "Service Desk"}}, {"priority": 5}),
        compile_rule("stop", {}, {"acknowledge": False}, stop=True),
        compile_rule("never", {}, {"priority": 4}),
    ]
    outcome = run(rules, seen())
    assert [name for name, _ in outcome.matched] == ["one", "two", "stop"]
    assert outcome.matched[1][1] == {"tags": ("a", "b"), "fields": {"y": "2"}, "priority": 2}  # its own alone
    assert outcome.set == {
        "queue": "Hardware", "tags": ("a", "b"), "fields": {"x": "1", "y": "2"}, "priority": 2, "acknowledge": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("when", "set_", "said"),
    [
        ({"subjet": {"equals": "x"}}, {}, "when.subjet: there is no such field"),
        ({"header.": {"exists": True}}, {}, "when.header.: there is no such field"),
        ({"header": "x"}, {}, "when.header: write header.NAME"),
        ({"subject": "x"}, {}, "when.subject: expected { equals"),
        ({"subject": {}}, {}, "when.subject: expected { equals"),
        ({"subject": {"like": "x"}}, {}, "when.subject.like: there is no such operator"),
        ({"subject": {"matches": "("}}, {}, "when.subject.matches: the pattern '(' cannot be used"),
        ({"subject": {"matches": r"(a)\1"}}, {}, "when.subject.matches: the pattern"),
        ({"subject": {"matches": 3}}, {}, "when.subject.matches: expected a pattern"),
        ({"subject": {"in": "x"}}, {}, "when.subject.in: expected a list of texts"),
        ({"subject": {"equals": ["x"]}}, {}, "when.subject.equals: expected a text"),
        ({"subject": {"exists": "yes"}}, {}, "when.subject.exists: expected true or false"),
        ({"subject": {"over": "1MB"}}, {}, "when.subject.over: over compares sizes"),
        ({"size": {"over": "much"}}, {}, "when.size.over: expected a size"),
        ({"all": {"subject": {"equals": "x"}}}, {}, "when.all: expected a list of conditions"),
        ({"any": []}, {}, "when.any: expected a list of conditions"),
        ({"any": [{"subject": {"equals": "x"}}, {"subjet": {}}]}, {}, "when.any[1].subjet: there is no such field"),
        ({"not": {"not": {"x": 1}}}, {}, "when.not.not.x: there is no such field"),
        ({"not": 3}, {}, "when.not: expected a table of conditions"),
        ({}, {"colour": "red"}, "set.colour: there is no such thing to set"),
        ({}, {"priority": 6}, "set.priority: expected a number from 1"),
        ({}, {"priority": True}, "set.priority: expected a number from 1"),
        ({}, {"tags": "x"}, "set.tags: expected a list of texts"),
        ({}, {"fields": {"a": 1}}, "set.fields: expected a table of texts"),
        ({}, {"acknowledge": "no"}, "set.acknowledge: expected true or false"),
        ({}, {"type": "Wish"}, "set.type: expected one of Incident"),
        ({}, {"queue": 3}, "set.queue: expected a text"),
    ],
)
def test_a_wrong_rule_is_told_where_and_what_was_expected(
    when: dict[str, Any], set_: dict[str, Any], said: str
) -> None:
    with pytest.raises(RuleError) as error:
        compile_rule("r", when, set_)
    assert str(error.value).startswith(said), json.dumps(str(error.value))


def test_a_pattern_that_traps_other_engines_runs_in_linear_time() -> None:
    rule = compile_rule("trap", {"body": {"matches": "^(a+)+$"}, "subject": {"matches": "(x*)*y"}}, {"priority": 1})
    bomb = message("anna@acme.example", "a" * 100_000 + "!", subject="x" * 5_000)
    assert run([rule], seen(bomb)).matched == ()  # a backtracking engine would still be at it when the sun burns out
