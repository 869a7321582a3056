"""STARTTLS at the SMTP door (RFC 3207)."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from pathlib import Path

import msgspec
import pytest
from dialogs.door import PATIENCE, running, settings
from servers.process import until
from servers.tls import Certificates, certificates

from mailgate.errors import SettingsError
from mailgate.intake.door import tls_context
from storage.database import Database

MAIL = b"Subject: Printer\r\n\r\nIt burns.\r\n"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls"))


def door_with(pem: Certificates) -> dict[str, str]:
    return {"tls_cert": str(pem.cert), "tls_key": str(pem.key)}


def test_mail_comes_through_tls_and_begins_anew_there(sqlite: Database, tmp_path: Path, pem: Certificates) -> None:
    with running(sqlite, tmp_path, smtp=door_with(pem)) as door:
        with smtplib.SMTP("localhost", door.ports["smtp"], timeout=PATIENCE) as client:
            client.ehlo("client.example")
            client.mail("eve@acme.example")
            assert client.has_extn("starttls")
            client.starttls(context=ssl.create_default_context(cafile=str(pem.ca)))
            assert client.docmd("MAIL FROM:<ann@acme.example>")[0] == 503  # what was said in the clear is forgotten
            client.ehlo("client.example")
            assert not client.has_extn("starttls")
            assert client.docmd("STARTTLS") == (503, b"5.5.1 TLS is in use")
            for number in range(3):
                client.mail("ann@acme.example")
                client.rcpt("help@desk.example")
                assert client.data(MAIL + b"x" * 80_000 + b"%d" % number)[0] == 250
        assert {(mail["mail_from"], mail["peer"]) for mail in door.mails()} == {("ann@acme.example", "127.0.0.1")}
        assert len(door.mails()) == 3


def test_command_smuggled_in_before_tls_is_never_answered(sqlite: Database, tmp_path: Path, pem: Certificates) -> None:
    with running(sqlite, tmp_path, smtp=door_with(pem)) as door, contextlib.ExitStack() as clients:
        plain = clients.enter_context(socket.create_connection(("localhost", door.ports["smtp"]), PATIENCE))
        assert plain.recv(1000).startswith(b"220")
        plain.sendall(b"STARTTLS\r\nEHLO injected.example\r\n")
        assert plain.recv(1000) == b"220 2.0.0 Begin TLS\r\n"
        context = ssl.create_default_context(cafile=str(pem.ca))
        client = clients.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
        client.sendall(b"MAIL FROM:<ann@acme.example>\r\n")
        assert client.recv(1000).startswith(b"503 5.5.1 Say hello first")


@pytest.mark.parametrize("junk", [b"this is no handshake\r\n" * 10, b""], ids=["junk", "leaves"])
def test_client_that_fails_the_handshake_gives_its_place_back(
    junk: bytes, sqlite: Database, tmp_path: Path, pem: Certificates
) -> None:
    with running(sqlite, tmp_path, smtp=door_with(pem) | {"max_connections": 1}) as door:
        with socket.create_connection(("localhost", door.ports["smtp"]), PATIENCE) as plain:
            plain.recv(1000)
            plain.sendall(b"STARTTLS\r\n")
            plain.recv(1000)
            plain.sendall(junk)
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(1000):
                pass

        def encrypted() -> bool:
            try:
                client = smtplib.SMTP("localhost", door.ports["smtp"], timeout=PATIENCE)
            except smtplib.SMTPConnectError:
                return False
            with client:
                client.starttls(context=ssl.create_default_context(cafile=str(pem.ca)))
                return client.ehlo("client.example")[0] == 250

        until(encrypted, "the next client is let in")


def test_context_is_tls_1_2_or_later_and_none_without_a_certificate(tmp_path: Path, pem: Certificates) -> None:
    context = tls_context(settings(tmp_path, smtp=door_with(pem)))
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls_context(settings(tmp_path)) is None
    assert tls_context(msgspec.structs.replace(settings(tmp_path), smtp=None)) is None


def test_certificate_that_cannot_be_used_is_named_with_its_setting(tmp_path: Path, pem: Certificates) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    for files, said in (
        ({"tls_cert": "no.pem", "tls_key": str(pem.key)}, "smtp.tls_cert: cannot read .*no.pem: No such file"),
        ({"tls_cert": str(pem.cert), "tls_key": "no.pem"}, "smtp.tls_key: cannot read .*no.pem: No such file"),
        ({"tls_cert": "junk.pem", "tls_key": str(pem.key)}, "smtp.tls_cert and smtp.tls_key: "),
        ({"tls_cert": str(pem.ca), "tls_key": str(pem.key)}, "smtp.tls_cert and smtp.tls_key: .*MISMATCH"),
    ):
        with pytest.raises(SettingsError, match=said):
            tls_context(settings(tmp_path, smtp=files))
