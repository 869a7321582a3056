"""Every reply of the SMTP and LMTP doors, each a named constant: nothing from inside ever leaves in one.

Codes are RFC 5321 section 4.2.3, enhanced status codes RFC 3463 and RFC 2034. Our own faults are 4xx, policy is 5xx.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)  # each is itself alone
class Reply:
    """One answer to one command, `text` of one line or more. `status` is empty only where RFC 2034 wants none."""

    code: int
    status: str
    text: str
    line: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        words = [f"{self.status} {text}" if self.status else text for text in self.text.split("\n")]
        last = len(words) - 1  # RFC 5321 section 4.2.1: a hyphen where another line follows
        lines = [f"{self.code}{'-' if n < last else ' '}{text}\r\n" for n, text in enumerate(words)]
        object.__setattr__(self, "line", "".join(lines).encode("ascii"))

    @property
    def refuses(self) -> bool:
        """Whether the command was wrong or unwelcome, for good (5xx)."""
        return self.code >= 500

    def __str__(self) -> str:
        return self.line.decode("ascii").rstrip()


# --- yes ----------------------------------------------------------------------------------------------------------

SENDER_OK = Reply(250, "2.1.0", "Sender noted")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient is ours")
START_MAIL = Reply(354, "", "Go ahead; end with <CRLF>.<CRLF>")
KEPT = Reply(250, "2.6.0", "Kept")  # only after the durable commit
RESET = Reply(250, "2.0.0", "Forgotten")
NOTHING_DONE = Reply(250, "2.0.0", "OK")
READY_FOR_TLS = Reply(220, "2.0.0", "Begin TLS")
BYE = Reply(221, "2.0.0", "Bye")
CANNOT_VERIFY = Reply(252, "2.5.0", "Send it and see")  # RFC 5321 section 3.5.3: never tell who exists
HELP = Reply(214, "2.0.0", "RFC 5321")

# --- not now: the client keeps the mail and tries again -----------------------------------------------------------

OUR_FAULT = Reply(451, "4.3.0", "Try again later")
NO_ROOM = Reply(452, "4.3.1", "Too much mail at once, try again later")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")  # RFC 5321 section 4.5.3.1.10
TOO_MANY_CONNECTIONS = Reply(421, "4.3.2", "Too many connections, try again later")
CLOSING = Reply(421, "4.3.2", "Closing, try again later")
TOO_SLOW = Reply(421, "4.4.2", "Timed out")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors")
TOO_MANY_COMMANDS = Reply(421, "4.7.0", "Too many commands and no mail")

# --- no -----------------------------------------------------------------------------------------------------------

UNKNOWN_COMMAND = Reply(500, "5.5.2", "Command unknown")
LINE_TOO_LONG = Reply(500, "5.5.2", "Command line too long")
LINE_ENDING = Reply(500, "5.5.2", "A command ends with CRLF")
NOT_TEXT = Reply(500, "5.5.2", "A command is text")
ANOTHER_PROTOCOL = Reply(521, "5.5.1", "This is a mail server")
NOT_HERE = Reply(502, "5.5.1", "Command not offered")
TLS_ALREADY = Reply(503, "5.5.1", "TLS is in use")
HELLO_FIRST = Reply(503, "5.5.1", "Say hello first")
SENDER_FIRST = Reply(503, "5.5.1", "MAIL first")
SENDER_TWICE = Reply(503, "5.5.1", "There is a sender; RSET begins anew")
RECIPIENT_FIRST = Reply(503, "5.5.1", "RCPT first")
NO_ARGUMENT = Reply(501, "5.5.4", "Takes no argument")
HELLO_SYNTAX = Reply(501, "5.5.4", "Your name is missing")
SENDER_SYNTAX = Reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]")
RECIPIENT_SYNTAX = Reply(501, "5.5.4", "Syntax: RCPT TO:<address>")
SENDER_ADDRESS = Reply(553, "5.1.7", "Sender is no address")
RECIPIENT_ADDRESS = Reply(553, "5.1.3", "Recipient is no address")
NEEDS_SMTPUTF8 = Reply(553, "5.6.7", "Such an address needs SMTPUTF8")  # RFC 6531 section 3.5
PARAMETER_SYNTAX = Reply(501, "5.5.4", "A parameter is malformed or stands there twice")
PARAMETER_UNKNOWN = Reply(555, "5.5.4", "Parameter not offered")
NO_SUCH_ADDRESS = Reply(550, "5.1.1", "No such address here")
TOO_BIG = Reply(552, "5.3.4", "Mail is larger than SIZE allows")  # RFC 1870 section 6
BARE_NEWLINE = Reply(554, "5.6.0", "Lines of a mail end with CRLF; a bare CR or LF is refused")
LOOP = Reply(554, "5.4.6", "Too many hops")  # RFC 5321 section 6.3


def greeting(hostname: str, protocol: str) -> bytes:
    """The opening (RFC 5321 section 4.3.1); it bears no enhanced code (RFC 2034 section 4)."""
    return f"220 {hostname} {protocol} mailgate\r\n".encode("ascii")


def hello(hostname: str, extensions: Sequence[str]) -> Reply:
    """The answer to HELO, EHLO or LHLO, a line for each extension (RFC 5321 section 4.1.1.1)."""
    return Reply(250, "", "\n".join((hostname, *extensions)))
