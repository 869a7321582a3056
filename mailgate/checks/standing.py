"""What stands on this machine, tried: files of secrets, certificate, folders, disk, database, and the DNS."""

from __future__ import annotations

import shlex
import shutil
import ssl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from mailgate.alarms import clock, ringing
from mailgate.alarms.ringing import Ring
from mailgate.alarms.standing import around
from mailgate.checks import secrets
from mailgate.checks.finding import Finding, advice, failed, ok
from mailgate.checks.results import top, trust
from mailgate.grants import ends
from mailgate.settings import Settings, nameserver, networks
from mailgate.settings.draft import NO_CLIENT
from mailgate.settings.sources import Place
from mailgate.verify.dns import DnsTrouble, Resolver
from parsing import headers, limits
from routing.policy import Door
from storage import beginning, journal, listings, schema
from storage.database import Database, SchemaMismatch, StorageError
from storage.status import read
from storage.tables import counter

LOOKED_AT = 200  # newest arrivals among which those of the mail server in front are looked for
RECENT = 30  # of them
OURS = "a folder that the user who runs mailgate can write to"


def machine(found: Settings) -> Iterator[Finding]:
    """Everything but the connections, and the grants, of which these have the news."""
    yield from _secrets(found)
    yield from _alarm(found)
    yield from _certificate(found)
    yield from _folders(found)
    yield from _names(found)
    yield from _database(found)


def _secrets(found: Settings) -> Iterator[Finding]:
    for key, at, file in ((secret.key, secret.at, secret.file) for secret in secrets.named(found)):
        try:
            text = file.read_text("utf-8-sig")
        except OSError as error:
            todo = "put the secret into it, and let the user that runs mailgate read it"
            yield failed(key, f"{file}: {error.strerror}", todo, at)
            continue
        except UnicodeError:
            yield failed(key, f"{file} is not UTF-8", "save it as UTF-8", at)
            continue
        if not text.strip():
            yield failed(key, f"{file} is empty", "put the secret into it", at)
        elif secrets.to_everybody(file):
            yield failed(key, f"{file} can be read by everybody on this machine", secrets.closed(file), at)
        elif secrets.to_a_group(file):
            yield advice(key, f"{file} can be read by its group", secrets.closed(file), at)


def alarm(found: Settings) -> Iterator[Finding]:
    """Ring by every way that the settings have, to see that somebody hears it."""
    ring = Ring("test", "test", "this is a test of the alarm; nothing is wrong", time.time())
    if found.alarm is None:
        yield failed("alarm", "nobody would be told", "add [alarm] with command or webhook")
    for what, tell in ringing.ways(found):
        try:
            tell(ring)
        except ringing.RingFailed as error:
            yield failed(what, str(error), "what it is told stands in docs/settings.md, [alarm]", ("alarm",))
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
        said = f"{program} is no program that can be run"
        yield failed("alarm.command", said, "its whole path, and chmod +x", ("alarm", "command"))


def grants(found: Settings) -> Iterator[Finding]:
    for n, secret in enumerate(ends.secrets(found)):
        what = f"grant {secret.name}"
        if found.grant[n].client_id == NO_CLIENT:
            todo = f"register the application (docs/{secret.provider}.md), and write its id here"
            yield failed(what, "client_id is still the placeholder", todo, ("grant", n, "client_id"))
            continue
        if (said := ends.trouble(secret)) is None:
            yield ok(what, "its end is not known" if secret.ends is None else f"ends in {ends.days(secret.ends)}")
        elif secret.dead or (secret.ends is not None and secret.ends <= time.time()):
            yield failed(what, *_mended(said), ("grant", n))
        else:
            yield advice(what, *_mended(said), ("grant", n))


def _mended(said: str) -> tuple[str, str]:
    """What is wrong, and what to do, which stands last."""
    wrong, _, todo = said.rpartition("; ")
    return wrong, todo


def _certificate(found: Settings) -> Iterator[Finding]:
    smtp = found.smtp
    if smtp is None or smtp.tls_cert is None or smtp.tls_key is None:
        return
    cert, key = found.path(smtp.tls_cert), found.path(smtp.tls_key)
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        said = f"{cert}, {key}: {error.strerror or error}"
        yield failed("smtp.tls_cert", said, "a PEM certificate and its own key", ("smtp", "tls_cert"))
    else:
        yield ok("smtp.tls_cert", str(cert))


