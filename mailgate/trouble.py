"""Why a mail server cannot be used, and what to do: the same sentences for `status`, `check` and the log."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mailgate.grants.errors import GrantError
from mailgate.settings import Imap, Relay, Settings
from mailgate.settings.providers import LOOPBACK, Server

_BETWEEN = "; "
NO_STARTTLS = "the server offers no STARTTLS"
TRY_SECONDS = 10  # for a connection of a check; a person waits

# OpenSSL, x509_vfy.h: X509_V_ERR_...
_NOT_YET_VALID, _EXPIRED = 9, 10
_SELF_SIGNED = (18,)
_UNKNOWN_AUTHORITY = (2, 19, 20, 21)
_OTHER_NAME = (62, 64)


class NoAuthority(OSError):
    """What `tls_ca` names cannot be used; it says why, with the file."""


def tls_context(account: Imap | Relay, settings: Settings) -> ssl.SSLContext:
    """Certificates are verified, against `tls_ca` where it is set, else against the machine's; TLS 1.2 or later.

    Raises NoAuthority.
    """
    file = settings.path(account.tls_ca) if account.tls_ca else None
    try:
        context = ssl.create_default_context(cafile=file and str(file))
    except ssl.SSLError:
        raise NoAuthority(f"no certificate in {file}") from None
    except OSError as error:  # without the file's name
        raise NoAuthority(f"{file}: {error.strerror}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
    return context


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, what to do, and the key of the account's section that it is about."""

    said: str
    todo: str
    key: str

    @property
    def line(self) -> str:
        """As it is kept and logged: what went wrong; what to do."""
        return f"{self.said.replace(_BETWEEN, ', ')}{_BETWEEN}{self.todo}"


def parted(line: str) -> tuple[str, str]:
    """What went wrong and what to do, of such a line."""
    said, _, todo = line.partition(_BETWEEN)
    return said, todo


@dataclass(frozen=True, slots=True)
class Account:
    """A mailbox or the relay, in the words of its settings: `name` is `imap "office"`, `ports` what is usual."""

    name: str
    settings: Imap | Relay
    protocol: Literal["IMAP", "SMTP"]

    @property
    def where(self) -> str:
        """What was tried: `imap.desk.example:993`."""
        return str(Server(self.settings.host, self.settings.port))

    @property
    def ports(self) -> str:
        if self.protocol == "IMAP":
            return '993 goes with tls = "implicit", 143 with "starttls"'
        return '465 goes with tls = "implicit", 587 with "starttls"'

    def explain(self, error: Exception) -> Trouble | None:
        """Of what both protocols have in common; None for what a server said in its own words."""
        match error:
            case GrantError():
                todo = "look at its [[grant]], and `mailgate login` where a person signs in"
                return Trouble(str(error), todo if error.dead else "it is asked again", "auth")
            case NoAuthority():
                return Trouble(str(error), f"{self.name}.tls_ca: the certificate (PEM) of its authority", "tls_ca")
            case ssl.SSLCertVerificationError():
                return self._certificate(error)
            case ssl.SSLError() if error.reason == "WRONG_VERSION_NUMBER":
                return Trouble(f"{self.where}: the port speaks no TLS", self.ports, "tls")
            case ssl.SSLError():
                said = f"{self.where}: no TLS with it: {error.reason or error}"
                return Trouble(said, "the server has to speak TLS 1.2 or later; has whoever runs it look", "tls")
            case socket.gaierror() if error.errno == socket.EAI_AGAIN:
                todo = "no name server answers: look at this machine's network and /etc/resolv.conf"
                return Trouble(f"{self.where}: its address could not be asked for", todo, "host")
            case socket.gaierror():
                return Trouble(f"{self.where}: there is no such name", f"look at {self.name}.host", "host")
            case TimeoutError():
                todo = f"is the port right ({self.ports})? does a firewall stand between?"
                return Trouble(f"{self.where} does not answer", todo, "port")
            case ConnectionRefusedError():
                todo = f"is the server running, is {self.name}.port right? {self.ports}"
                return Trouble(f"nobody listens at {self.where}", todo, "port")
            case OSError() if error.filename:
                todo = f"{self.name}.password_file: the user that runs mailgate has to read it, and nobody else"
                return Trouble(f"{error.filename}: {error.strerror}", todo, "password_file")
            case UnicodeError():
                said = f"{self.settings.password_file}: the password's file is not UTF-8"
                return Trouble(said, "save it as UTF-8", "password_file")
        return None

    def _certificate(self, error: ssl.SSLCertVerificationError) -> Trouble:
        said = f"{self.where}: the server's certificate is not to be trusted: {error.verify_message}"
        code, clock = error.verify_code, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        if code == _EXPIRED:
            return Trouble(said, f"who runs the server has to renew it; or is this clock wrong ({clock})?", "host")
        if code == _NOT_YET_VALID:
            return Trouble(said, f"is this machine's clock wrong ({clock})?", "host")
        if code in _OTHER_NAME:
            return Trouble(said, f"write the name that the certificate is for as {self.name}.host", "host")
        if code in _SELF_SIGNED:
            return Trouble(
                said,
                f"if it is your own server: save the certificate as PEM, and name it as {self.name}.tls_ca",
                "tls_ca",
            )
        return Trouble(
            said, f"save the certificate of its authority as PEM, and name it as {self.name}.tls_ca", "tls_ca"
        )


def in_the_clear(account: Imap | Relay) -> str | None:
    """A sentence where a password goes over the network as it is."""
    if account.user and account.tls == "none" and account.host not in LOOPBACK:
        return f"the password of {account.user} goes over the network in the clear (RFC 8314)"
    return None
