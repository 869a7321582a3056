"""The stations of a mail on a real database, without doors and sender: arrive, work, look."""

from __future__ import annotations

import threading
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mailgate import policy, settings
from mailgate.application import Application
from mailgate.outgoing.compose import Pen
from mailgate.worker import Worker
from parsing.read import identify
from storage import journal, keys
from storage.database import Database, now
from storage.journal import Arrival
from storage.tables import article, letter_body, outbox, ticket
from storage.tables import journal as journal_table

SETTINGS = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[smtp]
auth_results = "mx.desk.example"
[relay]
[[staff]]
name = "First Agent"
email = "agent@desk.example"
[[partner]]
name = "Acme"
domains = ["acme.example"]
"""
PASS = "Authentication-Results: mx.desk.example; dmarc=pass header.from=desk.example\r\n"


class Stations:
    """`arrive` puts a mail into the journal, `work` settles all that is due."""

    def __init__(self, db: Database, folder: Path, text: str = SETTINGS) -> None:
        file = folder / "mailgate.toml"
        file.write_text(text)
        loaded = settings.load(file)
        with db.read() as session:
            built = policy.build(loaded, keys.load(session))
        self.app = Application(loaded, db, built, Pen(built, None))
        self.db = db
        self.worker = Worker(self.app, "test:work:1", threading.Event())
        self.count = 0

    def arrive(self, sender: str, text: str = "Help.", *, to: str = "help@desk.example", **headers: str) -> str:
        """A mail at the SMTP door; its Message-ID."""
        self.count += 1
        extra = headers.pop("extra", "")
        message_id = headers.pop("Message_ID", f"m{self.count}@{sender.partition('@')[2]}")
        fields = {"Subject": "Printer", "Date": "Mon, 5 Jan 2026 08:00:00 +0000", "To": to} | headers
        head = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in fields.items())
        raw = f"{extra}From: Somebody <{sender}>\r\nMessage-ID: <{message_id}>\r\n{head}\r\n{text}\r\n".encode()
        self.arrive_raw(raw, sender, to)
        return message_id

    def arrive_raw(self, raw: bytes, sender: str = "", to: str = "help@desk.example") -> int:
        named = identify(raw).message_id is not None
        with self.db.write() as session:
            [stored] = journal.append(
                session, [journal.entry(Arrival("smtp", "127.0.0.1", sender, (to,), raw, named))], now()
            )
        return stored.journal_id

    def work(self) -> int:
        """Settle all that is due; how many mails that were."""
        total = 0
        while count := self.worker.step():
            total += count
        return total

    def rows(self, table: sa.Table) -> list[Any]:
        with self.db.read() as session:
            return list(session.execute(sa.select(table).order_by(*table.primary_key.columns)))

    def tickets(self) -> list[Any]:
        return self.rows(ticket)

    def articles(self) -> list[Any]:
        return self.rows(article)

    def journal(self) -> list[Any]:
        return self.rows(journal_table)

    def letters(self, event: str | None = None) -> list[Message]:
        """What would go out, or waits to, as mails."""
        statement = sa.select(outbox, letter_body.c.body).join(letter_body).order_by(outbox.c.id)
        with self.db.read() as session:
            found = [r for r in session.execute(statement) if event in (None, r.event)]
        letters = []
        for row in found:
            letter = message_from_bytes(bytes(row.headers) + bytes(row.body))
            letter["X-Envelope-To"] = row.recipient
            letter["X-State"] = row.state
            letters.append(letter)
        return letters
