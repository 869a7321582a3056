"""What no single key can say: settings that fit their types and do not fit together, or name what is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from mailgate.settings.kinds import nameserver
from mailgate.settings.providers import LOOPBACK
from mailgate.settings.sources import Misfit, Place
from routing.patterns import PatternError, compiled

if TYPE_CHECKING:
    from mailgate.settings.access import Grant
    from mailgate.settings.doors import Imap
    from mailgate.settings.sections import Settings
    from mailgate.settings.sending import Relay

HIGHEST_PORT = 65535
ANYWHERE = ("0.0.0.0", "[::]", "*")  # noqa: S104 - to find who listens there
AUTHSERV_ID = re.compile(r"[^\s@;:=,/()<>\[\]?\\\"*]+")  # RFC 8601 section 2.2: a token of RFC 2045
NO_SERVER = ("true", "false", "yes", "no", "on", "off", "any", "all", "auto", "default", "trust")
ALIASES = {
    **dict.fromkeys(("office365", "o365", "outlook", "exchange", "m365", "ms"), "microsoft"),
    **dict.fromkeys(("google", "gmail", "gmail.com", "google.com"), "mx.google.com"),
}


def find(settings: Settings) -> list[Misfit]:
    """All of it, top to bottom."""
    return [
        *_desk(settings),
        *_doors(settings),
        *_nameservers(settings),
        *(m for n, grant in enumerate(settings.grant) for m in _grant(n, grant)),
        *_relay(settings),
        *(m for n, box in enumerate(settings.imap) for m in _mailbox(n, box, settings)),
        *_alarm(settings),
        *_http(settings),
        *_people(settings),
        *_several(settings),
        *_numbers(settings),
        *_forms(settings),
        *_twice(settings),
        *_rules(settings),
    ]


def _desk(settings: Settings) -> Iterator[Misfit]:
    zone = settings.desk.timezone
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # no such key, a path that leads out, a folder
        from mailgate.settings.misfits import nearest

        close = nearest(zone, (name for name in available_timezones() if "/" in name), 0.75)
        hint = f"; did you mean {close}?" if close else ""
        yield Misfit(("desk", "timezone"), f'expected a time zone such as Europe/Berlin, found "{zone}"{hint}')
    url = settings.storage.url
    if not re.match(r"sqlite:///.|postgresql\+psycopg://.", url):
        found = url.partition(":")[0]  # never the password that may stand in it
        yield Misfit(
            ("storage", "url"),
            f'expected sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME, found one that begins with "{found}"',
        )


def _doors(settings: Settings) -> Iterator[Misfit]:
    for name, door in (("smtp", settings.smtp), ("lmtp", settings.lmtp)):
        for listen in door.listen if door else ():
            port = listen.rpartition(":")[2]
            if not listen.startswith("unix:") and not 0 < int(port) <= HIGHEST_PORT:
                yield Misfit((name, "listen"), f'expected a port from 1 to {HIGHEST_PORT}, found "{listen}"')
    yield from _one_place_each(settings)
    smtp = settings.smtp
    if smtp is None:
        return
    yield from _results(("smtp", "auth_results"), smtp.auth_results)
    yield from _networks(("smtp", "trusted_relays"), smtp.trusted_relays)
    if bool(smtp.tls_cert) != bool(smtp.tls_key):
        there, missing = ("tls_cert", "tls_key") if smtp.tls_cert else ("tls_key", "tls_cert")
        yield Misfit(("smtp", there), f"STARTTLS wants both; add {missing}, or take {there} away")


def _one_place_each(settings: Settings) -> Iterator[Misfit]:
    """At every address of the machine is at each of them, too."""
    taken: dict[str, tuple[str, str]] = {}  # by port or path: door and host
    for name, door in (("smtp", settings.smtp), ("lmtp", settings.lmtp)):
        for listen in door.listen if door else ():
            host, port = ("", listen) if listen.startswith("unix:") else listen.rpartition(":")[::2]
            other, there = taken.setdefault(port, (name, host))
            if (other, there) != (name, host) and (host == there or {host, there} & set(ANYWHERE)):
                yield Misfit((name, "listen"), f"{listen} is where {other} listens, too; give each a port of its own")


def _results(place: Place, believed: str) -> Iterator[Misfit]:
    """A word that no server writes as its authserv-id would believe nobody, in silence."""
    said = ALIASES.get(believed.lower())
    if said is None and believed.lower() in NO_SERVER:
        said = 'the authserv-id that stands in its Authentication-Results, or "none"'
    elif said is not None:
        said = f'"{said}"'
    elif not AUTHSERV_ID.fullmatch(believed):
        said = 'an authserv-id such as mx.desk.example (RFC 8601), "microsoft" or "none"'
    if said:
        yield Misfit(place, f'expected {said}, found "{believed}"; `mailgate check` proposes the one of recent mails')


def _networks(place: Place, texts: Iterable[str]) -> Iterator[Misfit]:
    for text in texts:
        try:
            ip_network(text, strict=False)
        except ValueError:
            yield Misfit(place, f'expected a network such as 192.0.2.0/24, found "{text}"')


def _nameservers(settings: Settings) -> Iterator[Misfit]:
    for text in settings.dns.nameservers:
        try:
            nameserver(text)
        except ValueError:
            yield Misfit(("dns", "nameservers"), f'expected an IP address, or ADDRESS:PORT, found "{text}"')


def _relay(settings: Settings) -> Iterator[Misfit]:
    relay = settings.relay
    if relay is None:
        return
    if relay.user and relay.auth == "password" and not relay.password_file:
        yield Misfit(("relay", "password_file"), f"is missing: {relay.user} signs in with a password")
    if not relay.user and relay.password_file:
        yield Misfit(("relay", "user"), "is missing: whose password is in password_file?")
    if not relay.user and relay.auth != "password":
        yield Misfit(("relay", "user"), f'is missing: who signs in with auth = "{relay.auth}"?')
    yield from _granted(("relay",), relay, settings)


def _granted(place: tuple[str | int, ...], account: Imap | Relay, settings: Settings) -> Iterator[Misfit]:
    """A grant of its provider for who signs in without a password, and nobody who could read the token on its way."""
    if account.auth == "password":
        return
    if settings.granted(account) is None:
        fit = [grant.name for grant in settings.grant if grant.provider == account.auth]
        if account.grant:
            yield Misfit((*place, "grant"), f'there is no [[grant]] "{account.grant}" of {account.auth}')
        elif fit:
            yield Misfit((*place, "grant"), f"is missing: one of {', '.join(fit)}")
        else:
            yield Misfit((*place, "auth"), f'wants a [[grant]] with provider = "{account.auth}"; add one')
    if account.tls == "none" and account.host not in LOOPBACK:
        yield Misfit((*place, "tls"), 'a token goes over TLS only (RFC 6750 section 5.3): "implicit" or "starttls"')


def _grant(index: int, grant: Grant) -> Iterator[Misfit]:
    place = ("grant", index)
    if grant.provider == "google" and grant.service_account_file:
        return
    if not grant.client_id:
        other = ", or service_account_file" if grant.provider == "google" else ""
        yield Misfit((*place, "client_id"), f"is missing: the application's{other}")
    if grant.provider == "google" and not grant.client_secret_file:
        yield Misfit((*place, "client_secret_file"), "is missing: Google gives it with client_id")
    if not grant.by_person and grant.tenant.lower() in ("common", "organizations", "consumers"):
        yield Misfit((*place, "tenant"), "is missing: an application that signs in by itself does so in one directory")


def _alarm(settings: Settings) -> Iterator[Misfit]:
    alarm = settings.alarm
    if alarm is None:
        return
    if not alarm.command and not alarm.webhook:
        yield Misfit(("alarm",), "tells nobody; add command or webhook")
    url = urlsplit(alarm.webhook or "https://none")
    if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)):
        yield Misfit(("alarm", "webhook"), "expected an address that begins with https://; http on this machine only")


def _mailbox(index: int, box: Imap, settings: Settings) -> Iterator[Misfit]:
    place = ("imap", index)
    yield from _granted(place, box, settings)
    if box.auth == "password" and not box.password_file:
        yield Misfit((*place, "password_file"), f"is missing: {box.user} signs in with a password")
    if box.start not in ("now", "all"):
        try:
            date.fromisoformat(box.start)
        except ValueError:
            yield Misfit((*place, "start"), f'there is no such day: "{box.start}"')
    yield from _results((*place, "auth_results"), box.auth_results)
    target = box.after.removeprefix("move:")
    if _same(target, box.folder, box.junk) and target != box.after:
        yield Misfit((*place, "after"), f"{target} is a folder that is watched; name another one")
    if box.junk and box.junk == box.folder:
        yield Misfit((*place, "junk"), f"{box.junk} is the folder that is watched; name the junk folder, or none")


def _same(name: str, *folders: str) -> bool:
    """INBOX is the one name without case (RFC 9051 section 5.1)."""
    return name in folders or (name.upper() == "INBOX" and "INBOX" in (folder.upper() for folder in folders))


def _http(settings: Settings) -> Iterator[Misfit]:
    if settings.http is None:
        return
    host, _, port = settings.http.listen.rpartition(":")
    if not 0 < int(port) <= HIGHEST_PORT:
        yield Misfit(("http", "listen"), f'expected a port from 1 to {HIGHEST_PORT}, found "{settings.http.listen}"')
    if not settings.http.remote and not _loopback(host.strip("[]")):
        said = f"{host} is reached from other machines, and nobody is asked for a password; 127.0.0.1, or remote = true"
        yield Misfit(("http", "listen"), said)


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK


def _people(settings: Settings) -> Iterator[Misfit]:
    defaults = [n for n, queue in enumerate(settings.queue) if queue.default]
    if settings.queue and not defaults:
        yield Misfit(("queue",), "none is the default one; write default = true in the one that takes the rest")
    for index in defaults[1:]:
        first = settings.queue[defaults[0]].name
        yield Misfit(("queue", index, "default"), f'"{first}" is the default one already; there is one')
    ours, staff = _desks(settings), {address for member in settings.staff for address in member.addresses}
    for index, member in enumerate(settings.staff):
        if not member.addresses:
            yield Misfit(("staff", index, "email"), 'is missing; add email = "agent@desk.example"')
        for address in member.addresses:
            if address in ours:
                yield Misfit(
                    ("staff", index, "email"), f"{address} is the desk's own; staff have addresses of their own"
                )
    for index, queue in enumerate(settings.queue):
        for address in queue.members:
            if address.lower() not in staff:
                yield Misfit(("queue", index, "members"), f"{address} is no email of a [[staff]] section; add one")
    for index, partner in enumerate(settings.partner):
        if not partner.domains and not partner.emails:
            yield Misfit(("partner", index, "domains"), 'is missing; add domains = ["acme.example"], or emails')


def _desks(settings: Settings) -> set[str]:
    """The desk's address and those of its queues."""
    return {settings.desk.address.lower(), *(q.address.lower() for q in settings.queue if q.address)}


