"""A DNS server on a loopback port of its own, whose zone is a dictionary of the test."""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

BYTES = 65_535
SIOCSIFFLAGS, IFF_UP, IFF_LOOPBACK, IFF_RUNNING = 0x8914, 0x1, 0x8, 0x40  # netdevice(7)


class Nameserver:
    """Answers by UDP from `zone`: name to {kind: texts as in a zone file}. Names in `silent` get SERVFAIL."""

    def __init__(self, zone: Mapping[str, Mapping[str, list[str]]] | None = None, port: int = 0) -> None:
        self.zone: dict[str, Mapping[str, list[str]]] = dict(zone or {})
        self.silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, name="nameserver", daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> Nameserver:
        self._thread.start()
        return self

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                data, client = self._socket.recvfrom(BYTES)
                self._socket.sendto(self._answer(dns.message.from_wire(data)), client)
            except OSError:
                return

    def _answer(self, query: dns.message.Message) -> bytes:
        answer = dns.message.make_response(query, recursion_available=True)
        answer.flags |= dns.flags.AA
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), question.rdtype.name
        self.asked.append((name, kind))
        if name in self.silent:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.zone:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif texts := self.zone[name].get(kind):
            answer.answer.append(dns.rrset.from_text_list(question.name, 0, "IN", kind, texts))
        return answer.to_wire(max_size=BYTES)


def txt(*texts: str) -> dict[str, list[str]]:
    """TXT records as a zone file has them: in strings of 255 characters at most."""
    return {"TXT": [" ".join(f'"{text[i : i + 255]}"' for i in range(0, len(text), 255)) for text in texts]}


def _main(zone: Path, port: int) -> None:
    """Serve a zone file (JSON) in a network namespace of its own, whose loopback is still down."""
    with socket.socket() as plain:
        up = struct.pack("16sh", b"lo", IFF_UP | IFF_LOOPBACK | IFF_RUNNING)
        fcntl.ioctl(plain, SIOCSIFFLAGS, up)
    Nameserver(json.loads(zone.read_text()), port)._serve()


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
