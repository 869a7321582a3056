"""`mailgate rules list`: the rules in the order in which they run, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from mailgate.cli.command import Group, Place, json_option, pass_place
from mailgate.cli.console import People, emit, styled

OPERATORS = {
    "equals": "is",
    "contains": "contains",
    "matches": "matches",
    "in": "is one of",
    "over": "is over",
    "under": "is under",
}


@click.group(cls=Group, example="mailgate rules list")
def rules() -> None:
    """The rules of the settings."""


@rules.command("list", example="mailgate rules list")
@json_option
@pass_place
def list_(place: Place, *, as_json: bool) -> None:
    """The rules from top to bottom: when a first mail is like this, what is set on its ticket."""
    settings = place.settings()
    from mailgate.policy import NO_KEYS, build

    build(settings, NO_KEYS)  # a list of rules that cannot be used would be a lie
    if as_json:
        for position, rule in enumerate(settings.rule, 1):
            emit(
                {
                    "position": position,
                    "name": rule.name,
                    "when": rule.when,
                    "set": rule.set,
                    "stop": rule.stop,
                    "when_text": condition(rule.when),
                    "set_text": effect(rule.set),
                }
            )
        return
    people = People(settings)
    if not settings.rule:
        people.say("There are no rules; docs/rules.md says how to write one.")
        return
    people.table(
        ["", "Rule", "When*", "Set*", ""],
        [
            [
                str(position),
                styled(rule.name, "bold"),
                condition(rule.when),
                effect(rule.set),
                "and stop" if rule.stop else "",
            ]
            for position, rule in enumerate(settings.rule, 1)
        ],
    )


def condition(when: Mapping[str, Any]) -> str:
    """A table of conditions as a sentence; several fields are all."""
    return " and ".join(_part(key, value) for key, value in when.items()) or "always"


def _part(key: str, value: Any) -> str:
    if key in ("all", "any"):
        joined = (" and " if key == "all" else " or ").join(condition(entry) for entry in value)
        return f"({joined})" if len(value) > 1 else joined
    if key == "not":
        return f"not ({condition(value)})"
    if key == "header" and isinstance(value, Mapping):
        return " and ".join(_field(f"header {name}", test) for name, test in value.items())
    return _field(key.replace("header.", "header "), value)


def _field(name: str, test: Any) -> str:
    if not isinstance(test, Mapping):
        return f"{name} is {_value(test)}"
    return " and ".join(
        f"{name} {'is there' if wanted else 'is not there'}"
        if operator == "exists"
        else f"{name} {OPERATORS.get(operator, operator)} {_value(wanted)}"
        for operator, wanted in test.items()
    )


def effect(set_: Mapping[str, Any]) -> str:
    """What is set, as a list of words."""
    parts = []
    for key, value in set_.items():
        if isinstance(value, Mapping):
            parts += [f"{name} = {_value(text)}" for name, text in value.items()]
        else:
            parts.append(f"{key} = {_value(value)}")
    return ", ".join(parts) or "nothing"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return f'"{value}"' if isinstance(value, str) else str(value)
