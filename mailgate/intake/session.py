"""One client's connection: aiosmtpd's protocol and STARTTLS, our dialogue on it, and the mail after DATA.

aiosmtpd keeps the connection; its own commands are not used: their answers carry no enhanced codes, repeat the client's
words and the text of exceptions, and the one reply to DATA cannot be LMTP's many.
"""

from __future__ import annotations

import asyncio
import logging
import math
import ssl
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiosmtpd.smtp import SMTP, TLSSetupException

from mailgate.intake import MOST_HOPS, replies
from mailgate.intake.body import Body
from mailgate.intake.commits import Commits
from mailgate.intake.dialogue import COMMAND_LINE, ENDS, Dialogue, Terms
from mailgate.intake.replies import Reply
from mailgate.intake.room import Hold, Room
from parsing.read import identify
from storage.journal import Arrival

log = logging.getLogger("mailgate.door")

CHUNK = 128 * 1024  # read at once: more saves nothing, and each chunk's scans stay under a millisecond
READ_AHEAD = 64 * 1024  # the reader holds at most twice that of a client that sends faster than we read
DATA_SECONDS = 1800.0  # a whole DATA, 25 MB at 14 kB/s; each chunk has the time-out of a command besides


@dataclass(slots=True, kw_only=True)
class Desk:
    """What all conversations of one door share. `timeout` in seconds."""

    protocol: str  # smtp, lmtp
    terms: Terms
    commits: Commits
    room: Room
    timeout: float
    tls: ssl.SSLContext | None = None
    verify: bool = False  # the author of each mail is checked here, later
    closing: bool = False
    sessions: set[MailSession] = field(default_factory=set)


