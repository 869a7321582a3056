"""What was said in a conversation so far, and what is answered next: commands in, replies out, no socket."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mailgate.intake import arguments, replies
from mailgate.intake.arguments import Sender
from mailgate.intake.replies import Reply

COMMAND_LINE = 2048  # octets; RFC 5321 section 4.5.3.1.4 asks for 512, and extensions and long paths for more
MOST_ERRORS = 20  # since the last mail; who is refused that often is not talking to us
COMMANDS_A_MAIL = 100  # besides its recipients; who asks and asks holds a connection for nothing

_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# A browser can be made to send these, with SMTP commands in its body, to a door on loopback.
_OTHER_PROTOCOLS = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PRI"})

ENDS = (replies.BYE, replies.ANOTHER_PROTOCOL, replies.TOO_MANY_ERRORS, replies.TOO_MANY_COMMANDS)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a door offers, to all its clients alike. `max_size` in bytes."""

    hostname: str
    greets: frozenset[str]  # the verbs that open a conversation
    accepts: Callable[[str], bool]
    max_size: int
    max_recipients: int
    tls: bool


class Dialogue:
    """One client's side of the story. `sender` and `recipients` are the envelope of the mail to come."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.sender: Sender | None = None
        self.recipients: list[str] = []  # one for each RCPT that was accepted, in their order
        self._greeted = False
        self._in_tls = False
        self._errors = 0
        self._commands = 0

    def answer(self, line: bytes) -> tuple[str, Reply]:
        """The command as a log may show it, and its reply. START_MAIL and READY_FOR_TLS are for the caller to do."""
        verb, argument, reply = self._read(line)
        if reply is None:
            reply = self._command(verb, argument)
        self._commands += 1
        if reply.refuses:
            self._errors += 1
            if self._errors >= MOST_ERRORS and reply not in ENDS:
                reply = replies.TOO_MANY_ERRORS
        elif self._commands > COMMANDS_A_MAIL + self.terms.max_recipients and reply not in ENDS:
            reply = replies.TOO_MANY_COMMANDS
        if reply is replies.UNKNOWN_COMMAND:
            return "?", reply  # whatever it is, a password it may be
        return (f"{verb} {argument}" if verb in ("MAIL", "RCPT") else verb), reply

    def mail_ended(self, *, kept: bool) -> None:
        """The mail has its reply; the next one begins with MAIL."""
        self._forget()
        if kept:
            self._errors = self._commands = 0

    def encrypted(self) -> None:
        """TLS stands, and all that was said before is forgotten (RFC 3207 section 4.2)."""
        self._in_tls = True
        self._greeted = False
        self._forget()

    def _forget(self) -> None:
        self.sender = None
        self.recipients = []

    def _read(self, line: bytes) -> tuple[str, str, Reply | None]:
        """Verb and argument, or the reply to what is no command line."""
        if len(line) > COMMAND_LINE:
            return "?", "", replies.LINE_TOO_LONG
        if not line.endswith(b"\r\n"):  # a bare LF ends no command either (RFC 5321 section 2.3.8)
            return "?", "", replies.LINE_ENDING
        try:
            text = line[:-2].decode("utf-8")  # RFC 6531
        except UnicodeDecodeError:
            return "?", "", replies.NOT_TEXT
        if _CONTROLS.search(text):
            return "?", "", replies.NOT_TEXT
        verb, _, argument = text.partition(" ")
        return verb.upper(), argument.strip(), None

    def _command(self, verb: str, argument: str) -> Reply:
        match verb:
            case "MAIL":
                return self._mail(argument)
            case "RCPT":
                return self._rcpt(argument)
            case "DATA":
                return self._data(argument)
            case "QUIT":
                return replies.NO_ARGUMENT if argument else replies.BYE
            case "RSET":
                if argument:
                    return replies.NO_ARGUMENT
                self._forget()
                return replies.RESET
            case "STARTTLS":
                return self._starttls(argument)
            case "NOOP":
                return replies.NOTHING_DONE
            case "HELP":
                return replies.HELP
            case "VRFY":
                return replies.CANNOT_VERIFY
            case "EXPN" | "AUTH" | "BDAT" | "ETRN" | "TURN":
                return replies.NOT_HERE
        if verb in self.terms.greets:
            return self._hello(verb, argument)
        return replies.ANOTHER_PROTOCOL if verb in _OTHER_PROTOCOLS else replies.UNKNOWN_COMMAND

    def _hello(self, verb: str, argument: str) -> Reply:
        if not argument:
            return replies.HELLO_SYNTAX
        self._greeted = True
        self._forget()
        extensions = ["PIPELINING", f"SIZE {self.terms.max_size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self.terms.tls and not self._in_tls:
            extensions.append("STARTTLS")
        return replies.hello(self.terms.hostname, () if verb == "HELO" else extensions)

    def _mail(self, argument: str) -> Reply:
        if not self._greeted:
            return replies.HELLO_FIRST
        if self.sender is not None:
            return replies.SENDER_TWICE
        sender = arguments.sender(argument, self.terms.max_size)
        if isinstance(sender, Reply):
            return sender
        self.sender = sender
        return replies.SENDER_OK

    def _rcpt(self, argument: str) -> Reply:
        if self.sender is None:
            return replies.SENDER_FIRST
        address = arguments.recipient(argument, self.sender.smtputf8)
        if isinstance(address, Reply):
            return address
        if len(self.recipients) >= self.terms.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        if not self.terms.accepts(address):
            return replies.NO_SUCH_ADDRESS
        self.recipients.append(address)
        return replies.RECIPIENT_OK

    def _data(self, argument: str) -> Reply:
        if argument:
            return replies.NO_ARGUMENT
        if self.sender is None:
            return replies.SENDER_FIRST
        return replies.START_MAIL if self.recipients else replies.RECIPIENT_FIRST  # RFC 2033 section 4.2 wants 503

    def _starttls(self, argument: str) -> Reply:
        if not self.terms.tls:
            return replies.NOT_HERE
        if self._in_tls:
            return replies.TLS_ALREADY
        return replies.NO_ARGUMENT if argument else replies.READY_FOR_TLS
