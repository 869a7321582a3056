"""A signed-in connection to an IMAP server: certificates, time-outs, sign-in, and waiting in IDLE."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from mailgate.grants import sasl, tokens
from mailgate.settings import Imap, Settings
from mailgate.trouble import NO_STARTTLS, Account, Trouble, tls_context
from storage.database import StorageError

IDLE_SECONDS = 9 * 60.0  # RFC 2177 asks for less than 29 minutes; NAT boxes forget a silent connection after ten
_NO_IMAP = re.compile(r"unexpected response: (.*)")  # imaplib, of a greeting that is none
_NO_FOLDER = re.compile(
    r"NONEXISTENT|doesn't exist|does not exist|unknown mailbox|no such (mailbox|folder)", re.IGNORECASE
)
_SLICE_SECONDS = 0.2  # how soon a stop is noticed while waiting
_EMPTY_WAKES = 3  # TLS may wake us once with nothing to read; a dead connection does so for ever
SEARCH_UIDS = 50_000  # a SEARCH: its answer is one line, of which imaplib takes 1,000,000 bytes


Answers = dict[int, dict[bytes, Any]]  # by UID


class Client(Protocol):
    """What is used of imapclient's IMAPClient, which has no types. Messages are UIDs."""

    _imap: Any  # the imaplib connection below it

    def login(self, username: str, password: str) -> object: ...
    def plain_login(self, identity: str, password: str) -> object: ...
    def has_capability(self, capability: str) -> bool: ...
    def namespace(self) -> Any: ...
    def list_folders(self, directory: str, pattern: str) -> list[tuple[object, bytes | None, str]]: ...
    def folder_exists(self, folder: str) -> bool: ...
    def create_folder(self, folder: str) -> object: ...
    def subscribe_folder(self, folder: str) -> object: ...
    def select_folder(self, folder: str, readonly: bool) -> dict[bytes, Any]: ...
    def search(self, criteria: str) -> list[int]: ...
    def fetch(self, messages: Sequence[int], data: Sequence[str]) -> Answers: ...
    def get_flags(self, messages: Sequence[int]) -> dict[int, Sequence[bytes]]: ...
    def add_flags(self, messages: Sequence[int], flags: Sequence[bytes], silent: bool) -> object: ...
    def copy(self, messages: Sequence[int], folder: str) -> object: ...
    def move(self, messages: Sequence[int], folder: str) -> object: ...
    def uid_expunge(self, messages: Sequence[int]) -> object: ...
    def noop(self) -> object: ...
    def idle(self) -> None: ...
    def idle_check(self, timeout: float) -> list[tuple[Any, ...]]: ...
    def idle_done(self) -> object: ...
    def socket(self) -> socket.socket: ...


def uids_from(client: Client, first: int, uidnext: int) -> Iterator[int]:
    """The UIDs of the open folder from `first` on; `uidnext` is where the server said that new ones begin."""
    while first + SEARCH_UIDS < uidnext:
        yield from client.search(f"UID {first}:{first + SEARCH_UIDS - 1}")
        first += SEARCH_UIDS
    yield from (uid for uid in client.search(f"UID {first}:*") if uid >= first)  # n:* names the last mail, whatever n


@contextlib.contextmanager
def connected(account: Imap, settings: Settings) -> Iterator[Client]:
    """A signed-in client, no folder selected; signed out afterwards, or just cut where an error ends the block.

    Raises OSError (ssl.SSLError among them), IMAPClientError and GrantError.
    """
    context = tls_context(account, settings)
    client: Any = IMAPClient(
        account.host,
        account.port,
        use_uid=True,
        ssl=account.tls == "implicit",
        ssl_context=context if account.tls == "implicit" else None,
        timeout=cast(float, SocketTimeout(connect=account.timeout, read=account.timeout)),
    )
    client.normalise_times = False  # INTERNALDATE with its zone, not in this machine's
    try:
        if account.tls == "starttls":  # refused by the server: an error, never clear text
            client.starttls(context)
        sign_in(client, account, settings)
        yield client
        with contextlib.suppress(IMAPClientError, OSError):
            client.logout()
    finally:
        with contextlib.suppress(IMAPClientError, OSError):
            client.shutdown()


def sign_in(client: Client, account: Imap, settings: Settings) -> None:
    """How an account signs in. Raises LoginError, GrantError, and OSError for the file of the password."""
    if account.auth != "password":
        _sign_in_by_token(client, account, settings)
        return
    if account.password_file is None:
        raise LoginError(f"imap {account.name}: password_file is missing in the settings")
    password = settings.path(account.password_file).read_text("utf-8-sig").rstrip("\r\n")
    if client.has_capability("LOGINDISABLED"):  # RFC 9051 section 6.2.3
        raise LoginError("the server takes no password over this connection: set tls")
    if (account.user + password).isascii():
        client.login(account.user, password)
    else:
        client.plain_login(account.user, password)  # LOGIN knows ASCII only; PLAIN is UTF-8 (RFC 4616 section 2)


