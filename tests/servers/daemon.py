"""A real `mailgate serve` in a folder of its own, on ports of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

START_SECONDS = 30.0


class Daemon:
    """Settings, a running daemon, and the same commands that a person types."""

    def __init__(
        self, folder: Path, settings: str, *, smtp: bool = True, environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.environment = {**os.environ, **(environment or {})}
        self.file = folder / "mailgate.toml"
        self.port = free_port() if smtp else 0
        self.file.write_text(settings.replace("{port}", str(self.port)))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> Daemon:
        """Start it and wait until its door is open, or until it says that it serves."""
        before = self.log().count("serving")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--config", str(self.file), *options],
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that the whole of it can be killed
                cwd=self.folder,
                env=self.environment,
            )
        end = time.monotonic() + START_SECONDS
        while self.log().count("serving") == before or (self.port and not self._open()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the daemon did not start:\n{self.log()}")
            time.sleep(0.02)
        return self

    def _open(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """SIGKILL to every process of it at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def close(self) -> None:
        """Gone, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def log(self) -> str:
        """What it said."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def run(self, *words: str, stdin: bytes = b"", status: int | None = 0) -> str:
        """A command as typed; its output. Fails where the exit status is another."""
        done = subprocess.run(
            [*COMMAND, *words],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
            cwd=self.folder,
            env={**self.environment, "MAILGATE_CONFIG": str(self.file)},
        )
        if status is not None and done.returncode != status:
            raise AssertionError(
                f"{words} ended with {done.returncode}:\n{done.stderr.decode()}\n{done.stdout.decode()}"
            )
        return done.stdout.decode()

    def json(self, *words: str) -> Any:
        """A command's `--json`: one object, or a list of them."""
        rows = [json.loads(line) for line in self.run(*words, "--json").splitlines() if line.startswith("{")]
        return rows[0] if words[0] in ("status", "explain") else rows

    def settled(self, seconds: float = 20.0) -> dict[str, Any]:
        """`status` once nothing is new and nothing waits to be sent."""
        end = time.monotonic() + seconds
        while True:
            status: dict[str, Any] = self.json("status")
            if not status["journal"]["new"] and not status["outbox"]["pending"]:
                return status
            if time.monotonic() > end:
                raise AssertionError(f"not settled: {status}\n{self.log()[-3000:]}")
            time.sleep(0.1)


COMMAND = [str(Path(sys.executable).with_name("mailgate"))]


def free_port() -> int:
    """A port that nobody holds at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
