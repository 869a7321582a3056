"""Where the doors listen: free, held by a mailgate that runs, or not to be had."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from mailgate.checks.finding import Finding, failed, ok
from mailgate.settings import Settings
from mailgate.trouble import TRY_SECONDS

_OURS = re.compile(r"220 \S+ (ESMTP|LMTP) mailgate|HTTP/1\.[01] \d+ .*^Server: mailgate\s", re.DOTALL | re.MULTILINE)


def places(settings: Settings) -> Iterator[tuple[str, str]]:
    """Door and address."""
    for name, door in (("smtp", settings.smtp), ("lmtp", settings.lmtp)):
        yield from ((name, address) for address in (door.listen if door else ()))
    if settings.http is not None:
        yield "http", settings.http.listen


def listening(protocol: str, address: str, *, runs: bool) -> Finding:
    """Whether that address can be had, or is held by the daemon of this desk, which `runs`."""
    what = f"{protocol} {address}"
    at = (protocol, "listen")
    path = address.removeprefix("unix:") if address.startswith("unix:") else None
    greeting = _greeting(path or address, b"HEAD /health HTTP/1.0\r\n\r\n" if protocol == "http" else b"")
    if greeting is not None:
        if _OURS.match(greeting):
            if runs:
                return ok(what, "this desk listens there")
            return failed(what, "the mailgate of another desk listens there", _other(protocol), at)
        greeting = greeting.partition("\n")[0].strip()
        said = f'another program listens there: "{greeting[:60]}"' if greeting else "another program listens there"
        return failed(what, said, _other(protocol), at)
    if path is not None:
        folder = Path(path).parent
        if not folder.is_dir():
            return failed(what, f"there is no folder {folder}", "make it, owned by the user that runs mailgate", at)
        if not os.access(folder, os.W_OK):
            said = f"the folder {folder} cannot be written to"
            return failed(what, said, "let the user that runs mailgate write", at)
        return ok(what, "free")
    host, port = _host_port(address)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
    except OSError as error:
        said = f"cannot listen there: {error.strerror or error}"
        return failed(what, said, _unbindable(error, protocol, port), at)
    return ok(what, "free")


def _other(protocol: str) -> str:
    return f"stop it, or choose another {protocol}.listen"


def _unbindable(error: OSError, protocol: str, port: int) -> str:
    if error.errno == errno.EACCES:
        return f"ports below 1024 are root's: let the mail server in front take {port}, and choose 2525 or so here"
    return f"name an address of this machine in {protocol}.listen"


def _host_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _greeting(place: str, asked: bytes) -> str | None:
    """What who listens there says first, or to that; "" where nothing is said; None where nobody does."""
    with contextlib.suppress(OSError):
        if place.startswith("/"):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(TRY_SECONDS)
            sock.connect(place)
        else:
            sock = socket.create_connection(_host_port(place), TRY_SECONDS)
        with sock:
            try:
                sock.sendall(asked)
                return sock.recv(500).decode("ascii", "replace")
            except OSError:
                return ""
    return None
