"""Records `mailgate init` at a terminal, against a real Dovecot and Postfix, and draws it as an SVG that moves.

The servers are those of the tests, at the ports of their kind and under a name of their own: for that the recording has
network and mounts of its own (unshare(1), as root). Timings are those of the run, but long waits are cut short.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = Path("/srv/desk")  # in a file system of the recording's own
HOST = "mail.desk.example"
COLUMNS, LINES = 100, 32
LONGEST_WAIT, READING, KEY = 1.5, 1.0, 0.06  # seconds: a wait in the picture, before an answer, between two keys
SHELL_PROMPT = "\x1b[1;32m$\x1b[0m "
# What is asked, and what a person types. The password is not shown.
ANSWERS = (
    ("NAME <ADDRESS> [Service Desk", "Our Desk <help@desk.example>"),
    ("Mailbox [", HOST),
    ("User [", ""),
    ("(not shown):", "PASSWORD"),
    ("Relay [", ""),
    ("Time zone [", "Europe/Berlin"),
    ("NAME <ADDRESS> [none]", "Anna <anna@desk.example>"),
    ("Authentication-Results of [", ""),
    ("Begin [", ""),
)
PLAIN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
Event = tuple[float, str]


def record() -> list[Event]:
    """Runs it in a world of its own; what the terminal showed, with seconds from the start."""
    inside = ["/usr/bin/unshare", "--net", "--mount", sys.executable, str(Path(__file__)), "--inside"]
    done = subprocess.run(inside, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - all of it is ours
    return [(at, text) for at, text in json.loads(done.stdout)]


def cast(events: list[Event]) -> str:
    """As an asciicast (version 2), which `asciinema play` shows."""
    head = {"version": 2, "width": COLUMNS, "height": LINES, "title": "mailgate init"}
    return "".join(f"{json.dumps(row)}\n" for row in (head, *([round(at, 3), "o", text] for at, text in events)))


# --- inside -------------------------------------------------------------------------------------------------------


def _world() -> None:
    """Loopback, a host name that leads there, and an empty folder for the desk."""
    hosts = PLACE.parent / "hosts"
    for command in (
        "ip link set lo up",
        "mount --make-rprivate /",
        f"mount -t tmpfs tmpfs {PLACE.parent}",
        f"mkdir {PLACE}",
        f"printf '127.0.0.1 localhost {HOST}\\n' >{hosts} && mount --bind {hosts} /etc/hosts",
    ):
        subprocess.run(["/bin/sh", "-ec", command], check=True, capture_output=True)  # noqa: S603 - the same


def _inside() -> list[Event]:
    sys.path.insert(0, str(ROOT / "tests"))
    from servers import dovecot, postfix, tls

    _world()
    ports = {dovecot: iter((143, 993)), postfix: iter((587,))}
    for module, free in ports.items():
        module.free_port = lambda free=free: next(free)  # type: ignore[attr-defined]
    dovecot.certificates = lambda folder: tls.strange(folder, days=(-1, 9), name=HOST)  # type: ignore[assignment]
    mailboxes = dovecot.Dovecot().start()
    assert mailboxes.certificates is not None
    show = mailboxes.certificates
    relay = postfix.Postfix(
        local=("desk.example",),
        maildirs=mailboxes.folder / "mail",
        extra={
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": str(show.cert),
            "smtpd_tls_key_file": str(show.key),
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": str(mailboxes.auth_socket),
        },
    ).start()
    try:
        for number in range(12):
            results = f"Authentication-Results: {HOST}; dmarc=pass header.from=acme.example"
            mailboxes.deliver("help@desk.example", f"{results}\r\nSubject: old {number}\r\n\r\n".encode())
        return _sit({**os.environ, "SSL_CERT_FILE": str(show.ca)}, dovecot.PASSWORD)
    finally:
        relay.close()
        mailboxes.close()


def _sit(environment: Mapping[str, str], password: str) -> list[Event]:
    """A person at the terminal: reads, answers, and waits for the end."""
    events: list[Event] = [(0.0, SHELL_PROMPT)]
    at = 1.0
    events += [(at := at + KEY, key) for key in "mailgate init"]
    events.append((at := at + READING, "\r\n"))
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(PLACE)
        size = {"COLUMNS": str(COLUMNS), "LINES": str(LINES), "TERM": "xterm-256color"}
        kept = {key: text for key, text in environment.items() if key not in ("MAILGATE_CONFIG", "NO_COLOR", "TZ")}
        os.execve(Path(sys.executable).with_name("mailgate"), ["mailgate", "init"], {**kept, **size})  # noqa: S606
    began = time.monotonic() - at

    def looks(seconds: float) -> bool:
        """What is shown within that time; whether it was silent at last."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([master], [], [], left)[0]:
                events.append((time.monotonic() - began, os.read(master, 65536).decode()))
                return False
        return True

    answers = list(ANSWERS)
    seen = len(events)
    with contextlib.suppress(OSError):  # the terminal is gone: it has ended
        while True:
            silent = looks(READING)
            asked = PLAIN.sub("", "".join(text for _, text in events[seen:]))
            if silent and answers and answers[0][0] in asked:
                _, words = answers.pop(0)
                seen = len(events)
                for key in (password if words == "PASSWORD" else words) + "\r":
                    os.write(master, key.encode())
                    looks(KEY)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "".join(text for _, text in events)
    return [*events, (events[-1][0] + READING, SHELL_PROMPT)]


def hurried(events: list[Event]) -> Iterator[Event]:
    """The same, with no wait longer than somebody who looks at a picture has patience for."""
    before = shift = 0.0
    for at, text in events:
        shift += max(0.0, at - before - LONGEST_WAIT)
        before = at
        yield at - shift, text


if __name__ == "__main__" and "--inside" in sys.argv:
    print(json.dumps(_inside()))
