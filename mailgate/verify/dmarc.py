"""What a domain publishes about mails in its name, and which other domains may speak for it (DMARC, RFC 7489)."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mailgate.verify.dns import Lookup

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

Asks = Literal["none", "quarantine", "reject"]

_VERSION = re.compile(r"v\s*=\s*DMARC1\s*(?:;|\Z)")  # first and in capitals, RFC 7489 section 6.3
_ASKS: dict[str, Asks] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}


@dataclass(frozen=True, slots=True)
class Record:
    """What was found for one domain. `pct` is taken as 100: a mail is not judged by a throw of dice."""

    asks: Asks
    strict_dkim: bool = False
    strict_spf: bool = False


def find(domain: str, lookup: Lookup) -> Record | None:
    """The record for a domain in ASCII, or for its organisational domain; None where none is published.

    RFC 7489 section 6.6.3. Raises DnsTrouble.
    """
    record = _read(domain, lookup, "p")
    if record is None and (parent := organisation(domain)) != domain:
        record = _read(parent, lookup, "sp")
    return record


def _read(domain: str, lookup: Lookup, key: str) -> Record | None:
    texts = [text.decode("utf-8", "replace") for text in lookup(f"_dmarc.{domain}", "TXT")]
    records = [text for text in texts if _VERSION.match(text)]
    if len(records) != 1:  # several: none counts
        return None
    tags: dict[str, str] = {}
    for pair in records[0].split(";"):
        name, _, value = pair.partition("=")
        tags.setdefault(name.strip().lower(), value.strip())
    asks = _ASKS.get(tags.get("p", "").lower())
    if key == "sp" and "sp" in tags:
        asks = _ASKS.get(tags["sp"].lower())
    if asks is None:
        if not tags.get("rua"):  # RFC 7489 section 6.6.3 point 6
            return None
        asks = "none"
    return Record(asks, tags.get("adkim", "").lower() == "s", tags.get("aspf", "").lower() == "s")


def organisation(domain: str) -> str:
    """The organisational domain (RFC 7489 section 3.2), by the public suffix list that is shipped; no network.

    A public suffix itself is its own.
    """
    return _suffixes().privatesuffix(domain) or domain


@functools.cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def aligned(other: str, domain: str, *, strict: bool) -> bool:
    """Whether `other` may speak for `domain` (RFC 7489 section 3.1); both in lower case and ASCII."""
    if other == domain:
        return True
    if strict or "." not in other:
        return False
    organisations = organisation(other), organisation(domain)
    return organisations[0] == organisations[1] and _suffixes().privatesuffix(domain) is not None
