"""The wheel: what is in it, and that a machine with nothing but Python and pipx runs the desk from it."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from .conftest import require

pytestmark = pytest.mark.timeout(900)
ROOMS = ("mailgate", "parsing", "routing", "storage", "templates")


def test_wheel_has_every_file_of_the_rooms_and_no_others(dist: Path, wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    rooms = {name for name in names if ".dist-info/" not in name and ".data/" not in name}
    there = {
        str(file.relative_to(dist))
        for room in ROOMS
        for file in (dist / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert rooms == there
    assert {"templates/mail/en.toml", "parsing/formats/nagios.toml", "storage/migrations/env.py"} <= rooms


def test_wheel_has_pages_and_completions(wheel: Path) -> None:
    names = [name.partition(".data/data/")[2] for name in zipfile.ZipFile(wheel).namelist()]
    assert {
        "share/man/man1/mailgate.1",
        "share/man/man5/mailgate.toml.5",
        "share/bash-completion/completions/mailgate",
        "share/zsh/site-functions/_mailgate",
        "share/fish/vendor_completions.d/mailgate.fish",
    } <= set(names)


def test_pipx_installs_it_and_the_demo_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """By real SMTP a mail becomes a ticket in it, with nothing of this environment in reach."""
    require("pipx")
    clean = {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "LANG": "C.UTF-8",
        "TMPDIR": str(tmp_path),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),  # wheels that are here already
        **{key: value for key, value in os.environ.items() if key.startswith(("PIP_", "http", "HTTP", "SSL_", "no_"))},
    }

    def typed(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    typed("/usr/bin/pipx", "install", "--python", "/usr/bin/python3", str(wheel))
    assert typed("mailgate", "--version").startswith("mailgate ")
    told = json.loads(typed("mailgate", "demo", "--once", "--json"))
    assert told["ok"] is True
    assert told["tickets"][0]["number"] == "INC-1001"
    assert "mailgate_completion" in typed("mailgate", "completion", "bash")
    typed("/usr/bin/pipx", "uninstall", "mailgate")
    assert not (tmp_path / "bin" / "mailgate").exists()
