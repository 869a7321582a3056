"""The Debian package and the unit in it, as Debian's own tools see them."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from mailgate.settings import load

from .conftest import HOME, require

pytestmark = pytest.mark.timeout(900)  # the first of them builds it
UNIT = HOME / "packaging" / "debian" / "mailgate.service"
EXPOSURE = 1.1  # of 10; the Internet, Unix sockets and the machine's own root are what it needs
MODES = {"-rw-r--r--", "-rwxr-xr-x", "drwxr-xr-x", "lrwxrwxrwx"}


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def listed(package: Path) -> list[tuple[str, str, str]]:
    """Mode, owner and path of every file in it."""
    rows = (line.split(maxsplit=5) for line in run("dpkg-deb", "--contents", package).splitlines())
    return [(row[0], row[1], row[5].partition(" -> ")[0].removeprefix(".")) for row in rows]


def test_lintian_finds_nothing(package: Path) -> None:
    require("lintian")
    assert run("lintian", "--allow-root", "--fail-on=error,warning", package) == ""


def test_lintian_finds_what_is_wrong(package: Path, tmp_path: Path) -> None:
    """So that the test above says something: the same without its copyright."""
    require("lintian")
    run("dpkg-deb", "--raw-extract", package, tmp_path / "package")
    (tmp_path / "package/usr/share/doc/mailgate/copyright").unlink()
    run("dpkg-deb", "--build", "-Znone", "--root-owner-group", tmp_path / "package", tmp_path / "other.deb")
    command = ["lintian", "--allow-root", "--fail-on=error", "--tags=no-copyright-file", tmp_path / "other.deb"]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_version_is_the_projects(package: Path) -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
    version = run("dpkg-deb", "--field", package, "Version").strip()
    assert re.fullmatch(rf"{re.escape(project['version'])}-\d+", version)


def test_it_depends_on_the_python_it_was_built_with(package: Path) -> None:
    depends = run("dpkg-deb", "--field", package, "Depends")
    low, high = re.findall(r"python3 \((?:>=|<<) 3\.(\d+)\)", depends)
    assert int(high) == int(low) + 1
    assert "libc6 (>=" in depends


def test_it_holds_the_versions_that_are_written_down_and_nothing_else(listed: list[tuple[str, str, str]]) -> None:
    lines = (HOME / "packaging/constraints.txt").read_text().splitlines()
    written = {line.partition("==")[0]: line.partition("==")[2] for line in lines if not line.startswith("#")}
    paths = [path for *_, path in listed]
    found = dict(re.findall(r"/([\w.]+)-([\w.]+)\.dist-info/$", "\n".join(paths), re.MULTILINE))
    assert found.pop("mailgate")
    assert {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found.items()} == written


def test_files_are_roots_and_nobody_else_writes_to_them(listed: list[tuple[str, str, str]]) -> None:
    assert {owner for _, owner, _ in listed} == {"root/root"}
    assert {mode for mode, _, _ in listed} == MODES


def test_everything_is_in_its_place(listed: list[tuple[str, str, str]]) -> None:
    paths = {path for _, _, path in listed}
    site = "/usr/lib/mailgate/lib/python3"
    assert {
        "/usr/bin/mailgate",
        "/lib/systemd/system/mailgate.service",
        "/etc/mailgate/",
        "/var/lib/mailgate/",
        "/usr/share/man/man1/mailgate.1.gz",
        "/usr/share/man/man1/mailgate-ticket.1.gz",
        "/usr/share/man/man5/mailgate.toml.5.gz",
        "/usr/share/bash-completion/completions/mailgate",
        "/usr/share/zsh/vendor-completions/_mailgate",
        "/usr/share/fish/vendor_completions.d/mailgate.fish",
        "/usr/share/doc/mailgate/changelog.Debian.gz",
        "/usr/share/doc/mailgate/copyright",
        "/usr/share/doc/mailgate/examples/mailgate.toml",
        "/usr/share/doc/mailgate/installing.md",
    } <= paths
    assert any(path.startswith(site) and path.endswith("/templates/mail/en.toml") for path in paths)
    assert not [path for path in paths if path.startswith("/etc/mailgate/") and path != "/etc/mailgate/"]
    assert not [path for path in paths if path.endswith(".pyc") or "/tests/" in path]


def test_example_of_settings_loads_and_keeps_things_where_the_service_may_write(package: Path, tmp_path: Path) -> None:
    run("dpkg-deb", "--extract", package, tmp_path)
    settings = load(tmp_path / "usr/share/doc/mailgate/examples/mailgate.toml")
    assert settings.database_url == "sqlite:////var/lib/mailgate/mailgate.db"
    assert settings.state == Path("/var/lib/mailgate")


def test_unit_is_as_closed_as_it_may_be() -> None:
    require("systemd:systemd-analyze")
    told = run("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
    (figure,) = re.findall(r"Overall exposure level for mailgate.service: ([\d.]+)", told)
    assert float(figure) <= EXPOSURE, told


def test_unit_is_one_that_systemd_understands(tmp_path: Path) -> None:
    require("systemd:systemd-analyze")
    told = UNIT.read_text().replace("/usr/bin/mailgate", "/bin/true")  # it is not installed here
    (tmp_path / "mailgate.service").write_text(told)
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", tmp_path / "mailgate.service"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""
    (tmp_path / "mailgate.service").write_text(told.replace("ProtectHome=", "ProtectHomes="))
    assert "ProtectHomes" in subprocess.run(command, capture_output=True, text=True, check=False).stderr
