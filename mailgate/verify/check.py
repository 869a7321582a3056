"""What can be found out here about a mail's author: DKIM, SPF, ARC and DMARC weighed as one piece of evidence."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mailgate.settings import Settings, nameserver
from mailgate.verify import dmarc, spf
from mailgate.verify.dns import Ask, DnsTrouble, Lookup, Resolver, within
from mailgate.verify.signatures import Seal, SignedMail
from parsing import auth
from parsing.message import ParsedMessage
from parsing.read import parse
from routing.mail import Envelope, Evidence
from routing.policy import Door
from routing.trust import NO_AUTHOR, ascii_domain, author_domain, passed

log = logging.getLogger("mailgate.verify")

MOST_FAILURES = 3  # that a person is told

Asked = Literal["none", "quarantine", "reject", "unknown"]


class Checker:
    """What one check needs: whom to ask, what the doors say, whose seals are believed."""

    def __init__(self, settings: Settings, doors: Mapping[str, Door], ask: Ask | None = None) -> None:
        self._doors = doors
        self._sealers = frozenset(domain.lower().lstrip("@") for domain in settings.trust.arc_sealers)
        self._dns = settings.dns
        self._ask = ask

    def __call__(self, envelope: Envelope, raw: bytes) -> Evidence:
        """The evidence for that mail; every fault of it is evidence too. Raises DnsTrouble."""
        if self._ask is None:
            servers = [nameserver(text) for text in self._dns.nameservers]
            self._ask = Resolver(servers, self._dns.timeout).ask
        try:
            door = self._doors.get(envelope.door, Door())
            return weigh(parse(raw), raw, envelope, door, self._sealers, within(self._ask))
        except DnsTrouble:
            raise
        except Exception as error:  # the law of the way: no mail may stop the ones behind it
            log.exception("a mail from %s could not be checked", envelope.mail_from)
            return Evidence("none", "unknown", f"could not be checked: {type(error).__name__}", "check")

    def once(self, envelope: Envelope, raw: bytes) -> Evidence:
        """The same without a second try: an answer that is missing is evidence too."""
        try:
            return self(envelope, raw)
        except DnsTrouble as error:
            return Evidence("none", "unknown", f"could not be checked: {error}", "check")


@dataclass(frozen=True, slots=True)
class _Author:
    """Whose mail it says it is, and what that domain has published."""

    domain: str
    record: dmarc.Record | None

    @property
    def asked(self) -> Asked:
        return self.record.asks if self.record else "unknown"

    def signs_as(self, domain: str) -> bool:
        return dmarc.aligned(domain, self.domain, strict=bool(self.record and self.record.strict_dkim))

    def sends_as(self, domain: str) -> bool:
        return dmarc.aligned(domain, self.domain, strict=bool(self.record and self.record.strict_spf))

    def found(self, result: Literal["pass", "fail", "none"], seen: str) -> Evidence:
        return Evidence(result, self.asked, f"{seen}, checked here", "check")


def weigh(
    message: ParsedMessage, raw: bytes, envelope: Envelope, door: Door, sealers: frozenset[str], lookup: Lookup
) -> Evidence:
    """The evidence for that mail. Raises DnsTrouble where an answer that is missing could change it.

    `fail` only where it is certain: not by IMAP, where nobody knows the sender's address and a provider may have
    altered the body (MAIL 14), and not where SPF could have passed and could not be asked.
    """
    domain = author_domain(message)
    if not domain or len(message.header_all("From")) != 1:
        return Evidence("none", "unknown", NO_AUTHOR, "check")
    mail = SignedMail(raw, message.from_[0].address)
    author = _Author(domain, dmarc.find(domain, lookup))
    local, _, sender = envelope.mail_from.rpartition("@")
    sender = ascii_domain(sender)
    direct = envelope.door == "smtp" and bool(envelope.peer) and not door.trusts(envelope.peer)
    trouble: DnsTrouble | None = None
    failures: list[str] = []
    forwarder: str | None = None

    for signature in mail.signatures(lambda d: author.signs_as(d) or bool(door.forwarder(d)), lookup):
        if signature.result == "pass" and author.signs_as(signature.domain):
            return author.found("pass", f"dkim=pass header.d={signature.domain} for {domain}")
        if signature.result == "pass":
            forwarder = forwarder or door.forwarder(signature.domain)
        elif signature.result == "later":
            trouble = trouble or DnsTrouble(signature.why)
        else:
            failures.append(f"dkim=fail header.d={signature.domain} ({signature.why})")

    if direct and sender and (author.sends_as(sender) or door.forwarder(sender)):
        try:
            if spf.passes(envelope.peer, f"{local}@{sender}", lookup):
                if author.record and author.sends_as(sender):
                    return author.found("pass", f"dmarc=pass, spf=pass smtp.mailfrom={sender} for {domain}")
                forwarder = forwarder or door.forwarder(sender)
            else:
                failures.append(f"spf is no pass for {envelope.peer} smtp.mailfrom={sender}")
        except DnsTrouble as error:
            trouble = trouble or error

    seal = mail.seal(sealers.__contains__, lookup)
    if isinstance(seal, Seal):
        said = auth.read([("Authentication-Results", seal.results)]).results
        if said and (seen := passed(said[0], domain, dmarc.organisation)):
            return author.found("pass", f"{seen} in the ARC seal of {seal.domain}")
        forwarder = forwarder or door.forwarder(seal.domain)
    elif seal is not None and seal.result == "later":
        trouble = trouble or DnsTrouble(seal.why)
    elif seal is not None:
        failures.append(f"arc=fail header.d={seal.domain} ({seal.why})")

    if trouble is not None:
        raise trouble
    why = f": {'; '.join(failures[:MOST_FAILURES])}" if failures else ""
    if author.record is None:
        return author.found("none", f"no aligned pass for {domain}, which publishes no DMARC policy{why}")
    if envelope.door.startswith("imap:"):
        return author.found("none", f"no aligned pass for {domain}{why}")
    if not direct and (not sender or author.sends_as(sender)):
        return author.found("none", f"no aligned pass for {domain}, and SPF cannot be asked here{why}")
    if direct and not sender:  # SPF would ask by the client's name (RFC 7208 section 2.4), which nobody has kept
        return author.found("none", f"no aligned pass for {domain}, and no envelope sender{why}")
    seen = f"dmarc=fail (policy {author.asked}) for {domain}{why}"
    if forwarder:
        return author.found("none", f"{seen}; it came by {forwarder}, a forwarder of the settings")
    return author.found("fail", seen)
