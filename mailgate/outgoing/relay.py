"""One kept-open connection to the relay. What became of a letter is a value; only the relay's own trouble is raised."""

from __future__ import annotations

import contextlib
import re
import smtplib
from dataclasses import replace

from mailgate.grants.errors import GrantError
from mailgate.outgoing import sign_in
from mailgate.outgoing.fields import addr_spec
from mailgate.settings import Relay, Settings
from mailgate.trouble import NO_STARTTLS, Account, Trouble
from storage.deliveries import Deferred, Failed, Result, Sent
from storage.sending import Outgoing

UNREACHABLE = (OSError, smtplib.SMTPException)
NOT_LET_IN = (530, 534, 535, 538)  # RFC 4954 section 6: about us, and not about the letter
CLOSING = 421  # RFC 5321 section 4.2.2: the relay is going away
CROWDED = 432  # Microsoft's "4.3.2 Concurrent connections limit exceeded", at MAIL or after the content
_BUSY = "it is busy, or has a limit on connections: lower relay.max_connections, or wait"
_REFUSALS = (550, 551, 553, 554)  # RFC 5321 section 4.2.2; 50x are of what was typed, 552 of a size
_OF_SENDERS = (".1.7", ".1.8")  # RFC 3463 section 3.2: the sender's address, or its domain
_OF_LETTERS = ("5.2.", "5.3.", "5.5.", "5.6.")  # of mailbox, size, command, content: RFC 6531 has 5.6.7 for SMTPUTF8
PATIENCE = 60.0  # seconds before another login: quick ones lock accounts

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")  # RFC 3463 section 2
_RELAYS_NOT = re.compile(
    r"\brelay(?:ing)?\b[^;]*\b(?:denied|prohibited|not (?:permitted|allowed))|\bunable to relay\b|\brcpthosts\b",
    re.IGNORECASE,
)
_WANTS_SIGN_IN = re.compile(r"\bauthenticat", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,200}@[^<>\s]{1,200})>")
_AMAZON_ID = re.compile(r"(?i:ok)\s+([0-9a-f]{8,20}(?:-[0-9a-f]{1,20}){5,6})\s*")
_AMAZON_HOST = re.compile(r"email-smtp[a-z-]*\.([a-z0-9-]+)\.amazonaws\.com", re.IGNORECASE)
_PERIOD = re.compile(rb"^\.", re.MULTILINE)


class RelayAway(Exception):
    """The relay cannot be reached or does not let us in: no letter's fault. `seconds` to wait at least."""

    def __init__(self, trouble: Trouble, seconds: float = 0.0) -> None:
        super().__init__(trouble.line)
        self.trouble = trouble
        self.seconds = seconds


class SenderRefused(RelayAway):
    """The relay takes no mail from that envelope sender, whoever it is for; perhaps from another. `text`: its words."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(trouble)
        self.text = text


class NotRelayed(RelayAway):
    """The relay carries nothing for us to such a recipient, which is no fault of his. `text`: its words."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(trouble)
        self.text = text
        self.status = _status(text)


class _Lost(Exception):
    """The connection ended before the letter was handed over; `closing`: with the relay's own word for it."""

    def __init__(self, text: str, *, closing: bool = False) -> None:
        super().__init__(text)
        self.closing = closing


