"""The socket of [http], bound by the parent, which keeps it while its children are replaced."""

from __future__ import annotations

import socket

from mailgate.errors import SettingsError
from mailgate.settings import Settings

BACKLOG = 32  # connections the kernel keeps while the process that answers is being replaced


def bind(settings: Settings, open_already: socket.socket | None = None) -> socket.socket | None:
    """That socket, listening; None without the section. `open_already` is the one before new settings: the same place
    keeps it. Raises SettingsError where it cannot be had.
    """
    if settings.http is None:
        return None
    host, _, port = settings.http.listen.rpartition(":")
    try:
        family, kind, proto, _, place = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        if open_already is not None and open_already.getsockname() == place:
            return open_already
        sock = socket.socket(family, kind, proto)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(place)
            sock.listen(BACKLOG)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        why = f"cannot listen on {settings.http.listen}: {error.strerror or error}"
        raise SettingsError([f"{settings.file}: http.listen: {why}"]) from None
    return sock
