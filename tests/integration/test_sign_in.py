"""Signing in by token at a real Dovecot and a real Postfix: both mechanisms, shared mailboxes, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from imapclient.exceptions import LoginError
from servers.dovecot import Dovecot
from servers.granting import Granting
from servers.postfix import Postfix, submission
from servers.process import until

from mailgate.grants import sasl, tokens
from mailgate.grants.errors import GrantError
from mailgate.intake import connection
from mailgate.outgoing.relay import Connection, RelayAway
from mailgate.settings import Settings
from storage.deliveries import Sent
from storage.sending import Outgoing

pytestmark = [pytest.mark.real("dovecot-imapd", "openssl"), pytest.mark.timeout(60)]
USER = "help@desk.example"


@pytest.fixture(scope="module")
def granting() -> Iterator[Granting]:
    server = Granting().start()
    yield server
    server.close()


@pytest.fixture(scope="module", params=["xoauth2", "oauthbearer"])
def imap(request: pytest.FixtureRequest, granting: Granting) -> Iterator[Dovecot]:
    """One that offers this mechanism only."""
    server = Dovecot(introspection=granting.plain_port, mechanisms=f"plain login {request.param}")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def relay(imap: Dovecot) -> Iterator[Postfix]:
    """Nobody sends by it who has not signed in over TLS; it asks Dovecot who may."""
    server = submission(imap, "desk.example")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(autouse=True)
def fresh(granting: Granting) -> None:
    granting.opens = {"*": USER}
    granting.asked.clear()


def desk(folder: Path, granting: Granting, imap: Dovecot, relay_port: int = 25, **more: Any) -> Settings:
    assert imap.certificates
    ca = str(imap.certificates.ca)
    signing = {"host": "localhost", "user": USER, "auth": "microsoft", "tls_ca": ca, **more}
    tree = {
        "desk": {"name": "Desk", "address": USER},
        "grant": [granting.settings(client_secret_file=str(granting.secret_file()))],
        "imap": [{"name": "office", "port": imap.tls_port, **signing}],
        "relay": {"port": relay_port, "tls": "starttls", **signing},
    }
    return msgspec.structs.replace(msgspec.convert(tree, Settings), folder=str(folder))


def letter(text: str = "a") -> Outgoing:
    headers = f"Message-ID: <{text}@desk.example>\r\nSubject: {text}\r\n\r\n".encode()
    return Outgoing(1, 1, f"{text}@desk.example", USER, f"{text}@desk.example", headers, b"words\r\n")


def test_mailbox_opens_by_token(granting: Granting, imap: Dovecot, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting, imap)
    imap.deliver(USER, b"Subject: x\r\n\r\n")
    for _ in range(2):
        with connection.connected(settings.imap[0], settings) as client:
            assert client.select_folder("INBOX", readonly=True)[b"EXISTS"] >= 1
    assert len(granting.asked) == 1  # the second connection had a token already


def test_shared_mailbox_opens_by_the_token_of_another_account(
    granting: Granting, imap: Dovecot, tmp_path: Path
) -> None:
    granting.opens = {"*": "shared@desk.example"}
    settings = desk(tmp_path, granting, imap, user="shared@desk.example")
    with connection.connected(settings.imap[0], settings) as client:
        client.select_folder("INBOX", readonly=True)


def test_mailbox_of_somebody_else_stays_closed_and_no_token_is_told(
    granting: Granting, imap: Dovecot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    granting.opens = {"*": "other@desk.example"}
    settings = desk(tmp_path, granting, imap)
    token = tokens.access(settings, settings.imap[0])
    with pytest.raises(LoginError) as caught, connection.connected(settings.imap[0], settings):
        pass
    said = connection.explain(caught.value, settings.imap[0]).line
    assert "sign-in refused: " in said
    assert token not in said + caplog.text
    assert tokens.access(settings, settings.imap[0]) != token  # the next try has another one


def test_token_that_was_taken_back_is_replaced_at_the_next_connection(
    granting: Granting, imap: Dovecot, tmp_path: Path
) -> None:
    settings = desk(tmp_path, granting, imap)
    tokens.access(settings, settings.imap[0])
    granting.revoke(access=True)
    with pytest.raises(LoginError), connection.connected(settings.imap[0], settings):
        pass
    with connection.connected(settings.imap[0], settings):
        pass


def test_dead_grant_is_said_and_not_tried_at_the_server(granting: Granting, imap: Dovecot, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting, imap)
    granting.secret_file("wrong")
    with (
        pytest.raises(GrantError, match="grant m365: invalid_client"),
        connection.connected(settings.imap[0], settings),
    ):
        pass


@pytest.mark.real("postfix")
def test_relay_takes_letters_by_token(granting: Granting, imap: Dovecot, relay: Postfix, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting, imap, relay.port)
    assert settings.relay
    sending = Connection(settings.relay, settings)
    assert isinstance(sending.send(letter("anna")), Sent)
    sending.close()
    (mail,) = until(lambda: imap.mails("anna@desk.example"), "the letter in its mailbox")
    assert b"Message-ID: <anna@desk.example>" in mail.raw
    assert "sasl_username=help@desk.example" in relay.log()


@pytest.mark.real("postfix")
def test_relay_that_refuses_a_token_is_away_and_the_letter_is_kept(
    granting: Granting, imap: Dovecot, relay: Postfix, tmp_path: Path
) -> None:
    granting.opens = {"*": "other@desk.example"}
    settings = desk(tmp_path, granting, imap, relay.port)
    assert settings.relay
    token = tokens.access(settings, settings.relay)
    with pytest.raises(RelayAway, match=r"does not let help@desk.example in: 535") as caught:
        Connection(settings.relay, settings).send(letter())
    assert token not in str(caught.value)
    assert tokens.access(settings, settings.relay) != token


@pytest.mark.real("postfix")
def test_relay_takes_letters_by_password(granting: Granting, imap: Dovecot, relay: Postfix, tmp_path: Path) -> None:
    password = {"auth": "password", "password_file": str(imap.password_file)}
    settings = desk(tmp_path, granting, imap, relay.port, **password)
    assert settings.relay
    sending = Connection(settings.relay, settings)
    assert isinstance(sending.send(letter("bea")), Sent)
    sending.close()
    assert not granting.asked


def test_server_that_knows_no_tokens_is_said(granting: Granting, dovecot: Dovecot, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting, dovecot)
    with (
        pytest.raises(LoginError, match="neither OAUTHBEARER nor XOAUTH2"),
        connection.connected(settings.imap[0], settings),
    ):
        pass


def test_what_is_said_to_the_server_is_as_the_standards_have_it() -> None:
    said = sasl.response("OAUTHBEARER", "a=b,c@desk.example", "T", "imap.desk.example", 993)
    assert said == b"n,a=a=3Db=2Cc@desk.example,\x01host=imap.desk.example\x01port=993\x01auth=Bearer T\x01\x01"
    assert sasl.response("XOAUTH2", USER, "T", "h", 1) == b"user=help@desk.example\x01auth=Bearer T\x01\x01"
    assert sasl.choose(["PLAIN", "xoauth2", "oauthbearer"]) == "OAUTHBEARER"
    assert sasl.choose(["PLAIN"]) is None
    assert sasl.refusal(b'{"status":"invalid_token","schemes":"bearer"}') == "invalid_token"
    assert sasl.refusal(b"nothing") == ""