def _several(settings: Settings) -> Iterator[Misfit]:
    """Persons with several addresses: all of them their own."""
    if not settings.person:
        return
    from routing.policy import without_suffix  # only a file with persons pays for it

    ours, staff = _desks(settings), {address for member in settings.staff for address in member.addresses}
    forms = {form.sender.lower() for form in settings.form}
    desks = ours | {f"postmaster@{address.rpartition('@')[2]}" for address in ours}
    for index, person in enumerate(settings.person):
        if len(person.addresses) < 2:
            yield Misfit(("person", index, "emails"), "is one address; name all of theirs, or leave the section out")
        for address in person.addresses:
            if without_suffix(address) in desks:
                yield Misfit(("person", index, "emails"), f"{address} is the desk's own")
            if address in forms:
                yield Misfit(("person", index, "emails"), f"{address} is a form's, by which anybody writes")
            if address in staff:
                yield Misfit(
                    ("person", index, "emails"), f"{address} is of a [[staff]] section; all of theirs stand there"
                )


def _numbers(settings: Settings) -> Iterator[Misfit]:
    for index, partner in enumerate(settings.partner):
        try:
            compiled(partner.ticket_pattern or "(?P<number>.)", "number")
        except PatternError as error:
            yield Misfit(("partner", index, "ticket_pattern"), str(error))
    for index, desk in enumerate(settings.old_desk):
        if desk.system == "rt" and not desk.hooks:
            yield Misfit(("old_desk", index, "hooks"), 'is missing; add hooks = ["example.com"], the $rtname of RT')


