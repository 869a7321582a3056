"""What a page takes for granted when it says what to type: a desk, servers and mails, one table for all pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from servers.dovecot import PASSWORD, Dovecot
from servers.postfix import Postfix
from servers.sink import Sink

# Every page's shell. What the service manager of a machine does is done here with the daemon that the page started.
PRELUDE = r"""
set -eu
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
serving() { pid=$!; until grep -q serving log; do sleep 0.05; done; }
settle() { until mailgate status --json | grep -q '"new":0'; do sleep 0.05; done; }
sent() { until mailgate status --json | grep -q '"new":0.*"pending":0'; do sleep 0.05; done; }
systemctl() {
  case "$1" in
    reload) kill -HUP "$pid"; until grep -q 'new settings' log; do sleep 0.05; done ;;
    stop) kill "$pid"; wait "$pid" ;;
    start) mailgate serve 2>log & serving ;;
    restart) systemctl stop; systemctl start ;;
  esac
}
journalctl() { cat log; }
smtp() { python -c '
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as client:
    client.sendmail(sys.argv[2], "help@desk.example", sys.stdin.buffer.read().replace(b"\n", b"\r\n"))' "$port" "$1"; }
"""
# On any page: what is waited for after a command, by the words that stand in it.
AFTER = {
    "mailgate init": "sed -i s/:2525/:$port/ mailgate.toml",
    "mailgate serve": "serving",
    "mailgate deliver": "settle",
    "mailgate inbox retry": "settle",
    "mailgate quarantine release": "settle",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Shell `before` the page; what follows a command `after` those words; what stands here `instead` of its words.

    `settings`: what precedes the page's first example, where the page says to put that into `mailgate.toml`.
    """

    before: str = ""
    after: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    settings: str | None = None


START = "mailgate serve 2>log & serving"
STOP = "systemctl stop"
INIT = f"mailgate init --yes; {AFTER['mailgate init']}"
ONE_MAIL = r"printf 'From: jane@acme.example\n\nHelp.\n' | mailgate deliver; settle"

NAMED = '[desk]\nname = "Help"\naddress = "help@desk.example"\n'
SETTINGS = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[smtp]
listen = ["127.0.0.1:$port"]
auth_results = "mx.desk.example"
[relay]
host = "127.0.0.1"
port = {relay}
[[staff]]
name = "Anna"
email = "anna@desk.example"
[[queue]]
name = "Service Desk"
default = true
[[queue]]
name = "Hardware"
[[partner]]
name = "Acme"
domains = ["acme.example"]
"""
PARKED = """
import sqlite3
with sqlite3.connect("mailgate.db") as db:
    db.execute("update journal set state = 'parked', outcome = null, mail_key = null, error = 'ValueError: strange'"
               " where subject = 'A strange mail'")
"""


def mail(number: int, sender: str, subject: str, *headers: str) -> str:
    """Shell that hands it to the desk as the mail server in front does."""
    lines = [*headers, f"From: {sender}", f"Subject: {subject}", f"Message-ID: <{number}@example.com>", "", "Help."]
    return "\n".join([f"smtp '{sender.partition('<')[2].rstrip('>')}' <<'END'", *lines, "END"])


# A conversation, an address that does not exist, a forged mail, and one that could not be worked.
MAILS = "\n".join(
    [
        mail(1, "Jane <jane@acme.example>", "Printer prints blank pages"),
        mail(2, "Jane <jane@acme.example>", "And a mouse", "In-Reply-To: <1@example.com>"),
        mail(3, "Gone <gone@umbrella.example>", "Question"),
        mail(
            4,
            "The Director <director@bank.example>",
            "Pay this today",
            "Authentication-Results: mx.desk.example; dmarc=fail (p=reject) header.from=bank.example",
        ),
        mail(5, "Kim <kim@acme.example>", "A strange mail"),
        "sent",
        f"systemctl stop; python - <<'END'{PARKED}END",
        "systemctl start",
    ]
)


@contextmanager
def busy() -> Iterator[Desk]:
    """A desk at work, with a relay, and with something for a person to look at."""
    relay = Sink().start()
    try:
        relay.refuse("gone@umbrella.example", "550 5.1.1 No such user")
        settings = f"cat >mailgate.toml <<END\n{SETTINGS.format(relay=relay.port)}END\n"
        yield Desk(before=f"{settings}{START}\n{MAILS}")
    finally:
        relay.close()


@contextmanager
def provider() -> Iterator[Desk]:
    """A mailbox at a Dovecot, and a Postfix that lays into it what the desk sends itself."""
    mailboxes, relay, others = Dovecot(), None, Sink().start()
    try:
        mailboxes.start()
        relay = Postfix(
            local=("desk.example",), maildirs=mailboxes.folder / "mail", other=f"smtp:[127.0.0.1]:{others.port}"
        ).start()
        mailboxes.deliver("help@desk.example", b"Subject: old\r\n\r\n")
        yield Desk(
            instead={
                "imap.desk.example": f"127.0.0.1:{mailboxes.port}",
                "smtp.desk.example:587": f"127.0.0.1:{relay.port}",
                "PASSWORD": PASSWORD,
            }
        )
    finally:
        for server in (relay, mailboxes, others):
            if server is not None:
                server.close()


DESKS: Mapping[str, Callable[[], AbstractContextManager[Desk]]] = {
    "backup.md": lambda: nullcontext(Desk(before=f"{INIT}\n{START}\n{ONE_MAIL}", after={"mailgate backup": STOP})),
    "imap.md": provider,
    "rules.md": lambda: nullcontext(Desk(before="mailgate db upgrade", settings=NAMED)),
    "trust.md": lambda: nullcontext(Desk(before="mailgate db upgrade", settings=NAMED)),
    "operating.md": busy,
    "what-to-do-when.md": busy,
}
NEEDS = {"imap.md": ("dovecot-imapd", "postfix")}  # Debian's packages
