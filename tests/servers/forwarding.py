"""A relay that gives every mail to another server, and does on the way what relays do to mails."""

from __future__ import annotations

import asyncio
import re
import smtplib
from collections.abc import Callable

from aiosmtpd.smtp import SMTP, Envelope, Session

from servers.sink import Received, Sink


class Forwarder(Sink):
    """`port_of` is where mails go. `change` may rewrite one, or swallow it with None."""

    def __init__(
        self, port_of: Callable[[], int], change: Callable[[Received], bytes | None] = lambda m: m.raw
    ) -> None:
        super().__init__()
        self._port_of, self._change = port_of, change

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        said = await super().handle_DATA(server, session, envelope)
        mail = self.mails[-1]
        raw = self._change(mail)
        if raw is not None:
            await asyncio.to_thread(self._give, mail, raw)
        return said

    def _give(self, mail: Received, raw: bytes) -> None:
        with smtplib.SMTP("127.0.0.1", self._port_of()) as smtp:
            smtp.sendmail(mail.mail_from, list(mail.rcpt_to), raw)


def renamed(mail: Received) -> bytes:
    """Another Message-ID, and none of the sender's own fields, as some do."""
    raw = re.sub(rb"(?im)^message-id:.*\r\n", b"Message-ID: <%d@relay.example>\r\n" % abs(hash(mail.raw)), mail.raw)
    return re.sub(rb"(?im)^x-.*\r\n", b"", raw)


def signed(mail: Received) -> bytes:
    """With the results of a mail server in front."""
    return b"Authentication-Results: mx.desk.example; dmarc=pass header.from=desk.example\r\n" + mail.raw
