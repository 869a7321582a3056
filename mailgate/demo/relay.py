"""The mail server that the demo's desk sends by: it takes everything and keeps it."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail of the desk's, as the relay got it."""

    recipient: str
    message: EmailMessage

    @property
    def event(self) -> str:
        """What the mail says it is: acknowledgement, answer, notice, confirm, ..."""
        return self.header("X-Mailgate-Event")

    @property
    def message_id(self) -> str:
        """With brackets, as it stands in an answer's In-Reply-To."""
        return self.header("Message-ID")

    def header(self, name: str) -> str:
        """A header on one line, empty where there is none."""
        return " ".join(str(self.message[name] or "").split())

    @property
    def text(self) -> str:
        """The part of it that is plain text."""
        part = self.message.get_body(("plain",))
        return str(part.get_content()) if part is not None else ""


class Relay:
    """`sent` is what came, in order; `changed` is notified with every mail."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.changed = threading.Condition()
        self._sessions: list[SMTP] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        loop = self._loop
        server = loop.run_until_complete(loop.create_server(self._session, sock=self._socket))
        loop.run_forever()
        server.close()
        for session in self._sessions:
            if session.transport is not None:
                session.transport.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    def _session(self) -> SMTP:
        session = SMTP(self, hostname="relay.demo", ident="demo", enable_SMTPUTF8=True, loop=self._loop)
        self._sessions.append(session)
        return session

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd
        """Keep it, one entry a recipient."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        message = message_from_bytes(raw, policy=policy.default)
        with self.changed:
            self.sent += [Sent(recipient, message) for recipient in envelope.rcpt_tos]
            self.changed.notify_all()
        return "250 2.0.0 Kept"
