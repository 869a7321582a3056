"""Everything that `mailgate check` tries, in the order in which a person would want to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from mailgate import locking, settings
from mailgate import policy as policies
from mailgate.checks import listening, mailboxes, relaying, standing
from mailgate.checks.finding import Finding, advice, failed, ok
from mailgate.errors import SettingsError
from mailgate.outgoing.check import check as check_templates
from mailgate.settings import Settings, sources
from routing.newcomers import FREE_MAIL
from routing.policy import Policy


def run(file: Path) -> Iterator[Finding]:
    """Settings first; where they cannot be used nothing else is tried."""
    try:
        found = settings.load(file)
    except SettingsError as error:
        yield from (failed("settings", problem) for problem in error.problems)
        return
    yield from placed(_everything(found), file)


def placed(findings: Iterable[Finding], file: Path) -> Iterator[Finding]:
    """Each with the line of the setting that it is about."""
    read = sources.read(file)
    for finding in findings:
        yield replace(finding, where=read.where(finding.at)) if finding.at else finding


def _everything(found: Settings) -> Iterator[Finding]:
    yield ok("settings", found.file)
    yield from _addresses(found)
    yield from _partners(found)
    yield from _forms(found)
    policy = policies.build(found, policies.NO_KEYS)
    yield ok("rules", f"{len(policy.rules)} rules, {len(policy.queues)} queues")
    for name in policies.named_by_rules(found):
        said = f"queue {name!r} has no section of its own: it has the desk's address, and all staff as members"
        yield advice("rules", said, f'add [[queue]] with name = "{name}" to say otherwise')
    yield from _templates(found, policy)
    yield from _people(found)
    yield from standing.machine(found)
    yield from _hanging(list(connections(found)), found)


def _hanging(tried: list[Finding], found: Settings) -> Iterator[Finding]:
    """Grants, each with what hangs on it, and all else that was tried: one trouble is told once."""
    for grant in standing.grants(found):
        hang = [one.what for one in tried if one.state == "failed" and one.said.startswith(f"{grant.what}: ")]
        if hang and grant.state != "ok":
            tried = [one for one in tried if one.what not in hang or one.state != "failed"]
            yield replace(grant, state="failed", said=f"{grant.said}; on it hang: {', '.join(hang)}")
        else:
            yield grant
    yield from tried


def connections(found: Settings) -> Iterator[Finding]:
    """All at once: each waits for somebody else."""
    runs = locking.held(found)
    tries = [
        *(lambda p=place: [listening.listening(*p, runs=runs)] for place in listening.places(found)),
        *(lambda box=box: mailboxes.mailbox(box, found) for box in found.imap),
        lambda: list(relaying.relay(found)),
    ]
    if not (found.smtp or found.lmtp or found.imap):
        yield advice("doors", "only `mailgate deliver` brings mail in", "add [smtp], [lmtp] or [[imap]]")
    with ThreadPoolExecutor(len(tries)) as threads:
        for answer in threads.map(lambda one: one(), tries):
            yield from answer


def _addresses(found: Settings) -> Iterator[Finding]:
    """A desk writes to itself from one domain, for which its relay signs (DKIM)."""
    domain = found.desk.address.lower().rpartition("@")[2]
    if "." not in domain.strip("."):
        said = f"{found.desk.address}: nobody outside can write to the domain {domain}"
        yield failed("desk", said, "an address such as help@desk.example", ("desk", "address"))
    for n, queue in enumerate(found.queue):
        other = (queue.address or found.desk.address).lower().rpartition("@")[2]
        if other != domain:
            said = f"{queue.address} of {queue.name} is not in the desk's domain {domain}"
            yield advice("queues", said, "may the relay send for that domain, too?", ("queue", n, "address"))


def _partners(found: Settings) -> Iterator[Finding]:
    for n, partner in enumerate(found.partner):
        for domain in partner.domains:
            if domain.lower().lstrip("@") in FREE_MAIL:
                yield failed(
                    "partners",
                    f"{domain} of {partner.name}: anybody can have an address there",
                    f'name the people instead: partner "{partner.name}".emails',
                    ("partner", n, "domains"),
                )


def _forms(found: Settings) -> Iterator[Finding]:
    """Without proof a form's mail is of the machine that sent it, and not of who filled the form in."""
    doors = (*found.imap, *((found.smtp,) if found.smtp else ()))
    verified = any(door.verify or door.auth_results != "none" for door in doors)
    for n, form in enumerate(found.form):
        if not verified and not (form.hosts and (found.smtp or found.lmtp)):
            said = f"{form.name}: nothing shows that a mail is the form's, so it stays {form.sender}'s"
            todo = "auth_results or verify where it comes in; by SMTP the web server's address in hosts does it, too"
            yield advice("forms", said, todo, ("form", n, "hosts"))


def _people(found: Settings) -> Iterator[Finding]:
    if not found.staff:
        yield advice("staff", "nobody is told of new tickets, and nobody can answer by mail", "add [[staff]]")


def _templates(found: Settings, policy: Policy) -> Iterator[Finding]:
    folder = found.path(found.templates) if found.templates else None
    problems = check_templates(policy, folder)
    yield from (failed("templates", problem, "", ("templates",)) for problem in problems)
    if not problems:
        yield ok("templates", f"all of {folder} can be used" if folder else "the shipped ones")


def well(findings: Iterable[Finding]) -> bool:
    """Whether nothing failed."""
    return all(finding.state != "failed" for finding in findings)
