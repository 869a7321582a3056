"""Manual pages and completion: made from the commands, clean, and taken by what reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers.process import cannot

from mailgate.cli.completion import SHELLS
from mailgate.cli.main import COMMANDS

from .conftest import HOME, require

MAILGATE = Path(sys.executable).with_name("mailgate")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("man")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1790000000"}
    subprocess.run([sys.executable, HOME / "docs/manual.py", folder], check=True, env=environment, timeout=60)
    return sorted(folder.iterdir())


def test_every_command_has_a_page_and_the_first_names_them_all(pages: list[Path]) -> None:
    names = {page.name for page in pages}
    assert names == {"mailgate.1", "mailgate.toml.5", *(f"mailgate-{name}.1" for name in COMMANDS)}
    (first,) = (page.read_text() for page in pages if page.name == "mailgate.1")
    for name in COMMANDS:
        assert rf"\fBmailgate\-{name}\fR(1)" in first
    assert "2026-09-21" in first.splitlines()[1]  # SOURCE_DATE_EPOCH: the same sources make the same pages


def test_pages_are_clean(pages: list[Path]) -> None:
    require("mandoc")
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_page_of_a_group_shows_its_commands_options_and_example(pages: list[Path]) -> None:
    require("mandoc")
    (page,) = (page for page in pages if page.name == "mailgate-ticket.1")
    shown = subprocess.run(["mandoc", "-Tascii", page], capture_output=True, text=True, check=True).stdout
    plain = "".join(c for i, c in enumerate(shown) if c != "\b" and shown[i + 1 : i + 2] != "\b")  # bold is overstruck
    for words in ("mailgate ticket close", "--resolution T", "EXAMPLE", "mailgate.toml(5)"):
        assert words in plain


def script(tmp_path: Path, shell: str) -> Path:
    if not Path("/usr/bin", shell).exists() and not Path("/bin", shell).exists():
        cannot(f"apt-get install --no-install-recommends {shell}")
    file = tmp_path / ("_mailgate" if shell == "zsh" else f"mailgate.{shell}")
    file.write_text(subprocess.run([MAILGATE, "completion", shell], capture_output=True, text=True, check=True).stdout)
    return file


def asked(shell: str, tmp_path: Path, *command: str) -> str:
    environment = {"PATH": f"{MAILGATE.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    return subprocess.run(
        [shell, *command], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path, timeout=60
    ).stdout


def test_bash_completes(tmp_path: Path) -> None:
    words = f"source {script(tmp_path, 'bash')}; COMP_WORDS=(mailgate ticket re); COMP_CWORD=2; " + (
        "_mailgate_completion mailgate; echo ${COMPREPLY[@]}; complete -p mailgate"
    )
    found, bound = asked("bash", tmp_path, "--norc", "-c", words).splitlines()
    assert found.split() == ["reopen", "reply"]
    assert "_mailgate_completion" in bound


def test_fish_completes(tmp_path: Path) -> None:
    words = f"source {script(tmp_path, 'fish')}; complete --do-complete 'mailgate ticket re'"
    found = asked("fish", tmp_path, "--no-config", "-c", words)
    assert [line.split("\t")[0] for line in found.splitlines()] == ["reopen", "reply"]


def test_zsh_completes(tmp_path: Path) -> None:
    """Its completion works in its line editor alone: here what it is given, where it would show it."""
    words = f"""
        autoload -Uz compinit; compinit -u -D
        _describe() {{ print -r -- described ${{(P)3}} }}
        compadd() {{ print -r -- added ${{@[-1]}} }}
        source {script(tmp_path, "zsh")}
        print -r -- ${{_comps[mailgate]}}
        words=(mailgate ticket reo); CURRENT=3
        _mailgate_completion
    """
    bound, *found = asked("zsh", tmp_path, "-f", "-c", words).splitlines()
    assert bound == "_mailgate_completion"
    assert any("reopen" in line for line in found), found


def test_unknown_shell_is_refused() -> None:
    done = subprocess.run([MAILGATE, "completion", "tcsh"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert all(shell in done.stderr for shell in SHELLS)
