"""Subjects: one conversation in every client, and no advertising through us."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.outgoing import subjects


@pytest.mark.parametrize(
    "theirs",
    ["Printer", "Re: Printer", "RE: re: Printer", "AW: Printer", "Re[2]: Printer", "Sv : Printer", "回复：Printer"],
)
def test_answer_has_one_re(theirs: str) -> None:
    assert subjects.of_answer(theirs, "INC-1042", False) == "Re: Printer"


@pytest.mark.parametrize("theirs", ["Fwd: Printer", "Error: Printer", "[list] Re: Printer"])
def test_what_is_no_answers_prefix_stays(theirs: str) -> None:
    assert subjects.of_answer(theirs, "INC-1042", False) == f"Re: {theirs}"


@pytest.mark.parametrize(
    "url",
    ["http://evil.example/x", "HTTPS://evil.example", "www.evil.example", "evil.example/win", "mailto:a@b.example",
     "hxxp://evil.example", "evil.example:8080/a"],
)  # fmt: skip
def test_links_are_taken_out_of_what_is_repeated(url: str) -> None:
    assert subjects.of_answer(f"Win now {url} today", "INC-1042", False) == "Re: Win now today"


@pytest.mark.parametrize("theirs", ["server01.acme.example is down", "and/or", "report.pdf", "C:\\x", "10.0.0.1"])
def test_names_of_hosts_and_files_stay(theirs: str) -> None:
    assert subjects.of_answer(theirs, "INC-1042", False) == f"Re: {theirs}"


def test_a_subject_of_nothing_but_a_link_becomes_the_number() -> None:
    assert subjects.of_answer("http://evil.example", "INC-1042", False) == "Re: INC-1042"


def test_the_token_stands_once_and_only_where_it_is_wanted() -> None:
    assert subjects.of_answer("Printer", "INC-1042", True) == "Re: Printer [INC-1042-9]"
    assert subjects.of_answer("Re: Printer [INC-1042-9]", "INC-1042", True) == "Re: Printer [INC-1042-9]"
    assert subjects.of_answer("Re: Printer [INC-1042-9]", "INC-1042", False) == "Re: Printer"


def test_notices_of_a_ticket_have_one_subject() -> None:
    assert subjects.of_notice("Printer", "INC-1042", False) == "INC-1042 Printer"
    assert subjects.of_notice("Re: Printer", "INC-1042", False) == "INC-1042 Printer"
    assert subjects.of_notice("Printer", "INC-1042", True) == "[INC-1042-9] Printer"


@given(st.text(max_size=2000))
def test_any_subject_is_bounded(theirs: str) -> None:
    assert len(subjects.of_answer(theirs, "INC-1042", True)) <= subjects.LONGEST + 20


def test_many_prefixes_end_soon() -> None:
    assert len(subjects.bare("Re: " * 10_000)) <= subjects.LONGEST
