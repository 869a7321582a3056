"""How each grant fares and when its secret ends: read from the files alone, so that `status` is quick."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mailgate.grants import tokens
from mailgate.grants.errors import GrantError
from mailgate.settings import Grant, Settings

WARNING_DAYS = 14  # before a secret ends: time for a person on holiday, and for who has the rights at the provider
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Secret:
    """A grant: `ends` is when its secret or its refresh token does; times are seconds since 1970 UTC."""

    name: str
    provider: str
    by_person: bool
    ends: float | None
    error: str | None
    error_since: float | None
    dead: bool


def secrets(settings: Settings) -> Iterator[Secret]:
    """One for each grant, used or not."""
    for grant in settings.grant:
        stated = _end_of_day(grant, settings)
        try:
            kept = tokens.look(settings, grant)
        except GrantError as failed:
            yield Secret(grant.name, grant.provider, grant.by_person, stated, str(failed), None, failed.dead)
            continue
        ends = min((end for end in (stated, kept.refresh_ends) if end is not None), default=None)
        error, since, dead = None, None, False
        if kept.troubles:
            worst = min(kept.troubles.values(), key=lambda trouble: (not trouble.dead, trouble.since))
            error, since, dead = worst.said, worst.since, worst.dead
        elif grant.by_person and kept.refresh is None:
            error, dead = "nobody has signed in yet", True
        yield Secret(grant.name, grant.provider, grant.by_person, ends, error, since, dead)


def _end_of_day(grant: Grant, settings: Settings) -> float | None:
    if grant.secret_ends is None:
        return None
    day = datetime.combine(grant.secret_ends, datetime.min.time(), ZoneInfo(settings.desk.timezone))
    return (day + timedelta(days=1)).timestamp()


def trouble(secret: Secret, now: float | None = None) -> str | None:
    """What is wrong with it and what to do, in a sentence; None where all is well for two weeks."""
    now = time.time() if now is None else now
    mend = f"`mailgate login {secret.name}`" if secret.by_person else "look at its secret in the settings"
    if secret.error:
        return f"{secret.error}; {mend if secret.dead else 'it is tried again'}"
    if secret.ends is None or secret.ends > now + WARNING_DAYS * DAY:
        return None
    again = mend if secret.by_person else "make a new one at the provider, and set secret_ends"
    if secret.ends <= now:
        return f"its secret has ended; {again}"
    return f"its secret ends in {days(secret.ends, now)}; {again}"


def days(end: float, now: float | None = None) -> str:
    """How long it is until then."""
    left = int((end - (time.time() if now is None else now)) // DAY)
    return "less than a day" if left <= 0 else f"{left:,} day{'' if left == 1 else 's'}"
