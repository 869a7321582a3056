"""A first file of settings: it can be used as it is, says what was answered, and overwrites nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailgate.cli import asking, service
from mailgate.cli.main import cli
from mailgate.errors import CommandError
from mailgate.policy import NO_KEYS, build
from mailgate.settings import Settings, load


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAILGATE_CONFIG", raising=False)
    return tmp_path


def init(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli, ["init", *words], input=typed)


def written(folder: Path) -> Settings:
    return load(folder / "mailgate.toml")


def test_yes_asks_nothing_and_writes_what_can_be_used(folder: Path) -> None:
    done = init("--yes")
    assert done.exit_code == 0, done.output
    assert "?" not in done.output
    settings = written(folder)
    assert settings.smtp is not None
    assert settings.relay is None  # outgoing mail is held: it harms nobody
    assert build(settings, NO_KEYS).rules == ()


def test_file_is_for_its_owner_alone(folder: Path) -> None:
    init("--yes")
    assert stat.S_IMODE((folder / "mailgate.toml").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["mailgate.toml"]


def test_file_that_is_there_is_left_as_it_is(folder: Path) -> None:
    (folder / "mailgate.toml").write_text("mine")
    done = init("--yes")
    assert done.exit_code == 1
    assert "is there already" in done.output
    assert (folder / "mailgate.toml").read_text() == "mine"


def test_every_question_has_an_option(folder: Path) -> None:
    done = init(
        *("--desk", 'Café "Süd" <help@desk.example>', "--mailbox", "imap.desk.example", "--user", "desk"),
        *("--password-file", "secret", "--relay", "smtp.desk.example:465", "--timezone", "Europe/Berlin"),
        *("--staff", "Anna <anna@desk.example>", "--auth-results", "mx.desk.example", "--shadow", "--no-try"),
    )
    assert done.exit_code == 0, done.output
    settings = written(folder)
    (box,) = settings.imap
    assert (settings.desk.name, settings.desk.timezone) == ('Café "Süd"', "Europe/Berlin")
    assert (box.host, box.user, box.password_file, box.auth_results) == (
        *("imap.desk.example", "desk", "secret", "mx.desk.example"),
    )
    assert settings.relay is not None
    assert (settings.relay.port, settings.relay.tls, settings.relay.user) == (465, "implicit", "desk")
    assert [member.addresses for member in settings.staff] == [("anna@desk.example",)]
    assert settings.smtp is None
    assert "mailgate serve --shadow" in done.output
    assert "put the password of desk into secret" in done.output


def test_at_most_eight_questions_are_asked(folder: Path) -> None:
    done = init("--no-try", typed="Help <help@desk.example>\nimap.desk.example\n" + "\n" * 6)
    assert done.exit_code == 0, done.output
    assert done.output.partition("Wrote")[0].count("]: ") == 8
    assert written(folder).imap[0].user == "help@desk.example"


def test_answer_that_is_not_understood_is_asked_again(folder: Path) -> None:
    done = init("--no-try", typed="Help\nHelp <help@desk.example>\nsmtp\nnone\nEurope/Berln\nEurope/Berlin\n\n\n\n")
    assert done.exit_code == 0, done.output
    assert "expected NAME <ADDRESS>" in done.output
    assert "expected a time zone such as Europe/Berlin" in done.output
    assert written(folder).desk.timezone == "Europe/Berlin"


def test_option_that_is_not_understood_writes_nothing(folder: Path) -> None:
    done = init("--yes", "--relay", "smtp.desk.example:99999")
    assert done.exit_code == 1
    assert "expected HOST:PORT" in done.output
    assert not list(folder.iterdir())


@pytest.mark.parametrize("place", ["a:b", "::1::2", "relay.example:0", "[fe80"])
def test_place_that_is_no_server_is_refused(place: str) -> None:
    with pytest.raises(CommandError, match="found"):
        asking.relay(place)


@pytest.mark.parametrize("place", ["::1", "[::1]:25", "relay.example", "10.0.0.1:587"])
def test_place_of_a_server_is_understood(place: str) -> None:
    assert asking.relay(place) is not None


def test_google_is_known_with_its_places_and_trust(folder: Path) -> None:
    init("--yes", "--mailbox", "google", "--desk", "help@desk.example")
    settings = written(folder)
    assert (settings.imap[0].host, settings.imap[0].auth_results) == ("imap.gmail.com", "mx.google.com")
    assert settings.relay is not None
    assert (settings.relay.host, settings.relay.tls) == ("smtp.gmail.com", "starttls")


def test_config_says_where_the_file_goes(folder: Path) -> None:
    done = init("--yes", "--config", "desk.toml")
    assert "mailgate check --config desk.toml" in done.output
    assert load(folder / "desk.toml").desk.name == "Service Desk"
    assert init("--yes", "--config", "nowhere/desk.toml").exit_code == 1


def test_commented_sections_can_be_used_as_they_stand(folder: Path) -> None:
    init("--yes")
    file = folder / "mailgate.toml"
    text = file.read_text()
    for name in ("[relay]", "[[staff]]", "[[partner]]", "[[queue]]", "[[rule]]"):
        assert f"# {name}" in text
    lines = [
        line.removeprefix("# ") if line.startswith(("# [", "# ")) and ("=" in line or "[" in line[:4]) else line
        for line in text.splitlines()
    ]
    file.write_text("\n".join(line for line in lines if not line.startswith(("auth_results is", "what staff"))))
    settings = load(file)
    assert build(settings, NO_KEYS).rules[0].name == "printers"
    assert settings.relay is not None


def test_in_the_packages_folder_the_desk_keeps_things_where_its_service_may_write(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real folders, users and modes: tests/installing."""
    state = folder / "state"
    state.mkdir()
    monkeypatch.setattr(service, "STATE", state)
    init("--yes", "--config", "elsewhere.toml")
    assert load(folder / "elsewhere.toml").state == folder
    monkeypatch.setattr(service, "SETTINGS", folder)
    done = init("--yes")
    assert written(folder).state == state
    assert written(folder).database_url == f"sqlite:///{state}/mailgate.db"
    assert f"runuser --user={state.owner()} -- mailgate check\n" in done.output


