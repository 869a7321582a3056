"""An SMTP server that keeps what it is given, and refuses, asks for a login or offers TLS as a test wants it to."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from servers.tls import Certificates


@dataclass(frozen=True, slots=True)
class Received:
    """One mail as it came."""

    mail_from: str  # empty for <>
    rcpt_to: tuple[str, ...]
    raw: bytes
    user: str | None  # who had signed in
    tls: bool

    @property
    def message(self) -> Message:
        return message_from_bytes(self.raw)


class Sink:
    """`mails` is what came, in order. `refuse("a@b.example", "450 4.2.0 Later", times=1)` answers that at RCPT."""

    def __init__(
        self,
        *,
        certificates: Certificates | None = None,
        implicit_tls: bool = False,
        user: str | None = None,
        password: str | None = None,
    ) -> None:
        self.host = "127.0.0.1"
        self.mails: list[Received] = []
        self.connections = 0
        self.slowness = 0.0  # seconds before it answers DATA
        self.kept = "250 2.0.0 Kept"  # what it says to a mail that it takes
        self._user, self._password = user, password
        self._refusals: dict[str, tuple[str, int | None]] = {}
        self._senders: dict[str, str] = {}
        self._data_answer: tuple[str, int | None] | None = None
        self._arrived = threading.Condition()
        self._context: ssl.SSLContext | None = None
        if certificates:
            self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._context.load_cert_chain(certificates.cert, certificates.key)
        self._implicit = implicit_tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sink", daemon=True)
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.BaseTransport] = set()
        self.port = 0

    # --- for tests ----------------------------------------------------------------------------------------------

    def start(self) -> Sink:
        self._thread.start()
        self._listen()
        return self

    def _listen(self) -> None:
        async def listen() -> asyncio.Server:
            context = self._context if self._implicit else None
            return await self._loop.create_server(self._session, self.host, self.port, ssl=context)

        self._server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]

    def _hang_up(self) -> None:
        """Close the door and cut every connection."""

        async def hang_up() -> None:
            assert self._server is not None
            self._server.close()
            for transport in self._sessions:
                transport.abort()  # type: ignore[attr-defined]
            self._sessions.clear()
            await asyncio.sleep(0)  # the sessions end in this turn of the loop

        asyncio.run_coroutine_threadsafe(hang_up(), self._loop).result(10)

    def _session(self) -> SMTP:
        starttls = None if self._implicit else self._context
        return _Session(
            self,
            sessions=self._sessions,
            enable_SMTPUTF8=True,
            data_size_limit=60_000_000,
            hostname="sink.example",
            ident="sink",
            tls_context=starttls,
            auth_require_tls=starttls is not None,
            authenticator=self._authenticate if self._user is not None else None,
            loop=self._loop,
        )

    def close(self) -> None:
        self._hang_up()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def refuse(self, address: str, answer: str, *, times: int | None = None) -> None:
        """Answer this at RCPT for that address, for ever or so many times."""
        self._refusals[address.lower()] = (answer, times)

    def refuse_sender(self, address: str, answer: str) -> None:
        """Answer this at MAIL for that address ("" for `<>`), from now on; "*": for any with a `+`."""
        self._senders[address.lower()] = answer

    def refuse_data(self, answer: str, *, times: int | None = None) -> None:
        """Answer this after DATA, for ever or so many times."""
        self._data_answer = (answer, times)

    def clear(self) -> None:
        """Forget the mails and the refusals."""
        with self._arrived:
            self.mails.clear()
        self._refusals.clear()
        self._senders.clear()
        self._data_answer = None

    def to(self, address: str) -> list[Received]:
        """What came for that address, in order."""
        with self._arrived:
            return [mail for mail in self.mails if address.lower() in (a.lower() for a in mail.rcpt_to)]

    def wait(self, enough: int | Callable[[list[Received]], bool], seconds: float = 30.0) -> list[Received]:
        """The mails, once there are so many, or once they are as asked; fails when that does not come in time."""
        done = enough if callable(enough) else lambda mails: len(mails) >= enough
        with self._arrived:
            if not self._arrived.wait_for(lambda: done(self.mails), seconds):
                subjects = [str(mail.message["Subject"]) for mail in self.mails]
                raise AssertionError(f"not within {seconds:g} s; {len(self.mails)} mails came: {subjects}")
            return list(self.mails)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody listens inside this block; afterwards it is there again at the same port."""
        self._hang_up()
        try:
            yield
        finally:
            self._listen()

    # --- what aiosmtpd calls ------------------------------------------------------------------------------------

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        wanted = (self._user or "").encode(), (self._password or "").encode()
        good = isinstance(data, LoginPassword) and (data.login, data.password) == wanted
        return AuthResult(success=good, handled=False, auth_data=self._user if good else None)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._user is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        key = (address or "").strip("<>").lower()
        if (answer := self._senders.get(key) or ("+" in key and self._senders.get("*"))) is not None and answer:
            return answer
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (refusal := self._refusals.get(address.lower())) is not None:
            answer, times = refusal
            if times is None or times > 0:
                self._refusals[address.lower()] = (answer, None if times is None else times - 1)
                return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.slowness)
        if self._data_answer is not None:
            answer, times = self._data_answer
            if times is None or times > 0:
                self._data_answer = (answer, None if times is None else times - 1)
                return answer
        sender = envelope.mail_from or ""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        mail = Received(
            "" if sender == "<>" else sender,
            tuple(envelope.rcpt_tos),
            raw,
            str(session.auth_data) if session.authenticated else None,
            session.ssl is not None or self._implicit,
        )
        with self._arrived:
            self.mails.append(mail)
            self._arrived.notify_all()
        return self.kept


class _Session(SMTP):
    """A connection that can be cut from outside."""

    def __init__(self, sink: Sink, *, sessions: set[asyncio.BaseTransport], **options: Any) -> None:
        super().__init__(sink, **options)
        self._sessions = sessions

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._sessions.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._sessions.discard(self.transport)  # type: ignore[arg-type]
        super().connection_lost(error)
