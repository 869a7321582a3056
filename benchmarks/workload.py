"""A help desk's day as mails, the same on every run: short texts, HTML, replies, attachments, alerts."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass

MIX = (("plain", 50), ("alternative", 20), ("reply", 20), ("attachment", 7), ("alert", 3))
PEOPLE, COMPANIES = 400, 60
_LINES = (
    "printer paper tray login portal invoice number wrong please help since",
    "monday update server slow backup failed again cable office meeting room",
    "screen black keyboard order delivery contract renewal urgent thanks colleague attached",
    "error message window closes vpn token expired account locked phone rings",
    "nobody answers",
)
WORDS = tuple(word for line in _LINES for word in line.split())


@dataclass(frozen=True, slots=True)
class Made:
    """One mail: what it is, who sends it, the mail that begins its conversation, and its bytes."""

    kind: str
    sender: str
    message_id: str
    root_id: str
    raw: bytes


def make(count: int, to: str, seed: int = 1) -> list[Made]:
    """`count` mails to `to`; replies follow the mail that they answer."""
    rng = random.Random(seed)
    kinds = [kind for kind, share in MIX for _ in range(round(count * share / 100))]
    kinds = (kinds + ["plain"] * count)[:count]
    rng.shuffle(kinds)
    mails: list[Made] = []
    talks: list[tuple[Made, str, str]] = []  # mail, subject, text
    for number, kind in enumerate(kinds):
        person = rng.randrange(PEOPLE)
        sender = f"person{person}@company{person % COMPANIES}.example"
        message_id = f"{rng.getrandbits(60):x}.{number}@company.example"
        subject, text = " ".join(rng.choices(WORDS, k=5)).capitalize(), _text(rng, 1500)
        root, extra = message_id, ""
        if kind == "reply" and talks:
            before, subject, quoted = rng.choice(talks[-400:])
            sender, root = before.sender, before.root_id
            subject = f"Re: {subject.removeprefix('Re: ')}"
            extra = f"In-Reply-To: <{before.message_id}>\r\nReferences: <{before.message_id}>\r\n"
            quote = "".join(f"> {line}\r\n" for line in quoted.splitlines()[:15])
            text = f"{_text(rng, 500)}\r\nOn Monday somebody wrote:\r\n{quote}"
        if kind == "alert":
            sender, host = "nagios@monitor.example", f"srv{rng.randrange(200)}"
            subject = f"** PROBLEM Service Alert: {host}/Load is CRITICAL **"
            extra = "Auto-Submitted: auto-generated\r\n"
            text = (
                "***** Nagios *****\r\n\r\nNotification Type: PROBLEM\r\n\r\nService: Load\r\n"
                f"Host: {host}\r\nState: CRITICAL\r\n"
            )
        head = (
            f"From: Person <{sender}>\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Mon, 5 Jan 2026 08:00:00 +0000\r\n"
            f"Message-ID: <{message_id}>\r\n{extra}MIME-Version: 1.0\r\n"
        )
        made = Made(kind, sender, message_id, root, (head + _body(rng, kind, text)).encode())
        mails.append(made)
        if kind != "alert":
            talks.append((made, subject, text))
    return mails


def _text(rng: random.Random, size: int) -> str:
    lines = []
    while sum(map(len, lines)) < size:
        lines.append(" ".join(rng.choices(WORDS, k=10)).capitalize() + ".\r\n")
    return "".join(lines)


def _body(rng: random.Random, kind: str, text: str) -> str:
    plain = f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    if kind == "alternative":
        paragraphs = "".join(f'<p class="MsoNormal"><span>{line}</span></p>\r\n' for line in text.splitlines())
        style = "<style>" + "p.MsoNormal{margin:0cm;font-size:11.0pt} " * 40 + "</style>"
        html = (
            f"Content-Type: text/html; charset=utf-8\r\n\r\n<html><head>{style}</head><body>{paragraphs}</body></html>"
        )
        return f'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\n{plain}--b\r\n{html}\r\n--b--\r\n'
    if kind == "attachment":
        data = base64.encodebytes(rng.randbytes(75_000)).decode().replace("\n", "\r\n")
        file = (
            'Content-Type: application/pdf; name="report.pdf"\r\nContent-Disposition: attachment; '
            f'filename="report.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n{data}'
        )
        return f'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n{plain}--b\r\n{file}\r\n--b--\r\n'
    return plain
