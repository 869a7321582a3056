"""Every conversation of this folder, held with the real door."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from dialogs.door import PATIENCE, running

from storage.database import Database

DIALOGS = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("file", DIALOGS, ids=lambda file: file.stem)
def test_door_answers_as_the_dialog_says(file: Path, sqlite: Database, tmp_path: Path) -> None:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    protocol = "lmtp" if file.name.startswith("lmtp-") else "smtp"
    with running(sqlite, tmp_path, smtp={"max_recipients": 3}) as door:
        place = ("127.0.0.1", door.ports[protocol])
        with socket.create_connection(place, PATIENCE) as client, client.makefile("rb") as answers:
            for number, line in enumerate(lines, 1):
                mark, text = line[:2], line[3:]
                if mark == "C:":
                    client.sendall(text.encode() + b"\r\n")
                elif mark == "C~":
                    client.sendall(text.encode().decode("unicode_escape").encode("latin-1"))
                elif mark == "S:":
                    answer = answers.readline().decode()
                    assert answer.startswith(text), f"line {number}: {answer!r}"
                elif line == "closed":
                    assert answers.read() == b""
                else:
                    what, _, count = line.partition(": ")
                    assert what == "kept", f"line {number} is none of the marks of README.md"
                    assert len(door.mails()) == int(count)
