"""Measures `parse`: time a mail by kind against the standard library and mail-parser, and time against size.

python benchmarks/parse.py                   a help desk's mix of mails
python benchmarks/parse.py FOLDER            mails of a folder (*.eml), by kind
python benchmarks/parse.py --hostile         each pathological input at double the size, seven times

All three readers take turns on the same mails. Times are of the processor and the best of the rounds, ratios the
median of them, so that what else the machine does falls on both sides.
"""

from __future__ import annotations

import argparse
import email
import subprocess
import sys
import time
from collections.abc import Callable
from email.header import decode_header, make_header
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import mailparser
import workload

from parsing.read import identify, parse

ROUNDS = 7
MAILS = 400  # of the mix
MADE_ELSEWHERE = Path(__file__).resolve().parents[2] / "shared" / "workload" / "make_corpus.py"


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


READERS: tuple[Callable[[bytes], object], ...] = (parse, standard, mail_parser)


def seconds(work: Callable[[bytes], object], mails: list[bytes]) -> float:
    """Mean seconds of processor time a mail."""
    started = time.process_time()
    for raw in mails:
        work(raw)
    return (time.process_time() - started) / len(mails)


def kind_of(raw: bytes) -> str:
    head = raw[:4_000].lower()
    if b"multipart/mixed" in head:
        return "attachment"
    if b"multipart/alternative" in head:
        return "alternative"
    if b"\nauto-submitted:" in head:
        return "alert"
    return "reply" if b"\nin-reply-to:" in head else "plain"


def mix() -> list[bytes]:
    """The mails of the workload that stands beside the project, else those of `workload.py`, which are alike."""
    if not MADE_ELSEWHERE.exists():
        return [made.raw for made in workload.make(MAILS, "help@desk.example")]
    with TemporaryDirectory() as folder:
        command = [sys.executable, str(MADE_ELSEWHERE), str(MAILS), f"{folder}/mails"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return read_folder(f"{folder}/mails")


def read_folder(folder: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(Path(folder).glob("*.eml"))]


def only_html(raw: bytes) -> bytes:
    """The HTML of an alternative as a mail of its own."""
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = [line for line in head.split(b"\r\n") if not line.startswith((b"Content-", b" ", b"\t"))]
    page = b"Content-Type: text/html" + body.partition(b"Content-Type: text/html")[2]
    return b"\r\n".join([*fields, page.rpartition(b"\r\n--")[0]])


def by_kind(mails: list[bytes]) -> None:
    kinds: dict[str, list[bytes]] = {}
    for raw in mails:
        kinds.setdefault(kind_of(raw), []).append(raw)
    columns = ("parse µs", "standard", "mail-parser", "/standard", "/mail-parser")
    print(f"{'':12}{'mails':>6}{'KB':>8}" + "".join(f"{column:>13}" for column in columns))
    rows = {name: measured(some) for name, some in sorted(kinds.items())}
    for name, row in rows.items():
        show(name, kinds[name], row)
    shares = {name: len(some) / len(mails) for name, some in kinds.items()}
    mean = [[sum(rows[name][r][i] * shares[name] for name in rows) for i in range(3)] for r in range(ROUNDS)]
    show("mean", mails, mean)
    pages = [only_html(raw) for raw in kinds.get("alternative", ())]
    if pages:
        show("HTML alone", pages, measured(pages))
    print(f"identify: {min(seconds(identify, mails) for _ in range(3)) * 1e6:.1f} µs a mail")


def measured(mails: list[bytes]) -> list[list[float]]:
    """Of each round the seconds a mail that each of the readers took."""
    return [[seconds(reader, mails) for reader in READERS] for _ in range(ROUNDS)]


def show(name: str, mails: list[bytes], rounds: list[list[float]]) -> None:
    own, library, other = (min(times) * 1e6 for times in zip(*rounds, strict=True))
    beside = [median(times[0] / times[i] for times in rounds) for i in (1, 2)]
    size = sum(map(len, mails)) / len(mails) / 1000
    cells = [f"{cell:13.0f}" for cell in (own, library, other)] + [f"{ratio:13.2f}" for ratio in beside]
    print(f"{name:12}{len(mails):6}{size:8.1f}" + "".join(cells))


HEAD = b"From: a@b.example\nTo: c@d.example\nSubject: s\n"


def _field(name: bytes, piece: bytes) -> Callable[[int], bytes]:
    return lambda size: HEAD + name + b": " + piece * (size // len(piece)) + b"\n\nbody\n"


def _html(piece: bytes) -> Callable[[int], bytes]:
    return lambda size: HEAD + b"Content-Type: text/html\n\n" + piece * (size // len(piece))


def _text(piece: bytes) -> Callable[[int], bytes]:
    return lambda size: HEAD + b"In-Reply-To: <a@b.example>\n\n" + piece * (size // len(piece))


def _report(piece: bytes) -> Callable[[int], bytes]:
    head = HEAD.replace(b"a@b.example", b"MAILER-DAEMON@b.example") + b"\nIt could not be delivered.\n"
    return lambda size: head + piece * (size // len(piece))


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
    "bars under introductions": _text(b"On 5 Jan 2026 10:33, a@b.example wrote:\n|x\n\n"),
    "uuencode without an end": _text(b"begin 644 a\n"),
    "uuencode of nothing": _text(b"begin 644 a\nend\n"),
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
    "a report of words": _report(b"deliver your message mailbox a b "),
    "a report of addresses": _report(b"\n550 <a@x.example"),
    "a report of replies": _report(b"\nsaid: 55"),
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
            started = time.process_time()
            parse(raw)
            times.append(time.process_time() - started)
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
    by_kind(read_folder(chosen.folder) if chosen.folder else mix())


if __name__ == "__main__":
    main()
