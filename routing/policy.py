"""The settings as deciding sees them: values, looked up by address and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

from routing.mail import Trust
from routing.patterns import Pattern
from routing.rules import Rule
from routing.tokens import OWN_STYLE, Keys, Style


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue. `address` is what its mails are from; `members` are written to (all staff where none are named)."""

    name: str
    address: str
    members: tuple[str, ...]
    language: str
    signature: str = ""
    closed_reply: Literal["reopen", "link", "refuse"] = "reopen"
    closed_reply_after: float = 0.0  # seconds closed before that counts; until then a reply reopens
    thanks_reopens: bool = False


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff; the first address is written to."""

    name: str
    addresses: tuple[str, ...]
    roles: tuple[str, ...] = ("agent",)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes to the desk from several addresses."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Door:
    """Whose results of authentication a door believes (RFC 8601 section 5): "none", "microsoft" or an authserv-id.

    `junk`: it is a provider's junk folder; `spam_headers`: what the provider calls spam is set aside as well.
    """

    auth_results: str = "none"
    trusted: tuple[IPv4Network | IPv6Network, ...] | None = None  # None: every peer (a mailbox we signed in to)
    forwarders: frozenset[str] = frozenset()  # domains whose mails may fail DMARC, and count as unverified
    junk: bool = False
    spam_headers: bool = False
    tenant: frozenset[str] = frozenset()  # domains that Microsoft's mark for mail from inside a tenant vouches for

    @property
    def wanted(self) -> str:
        """The authserv-id that is believed; Microsoft writes none."""
        return "" if self.auth_results == "microsoft" else self.auth_results.lower()

    def trusts(self, peer: str) -> bool:
        """Whether that client may hand us results: one of the trusted relays, or a local socket."""
        if self.trusted is None or not peer:
            return True
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)  # an IPv4 client at a socket that listens on both
        return any((mapped or address) in network for network in self.trusted)

    def forwarder(self, domain: str) -> str | None:
        """The forwarder of the settings whose domain that is, or lies below."""
        return next((f for f in self.forwarders if domain == f or domain.endswith(f".{f}")), None)


Act = Literal["open", "join", "reply", "see", "invite", "command", "approve"]
ACTS: tuple[Act, ...] = ("open", "join", "reply", "see", "invite", "command", "approve")
Degrees = Mapping[Trust, tuple[Act, ...]]  # what a mail may do, by how sure its author is

DEGREES: Degrees = {
    "authenticated": ACTS,
    "confirmed": ACTS,
    "known_thread": ("open", "join", "see"),
    "unverified": ("open", "see"),
    "failed": ("open", "see"),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether a degree may do that, and where the settings say so: `what` is queue, partner, or empty for [trust]."""

    given: bool
    what: str
    name: str | None
    degree: Trust
    acts: tuple[Act, ...]

    @property
    def line(self) -> str:
        """As it stands in the settings."""
        said = f"{self.degree} = [{', '.join(self.acts)}]"
        return f'{self.what} "{self.name}": trust.{said}' if self.what else f"[trust] {said}"


