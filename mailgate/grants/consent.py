"""Consent in a browser that comes back to this machine (RFC 8252 section 7.3), bound to us by PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from mailgate.grants import endpoint
from mailgate.grants.errors import GrantError

PATIENCE_SECONDS = 900.0  # for a person to find the password and the telephone
LINE_SECONDS = 10.0  # for a browser that has connected to say what it wants


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code (RFC 6749 section 4.1.2), and what proves that we asked for it."""

    code: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str


class _Page(HTTPServer):
    """Waits for one visit with the right state."""

    def __init__(self, port: int, state: str) -> None:
        super().__init__(("127.0.0.1", port), _Visit)
        self.state = state
        self.answer: dict[str, str] | None = None
        self.timeout = 1.0


class _Visit(BaseHTTPRequestHandler):
    server: _Page
    timeout = LINE_SECONDS

    def do_GET(self) -> None:
        asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        ours = secrets.compare_digest(asked.get("state", "").encode(), self.server.state.encode())
        if ours and ("code" in asked or "error" in asked):
            self.server.answer = asked
        said = "Not signed in." if not ours or "code" not in asked else "Signed in. You may close this page."
        page = f"<!doctype html><title>mailgate</title><p>{html.escape(said)}</p>".encode()
        self.send_response(200 if ours else 400)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: Any) -> None:
        """Nothing: the address has the code in it."""


def ask(url: str, client_id: str, scopes: Sequence[str], *, show: Callable[[str], None], port: int = 0) -> Code:
    """Show the address of the page of consent and wait for its answer. Raises GrantError."""
    verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(24)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    try:
        page = _Page(port, state)
    except OSError as error:
        raise GrantError(f"127.0.0.1:{port}: {error.strerror}", dead=False) from None
    with page:
        redirect = f"http://127.0.0.1:{page.server_port}/"
        query = {
            "client_id": client_id,
            "redirect_uri": redirect,
            "response_type": "code",
            "scope": " ".join(scopes),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "access_type": "offline",  # Google's word for: with a refresh token
            "prompt": "consent",  # and it gives one only where it has asked
        }
        show(f"Open in a browser of this machine:\n{url}{'&' if '?' in url else '?'}{urlencode(query)}")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while page.answer is None:
            if time.monotonic() > deadline:
                raise GrantError("nobody came back from the page of consent", dead=False)
            page.handle_request()
    if "code" not in page.answer:
        raise endpoint.refused(page.answer)
    return Code(page.answer["code"], verifier, redirect)


def exchange(request: Any, url: str, client_id: str, client_secret: str, asked: Code) -> dict[str, Any]:
    """The endpoint's answer to a code (RFC 6749 section 4.1.3), by google-auth's `request`. Raises GrantError."""
    body = {
        "grant_type": "authorization_code",
        "code": asked.code,
        "redirect_uri": asked.redirect_uri,
        "client_id": client_id,
        "client_secret": client_secret,
        "code_verifier": asked.verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    said = request(url=url, method="POST", headers=headers, body=urlencode(body).encode())
    try:
        answer = json.loads(said.data)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise GrantError(f"the token endpoint gives no sensible answer (HTTP {said.status})", dead=False)
    return answer
