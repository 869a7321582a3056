"""Mails over SMTP until all are tickets: a real daemon on a fresh SQLite database, twenty connections, real clients.

    python benchmarks/ingest.py [--mails 2000] [--connections 20] [--corpus FOLDER] [--sink] [--database URL]

`--corpus` takes a folder of .eml files with FOLDER.json, a list of objects with `i`, `kind`, `mid`, `root` and `from`;
without it the mails are made here. `--sink` also sends every acknowledgement to an SMTP sink while mails come in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workload import Made, make

ADDRESS = "help@desk.example"
SETTINGS = """
[desk]
name = "Benchmark Desk"
address = "{address}"
[storage]
url = "{database}"
[smtp]
listen = ["127.0.0.1:{port}"]
[answers]
per_address = "off"
unknown = "off"
per_thread = "off"
desk = "off"
[[staff]]
name = "Agent"
email = "agent@desk.example"
{relay}
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mails", type=int, default=2000)
    options.add_argument("--connections", type=int, default=20)
    options.add_argument("--corpus", type=Path)
    options.add_argument("--database", default="sqlite:///mailgate.db")
    options.add_argument("--sink", action="store_true")
    options.add_argument("--timeout", type=float, default=600)
    args = options.parse_args()
    mails = read_corpus(args.corpus) if args.corpus else make(args.mails, ADDRESS)
    with tempfile.TemporaryDirectory(prefix="mailgate-bench-") as name:
        folder = Path(name)
        port, relay_port = free_port(), free_port()
        relay = f'[relay]\nhost = "127.0.0.1"\nport = {relay_port}\n' if args.sink else ""
        file = folder / "mailgate.toml"
        file.write_text(SETTINGS.format(address=ADDRESS, database=args.database, port=port, relay=relay))
        sink = subprocess.Popen([sys.executable, __file__, "sink", str(relay_port)]) if args.sink else None
        with (folder / "log").open("wb") as log:
            daemon = subprocess.Popen(
                [str(Path(sys.executable).with_name("mailgate")), "serve", "--config", str(file)],
                stderr=log,
                stdout=log,
            )
        try:
            wait_for(port)
            measure(mails, port, file, daemon.pid, args)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
            if sink:
                sink.kill()


def measure(mails: list[Made], port: int, file: Path, pid: int, args: argparse.Namespace) -> None:
    from mailgate import settings
    from storage.database import Database

    db = Database(settings.load(file).database_url)
    before = cpu_seconds(pid)
    start = time.monotonic()
    asyncio.run(send_all(mails, port, args.connections))
    accepted = time.monotonic() - start
    while (left := remaining(db)) and time.monotonic() - start < args.timeout:
        time.sleep(0.05)
    tickets = time.monotonic() - start
    used = cpu_seconds(pid) - before
    count = len(mails)
    rows = {
        "mails": count,
        "bytes a mail": sum(len(m.raw) for m in mails) // count,
        "not done": left,
        "mails a second accepted": round(count / accepted),
        "mails a second on tickets": round(count / tickets),
        "CPU milliseconds a mail": round(1000 * used / count, 3),
        "peak memory of the process tree, MB": round(peak_bytes(pid) / 1e6),
        **threading(db, mails),
        **outbox(db),
    }
    width = max(map(len, rows))
    for key, value in rows.items():
        print(f"{key:{width}}  {value}")
    if left:
        sys.exit(1)


def remaining(db: object) -> int:
    """What `mailgate status` calls new."""
    from sqlalchemy import text

    with db.read() as connection:  # type: ignore[attr-defined]
        return int(connection.execute(text("SELECT count(*) FROM journal WHERE state = 'new'")).scalar_one())


def threading(db: object, mails: list[Made]) -> dict[str, object]:
    from sqlalchemy import text

    with db.read() as connection:  # type: ignore[attr-defined]
        ticket = dict(
            connection.execute(text("SELECT message_id, ticket_id FROM article WHERE direction = 'in'")).all()
        )
    replies = [m for m in mails if m.root_id != m.message_id]
    right = sum(
        ticket.get(m.message_id) is not None and ticket.get(m.message_id) == ticket.get(m.root_id) for m in replies
    )
    roots = len({m.root_id for m in mails})
    return {
        "replies threaded right": f"{right} of {len(replies)}",
        "tickets (conversations)": f"{len(set(ticket.values()))} ({roots})",
    }


def outbox(db: object) -> dict[str, object]:
    from sqlalchemy import text

    with db.read() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(
            text("SELECT event, state, count(*) FROM outbox GROUP BY event, state ORDER BY event, state")
        ).all()
    return {f"outbox: {event} {state}": count for event, state, count in rows}


async def send_all(mails: list[Made], port: int, connections: int) -> None:
    queue = iter(mails)
    await asyncio.gather(*(client(queue, port) for _ in range(connections)))


async def client(queue: object, port: int) -> None:
    """One SMTP connection that sends until there is nothing left (RFC 5321 section 4.1)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)

    async def reply(expected: bytes) -> None:
        while True:
            line = await reader.readline()
            if line[3:4] != b"-":
                break
        if not line.startswith(expected):
            raise SystemExit(f"the server said {line!r}")

    await reply(b"220")
    writer.write(b"EHLO bench.example\r\n")
    await reply(b"250")
    for mail in queue:  # type: ignore[attr-defined]
        writer.write(f"MAIL FROM:<{mail.sender}> SIZE={len(mail.raw)}\r\n".encode())
        await reply(b"250")
        writer.write(f"RCPT TO:<{ADDRESS}>\r\n".encode())
        await reply(b"250")
        writer.write(b"DATA\r\n")
        await reply(b"354")
        writer.write(
            mail.raw.replace(b"\r\n.", b"\r\n..") + (b"" if mail.raw.endswith(b"\r\n") else b"\r\n") + b".\r\n"
        )
        await reply(b"250")
    writer.write(b"QUIT\r\n")
    await reply(b"221")
    writer.close()


def read_corpus(folder: Path) -> list[Made]:
    truth = json.loads(folder.with_suffix(".json").read_text())
    ids = {row["i"]: row["mid"].strip("<>") for row in truth}
    return [
        Made(
            row["kind"],
            row["from"],
            ids[row["i"]],
            ids[row["root"]],
            (folder / f"{row['i']:05d}.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        )
        for row in truth
    ]


def tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(p for child in children for p in tree(int(child)))]


def cpu_seconds(pid: int) -> float:
    ticks = 0
    for process in tree(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid: int) -> int:
    total = 0
    for process in tree(pid):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                total += int(line.split()[1]) * 1024
    return total


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(port: int, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as sock:
            sock.settimeout(1)
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the daemon did not open its port")


def run_sink(port: int) -> None:
    """An SMTP server that takes everything and keeps nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")

    async def forever() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", port, limit=2**26)
        await server.serve_forever()

    asyncio.run(forever())


if __name__ == "__main__":
    if sys.argv[1:2] == ["sink"]:
        run_sink(int(sys.argv[2]))
    else:
        main()