@dataclass(frozen=True, slots=True)
class OldDesk:
    """A desk whose tickets people still answer. `hooks`: OTRS's Ticket::Hook, RT's $rtname."""

    system: Literal["otrs", "rt"]
    hooks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A web form that writes to us: from one address, or it is not believed."""

    name: str
    hosts: tuple[IPv4Network | IPv6Network, ...] = ()
    pattern: Pattern | None = None  # of the person in its text; None: Reply-To


@dataclass(frozen=True, slots=True)
class Limits:
    """Acknowledgements at most, each (count, seconds) or None for no limit."""

    per_address: tuple[int, int] | None = (5, 600)
    unknown: tuple[int, int] | None = (200, 3600)
    per_thread: tuple[int, int] | None = (20, 3600)
    desk: tuple[int, int] | None = (10_000, 3600)
    per_subject: tuple[int, int] | None = None

    @property
    def longest(self) -> int:
        """Seconds of the longest window."""
        every = (self.per_address, self.per_subject, self.unknown, self.per_thread, self.desk)
        return max((limit[1] for limit in every if limit), default=0)

    @property
    def highest(self) -> int:
        """How many letters to one address a limit may have to count."""
        return max((limit[0] for limit in (self.per_address, self.per_subject) if limit), default=0)


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides besides the mail and the facts. All addresses in lower case."""

    name: str
    address: str
    keys: Keys
    queues: Mapping[str, Queue]
    default_queue: str
    addresses: Mapping[str, str]  # our address: its queue
    language: str = "en"
    timezone: str = "UTC"
    staff: Mapping[str, Staff] = field(default_factory=dict)  # by each of their addresses
    people: Mapping[str, Person] = field(default_factory=dict)  # who has several addresses, by each of them
    partners: Mapping[str, str] = field(default_factory=dict)  # domain or address: partner's name
    partner_languages: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    limits: Limits = Limits()
    doors: Mapping[str, Door] = field(default_factory=dict)
    forms: Mapping[str, Form] = field(default_factory=dict)  # by the address that they write from
    front_lists: frozenset[str] = frozenset()  # groups whose mails come here
    degrees: Degrees = field(default_factory=lambda: DEGREES)
    queue_degrees: Mapping[str, Degrees] = field(default_factory=dict)  # what a queue says otherwise
    partner_degrees: Mapping[str, Degrees] = field(default_factory=dict)
    old_desks: tuple[OldDesk, ...] = ()
    ticket_patterns: Mapping[str, Pattern] = field(default_factory=dict)  # by partner: of its own tickets' numbers
    token: Style = OWN_STYLE
    colleagues: frozenset[str] = frozenset()  # partners whose people may join each other's tickets
    subject_token: bool = False
    reply_address: Literal["plain", "plus"] = "plain"
    envelope: str = "account"
    relay: bool = True  # False: outgoing mail is held
    shadow: bool = False

    @property
    def holds(self) -> Literal["shadow", "relay"] | None:
        """What holds all mail that would go out."""
        return "shadow" if self.shadow else None if self.relay else "relay"

    @property
    def domain(self) -> str:
        """The domain of the desk's address, the right side of our Message-IDs."""
        return self.address.rpartition("@")[2]

    def accepts(self, recipient: str) -> bool:
        """Whether mail to it is ours: desk and queues, any +suffix of them, postmaster (RFC 5321 section 4.5.1)."""
        bare = without_suffix(recipient.lower())
        if bare in self.addresses or bare == "postmaster":
            return True
        local, _, domain = bare.rpartition("@")
        return local == "postmaster" and any(address.endswith(f"@{domain}") for address in self.addresses)

    def is_ours(self, address: str) -> bool:
        """Whether that address is one of the desk's own, so that what is sent there comes back here."""
        return self.accepts(address) or address.lower() in self.front_lists

    def member(self, who: str) -> Staff | None:
        """That member of staff, by any of his addresses or by name; case does not matter."""
        text = who.strip().casefold()
        named = (person for person in self.staff.values() if person.name.casefold() == text)
        return self.staff.get(text) or next(named, None)

    def of_same(self, address: str) -> tuple[str, ...]:
        """All addresses, in lower case, of whoever has that one; itself where no other is known."""
        address = address.lower()
        one = self.staff.get(address) or self.people.get(address)
        return one.addresses if one is not None else (address,)

    def known_as(self, address: str, among: Iterable[str | None]) -> str | None:
        """The address among those by which that person is known there: this one before others of his."""
        there = set(among)
        return next((a for a in (address.lower(), *self.of_same(address)) if a in there), None)

    def partner(self, address: str) -> str | None:
        """The partner whose person that is: by this address, else by another of his, unless he works here."""
        address = address.lower()
        person = self.people.get(address)
        found = (self._partner(a) for a in (address, *(person.addresses if person else ())))
        return next(filter(None, found), None)

    def _partner(self, address: str) -> str | None:
        """By address, else by domain or the nearest domain above it."""
        if address in self.partners:
            return self.partners[address]
        domain = address.rpartition("@")[2]
        while domain:
            if domain in self.partners:
                return self.partners[domain]
            domain = domain.partition(".")[2]
        return None

    def may(self, act: Act, trust: Trust, queue: str, partner: str | None) -> Grant:
        """What a mail of that degree may do in a queue's ticket, with a partner: the most special line decides."""
        for what, name, special in (("partner", partner, self.partner_degrees), ("queue", queue, self.queue_degrees)):
            if special and (acts := special.get(name or "", {}).get(trust)) is not None:
                return Grant(act in acts, what, name, trust, acts)
        acts = self.degrees.get(trust, ())
        return Grant(act in acts, "", None, trust, acts)

    def members(self, queue: str) -> tuple[str, ...]:
        """Who is told of a queue's tickets, one address a person."""
        entry = self.queues.get(queue)
        if entry is not None and entry.members:
            return entry.members
        return tuple(dict.fromkeys(member.addresses[0] for member in self.staff.values()))

    def queue(self, name: str) -> Queue:
        """That queue; the default one where it has gone from the settings."""
        return self.queues.get(name) or self.queues[self.default_queue]


def without_suffix(address: str) -> str:
    """An address without its +suffix (RFC 5233)."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}" if at else address


def suffix(address: str) -> str:
    """The +suffix of an address, empty where it has none."""
    return address.rpartition("@")[0].partition("+")[2]
