"""The real door in a thread of its own, on free loopback ports: what the tests talk to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
import uvloop

from mailgate.intake import door
from mailgate.settings import Settings
from storage.database import Database
from storage.tables import journal, journal_raw

PATIENCE = 20.0  # seconds; longer than anything here takes on a busy machine


def settings(folder: Path, **sections: Any) -> Settings:
    """A desk at help@desk.example with an SMTP and an LMTP door on free ports."""
    tree = {
        "desk": {"name": "Example Desk", "address": "help@desk.example"},
        "smtp": {"listen": ["127.0.0.1:0"], "max_size": "100kB"} | sections.pop("smtp", {}),
        "lmtp": {"listen": ["127.0.0.1:0"]},
        "folder": str(folder),
        "file": str(folder / "mailgate.toml"),
    } | sections
    return msgspec.convert(tree, Settings)


def accepts(address: str) -> bool:
    """Help, any suffix of it, and postmaster."""
    local, _, domain = address.lower().partition("@")
    return (local.partition("+")[0] in ("help", "postmaster", "hülfe")) and domain in ("desk.example", "")


@dataclass(frozen=True)
class Running:
    """A door at work. `ports` by protocol."""

    ports: dict[str, int]
    db: Database
    stop: Callable[[], None]  # asks it to stop, and returns at once
    thread: threading.Thread

    def mails(self) -> list[dict[str, Any]]:
        """What stands in the journal, oldest first, each with its raw bytes."""
        query = sa.select(journal, journal_raw.c.raw).join(journal_raw).order_by(journal.c.id)
        with self.db.read() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]


@contextlib.contextmanager
def running(db: Database, folder: Path, accepts: Callable[[str], bool] = accepts, **sections: Any) -> Iterator[Running]:
    """A door until the block is left; then it has stopped in order, or the test fails."""
    made = settings(folder, **sections)
    listeners = door.bind(made)
    ports = {o.protocol: o.sock.getsockname()[1] for o in listeners if o.sock.family != socket.AF_UNIX}
    errors: list[BaseException] = []
    ready = threading.Event()
    loop_and_stop: list[Any] = []

    async def main() -> None:
        stopping = asyncio.Event()
        loop_and_stop[:] = [asyncio.get_running_loop(), stopping]
        ready.set()
        await door.serve(made, db, accepts, listeners, stopping)

    def run() -> None:
        try:
            uvloop.run(main())
        except BaseException as error:  # noqa: BLE001 - told to the test
            errors.append(error)
            ready.set()

    def stop() -> None:
        with contextlib.suppress(RuntimeError):  # it has stopped already
            loop_and_stop[0].call_soon_threadsafe(loop_and_stop[1].set)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        yield Running(ports, db, stop, thread)
    finally:
        stop()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert errors == []
