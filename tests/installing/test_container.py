"""The Dockerfile, which no test builds: its linter, and that it names what is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from .conftest import HOME

DOCKERFILE = HOME / "packaging" / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def lint(text: str) -> subprocess.CompletedProcess[str]:
    command = [HADOLINT, "--no-color", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def test_hadolint_finds_nothing() -> None:
    done = lint(DOCKERFILE.read_text())
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_hadolint_finds_what_is_wrong() -> None:
    done = lint(DOCKERFILE.read_text().replace("python:3.11-slim-bookworm AS", "python:latest AS"))
    assert done.returncode == 1
    assert "DL3007" in done.stdout


def test_last_stage_has_no_tools_to_build_with_and_is_not_root() -> None:
    last = DOCKERFILE.read_text().rpartition("\nFROM ")[2]
    assert not re.search(r"\b(gcc|build-essential|apt-get|pip install)\b", last)
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert "\nHEALTHCHECK " in last


def test_what_it_copies_is_there_and_let_through() -> None:
    through = re.findall(r"^!(.+)$", (HOME / "packaging" / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE.read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert copied
    assert all((HOME / source).exists() for source in copied)
    assert set(copied) == set(through)