class MailSession(SMTP):
    """A client's connection. Subclasses say how they greet and how often they answer a mail."""

    line_length_limit = READ_AHEAD  # aiosmtpd makes it the limit of the reader
    protocol: ClassVar[str]
    greets: ClassVar[frozenset[str]]

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            None,
            hostname=desk.terms.hostname,
            tls_context=desk.tls,
            timeout=desk.timeout,
            loop=asyncio.get_running_loop(),
        )
        self.desk = desk
        self.dialogue = Dialogue(desk.terms)
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self._ahead = b""  # read and not yet looked at
        self._deadline = math.inf  # of what the client does next, by the loop's clock
        self._data_deadline = math.inf
        self._at_rest = False  # waiting for a command: nothing is in hand
        self._ended = False  # the client will send nothing more
        self._unsure: list[int] = []  # journal ids whose 250 was written to a client that had ended; QUIT settles them

    def answer_to_mail(self, reply: Reply, recipients: int) -> bytes:
        """What is written after a mail for so many accepted recipients."""
        raise NotImplementedError

    # --- the connection -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection, or the same one again inside TLS: what came in the clear after STARTTLS is dropped."""
        if self.transport is not None:
            self._ahead = b""
            self.dialogue.encrypted()
        self.desk.sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The end, whoever brought it about."""
        self.desk.sessions.discard(self)
        super().connection_lost(error)
        if not self.gone.done():
            self.gone.set_result(None)

    def eof_received(self) -> bool:
        """The client has said its last word and may be listening still: it gets its answer. aiosmtpd would cancel."""
        self._ended = True
        self._reader.feed_eof()
        assert self.session is not None
        return self.session.ssl is None  # in TLS there is no half-closing

    @property
    def peer(self) -> str:
        """The client's IP address; empty on a UNIX socket."""
        peer = self.session.peer if self.session is not None else None
        return str(peer[0]) if isinstance(peer, tuple) else ""

    def close_when_done(self) -> None:
        """Take nothing new: at once where nothing is in hand, else after the mail that is."""
        if self._at_rest:
            self._writer.write(replies.CLOSING.line)
            self._writer.close()

    def abort(self) -> None:
        """End it now."""
        if self.transport is not None:
            self._writer.transport.abort()

    def _reset_timeout(self, duration: float | None = None) -> None:
        """The client has done something. One timer looks again when the deadline it knew has passed."""
        self._deadline = min(self.loop.time() + (duration or self._timeout_duration), self._data_deadline)
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_later(self._timeout_duration, self._timeout_cb)

    def _timeout_cb(self) -> None:
        left = self._deadline - self.loop.time()
        if left > 0:  # while a mail is being committed there is no deadline: the delay is ours
            self._timeout_handle = self.loop.call_later(min(left, self._timeout_duration), self._timeout_cb)
            return
        self._log_refusal("silence", replies.TOO_SLOW)
        self._writer.write(replies.TOO_SLOW.line)
        self._writer.close()

    # --- the conversation -----------------------------------------------------------------------------------------

    async def push(self, status: Any) -> None:
        """Write a reply. The base class itself has one thing to say: its go-ahead for TLS."""
        await self._send((status if isinstance(status, Reply) else replies.READY_FOR_TLS).line)

    async def _send(self, line: bytes) -> None:
        self._writer.write(line)
        await self._writer.drain()

    async def _handle_client(self) -> None:
        try:
            await self._send(replies.greeting(self.desk.terms.hostname, self.protocol))
            while not self.desk.closing:
                self._at_rest = True
                line = await self._line()
                self._at_rest = False
                if line is None or not await self._answer(line):
                    return
            await self._send(replies.CLOSING.line)
        except ConnectionError:
            pass  # the client is gone, and nobody waits for an answer
        except TLSSetupException as error:
            log.info("no TLS door=%s peer=%s reason=%r", self.desk.protocol, self.peer, str(error.__cause__))
            self.connection_lost(None)  # a handshake that fails ends the connection and tells nobody
        except Exception:  # one conversation must not end the door
            log.exception("conversation failed door=%s peer=%s", self.desk.protocol, self.peer)
        finally:
            self._writer.close()

    async def _line(self) -> bytes | None:
        """The next command line with its end, cut where it is too long; None when the client has ended."""
        while (end := self._ahead.find(b"\n")) < 0:
            if len(self._ahead) > COMMAND_LINE:
                line, self._ahead = self._ahead, b""
                return line
            chunk = await self._reader.read(CHUNK)
            if not chunk:
                return None
            self._ahead += chunk
        line, self._ahead = self._ahead[: end + 1], self._ahead[end + 1 :]
        return line

    async def _answer(self, line: bytes) -> bool:
        """Answer one command; False ends the conversation."""
        command = "?"
        try:
            command, reply = self.dialogue.answer(line)
        except Exception:  # a bug of ours is a temporary failure, and its text stays here
            log.exception("command failed door=%s peer=%s", self.desk.protocol, self.peer)
            reply = replies.OUR_FAULT
        if reply is replies.START_MAIL:
            return await self._data()
        if reply is replies.READY_FOR_TLS:
            await self.smtp_STARTTLS("")
            return True
        if reply.code >= 400:
            self._log_refusal(command, reply)
        await self._send(reply.line)
        if reply is replies.BYE:  # said ahead by a script that only writes: it will not come again (RFC 5321 4.1.1.10)
            for journal_id in self._unsure:
                self.desk.commits.acknowledged(journal_id)
        self._reset_timeout()
        # Behind a line that was cut, its rest would be read as commands.
        return reply not in ENDS and (reply is not replies.LINE_TOO_LONG or line.endswith(b"\n"))

    # --- the mail -------------------------------------------------------------------------------------------------

    async def _data(self) -> bool:
        """Take the mail and answer; False ends the conversation."""
        assert self.dialogue.sender is not None
        self._deadline = math.inf  # waiting for room is our delay
        hold = await self.desk.room.enter(self.dialogue.sender.size)
        if hold is None:
            self._log_refusal("DATA", replies.NO_ROOM)
            await self._send(replies.NO_ROOM.line)
            self._reset_timeout()
            return True
        journal_id: int | None = None
        with hold:
            await self._send(replies.START_MAIL.line)
            try:
                body = await self._read(hold)
                if body is None:
                    return False  # gone in the middle of it: no mail
                lost, reply = body.lost, body.refusal
                if reply is None:
                    reply, journal_id = await self._store(body.raw(), hold)
            except ConnectionError:
                raise
            except Exception:  # a bug of ours is a temporary failure, and its text stays here
                log.exception("mail failed door=%s peer=%s", self.desk.protocol, self.peer)
                lost, reply = True, replies.OUR_FAULT
        if reply is not replies.KEPT:
            self._log_refusal("DATA", reply)
        answer = self.answer_to_mail(reply, len(self.dialogue.recipients))
        self.dialogue.mail_ended(kept=reply is replies.KEPT)
        await self._send(answer)
        if journal_id is not None and self._ended:  # who has hung up may not have read it
            self._unsure.append(journal_id)
        elif journal_id is not None:
            self.desk.commits.acknowledged(journal_id)
        self._reset_timeout()
        return not lost

    async def _read(self, hold: Hold) -> Body | None:
        """The mail until its end, kept or read over; None where the client left before."""
        body = Body(self.desk.terms.max_size)
        self._data_deadline = self.loop.time() + DATA_SECONDS
        rest: bytes | None = None
        while rest is None:
            self._reset_timeout()
            chunk, self._ahead = self._ahead or await self._reader.read(CHUNK), b""
            if not chunk:
                return None
            rest = body.feed(chunk)
            if body.refusal is None and not hold.grow(body.size):
                body.refuse(replies.NO_ROOM)
        self._ahead = rest
        self._deadline = self._data_deadline = math.inf
        return body

    async def _store(self, raw: bytes, hold: Hold) -> tuple[Reply, int | None]:
        """On disk, then yes (RFC 5321 section 4.2.5): the reply, and the journal id of a mail that is kept."""
        assert self.dialogue.sender is not None
        identity = identify(raw)
        if identity.hops > MOST_HOPS:
            return replies.LOOP, None
        commit = self.desk.commits.submit(
            Arrival(
                door=self.desk.protocol,
                peer=self.peer,
                mail_from=self.dialogue.sender.address,
                rcpt_to=tuple(dict.fromkeys(self.dialogue.recipients)),
                raw=raw,
                has_message_id=identity.message_id is not None,
                verify=self.desk.verify,
            )
        )
        hold.until(commit)
        stored = await asyncio.shield(commit)  # a client that leaves does not undo a commit
        return (replies.KEPT, stored.journal_id) if stored is not None else (replies.OUR_FAULT, None)

    def _log_refusal(self, command: str, reply: Reply) -> None:
        log.info(
            "refused door=%s peer=%s command=%r reply=%r", self.desk.protocol, self.peer, command[:200], str(reply)
        )
