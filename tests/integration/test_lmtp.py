"""The LMTP door (RFC 2033), by TCP and by UNIX socket, and behind a real Postfix."""

from __future__ import annotations

import smtplib
import socket
import stat
from pathlib import Path

import pytest
from dialogs.door import PATIENCE, running, settings
from servers.postfix import Postfix
from servers.process import until
from servers.sink import Sink

from mailgate.errors import SettingsError
from mailgate.intake import commits as commits_module
from mailgate.intake import door as door_module
from storage.database import Database, DatabaseUnavailable

MAIL = b"From: ann@acme.example\r\nSubject: Printer\r\nMessage-ID: <1@acme.example>\r\n\r\nIt burns.\r\n"


def deliver(client: smtplib.LMTP, raw: bytes, *recipients: str) -> list[int]:
    """The codes after DATA, one for each recipient that was accepted."""
    client.mail("ann@acme.example")
    accepted = [address for address in recipients if client.rcpt(address)[0] == 250]
    codes = [client.data(raw)[0]]
    return codes + [client.getreply()[0] for _ in accepted[1:]]


def test_each_recipient_has_its_own_answer_and_all_share_one_mail(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door:
        with smtplib.LMTP("127.0.0.1", door.ports["lmtp"]) as client:
            client.ehlo("client.example")
            assert deliver(client, MAIL, "help@desk.example", "x@desk.example", "postmaster@desk.example") == [250, 250]
            assert client.noop()[0] == 250
        (mail,) = door.mails()
        assert (mail["door"], mail["rcpt_to"]) == ("lmtp", ["help@desk.example", "postmaster@desk.example"])


def test_same_recipient_named_twice_is_answered_twice_and_kept_once(sqlite: Database, tmp_path: Path) -> None:
    with running(sqlite, tmp_path) as door:
        with smtplib.LMTP("127.0.0.1", door.ports["lmtp"]) as client:
            client.ehlo("client.example")
            assert deliver(client, MAIL, "help@desk.example", "help@desk.example") == [250, 250]
        assert door.mails()[0]["rcpt_to"] == ["help@desk.example"]


def test_each_recipient_hears_of_a_refusal(sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def outage(*_: object) -> None:
        raise DatabaseUnavailable("disk is full")

    def bug(raw: bytes) -> None:
        raise RuntimeError("secret text")

    both = ("help@desk.example", "postmaster@desk.example")
    with running(sqlite, tmp_path) as door:
        with smtplib.LMTP("127.0.0.1", door.ports["lmtp"]) as client:
            client.ehlo("client.example")
            assert deliver(client, MAIL + b"x" * 200_000, *both) == [552, 552]
            with monkeypatch.context() as patch:
                patch.setattr(commits_module.journal, "append", outage)
                assert deliver(client, MAIL, *both) == [451, 451]
            assert deliver(client, MAIL, *both) == [250, 250]
        with smtplib.LMTP("127.0.0.1", door.ports["lmtp"]) as client, monkeypatch.context() as patch:
            client.ehlo("client.example")
            patch.setattr("mailgate.intake.session.identify", bug)
            assert deliver(client, MAIL, *both) == [451, 451]


def test_unix_socket_is_for_owner_and_group_and_has_no_peer(sqlite: Database, tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    with running(sqlite, tmp_path, lmtp={"listen": [f"unix:{path}"]}) as door:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with smtplib.LMTP(str(path)) as client:
            client.ehlo("client.example")
            assert deliver(client, MAIL, "help@desk.example") == [250]
        assert door.mails()[0]["peer"] == ""
    assert path.is_socket()  # the parent keeps it for the next child


def test_stale_unix_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    made = settings(tmp_path, lmtp={"listen": [f"unix:{path}"]})
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    listeners = door_module.bind(made)
    with pytest.raises(SettingsError, match=f"lmtp.listen: cannot listen on unix:{path}: another program has it"):
        door_module.bind(made)
    for listener in listeners:
        listener.sock.close()


def test_file_in_the_place_of_a_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    path.write_text("precious")
    with pytest.raises(SettingsError, match=r"lmtp\.listen: cannot listen on unix:"):
        door_module.bind(settings(tmp_path, lmtp={"listen": [f"unix:{path}"]}))
    assert path.read_text() == "precious"


def test_every_place_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        made = settings(
            tmp_path,
            smtp={"listen": [f"127.0.0.1:{port}", "nowhere.invalid:25", "127.0.0.1:99999"]},
            lmtp={"listen": [f"unix:{tmp_path}/none/lmtp", f"unix:/{'x' * 200}"]},
        )
        with pytest.raises(SettingsError) as caught:
            door_module.bind(made)
    problems = [problem.removeprefix(f"{tmp_path}/mailgate.toml: ") for problem in caught.value.problems]
    assert problems[0] == (
        f"smtp.listen: cannot listen on 127.0.0.1:{port}: another program has it; stop that one, or choose another"
    )
    assert problems[1].startswith("smtp.listen: cannot listen on nowhere.invalid:25: ")
    assert problems[2].startswith("smtp.listen: cannot listen on 127.0.0.1:99999: ")
    assert problems[3] == f"lmtp.listen: cannot listen on unix:{tmp_path}/none/lmtp: its folder does not exist"
    assert problems[4].startswith("lmtp.listen: cannot listen on unix:/xxx")
    assert len(problems) == 5


def test_ipv4_and_ipv6_stand_side_by_side(tmp_path: Path) -> None:
    first = door_module.bind(settings(tmp_path, smtp={"listen": ["0.0.0.0:0"]}))
    port = first[0].sock.getsockname()[1]
    second = door_module.bind(settings(tmp_path, smtp={"listen": [f"[::]:{port}"]}))
    with socket.create_connection(("::1", port), PATIENCE):
        pass
    for listener in (*first, *second):
        listener.sock.close()


@pytest.mark.real("postfix")
@pytest.mark.parametrize("protocol", ["lmtp", "smtp"])
def test_postfix_delivers_and_bounces_at_the_unknown_recipient(
    protocol: str, sqlite: Database, tmp_path: Path, relay_sink: Sink
) -> None:
    with running(sqlite, tmp_path) as door:
        postfix = Postfix(
            routes={"desk.example": f"{protocol}:[127.0.0.1]:{door.ports[protocol]}"},
            other=f"smtp:[127.0.0.1]:{relay_sink.port}",
        )
        try:
            postfix.start()
            with smtplib.SMTP(postfix.host, postfix.port, timeout=PATIENCE) as client:
                for number in range(5):
                    raw = MAIL.replace(b"<1@", b"<%d@" % number) + b".a dot\r\n" + b"x" * 3000 + b"\r\n"
                    to = ["help@desk.example", "nobody@desk.example", "help+1@desk.example"]
                    client.sendmail("ann@acme.example", to, raw)
            until(lambda: len(door.mails()) == 5, "five mails")
            until(lambda: len(relay_sink.mails) >= 5, "five bounces, of the unknown recipients")
            until(lambda: postfix.queue() == 0, "nothing waits at Postfix")
        finally:
            postfix.close()
        assert {mail["mail_from"] for mail in door.mails()} == {"ann@acme.example"}
        assert all(sorted(mail["rcpt_to"]) == ["help+1@desk.example", "help@desk.example"] for mail in door.mails())
        assert all(b"\r\n.a dot\r\n" in mail["raw"] for mail in door.mails())
        until(lambda: all(mail["acknowledged"] for mail in door.mails()), "the answers are recorded")
