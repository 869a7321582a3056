"""A first mail, by the desk to itself while a daemon of ours runs: through the relay, in by a door, to a ticket."""

from __future__ import annotations

import contextlib
import secrets
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from pathlib import Path

from mailgate.errors import CommandError
from mailgate.outgoing.relay import Connection, RelayAway
from mailgate.settings import Settings
from storage import listings
from storage.database import Database, StorageError
from storage.deliveries import Sent
from storage.sending import Outgoing
from storage.status import read

POLL_SECONDS = 0.1
START_SECONDS = 60.0
STOP_SECONDS = 30.0

Say = Callable[[str], None]


@contextlib.contextmanager
def serving(settings: Settings, *, shadow: bool) -> Iterator[None]:
    """`mailgate serve` for as long as the block lasts, its mailboxes looked at. Raises CommandError."""
    log = settings.state / "mailgate-init.log"
    words = ["serve", "--config", settings.file, *(["--shadow"] if shadow else [])]
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - ourselves, by settings of ours
            [sys.executable, "-m", "mailgate", *words], stdout=out, stderr=out
        )
    try:
        _wait_until(lambda: _ready(settings, process, log), START_SECONDS, "the daemon did not begin to serve", log)
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.returncode == 0:
            log.unlink(missing_ok=True)


def _ready(settings: Settings, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise CommandError(f"the daemon ended: {_last_line(log)}")
    if "serving" not in log.read_text("utf-8", "replace"):
        return False
    with contextlib.suppress(StorageError):
        met = {
            box.account for box in read(settings.database_url, time.time(), counted=False).mailboxes if box.last_success
        }
        return all(box.name in met for box in settings.imap)
    return False


def first_mail(settings: Settings, seconds: float, say: Say) -> str:
    """Send it, and wait for its ticket: its number. `say` hears how far it is. Raises CommandError."""
    address, word = settings.desk.address, secrets.token_hex(3)
    raw = _letter(settings.desk.name, address, word)
    _send(settings, address, raw)
    say("The mail is on its way; waiting for it to come in")
    db = Database(settings.database_url)
    try:
        found: list[str] = []

        def arrived() -> bool:
            with db.read() as connection:
                rows, _ = listings.arrivals(connection)
            mine = [row for row in rows if word in (row.subject or "")]
            found.extend(row.ticket for row in mine if row.ticket)
            return bool(found)

        todo = f"does mail to {address} lead to {_doors(settings)}?"
        _wait_until(arrived, seconds, f"the mail did not come in within {seconds:g} s: {todo}")
        return found[0]
    finally:
        db.close()


def _doors(settings: Settings) -> str:
    if settings.imap:
        return f"the mailbox of {settings.imap[0].user} at {settings.imap[0].host}"
    return ", ".join(settings.smtp.listen) if settings.smtp else "a door of ours"


def _letter(name: str, address: str, word: str) -> bytes:
    message = EmailMessage()
    message["From"] = message["To"] = formataddr((name, address))
    message["Subject"] = f"First mail ({word})"
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=address.rpartition("@")[2])
    message.set_content("`mailgate init` sent this through the relay, and it came back in. Close it when you like.\n")
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


def _send(settings: Settings, address: str, raw: bytes) -> None:
    if settings.relay is None:
        _by_the_door(settings, address, raw)
        return
    headers, _, body = raw.partition(b"\r\n\r\n")
    letter = Outgoing(0, 1, address, address, "", headers + b"\r\n\r\n", body)
    connection = Connection(settings.relay, settings)
    try:
        result = connection.send(letter)
    except RelayAway as error:
        raise CommandError(str(error)) from error
    finally:
        connection.close()
    if not isinstance(result, Sent):
        raise CommandError(f"the relay refused the mail: {result.error}")


def _by_the_door(settings: Settings, address: str, raw: bytes) -> None:
    """Without a relay: what the mail server in front would hand over."""
    assert settings.smtp is not None
    host, _, port = settings.smtp.listen[0].rpartition(":")
    try:
        with smtplib.SMTP(host.strip("[]"), int(port), timeout=10) as smtp:
            smtp.sendmail(address, [address], raw)
    except (OSError, smtplib.SMTPException) as error:
        raise CommandError(f"{host}:{port}: {error}") from error


def _wait_until(done: Callable[[], bool], seconds: float, what: str, log: Path | None = None) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise CommandError(f"{what}: {_last_line(log)}" if log else what)
        time.sleep(POLL_SECONDS)


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"{log} says nothing"