def _sign_in_by_token(client: Client, account: Imap, settings: Settings) -> None:
    """AUTHENTICATE (RFC 9051 section 6.2.2) with a token; one that is refused is not used again."""
    offered = [name for name in sasl.KNOWN if client.has_capability(f"AUTH={name}")]
    mechanism = sasl.choose(offered)
    if mechanism is None:
        raise LoginError("the server offers neither OAUTHBEARER nor XOAUTH2")
    token = tokens.access(settings, account)
    words = [sasl.response(mechanism, account.user, token, account.host, account.port)]
    told: list[bytes] = []

    def answer(challenge: bytes) -> bytes:
        if words:
            return words.pop()
        told.append(challenge)
        return sasl.AFTER_ERROR[mechanism]

    try:
        client._imap.authenticate(mechanism, answer)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        tokens.refused(settings, account, token)
        said = f"{error}".replace(token, "...")  # a server may repeat it
        why = sasl.refusal(told[0]) if told else ""
        raise LoginError(f"{said} ({why})" if why else said) from None


def announced(client: Client) -> bool:
    """Whether the server spoke of new mail since this was asked last, in the answer to whatever command."""
    client._imap.response("EXPUNGE")  # imaplib keeps each of them for ever
    return bool(client._imap.response("EXISTS")[1] != [None])


def wait(client: Client, seconds: float, stopping: threading.Event) -> None:
    """Until there may be new mail in the selected folder, `seconds` have gone by, or `stopping` is set.

    Raises IMAPClientAbortError or OSError where the connection turns out to be dead.
    """
    if not client.has_capability("IDLE"):
        stopping.wait(seconds)
        if not stopping.is_set():
            client.noop()
        return
    client.noop()
    if announced(client):  # IDLE tells only what no answer before it has told
        return
    client.idle()
    if re.search(rb"^\* \d+ EXISTS\r$", _buffered(client), re.MULTILINE):
        client.idle_done()
        return
    deadline = time.monotonic() + min(seconds, IDLE_SECONDS)
    empty = 0
    while not stopping.is_set() and (left := deadline - time.monotonic()) > 0:
        patience = max(min(left, _SLICE_SECONDS), 0.01)
        began = time.monotonic()
        answers = client.idle_check(timeout=patience)
        if any(answer[0] == b"BYE" for answer in answers):  # RFC 9051 section 7.1.5
            raise IMAPClientAbortError("the server hung up")
        if any(_is_exists(answer) for answer in answers):
            break
        # On a dead connection idle_check answers [] at once, for ever
        empty = empty + 1 if not answers and time.monotonic() - began < patience / 2 else 0
        if empty == _EMPTY_WAKES:
            raise IMAPClientAbortError("the connection is dead")
    client.idle_done()


def _buffered(client: Client) -> bytes:
    """What came in one piece with the "+" of IDLE: idle_check polls the socket, and does not see it in our buffer."""
    waiting = client.socket().gettimeout()
    client.socket().settimeout(0)
    try:
        return cast(bytes, client._imap.file.peek(1))
    except ssl.SSLWantReadError:
        return b""
    finally:
        client.socket().settimeout(waiting)


def _is_exists(answer: tuple[Any, ...]) -> bool:
    return len(answer) > 1 and answer[1] == b"EXISTS"


def explain(error: Exception, account: Imap) -> Trouble:
    """Why the mailbox cannot be used, and what to do."""
    key, known = f'imap "{account.name}"', Account(f'imap "{account.name}"', account, "IMAP")
    if not isinstance(error, IMAPClientError):
        if (common := known.explain(error)) is not None:
            return common
        if isinstance(error, StorageError):
            said = f"the database: {' '.join(str(error).split())}"
            return Trouble(said, "mails stay where they lie; `mailgate check` says more", "")
        if isinstance(error, OSError):
            said = f"{known.where}: {error.strerror or error}"
            return Trouble(said, f"look at {key}.host and {key}.port, and at a firewall between", "host")
        return Trouble(f"{type(error).__name__}: {error}", "a fault of mailgate's own: the log has where", "")
    said = words(error)
    if isinstance(error, LoginError):
        said = f"{known.where}: sign-in refused: {said}"
        if account.auth != "password" and "offers neither" in said:
            return Trouble(said, f"is {key}.host right? this server takes passwords alone", "host")
        if account.auth != "password":
            todo = f"the token is good for its provider; may it open the mailbox of {account.user} by IMAP there?"
            return Trouble(said, todo, "auth")
        todo = f"look at {key}.user and at its password_file; some providers want an app password"
        return Trouble(said, todo, "password_file")
    if "STARTTLS" in said.upper():
        return Trouble(f"{known.where}: {NO_STARTTLS}", 'try tls = "implicit" with port 993', "tls")
    if _NO_FOLDER.search(said):
        said = f"{known.where}: there is no such folder: {said.removeprefix('select failed: ')}"
        return Trouble(said, f"look at {key}.folder; levels are written with /", "folder")
    if (other := _NO_IMAP.search(said)) is not None:
        said = f"{known.where}: that is no IMAP server: {other[1]}"
        return Trouble(said, f"look at {key}.port; {known.ports}", "port")
    said = f"{known.where}: {said}"
    if isinstance(error, IMAPClientAbortError):
        return Trouble(said, "the server ended the connection: if it stays, ask who runs it", "host")
    return Trouble(said, f"look at {key}.port and {key}.folder", "port")


def words(error: IMAPClientError) -> str:
    """A server's, without the b'...' that imaplib puts around them."""
    return re.sub(r"b'((?:[^'\\]|\\.)*)'|b\"((?:[^\"\\]|\\.)*)\"", r"\1\2", str(error))[:500]
