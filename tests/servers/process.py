"""A server's process, folder and port: started, waited for, and gone with the test run whatever ends it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

START_SECONDS = 30.0  # a loaded machine of two cores; the servers are up within one
STOP_SECONDS = 10.0
PROGRAMS = {
    "dovecot-imapd": ("/usr/sbin/dovecot",),
    "postfix": ("/usr/sbin/postfix", "/usr/lib/postfix/sbin/master"),
    "postgresql-15": ("/usr/lib/postgresql/15/bin/postgres", "/usr/lib/postgresql/15/bin/initdb"),
    "opendkim": ("/usr/sbin/opendkim",),
    "opendmarc": ("/usr/sbin/opendmarc",),
    "faketime": ("/usr/bin/faketime",),
    "openssl": ("/usr/bin/openssl",),
}
NEEDS_ROOT = ("dovecot-imapd", "postfix", "opendkim", "opendmarc")  # their masters start children as other users


def need(*packages: str) -> None:
    """Skip the test where a Debian package is missing, with the line that says how to get it; in CI, fail it."""
    missing = [name for name in packages if not all(Path(program).exists() for program in PROGRAMS[name])]
    if missing:
        cannot(f"install {', '.join(missing)}: apt-get install {' '.join(missing)}")
    if os.geteuid() != 0 and (servers := [name for name in packages if name in NEEDS_ROOT]):
        cannot(f"{', '.join(servers)} can only be started by root: run the tests as root, or in a container")


def cannot(reason: str) -> None:
    """Skip the test, and in CI fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def folder(name: str) -> Path:
    """A temporary folder that servers of other users may enter (pytest's own is closed to them)."""
    path = Path(tempfile.mkdtemp(prefix=f"mailgate-{name}-"))
    path.chmod(0o755)
    return path


def free_port() -> int:
    """A loopback port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(found: Callable[[], T], what: str, seconds: float = START_SECONDS) -> T:
    """The first true value of `found`, looked at every 20 ms; fails with `what` when it does not come in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def answers(port: int) -> bool:
    """Whether somebody greets (SMTP, IMAP) at this loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        return client.recv(1) != b""
    return False


class Process:
    """A server in the foreground, in a session of its own, killed with its children when this process dies."""

    def __init__(self, command: Sequence[str], log: Path, *, user: str | None = None) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd="/",
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )
        # The kernel's parent-death signal is lost where a program changes its user; the end of a pipe is not.
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read _; kill -s KILL -- "-$0"', str(self._process.pid)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Until it is ready; fails with its log when it ends or takes too long."""

        def look() -> bool:
            if self._process.poll() is not None:
                raise AssertionError(f"{what} ended ({self._process.returncode}):\n{self.tail()}")
            return ready()

        try:
            until(look, f"{what} answers")
        except AssertionError:
            self.kill()
            raise

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ask it to end, then make it; its children too."""
        if self._process.poll() is None:
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to it and all its children, as a power cut would."""
        self._guard.kill()
        self._guard.communicate()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)


def remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
