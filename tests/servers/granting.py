"""A token endpoint over https with a CA of its own: issues, rotates, expires and revokes, as Microsoft or Google do.

It also tells a mail server whose a token is (RFC 7662), as Dovecot's passdb asks.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from servers.process import folder, need, remove
from servers.tls import certificates

TENANT = "desk.example"
CLIENT = "11111111-2222-3333-4444-555555555555"
SECRET = "the-applications-secret"


@dataclass(frozen=True, slots=True)
class Issued:
    """An access token: of whom, until when."""

    user: str
    expires: float


class Granting:
    """`life`: seconds of an access token. `rotating`: a refresh token works once, and the next one comes with it.

    `user` is who signs in at the page of consent or enters a device's code; "*" opens every mailbox.
    """

    def __init__(self, *, life: float = 3600.0, rotating: bool = True, user: str = "*") -> None:
        need("openssl")
        self.folder = folder("granting")
        self.certificates = certificates(self.folder)
        self.life, self.rotating, self.user = life, rotating, user
        self.refresh_life: int | None = None
        self.opens: dict[str, str] = {}  # whose token to whose mailbox, where it is another's
        self.approved = threading.Event()  # the person has entered the device's code
        self.away = False
        self.asked: list[dict[str, str]] = []  # every form that came to the token endpoint
        self.renewals = 0
        self.issued: dict[str, Issued] = {}
        self._refresh: dict[str, str] = {}  # those that work, to their user
        self._codes: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.port = self._server.server_port
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificates.cert, self.certificates.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        # Dovecot asks in the clear: its client of 2.3 trusts only what its own settings say
        self._plain = _Server(("127.0.0.1", 0), _handler(self))
        self.plain_port = self._plain.server_port
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            for server in (self._server, self._plain)
        ]

    def start(self) -> Granting:
        for thread in self._threads:
            thread.start()
        return self

    def close(self) -> None:
        for server, thread in zip((self._server, self._plain), self._threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join(10)
        remove(self.folder)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    # --- for tests ----------------------------------------------------------------------------------------------

    def settings(self, provider: str = "microsoft", name: str = "m365", **more: Any) -> dict[str, Any]:
        """The [[grant]] that leads here."""
        given = {"name": name, "provider": provider, "client_id": CLIENT, "tls_ca": str(self.certificates.ca)}
        if provider == "microsoft":
            given |= {"authority": self.url, "tenant": TENANT}
        else:
            given |= {"token_url": f"{self.url}/token", "authorize_url": f"{self.url}/authorize"}
        return {key: value for key, value in {**given, **more}.items() if value is not None}

    def secret_file(self, text: str = SECRET) -> Path:
        file = self.folder / "secret"
        file.write_text(f"{text}\n")
        file.chmod(0o600)
        return file

    def revoke(self, *, access: bool = False) -> None:
        """No refresh token works any more; with `access`, no access token either."""
        with self._lock:
            self._refresh.clear()
            if access:
                self.issued.clear()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Inside this block every request is answered 503."""
        self.away = True
        try:
            yield
        finally:
            self.away = False

    def token(self, user: str, life: float | None = None) -> str:
        """An access token, outside any flow."""
        text = secrets.token_urlsafe(1500)  # Microsoft's are as long: no command line of SMTP holds them
        with self._lock:
            self.issued[text] = Issued(user, time.time() + (self.life if life is None else life))
        return text

    def whose(self, token: str) -> str | None:
        """Whom a token opens a mailbox of, if it is one and lives."""
        with self._lock:
            found = self.issued.get(token)
        return found.user if found and found.expires > time.time() else None

    # --- the endpoint -------------------------------------------------------------------------------------------

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": f"{self.url}/{TENANT}/v2.0",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "device_authorization_endpoint": f"{self.url}/device",
        }

    def device(self, form: dict[str, str]) -> dict[str, Any]:
        """RFC 8628 section 3.2."""
        code = secrets.token_urlsafe(30)
        self._codes[code] = form
        return {
            "device_code": code,
            "user_code": "ABCD-EFGH",
            "verification_uri": f"{self.url}/enter",
            "expires_in": 60,
            "interval": 1,
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Consent at once: where the browser is sent."""
        code = secrets.token_urlsafe(30)
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def grant(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """RFC 6749 section 5."""
        with self._lock:
            self.asked.append(form)
        match form.get("grant_type"):
            case "client_credentials":
                if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
                    return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: wrong client secret"}
                return 200, self._answer("*", refresh=False)
            case "refresh_token":
                return self._renew(form["refresh_token"])
            case "urn:ietf:params:oauth:grant-type:device_code":
                if not self.approved.is_set():
                    return 400, {"error": "authorization_pending"}
                if self._codes.pop(form["device_code"], None) is None:
                    return 400, {"error": "expired_token"}
                return 200, self._answer(self.user)
            case "authorization_code":
                return self._exchange(form)
            case "urn:ietf:params:oauth:grant-type:jwt-bearer":
                claims = json.loads(_decoded(form["assertion"].split(".")[1]))
                if claims["sub"].startswith("nobody"):
                    return 401, {"error": "unauthorized_client", "error_description": "no such delegation"}
                return 200, self._answer(claims["sub"], refresh=False)
        return 400, {"error": "unsupported_grant_type"}

    def _renew(self, refresh: str) -> tuple[int, dict[str, Any]]:
        with self._lock:
            user = self._refresh.pop(refresh, None) if self.rotating else self._refresh.get(refresh)
            self.renewals += user is not None
        if user is None:
            said = f"AADSTS70000: the token {refresh} was taken back"  # as careless as a provider may be
            return 400, {"error": "invalid_grant", "error_description": said}
        return 200, self._answer(user, refresh=self.rotating)

    def _exchange(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form["code"], None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        same = asked is not None and (asked["code_challenge"], asked["redirect_uri"]) == (proof, form["redirect_uri"])
        if not same or form["client_secret"] != SECRET:
            return 400, {"error": "invalid_grant"}
        return 200, self._answer(self.user)

    def _answer(self, user: str, *, refresh: bool = True) -> dict[str, Any]:
        answer = {"access_token": self.token(user), "token_type": "Bearer", "expires_in": self.life}
        if refresh:
            answer["refresh_token"] = text = secrets.token_urlsafe(40)
            with self._lock:
                self._refresh[text] = user
            if self.refresh_life:
                answer["refresh_token_expires_in"] = self.refresh_life
        return answer

    def introspect(self, form: dict[str, str]) -> dict[str, Any]:
        """RFC 7662 section 2.2. Dovecot compares the name with who signs in: it is that of the mailbox."""
        user = self.whose(form.get("token", ""))
        if user is None:
            return {"active": False}
        return {"active": True, "username": self.opens.get(user, user), "scope": "mail"}


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that trusts us not is no news."""


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _handler(granting: Granting) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            place = urlsplit(self.path)
            asked = {key: values[0] for key, values in parse_qs(place.query).items()}
            if granting.away:
                self._json(503, {})
            elif place.path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
                self._json(200, granting.discovery())
            elif place.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", granting.authorize(asked))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._json(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = {key: values[0] for key, values in parse_qs(body).items()}
            if self.path == "/introspect":  # the mail server's; it is not away with the rest
                self._json(200, granting.introspect(form))
            elif granting.away:
                self._json(503, {})
            elif self.path == "/token":
                self._json(*granting.grant(form))
            elif self.path == "/device":
                self._json(200, granting.device(form))
            else:
                self._json(404, {})

        def _json(self, status: int, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
