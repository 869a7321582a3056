"""Rules in words."""

from __future__ import annotations

from typing import Any

import pytest

from mailgate.cli.rules import condition, effect


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({}, "always"),
        ({"subject": {"contains": "printer"}}, 'subject contains "printer"'),
        ({"kind": {"in": ["alert", "bounce"]}, "size": {"over": "1MB"}},
         'kind is one of "alert", "bounce" and size is over "1MB"'),
        ({"any": [{"from": {"equals": "a@x.example"}}, {"to": {"equals": "b@x.example"}}]},
         '(from is "a@x.example" or to is "b@x.example")'),
        ({"not": {"attachment": {"exists": True}}}, "not (attachment is there)"),
        ({"attachment": {"exists": False}}, "attachment is not there"),
        ({"header.X-Loop": {"exists": True}}, "header X-Loop is there"),
        ({"header": {"X-Loop": {"matches": "1"}}}, 'header X-Loop matches "1"'),
        ({"partner": "Acme"}, 'partner is "Acme"'),
    ],
)  # fmt: skip
def test_condition_reads_as_a_sentence(when: dict[str, Any], said: str) -> None:
    assert condition(when) == said


def test_what_is_set_reads_as_a_list() -> None:
    set_ = {
        "queue": "Hardware",
        "fields": {"model": "{model}"},
        "tags": ["a", "b"],
        "acknowledge": False,
        "priority": 4,
    }
    assert effect(set_) == 'queue = "Hardware", model = "{model}", tags = "a", "b", acknowledge = no, priority = 4'
