"""One conversation with a client: what SMTP and LMTP have in common, on aiosmtpd's protocol and its STARTTLS.

aiosmtpd keeps the connection; the commands are answered here, because its own answers carry no enhanced codes, repeat
the client's words and the text of exceptions, and its one reply to DATA cannot be LMTP's many.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiosmtpd.smtp import SMTP, TLSSetupException

from mailgate.intake import arguments, replies
from mailgate.intake.arguments import Sender
from mailgate.intake.body import Body
from mailgate.intake.commits import Commits
from mailgate.intake.replies import Reply
from mailgate.intake.room import Hold, Room
from parsing.read import identify
from storage.journal import Arrival

log = logging.getLogger("mailgate.door")

CHUNK = 128 * 1024  # read at once: larger saves nothing, and each chunk's scans stay under a millisecond
READ_AHEAD = 64 * 1024  # the reader holds at most twice that of a client that sends faster than we read
COMMAND_LINE = 2048  # octets; RFC 5321 section 4.5.3.1.4 asks for 512, and extensions and long paths for more
MOST_ERRORS = 20  # since the last mail; who is refused that often is not talking to us
COMMANDS_A_MAIL = 100  # besides its recipients; a client that asks and asks holds a connection for nothing
MOST_HOPS = 50  # RFC 5321 section 6.3 wants at least 100 to pass a relay; a mail for a desk has fewer, or loops
DATA_SECONDS = 1800.0  # a whole DATA: 25 MB at 14 kB/s

_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# A browser can be made to send these, with SMTP commands in its body, to a door on loopback.
_OTHER_PROTOCOLS = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PRI"})


@dataclass(slots=True, kw_only=True)
class Desk:
    """What all conversations of one door share."""

    protocol: str  # smtp, lmtp
    hostname: str
    accepts: Callable[[str], bool]
    commits: Commits
    room: Room
    max_size: int
    max_recipients: int
    timeout: float
    tls: ssl.SSLContext | None = None
    closing: bool = False
    sessions: set[MailSession] = field(default_factory=set)


class MailSession(SMTP):
    """A client's connection. Subclasses say how they greet and how often they answer a mail."""

    line_length_limit = READ_AHEAD  # aiosmtpd makes it the limit of the reader
    greets: ClassVar[frozenset[str]]  # the verbs that open a conversation
    protocol: ClassVar[str]

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            None,
            data_size_limit=desk.max_size,
            enable_SMTPUTF8=True,
            hostname=desk.hostname,
            tls_context=desk.tls,
            timeout=desk.timeout,
            loop=asyncio.get_running_loop(),
        )
        self.desk = desk
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self._ahead = b""  # read and not yet looked at
        self._sender: Sender | None = None
        self._recipients: list[str] = []  # one for each RCPT that was accepted, in their order
        self._errors = 0
        self._commands = 0
        self._deadline = math.inf  # of what the client does next, by the loop's clock
        self._data_deadline = math.inf
        self._at_rest = False  # waiting for a command: nothing is in hand
        self._ended = False  # the client will send nothing more

    # --- the connection -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection, or the same one again inside TLS: all that was said before is forgotten (RFC 3207 4.2)."""
        self._ahead = b""
        self.desk.sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The end, whoever brought it about."""
        self.desk.sessions.discard(self)
        super().connection_lost(error)
        if not self.gone.done():
            self.gone.set_result(None)

    def eof_received(self) -> bool:
        """The client has said its last word and may still be listening: it gets its answer. aiosmtpd would cancel."""
        self._ended = True
        self._reader.feed_eof()
        return not self.in_tls  # in TLS there is no half-closing

    @property
    def in_tls(self) -> bool:
        return self.session is not None and self.session.ssl is not None

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

    def _set_post_data_state(self) -> None:
        self._sender = None
        self._recipients = []

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
            await self._send(replies.greeting(self.desk.hostname, self.protocol))
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
            log.info("tls failed door=%s peer=%s: %s", self.desk.protocol, self.peer, error.__cause__)
        except Exception:  # one conversation must not end the door
            log.exception("conversation ended by an error door=%s peer=%s", self.desk.protocol, self.peer)
        finally:
            self._writer.close()

    async def _line(self) -> bytes | None:
        """The next command line with its end; one longer than allowed is cut there; None at the end of all."""
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
        verb, argument = "?", ""
        try:
            if len(line) > COMMAND_LINE:
                reply = replies.LINE_TOO_LONG
            elif not line.endswith(b"\r\n"):  # a bare LF ends no command either (RFC 5321 section 2.3.8)
                reply = replies.LINE_ENDING
            elif (text := _text(line[:-2])) is None:
                reply = replies.NOT_TEXT
            else:
                verb, _, argument = text.partition(" ")
                verb, argument = verb.upper(), argument.strip()
                if verb == "DATA" and (reply := self._may_send(argument)) is replies.START_MAIL:
                    return await self._data()
                if verb == "STARTTLS" and (reply := self._may_encrypt(argument)) is replies.READY_FOR_TLS:
                    await self.smtp_STARTTLS("")
                    return True
                if verb in self.greets and argument:
                    self._set_post_data_state()
                    assert self.session is not None
                    self.session.host_name = argument
                    await self._send(replies.hello(self.desk.hostname, self._extensions(verb)))
                    return self._go_on()
                if verb not in ("DATA", "STARTTLS"):
                    reply = self._command(verb, argument)
        except (ConnectionError, TLSSetupException):
            raise
        except Exception:  # a bug of ours is a temporary failure, and its text stays here
            log.exception("command failed door=%s peer=%s command=%s", self.desk.protocol, self.peer, verb[:10])
            reply = replies.OUR_FAULT
        ends = reply in (replies.BYE, replies.ANOTHER_PROTOCOL) or (
            reply is replies.LINE_TOO_LONG and not line.endswith(b"\n")  # the rest of it would read as commands
        )
        if reply.refuses:
            self._errors += 1
            if self._errors >= MOST_ERRORS and not ends:
                reply, ends = replies.TOO_MANY_ERRORS, True
        if not ends and self._commands >= COMMANDS_A_MAIL + self.desk.max_recipients:
            reply, ends = replies.TOO_MANY_COMMANDS, True
        if reply.code >= 400:
            self._log_refusal(f"{verb[:10]} {argument}" if verb in ("MAIL", "RCPT") else verb[:10], reply)
        await self._send(reply.line)
        return self._go_on() and not ends

    def _go_on(self) -> bool:
        self._commands += 1
        self._reset_timeout()
        return True

    def _command(self, verb: str, argument: str) -> Reply:
        """The answer to a command that is one line and needs no waiting."""
        match verb:
            case "MAIL":
                return self._mail(argument)
            case "RCPT":
                return self._rcpt(argument)
            case "RSET":
                if argument:
                    return replies.NO_ARGUMENT
                self._set_post_data_state()
                return replies.RESET
            case "QUIT":
                return replies.NO_ARGUMENT if argument else replies.BYE
            case "NOOP":
                return replies.NOTHING_DONE
            case "HELP":
                return replies.HELP
            case "VRFY":
                return replies.CANNOT_VERIFY
            case "EXPN" | "AUTH" | "BDAT" | "ETRN" | "TURN":
                return replies.NOT_HERE
        if verb in self.greets:
            return replies.HELLO_SYNTAX
        return replies.ANOTHER_PROTOCOL if verb in _OTHER_PROTOCOLS else replies.UNKNOWN_COMMAND

    def _extensions(self, verb: str) -> list[str]:
        """What EHLO and LHLO offer; HELO offers nothing."""
        if verb == "HELO":
            return []
        offered = ["PIPELINING", f"SIZE {self.desk.max_size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        return [*offered, "STARTTLS"] if self.desk.tls is not None and not self.in_tls else offered

    def _may_encrypt(self, argument: str) -> Reply:
        if self.desk.tls is None:
            return replies.NOT_HERE
        if self.in_tls:
            return replies.TLS_ALREADY
        return replies.NO_ARGUMENT if argument else replies.READY_FOR_TLS

    def _mail(self, argument: str) -> Reply:
        assert self.session is not None
        if not self.session.host_name:
            return replies.HELLO_FIRST
        if self._sender is not None:
            return replies.SENDER_TWICE
        sender = arguments.sender(argument, self.desk.max_size)
        if isinstance(sender, Reply):
            return sender
        self._sender = sender
        return replies.SENDER_OK

    def _rcpt(self, argument: str) -> Reply:
        if self._sender is None:
            return replies.SENDER_FIRST
        address = arguments.recipient(argument, self._sender.smtputf8)
        if isinstance(address, Reply):
            return address
        if len(self._recipients) >= self.desk.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        if not self.desk.accepts(address):
            return replies.NO_SUCH_ADDRESS
        self._recipients.append(address)
        return replies.RECIPIENT_OK

    # --- the mail -------------------------------------------------------------------------------------------------

    def _may_send(self, argument: str) -> Reply:
        if argument:
            return replies.NO_ARGUMENT
        if self._sender is None:
            return replies.SENDER_FIRST
        return replies.START_MAIL if self._recipients else replies.RECIPIENT_FIRST  # RFC 2033 section 4.2: 503

    async def _data(self) -> bool:
        """Take the mail and answer; False ends the conversation."""
        assert self._sender is not None
        self._deadline = math.inf  # waiting for room is our delay
        hold = await self.desk.room.enter(self._sender.size)
        if hold is None:
            self._log_refusal("DATA", replies.NO_ROOM)
            await self._send(replies.NO_ROOM.line)
            return self._go_on()
        journal_id: int | None = None
        lost = False
        with hold:
            await self._send(replies.START_MAIL.line)
            try:
                body = await self._read(hold)
                if body is None:
                    return False  # gone in the middle of it: no mail
                reply, lost = body.refusal, body.lost
                if reply is None:
                    reply, journal_id = await self._store(body.raw(), hold)
            except ConnectionError:
                raise
            except Exception:  # a bug of ours is a temporary failure, and its text stays here
                log.exception("mail failed door=%s peer=%s", self.desk.protocol, self.peer)
                reply, lost = replies.OUR_FAULT, True
        answer = self.answer_to_mail(reply, len(self._recipients))
        if reply is replies.KEPT:
            self._errors = self._commands = 0
        else:
            self._log_refusal("DATA", reply)
        self._set_post_data_state()
        await self._send(answer)
        if journal_id is not None and not self._ended:  # a client that has hung up may not have read it
            self.desk.commits.acknowledged(journal_id)
        return self._go_on() and not lost

    def answer_to_mail(self, reply: Reply, recipients: int) -> bytes:
        """What is written after the mail for so many accepted recipients."""
        raise NotImplementedError

    async def _read(self, hold: Hold) -> Body | None:
        """The mail until its end, kept or read over; None where the client left before."""
        body = Body(self.desk.max_size)
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
        """On disk, then yes: the reply, and the journal id of a mail that is kept (RFC 5321 section 4.2.5)."""
        assert self._sender is not None
        identity = identify(raw)
        if identity.hops > MOST_HOPS:  # RFC 5321 section 6.3
            return replies.LOOP, None
        commit = self.desk.commits.submit(
            Arrival(
                door=self.desk.protocol,
                peer=self.peer,
                mail_from=self._sender.address,
                rcpt_to=tuple(dict.fromkeys(self._recipients)),
                raw=raw,
                has_message_id=identity.message_id is not None,
            )
        )
        hold.until(commit)
        stored = await asyncio.shield(commit)  # a client that leaves does not undo a commit
        return (replies.KEPT, stored.journal_id) if stored is not None else (replies.OUR_FAULT, None)

    def _log_refusal(self, command: str, reply: Reply) -> None:
        log.info(
            "refused door=%s peer=%s command=%r reply=%r", self.desk.protocol, self.peer, command[:200], str(reply)
        )


def _text(line: bytes) -> str | None:
    """A command line as text; None where it is not UTF-8 (RFC 6531) or holds control characters."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _CONTROLS.search(text) else text
