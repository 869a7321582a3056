"""A real PostgreSQL 15 cluster, and fresh databases in it."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess

import psycopg

from servers.process import Process, folder, free_port, need, remove

BIN = "/usr/lib/postgresql/15/bin"
USER = "postgres"  # it refuses to run as root
_serial = itertools.count(1)


class Postgres:
    """One cluster. `fsync=False` is for tests that do not ask what survives a power cut."""

    def __init__(self, *, fsync: bool = False) -> None:
        need("postgresql-15")
        self.folder = folder("postgres")
        self.host = "127.0.0.1"
        self.port = free_port()
        self._fsync = fsync
        self._as = USER if os.geteuid() == 0 else None
        self._data = self.folder / "data"
        if self._as:
            shutil.chown(self.folder, USER, USER)
        subprocess.run(
            f"{BIN}/initdb -D {self._data} -U {USER} -A trust -E UTF8 --locale=C.UTF-8 --no-sync".split(),
            check=True,
            capture_output=True,
            cwd="/",
            user=self._as,
            group=self._as,
            extra_groups=[] if self._as else None,
        )
        self._process: Process | None = None

    def start(self) -> Postgres:
        flag = "on" if self._fsync else "off"
        options = {
            "listen_addresses": self.host,
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": flag,
            "synchronous_commit": flag,
            "full_page_writes": flag,
            "max_connections": 200,
            "shared_buffers": "64MB",
        }
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        command = [f"{BIN}/postgres", "-D", str(self._data), *settings]
        self._process = Process(command, self.folder / "postgres.log", user=self._as)
        self._process.wait_until(self._answers, "postgres")
        return self

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._dsn("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _dsn(self, name: str) -> str:
        return f"host={self.host} port={self.port} user={USER} dbname={name}"

    def new(self) -> str:
        """The URL of a fresh, empty database."""
        name = f"t{os.getpid()}_{next(_serial)}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return f"postgresql+psycopg://{USER}@{self.host}:{self.port}/{name}"

    def drop(self, url: str) -> None:
        """A database and every connection to it."""
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")  # type: ignore[arg-type]

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, what is committed stays."""
        if self._process:
            self._process.stop(signal.SIGINT)
            self._process = None

    def kill(self) -> None:
        """SIGKILL to the server and its sessions."""
        if self._process:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        self.kill()
        remove(self.folder)
