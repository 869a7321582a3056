"""Whatever stands in a file of settings: where it is refused there is something to read, and where not there is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from mailgate import misfits
from mailgate import settings as module
from mailgate.settings import OURS, Settings
from mailgate.sources import Source, Sources

SECTIONS = [name for name in Settings.__struct_fields__ if name not in OURS]
KINDS = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
KEYS = sorted({name for kind in KINDS for name in kind.__struct_fields__} - set(OURS))

leaves = st.one_of(
    st.none().map(lambda _: "help@desk.example"),
    st.booleans(),
    st.integers(-5, 70_000),
    st.floats(allow_nan=False),
    st.sampled_from(
        ["none", "starttls", "verp", "25MB", "5/10m", "off", "now", "2026-01-31", "move:Done", "", "x", "en"]
    ),
    st.text(max_size=8),
    st.dates(),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*KEYS, "nonsense"]), inner, max_size=4)
    ),
    max_leaves=12,
)
trees = st.dictionaries(st.sampled_from([*SECTIONS, *OURS, "nonsense"]), values, max_size=5).map(
    lambda tree: {"desk": {"name": "Help", "address": "help@desk.example"}, **tree}
)


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
