"""Whatever stands in a file of settings: where it is refused there is something to read, and where not there is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from mailgate import settings as module
from mailgate.settings import OURS, Settings, misfits
from mailgate.settings.sources import LISTS, Source, Sources

SECTIONS = [name for name in Settings.__struct_fields__ if name not in OURS]
KINDS = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
KEYS = sorted({name for kind in KINDS for name in kind.__struct_fields__} - set(OURS))

leaves = st.one_of(
    st.booleans(),
    st.integers(-5, 70_000),
    st.floats(allow_nan=False),
    st.sampled_from(
        [
            "none",
            "starttls",
            "verp",
            "25MB",
            "5/10m",
            "off",
            "now",
            "2026-01-31",
            "20260131",
            "2026-02-30",
            "move:Done",
            "",
            "x",
            "en",
        ]
    ),
    st.text(max_size=8),
    st.dates(),
    st.datetimes(),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*KEYS, "nonsense"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def entry(kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """A section as it should be, but that now and then a value is anything."""
    needed, more = {}, {}
    for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
        example = field.type.extra["example"]
        good = field.default if example is None else example
        good = list(good) if isinstance(good, tuple) else good  # TOML knows lists only
        (needed if field.required else more)[field.name] = st.integers(0, 99).flatmap(
            lambda n, good=good: leaves if n == 99 else st.just(good)  # type: ignore[misc]
        )
    return st.fixed_dictionaries(needed, optional=more)


def section(name: str) -> st.SearchStrategy[Any]:
    kind = next(kind for kind in KINDS if kind.__name__.lower() == name)
    return st.lists(entry(kind), max_size=2) if name in LISTS else entry(kind)


SHAPED = [kind.__name__.lower() for kind in KINDS if kind.__name__.lower() in SECTIONS]
shaped = st.fixed_dictionaries(
    {"desk": section("desk")}, optional={name: section(name) for name in SHAPED if name != "desk"}
)
anything = st.dictionaries(st.sampled_from([*SECTIONS, *OURS, "nonsense"]), values, max_size=5)
trees = st.one_of(shaped, shaped, anything)


def fits(tree: dict[str, Any]) -> bool:
    if any(key in tree for key in OURS):
        return False
    try:
        msgspec.convert(tree, Settings)
    except msgspec.ValidationError:
        return False
    return True


@limits(max_examples=300, deadline=None, derandomize=True)
@given(trees)
def test_what_is_refused_is_told_and_what_is_told_is_refused(tree: dict[str, Any]) -> None:
    found = misfits.find(tree, Settings, hidden=OURS)
    assert bool(found) is not fits(tree), found
    read = Sources(Source(Path("mailgate.toml"), "", tree), tree)
    for misfit in found:
        sentence = read.sentence(misfit)
        assert sentence.startswith("mailgate.toml: ")
        assert "\n" not in sentence


def test_every_setting_says_what_it_does() -> None:
    for kind in KINDS:
        for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
            if kind is Settings and (field.name in OURS or field.name in SECTIONS):
                continue
            assert (field.type.extra or {}).get("about"), f"{kind.__name__}.{field.name}"
