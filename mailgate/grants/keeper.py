"""Renews every grant in time, whether or not anybody asks for a token: so its death is known while mail still flows."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

from mailgate.grants import tokens
from mailgate.grants.errors import GrantError
from mailgate.settings import Grant, Imap, Relay, Settings

log = logging.getLogger("mailgate.grants")

LONGEST_SLEEP = 30.0  # a person may have signed in meanwhile
SHORTEST_SLEEP = 0.2


def used(settings: Settings) -> Iterator[tuple[Grant, str]]:
    """Every grant that a mailbox or the relay signs in with, and for whom; each once."""
    accounts: list[Imap | Relay] = [*settings.imap, *([settings.relay] if settings.relay else [])]
    seen: set[tuple[str, str]] = set()
    for account in accounts:
        grant = settings.granted(account) if account.auth != "password" else None
        if grant is None:
            continue
        whose = tokens.subject(grant, account.user or "")
        if (grant.name, whose) not in seen:
            seen.add((grant.name, whose))
            yield grant, whose


def run(settings: Settings, stopping: threading.Event, news: threading.Event) -> None:
    """In a thread of its own, until `stopping` is set. `news` is set when how a grant fares has changed."""
    all_of_them = list(used(settings))
    errors: dict[tuple[str, str], str | None] = {}
    while not stopping.is_set():
        next_look = time.time() + LONGEST_SLEEP
        for grant, whose in all_of_them:
            error = None
            try:
                tokens.token(settings, grant, whose)
                kept = tokens.look(settings, grant)
                trouble = kept.troubles.get(whose)  # a token may still live although it could not be renewed
                error = trouble.said if trouble else None
                next_look = min(next_look, max(tokens.due(kept.access.get(whose)), tokens.pause(trouble)))
            except GrantError as failed:
                error = str(failed)
                if errors.get((grant.name, whose)) != error:  # a file that cannot be written tells nobody
                    log.error("%s", error)
                next_look = min(next_look, time.time() + tokens.FIRST_PAUSE)
            if errors.get((grant.name, whose)) != error:
                errors[grant.name, whose] = error
                news.set()
        stopping.wait(max(SHORTEST_SLEEP, next_look - time.time()))
