"""Each mail in `tests/mails` is read as the JSON beside it says; `tests/mails/README.md` tells how to add one."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import Any, get_args

import pytest
from mails.golden import HERE, expected, golden, names, text

from parsing.message import Kind

NAMES = names()
LEAST_MAILS = 120
LEAST_LANGUAGES = 20


def language(name: str) -> str:
    """The language that the mail is written in, as its name says: "forwards/notes.de", "languages/gmail.zh-tw"."""
    return name.rpartition(".")[2].partition("-")[0]


@pytest.mark.parametrize("name", NAMES)
def test_mail_is_read_as_its_json_says(name: str) -> None:
    should, found = expected(name), golden(name)
    if should != found:
        lines = (text(side).splitlines() for side in (should, found))
        difference = "\n".join(difflib.unified_diff(*lines, "should be", "is", lineterm="", n=2))
        pytest.fail(f"{difference}\n\nIf it is right as it is: .venv/bin/python tests/mails/golden.py {name}", False)


def test_every_json_has_its_mail() -> None:
    assert {str(path.relative_to(HERE))[: -len(".json")] for path in HERE.rglob("*.json")} == set(NAMES)


def test_there_are_mails_of_every_kind_and_of_twenty_languages() -> None:
    assert len(NAMES) >= LEAST_MAILS
    kinds = Counter(expected(name)["kind"] for name in NAMES)
    assert set(kinds) == set(get_args(Kind))
    assert len({language(name) for name in NAMES}) >= LEAST_LANGUAGES


@pytest.mark.parametrize("folder", ["clients", "forwards", "notices", "attachments", "sealed", "calendar", "broken"])
def test_no_folder_is_empty(folder: str) -> None:
    assert any(name.startswith(f"{folder}/") for name in NAMES)


def test_a_language_that_is_told_is_the_one_that_the_mail_is_written_in() -> None:
    told = {name: found for name in NAMES if (found := expected(name).get("language"))}
    assert len(told) > len(NAMES) / 4
    assert {name: found for name, found in told.items() if found != language(name)} == {}


def test_mails_name_nobody_who_exists() -> None:
    """RFC 2606 section 2: `.example` belongs to nobody."""

    def addresses(one: Any) -> list[str]:
        if isinstance(one, list):
            return [address for each in one for address in addresses(each)]
        return [one["address"]] if isinstance(one, dict) else []

    fields = ("from", "reply_to", "to", "cc", "forwarded_from")
    found = [a for name in NAMES for field in fields for a in addresses(expected(name).get(field))]
    assert len(found) > len(NAMES)
    assert [address for address in found if not address.endswith(".example")] == []


def test_nothing_below_our_line_is_in_the_answer_to_a_notice() -> None:
    def lines(found: str | list[str]) -> list[str]:
        return [line.strip("> ") for line in ([found] if isinstance(found, str) else found)]

    cut = 0
    for name in (name for name in NAMES if name.startswith("notices/")):
        text, reply = (lines(golden(name)[key]) for key in ("text", "reply"))
        ours = next((number for number, line in enumerate(text) if "##-" in line), len(text))
        below = {line for line in text[ours:] if len(line) > 8}
        cut += bool(below)
        assert not below & set(reply), name
    assert cut > 40
