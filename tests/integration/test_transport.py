"""How a server is spoken to is found out by trying it: real servers, on ports that say nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from servers.dovecot import Dovecot
from servers.postfix import Postfix
from servers.process import free_port
from servers.sink import Sink
from servers.tls import Certificates, certificates, strange

from mailgate.checks import transport
from mailgate.checks.transport import Transport, find


@contextmanager
def relay(shown: Certificates | None = None, *, implicit: bool = False, user: str | None = "desk") -> Iterator[int]:
    server = Sink(certificates=shown, implicit_tls=implicit, user=user, password="sesame").start()
    try:
        yield server.port
    finally:
        server.close()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """What this machine's authorities vouch for."""
    made = certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.ca))
    return made


@pytest.mark.real("dovecot-imapd", "openssl")
def test_mailbox_is_spoken_to_as_safely_as_its_port_can(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dovecot.certificates is not None
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificates.ca))
    assert find("IMAP", "127.0.0.1", dovecot.tls_port) == Transport("implicit")
    assert find("IMAP", "127.0.0.1", dovecot.port) == Transport("starttls")


@pytest.mark.real("dovecot-imapd", "openssl")
def test_mailbox_of_this_machine_keeps_its_tls_where_an_authority_is_named_for_it(dovecot: Dovecot) -> None:
    assert find("IMAP", "127.0.0.1", dovecot.port, vouched=True) == Transport("starttls")
    doubted = find("IMAP", "127.0.0.1", dovecot.port)
    assert doubted is not None
    assert (doubted.tls, bool(doubted.doubt)) == ("none", True)


@pytest.mark.real("dovecot-imapd")
def test_mailbox_without_tls_is_one() -> None:
    server = Dovecot(tls=False)
    try:
        assert find("IMAP", "127.0.0.1", server.start().port) == Transport("none")
    finally:
        server.close()


@pytest.mark.real("openssl")
def test_relay_is_spoken_to_as_safely_as_its_port_can(trusted: Certificates) -> None:
    with relay(trusted, implicit=True) as port:
        assert find("SMTP", "127.0.0.1", port) == Transport("implicit")
    with relay(trusted) as port:
        assert find("SMTP", "127.0.0.1", port) == Transport("starttls")
    with relay() as port:
        assert find("SMTP", "127.0.0.1", port) == Transport("none")


@pytest.mark.real("postfix")
def test_relay_that_asks_nobody_who_he_is_is_known(postfix: Postfix) -> None:
    assert find("SMTP", "127.0.0.1", postfix.port) == Transport("none", sign_in=False)


@pytest.mark.real("openssl")
def test_port_that_begins_in_plain_by_its_number_is_spoken_to_so_first(
    trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with relay(trusted) as port:
        monkeypatch.setattr(transport, "IN_PLAIN", (port,))
        assert find("SMTP", "127.0.0.1", port) == Transport("starttls")


def test_certificate_that_this_machine_signed_itself_is_trusted_by_its_own_file(tmp_path: Path) -> None:
    shown = strange(tmp_path, signed=True)
    for implicit in (False, True):
        with relay(shown, implicit=implicit) as port:
            found = find("SMTP", "127.0.0.1", port)
        tls = "implicit" if implicit else "starttls"
        assert found == Transport(tls, True, "self-signed certificate", shown.cert.read_text())


@pytest.mark.parametrize("values", [{"name": "mx.desk.example", "signed": True}, {"signed": False}])
def test_certificate_that_proves_nothing_is_left_out_where_nobody_stands_between(
    tmp_path: Path, values: dict[str, object]
) -> None:
    """Of another name, or by an authority that nobody knows."""
    shown = strange(tmp_path, **values)  # type: ignore[arg-type]
    with relay(shown, user=None) as port:
        found = find("SMTP", "127.0.0.1", port)
    assert found is not None
    assert (found.tls, found.certificate, bool(found.doubt)) == ("none", "", True)
    with relay(shown, implicit=True) as port:  # it has no other way; a check says what to do
        found = find("SMTP", "127.0.0.1", port)
    assert found is not None
    assert (found.tls, found.certificate, bool(found.doubt)) == ("implicit", "", True)


def test_over_a_network_a_certificate_that_proves_nothing_is_not_left_out(tmp_path: Path) -> None:
    with relay(strange(tmp_path, signed=True)) as port:
        found = find("SMTP", "127.1", port)  # this machine, but no name of it that is known
    assert found is not None
    assert (found.tls, found.certificate, bool(found.doubt)) == ("starttls", "", True)


def test_nobody_and_a_server_without_a_word_are_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PATIENCE", 0.2)
    assert find("SMTP", "127.0.0.1", free_port()) is None
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert find("IMAP", "127.0.0.1", silent.getsockname()[1]) is None


@pytest.mark.parametrize(
    ("found", "host", "told"),
    [
        (Transport("none"), "mail.example", True),
        (Transport("none", sign_in=False), "mx.example", False),
        (Transport("starttls"), "mail.example", False),
        (Transport("none"), "127.0.0.1", False),
    ],
)
def test_a_password_is_not_told_in_the_clear_over_a_network(found: Transport, host: str, told: bool) -> None:
    assert transport.exposes(found, host) is told
