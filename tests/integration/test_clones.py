"""Two gateways cloned with one host name and one path share a PostgreSQL: nothing is worked twice."""

from __future__ import annotations

import smtplib
import threading
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa
from servers.daemon import Daemon
from servers.sink import Sink

from storage.database import Database
from storage.tables import article, journal, outbox, ticket

MAILS = 200
SETTINGS = """
[desk]
name = "Cloned Desk"
address = "help@desk.example"
[storage]
url = "{url}"
[smtp]
listen = ["127.0.0.1:{{port}}"]
[relay]
host = "127.0.0.1"
port = {relay}
[answers]
per_address = "off"
unknown = "off"
desk = "off"
[[staff]]
name = "Agent"
email = "agent@desk.example"
"""


def clone(folder: Path, settings: str) -> Daemon:
    """A gateway at that path; the one that runs there keeps the file that it opened, as on a machine of its own."""
    (folder / "mailgate.toml").unlink(missing_ok=True)
    return Daemon(folder, settings)


def send(port: int, numbers: range) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        for n in numbers:
            client.sendmail(
                f"person{n}@acme.example",
                ["help@desk.example"],
                f"From: person{n}@acme.example\r\nTo: help@desk.example\r\nSubject: Printer {n}\r\n"
                f"Message-ID: <{n}@acme.example>\r\n\r\nIt does not print.\r\n".encode(),
            )


@pytest.mark.real("postgresql-15")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_clone_that_starts_takes_nothing_from_the_hands_of_the_other(
    tmp_path: Path, database_url: str, sink: Sink
) -> None:
    settings = SETTINGS.format(url=database_url, relay=sink.port)
    sink.slowness = 0.05  # so that letters are in hand whenever the other one starts
    first = clone(tmp_path, settings).start()
    second = clone(tmp_path, settings)
    try:
        half = MAILS // 2
        senders = [threading.Thread(target=send, args=(first.port, range(half)))]
        senders[0].start()
        second.start()
        senders.append(threading.Thread(target=send, args=(second.port, range(half, MAILS))))
        senders[1].start()
        for sender in senders:
            sender.join(60)
        for _ in range(3):
            assert second.stop() == 0
            second.start()
        second.settled(60)
    finally:
        stopped = [first.stop(), second.stop()]
        first.close()
        second.close()
    assert stopped == [0, 0]
    db = Database(database_url)
    with db.read() as session:
        assert set(session.execute(sa.select(journal.c.attempt)).scalars()) == {1}, "nobody took a mail from the other"
        assert set(session.execute(sa.select(outbox.c.attempt)).scalars()) == {1}, "nobody took a letter from the other"
        assert session.execute(sa.select(sa.func.count()).select_from(ticket)).scalar_one() == MAILS
        came = Counter(session.execute(sa.select(article.c.message_id).where(article.c.direction == "in")).scalars())
        written = set(session.execute(sa.select(outbox.c.message_id)).scalars())
    db.close()
    assert len(came) == MAILS
    assert set(came.values()) == {1}
    sent = Counter(str(mail.message["Message-ID"]).strip("<>") for mail in sink.mails)
    assert set(sent) == written
    assert set(sent.values()) == {1}, "each letter was sent once"
