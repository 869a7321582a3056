"""Every way in which a tree of TOML does not fit the types of the settings, each said so that a person can mend it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from msgspec import inspect

from mailgate.settings.sources import LISTS, Misfit, Place

SECRETS = ("password", "pass", "passwd", "secret")


def find(tree: Mapping[str, Any], settings: type, *, hidden: Iterable[str] = ()) -> list[Misfit]:
    """All misfits, top to bottom. `hidden`: fields of the root that no file may set."""
    kind = inspect.type_info(settings)
    assert isinstance(kind, inspect.StructType)
    return list(_struct(kind, tree, (), frozenset(hidden)))


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known name that was probably meant; `likeness` from 0 to 1 as difflib measures it."""
    by_fold = {k.casefold(): k for k in known}
    close = difflib.get_close_matches(name.casefold(), list(by_fold), 1, likeness)
    return by_fold[close[0]] if close else None


def quoted(values: Iterable[Any]) -> str:
    """`"a", "b" or "c"`."""
    words = [f'"{value}"' for value in values]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)


def shown(value: Any) -> str:
    """A value as it stands in TOML, cut where it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = value if len(value) <= 60 else f"{value[:60]}..."
        return f'"{text}"'
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, list):
        return "a list"
    return str(value)


def _struct(
    kind: inspect.StructType, value: Any, place: Place, hidden: frozenset[str] = frozenset()
) -> Iterator[Misfit]:
    if not isinstance(value, Mapping):
        yield Misfit(place, _no_section(place, value))
        return
    fields = {f.encode_name: f for f in kind.fields if f.encode_name not in hidden}
    for name, entry in value.items():
        if name in fields:
            yield from _value(fields[name].type, entry, (*place, name))
        else:
            yield Misfit((*place, name), _unknown(name, list(fields), place))
    for name, known in fields.items():
        if known.required and name not in value:
            example = _extra(known.type).get("example")
            add = f'add {name} = "{example}"' if example else f"add [{name}]"
            yield Misfit((*place, name), f"is missing; {add}")


def _no_section(place: Place, value: Any) -> str:
    name = place[0]
    if isinstance(value, list) and len(place) == 1:
        return f"there is one such section; write [{name}] with single brackets"
    return f"expected a section, found {shown(value)}; write [{name}] and its keys below"


def _unknown(name: str, known: list[str], place: Place) -> str:
    what = "setting" if place else "section or setting"
    if name.lower() in SECRETS and "password_file" in known:
        return f"there is no such {what}: secrets stand in a file of their own, named by password_file"
    close = nearest(name, known) or (nearest(name.rstrip("s"), known) if name.endswith("s") else None)
    mend = f"did you mean {close}?" if close else f"known here: {', '.join(sorted(known))}"
    return f"there is no such {what}; {mend}"


def _extra(kind: inspect.Type) -> Mapping[str, Any]:
    return (kind.extra or {}) if isinstance(kind, inspect.Metadata) else {}


def _plain(kind: inspect.Type) -> tuple[inspect.Type, str | None]:
    """A type without its metadata and without None (TOML has none), and what is expected there."""
    expected = None
    while True:
        if isinstance(kind, inspect.Metadata):
            expected = expected or (kind.extra_json_schema or {}).get("description")
            kind = kind.type
        elif isinstance(kind, inspect.UnionType):
            kind = next(t for t in kind.types if not isinstance(t, inspect.NoneType))
        else:
            return kind, expected


def _value(kind: inspect.Type, value: Any, place: Place) -> Iterator[Misfit]:
    plain, expected = _plain(kind)
    if isinstance(plain, inspect.StructType):
        yield from _struct(plain, value, place)
    elif isinstance(plain, inspect.VarTupleType):
        yield from _list(plain, value, place)
    else:
        said = _leaf(plain, expected, value, str(place[-1]))
        if said:
            yield Misfit(place, said)


def _list(kind: inspect.VarTupleType, value: Any, place: Place) -> Iterator[Misfit]:
    if isinstance(value, list):
        sections = place[0] in LISTS and len(place) == 1
        for index, entry in enumerate(value):
            for misfit in _value(kind.item_type, entry, (*place, index)):
                yield misfit if sections else Misfit(place, misfit.text)
    elif isinstance(value, Mapping):
        yield Misfit(place, f"there may be several; write [[{place[0]}]] with double brackets")
    else:
        yield Misfit(place, f"expected a list, found {shown(value)}; write {place[-1]} = [{shown(value)}]")


def _leaf(kind: inspect.Type, expected: str | None, value: Any, key: str) -> str | None:
    """What is wrong with a single value; None where nothing is."""
    match kind:
        case inspect.LiteralType():
            if value in kind.values and isinstance(value, str):
                return None
            close = nearest(value, map(str, kind.values)) if isinstance(value, str) else None
            hint = f'; did you mean "{close}"?' if close else ""
            return f"expected {quoted(kind.values)}, found {shown(value)}{hint}"
        case inspect.StrType():
            if not isinstance(value, str):
                return f"expected {expected or 'a text'}, found {shown(value)}{_requote(value, key)}"
            if kind.pattern and not re.search(kind.pattern, value):
                return f"expected {expected or 'another text'}, found {shown(value)}"
        case inspect.IntType():
            return _number(kind, expected or "a number", value, key)
        case inspect.DateType():
            if not (isinstance(value, date) and not isinstance(value, datetime)) and not _is_day(value):
                return f"expected {expected or 'a day'}, found {shown(value)}"
        case inspect.BoolType():
            if not isinstance(value, bool):
                word = str(value).lower()
                meant = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
                hint = f"; write {key} = {meant[word]}" if word in meant else ""
                return f"expected true or false, found {shown(value)}{hint}"
        case inspect.DictType():
            if not isinstance(value, Mapping):
                return f"expected a table in braces such as {{ key = value }}, found {shown(value)}"
    return None


def _is_day(value: Any) -> bool:
    """In quotes; of the ways to write one that Python knows, msgspec takes one (RFC 3339 section 5.6)."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _number(kind: inspect.IntType, expected: str, value: Any, key: str) -> str | None:
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value.strip()):
        return f"expected {expected}, found {shown(value)} in quotes; write {key} = {value.strip()}"
    if not isinstance(value, int) or isinstance(value, bool):
        return f"expected {expected}, found {shown(value)}"
    low, high = kind.ge, kind.le
    if (low is not None and value < low) or (high is not None and value > high):
        return f"expected {expected}, found {value}"
    return None


def _requote(value: Any, key: str) -> str:
    if isinstance(value, bool | int | float):
        return f' without quotes; write {key} = "{shown(value)}"'
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return f'; write {key} = "{value[0]}"'
    return ""
