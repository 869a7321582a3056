"""Rules of the settings: when a first mail is like this, set that on its ticket. Patterns run in linear time (RE2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

from parsing.message import ParsedMessage
from routing.mail import Envelope, Trust

FIELDS = (
    "subject",
    "body",
    "reply",
    "from",
    "to",
    "recipient",
    "kind",
    "partner",
    "queue",
    "trust",
    "language",
    "size",
    "attachment",
)
OPERATORS = ("equals", "contains", "matches", "in", "exists", "over", "under")
SETTABLE = ("queue", "type", "priority", "owner", "tags", "fields", "language", "template", "acknowledge")
TYPES = ("Incident", "Incident::Major", "ServiceRequest", "Complaint", "Alert", "Problem", "RfC")
UNITS = {"": 1, "kB": 1_000, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
BODY_LIMIT = 200_000  # characters of a body that a pattern sees; a help desk's words are before it


class RuleError(ValueError):
    """A rule that cannot be used; the text begins with the place inside it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A mail as rules see it."""

    message: ParsedMessage
    envelope: Envelope
    trust: Trust
    partner: str | None
    queue: str
    size: int


Captures = dict[str, str]
_NAMED = re.compile(r"\{(\w+)\}")  # a captured word in what is set
Test = Callable[[Seen], Captures | None]  # what the pattern captured, or None where it does not match


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, compiled. `test` answers with what its patterns captured, or None."""

    name: str
    test: Test
    set: Mapping[str, Any]
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the rules set together, and the name of each that matched with what it set, filled in."""

    set: Mapping[str, Any] = field(default_factory=dict)
    matched: tuple[tuple[str, Mapping[str, Any]], ...] = ()


def run(rules: Sequence[Rule], seen: Seen) -> Outcome:
    """The rules from top to bottom: later ones overwrite, tags and fields add up, `stop` ends."""
    result: dict[str, Any] = {}
    matched: list[tuple[str, Mapping[str, Any]]] = []
    for rule in rules:
        captures = rule.test(seen)
        if captures is None:
            continue
        own = {key: _fill(value, captures) for key, value in rule.set.items()}
        matched.append((rule.name, own))
        for key, filled in own.items():
            if key == "tags":
                result["tags"] = (
                    *result.get("tags", ()),
                    *(t for t in filled if t not in result.get("tags", ())),
                )
            elif key == "fields":
                result["fields"] = {**result.get("fields", {}), **filled}
            else:
                result[key] = filled
        if "queue" in own:
            seen = Seen(seen.message, seen.envelope, seen.trust, seen.partner, str(result["queue"]), seen.size)
        if rule.stop:
            break
    return Outcome(result, tuple(matched))


def _fill(value: Any, captures: Captures) -> Any:
    """`{name}` in a text becomes what the pattern's group of that name captured; other braces stay."""
    if isinstance(value, str):
        return _NAMED.sub(lambda found: captures.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {str(k): str(_fill(v, captures)) for k, v in value.items()}
    if isinstance(value, list):
        return tuple(_fill(v, captures) for v in value)
    return value


def compile_rule(name: str, when: Mapping[str, Any], set_: Mapping[str, Any], *, stop: bool = False) -> Rule:
    """A rule ready to run. Raises RuleError that says where in it, what was expected and what was found."""
    for key, value in set_.items():
        _check_set(key, value)
    return Rule(name, _all(when, "when"), dict(set_), stop)


def _check_set(key: str, value: Any) -> None:
    good = {
        "priority": lambda v: isinstance(v, int) and not isinstance(v, bool) and 1 <= v <= 5,
        "tags": lambda v: isinstance(v, list) and all(isinstance(t, str) for t in v),
        "fields": lambda v: isinstance(v, Mapping) and all(isinstance(t, str) for t in v.values()),
        "acknowledge": lambda v: isinstance(v, bool),
        "type": lambda v: v in TYPES,
    }
    expected = {
        "priority": "a number from 1 (very low) to 5 (very high)",
        "tags": "a list of texts",
        "fields": "a table of texts",
        "acknowledge": "true or false",
        "type": "one of " + ", ".join(TYPES),
    }
    if key not in SETTABLE:
        raise RuleError(f"set.{key}: there is no such thing to set; known are {', '.join(SETTABLE)}")
    if not good.get(key, lambda v: isinstance(v, str))(value):
        raise RuleError(f"set.{key}: expected {expected.get(key, 'a text')}, found {value!r}")


def _all(when: Any, place: str) -> Test:
    if not isinstance(when, Mapping):
        raise RuleError(f"{place}: expected a table of conditions, found {when!r}")
    tests = [_condition(key, value, place) for key, value in when.items()]

    def every(seen: Seen) -> Captures | None:
        captures: Captures = {}
        for test in tests:
            found = test(seen)
            if found is None:
                return None
            captures.update(found)
        return captures

    return every


def _condition(key: str, value: Any, place: str) -> Test:
    here = f"{place}.{key}"
    if key in ("all", "any"):
        if not isinstance(value, list) or not value:
            raise RuleError(f"{here}: expected a list of conditions, found {value!r}")
        parts = [_all(entry, f"{here}[{index}]") for index, entry in enumerate(value)]
        return _every(parts) if key == "all" else _some(parts)
    if key == "not":
        return _inverted(_all(value, here))
    if key == "header":
        if not isinstance(value, Mapping):
            raise RuleError(f'{here}: write header.NAME, such as "header.X-Loop" = {{ exists = true }}')
        return _every([_field(f"header.{name}", entry, f"{here}.{name}") for name, entry in value.items()])
    if key in FIELDS or (key.startswith("header.") and key != "header."):
        return _field(key, value, here)
    raise RuleError(f"{here}: there is no such field; known are {', '.join(FIELDS)}, header.NAME, all, any, not")


def _every(parts: Sequence[Test]) -> Test:
    def test(seen: Seen) -> Captures | None:
        captures: Captures = {}
        for part in parts:
            found = part(seen)
            if found is None:
                return None
            captures.update(found)
        return captures

    return test


def _some(parts: Sequence[Test]) -> Test:
    def test(seen: Seen) -> Captures | None:
        return next((found for part in parts if (found := part(seen)) is not None), None)

    return test


def _inverted(part: Test) -> Test:
    def test(seen: Seen) -> Captures | None:
        return {} if part(seen) is None else None

    return test


def _field(name: str, operators: Any, place: str) -> Test:
    if not isinstance(operators, Mapping) or not operators:
        raise RuleError(f"{place}: expected {{ equals | contains | matches | in | exists = ... }}, found {operators!r}")
    return _every([_operator(name, op, value, f"{place}.{op}") for op, value in operators.items()])


def _operator(name: str, operator: str, value: Any, place: str) -> Test:
    if operator not in OPERATORS:
        raise RuleError(f"{place}: there is no such operator; known are {', '.join(OPERATORS)}")
    read = _reader(name)
    if operator == "exists":
        if not isinstance(value, bool):
            raise RuleError(f"{place}: expected true or false, found {value!r}")
        if name.startswith("header."):  # an empty one is there, too
            return lambda seen: {} if bool(read(seen)) is value else None
        return lambda seen: {} if any(read(seen)) is value else None
    if operator in ("over", "under"):
        bytes_ = _size(value, place)
        if name != "size":
            raise RuleError(f"{place}: {operator} compares sizes; {name} has none")
        return lambda seen: {} if (seen.size > bytes_ if operator == "over" else seen.size < bytes_) else None
    if operator == "matches":
        if not isinstance(value, str):
            raise RuleError(f"{place}: expected a pattern, found {value!r}")
        return _pattern(read, value, place)
    wanted = value if operator == "in" else [value]
    if not isinstance(wanted, list) or not all(isinstance(v, str | int) for v in wanted):
        raise RuleError(f"{place}: expected {'a list of texts' if operator == 'in' else 'a text'}, found {value!r}")
    texts = tuple(str(v).casefold() for v in wanted)
    if operator == "contains":
        return lambda seen: {} if any(texts[0] in text.casefold() for text in read(seen)) else None
    return lambda seen: {} if any(text.casefold() in texts for text in read(seen)) else None


def _pattern(read: Callable[[Seen], Sequence[str]], pattern: str, place: str) -> Test:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)  # type: ignore[no-untyped-call]
    except re2.error as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise RuleError(f"{place}: the pattern {pattern!r} cannot be used: {said}") from None

    def test(seen: Seen) -> Captures | None:
        for text in read(seen):
            if (match := compiled.search(text)) is not None:
                return {key: value or "" for key, value in match.groupdict().items()}
        return None

    return test


