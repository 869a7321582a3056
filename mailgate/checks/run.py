"""Everything that `mailgate check` tries, in the order in which a person would want to mend it."""

from __future__ import annotations

import os
import shlex
import shutil
import ssl
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mailgate import policy as policies
from mailgate import settings
from mailgate.alarms import ringing
from mailgate.alarms.ringing import Ring
from mailgate.checks import reaching
from mailgate.checks.finding import Finding, advice, failed, ok
from mailgate.errors import SettingsError
from mailgate.grants import ends
from mailgate.outgoing.check import check as check_templates
from mailgate.settings import Settings
from parsing import headers, limits
from routing.policy import Door, Policy
from storage import journal, listings, schema
from storage.database import Database, StorageError

LOOKED_AT = 200  # newest arrivals among which those of the mail server in front are looked for

# Anybody can have an address there: as a partner's domain each would make the whole world that partner.
_FREE_MAIL = """
    gmail.com googlemail.com outlook.com outlook.de outlook.fr hotmail.com hotmail.de hotmail.fr hotmail.co.uk
    live.com msn.com yahoo.com yahoo.de yahoo.fr yahoo.co.uk ymail.com aol.com icloud.com me.com mac.com proton.me
    protonmail.com pm.me gmx.de gmx.net gmx.com gmx.at gmx.ch web.de t-online.de freenet.de posteo.de mailbox.org
    mail.com zoho.com fastmail.com fastmail.fm hey.com tutanota.com tuta.io yandex.ru yandex.com mail.ru bk.ru
    inbox.ru list.ru rambler.ru qq.com 163.com 126.com sina.com naver.com daum.net orange.fr wanadoo.fr free.fr
    laposte.net sfr.fr libero.it virgilio.it tin.it alice.it wp.pl o2.pl onet.pl interia.pl seznam.cz centrum.cz
    bluewin.ch btinternet.com sky.com comcast.net verizon.net att.net sbcglobal.net cox.net uol.com.br bol.com.br
    terra.com.br rediffmail.com
"""
FREE_MAIL = frozenset(_FREE_MAIL.split())


def run(file: Path) -> Iterator[Finding]:
    """Settings first; where they cannot be used nothing else is tried."""
    try:
        found = settings.load(file)
    except SettingsError as error:
        yield from (failed("settings", problem) for problem in error.problems)
        return
    yield ok("settings", str(file))
    yield from _partners(found)
    policy = None
    try:
        policy = policies.build(found, policies.NO_KEYS)
    except SettingsError as error:
        yield from (failed("rules", problem) for problem in error.problems)
    else:
        yield ok("rules", f"{len(policy.rules)} rules, {len(policy.queues)} queues")
        for name in policies.named_by_rules(found):
            said = f"queue {name!r} has no section of its own: it has the desk's address, and all staff as members"
            yield advice("rules", said, f'add [[queue]] with name = "{name}" to say otherwise')
    if policy is not None:
        yield from _templates(found, policy)
    yield from _people(found)
    yield from _secrets(found)
    yield from _grants(found)
    yield from _alarm(found)
    yield from _certificate(found)
    yield from _database(found)
    yield from connections(found)


def connections(found: Settings) -> Iterator[Finding]:
    """All at once: each waits for somebody else."""
    tries = [
        *(lambda a=a: [reaching.listening("smtp", a)] for a in (found.smtp.listen if found.smtp else ())),
        *(lambda a=a: [reaching.listening("lmtp", a)] for a in (found.lmtp.listen if found.lmtp else ())),
        *(lambda box=box: reaching.mailbox(box, found) for box in found.imap),
        lambda: list(reaching.relay(found)),
    ]
    if not (found.smtp or found.lmtp or found.imap):
        yield advice("doors", "only `mailgate deliver` brings mail in", "add [smtp], [lmtp] or [[imap]]")
    with ThreadPoolExecutor(len(tries)) as threads:
        for answer in threads.map(lambda one: one(), tries):
            yield from answer


def _partners(found: Settings) -> Iterator[Finding]:
    for partner in found.partner:
        for domain in partner.domains:
            if domain.lower().lstrip("@") in FREE_MAIL:
                yield failed(
                    "partners",
                    f"{domain} of {partner.name}: anybody can have an address there",
                    f'name the people instead: partner "{partner.name}".emails',
                )


def _people(found: Settings) -> Iterator[Finding]:
    if not found.staff:
        yield advice("staff", "nobody is told of new tickets, and nobody can answer by mail", "add [[staff]]")


def _templates(found: Settings, policy: Policy) -> Iterator[Finding]:
    folder = found.path(found.templates) if found.templates else None
    problems = check_templates(policy, folder)
    yield from (failed("templates", problem) for problem in problems)
    if not problems:
        yield ok("templates", f"all of {folder} can be used" if folder else "the shipped ones")


