"""The page for other programs: three paths over HTTP, for this machine alone unless the settings say otherwise."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from mailgate.monitoring import health
from mailgate.monitoring.kept import Kept
from mailgate.monitoring.readings import Readings
from mailgate.monitoring.roster import Roster
from mailgate.settings import Settings

log = logging.getLogger("mailgate.http")

STOP_SECONDS = 0.1  # how soon an end is noticed
READY_SECONDS = 2.0  # what was found holds so long: many who ask cost no more than one
CLIENT_SECONDS = 10.0  # for a request to come in and its answer to go out
MOST_CLIENTS = 16  # at once; the next ones are hung up on


def serve(settings: Settings, sock: socket.socket, roster: Roster, stopping: threading.Event) -> None:
    """Answer until `stopping` is set."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Readings(settings, roster))
    server = _Server(settings, sock, roster, registry)
    thread = threading.Thread(target=server.serve_forever, args=(STOP_SECONDS,), name="http", daemon=True)
    thread.start()
    stopping.wait()
    server.shutdown()
    thread.join()
    server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, settings: Settings, sock: socket.socket, roster: Roster, registry: CollectorRegistry) -> None:
        super().__init__(sock.getsockname()[:2], _Page, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        self.registry = registry
        self.roster = roster
        self.hindered = Kept(lambda: tuple(health.hinders(settings, roster.read())), READY_SECONDS)
        self._places = threading.BoundedSemaphore(MOST_CLIENTS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a client went away", exc_info=True)


class _Page(BaseHTTPRequestHandler):
    server: _Server
    timeout = CLIENT_SECONDS
    server_version = "mailgate"
    sys_version = ""

    def do_GET(self) -> None:
        answer = {"/health": self._health, "/ready": self._ready, "/metrics": self._metrics}.get(
            self.path.partition("?")[0]
        )
        try:
            status, kind, body = answer() if answer else (404, "text/plain", b"/health, /ready and /metrics are here\n")
        except Exception:  # whoever asks gets an answer, and the cause stays in the log
            log.exception("%s could not be answered", self.path)
            status, kind, body = 500, "text/plain", b"this could not be found out; see the log\n"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _health(self) -> tuple[int, str, bytes]:
        muster = self.server.roster.read()
        reasons = tuple(health.ails(muster, time.time(), time.monotonic()))
        roles = {post.role: {"pid": post.pid or None, "deaths": post.deaths} for post in muster.posts}
        return _verdict("healthy", reasons, roles=roles)

    def _ready(self) -> tuple[int, str, bytes]:
        return _verdict("ready", self.server.hindered())

    def _metrics(self) -> tuple[int, str, bytes]:
        encode, kind = choose_encoder(self.headers.get("Accept", ""))
        return 200, kind, encode(self.server.registry)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        log.debug(format, *args)


def _verdict(what: str, reasons: Sequence[str], **more: Any) -> tuple[int, str, bytes]:
    """200, or 503 with the reasons (RFC 9110 section 15.6.4)."""
    document = {what: not reasons, "reasons": list(reasons), **more}
    return (503 if reasons else 200), "application/json", json.dumps(document).encode() + b"\n"
