"""`mailgate demo`: what a visitor sees first goes as it should, and says so where it does not."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailgate.cli.main import cli
from mailgate.demo import play
from mailgate.demo.desk import Event

MAILGATE = str(Path(sys.executable).with_name("mailgate"))


def demo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "MAILGATE_CONFIG")}
    environment["TMPDIR"] = str(folder)
    return subprocess.run(
        [MAILGATE, "demo", *words], capture_output=True, text=True, timeout=60, env=environment, check=False
    )


def test_demo_without_a_terminal_ends_by_itself_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 6 mails went as they should" in done.stdout
    assert "\x1b" not in done.stdout  # no colours where nobody sees them
    assert not list(tmp_path.iterdir())


def test_demo_for_machines_tells_mails_tickets_and_answers(tmp_path: Path) -> None:
    done = demo(tmp_path, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert [mail["name"] for mail in told["mails"]] == [
        *("request", "reply", "alert", "answer", "out-of-office", "forgery"),
    ]
    assert all(mail["outcome"] == "article" for mail in told["mails"])
    assert all(set(reason) == {"code", "seen", "outcome"} for mail in told["mails"] for reason in mail["reasons"])
    first = told["mails"][0]["ticket"]
    assert re.fullmatch(r"INC-\d+", first)
    assert [mail["ticket"] == first for mail in told["mails"]] == [True, True, False, True, True, True]
    assert [(t["type"], t["state"], t["owner"]) for t in told["tickets"]] == [
        ("Incident", "open", "anna@desk.example"),
        ("Alert", "new", None),
    ]
    partner = [(a["event"], a["ticket"]) for a in told["answers"] if a["to"] == "jane@acme.example"]
    assert partner == [("acknowledgement", first), ("answer", first)]


def test_demo_that_goes_otherwise_than_expected_says_where_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = replace(play.ACTS[0], sends=(Event("answer", "jane@acme.example"),), code="magic")
    monkeypatch.setattr(play, "ACTS", (expected,))
    monkeypatch.setattr("mailgate.demo.desk.PATIENCE_SECONDS", 5.0)
    done = CliRunner().invoke(cli, ["demo", "--once"])
    assert done.exit_code == 1
    for line in (
        "request: expected a mail (answer) to jane@acme.example, none came",
        "request: a mail (acknowledgement) went to jane@acme.example, expected none",
        "request: expected the reason magic, it gives",
        "expected the tickets",
    ):
        assert line in done.output


def test_demo_in_a_terminal_stays_up_for_mails_of_a_visitor(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "MAILGATE_CONFIG")}
    hurried = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "  # nohup's children ignore it
        "from mailgate.cli import demo, main; demo.PACE = 0.0; main.main()"
    )
    us, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", hurried, "demo"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**environment, "TMPDIR": str(tmp_path), "TERM": "xterm", "COLUMNS": "100"},
        start_new_session=True,
    )
    os.close(terminal)
    shown = Screen(us)
    try:
        text = shown.until("ticket list --config ")
        assert "\x1b[" in text  # colours
        (file,) = tmp_path.glob("*/mailgate.toml")
        mail = b"From: you@acme.example\nSubject: Hello from a visitor\n\nIt works.\n"
        subprocess.run([MAILGATE, "deliver", "--config", str(file)], input=mail, check=True, timeout=30)
        shown.until("Hello from a visitor")
        process.send_signal(signal.SIGINT)
        shown.until("The desk closes.")
        assert process.wait(40) == 0
    finally:
        process.kill()
        os.close(us)
    assert not list(tmp_path.iterdir())


class Screen:
    """What came to a terminal so far."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.text = ""

    def until(self, word: str, seconds: float = 60.0) -> str:
        """All of it once the word is there."""
        end = time.monotonic() + seconds
        while word not in self.text:
            ready, _, _ = select.select([self.handle], [], [], max(end - time.monotonic(), 0))
            assert ready, f"{word!r} did not come:\n{self.text[-2000:]}"
            self.text += os.read(self.handle, 65536).decode(errors="replace")
        return self.text
