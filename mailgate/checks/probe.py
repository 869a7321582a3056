"""A mail of the desk's to itself, through the relay and back in by a door: `mailgate check --probe`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formataddr, formatdate

from mailgate.application import Application
from mailgate.checks.finding import Finding, advice, failed, ok
from mailgate.outgoing.relay import Connection, RelayAway
from routing import tokens
from storage import listings
from storage.database import Database
from storage.deliveries import Sent
from storage.listings import ArrivalRow
from storage.sending import Outgoing

POLL_SECONDS = 0.1
LOOKED_AT = 200  # newest arrivals among which the probe is looked for
NOTHING = 0  # no ticket and no article has it


def probe(app: Application, seconds: float) -> Iterator[Finding]:
    """Sends it, and waits until a door has taken it and it was worked. It opens no ticket.

    It carries a Message-ID of ours, by which it is recorded as a mail that came back; where the relay puts another one
    in its place it still answers one (In-Reply-To) and says that it is automatic (RFC 3834 section 5).
    """
    settings = app.settings
    if settings.relay is None:
        yield failed("probe", "there is no relay to send it by", "add [relay]")
        return
    word = secrets.token_hex(4)
    address = settings.desk.address
    ours = tokens.message_id(app.policy.keys, "alarm", NOTHING, NOTHING, f"{address} {word}", app.policy.domain)
    connection = Connection(settings.relay, settings)
    began = time.monotonic()
    try:
        result = connection.send(_letter(app, ours, word))
    except RelayAway as error:
        yield failed("probe", str(error), "see the relay above")
        return
    finally:
        connection.close()
    if not isinstance(result, Sent):
        yield failed("probe", f"the relay refused it: {result.error}", f"does the relay know {address}?")
        return
    yield ok("probe", f"the relay took it: {result.status or 'OK'}")
    row = _arrival(app.db, ours, word, seconds)
    if row is None:
        yield failed(
            "probe",
            f"it did not come in within {seconds:g} s",
            f"does `mailgate serve` run, and does mail to {address} lead to one of its doors?",
        )
        return
    took = time.monotonic() - began
    yield ok("probe", f"it came in by {row.door} after {took:.1f} s and opened no ticket ({row.outcome})")
    if row.message_id != ours:
        yield advice(
            "probe",
            "the relay puts another Message-ID in place of ours: replies may lose their thread",
            'answers.subject_token = "always"',
        )


def _letter(app: Application, message_id: str, word: str) -> Outgoing:
    address = app.settings.desk.address
    message = EmailMessage()
    message["From"] = message["To"] = formataddr((app.policy.name, address))
    message["Subject"] = f"mailgate probe {word}"
    message["Date"] = formatdate()
    message["Message-ID"] = message["In-Reply-To"] = f"<{message_id}>"
    message["Auto-Submitted"] = "auto-replied"
    message["X-Mailgate-Event"] = "alarm"
    message.set_content("`mailgate check --probe` sent this. It opens no ticket, and nobody has to answer it.\n")
    headers, _, body = message.as_bytes(policy=message.policy.clone(linesep="\r\n")).partition(b"\r\n\r\n")
    return Outgoing(
        id=NOTHING,
        attempt=1,
        recipient=address,
        envelope_from=address,
        message_id=message_id,
        headers=headers + b"\r\n\r\n",
        body=body,
    )


def _arrival(db: Database, message_id: str, word: str, seconds: float) -> ArrivalRow | None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with db.read() as connection:
            rows, _ = listings.arrivals(connection, limit=LOOKED_AT)
        for row in rows:
            if row.state == "done" and (row.message_id == message_id or word in (row.subject or "")):
                return row
        time.sleep(POLL_SECONDS)
    return None
