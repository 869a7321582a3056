"""A desk with a little of everything in its database, and the terminal before it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailgate.cli.main import cli
from storage import schema, tables
from storage.database import Database

NOON = 1_700_000_000.0  # 2023-11-14T22:13:20Z

SETTINGS = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
timezone = "Europe/Berlin"

[storage]
url = "{url}"

[relay]
host = "127.0.0.1"
port = {port}

[[imap]]
name = "office"
host = "127.0.0.1"
user = "help@desk.example"
password_file = "imap-password"

[[queue]]
name = "Service Desk"
default = true

[[queue]]
name = "Hardware"

[[staff]]
name = "First Agent"
email = "agent@desk.example"

[[partner]]
name = "Acme"
domains = ["acme.example"]

[[rule]]
name = "printers"
when = {{ subject = {{ matches = "(?i)printer (?P<model>\\\\S+)" }}, not = {{ from = {{ contains = "noreply" }} }} }}
set = {{ queue = "Hardware", fields = {{ model = "{{model}}" }}, tags = ["printer"] }}
stop = true
"""

REQUEST = b"""\
From: Jane Doe <jane@acme.example>
To: help@desk.example
Subject: Printer L7 is on fire
Date: Tue, 14 Nov 2023 22:13:00 +0000
Message-ID: <request@acme.example>
Content-Type: text/plain; charset=utf-8

The printer is on fire. Please help.
"""

FORGED = REQUEST.replace(b"<request@", b"<forged@").replace(b"Printer L7 is on fire", b"Urgent payment")

TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\nValueError: this mail breaks it\n'


@dataclass
class Desk:
    """Settings and database of one test."""

    folder: Path
    settings: Path
    db: Database

    def run(self, *args: str, stdin: str | bytes | None = None) -> Result:
        """The terminal, as typed; `--config` is added where the command takes place."""
        return CliRunner().invoke(cli, ["--config", str(self.settings), *args], input=stdin)

    def text(self, *args: str, stdin: str | bytes | None = None) -> str:
        """What a command prints that has to be done."""
        result = self.run(*args, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def lines(self, *args: str, stdin: str | bytes | None = None) -> list[dict[str, Any]]:
        """Its JSON objects."""
        return [json.loads(line) for line in self.text(*args, "--json", stdin=stdin).splitlines()]

    def one(self, *args: str, stdin: str | bytes | None = None) -> dict[str, Any]:
        """Its only JSON object."""
        (found,) = self.lines(*args, stdin=stdin)
        return found

    def refused(self, *args: str, stdin: str | bytes | None = None) -> str:
        """What stderr says of a command that was not done: exit 1, one line, no traceback."""
        result = self.run(*args, stdin=stdin)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith("mailgate: ")
        assert "Traceback" not in result.output
        return result.stderr


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[Desk]:
    """Three tickets, eight arrivals and six outgoing mails, on SQLite and PostgreSQL in turn."""
    settings = tmp_path / "mailgate.toml"
    settings.write_text(SETTINGS.format(url=database_url, port=25))
    db = Database(database_url)
    schema.create(db)
    fill(db)
    yield Desk(tmp_path, settings, db)
    db.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Desk]:
    """Settings whose SQLite database is not there yet."""
    settings = tmp_path / "mailgate.toml"
    settings.write_text(SETTINGS.format(url="sqlite:///mailgate.db", port=25))
    db = Database(f"sqlite:///{tmp_path / 'mailgate.db'}")
    yield Desk(tmp_path, settings, db)
    db.close()