def _folders(found: Settings) -> Iterator[Finding]:
    """Those that are written to: tried, since rights alone do not tell of a disk that is mounted read-only."""
    folders: dict[Path, tuple[str, Place]] = {}
    if (file := _sqlite(found)) is not None:
        folders[file.parent] = ("database", ("storage", "url"))
    if found.grant:
        folders.setdefault(found.state, ("storage.state", ("storage", "state")))
    for folder, (what, at) in folders.items():
        if (why := _unwritable(folder)) is not None:
            yield failed(what, f"{folder} cannot be written to: {why}", OURS, at)
    for problem in around(found, (), time.time()):
        yield failed(problem.name, problem.said.removeprefix(f"{problem.name}: "))


def _unwritable(folder: Path) -> str | None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _names(found: Settings) -> Iterator[Finding]:
    """Whether somebody answers for names, where doors check who wrote."""
    if not found.verifies:
        return
    servers = [nameserver(text) for text in found.dns.nameservers]
    asked = found.desk.address.rpartition("@")[2]
    try:
        Resolver(servers, found.dns.timeout).ask(asked, "TXT", found.dns.timeout)
    except (DnsTrouble, OSError) as error:
        said = f"{error}: who wrote cannot be checked, and counts as unverified"
        yield failed("dns", said, "dns.nameservers, or /etc/resolv.conf", ("dns", "nameservers"))
    else:
        yield ok("dns", f"answers about {asked}")


def _sqlite(found: Settings) -> Path | None:
    url = found.database_url
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _database(found: Settings) -> Iterator[Finding]:
    file, at = _sqlite(found), ("storage", "url")
    if file is not None and not file.parent.is_dir():
        return  # told of already
    db = Database(found.database_url)
    try:
        if db.is_missing or schema.version(db) is None:
            beginning.refuse(db, found.state, found.file)
            empty = f"{file} is not there yet" if db.is_missing else "is empty"
            yield ok("database", f"{empty}: a new desk, which `mailgate serve` begins")
            return
        schema.check(db)
        with db.write() as connection:  # no row changes; a database that may only be read refuses all the same
            connection.execute(counter.update().where(sa.false()).values(value=0))
        yield ok("database", f"schema {schema.VERSION}, can be written to")
        yield from _clock(found)
        yield from _door(found, db)
    except SchemaMismatch as error:
        yield failed("database", str(error), at=at)
    except StorageError as error:
        said = " ".join(str(error).split())
        yield failed("database", said, _mend(file, said), at)
    except DBAPIError as error:
        yield failed("database", " ".join(str(error.orig).split()), "storage.url: who signs in there must own it", at)
    finally:
        db.close()


def _mend(file: Path | None, said: str) -> str:
    """What to do about a database that cannot be used."""
    if "permission denied" in said:
        return "storage.url: who signs in there must own it"
    if "password" in said:
        return "the user in storage.url, and his password in ~/.pgpass (mode 0600) of who runs mailgate"
    if "does not exist" in said:
        return "make it there (docs/operating.md, PostgreSQL), or look at storage.url"
    if "resolve" in said:
        return "look at the host in storage.url, and at this machine's DNS"
    if "is full" in said:
        return f"make room at {file}" if file is not None else "make room where the database is"
    if file is None:
        return "storage.url; is the database running?"
    if "malformed" in said:
        return "`mailgate restore FILE --replace` brings a backup back"
    return f"storage.url; can the user who runs mailgate read and write {file}?"


def _clock(found: Settings) -> Iterator[Finding]:
    """By the mails that were taken last, where they say that it is wrong."""
    now = time.time()
    if (error := clock.error(read(found.database_url, now, counted=False).arrivals, now)) is not None:
        said = f"ours is {abs(error) / 3600:,.1f} hours {'ahead' if error > 0 else 'behind'}, or the mailboxes' wrong"
        yield failed("clock", said, "set the clock (`timedatectl set-ntp true`)")


def _door(found: Settings, db: Database) -> Iterator[Finding]:
    """Whose results stand on top of what the mail server in front handed over."""
    if found.smtp is None:
        return
    door = Door(trusted=networks(found))
    with db.read() as connection:
        rows, _ = listings.arrivals(connection, limit=LOOKED_AT)
        ids = [row.id for row in rows if row.door in ("smtp", "lmtp") and door.trusts(row.peer)]
        tops = [top(header(journal.raw(connection, i) or b"")) for i in ids[:RECENT]]
    if tops:
        yield trust("smtp.auth_results", "smtp.auth_results", found.smtp.auth_results, tops, ("smtp", "auth_results"))


def header(raw: bytes) -> bytes:
    """The header of a mail."""
    end, _ = headers.find_end(raw, 0, min(len(raw), limits.HEADER_BYTES), crlf=b"\r\n" in raw[:1000])
    return raw[:end]
