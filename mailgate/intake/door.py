"""The door: listening sockets, and the asyncio role that takes mails from them until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from mailgate.errors import SettingsError
from mailgate.intake import replies
from mailgate.intake.commits import Commits
from mailgate.intake.dialogue import Terms
from mailgate.intake.lmtp import LmtpSession
from mailgate.intake.room import Room
from mailgate.intake.session import Desk, MailSession
from mailgate.intake.smtp import SmtpSession
from mailgate.settings import Settings, Smtp
from routing.trust import ascii_domain
from storage.database import Database

log = logging.getLogger("mailgate.door")

BACKLOG = 512  # connections the kernel keeps while we are busy or being replaced
ROOM_MAILS = 4  # of the greatest size, in memory at once
ROOM_BYTES = 32_000_000  # or this, where the greatest size is small
GRACE_SECONDS = 9.0  # for the mails in hand when it stops; systemd and the parent wait longer
SOCKET_MODE = 0o660  # the mail server in front joins our group; nobody else needs to deliver

SESSIONS: dict[str, type[MailSession]] = {"smtp": SmtpSession, "lmtp": LmtpSession}


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens, bound by the parent, which keeps it while its children are replaced."""

    protocol: Literal["smtp", "lmtp"]
    sock: socket.socket


def bind(settings: Settings) -> list[Listener]:
    """Every socket that [smtp] and [lmtp] name, listening. Raises SettingsError naming each that cannot be had."""
    wanted: list[tuple[Literal["smtp", "lmtp"], str]] = []
    wanted += [("smtp", address) for address in (settings.smtp.listen if settings.smtp else ())]
    wanted += [("lmtp", address) for address in (settings.lmtp.listen if settings.lmtp else ())]
    listeners: list[Listener] = []
    problems: list[str] = []
    for protocol, address in wanted:
        try:
            sock = _unix(address.removeprefix("unix:")) if address.startswith("unix:") else _tcp(address)
        except OSError as error:
            problems.append(f"{settings.file}: {protocol}.listen: cannot listen on {address}: {_why(error)}")
        else:
            listeners.append(Listener(protocol, sock))
    if problems:
        for listener in listeners:
            listener.sock.close()
        raise SettingsError(problems)
    return listeners


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """STARTTLS by smtp.tls_cert and smtp.tls_key, TLS 1.2 or later (RFC 8996); None where none is set."""
    if settings.smtp is None or settings.smtp.tls_cert is None or settings.smtp.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    cert, key = settings.path(settings.smtp.tls_cert), settings.path(settings.smtp.tls_key)
    for name, file in (("tls_cert", cert), ("tls_key", key)):
        try:
            file.read_bytes()
        except OSError as error:
            raise SettingsError([f"{settings.file}: smtp.{name}: cannot read {file}: {error.strerror}"]) from None
    try:
        context.load_cert_chain(cert, key)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise SettingsError(
            [f"{settings.file}: smtp.tls_cert and smtp.tls_key: no certificate with its key in PEM form: {reason}"]
        ) from None
    return context


async def serve(
    settings: Settings,
    db: Database,
    accepts: Callable[[str], bool],
    listeners: Sequence[Listener],
    stopping: asyncio.Event,
) -> None:
    """Take mails until `stopping` is set; then finish those in hand, within ten seconds, and return.

    `accepts` says of an address whether it is ours. Raises SettingsError where the certificate cannot be used.
    """
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's own words about every connection
    loop = asyncio.get_running_loop()
    tls = tls_context(settings)
    limits = settings.smtp or Smtp()
    commits = Commits(db)
    room = Room(max(ROOM_MAILS * settings.max_size, ROOM_BYTES))
    desks = [
        Desk(
            protocol=protocol,
            terms=Terms(
                hostname=_hostname(settings),
                greets=session.greets,
                accepts=accepts,
                max_size=settings.max_size,
                max_recipients=limits.max_recipients,
                tls=tls is not None,
            ),
            commits=commits,
            room=room,
            timeout=limits.timeout,
            tls=tls,
            verify=limits.verify,
        )
        for protocol, session in SESSIONS.items()
    ]
    servers = []
    for desk in desks:
        for listener in listeners:
            if listener.protocol == desk.protocol:
                make = loop.create_unix_server if listener.sock.family == socket.AF_UNIX else loop.create_server
                servers.append(await make(_visitor(desk, limits.max_connections), sock=listener.sock, backlog=BACKLOG))
    await stopping.wait()
    for server in servers:
        server.close()
    sessions = [session for desk in desks for session in desk.sessions]
    for desk in desks:
        desk.closing = True
    for session in sessions:
        session.close_when_done()
    if sessions:
        await asyncio.wait([session.gone for session in sessions], timeout=GRACE_SECONDS)
    for session in sessions:
        session.abort()
    await commits.close()


def _hostname(settings: Settings) -> str:
    """What we call ourselves. A Postfix in front often bears the desk's domain, and shuns who greets it with that."""
    domain = ascii_domain(settings.desk.address.rpartition("@")[2])
    return f"mailgate.{domain if domain.isascii() else 'invalid'}"  # RFC 6761


def _visitor(desk: Desk, max_connections: int) -> Callable[[], asyncio.Protocol]:
    """A protocol for each connection; past the limit one that says so and hangs up."""

    def protocol() -> asyncio.Protocol:
        if len(desk.sessions) < max_connections:
            return SESSIONS[desk.protocol](desk)
        log.info("refused door=%s connection reply=%r", desk.protocol, str(replies.TOO_MANY_CONNECTIONS))
        return _Full()

    return protocol


class _Full(asyncio.Protocol):
    """One connection too many (RFC 5321 section 3.1 allows to say so at once)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass
        stream.write(replies.TOO_MANY_CONNECTIONS.line)
        stream.close()


def _tcp(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    if int(port) > 65535:  # the resolver would take it modulo 65536
        raise OSError("a port is a number up to 65535")
    family, kind, proto, _, place = socket.getaddrinfo(
        host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(socket.socket(family, kind, proto))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # so that 0.0.0.0 and [::] can stand side by side
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(place)
        sock.listen(BACKLOG)
        undo.pop_all()
    return sock


def _unix(path: str) -> socket.socket:
    _remove_stale(Path(path))
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        sock.bind(path)
        os.chmod(path, SOCKET_MODE)  # noqa: PTH101 - nobody can connect before it listens
        sock.listen(BACKLOG)
        undo.pop_all()
    return sock


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on any more; anything else stays, and binding will say so."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()


def _why(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return "another program has it; stop that one, or choose another"
    if number == errno.EACCES:
        return "not allowed; a port below 1024 needs CAP_NET_BIND_SERVICE, a path needs a folder we may write"
    if number == errno.ENOENT:
        return "its folder does not exist"
    return str(getattr(error, "strerror", None) or error)