def test_folder_that_cannot_be_written_to_is_told_before_the_first_question() -> None:
    done = init("--config", "nowhere/mailgate.toml")
    assert done.exit_code == 1
    assert "nowhere: cannot be written to" in done.output
    assert "1/8" not in done.output


def test_group_that_reads_is_the_one_of_a_folder_that_root_keeps_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = os.stat_result((0o40750, 1, 1, 1, 0, 925, 0, 0, 0, 0))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for mode, group, reader in ((0o750, 925, 925), (0o755, 925, None), (0o700, 925, None), (0o750, 0, None)):
        there = os.stat_result((0o40000 | mode, *made[1:5], group, *made[6:]))
        monkeypatch.setattr(Path, "stat", lambda _, there=there: there)
        assert service.group(folder) == reader
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(Path, "stat", lambda _: made)
    assert service.group(folder) is None


def test_zone_is_proposed_only_where_it_is_near(folder: Path) -> None:
    assert "did you mean" not in init("--yes", "--timezone", "Foo/Bar").output
    assert "did you mean Europe/Berlin?" in init("--yes", "--timezone", "Europe/Berln").output


def test_question_that_nobody_answers_ends_with_its_option(folder: Path) -> None:
    done = init("--desk", "Help <help@desk.example>", "--mailbox", "smtp")
    assert done.exit_code == 1
    assert "nobody is there to answer; give --relay" in done.output
    assert "Aborted" not in done.output
    assert list(folder.iterdir()) == []


def test_authority_of_ones_own_is_written(folder: Path) -> None:
    more = ("--mailbox", "imap.desk.example", "--imap-ca", "our.pem", "--relay", "smtp.desk.example:587")
    assert init("--yes", *more, "--relay-ca", "/etc/ssl/our.pem").exit_code == 0
    settings = written(folder)
    assert settings.imap[0].tls_ca == str(folder / "our.pem")
    assert settings.relay is not None
    assert settings.relay.tls_ca == "/etc/ssl/our.pem"


def test_server_of_this_machine_is_spoken_to_by_tls_where_an_authority_is_named(folder: Path) -> None:
    more = ("--mailbox", "localhost:1143", "--imap-ca", "our.pem", "--relay", "localhost:1587")
    assert init("--yes", *more).exit_code == 0
    settings = written(folder)
    assert settings.relay is not None
    assert (settings.imap[0].tls, settings.relay.tls) == ("starttls", "none")
