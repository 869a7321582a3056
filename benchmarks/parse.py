"""Measures `parse`: mails a second by kind against mail-parser and the standard library, and time against size.

python benchmarks/parse.py FOLDER            mails of a folder (*.eml), by kind
python benchmarks/parse.py                   a few mails made here
python benchmarks/parse.py --hostile         each pathological input at double the size, seven times
"""

from __future__ import annotations

import argparse
import base64
import email
import sys
import time
from collections.abc import Callable
from email.header import decode_header, make_header
from pathlib import Path

import mailparser

from parsing.read import identify, parse

ROUNDS = 3


def standard(raw: bytes) -> None:
    """The standard library's compat32 parse, headers and bodies decoded."""
    message = email.message_from_bytes(raw)
    for value in message.values():
        try:
            str(make_header(decode_header(str(value))))
        except (LookupError, ValueError):
            continue
    for part in message.walk():
        if not part.is_multipart():
            data = part.get_payload(decode=True)
            if part.get_content_maintype() == "text" and isinstance(data, bytes):
                data.decode(part.get_content_charset() or "utf-8", "replace")


def mail_parser(raw: bytes) -> None:
    """mail-parser as it is used most."""
    _ = mailparser.parse_from_bytes(raw).mail


def seconds(work: Callable[[bytes], object], mails: list[bytes]) -> float:
    """Mean seconds a mail, the best of a few rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for raw in mails:
            work(raw)
        best = min(best, time.perf_counter() - started)
    return best / len(mails)


def kind_of(raw: bytes) -> str:
    head = raw[:4_000].lower()
    if b"multipart/mixed" in head:
        return "attachment"
    if b"multipart/alternative" in head:
        return "alternative"
    return "reply" if b"\nin-reply-to:" in head else "plain"


def made_here() -> dict[str, list[bytes]]:
    head = b"From: Jane Doe <jane@customer.example>\r\nTo: help@desk.example\r\nSubject: Printer\r\n"
    head += b"Date: Mon, 5 Jan 2026 08:00:37 +0100\r\nMessage-ID: <1@customer.example>\r\nMIME-Version: 1.0\r\n"
    words = b"The printer on the third floor does not print since this morning.\r\n" * 60
    plain = head + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + words
    html = b"<p>" + words.replace(b"\r\n", b"</p>\r\n<p>") + b"</p>"
    both = head + b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n" + words
    both += b"--b\r\nContent-Type: text/html\r\n\r\n" + html + b"\r\n--b--\r\n"
    only_html = head + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html
    file = base64.encodebytes(bytes(range(256)) * 4_000)
    attached = head + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + words
    attached += b"--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    attached += file + b"\r\n--b--\r\n"
    return {"plain": [plain], "alternative": [both], "html": [only_html], "attachment": [attached]}


def by_kind(folder: str | None) -> None:
    kinds: dict[str, list[bytes]] = {}
    if folder:
        for path in sorted(Path(folder).glob("*.eml")):
            raw = path.read_bytes()
            kinds.setdefault(kind_of(raw), []).append(raw)
    else:
        kinds = {name: mails * 50 for name, mails in made_here().items()}
    print(f"{'mails':14}{'count':>6}{'KB':>8}{'parse ms':>10}{'/s':>8}{'standard/s':>12}{'mail-parser/s':>15}")
    total = count = 0.0
    for name, mails in sorted(kinds.items()):
        own, library, other = (seconds(work, mails) for work in (parse, standard, mail_parser))
        total, count = total + own * len(mails), count + len(mails)
        size = sum(map(len, mails)) / len(mails) / 1000
        row = f"{own * 1000:10.3f}{1 / own:8.0f}{1 / library:12.0f}{1 / other:15.0f}"
        print(f"{name:14}{len(mails):6}{size:8.1f}{row}")
    print(f"mean over all: {total / count * 1000:.3f} ms a mail")
    every = [raw for mails in kinds.values() for raw in mails]
    print(f"identify: {seconds(identify, every) * 1_000_000:.1f} µs a mail")


HEAD = b"From: a@b.example\nTo: c@d.example\nSubject: s\n"


def _field(name: bytes, piece: bytes) -> Callable[[int], bytes]:
    return lambda size: HEAD + name + b": " + piece * (size // len(piece)) + b"\n\nbody\n"


def _html(piece: bytes) -> Callable[[int], bytes]:
    return lambda size: HEAD + b"Content-Type: text/html\n\n" + piece * (size // len(piece))


def _text(piece: bytes) -> Callable[[int], bytes]:
    return lambda size: HEAD + b"In-Reply-To: <a@b.example>\n\n" + piece * (size // len(piece))


def _nested(size: int) -> bytes:
    level = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    return HEAD + b"".join(level % (i, i) for i in range(size // 60))


def _parts(piece: bytes) -> Callable[[int], bytes]:
    head = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n"
    return lambda size: head + piece * (size // len(piece))


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "one long header": _field(b"X-Long", b"a"),
    "many headers": lambda size: HEAD + b"X: y\n" * (size // 5) + b"\n",
    "a header of folds": _field(b"Subject", b"a\n "),
    "headers without names": lambda size: HEAD + b"nothing\nX: y\n" * (size // 13) + b"\n",
    "many recipients": _field(b"To", b"a@b.example, "),
    "names without addresses": _field(b"To", b"Doe, "),
    "quotes in To": _field(b"To", b'\\"'),
    "parentheses in From": _field(b"From", b"("),
    "angles in From": _field(b"From", b"<"),
    "groups in Cc": _field(b"Cc", b"a:;"),
    "encoded words in Subject": _field(b"Subject", b"=?utf-8?q?=C3=A4?= "),
    "unfinished words in Subject": _field(b"Subject", b"=?utf-8?q?"),
    "encoded words in To": _field(b"To", b"=?utf-8?q?=C3=A4?= "),
    "semicolons in Content-Type": _field(b"Content-Type", b";"),
    "RFC 2231 pieces": _field(b"Content-Disposition", b"attachment; a*0*=b; "),
    "backslashes in a parameter": _field(b"Content-Type", b'text/plain; a="\\\\'),
    "References": _field(b"References", b"<a@b.example> "),
    "brackets in References": _field(b"References", b"<(<"),
    "Authentication-Results": _field(b"Authentication-Results", b"a; dkim=pass (x) header.d=b "),
    "open comments in results": _field(b"Authentication-Results", b"a; b=c (("),
    "a result without a value": _field(b"Authentication-Results", b"a"),
    "raw 8-bit fields": lambda size: HEAD + b"X: \xcf\xf0\xe8\xe2\xe5\xf2\n" * (size // 10) + b"\n",
    "raw 8-bit parameters": _parts(b"--b\nContent-Type: a/b" + b"; a=\xcf\xf0\xe8\xe2\xe5\xf2" * 200 + b"\n\n\n"),
    "raw 8-bit parts": _parts(b"--b\nContent-Type: text/plain\n\n" + b"\xcf\xf0\xe8\xe2\xe5\xf2 " * 60 + b"\n"),
    "html long attribute": lambda size: HEAD + b"Content-Type: text/html\n\n<p hidden " + b"a" * size + b">x",
    "many parts": _parts(b"--b\n\nx\n"),
    "lines like boundaries": _parts(b"--c\n"),
    "parts without an end": _parts(b"--b\nX: y\n"),
    "nested multiparts": _nested,
    "multiparts without boundary": _parts(b"--b\nContent-Type: multipart/mixed; boundary=none\n\nx\n"),
    "base64 of padding": lambda size: HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"QQ==\n" * (size // 5),
    "quoted-printable": lambda size: HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=\n" * (size // 2),
    "8-bit noise": _text(b"\xff\xfe\x81\xe9 "),
    "quote tower": lambda size: HEAD + b"\n" + b"".join(b">" * (i % 500) + b" x\n" for i in range(size // 250)),
    "quote headers": _text(b"On Monday, Jane Doe wrote:\n"),
    "On On On": _text(b"On "),
    "From lines": _text(b"From: a@b.example\n"),
    "blank lines": _text(b"\n"),
    "one long line": _text(b"a"),
    "signature marks": _text(b"-- \n"),
    "html nesting": _html(b"<div>"),
    "html hidden nesting": _html(b"<div style='display:none'>"),
    "html attributes": lambda size: HEAD + b"Content-Type: text/html\n\n<p " + b"a=b " * (size // 4) + b">x",
    "html open tags": _html(b"<a "),
    "html open quotes": _html(b"<a href=\"'"),
    "html open comments": _html(b"<!-- "),
    "html entities": _html(b"&amp;&#x41;&notanentity"),
    "html ampersands": _html(b"&"),
    "html tables": _html(b"<table><tr><td>"),
    "html lists": _html(b"<ul><li>"),
    "html links": _html(b"<a href=http://x.example/>x</a>"),
    "html quotes": _html(b"<blockquote type=cite>x"),
    "html scripts": _html(b"<script>"),
    "calendar": lambda size: HEAD + b"Content-Type: text/calendar\n\n" + b"BEGIN:VEVENT\n" * (size // 13),
}


def hostile(largest: int) -> bool:
    """Time against size; False where doubling the size more than trebles a time that is long enough to tell."""
    sizes = [largest >> shift for shift in (7, 6, 5, 4, 3, 2, 1, 0)]
    print(f"{'ms at KB':30}" + "".join(f"{size // 1000:>8}" for size in sizes))
    linear = True
    for name, make in HOSTILE.items():
        times = []
        for size in sizes:
            raw = make(size)
            started = time.perf_counter()
            parse(raw)
            times.append(time.perf_counter() - started)
        suspect = times[-1] > 3 * times[-2] > 0.15 or times[-1] > 200 * times[0] > 0.5
        linear = linear and not suspect
        print(
            f"{name:30}" + "".join(f"{t * 1000:8.1f}" for t in times) + ("   more than linear" if suspect else ""),
            flush=True,
        )
    return linear


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", nargs="?")
    options.add_argument("--hostile", action="store_true")
    options.add_argument("--largest", type=int, default=2_000_000, help="bytes of the largest hostile mail")
    chosen = options.parse_args()
    if chosen.hostile:
        sys.exit(0 if hostile(chosen.largest) else 1)
    by_kind(chosen.folder)


if __name__ == "__main__":
    main()
