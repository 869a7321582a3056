"""What is installed: built once for all processes of a test run, from a copy of the sources."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.process import cannot

HOME = Path(__file__).parents[2]
SOURCES = ("mailgate", "parsing", "routing", "storage", "templates", "docs", "packaging", ".ci")
FILES = ("Makefile", "README.md", "pyproject.toml")
BUILD_SECONDS = 600.0
NO_NETWORK = ("NewConnectionError", "Temporary failure in name resolution", "Network is unreachable")


def require(*programs: str) -> None:
    """Each is PROGRAM, or PACKAGE:PROGRAM. Where one is missing, skip with the line that gets it; in CI, fail."""
    missing = [p.partition(":")[0] for p in programs if shutil.which(p.rpartition(":")[2]) is None]
    if missing:
        cannot(f"apt-get install --no-install-recommends {' '.join(missing)}")


Once = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Make a folder once in this test run, whichever of its processes comes first; the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_TESTRUNUID" in os.environ else base

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder, done, failed = (shared / f"{name}{end}" for end in ("", ".done", ".failed"))
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if failed.exists():
                cannot(failed.read_text() or f"{name} could not be made; another test of this run tells why")
            if not done.exists():
                failed.touch()
                folder.mkdir()
                try:
                    make(folder)
                except pytest.skip.Exception as skipped:
                    failed.write_text(str(skipped))
                    raise
                failed.unlink()
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def dist(once: Once) -> Path:
    """The folder of a copy of the sources in which `make deb` has run: `dist` and `build` are in it."""
    require("dpkg-dev:dpkg-buildpackage", "debhelper:dh")
    if not Path("/usr/bin/python3").exists():
        cannot("Debian's own python3 is missing: apt-get install python3-venv")
    return once("built", _build)


def _build(folder: Path) -> None:
    for name in SOURCES:
        shutil.copytree(HOME / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy2(HOME / name, folder / name)
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    done = subprocess.run(
        # The environment is of the sources tested: it must not be installed anew from this copy.
        ["make", "--no-print-directory", "--old-file=.venv/installed", "deb"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        if any(sign in done.stdout + done.stderr for sign in NO_NETWORK):
            cannot("the package index cannot be reached, and the package holds libraries from there")
        raise AssertionError(f"make deb ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    """The wheel."""
    (found,) = (dist / "dist").glob("mailgate-*.whl")
    return found


@pytest.fixture(scope="session")
def package(dist: Path) -> Path:
    """The Debian package."""
    (found,) = (dist / "dist").glob("mailgate_*.deb")
    return found
