"""What the daemon's processes do: `door` takes mail in, `work` makes tickets, `post` sends and watches mailboxes,
`verify` checks who wrote, `http` tells other programs how it fares."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mailgate.application import Application
from mailgate.grants import keeper
from mailgate.intake.door import Listener
from mailgate.monitoring.roster import Roster
from mailgate.settings import Settings, junk_door
from mailgate.stopping import STOP_SECONDS
from storage import beats, words
from storage.database import Database, StorageError, now
from storage.holders import holding

log = logging.getLogger("mailgate")

LOOK_SECONDS = 1.0  # how soon a thread that died is noticed
LEAVE_SECONDS = 2.0  # for those that have nothing in hand but what is taken up again: a mailbox that does not answer
UNTOLD_SECONDS = 5.0  # before the database is told again that the daemon lives, where it could not be told


@dataclass(frozen=True, slots=True)
class Role:
    """One process: its name, and what it runs until `stopping` is set."""

    name: str
    run: Callable[[Application, str, threading.Event], None]


@dataclass(frozen=True, slots=True)
class Onlooker:
    """A process that also runs while the database is away, and has to say so."""

    name: str
    run: Callable[[Settings, threading.Event], None]


def roles(
    app: Application, listeners: Sequence[Listener], page: socket.socket | None, roster: Roster
) -> list[Role | Onlooker]:
    """The processes that these settings need. `page`: where `http` listens."""
    result: list[Role | Onlooker] = [Role("work", work)]
    if listeners:
        result.append(Role("door", lambda app, owner, stopping: door(app, owner, stopping, listeners)))
    if app.settings.relay is not None or app.settings.imap or app.settings.alarm is not None:
        result.append(Role("post", post))
    if app.settings.verifies:
        result.append(Role("verify", verify))
    if page is not None:
        result.append(Onlooker("http", lambda settings, stopping: http(settings, page, roster, stopping)))
    return result


def work(app: Application, owner: str, stopping: threading.Event) -> None:
    """From the journal to tickets, one batch after the other."""
    from mailgate.worker import Worker

    threading.Thread(target=_live, args=(app.db, stopping), name="living", daemon=True).start()
    with holding(app.db, owner):
        Worker(app, owner, stopping).run()


def _live(db: Database, stopping: threading.Event) -> None:
    """Tells the database that a daemon lives, for `status` to say since when none does."""
    while not stopping.is_set():
        pause = words.DAEMON_SECONDS
        try:
            with db.write() as session:
                beats.seen(session, words.DAEMON, now(), None)
        except StorageError as error:
            log.debug("it could not be told that the daemon lives: %s", error)
            pause = UNTOLD_SECONDS
        stopping.wait(pause)


def verify(app: Application, owner: str, stopping: threading.Event) -> None:
    """Checks who wrote, where a door asks for it; a process of its own, so that it slows neither door nor worker."""
    from mailgate.verify.station import Station

    Station(app.settings, app.db, app.policy.doors, stopping).run()


def http(settings: Settings, page: socket.socket, roster: Roster, stopping: threading.Event) -> None:
    """Answers those who ask how the desk fares; a process of its own, so that it slows neither door nor worker."""
    from mailgate.monitoring.server import serve

    serve(settings, page, roster, stopping)


def door(app: Application, owner: str, stopping: threading.Event, listeners: Sequence[Listener]) -> None:
    """SMTP and LMTP on one event loop."""
    import uvloop

    from mailgate.intake.door import serve

    async def until_stopped() -> None:
        told = asyncio.Event()
        loop = asyncio.get_running_loop()

        def tell() -> None:
            stopping.wait()
            loop.call_soon_threadsafe(told.set)

        threading.Thread(target=tell, name="stopping", daemon=True).start()
        await serve(app.settings, app.db, app.policy.accepts, listeners, told)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_stopped())


def post(app: Application, owner: str, stopping: threading.Event) -> None:
    """The sender, a thread for each mailbox that is watched, grants, alarms. One that dies starts the role again."""
    threads = [threading.Thread(target=run, name=name, daemon=True) for name, run in _posts(app, owner, stopping)]
    with holding(app.db, owner):
        for thread in threads:
            thread.start()
        while not stopping.wait(LOOK_SECONDS):
            dead = [thread.name for thread in threads if not thread.is_alive()]
            if dead:
                raise RuntimeError(f"{', '.join(dead)} died")
        began = time.monotonic()
        for thread in threads:  # the sender is the first, if there is one
            patience = STOP_SECONDS if thread.name == "sender" else LEAVE_SECONDS
            thread.join(max(0.0, began + patience - time.monotonic()))


def _posts(app: Application, owner: str, stopping: threading.Event) -> list[tuple[str, Callable[[], Any]]]:
    jobs: list[tuple[str, Callable[[], Any]]] = []
    if app.settings.relay is not None and not app.policy.shadow:
        from mailgate.outgoing.sender import Sender

        jobs.append(("sender", Sender(app.settings, app.db, stopping, owner).run))
    for account in app.settings.imap:
        from mailgate.intake.imap import Watcher

        watcher = Watcher(account, app.settings, app.db, stopping, app.policy.shadow)
        jobs.append((f"imap:{account.name}", watcher.run))
        if account.junk:
            junk = Watcher(account, app.settings, app.db, stopping, app.policy.shadow, junk=True)
            jobs.append((junk_door(account.name), junk.run))
    news = threading.Event()
    if any(keeper.used(app.settings)):
        jobs.append(("grants", lambda: keeper.run(app.settings, stopping, news)))
    if app.settings.alarm is not None:
        from mailgate.alarms.watch import Alarms

        jobs.append(("alarms", Alarms(app.settings, app.db, stopping, news).run))
    return jobs