class Connection:
    """A connection, opened when it is needed."""

    def __init__(self, relay: Relay, settings: Settings) -> None:
        self._relay = relay
        self._settings = settings
        self._smtp: smtplib.SMTP | None = None

    def send(self, letter: Outgoing) -> Result:
        """Hand over one letter, as the settings say now. Raises RelayAway."""
        try:
            return self.offer(letter)
        except SenderRefused as refused:
            if self._relay.envelope == "verp":  # each mail has another sender, and none will do
                self.close()
                raise RelayAway(refused.trouble) from refused
            own = self._own(letter.envelope_from)
            if self._relay.envelope != "account" or own == letter.envelope_from:
                raise
            return self.offer(replace(letter, envelope_from=own))  # written under a setting that is no more

    def offer(self, letter: Outgoing) -> Result:
        """Hand it over with its own envelope sender. A connection that the relay closed meanwhile is opened again once.

        Raises RelayAway.
        """
        recipient, sender = addr_spec(letter.recipient), addr_spec(letter.envelope_from)
        if recipient is None:
            return Failed(letter.id, letter.attempt, f"{letter.recipient!r} is no address", "5.1.3")
        if sender is None and letter.envelope_from:
            return Failed(letter.id, letter.attempt, f"{letter.envelope_from!r} is no address", "5.1.7")
        kept = self._smtp is not None
        try:
            return self._hand_over(self._open(), letter, sender or "", recipient)
        except _Lost as lost:
            self.close()
            if kept:  # it was closed meanwhile; now with a fresh one
                return self.offer(letter)
            if lost.closing:
                raise RelayAway(self._said(str(lost), CLOSING)) from lost
            return Deferred(letter.id, letter.attempt, str(lost))  # perhaps by its fault: it must not block others
        except (SenderRefused, NotRelayed):
            raise
        except RelayAway:
            self.close()
            raise

    def _own(self, sender: str) -> str:
        """The address that an envelope sender stands for (RFC 5321 section 4.5.5, VERP)."""
        local, _, domain = sender.rpartition("@")
        return f"{local.partition('+')[0]}@{domain}" if "+" in local else sender or self._settings.desk.address

    def open(self) -> None:
        """Connect and sign in, unless that was done. Raises RelayAway."""
        self._open()

    @property
    def is_open(self) -> bool:
        return self._smtp is not None

    def close(self) -> None:
        """End it with QUIT, as far as there is somebody to say it to."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with contextlib.suppress(*UNREACHABLE):
                smtp.quit()
            smtp.close()

    # --- one transaction (RFC 5321 section 3.3) -----------------------------------------------------------------

    def _hand_over(self, smtp: smtplib.SMTP, letter: Outgoing, sender: str, recipient: str) -> Result:
        content = letter.headers + letter.body
        options = ""
        if smtp.has_extn("size"):  # RFC 1870
            limit = smtp.esmtp_features["size"].partition(" ")[0]
            if limit.isdigit() and 0 < int(limit) < len(content):
                return Failed(letter.id, letter.attempt, f"{len(content)} bytes; the relay takes {limit}", "5.3.4")
            options = f" SIZE={len(content)}"
        smtp.command_encoding = "ascii"
        if not (sender.isascii() and recipient.isascii() and letter.headers.isascii()):
            if not smtp.has_extn("smtputf8"):  # RFC 6531 section 3.5
                return Failed(letter.id, letter.attempt, "the relay takes no such address: no SMTPUTF8", "5.6.7")
            smtp.command_encoding = "utf-8"
            options += " BODY=8BITMIME SMTPUTF8"
        try:
            for command, argument, wanted in (
                ("MAIL", f"FROM:<{sender}>{options}", 2),
                ("RCPT", f"TO:<{recipient}>", 2),
                ("DATA", "", 3),
            ):
                code, answer = smtp.docmd(command, argument)
                if code // 100 != wanted:
                    return self._declined(smtp, letter, command, code, _text(code, answer))
        except UNREACHABLE as error:
            raise _Lost(_describe(error)) from error
        try:
            smtp.send(_PERIOD.sub(b"..", content) + b".\r\n")  # RFC 5321 section 4.5.2; the content ends with CRLF
            code, answer = smtp.getreply()
        except UNREACHABLE as error:
            self.close()  # it may have it or not (RFC 1047): it is sent again, under its own Message-ID
            return Deferred(letter.id, letter.attempt, f"lost at the end of the mail: {_describe(error)}")
        text = _text(code, answer)
        if code == CLOSING:
            self.close()
        if code == CROWDED:
            raise RelayAway(self._said(text, code))
        if not 200 <= code <= 299:
            return _refused(letter, code, text)
        return Sent(letter.id, letter.attempt, _status(text), self._renamed(letter, text), text)

    def _declined(self, smtp: smtplib.SMTP, letter: Outgoing, command: str, code: int, text: str) -> Result:
        """Another answer than the one that goes on."""
        if code == CLOSING:
            raise _Lost(text, closing=True)
        if code in NOT_LET_IN or (
            command == "MAIL" and code >= 500 and self._relay.user is None and _WANTS_SIGN_IN.search(text)
        ):
            raise RelayAway(self._said(text, code), PATIENCE)
        if code == CROWDED:
            raise RelayAway(self._said(text, code))
        try:
            smtp.rset()
        except UNREACHABLE:
            self.close()
        if _is_of_the_sender(letter, command, code, text):
            raise SenderRefused(self._unwelcome(letter.envelope_from, text), text)
        if command == "RCPT" and relays_not(text):
            said = f"{Account('relay', self._relay, 'SMTP').where} relays nothing for us ({text})"
            raise NotRelayed(Trouble(said, leave(self._relay), "user"), text)
        return _refused(letter, code, text)

    def _unwelcome(self, sender: str, text: str) -> Trouble:
        """The relay refuses that envelope sender. Another is taken when the settings say so, and never by itself."""
        said = f"{Account('relay', self._relay, 'SMTP').where} refuses our envelope From <{sender}> ({text})"
        if self._relay.envelope != "account":
            wanted = f'it is so by relay.envelope = "{self._relay.envelope}"; "account" takes the desk\'s own address'
            return Trouble(said, wanted, "envelope")
        who = f"{self._relay.user} has to be allowed" if self._relay.user else "allow this machine"
        return Trouble(said, f"{who} to send as {sender} there, or sign in as who may (relay.user)", "user")

    def _renamed(self, letter: Outgoing, answer: str) -> str | None:
        """The Message-ID that the relay says it gave the letter: Exchange names it, Amazon SES its left part."""
        if (named := _MESSAGE_ID.search(answer)) is not None:
            ours = (letter.message_id, letter.recipient, letter.envelope_from)
            return named[1] if named[1] not in ours else None
        place, numbered = _AMAZON_HOST.fullmatch(self._relay.host), _AMAZON_ID.search(answer)
        if place is None or numbered is None:
            return None
        domain = "email.amazonses.com" if place[1] == "us-east-1" else f"{place[1]}.amazonses.com"
        return f"{numbered[1]}@{domain}"

    def _said(self, text: str, code: int) -> Trouble:
        """What the relay says against all of our mail, and not against this letter."""
        said = f"{Account('relay', self._relay, 'SMTP').where}: {text}"
        if code in (CLOSING, CROWDED):
            return Trouble(said, _BUSY if code == CLOSING else "lower relay.max_connections", "max_connections")
        return Trouble(said, "it wants a sign-in: relay.user and relay.password_file", "user")

    # --- to the relay -------------------------------------------------------------------------------------------

    def _open(self) -> smtplib.SMTP:
        if self._smtp is not None:
            return self._smtp
        relay = self._relay
        try:
            self._smtp = sign_in.connected(relay, self._settings, relay.timeout)
        except (UnicodeError, GrantError, *UNREACHABLE) as error:
            # A password is not tried again soon; a token is, since the next try has another one.
            password = (smtplib.SMTPAuthenticationError, UnicodeError) if relay.auth == "password" else ()
            slow = isinstance(error, (smtplib.SMTPNotSupportedError, *password))
            raise RelayAway(explain(error, relay), PATIENCE if slow else 0.0) from error
        return self._smtp


def _is_of_the_sender(letter: Outgoing, command: str, code: int, text: str) -> bool:
    """Whether a refusal is of our envelope sender, and not of this letter: its size, its characters, its recipient.

    Postfix says it at RCPT (smtpd_delay_reject), with 450 where it does not know our domain, and names whom it means.
    """
    status = _status(text) or ""
    if status[1:] in _OF_SENDERS:
        return True
    if command == "RCPT":
        named = f"<{letter.envelope_from}>: sender address rejected"
        return named.lower() in text.lower()
    return command == "MAIL" and code in _REFUSALS and not status.startswith(_OF_LETTERS)


def relays_not(text: str) -> bool:
    """Whether a refusal at RCPT is of relaying, with 5xx or, as Debian's Postfix is set up, with 4xx.

    Not where it tells what another server said, of its own relaying.
    """
    return _RELAYS_NOT.search(text) is not None and " said: " not in text


def leave(relay: Relay) -> str:
    """What to do about a relay that relays nothing for us."""
    if relay.user is not None:
        return f"may {relay.user} send to others there?"
    return "it sends to nobody outside: add relay.user and relay.password_file, or let it relay for this machine"


def _refused(letter: Outgoing, code: int, text: str) -> Result:
    """RFC 5321 section 4.2.1: 5yz is for good, all else for now."""
    kind = Failed if code >= 500 else Deferred
    return kind(letter.id, letter.attempt, text, _status(text))


def _text(code: int, answer: bytes) -> str:
    return f"{code} {answer.decode('utf-8', 'replace')}".replace("\n", " ")


def _status(text: str) -> str | None:
    found = _ENHANCED.match(text[4:])
    return found[1] if found else None


def _describe(error: Exception) -> str:
    """What went wrong with a connection, in one line."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).replace("\n", " ")


