"""The one way to a token: kept until near its end, renewed by whoever comes first, safe between threads and processes.

The file of the grant is the truth; nothing is remembered beside it. A renewal begins while the last third of a token's
life is still to come, so that a provider that is away, or has taken the grant back, is known before mail stops.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping

import msgspec

from mailgate.grants import kept as files
from mailgate.grants.errors import GrantError
from mailgate.grants.kept import Access, Kept, Trouble
from mailgate.grants.renewed import Renewed
from mailgate.settings import Grant, Imap, Relay, Settings

log = logging.getLogger("mailgate.grants")

LAST_PART = 1 / 3  # of a token's life, in which it is renewed
LONGEST_LAST_PART = 3600.0
FIRST_PAUSE = 1.0  # seconds after a renewal that failed; doubled each time
LONGEST_PAUSE = 60.0  # a person who has mended it waits no longer


def subject(grant: Grant, user: str) -> str:
    """Whom a token is for: a service account's is for one mailbox, all others for whatever the grant opens."""
    return user if grant.provider == "google" and not grant.by_person else ""


def fingerprint(grant: Grant) -> str:
    """Tells a grant of other settings under the same name: its tokens are of no use, or would go to the wrong place."""
    ours = (grant.provider, grant.client_id, grant.tenant, grant.authority, grant.token_url, grant.scopes)
    return hashlib.sha256(json.dumps([*ours, grant.by_person]).encode()).hexdigest()[:16]


def look(settings: Settings, grant: Grant) -> Kept:
    """What is known of it. Raises GrantError where the file cannot be read."""
    return files.load(files.place(settings.state, grant.name), fingerprint(grant))


def due(have: Access | None) -> float:
    """When an access token is to be renewed."""
    if have is None:
        return 0.0
    return have.expires - min((have.expires - have.obtained) * LAST_PART, LONGEST_LAST_PART)


def pause(trouble: Trouble | None) -> float:
    """When a renewal may be tried again after the last one failed."""
    if trouble is None:
        return 0.0
    return trouble.tried + min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(trouble.failures - 1, 10))


def access(settings: Settings, account: Imap | Relay) -> str:
    """A token that opens this account now. Raises GrantError."""
    grant = settings.granted(account)
    assert grant is not None  # `consistency` asks for it
    return token(settings, grant, subject(grant, account.user or ""))


def token(settings: Settings, grant: Grant, whose: str) -> str:
    """A token of this grant for `whose` (see `subject`), renewed if it is time. Raises GrantError."""
    kept = look(settings, grant)
    have, now = kept.access.get(whose), time.time()
    if have is not None and now < due(have):
        return have.token
    if have is not None and now < min(have.expires, pause(kept.troubles.get(whose))):
        return have.token
    file = files.place(settings.state, grant.name)
    with files.locked(file):
        kept = look(settings, grant)  # somebody else may have renewed it meanwhile
        have, now = kept.access.get(whose), time.time()
        if have is None or due(have) <= now:
            if pause(kept.troubles.get(whose)) <= now:
                kept = _renew(settings, grant, whose, kept)
            have = kept.access.get(whose)
    trouble = kept.troubles.get(whose)
    if have is not None and (trouble is None or time.time() < have.expires):
        return have.token
    assert trouble is not None
    raise GrantError(f"grant {grant.name}: {trouble.said}", dead=trouble.dead)


def refused(settings: Settings, account: Imap | Relay, given: str) -> None:
    """A server did not take this token: the next one who asks gets another. Raises GrantError."""
    grant = settings.granted(account)
    assert grant is not None
    file = files.place(settings.state, grant.name)
    with files.locked(file):
        kept = look(settings, grant)
        left = {whose: have for whose, have in kept.access.items() if have.token != given}
        if left != kept.access:
            with files.writing(file) as writer:
                writer.write(msgspec.structs.replace(kept, access=left))


def keep(settings: Settings, grant: Grant, renewed: Renewed) -> None:
    """A person signed in: this is the grant from now on. Raises GrantError."""
    file = files.place(settings.state, grant.name)
    with files.locked(file), files.writing(file) as writer:
        writer.write(_after(Kept(fingerprint(grant)), "", renewed, time.time()))


def _renew(settings: Settings, grant: Grant, whose: str, kept: Kept) -> Kept:
    """Ask the provider, and keep what it says. Under the lock. Raises GrantError where it cannot be kept."""
    file = files.place(settings.state, grant.name)
    with files.writing(file) as writer:
        now = time.time()
        try:
            renewed = _ask(settings, grant, kept.refresh, whose)
        except GrantError as error:
            kept = _failed(kept, grant, whose, error, now)
            writer.write(kept)
            return kept
        kept = _after(kept, whose, renewed, now)
        writer.write(kept)
    log.info("grant %s: renewed for %.0f s", grant.name, renewed.expires_in)
    return kept


def _ask(settings: Settings, grant: Grant, refresh: str | None, whose: str) -> Renewed:
    if grant.provider == "microsoft":
        from mailgate.grants import microsoft

        return microsoft.renew(grant, settings, refresh)
    from mailgate.grants import google

    return google.renew(grant, settings, refresh, whose)


def _failed(kept: Kept, grant: Grant, whose: str, error: GrantError, now: float) -> Kept:
    before, said = kept.troubles.get(whose), str(error)
    if before is None or before.said != said:
        log.error("grant %s: %s", grant.name, said)
    since, failures = (before.since, before.failures) if before else (now, 0)
    trouble = Trouble(said, since, now, failures + 1, error.dead)
    return msgspec.structs.replace(kept, troubles={**kept.troubles, whose: trouble})


def _after(kept: Kept, whose: str, renewed: Renewed, now: float) -> Kept:
    """`now` is when it was asked for: a token is never thought to live longer than it does."""
    access: Mapping[str, Access] = {
        **{name: have for name, have in kept.access.items() if have.expires > now},
        whose: Access(renewed.access, now, now + renewed.expires_in),
    }
    ends = now + renewed.refresh_expires_in if renewed.refresh_expires_in else None
    if renewed.refresh is None or renewed.refresh == kept.refresh:
        ends = ends or kept.refresh_ends
    troubles = {name: trouble for name, trouble in kept.troubles.items() if name != whose}
    return Kept(kept.made_for, access, renewed.refresh or kept.refresh, ends, troubles)
