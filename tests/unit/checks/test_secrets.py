"""Who may read a secret: the user that runs mailgate, and the group that the package makes for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailgate.checks import secrets

SERVICE = 4711  # a group that is the service's alone


@pytest.fixture
def file(tmp_path: Path) -> Path:
    if os.geteuid():
        pytest.skip("only root makes files as the package does")
    os.chown(tmp_path, 0, SERVICE)
    file = tmp_path / "secret"
    file.write_text("pw")
    os.chown(file, 0, SERVICE)
    return file


@pytest.mark.parametrize(
    ("mode", "everybody", "group"), [(0o600, False, False), (0o640, False, False), (0o660, False, True)]
)
def test_file_of_root_and_the_services_group_is_read_by_it_alone(
    file: Path, mode: int, everybody: bool, group: bool
) -> None:
    file.chmod(mode)
    assert (secrets.to_everybody(file), secrets.to_a_group(file)) == (everybody, group)


def test_what_everybody_may_read_is_closed_so_that_the_service_still_reads(file: Path) -> None:
    file.chmod(0o644)
    assert secrets.to_everybody(file)
    assert secrets.closed(file) == f"chmod 640 {file}"


def test_group_of_others_is_told(file: Path) -> None:
    os.chown(file, 0, SERVICE + 1)
    file.chmod(0o640)
    assert secrets.to_a_group(file)
    assert secrets.closed(file) == f"chmod 600 {file}"
