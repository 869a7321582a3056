"""The parent process: it opens the sockets, starts the roles, starts again what died, and stops them in order.

Processes share only the database. The parent holds no connection and no thread, so that a fork is safe; a child that
loses its parent (a pipe ends) stops by itself. SIGHUP checks the new settings, then replaces the children one by one
while the sockets stay open, or says why not and keeps the old.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from msgspec.structs import replace

from mailgate import locking
from mailgate import settings as files
from mailgate import stopping as stops
from mailgate.application import open_application
from mailgate.errors import MailgateError
from mailgate.intake.door import Listener, bind, tls_context
from mailgate.logs import Outage, configure
from mailgate.monitoring import listening
from mailgate.monitoring.roster import Roster
from mailgate.roles import Onlooker, Role, roles
from mailgate.settings import Settings
from storage import beats, epochs, holders, verifications
from storage import shadow as shadows
from storage.database import DatabaseUnavailable, SchemaMismatch, now
from storage.words import DAEMON

log = logging.getLogger("mailgate")

SHORT_LIFE_SECONDS = 5.0  # a role that dies sooner is started again only after a pause
PAUSE_SECONDS = 1.0
KILL_SECONDS = stops.STOP_SECONDS + stops.LAST_SECONDS + 1  # a child that cannot even end by itself
NOTIFY_SECONDS = 1.0  # for systemd to take what it is told


class Supervisor:
    """One daemon. `run` returns its exit status."""

    def __init__(self, file: Path, *, shadow: bool = False) -> None:
        self.file = file
        self.shadow = shadow
        self.settings = files.load(file)
        self.children: dict[int, tuple[Role | Onlooker, float, str]] = {}  # since when, and whose its leases are
        self.listeners: list[Listener] = []
        self.page: socket.socket | None = None
        self.roster = Roster()
        self.leaving: list[socket.socket] = []  # of old settings: a new child that kept them open would let people wait
        self.stopping = False
        self.reload = False
        self._wake_read, self._wake_write = os.pipe()
        self._alive_read, self._alive_write = os.pipe()  # children see its end when we are gone
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; 0 when all stopped in order."""
        with locking.lock(self.settings, locking.AFTER_A_KILL):
            return self._run()

    def _run(self) -> int:
        app = open_application(self.settings, create=True, shadow=self.shadow)
        tls_context(self.settings)  # a certificate that cannot be used is told here, not by a child that dies
        self.page = listening.bind(self.settings)
        self.listeners = bind(self.settings)
        freed = holders.end_dead(app.db, now())
        with app.db.write() as session:
            verifications.begin(session, now(), asked=self.settings.verifies)
            if self.shadow:
                shadows.begin(session, now())
            else:
                shadows.end(session)
            restored = epochs.latest(session)
            beats.seen(session, DAEMON, now(), None)
        app.db.close()
        if restored is not None and restored.thawed is None:
            log.warning("a backup was restored and sending is frozen: see `mailgate status`, then `mailgate thaw`")
        if freed:
            log.info("%d leases of a daemon that did not stop in order were ended", freed)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._signalled)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for role in roles(app, self.listeners, self.page, self.roster):
            if not self.stopping:
                self._start(role)
        log.info("serving%s: %s", " in shadow" if self.shadow else "", _places(self.settings))
        notify("READY=1\nSTATUS=serving")
        beat = _watchdog_seconds()
        while not self.stopping:
            self._wait(beat)
            notify("WATCHDOG=1")
            self._reap()
            self.roster.write()
            if self.reload:
                self.reload = False
                self._replace()
        notify("STOPPING=1")
        status = self._stop(list(self.children))
        for listener in self.listeners:
            listener.sock.close()
        log.info("stopped")
        return status

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self.stopping = True
        elif number == signal.SIGHUP:
            self.reload = True

    def _wait(self, seconds: float) -> None:
        ready, _, _ = select.select([self._wake_read], [], [], seconds)
        if ready:
            os.read(self._wake_read, 4096)

    def _start(self, role: Role | Onlooker, ended: str | None = None) -> None:
        """Fork a child; `ended` is whose leases it ends first: its predecessor's, who died."""
        owner = holders.new_owner(f"{self.file}:{role.name}")
        stopping = threading.Event()
        with stops.put_off():
            pid = os.fork()
            if pid:
                self.children[pid] = (role, time.monotonic(), owner)
            else:
                self._listen(stopping)
        if pid:
            self.roster.started(role.name, pid)
            return
        status = 1
        try:
            status = self._child(role, self.settings, owner, ended, stopping)
        finally:
            logging.shutdown()
            os._exit(status)

    def _listen(self, stopping: threading.Event) -> None:
        """What a child hears: not what its parent does."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._alive_write)
        stops.hear(stopping, self._alive_read)

    def _child(
        self, role: Role | Onlooker, settings: Settings, owner: str, ended: str | None, stopping: threading.Event
    ) -> int:
        """The whole life of a child process; why it cannot begin or go on is in the log."""
        try:
            return self._live(role, settings, owner, ended, stopping)
        except Exception:
            log.exception("%s died", role.name)
            return 1

    def _live(
        self, role: Role | Onlooker, settings: Settings, owner: str, ended: str | None, stopping: threading.Event
    ) -> int:
        for sock in self.leaving:
            sock.close()
        if isinstance(role, Onlooker):
            role.run(settings, stopping)
            return 0
        if self.page is not None:
            self.page.close()
        outage = Outage(log, f"{role.name}: the database")
        while not stopping.is_set():
            try:
                app = open_application(settings, shadow=self.shadow)
                break
            except DatabaseUnavailable as error:
                outage.lasts(error)
                stopping.wait(PAUSE_SECONDS)
        else:
            return 0
        outage.over()
        if ended is not None:
            with app.db.write() as session:
                holders.end(session, ended, now())
        role.run(app, owner, stopping)
        return 0

    def _reap(self) -> None:
        """Start again what died; one that dies at once only after a pause."""
        for pid, status in _dead():
            role, started, owner = self.children.pop(pid, (None, 0.0, ""))
            if role is None or self.stopping:
                continue
            log.error("%s (process %d) ended with %s; starting it again", role.name, pid, _exit(status))
            self.roster.died(role.name)
            if time.monotonic() - started < SHORT_LIFE_SECONDS:
                time.sleep(PAUSE_SECONDS)
            if not self.stopping:
                self._start(role, ended=owner)

    def _replace(self) -> None:
        """New settings, if they can be used: children one by one, the sockets stay open."""
        notify("RELOADING=1")
        page = self.page
        try:
            settings = files.load(self.file)
            app = open_application(settings, shadow=self.shadow)
            with app.db.write() as session:
                verifications.begin(session, now(), asked=settings.verifies)
            app.db.close()
            tls_context(settings)
            if self.settings.http != settings.http:
                page = listening.bind(settings, self.page)
            listeners = _rebind(self.settings, settings, self.listeners)
        except (MailgateError, SchemaMismatch, DatabaseUnavailable) as error:
            if page is not None and page is not self.page:
                page.close()
            log.error("the new settings are not used: %s", error)
            notify("READY=1\nSTATUS=serving; the new settings were refused")
            return
        old, self.settings, gone = list(self.children), settings, [x for x in self.listeners if x not in listeners]
        self.listeners = listeners
        self.leaving = [listener.sock for listener in gone]
        if self.page is not None and self.page is not page:
            self.leaving.append(self.page)
        self.page = page
        wanted = roles(app, listeners, page, self.roster)
        self.roster.keep([role.name for role in wanted])
        for role in wanted:
            if self.stopping:
                return
            before = [pid for pid in old if self.children[pid][0].name == role.name]
            self._start(role)
            self._stop(before)
            old = [pid for pid in old if pid not in before]
        self._stop(old)
        for sock in self.leaving:
            sock.close()
        self.leaving = []
        log.info("the new settings are in use: %s", _places(settings))
        notify("READY=1\nSTATUS=serving")

    def _stop(self, pids: Sequence[int]) -> int:
        """Ask children to finish and wait; 1 if one had to be killed. The end of all is not waited for one by one."""
        all_of_them = self.stopping
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        waiting = set(pids)
        end = time.monotonic() + KILL_SECONDS
        killed = False
        while waiting and self.stopping == all_of_them:
            for pid in list(waiting):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    waiting.discard(pid)
                    self.children.pop(pid, None)
            if waiting and time.monotonic() > end and not killed:
                killed = True
                for pid in waiting:
                    log.error("process %d did not stop in %d s and is killed", pid, KILL_SECONDS)
                    os.kill(pid, signal.SIGKILL)
            if waiting:
                notify("WATCHDOG=1")
                time.sleep(0.02)
        return int(killed)


def serve(file: Path, *, shadow: bool = False) -> int:
    """Run the daemon of that settings file in the foreground."""
    configure()
    return Supervisor(file.absolute(), shadow=shadow).run()


def _rebind(old: Settings, new: Settings, listeners: list[Listener]) -> list[Listener]:
    """Listeners of the new settings: a socket that both have stays as it is, the others are opened now."""
    kept = dict(zip(_addresses(old), listeners, strict=True))
    wanted = _addresses(new)
    fresh = bind(_listening_only(new, [w for w in wanted if w not in kept]))
    opened = dict(zip([w for w in wanted if w not in kept], fresh, strict=True))
    return [kept[w] if w in kept else opened[w] for w in wanted]


def _addresses(settings: Settings) -> list[tuple[str, str]]:
    """Every place to listen on, in the order in which `bind` opens them."""
    return [("smtp", a) for a in (settings.smtp.listen if settings.smtp else ())] + [
        ("lmtp", a) for a in (settings.lmtp.listen if settings.lmtp else ())
    ]


def _listening_only(settings: Settings, places: list[tuple[str, str]]) -> Settings:
    """The settings as if they named only these places to listen on."""
    smtp = [a for protocol, a in places if protocol == "smtp"]
    lmtp = [a for protocol, a in places if protocol == "lmtp"]
    return replace(
        settings,
        smtp=replace(settings.smtp, listen=tuple(smtp)) if settings.smtp else None,
        lmtp=replace(settings.lmtp, listen=tuple(lmtp)) if settings.lmtp else None,
    )


def _dead() -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if not pid:
            return found
        found.append((pid, status))


def _exit(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"


def _places(settings: Settings) -> str:
    parts = []
    if settings.smtp:
        parts.append(f"SMTP {', '.join(settings.smtp.listen)}")
    if settings.lmtp:
        parts.append(f"LMTP {', '.join(settings.lmtp.listen)}")
    if settings.http:
        parts.append(f"HTTP {settings.http.listen}")
    parts += [f"mailbox {box.name}" for box in settings.imap]
    parts.append(f"relay {settings.relay.host}:{settings.relay.port}" if settings.relay else "no relay: mail is held")
    return "; ".join(parts)


def _watchdog_seconds() -> float:
    """Half of what systemd waits for a sign of life (sd_watchdog_enabled); a second where it does not."""
    micro = os.environ.get("WATCHDOG_USEC", "")
    return min(1.0, int(micro) / 2_000_000) if micro.isdigit() and int(micro) else 1.0


def notify(state: str) -> None:
    """Tell systemd (sd_notify); nothing where it did not ask."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.0 if state == "WATCHDOG=1" else NOTIFY_SECONDS)  # a systemd that is busy must not stop us
        try:
            sock.sendto(state.encode(), address)
        except BlockingIOError:
            pass  # it has signs of life enough to read
        except OSError as error:
            print(f"mailgate: systemd does not listen at {address!r}: {error}", file=sys.stderr)
