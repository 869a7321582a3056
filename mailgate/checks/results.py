"""Whose results of authentication (RFC 8601) mails bear, against whose are believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mailgate.checks.finding import Finding, advice, ok
from mailgate.settings.sources import Place
from parsing import auth
from parsing.headers import split

ENOUGH = 0.5  # of recent mails bear the same name on top: more can hardly be a forgery's doing


def top(raw: bytes) -> str | None:
    """The authserv-id of the topmost result of a mail, "microsoft" for a tenant's own mark, None for no result."""
    said = auth.read(split(raw)[0])
    if said.exchange_auth_as or (said.results and not said.results[0].authserv_id):
        return "microsoft"  # it writes no authserv-id
    return said.results[0].authserv_id if said.results else None


def top_of(answer: Mapping[bytes, Any]) -> str | None:
    """The same of what an IMAP server answered to FETCH."""
    return top(next((value for key, value in answer.items() if key.startswith(b"BODY[")), b"") or b"")


def usual(tops: Sequence[str | None]) -> tuple[str | None, int]:
    """The name that stands on top of at least half of them, and of how many; None where none does."""
    name, count = Counter(tops).most_common(1)[0] if tops else (None, 0)
    return (None, 0) if name is None or count < len(tops) * ENOUGH else (name, count)


def trust(what: str, key: str, believed: str, tops: Sequence[str | None], at: Place) -> Finding:
    """The setting `key`, which says whose results are believed, against what recent mails bear."""
    name, count = usual(tops)
    if name is None:
        if believed == "none":
            return ok(what, "no provider's results of authentication are believed")
        if not tops:
            return ok(what, f"results of {believed} are believed; no mail is there to see them")
        seen = sum(one == believed.lower() for one in tops)
        return advice(what, f"{believed} stands on top of {seen} of {len(tops)} recent mails", f"look at {key}", at)
    said = f"{name} stands on top of {count} of {len(tops)} recent mails"
    if believed.lower() == name:
        return ok(what, f"{said}, and is believed")
    todo = f'{key} = "{name}", if that is your provider\'s own server: then its word on who wrote counts'
    return advice(what, f"{said}; believed is {believed}", todo, at)
