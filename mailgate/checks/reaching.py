"""The real connections of a desk, tried: where it listens, its relay, its mailboxes, and whose results they bring."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import smtplib
import socket
import ssl
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from imapclient.exceptions import IMAPClientError
from msgspec.structs import replace

from mailgate.checks.finding import Finding, advice, failed, ok
from mailgate.grants.errors import GrantError
from mailgate.intake import connection
from mailgate.intake.folders import native
from mailgate.outgoing import sign_in
from mailgate.outgoing.relay import describe
from mailgate.settings import Imap, Relay, Settings
from parsing import auth
from parsing.headers import split

RECENT = 30  # mails of a mailbox that are looked at for who signs its results
ENOUGH = 0.5  # of them bear the same name on top: more can hardly be a forgery's doing
TRY_SECONDS = 10  # for a connection of a check; a person waits
LOOPBACK = ("127.0.0.1", "::1", "localhost")

_OURS = re.compile(r"220 \S+ (ESMTP|LMTP) mailgate")
_RESULTS = "BODY.PEEK[HEADER.FIELDS (AUTHENTICATION-RESULTS X-MS-EXCHANGE-ORGANIZATION-AUTHAS)]"


def listening(protocol: str, address: str) -> Finding:
    """Whether that address can be had, or is held by a mailgate that runs."""
    what = f"{protocol} {address}"
    path = address.removeprefix("unix:") if address.startswith("unix:") else None
    greeting = _greeting(path or address)
    if greeting is not None:
        if _OURS.match(greeting):
            return ok(what, "a mailgate listens there")
        said = f'another program listens there: "{greeting[:60]}"' if greeting else "another program listens there"
        return failed(what, said, f"stop it, or choose another {protocol}.listen")
    if path is not None:
        folder = Path(path).parent
        if not folder.is_dir():
            return failed(what, f"there is no folder {folder}", "make it, owned by the user that runs mailgate")
        if not os.access(folder, os.W_OK):
            return failed(what, f"the folder {folder} cannot be written to", "let the user that runs mailgate write")
        return ok(what, "free")
    host, port = _host_port(address)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
    except OSError as error:
        return failed(what, f"cannot listen there: {error.strerror or error}", _unbindable(error, protocol, port))
    return ok(what, "free")


def _unbindable(error: OSError, protocol: str, port: int) -> str:
    if error.errno == errno.EACCES:
        return f"ports below 1024 are root's: let the mail server in front take {port}, and choose 2525 or so here"
    return f"name an address of this machine in {protocol}.listen"


def _host_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _greeting(place: str) -> str | None:
    """The first line of who listens there, "" where nothing is said; None where nobody does."""
    with contextlib.suppress(OSError):
        if place.startswith("/"):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(TRY_SECONDS)
            sock.connect(place)
        else:
            sock = socket.create_connection(_host_port(place), TRY_SECONDS)
        with sock:
            try:
                return sock.recv(500).decode("ascii", "replace").splitlines()[0]
            except (OSError, IndexError):
                return ""
    return None


# --- the relay ----------------------------------------------------------------------------------------------------


def relay(settings: Settings) -> Iterator[Finding]:
    """EHLO, TLS and sign-in, as the sender does it; nothing is sent."""
    account = settings.relay
    if account is None:
        yield advice("relay", "none is set: outgoing mail is held", "add [relay] when the desk may answer")
        return
    what = f"relay {account.host}:{account.port}"
    try:
        with _signed_in(account, settings) as smtp:
            yield ok(what, _offers(smtp, account))
    except GrantError as error:
        yield failed(what, str(error), _grant_todo(error))
    except (OSError, UnicodeError, smtplib.SMTPException) as error:
        yield failed(what, describe(error), _relay_todo(error, account))
    yield from _in_the_clear("relay", account)


@contextlib.contextmanager
def _signed_in(account: Relay, settings: Settings) -> Iterator[smtplib.SMTP]:
    smtp = sign_in.connected(account, settings, min(account.timeout, TRY_SECONDS))
    try:
        yield smtp
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
    finally:
        smtp.close()


def _offers(smtp: smtplib.SMTP, account: Relay) -> str:
    size = smtp.esmtp_features.get("size", "")
    signed = f"{account.user} signed in" if account.user else "no sign-in"
    parts = [
        {"none": "no TLS", "starttls": "STARTTLS", "implicit": "TLS"}[account.tls],
        signed,
        f"mails up to {int(size) / 1_000_000:,.0f} MB" if size.isdigit() and int(size) else "",
        "" if smtp.has_extn("smtputf8") else "no SMTPUTF8",
    ]
    return ", ".join(part for part in parts if part)


def _relay_todo(error: Exception, account: Relay) -> str:
    match error:
        case smtplib.SMTPAuthenticationError() if account.auth != "password":
            return f"the token is good for its provider; may it send as {account.user} by SMTP there?"
        case smtplib.SMTPAuthenticationError():
            return "look at relay.user and what stands in relay.password_file; some providers want an app password"
        case smtplib.SMTPNotSupportedError() if account.tls == "starttls":
            return 'the server offers no STARTTLS: try tls = "implicit" with port 465'
        case smtplib.SMTPNotSupportedError():
            return "the server takes no sign-in here: port 587 with starttls usually does"
        case ssl.SSLCertVerificationError():
            return "use the name that the certificate is for as relay.host, or relay.tls_ca"
        case ssl.SSLError():
            return 'the port speaks no TLS: 465 goes with tls = "implicit", 587 with "starttls"'
        case smtplib.SMTPServerDisconnected() | TimeoutError():
            return "is the port right? 25 and 587 begin without TLS, 465 with it"
        case FileNotFoundError() | PermissionError():
            return "relay.password_file: make it readable for the user that runs mailgate"
        case ConnectionRefusedError():
            return "nobody listens there: is the server running, is relay.port right?"
        case socket.gaierror():
            return "relay.host: this name is not known"
    return "look at relay.host and relay.port, and at a firewall between"


def _grant_todo(error: GrantError) -> str:
    return "look at its [[grant]], and `mailgate login` where a person signs in" if error.dead else "try again later"


def _in_the_clear(what: str, account: Relay | Imap) -> Iterator[Finding]:
    if account.user and account.tls == "none" and account.host not in LOOPBACK:
        yield advice(
            f"{what} {account.host}",
            f"the password of {account.user} goes over the network in the clear (RFC 8314)",
            'tls = "implicit", or "starttls"',
        )


# --- mailboxes ----------------------------------------------------------------------------------------------------


def mailbox(account: Imap, settings: Settings) -> list[Finding]:
    """Sign-in, the folders, and whose results of authentication stand on top of the recent mails."""
    what = f"mailbox {account.name}"
    found: list[Finding] = []
    quick = replace(account, timeout=min(account.timeout, TRY_SECONDS))
    try:
        with connection.connected(quick, settings) as client:
            selected = client.select_folder(native(client, account.folder), readonly=True)
            found.append(ok(what, f"{account.user} signed in; {selected[b'EXISTS']:,} mails in {account.folder}"))
            found += _afterwards(what, account, client)
            if account.junk and not client.folder_exists(native(client, account.junk)):
                found.append(failed(what, f"there is no folder {account.junk}", f'imap "{account.name}".junk'))
            key = f'imap "{account.name}".auth_results'
            found.append(trust(what, key, account.auth_results, _tops(client, selected)))
    except GrantError as error:
        found.append(failed(what, str(error), _grant_todo(error)))
    except (OSError, IMAPClientError) as error:
        found.append(failed(what, connection.explain(error), _mailbox_todo(error, account)))
    found += _in_the_clear(what, account)
    return found


def _mailbox_todo(error: Exception, account: Imap) -> str:
    key = f'imap "{account.name}"'
    match error:
        case ssl.SSLCertVerificationError():
            return f"use the name that the certificate is for as {key}.host, or {key}.tls_ca"
        case ssl.SSLError():
            return 'the port speaks no TLS: 993 goes with tls = "implicit", 143 with "starttls"'
        case FileNotFoundError() | PermissionError():
            return f"{key}.password_file: make it readable for the user that runs mailgate"
        case ConnectionRefusedError():
            return f"nobody listens there: is the server running, is {key}.port right?"
        case socket.gaierror():
            return f"{key}.host: this name is not known"
        case TimeoutError():
            return "is the port right? 993 begins with TLS, 143 without"
        case IMAPClientError() if "sign-in" in connection.explain(error) and account.auth != "password":
            return f"the token is good for its provider; may it open the mailbox of {account.user} by IMAP there?"
        case IMAPClientError() if "sign-in" in connection.explain(error):
            return f"look at {key}.user and at its password_file; some providers want an app password"
        case IMAPClientError():
            return f"look at {key}.folder"
    return f"look at {key}.host and {key}.port, and at a firewall between"


def _afterwards(what: str, account: Imap, client: connection.Client) -> Iterator[Finding]:
    if account.after == "flag" or client.has_capability("MOVE") or client.has_capability("UIDPLUS"):
        return
    yield advice(
        what,
        "the server knows neither MOVE nor UIDPLUS: mails stay where they are, marked as deleted",
        f'imap "{account.name}".after = "flag"',
    )


def _tops(client: connection.Client, selected: dict[bytes, Any]) -> list[str | None]:
    """Who signs the results of each recent mail."""
    uids = sorted(client.search("ALL"))[-RECENT:] if selected[b"EXISTS"] else []
    answers = client.fetch(uids, [_RESULTS]).values() if uids else ()
    return [top(next((value for key, value in a.items() if key.startswith(b"BODY[")), b"") or b"") for a in answers]


def top(raw: bytes) -> str | None:
    """The authserv-id of the topmost result of a mail, "microsoft" for a tenant's own mark, None for no result."""
    said = auth.read(split(raw, [])[0])
    if said.exchange_auth_as or (said.results and not said.results[0].authserv_id):
        return "microsoft"  # it writes no authserv-id (MAIL 14)
    return said.results[0].authserv_id if said.results else None


def trust(what: str, key: str, believed: str, tops: Sequence[str | None]) -> Finding:
    """The setting `key`, which says whose results are believed, against what recent mails bear."""
    name, count = Counter(tops).most_common(1)[0] if tops else (None, 0)
    if name is None or count < len(tops) * ENOUGH:
        if believed == "none":
            return ok(what, "no provider's results of authentication are believed")
        if not tops:
            return ok(what, f"results of {believed} are believed; no mail is there to see them")
        seen = sum(one == believed.lower() for one in tops)
        return advice(what, f"{believed} stands on top of {seen} of {len(tops)} recent mails", f"look at {key}")
    said = f"{name} stands on top of {count} of {len(tops)} recent mails"
    if believed.lower() == name:
        return ok(what, f"{said}, and is believed")
    todo = f'{key} = "{name}", if that is your provider\'s own server: then its word on who wrote counts'
    return advice(what, f"{said}; believed is {believed}", todo)
