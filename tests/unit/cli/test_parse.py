"""`mailgate parse`: no settings, nothing touched, one object a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailgate.cli.main import cli

MAIL = b"""\
From: Jane Doe <jane@acme.example>
To: help@desk.example
Cc: Bob <bob@acme.example>
Subject: Printer on fire
Date: Tue, 14 Nov 2023 23:13:00 +0100
Message-ID: <one@acme.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

It burns.
--b
Content-Type: image/png; name=fire.png
Content-Disposition: attachment; filename=fire.png
Content-Transfer-Encoding: base64

AAAA
--b--
"""
CONTRACT = {
    "file", "message_id", "in_reply_to", "references", "from", "reply_to", "to", "cc", "subject", "date", "text",
    "reply", "reply_certain", "signature", "html", "attachments", "kind", "kind_reason", "bounce_recipients",
    "bounce_status", "bounce_original_id", "alert", "calendar", "forwarded_from", "auth", "defects",
}  # fmt: skip


def parse(*args: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["parse", *args], input=stdin)


def test_object_has_every_promised_name_and_needs_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "one.eml"
    file.write_bytes(MAIL)
    result = parse("--json", str(file))
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found.keys() >= CONTRACT
    assert found["file"] == str(file)
    assert found["from"] == {"name": "Jane Doe", "address": "jane@acme.example"}
    assert found["date"] == "2023-11-14T22:13:00Z"
    assert [a["filename"] for a in found["attachments"]] == ["fire.png"]
    assert list(tmp_path.iterdir()) == [file]


def test_many_files_are_one_object_a_line_in_order(tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.eml" for n in range(50)]
    for file in files:
        file.write_bytes(MAIL)
    result = parse("--json", *map(str, files))
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == list(map(str, files))


def test_standard_input_is_a_dash() -> None:
    assert json.loads(parse("--json", "-", stdin=MAIL).stdout)["message_id"] == "one@acme.example"


def test_file_that_cannot_be_read_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    file = tmp_path / "one.eml"
    file.write_bytes(MAIL)
    result = parse("--json", str(tmp_path / "none.eml"), str(file), str(tmp_path))
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert [line.startswith("mailgate: ") for line in result.stderr.splitlines()] == [True, True]
    assert "none.eml" in result.stderr


@pytest.mark.parametrize("raw", [b"", b"\x00\xff garbage", b"From: \xe4\xf6\n\n\x1b[2Jboo"])
def test_garbage_has_a_card_too(raw: bytes) -> None:
    result = parse("-", stdin=raw)
    assert result.exit_code == 0
    assert "\x1b[2J" not in result.output


def test_card_says_who_what_and_why(tmp_path: Path) -> None:
    file = tmp_path / "one.eml"
    file.write_bytes(MAIL)
    shown = parse(str(file)).output
    for text in (
        "Jane Doe <jane@acme.example>",
        "bob@acme.example",
        "Printer on fire",
        "It burns.",
        "fire.png",
        "human",
    ):
        assert text in shown
