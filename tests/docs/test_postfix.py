"""The page about a Postfix in front: its snippets in a real Postfix with OpenDKIM and OpenDMARC, before a real desk."""

from __future__ import annotations

import re
import shutil
import smtplib
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from servers.daemon import Daemon, free_port
from servers.milters import Milters
from servers.nameserver import Nameserver, txt
from servers.postfix import Postfix
from servers.process import folder, remove, until
from servers.sink import Sink
from signing import KEY_NAME, key, record, signed

pytestmark = pytest.mark.real("postfix", "opendkim", "opendmarc", "openssl")

PAGE = (Path(__file__).parents[2] / "docs" / "postfix.md").read_text()
ADDRESS, COPIES = "help@desk.example", "desk-copies@mail.desk.example"
ZONE: Mapping[str, Mapping[str, list[str]]] = {
    f"{KEY_NAME}partner.example": txt(record("partner.example")),
    "_dmarc.partner.example": txt("v=DMARC1; p=reject"),
    "desk._domainkey.desk.example": txt(record("desk.example")),
}
PEOPLE = """
[[staff]]
name = "Anna"
email = "anna@desk.example"
[[queue]]
name = "Service Desk"
default = true
[[queue]]
name = "Hardware"
address = "hardware@desk.example"
"""
# What is of the machine, and not of the page: users, the test's own DNS, and where processes note themselves.
# A key below /tmp is not safe enough for OpenDKIM, and Postfix is in nobody's group here.
OPENDKIM = "UserID opendkim\nPidFile {folder}/opendkim.pid\nSyslog no\nNameservers 127.0.0.1\nRequireSafeKeys no\n"
OPENDMARC = "UserID opendmarc\nPidFile {folder}/opendmarc.pid\nSyslog false\n"
HERE = {
    r"local:/run/opendkim/\S+": "local:{folder}/dkim.sock",
    r"local:/run/opendmarc/\S+": "local:{folder}/dmarc.sock",
    r"/usr/share/publicsuffix/\S+": "{folder}/suffixes",
    r"\b007\b": "000",
}
OUTSIDE = "203.0.113.9"


def files() -> dict[str, str]:
    """Each file that the page writes; several snippets of one follow each other."""
    found: dict[str, str] = defaultdict(str)
    for name, text in re.findall(r"^```text\n# (/etc/\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        found[name] += text
    return found


def settings() -> str:
    """The desk's settings, the first example of the page."""
    return re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0] + PEOPLE


class Front:
    """All of the page, with this test's ports and paths; by the door that the page takes, or by LMTP."""

    def __init__(self, place: Path, *, lmtp: bool) -> None:
        self.world = Sink().start()
        self.names = Nameserver(dict(ZONE)).start()
        self.mail = folder("copies")
        shutil.chown(self.mail, "nobody", "nogroup")
        self.keys = folder("keys")
        secret = self.keys / "desk.private"
        secret.write_bytes(key("desk.example", 1024))
        secret.chmod(0o600)
        shutil.chown(secret, "opendkim")
        snippets = files()
        dkim, dmarc = snippets["/etc/opendkim.conf"], snippets["/etc/opendmarc.conf"]
        for words, ours in {**HERE, "/etc/dkimkeys": str(self.keys)}.items():
            dkim, dmarc = re.sub(words, ours, dkim), re.sub(words, ours, dmarc)
        self.milters = Milters(ZONE, "mx.desk.example", dkim=dkim + OPENDKIM, dmarc=dmarc + OPENDMARC)
        ports = {"2525": str(free_port()), "2424": str(free_port())}
        transport, service = snippets["/etc/postfix/mailgate-transport"], snippets["/etc/postfix/master.cf"]
        if lmtp:
            assert "`mailgate:inet:127.0.0.1:2424`" in PAGE
            transport = transport.replace("mailgate:[127.0.0.1]:2525", "mailgate:inet:127.0.0.1:2424")
            service = service.replace("  smtp\n", "  lmtp\n").replace("smtp_tls", "lmtp_tls")
        main = dict(re.findall(r"^(\w+) = (.+)$", snippets["/etc/postfix/main.cf"], re.MULTILINE))
        assert len(main) == snippets["/etc/postfix/main.cf"].count("\n")
        self.postfix = Postfix(
            local=("mail.desk.example",),
            maildirs=self.mail,
            other=f"smtp:[127.0.0.1]:{self.world.port}",
            services=service,
        )
        conf = str(self.postfix.conf)
        main = {name: text.replace("/etc/postfix", conf) for name, text in main.items()}
        main["transport_maps"] += f" texthash:{conf}/transport"  # of the copies, which another machine has
        main["smtpd_milters"] = self.milters.postfix["smtpd_milters"]
        main["smtpd_authorized_xclient_hosts"] = "127.0.0.1"  # a client of the test says from where it comes
        edits = [f"{name}={text}" for name, text in main.items()]
        subprocess.run(["/usr/sbin/postconf", "-c", conf, "-e", *edits], check=True, capture_output=True)
        snippets["/etc/postfix/mailgate-transport"] = _ported(transport, ports)
        for name, text in snippets.items():
            if name.startswith("/etc/postfix/mailgate-"):
                (self.postfix.conf / Path(name).name).write_text(text)
        text = _ported(settings(), ports).replace("port = 25\n", f"port = {self.postfix.port}\n")
        self.desk = Daemon(place, f'{text}[dns]\nnameservers = ["127.0.0.1:{self.names.port}"]\n', smtp=False)

    def start(self) -> Front:
        self.milters.start()
        self.desk.start()
        self.postfix.start()
        return self

    def close(self) -> None:
        for server in (self.postfix, self.desk, self.milters, self.world, self.names):
            server.close()
        remove(self.mail)
        remove(self.keys)

    def client(self, address: str | None = OUTSIDE) -> smtplib.SMTP:
        """Somebody at that address, or on this machine."""
        client = smtplib.SMTP(self.postfix.host, self.postfix.port)
        client.ehlo()
        if address is not None:
            assert client.docmd("XCLIENT", f"ADDR={address} NAME=mail.sender.example")[0] == 220
            client.ehlo()
        return client

    def send(self, raw: bytes, sender: str, *to: str, address: str | None = OUTSIDE) -> None:
        with self.client(address) as client:
            client.sendmail(sender, to or [ADDRESS], raw)

    def article(self, subject: str) -> dict[str, Any]:
        """The first article of the ticket of that subject, once there is one."""
        number = until(lambda: self._number(subject), f"{subject} is a ticket")
        articles: list[dict[str, Any]] = self.desk.json("ticket", "show", number)[0]["articles"]
        return articles[0]

    def _number(self, subject: str) -> str | None:
        return next((row["number"] for row in self.desk.json("ticket", "list") if row["subject"] == subject), None)