def _forms(settings: Settings) -> Iterator[Misfit]:
    for index, form in enumerate(settings.form):
        yield from _networks(("form", index, "hosts"), form.hosts)
        try:
            compiled(form.pattern or "(?P<address>.)", "address")
        except PatternError as error:
            yield Misfit(("form", index, "pattern"), str(error))


def _rules(settings: Settings) -> Iterator[Misfit]:
    if settings.rule:
        from mailgate.settings import rules  # only a file with rules pays for it

        yield from rules.find(settings.rule, tuple(queue.name for queue in settings.queue))


def _twice(settings: Settings) -> Iterator[Misfit]:
    """Names and addresses that must lead to one thing."""
    for key, section, names in (
        ("name", "imap", [(n, b.name) for n, b in enumerate(settings.imap)]),
        ("name", "grant", [(n, g.name) for n, g in enumerate(settings.grant)]),
        ("name", "queue", [(n, q.name) for n, q in enumerate(settings.queue)]),
        ("email", "staff", [(n, a) for n, s in enumerate(settings.staff) for a in s.addresses]),
        ("domains", "partner", [(n, d.lower().lstrip("@")) for n, p in enumerate(settings.partner) for d in p.domains]),
        ("emails", "partner", [(n, e.lower()) for n, p in enumerate(settings.partner) for e in p.emails]),
        ("emails", "person", [(n, a) for n, p in enumerate(settings.person) for a in p.addresses]),
        ("sender", "form", [(n, f.sender.lower()) for n, f in enumerate(settings.form)]),
        ("name", "rule", [(n, r.name) for n, r in enumerate(settings.rule)]),
    ):
        seen: set[str] = set()
        for index, name in names:
            if name in seen:
                yield Misfit((section, index, key), f'"{name}" stands there twice; take one away')
            seen.add(name)
    addresses = {settings.desk.address.lower(): -1}
    for index, queue in enumerate(settings.queue):
        address = (queue.address or "").lower()
        if address in addresses and not (queue.default and addresses[address] == -1):
            yield Misfit(("queue", index, "address"), f'"{address}" stands there twice; each queue has its own')
        elif address:
            addresses[address] = index