def fill(db: Database) -> None:
    """The rows that these tests look for."""
    with db.write() as connection:
        connection.execute(tables.ticket.insert(), [_ticket(*row) for row in TICKETS])
        for number, row in enumerate(ARRIVALS, 1):
            raw, values = _arrival(number, **row)
            connection.execute(tables.journal.insert(), values)
            connection.execute(tables.journal_raw.insert(), {"journal_id": number, "raw": raw})
        connection.execute(tables.article.insert(), ARTICLES)
        connection.execute(tables.attachment.insert(), ATTACHMENTS)
        connection.execute(tables.history.insert(), HISTORY)
        connection.execute(
            tables.link.insert(),
            [{"ticket_id": a, "other_id": b, "type": "related"} for a, b in ((1, 3), (3, 1))],
        )
        connection.execute(tables.letter_body.insert(), {"sha256": "b" * 64, "body": b"We have it.\r\n"})
        for number, row in enumerate(LETTERS, 1):
            connection.execute(tables.outbox.insert(), _letter(number, **row))
        connection.execute(
            tables.mailbox.insert(),
            {"account": "office", "folder": "INBOX", "last_success": NOON, "waiting": 7, "first_contact": NOON},
        )
        connection.execute(tables.counter.update().values(value=100))
        if not db.is_sqlite:  # rows were given their ids: the sequences have to follow
            for table in ("journal", "outbox", "history"):
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                )


TICKETS = (
    (1, "Printer L7 is on fire", "open", "Hardware", "agent@desk.example", NOON + 300),
    (2, "Old request", "closed", "Service Desk", None, NOON + 100),
    (3, "Badge lost", "pending", "Service Desk", None, NOON + 200),
)


def _ticket(ticket_id: int, subject: str, state: str, queue: str, owner: str | None, updated: float) -> dict[str, Any]:
    return {
        "id": ticket_id,
        "number": f"INC-{1000 + ticket_id}",
        "version": 1,
        "subject": subject,
        "type": "Incident",
        "state": state,
        "state_type": state,
        "queue": queue,
        "priority": 3,
        "owner": owner,
        "requester": "jane@acme.example",
        "requester_name": "Jane Doe",
        "partner": "Acme",
        "language": "en",
        "tags": ["printer"],
        "fields": {"model": "L7"},
        "participants": ["jane@acme.example", "bob@acme.example"],
        "acknowledged": True,
        "created": NOON,
        "updated": updated,
        "closed": updated if state == "closed" else None,
        "last_public_id": "request@acme.example",
        "root_id": "request@acme.example",
    }


_DONE = {"state": "done", "ticket": 1}
ARRIVALS: tuple[dict[str, Any], ...] = (
    {**_DONE, "outcome": "article", "article": 1, "key": "k1", "at": NOON},
    {**_DONE, "outcome": "duplicate", "article": 1, "door": "imap:office", "at": NOON + 5},
    {"state": "parked", "error": TRACEBACK, "attempt": 5, "raw": b"broken", "subject": None, "at": NOON + 10},
    {"state": "done", "outcome": "unmatched", "subject": "Out of office", "key": "k4", "at": NOON + 20},
    {
        "state": "done",
        "outcome": "quarantine",
        "subject": "Urgent payment",
        "key": "k5",
        "raw": FORGED,
        "at": NOON + 30,
    },
    {"state": "new", "due": 1e11, "subject": None, "sender": None, "at": NOON + 40},
    {**_DONE, "outcome": "article", "article": 3, "key": "k7", "sender": "agent@desk.example", "at": NOON + 60},
    {**_DONE, "outcome": "record", "article": 3, "key": "k8", "sender": "mailer-daemon@x.example", "at": NOON + 90},
)


def _arrival(
    number: int,
    *,
    state: str,
    at: float,
    outcome: str | None = None,
    ticket: int | None = None,
    article: int | None = None,
    key: str | None = None,
    door: str = "smtp",
    raw: bytes = REQUEST,
    subject: str | None = "Printer L7 is on fire",
    sender: str | None = "jane@acme.example",
    error: str | None = None,
    attempt: int = 1,
    due: float = 0.0,
) -> tuple[bytes, dict[str, Any]]:
    reason = {"code": "first", "seen": "it names no mail of ours", "outcome": "a new ticket"}
    return raw, {
        "id": number,
        "door": door,
        "peer": "127.0.0.1",
        "mail_from": "jane@acme.example",
        "rcpt_to": ["help@desk.example"],
        "received_at": at,
        "journaled_at": at,
        "size": len(raw),
        "arrival_key": f"a{number}",
        "content_hash": hashlib.sha256(raw).hexdigest(),
        "acknowledged": True,
        "state": state,
        "due": due,
        "attempt": attempt,
        "outcome": outcome,
        "outcome_ticket": ticket,
        "outcome_article": article,
        "mail_key": key,
        "reasons": [reason] if outcome else None,
        "sender": sender,
        "subject": subject,
        "message_id": "request@acme.example",
        "error": error,
    }