def _size(value: Any, place: str) -> int:
    text = str(value).replace(" ", "")
    digits = text.rstrip("kKMGB")
    unit = text[len(digits) :].removesuffix("B") + ("B" if text[len(digits) :] else "")
    if not digits.isdigit() or unit not in {*UNITS, "B"}:
        raise RuleError(f'{place}: expected a size such as "1MB", found {value!r}')
    return int(digits) * UNITS.get(unit, 1)


def _reader(name: str) -> Callable[[Seen], Sequence[str]]:
    """The texts of a field; a condition holds where it holds for one of them."""
    if name.startswith("header."):
        header = name.removeprefix("header.")
        return lambda seen: seen.message.header_all(header)
    return _READERS[name]


_READERS: Mapping[str, Callable[[Seen], Sequence[str]]] = {
    "subject": lambda s: (s.message.subject,),
    "body": lambda s: (s.message.text[:BODY_LIMIT],),
    "reply": lambda s: (s.message.reply[:BODY_LIMIT],),
    "from": lambda s: tuple(a.address for a in s.message.from_),
    "to": lambda s: tuple(a.address for a in (*s.message.to, *s.message.cc)),
    "recipient": lambda s: s.envelope.rcpt_to,
    "kind": lambda s: (s.message.kind,),
    "partner": lambda s: (s.partner,) if s.partner else (),
    "queue": lambda s: (s.queue,),
    "trust": lambda s: (s.trust,),
    "language": lambda s: (s.message.language,) if s.message.language else (),
    "size": lambda s: (str(s.size),),
    "attachment": lambda s: tuple(a.filename for a in s.message.attachments),
}
