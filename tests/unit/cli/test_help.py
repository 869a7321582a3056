"""Every command: help with an example that can be typed, `--config`, and an exit status that says what happened."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mailgate.cli import main
from mailgate.cli.command import Command, Group
from mailgate.cli.main import cli


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        found = group.get_command(ctx, name)
        assert found is not None
        yield (*path, name), found
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))


ALL = dict(commands(cli))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_ends_with_an_example_that_can_be_typed(path: tuple[str, ...]) -> None:
    command = ALL[path]
    assert isinstance(command, Command | Group)
    shown = CliRunner().invoke(cli, [*path, "--help"])
    assert shown.exit_code == 0
    assert shown.output.rstrip().endswith(command.example)
    typed = shlex.split(command.example.partition(" < ")[0])
    assert typed[: len(path) + 1] == ["mailgate", *path]
    leaf, rest = ALL[path], typed[len(path) + 1 :]
    if isinstance(leaf, click.Group):
        leaf, rest = ALL[(*path, rest[0])], rest[1:]
    leaf.make_context("example", rest)  # raises UsageError where the example is wrong


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_takes_config(path: tuple[str, ...]) -> None:
    assert any("--config" in param.opts for param in ALL[path].params)


def test_contract_has_all_its_commands() -> None:
    leaves = {" ".join(path) for path, command in ALL.items() if not isinstance(command, click.Group)}
    nouns = {
        "ticket": "list show new reply note assign close reopen",
        "inbox": "list show retry export",
        "outbox": "list show retry release discard",
        "quarantine": "list show release reject",
        "rules": "list",
        "db": "upgrade check",
    }
    expected = {f"{noun} {verb}" for noun, verbs in nouns.items() for verb in verbs.split()}
    expected |= {"serve", "status", "trace", "explain", "parse", "deliver", "backup"}
    assert expected <= leaves


@pytest.mark.parametrize("args", [["nonsense"], ["ticket", "show"], ["parse"], ["ticket", "list", "--state", "odd"]])
def test_wrong_usage_is_exit_2(args: list[str]) -> None:
    assert CliRunner().invoke(cli, args).exit_code == 2


def test_missing_settings_are_exit_1_and_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["status", "--config", str(tmp_path / "none.toml")])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert re.fullmatch(r"mailgate: .*none\.toml: there is no such file; `mailgate init` writes one\n", result.stderr)


def test_each_bad_setting_is_a_line_on_stderr(tmp_path: Path) -> None:
    file = tmp_path / "mailgate.toml"
    file.write_text(
        '[desk]\nname = "D"\naddress = "help@desk.example"\ntimezone = "Mars"\n[storage]\nurl = "oracle:x"\n'
    )
    result = CliRunner().invoke(cli, ["ticket", "list", "--config", str(file)])
    assert result.exit_code == 1
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == ["mailgate", "mailgate"]


def test_config_of_the_command_counts_before_that_of_the_group(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["--config", "far.toml", "ticket", "list", "--config", str(tmp_path / "near.toml")]
    )
    assert "near.toml" in result.stderr
    result = CliRunner().invoke(cli, ["--config", "far.toml", "ticket", "list"])
    assert "far.toml" in result.stderr


def test_mailgate_alone_without_settings_names_demo_and_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAILGATE_CONFIG", raising=False)
    result = CliRunner().invoke(cli, [])
    assert result.exit_code == 0
    assert "mailgate demo" in result.output
    assert "mailgate init" in result.output


def test_help_and_status_do_not_wait_for_slow_libraries() -> None:
    """Start-up time by what is imported: SQLAlchemy alone takes longer than all else together."""
    slow = {"sqlalchemy", "rich", "msgspec", "msal", "google.auth", "requests"}
    assert _imported("mailgate.cli.main") & slow == set()
    assert _imported("mailgate.cli.status") & slow == {"msgspec"}
    assert _imported("mailgate.cli.tickets, storage.listings") & slow == {"sqlalchemy"}
    assert _imported("mailgate.roles, mailgate.grants.tokens, mailgate.cli.login") & {"msal", "google.auth"} == set()


def _imported(modules: str) -> set[str]:
    code = f"import sys, {modules}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_rooms_of_this_installation_are_its_own() -> None:
    assert main.intruder() is None


def test_another_package_of_the_same_name_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parsing").mkdir()
    (tmp_path / "parsing" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    found = main.intruder()
    assert found is not None
    assert str(tmp_path / "parsing") in found
