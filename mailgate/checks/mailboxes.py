"""A mailbox, tried: sign-in, folders, what may be done in them, its clock, and whose results its mails bear."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from imapclient.exceptions import IMAPClientError, IMAPClientReadOnlyError
from msgspec.structs import replace

from mailgate.checks.finding import Finding, advice, at_server, failed, ok
from mailgate.checks.results import top_of, trust
from mailgate.grants.errors import GrantError
from mailgate.intake import connection
from mailgate.intake.folders import native
from mailgate.settings import Imap, Settings
from mailgate.trouble import TRY_SECONDS, Account, in_the_clear

RECENT = 30  # mails of a mailbox that are looked at for who signs its results
CLOCK_SECONDS = 300.0  # the server's clock may be so far ahead of ours; past it, times and tokens go wrong

_RESULTS = "BODY.PEEK[HEADER.FIELDS (AUTHENTICATION-RESULTS X-MS-EXCHANGE-ORGANIZATION-AUTHAS)]"


def mailbox(account: Imap, settings: Settings) -> list[Finding]:
    """Everything about one; nothing in it changes."""
    what, place = f"mailbox {account.name}", ("imap", settings.imap.index(account))
    found: list[Finding] = []
    quick = replace(account, timeout=min(account.timeout, TRY_SECONDS))
    try:
        with connection.connected(quick, settings) as client:
            found += _folders(what, place, account, client)
            if not any(finding.state == "failed" for finding in found):
                selected = client.select_folder(native(client, account.folder), readonly=True)
                answers = recent(client, selected)
                found += _clock(what, answers)
                key = f'imap "{account.name}".auth_results'
                tops = [top_of(answer) for answer in answers.values()]
                found.append(trust(what, key, account.auth_results, tops, (*place, "auth_results")))
    except (OSError, UnicodeError, IMAPClientError, GrantError) as error:
        trouble = connection.explain(error, account)
        found.append(failed(what, trouble.said, trouble.todo, (*place, trouble.key)))
    if (said := in_the_clear(account)) is not None:
        found.append(advice(what, said, 'tls = "implicit", or "starttls"', (*place, "tls")))
    where = Account(what, account, "IMAP").where
    return [at_server(finding, where) for finding in found]


def _folders(what: str, place: tuple[str, int], account: Imap, client: connection.Client) -> Iterator[Finding]:
    if not client.folder_exists(native(client, account.folder)):
        todo = f'imap "{account.name}".folder; levels are written with /'
        yield failed(what, f"there is no folder {account.folder}", todo, (*place, "folder"))
        return
    selected = client.select_folder(native(client, account.folder), readonly=True)
    yield ok(what, f"{account.user} signed in; {selected[b'EXISTS']:,} mails in {account.folder}")
    if not _writable(client, native(client, account.folder)):
        said = f"{account.folder} may only be read: no mail in it can be moved, flagged or deleted"
        yield failed(
            what, said, f"let {account.user} write there; beside another desk, `serve --shadow`", (*place, "folder")
        )
    if account.after != "flag" and not client.has_capability("MOVE") and not client.has_capability("UIDPLUS"):
        said = "the server knows neither MOVE nor UIDPLUS: mails stay where they are, marked as deleted"
        yield advice(what, said, f'imap "{account.name}".after = "flag"', (*place, "after"))
    if account.junk and not client.folder_exists(native(client, account.junk)):
        yield failed(what, f"there is no folder {account.junk}", f'imap "{account.name}".junk', (*place, "junk"))


def _writable(client: connection.Client, folder: str) -> bool:
    """Whether SELECT opens it for more than reading (RFC 9051 section 6.3.2)."""
    try:
        client.select_folder(folder, readonly=False)
    except IMAPClientReadOnlyError:
        return False
    return True


def recent(client: connection.Client, selected: dict[bytes, Any]) -> connection.Answers:
    """INTERNALDATE and who signs the results, of the newest mails."""
    uidnext = int(selected.get(b"UIDNEXT", 0))
    uids = client.search(f"UID {max(1, uidnext - RECENT * RECENT)}:*") if selected[b"EXISTS"] else []
    newest = sorted(uids)[-RECENT:]
    return client.fetch(newest, ["INTERNALDATE", _RESULTS]) if newest else {}


def _clock(what: str, answers: connection.Answers) -> Iterator[Finding]:
    """The server writes when a mail arrived: never later than now."""
    dates = [date for answer in answers.values() if isinstance(date := answer.get(b"INTERNALDATE"), datetime)]
    newest = max((date.timestamp() for date in dates if date.tzinfo), default=0.0)
    if (ahead := newest - time.time()) > CLOCK_SECONDS:
        said = f"its newest mail arrived {ahead / 3600:,.1f} hours from now: our clock is behind, or the server's ahead"
        yield failed(what, said, "set the clock (`timedatectl set-ntp true`)")
