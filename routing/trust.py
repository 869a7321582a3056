"""Who wrote is a measured fact with a degree, not the From line (RFC 8601; MAIL 14)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from parsing.message import AuthMethod, AuthResults, ParsedMessage
from routing.mail import NO_EVIDENCE, Envelope, Evidence
from routing.policy import Door

Organisation = Callable[[str], str]  # the organisational domain of one in ASCII; the list behind it is not read here
Asks = Literal["none", "quarantine", "reject", "unknown"]  # what a domain asks for where DMARC fails

# Where providers write it: Microsoft in `action`, others in `policy.*`, OpenDMARC, Gmail and rspamd in a comment.
_SAYS = frozenset(("action", "policy", "p", "dis"))
_FAILED = re.compile(r"\bdmarc\s*=\s*fail\b([^;]*)", re.IGNORECASE)
_WORD = re.compile(r"(?:\A|[\s,(])([a-z.-]+)\s*=\s*\"?([a-z.]+)", re.IGNORECASE)


def weigh(
    message: ParsedMessage, envelope: Envelope, door: Door, organisation: Organisation, found: Evidence | None = None
) -> Evidence:
    """What is known of the author: a pass or a fail by the provider of that door, else what `verify` has `found`."""
    told = _told(message, envelope, door, organisation)
    return told if told.result != "none" or found is None or found.method != "check" else found


def _told(message: ParsedMessage, envelope: Envelope, door: Door, organisation: Organisation) -> Evidence:
    """What the provider of that door says about the author; it never goes on the network.

    Only the topmost Authentication-Results counts, and only under the id that the door believes: all others are
    somebody's claim (RFC 8601 section 5). A "fail" counts below another server's header, too, and a pass does not: a
    house with several servers has several ids, and none of them takes away what a sender wrote under another's.
    """
    if door.auth_results == "none" or not door.trusts(envelope.peer):
        return NO_EVIDENCE
    microsoft = door.auth_results == "microsoft"
    if microsoft and not envelope.door.startswith("imap:"):
        return NO_EVIDENCE  # without an authserv-id anybody's header looks the same; a mailbox is its tenant's own
    if len(message.from_) != 1:  # RFC 7489 section 6.6.1: several or no authors cannot be aligned with
        return Evidence("none", "unknown", NO_AUTHOR, "header")
    domain = author_domain(message)
    if not domain:
        return NO_EVIDENCE
    results = message.auth.results
    top = next((r for r in results[: 1 if microsoft else None] if r.authserv_id.lower() == door.wanted), None)
    if top is not None and (failed := [m for m in top.methods if m.method == "dmarc" and m.result == "fail"]):
        return _failed(message, top, failed, domain, door, organisation)
    inside = microsoft and (message.auth.exchange_auth_as or "").strip().lower() == "internal"
    if inside and domain in door.tenant:
        return Evidence("pass", "unknown", f"{_INTERNAL}, {domain} is the tenant's", "header")
    if top is not None and top.position == 0 and (found := passed(top, domain, organisation)):
        return Evidence("pass", "unknown", f"{found} {_by(top)}", "header")
    if inside:
        return Evidence("none", "unknown", f"{_INTERNAL}, and {domain} is none of the tenant's domains", "header")
    if top is None:
        return NO_EVIDENCE
    if top.position:
        above = results[0].authserv_id or "a result without a name"
        return Evidence("none", "unknown", f"{above} stands above what is written {_by(top)}", "header")
    return Evidence("none", "unknown", f"no aligned pass for {domain} {_by(top)}", "header")


def _failed(
    message: ParsedMessage,
    top: AuthResults,
    failed: Sequence[AuthMethod],
    domain: str,
    door: Door,
    organisation: Organisation,
) -> Evidence:
    """A DMARC failure. Of another domain's policy than the author's nothing follows but that it failed."""
    checked = [_domain(method, "header.from") or domain for method in failed]
    if any(_aligned(one, domain, organisation) for one in checked):
        policy = _asked(message, top)
        seen = f"dmarc=fail (policy {policy}) for {domain} {_by(top)}"
    else:
        policy = "unknown"
        seen = f"dmarc=fail for {checked[0]}, while From says {domain}, {_by(top)}"
    if forwarder := _forwarder(top, door):
        return Evidence("none", policy, f"{seen}; it came by {forwarder}, a forwarder of the settings", "header")
    return Evidence("fail", policy, seen, "header")


def _by(results: AuthResults) -> str:
    return f"by {results.authserv_id}" if results.authserv_id else "by the receiving tenant"


_INTERNAL = "X-MS-Exchange-Organization-AuthAs: Internal"
NO_AUTHOR = "there is not exactly one author in From"


def author_domain(message: ParsedMessage) -> str:
    """The domain of the one author in From as the DNS has it; empty where there is no such author (RFC 7489 6.6.1)."""
    return ascii_domain(message.from_[0].address.rpartition("@")[2]) if len(message.from_) == 1 else ""


def passed(results: AuthResults, domain: str, organisation: Organisation) -> str | None:
    """The pass in these results that says that the author's domain is `domain`; None where there is none."""
    for method in results.methods:
        if method.method == "dmarc" and method.result == "pass" and _domain(method, "header.from") == domain:
            return f"dmarc=pass header.from={domain}"
    for method in results.methods:
        signer = _domain(method, "header.d") or _domain(method, "header.i")
        if method.method == "dkim" and method.result == "pass" and signer and _aligned(signer, domain, organisation):
            return f"dkim=pass header.d={signer} for {domain}"
    return None


def _forwarder(results: AuthResults, door: Door) -> str | None:
    """The forwarder of the settings that signed or sent the mail, as the same provider found."""
    for method in results.methods:
        names = {"dkim": ("header.d", "header.i"), "spf": ("smtp.mailfrom",)}.get(method.method, ())
        for sender in (_domain(method, name) for name in names if method.result == "pass"):
            if sender and (forwarder := door.forwarder(sender)):
                return forwarder
    return None


def _domain(method: AuthMethod, name: str) -> str | None:
    value = method.get(name)
    return ascii_domain(value.strip("\"'<>").rpartition("@")[2]) if value else None


def ascii_domain(domain: str) -> str:
    """A domain in lower case, a non-ASCII one in the form that the DNS has (RFC 5890 section 2.3.2.1).

    Not by Python's own codec, which is the older IDNA2003: `straße.example` would be `strasse.example`, another's.
    """
    domain = domain.lower().rstrip(".")
    if domain.isascii():
        return domain
    import idna  # takes longer than all that is imported here, and few need it

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:  # no name of the DNS: equal to none
        return domain


def _aligned(signer: str, domain: str, organisation: Organisation) -> bool:
    """Relaxed alignment (RFC 7489 section 3.1.1), of one domain that lies in the other and no neighbours.

    Nobody speaks for all below a public suffix: `co.uk` is an organisation of its own.
    """
    if "." not in signer:
        return False
    within = domain.endswith(f".{signer}") or signer.endswith(f".{domain}")
    return signer == domain or (within and organisation(signer) == organisation(domain))


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