def _article(article_id: int, ticket_id: int, **values: Any) -> dict[str, Any]:
    return {
        "id": article_id,
        "ticket_id": ticket_id,
        "journal_id": None,
        "time": NOON,
        "sender": "jane@acme.example",
        "sender_name": "Jane Doe",
        "to": ["help@desk.example"],
        "cc": [],
        "direction": "in",
        "visibility": "public",
        "kind": "human",
        "trust": "unverified",
        "message_id": None,
        "subject": "Printer L7 is on fire",
        "text": "The printer is on fire. Please help.",
        "reply": "The printer is on fire. Please help.",
        "reasons": [{"code": "first", "seen": "it names no mail of ours", "outcome": "a new ticket"}],
        "defects": [],
        **values,
    }


ARTICLES = [
    _article(1, 1, journal_id=1, message_id="request@acme.example", cc=["bob@acme.example"]),
    _article(2, 1, direction="out", kind="auto_reply", trust=None, sender="help@desk.example", text="We have it."),
    _article(3, 1, journal_id=7, sender="agent@desk.example", trust="authenticated", time=NOON + 60),
    _article(4, 2),
    _article(5, 3, direction="note", visibility="internal", trust=None, text="\x1b[31mred\x1b[0m", reply=""),
]
ATTACHMENTS = [
    {
        "article_id": 1,
        "position": 0,
        "filename": "fire.jpg",
        "content_type": "image/jpeg",
        "size": 1_500_000,
        "sha256": "a" * 64,
        "inline": False,
        "content_id": None,
    }
]
HISTORY = [
    {"id": n, "ticket_id": 1, "article_id": a, "time": NOON + n, "actor": who, "what": what, "was": was, "became": to}
    for n, a, who, what, was, to in (
        (1, 1, "jane@acme.example", "created", None, "INC-1001"),
        (2, 3, "agent@desk.example", "state", "new", "open"),
    )
]
LETTERS: tuple[dict[str, Any], ...] = (
    {"event": "acknowledgement", "article_id": 2, "state": "sent"},
    {"event": "answer", "article_id": 3, "state": "sent"},
    {
        "event": "answer",
        "article_id": 3,
        "state": "bounced",
        "recipient": "bob@acme.example",
        "status": "5.1.1",
        "error": "no such user",
    },
    {"event": "notice", "article_id": 1, "state": "pending", "recipient": "agent@desk.example"},
    {"event": "notice", "article_id": 1, "state": "deferred", "recipient": "agent@desk.example"},
    {"event": "answer", "article_id": 3, "state": "held", "held_for": "confirm"},
)


def _letter(number: int, *, event: str, state: str, **values: Any) -> dict[str, Any]:
    return {
        "id": number,
        "event": event,
        "ticket_id": 1,
        "recipient": "jane@acme.example",
        "envelope_from": "help@desk.example",
        "message_id": f"letter{number}@desk.example",
        "subject": "Re: Printer L7 is on fire",
        "headers": b"From: help@desk.example\r\nTo: jane@acme.example\r\nSubject: Re: Printer\r\n\r\n",
        "body_sha256": "b" * 64,
        "state": state,
        "rank": 0,
        "caused_at": NOON,
        "created": NOON,
        "due": time.time() + 3600,
        "attempt": 1,
        "updated": NOON + 120,
        **values,
    }
