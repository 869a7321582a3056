"""Who wrote is a measured fact with a degree, not the From line (RFC 8601; MAIL 14)."""

from __future__ import annotations

import re
from typing import Literal

from parsing.message import AuthMethod, AuthResults, ParsedMessage
from routing.mail import NO_EVIDENCE, Envelope, Evidence
from routing.policy import Door

Asks = Literal["none", "quarantine", "reject", "unknown"]  # what a domain asks for where DMARC fails

# Where providers write it: Microsoft in `action`, others in `policy.*`, OpenDMARC, Gmail and rspamd in a comment.
_SAYS = frozenset(("action", "policy", "p", "dis"))
_FAILED = re.compile(r"\bdmarc\s*=\s*fail\b([^;]*)", re.IGNORECASE)
_WORD = re.compile(r"(?:\A|[\s,(])([a-z.-]+)\s*=\s*\"?([a-z.]+)", re.IGNORECASE)


def weigh(message: ParsedMessage, envelope: Envelope, door: Door) -> Evidence:
    """What the provider of that door says about the author; it never goes on the network.

    Only the topmost Authentication-Results counts, and only under the id that the door believes: all others are
    somebody's claim (RFC 8601 section 5).
    """
    if door.auth_results == "none" or not door.trusts(envelope.peer):
        return NO_EVIDENCE
    microsoft = door.auth_results == "microsoft"
    if microsoft and not envelope.door.startswith("imap:"):
        return NO_EVIDENCE  # without an authserv-id anybody's header looks the same; a mailbox is its tenant's own
    if len(message.from_) != 1:  # RFC 7489 section 6.6.1: several or no authors cannot be aligned with
        return Evidence("none", "unknown", "there is not exactly one author in From")
    domain = _ascii(message.from_[0].address.rpartition("@")[2])
    if not domain:
        return NO_EVIDENCE
    if microsoft and (message.auth.exchange_auth_as or "").strip().lower() == "internal":
        return Evidence("pass", "unknown", "X-MS-Exchange-Organization-AuthAs: Internal")
    top = _topmost(message.auth.results, "" if microsoft else door.auth_results.lower())
    if top is None:
        return NO_EVIDENCE
    by = f"by {top.authserv_id}" if top.authserv_id else "by the receiving tenant"
    dmarc = [m for m in top.methods if m.method == "dmarc"]
    if any(m.result == "fail" for m in dmarc):
        policy = _asked(message, top)
        return Evidence("fail", policy, f"dmarc=fail (policy {policy}) for {domain} {by}")
    if any(m.result == "pass" and _domain(m, "header.from") == domain for m in dmarc):
        return Evidence("pass", "unknown", f"dmarc=pass header.from={domain} {by}")
    for method in top.methods:
        signer = _domain(method, "header.d") or _domain(method, "header.i")
        if method.method == "dkim" and method.result == "pass" and signer and _aligned(signer, domain):
            return Evidence("pass", "unknown", f"dkim=pass header.d={signer} for {domain} {by}")
    return Evidence("none", "unknown", f"no aligned pass for {domain} {by}")


def _topmost(results: tuple[AuthResults, ...], wanted: str) -> AuthResults | None:
    """The first Authentication-Results, if it is the provider's; Microsoft writes no authserv-id."""
    return results[0] if results and results[0].authserv_id.lower() == wanted else None


def _domain(method: AuthMethod, name: str) -> str | None:
    value = method.get(name)
    return _ascii(value.strip("\"'<>").rpartition("@")[2]) if value else None


def _ascii(domain: str) -> str:
    """A domain in lower case, a non-ASCII one in the form that the DNS has (RFC 5890 section 2.3.2.1)."""
    domain = domain.lower().rstrip(".")
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:  # no name of the DNS: equal to none
        return domain


def _aligned(signer: str, domain: str) -> bool:
    """Relaxed alignment (RFC 7489 section 3.1.1) as far as it can be told without a list of public suffixes."""
    if "." not in signer:
        return False
    return signer == domain or domain.endswith(f".{signer}") or signer.endswith(f".{domain}")


def _asked(message: ParsedMessage, top: AuthResults) -> Asks:
    """What the domain asks for on failure, as the provider tells it; the strictest of what it says, else unknown.

    Read from the header itself, since some say it in a comment. `sp=` is for names below the domain and does not count.
    """
    header = message.header_all("Authentication-Results")[top.position :][:1]
    said = {
        value.lower().rpartition(".")[2].removeprefix("o")  # Microsoft: "oreject", "pct.quarantine"
        for failed in (_FAILED.findall(header[0]) if header else ())
        for name, value in _WORD.findall(failed)
        if name.lower() in _SAYS or name.lower().startswith("policy.")
    }
    strictest: tuple[Asks, ...] = ("reject", "quarantine", "none")
    return next((word for word in strictest if word in said), "unknown")