def _ported(text: str, ports: Mapping[str, str]) -> str:
    for port, ours in ports.items():
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{ours}").replace(
            f"127.0.0.1]:{port}", f"127.0.0.1]:{ours}"
        )
    return text


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    made = Front(tmp_path_factory.mktemp("desk"), lmtp=False)
    try:
        yield made.start()
    finally:
        made.close()


def mail(sender: str, subject: str) -> bytes:
    return (
        f"From: Somebody <{sender}>\r\nTo: {ADDRESS}\r\nSubject: {subject}\r\n"
        f"Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nMessage-ID: <{subject}@{sender.partition('@')[2]}>\r\n\r\nHelp.\r\n"
    ).encode()


JANE, PARTNER = "jane@partner.example", "partner.example"
CLAIM = b"Authentication-Results: mx.desk.example; dmarc=pass header.from=partner.example\r\n"


def test_addresses_of_the_desk_are_known_and_others_are_refused_at_once(front: Front) -> None:
    with front.client() as client:
        client.mail("jane@partner.example")
        for known in (ADDRESS, "Help@Desk.Example", "help+anything@desk.example", "hardware@desk.example"):
            assert client.rcpt(known)[0] == 250, known
        for unknown in ("nobody@desk.example", "help@elsewhere.example"):
            assert client.rcpt(unknown)[0] in (550, 554), unknown


def test_a_mail_that_the_desk_would_not_take_is_refused_by_its_size(front: Front) -> None:
    with front.client() as client:
        limit = int(client.esmtp_features["size"])
        assert limit < 25_000_000
        assert client.docmd("MAIL", f"FROM:<{JANE}> SIZE={limit + 1}")[0] == 552
        assert client.docmd("MAIL", f"FROM:<{JANE}> SIZE={limit}")[0] == 250


def test_what_the_milters_found_counts_and_what_a_sender_claims_does_not(front: Front) -> None:
    front.send(signed(mail(JANE, "signed"), PARTNER), JANE)
    front.send(CLAIM + mail(JANE, "claimed"), JANE)
    front.send(mail("kim@other.example", "other"), "kim@other.example")
    assert front.article("signed")["trust"] == "authenticated"
    assert front.article("other")["trust"] == "unverified"
    until(lambda: [row["subject"] for row in front.desk.json("quarantine", "list")] == ["claimed"], "it is set aside")
    [aside] = front.desk.json("quarantine", "list")
    kept = front.desk.run("inbox", "export", str(aside["id"]))
    assert kept.count("Authentication-Results: mx.desk.example") == kept.count("Authentication-Results:") >= 1
    assert "dmarc=pass" not in kept


def test_staff_who_submit_at_the_same_postfix_are_known_by_the_signature_that_it_made(front: Front) -> None:
    front.send(mail("anna@desk.example", "from-anna"), "anna@desk.example", address=None)
    assert front.article("from-anna")["trust"] == "authenticated"


def test_an_answer_leaves_signed_and_one_that_comes_back_is_noted_at_its_mail(front: Front) -> None:
    front.world.refuse("gone@other.example", "550 5.1.1 No such user")
    front.send(mail("gone@other.example", "lost"), "gone@other.example")
    front.send(mail("kim@other.example", "found"), "kim@other.example")

    def acknowledged() -> list[str]:
        return [row["state"] for row in front.desk.json("outbox", "list") if row["to"] == ["gone@other.example"]]

    until(lambda: acknowledged() == ["bounced"], "the report has come back")
    answers = until(lambda: [m for m in front.world.mails if m.rcpt_to == ("kim@other.example",)], "an answer")
    for answer in answers:
        assert "d=desk.example" in str(answer.message["DKIM-Signature"])
        assert re.fullmatch(r"help\+.+@desk\.example", answer.mail_from)


def test_a_copy_of_each_mail_lies_in_the_mailbox_for_restores(front: Front) -> None:
    front.send(mail("kim@other.example", "copied"), "kim@other.example")

    def copies() -> list[Path]:
        return [file for file in (front.mail / COPIES / "new").glob("*") if b"copied" in file.read_bytes()]

    assert len(until(copies, "there is a copy")) == 1
    assert len(front.article("copied")["received"]) == 1


def test_lmtp_is_the_other_door(tmp_path: Path) -> None:
    front = Front(tmp_path, lmtp=True)
    try:
        front.start()
        front.send(signed(mail(JANE, "by-lmtp"), PARTNER), JANE, ADDRESS, "hardware@desk.example")
        article = front.article("by-lmtp")
        assert article["trust"] == "authenticated"
        assert article["received"][0]["door"] == "lmtp"
        assert "postfix/mailgate/lmtp" in front.postfix.log()
    finally:
        front.close()
