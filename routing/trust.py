"""Who wrote is a measured fact with a degree, not the From line (RFC 8601; MAIL 14)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from parsing.message import AuthMethod, AuthResults, ParsedMessage
from routing.mail import NO_EVIDENCE, Envelope, Evidence
from routing.policy import Door


def weigh(message: ParsedMessage, envelope: Envelope, door: Door) -> Evidence:
    """What the provider of that door says about the author; it never goes on the network.

    Only the topmost Authentication-Results counts, and only under the id that the door believes: all others are
    somebody's claim (RFC 8601 section 5).
    """
    if door.auth_results == "none" or not door.trusts(envelope.peer):
        return NO_EVIDENCE
    if len(message.from_) != 1:  # RFC 7489 section 6.6.1: several or no authors cannot be aligned with
        return Evidence("none", "unknown", "there is not exactly one author in From")
    domain = message.from_[0].address.rpartition("@")[2].lower()
    if not domain:
        return NO_EVIDENCE
    if door.auth_results == "microsoft" and (message.auth.exchange_auth_as or "").lower() == "internal":
        return Evidence("pass", "unknown", "X-MS-Exchange-Organization-AuthAs: Internal")
    top = _topmost(message.auth.results, door)
    if top is None:
        return NO_EVIDENCE
    by = f"by {top.authserv_id}" if top.authserv_id else "by the receiving tenant"
    dmarc = [m for m in top.methods if m.method == "dmarc"]
    if any(m.result == "fail" for m in dmarc):
        policy = _policy(dmarc)
        return Evidence("fail", policy, f"dmarc=fail (policy {policy}) for {domain} {by}")
    if any(m.result == "pass" and _domain(m, "header.from") == domain for m in dmarc):
        return Evidence("pass", "unknown", f"dmarc=pass header.from={domain} {by}")
    for method in top.methods:
        signer = _domain(method, "header.d") or _domain(method, "header.i")
        if method.method == "dkim" and method.result == "pass" and signer and _aligned(signer, domain):
            return Evidence("pass", "unknown", f"dkim=pass header.d={signer} for {domain} {by}")
    return Evidence("none", "unknown", f"no aligned pass for {domain} {by}")


def _topmost(results: tuple[AuthResults, ...], door: Door) -> AuthResults | None:
    """The first Authentication-Results, if it is the provider's; Microsoft writes no authserv-id."""
    if not results:
        return None
    top = results[0]
    wanted = "" if door.auth_results == "microsoft" else door.auth_results.lower()
    return top if top.authserv_id.lower() == wanted else None


def _domain(method: AuthMethod, name: str) -> str | None:
    value = method.get(name)
    return value.rpartition("@")[2].strip("\"'").lower() if value else None


def _aligned(signer: str, domain: str) -> bool:
    """Relaxed alignment (RFC 7489 section 3.1.1) as far as it can be told without a list of public suffixes."""
    if "." not in signer:
        return False
    return signer == domain or domain.endswith(f".{signer}") or signer.endswith(f".{domain}")


def _policy(dmarc: Iterable[AuthMethod]) -> Literal["none", "quarantine", "reject", "unknown"]:
    """What the domain asks for on failure, as the provider's header tells it: p=, action= or policy.*; else unknown."""
    said = " ".join(f"{key}={value}" for m in dmarc for key, value in m.properties).lower()
    if "reject" in said:
        return "reject"
    if "quarantine" in said:
        return "quarantine"
    return "none" if "=none" in said else "unknown"
