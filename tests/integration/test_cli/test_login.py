"""`mailgate login`: which grant is meant, and what is said of it; `status` tells how each one fares."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from servers.granting import Granting

from mailgate.cli.main import cli
from mailgate.settings.draft import value
from storage import schema
from storage.database import Database

pytestmark = pytest.mark.real("openssl")

DESK = """\
[desk]
name = "Help"
address = "help@desk.example"

[relay]
host = "localhost"
user = "help@desk.example"
auth = "microsoft"

[[imap]]
name = "office"
host = "localhost"
user = "help@desk.example"
auth = "microsoft"

[[imap]]
name = "old"
host = "localhost"
user = "old@desk.example"
password_file = "old"
"""


@pytest.fixture(scope="module")
def granting() -> Iterator[Granting]:
    server = Granting().start()
    server.approved.set()
    yield server
    server.close()


def write(folder: Path, granting: Granting, **more: Any) -> Path:
    file = folder / "mailgate.toml"
    grant = "".join(f"{key} = {value(entry)}\n" for key, entry in granting.settings(**more).items())
    file.write_text(f"{DESK}\n[[grant]]\n{grant}")
    return file


def run(file: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--config", str(file)])


@pytest.mark.parametrize("name", ["m365", "office", "relay"])
def test_grant_is_named_by_itself_or_by_who_signs_in_with_it(tmp_path: Path, granting: Granting, name: str) -> None:
    file = write(tmp_path, granting)
    done = run(file, "login", name)
    assert done.exit_code == 0, done.output
    assert f"Open {granting.url}/enter in any browser and enter ABCD-EFGH" in done.output
    assert "Signed in for m365. Next: mailgate check" in done.output
    assert stat.S_IMODE((tmp_path / "grant-m365.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("old", "old signs in with a password: there is nobody to sign in for"),
        ("nothing", 'there is no [[grant]] "nothing"; there are m365'),
    ],
)
def test_name_of_no_grant_is_said(tmp_path: Path, granting: Granting, name: str, said: str) -> None:
    done = run(write(tmp_path, granting), "login", name)
    assert done.exit_code == 1
    assert done.stderr == f"mailgate: {said}\n"


def test_application_that_signs_in_by_itself_is_tried(tmp_path: Path, granting: Granting) -> None:
    file = write(tmp_path, granting, client_secret_file=str(granting.secret_file()))
    done = run(file, "login", "m365")
    assert done.exit_code == 0
    assert "it got a token" in done.output
    granting.secret_file("wrong")
    (tmp_path / "grant-m365.json").unlink()
    refused = run(file, "login", "m365")
    assert refused.exit_code == 1
    assert "mailgate: grant m365: invalid_client: AADSTS7000215" in refused.stderr


def test_outage_of_the_provider_is_one_line(tmp_path: Path, granting: Granting) -> None:
    with granting.outage():
        done = run(write(tmp_path, granting), "login", "m365")
    assert done.exit_code == 1
    assert done.stderr == "mailgate: the authority gives no sensible answer: HTTP Error: 503\n"


def test_status_tells_when_a_grant_ends_and_what_to_do(tmp_path: Path, granting: Granting) -> None:
    db = Database(f"sqlite:///{tmp_path / 'mailgate.db'}")
    schema.create(db)
    db.close()
    file = write(tmp_path, granting)
    before = json.loads(run(file, "status", "--json").stdout)
    assert before["secrets"] == [
        {
            "name": "m365",
            "provider": "microsoft",
            "ends": None,
            "error": "nobody has signed in yet",
            "error_since": None,
        }
    ]
    todo = "`mailgate login m365`; on it hang: mailbox office, relay"
    assert f"grant m365: nobody has signed in yet; {todo}" in before["problems"]
    granting.refresh_life = 3 * 86400 + 60
    run(file, "login", "m365")
    granting.refresh_life = None
    after = json.loads(run(file, "status", "--json").stdout)
    assert after["secrets"][0]["ends"] is not None
    assert f"grant m365: its secret ends in 3 days; {todo}" in after["problems"]
    shown = run(file, "status").stdout
    assert "in 3 days" in shown
    granted = json.loads((tmp_path / "grant-m365.json").read_text())
    assert granted["refresh"] not in shown
