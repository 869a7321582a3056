"""Partners and staff with real mailboxes: real Postfix before and behind the desk, real Dovecot on every side."""

from __future__ import annotations

import os
import smtplib
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import make_msgid
from itertools import count
from pathlib import Path

import pytest
from servers.daemon import Daemon, free_port
from servers.dovecot import Dovecot
from servers.postfix import Postfix

SETTINGS = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[smtp]
listen = ["127.0.0.1:{{port}}"]
auth_results = "mx.desk.example"
[lmtp]
listen = ["127.0.0.1:{lmtp}"]
[relay]
host = "127.0.0.1"
port = {relay}
[[imap]]
name = "office"
host = "127.0.0.1"
port = {imap}
tls = "none"
user = "{office}"
password_file = "password"
start = "all"
poll = 1
[[queue]]
name = "Service Desk"
default = true
[[queue]]
name = "Office"
address = "{office}"
[[staff]]
name = "Agent"
email = "{agent}"
"""

pytestmark = pytest.mark.real("dovecot-imapd", "postfix")


_serial = count()  # people are of one test: the servers stay


class Town:
    """One Postfix, one Dovecot, one desk, and people."""

    def __init__(self, folder: Path, dovecot: Dovecot) -> None:
        mark = f"{os.getpid()}{next(_serial)}"
        self.anna, self.agent = f"anna{mark}@acme.example", f"agent{mark}@staff.example"
        self.office = f"office{mark}@staff.example"
        self.dovecot = dovecot
        self.lmtp = free_port()
        self.smtp = free_port()
        self.postfix = Postfix(
            local=("acme.example", "staff.example"),
            maildirs=dovecot.folder / "mail",
            routes={"desk.example": f"lmtp:inet:127.0.0.1:{self.lmtp}"},
        ).start()
        (folder / "password").write_text("pw")
        self.daemon = Daemon(
            folder,
            SETTINGS.format(
                relay=self.postfix.port, imap=dovecot.port, lmtp=self.lmtp, office=self.office, agent=self.agent
            ),
        )
        dovecot.maildir(self.office)
        self.daemon.start()

    def close(self) -> None:
        self.daemon.close()
        self.postfix.close()

    def send(
        self, sender: str, to: str, subject: str, text: str, answering: Message | None = None, **extra: str
    ) -> None:
        mail = EmailMessage()
        for name, value in extra.items():
            mail[name.replace("_", "-")] = value
        mail["From"], mail["To"], mail["Subject"] = sender, to, subject
        mail["Message-ID"] = make_msgid(domain="acme.example")
        mail["Date"] = "Mon, 5 Jan 2026 08:00:00 +0000"
        if answering is not None:
            mail["In-Reply-To"] = mail["References"] = answering["Message-ID"]
        mail.set_content(text)
        with smtplib.SMTP("127.0.0.1", self.postfix.port) as client:
            client.send_message(mail, sender, [to])

    def read(self, user: str, wanted: Callable[[Message], bool], seconds: float = 30) -> Message:
        """The first such mail in that person's mailbox."""
        end = time.monotonic() + seconds
        while True:
            mails = [message_from_bytes(kept.raw, policy=default) for kept in self.dovecot.mails(user)]
            for mail in mails:
                if wanted(mail):
                    return mail
            assert time.monotonic() < end, [(m["Subject"], m["X-Mailgate-Event"]) for m in mails] + [self.daemon.log()]
            time.sleep(0.1)


@pytest.fixture
def town(tmp_path: Path, dovecot: Dovecot) -> Iterator[Town]:
    town = Town(tmp_path, dovecot)
    yield town
    town.close()


def event(name: str) -> Callable[[Message], bool]:
    return lambda mail: mail["X-Mailgate-Event"] == name


def test_partner_and_staff_talk_through_real_servers(town: Town) -> None:
    town.send(town.anna, "help@desk.example", "Portal is down", "It does not open.")
    acknowledgement = town.read(town.anna, event("acknowledgement"))
    notice = town.read(town.agent, event("notice"))
    town.send(
        town.agent,
        notice["Reply-To"] or notice["From"],
        "Re: Portal is down",
        "It is up again.",
        notice,
        Authentication_Results="mx.desk.example; dmarc=pass header.from=staff.example",
    )
    answer = town.read(town.anna, event("answer"))
    assert "It is up again." in answer.as_string()
    assert acknowledgement["X-Mailgate-Ticket"] == answer["X-Mailgate-Ticket"]
    [shown] = town.daemon.json("ticket", "show", answer["X-Mailgate-Ticket"])
    assert (shown["state"], shown["owner"]) == ("open", town.agent)
    assert shown["articles"][0]["received"][0]["door"] == "lmtp"


def test_mailbox_that_is_watched_answers_and_takes_replies(town: Town) -> None:
    town.send(town.anna, town.office, "Invoice 17", "It is wrong.")
    acknowledgement = town.read(town.anna, event("acknowledgement"))
    assert town.office in acknowledgement["From"]
    town.send(town.anna, town.office, "Re: Invoice 17", "And late.", acknowledgement)
    town.read(town.agent, lambda m: event("notice")(m) and "And late." in m.as_string())
    town.daemon.settled()
    [row] = town.daemon.json("ticket", "list")
    assert row["queue"] == "Office"
    [shown] = town.daemon.json("ticket", "show", row["number"])
    assert [a["received"][0]["door"] for a in shown["articles"] if a["direction"] == "in"] == ["imap:office"] * 2
    assert town.dovecot.mails(town.office) == []
    assert len(town.dovecot.mails(town.office, "Processed")) == 2
