"""Rules of the settings that cannot be used, each with its place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mailgate.settings.misfits import nearest
from mailgate.settings.people import Rule
from mailgate.settings.sources import Misfit, Place
from routing.rules import RuleError, compile_rule

NEAR = 0.8  # how alike a queue's name must be to one with a section to be taken for a slip of the pen

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_GROUP = re.compile(r"(?<!\\)\(\?P?<([A-Za-z_]\w*)>")
_NAMED = re.compile(r"\{([A-Za-z_]\w*)\}")  # a captured word in what is set


def find(rules: tuple[Rule, ...], queues: tuple[str, ...]) -> Iterator[Misfit]:
    """Top to bottom. `queues`: those with a section of their own."""
    for index, rule in enumerate(rules):
        try:
            compile_rule(rule.name, rule.when, rule.set, stop=rule.stop)
        except RuleError as error:
            inside, _, said = str(error).partition(": ")
            yield Misfit(("rule", index, *_steps(inside)), said)
            continue
        queue = rule.set.get("queue")
        if isinstance(queue, str) and queue not in queues and (meant := nearest(queue, queues, NEAR)) is not None:
            yield Misfit(("rule", index, "set", "queue"), f'there is no queue "{queue}"; did you mean "{meant}"?')
        known = set(_captures(rule.when))
        for place, name in _wanted(rule.set, ("rule", index, "set")):
            if name not in known:
                yield Misfit(place, _unknown(name, known))


def _unknown(name: str, known: set[str]) -> str:
    if not known:
        return f"nothing captures {{{name}}}; name a group in a pattern: matches = '(?P<{name}>...)'"
    meant = nearest(name, known)
    hint = f"did you mean {{{meant}}}?" if meant else f"captured are {', '.join(f'{{{k}}}' for k in sorted(known))}"
    return f"nothing captures {{{name}}}; {hint}"


def _steps(inside: str) -> Iterator[str | int]:
    """`when.any[1].subject` step by step."""
    for name, number in _STEP.findall(inside):
        yield int(number) if number else name


def _captures(when: Any) -> Iterator[str]:
    """The groups of every pattern below; what `not` inverts captures nothing."""
    if isinstance(when, list):
        for entry in when:
            yield from _captures(entry)
    elif isinstance(when, Mapping):
        for key, value in when.items():
            if key == "matches" and isinstance(value, str):
                yield from _GROUP.findall(value)
            elif key != "not":
                yield from _captures(value)


def _wanted(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield from ((place, found) for found in _NAMED.findall(value))
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _wanted(entry, (*place, str(key)))
    elif isinstance(value, list):
        for entry in value:
            yield from _wanted(entry, place)