def explain(error: Exception, relay: Relay) -> Trouble:
    """Why the relay cannot be used, and what to do."""
    known = Account("relay", relay, "SMTP")
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, TimeoutError):
        error = error.__context__  # smtplib puts it into words of its own
    if (common := known.explain(error)) is not None:
        return common
    said = f"{known.where}: {_describe(error)}"
    match error:
        case smtplib.SMTPAuthenticationError() if relay.auth != "password":
            todo = f"the token is good for its provider; may it send as {relay.user} by SMTP there?"
            return Trouble(f"{known.where} does not let {relay.user} in: {_describe(error)}", todo, "auth")
        case smtplib.SMTPAuthenticationError():
            todo = "look at relay.user and what stands in relay.password_file; some providers want an app password"
            return Trouble(f"{known.where} does not let {relay.user} in: {_describe(error)}", todo, "password_file")
        case smtplib.SMTPNotSupportedError() if relay.tls == "starttls" and "STARTTLS" in said:
            return Trouble(f"{known.where}: {NO_STARTTLS}", 'try tls = "implicit" with port 465', "tls")
        case smtplib.SMTPNotSupportedError():
            return Trouble(said, "the server takes no sign-in here: port 587 with starttls usually does", "port")
        case smtplib.SMTPResponseException(smtp_code=code) if code in (CLOSING, CROWDED):
            return Trouble(said, _BUSY, "max_connections")
        case smtplib.SMTPConnectError(smtp_code=-1):  # no reply of SMTP at all
            said = f"{known.where}: that is no SMTP server: {_describe(error).removeprefix('-1 ')}"
            return Trouble(said, f"look at relay.port; {known.ports}", "port")
        case smtplib.SMTPServerDisconnected():
            return Trouble(said, "is the port right? 25 and 587 begin without TLS, 465 with it", "port")
    return Trouble(said, "look at relay.host and relay.port, and at a firewall between", "host")
