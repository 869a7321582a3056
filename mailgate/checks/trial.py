"""An account tried before anything is written: its settings in a folder that is gone afterwards."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from imapclient.exceptions import IMAPClientError

from mailgate.checks import mailboxes, relaying
from mailgate.checks.finding import Finding
from mailgate.checks.results import top_of, usual
from mailgate.grants.errors import GrantError
from mailgate.intake import connection
from mailgate.intake.folders import native
from mailgate.settings import Settings, load

FEWEST = 5  # recent mails; the name on top of fewer may be anybody's


@contextlib.contextmanager
def _settings(text: str, secrets: Mapping[str, str]) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="mailgate-init-") as folder:  # mode 0700
        for name, secret in secrets.items():
            handle = os.open(Path(folder) / Path(name).name, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(secret)
        file = Path(folder) / "mailgate.toml"
        file.write_text(text, encoding="utf-8")
        yield load(file)


def mailbox(text: str, secrets: Mapping[str, str]) -> tuple[list[Finding], str | None]:
    """What is not well with the mailbox of these settings, and whose results most of its mails bear.

    `secrets`: what stands in the files that the settings name, by name.
    """
    with _settings(text, secrets) as settings:
        account = settings.imap[0]
        found = [finding for finding in mailboxes.mailbox(account, settings) if finding.state == "failed"]
        if found:
            return found, None
        try:
            with connection.connected(account, settings) as client:
                selected = client.select_folder(native(client, account.folder), readonly=True)
                tops = [top_of(answer) for answer in mailboxes.recent(client, selected).values()]
        except (OSError, IMAPClientError, GrantError):
            return [], None  # it let us in a moment ago; nothing hangs on this
        return [], usual(tops)[0] if len(tops) >= FEWEST else None


def relay(text: str, secrets: Mapping[str, str]) -> list[Finding]:
    """What is not well with the relay of these settings."""
    with _settings(text, secrets) as settings:
        return [finding for finding in relaying.relay(settings) if finding.state == "failed"]
