"""One trouble is told once: a grant's with what hangs on it; and what settings leave without effect is told."""

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


FORM = '[[form]]\nname = "website"\nsender = "www@desk.example"\n'
HOSTS = 'hosts = ["192.0.2.7"]\n'
BOX = '[[imap]]\nname = "office"\nhost = "imap.example"\nuser = "help@desk.example"\npassword_file = "secret"\n'


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (f"[smtp]\n{FORM}", True),
        (f"[smtp]\n{FORM}{HOSTS}", False),
        (f'[smtp]\nauth_results = "mx.desk.example"\n{FORM}', False),
        (f"{BOX}{FORM}{HOSTS}", True),
        (f"{BOX}verify = true\n{FORM}", False),
        (BOX, False),
    ],
)
def test_a_form_whose_mails_nothing_proves_is_told(*, tmp_path: Path, lines: str, told: bool) -> None:
    file = tmp_path / "mailgate.toml"
    file.write_text(f'[desk]\nname = "Help"\naddress = "help@desk.example"\n{lines}')
    found = list(run._forms(load(file)))
    assert [one.said for one in found] == (
        ["website: nothing shows that a mail is the form's, so it stays www@desk.example's"] if told else []
    )
