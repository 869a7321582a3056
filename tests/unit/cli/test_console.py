"""What reaches a terminal or a machine's reader."""

from __future__ import annotations

import io
import json
import time

import pytest
from rich.console import Console

from mailgate.cli import console


def test_terminal_controls_in_a_mail_are_not_obeyed() -> None:
    assert console.clean("a\x1b[2Jb\x9bc\x07") == "a�[2Jb�c�"


def test_overrides_of_writing_direction_are_shown_as_what_they_are() -> None:
    assert console.clean("invoice\u202efdp.exe") == "invoice�fdp.exe"


def test_lines_tabs_and_letters_of_any_script_stay() -> None:
    assert console.clean("Grüße\r\n\tпривет שלום") == "Grüße\n\tпривет שלום"


def test_one_line_is_one_line() -> None:
    assert console.line("a\r\n b\x0bc") == "a b�c"


def test_object_is_one_line_whatever_a_mail_holds(capsys: pytest.CaptureFixture[str]) -> None:
    text = "a\u2028b\x85c\nd\ud800"
    console.emit({"text": text})
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1
    assert json.loads(out) == {"text": text}


def test_times_are_utc_with_z_for_machines() -> None:
    assert console.iso(1_700_000_000.9) == "2023-11-14T22:13:20Z"
    assert console.iso(None) is None


def test_markup_in_a_mail_is_text() -> None:
    assert console.styled("[bold]x[/bold]").plain == "[bold]x[/bold]"


def test_list_in_a_terminal_says_of_a_moment_only_what_today_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    people = console.People()
    monkeypatch.setattr(people, "console", Console(force_terminal=True, file=io.StringIO()))
    now = time.time()
    assert people.when(now) == people.time(now)[-5:]
    assert people.when(1_700_000_000.0) == "14 Nov 2023"
    assert people.when(None) == "–"


def test_list_in_a_pipe_has_whole_moments_and_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    people = console.People()
    assert people.when(1_700_000_000.0) == "2023-11-14 22:13"
    people.table(["Who~", "Words*"], [["a" * 200, "b " * 200]])
    assert "a" * 200 in capsys.readouterr().out
