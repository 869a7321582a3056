"""One trouble is told once: a grant's with the mailboxes and the relay that hang on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgate.checks import run, standing
from mailgate.checks.finding import Finding, failed, ok
from mailgate.settings import load


@pytest.mark.parametrize("dead", [True, False])
def test_grant_that_fails_takes_what_hangs_on_it_along(
    *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: bool
) -> None:
    file = tmp_path / "mailgate.toml"
    file.write_text('[desk]\nname = "Help"\naddress = "help@desk.example"\n')
    grant = failed("grant m365", "taken back") if dead else ok("grant m365", "ends in 9 days")
    monkeypatch.setattr(standing, "grants", lambda _: [grant])
    box: Finding = failed("mailbox office", "grant m365: taken back")
    other = failed("mailbox other", "nobody listens")
    told = list(run._hanging([box, other], load(file)))
    assert [one.said for one in told] == (
        ["taken back; on it hang: mailbox office", "nobody listens"]
        if dead
        else ["ends in 9 days", "grant m365: taken back", "nobody listens"]
    )