def _secrets(found: Settings) -> Iterator[Finding]:
    named = [(f'imap "{box.name}".password_file', box.password_file) for box in found.imap]
    named += [("relay.password_file", found.relay.password_file)] if found.relay else []
    for key, name in named:
        if name is None:
            continue
        file = found.path(name)
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "is not UTF-8"
            yield failed(key, f"{file}: {why}", "put the password into it, and let the user that runs mailgate read it")
            continue
        if not text.strip():
            yield failed(key, f"{file} is empty", "put the password into it")
        elif file.stat().st_mode & 0o077:
            yield advice(key, f"{file} can be read by others", f"chmod 600 {file}")


def alarm(found: Settings) -> Iterator[Finding]:
    """Ring by every way that the settings have, to see that somebody hears it."""
    ring = Ring("test", "test", "this is a test of the alarm; nothing is wrong", time.time())
    if found.alarm is None:
        yield failed("alarm", "nobody would be told", "add [alarm] with command or webhook")
    for what, tell in ringing.ways(found):
        try:
            tell(ring)
        except ringing.RingFailed as error:
            yield failed(what, str(error), "what it is told stands in docs/settings.md, [alarm]")
        else:
            yield ok(what, "it took the test")


def _alarm(found: Settings) -> Iterator[Finding]:
    if found.alarm is None:
        if found.imap or found.relay:
            said = "nobody is told by another way when no mail comes or goes any more"
            yield advice("alarm", said, "add [alarm] with command or webhook")
        return
    program = next(iter(shlex.split(found.alarm.command or "")), None)
    if program and shutil.which(str(found.path(program)) if "/" in program else program) is None:
        yield failed("alarm.command", f"{program} is no program that can be run", "its whole path, and chmod +x")


def _grants(found: Settings) -> Iterator[Finding]:
    for secret in ends.secrets(found):
        what = f"grant {secret.name}"
        if (said := ends.trouble(secret)) is None:
            yield ok(what, "its end is not known" if secret.ends is None else f"ends in {ends.days(secret.ends)}")
        elif secret.dead:
            yield failed(what, said)
        else:
            yield advice(what, said, "")
    if found.grant and not os.access(found.state, os.W_OK):
        yield failed("storage.state", f"{found.state} cannot be written to", "a folder of the user that runs mailgate")


def _certificate(found: Settings) -> Iterator[Finding]:
    smtp = found.smtp
    if smtp is None or smtp.tls_cert is None or smtp.tls_key is None:
        return
    cert, key = found.path(smtp.tls_cert), found.path(smtp.tls_key)
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        yield failed("smtp.tls_cert", f"{cert}, {key}: {error.strerror or error}", "a PEM certificate and its own key")
    else:
        yield ok("smtp.tls_cert", str(cert))


def _database(found: Settings) -> Iterator[Finding]:
    url = found.database_url
    if url.startswith("sqlite:///"):
        file = Path(url.removeprefix("sqlite:///"))
        if not file.exists():
            if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
                yield failed("database", f"{file.parent} cannot be written to", "storage.url, or the folder's owner")
            else:
                yield ok("database", f"{file} is not there yet; `mailgate serve` makes it")
            return
    db = Database(url)
    try:
        if schema.version(db) is None:
            yield ok("database", "is empty; `mailgate serve` fills it")
            return
        schema.check(db)
        with db.write():
            pass
        yield ok("database", f"schema {schema.VERSION}, can be written to")
        yield from _door(found, db)
    except StorageError as error:
        yield failed("database", " ".join(str(error).split()), "storage.url; is the database running?")
    finally:
        db.close()


def _door(found: Settings, db: Database) -> Iterator[Finding]:
    """Whose results stand on top of what the mail server in front handed over."""
    if found.smtp is None:
        return
    door = Door(trusted=settings.networks(found))
    with db.read() as connection:
        rows, _ = listings.arrivals(connection, limit=LOOKED_AT)
        ids = [row.id for row in rows if row.door in ("smtp", "lmtp") and door.trusts(row.peer)]
        tops = [reaching.top(_header(journal.raw(connection, i) or b"")) for i in ids[: reaching.RECENT]]
    if tops:
        yield reaching.trust("smtp.auth_results", "smtp.auth_results", found.smtp.auth_results, tops)


def _header(raw: bytes) -> bytes:
    end, _ = headers.find_end(raw, 0, min(len(raw), limits.HEADER_BYTES), crlf=b"\r\n" in raw[:1000])
    return raw[:end]


def well(findings: Iterable[Finding]) -> bool:
    """Whether nothing failed."""
    return all(finding.state != "failed" for finding in findings)
