"""Whatever goes wrong with a mail server is told with what was tried, what it means, and what to do."""

from __future__ import annotations

import smtplib
import socket
import ssl

import pytest
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from mailgate import trouble
from mailgate.grants.errors import GrantError
from mailgate.intake import connection
from mailgate.outgoing import relay
from mailgate.settings import Imap, Relay
from mailgate.trouble import Trouble
from storage.database import DatabaseUnavailable

BOX = Imap("office", "mx.desk.example", "help", port=1993, tls="implicit", password_file="mailbox.password")
RELAY = Relay(host="mx.desk.example", port=1587, tls="starttls", user="help", password_file="relay.password")


def unverified(code: int, words: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED")
    error.verify_code, error.verify_message = code, words
    return error


def no_tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


BOTH: list[tuple[Exception, str, str]] = [
    (socket.gaierror(socket.EAI_NONAME, "no"), "there is no such name", ".host"),
    (socket.gaierror(socket.EAI_AGAIN, "no"), "could not be asked for", "/etc/resolv.conf"),
    (TimeoutError("timed out"), "does not answer", "firewall"),
    (ConnectionRefusedError(111, "Connection refused"), "nobody listens at", "is the server running"),
    (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer", ".port"),
    (OSError(113, "No route to host"), "No route to host", "a firewall"),
    (no_tls("WRONG_VERSION_NUMBER"), "the port speaks no TLS", "goes with tls"),
    (no_tls("UNSUPPORTED_PROTOCOL"), "UNSUPPORTED_PROTOCOL", "TLS 1.2 or later"),
    (unverified(10, "certificate has expired"), "certificate has expired", "is this clock wrong"),
    (unverified(9, "certificate is not yet valid"), "not yet valid", "clock wrong"),
    (unverified(62, "Hostname mismatch"), "Hostname mismatch", ".host"),
    (unverified(18, "self-signed certificate"), "self-signed certificate", "tls_ca"),
    (unverified(20, "unable to get local issuer certificate"), "unable to get", "certificate of its authority"),
]
MAILBOX: list[tuple[Exception, str, str]] = [
    *BOTH,
    (LoginError("b'[AUTHENTICATIONFAILED] No.'"), "sign-in refused: [AUTHENTICATIONFAILED] No.", "password_file"),
    (
        IMAPClientError('select failed: b"Mailbox doesn\'t exist: X"'),
        ": there is no such folder: Mailbox doesn't exist: X",
        'look at imap "office".folder; levels',
    ),
    (
        IMAPClientError("select failed: b'[INUSE] Try again'"),
        ": select failed: [INUSE] Try again",
        'imap "office".port and',
    ),
    (IMAPClientError("server does not support STARTTLS capability"), ": the server offers no STARTTLS", "port 993"),
    (IMAPClientAbortError("the server hung up"), "the server hung up", "who runs it"),
]
SENDER: list[tuple[Exception, str, str]] = [
    *BOTH,
    (smtplib.SMTPAuthenticationError(535, b"5.7.8 No"), "does not let help in: 535 5.7.8 No", "relay.password_file"),
    (smtplib.SMTPNotSupportedError("STARTTLS extension not supported by server."), "offers no STARTTLS", "port 465"),
    (smtplib.SMTPNotSupportedError("SMTP AUTH extension not supported by server."), "AUTH", "takes no sign-in here"),
    (smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), "unexpectedly closed", "is the port right"),
    (smtplib.SMTPConnectError(421, b"4.7.0 Too many connections"), "421 4.7.0 Too many", "lower relay.max_connections"),
    (smtplib.SMTPConnectError(554, b"5.7.1 Go away"), "554 5.7.1 Go away", "relay.host"),
]


def told(found: Trouble, where: str, said: str, todo: str) -> None:
    assert said in found.said
    assert where in found.said
    assert todo in found.todo
    assert "b'" not in found.line


@pytest.mark.parametrize(("error", "said", "todo"), MAILBOX, ids=lambda value: str(value)[:40])
def test_of_a_mailbox(error: Exception, said: str, todo: str) -> None:
    told(connection.explain(error, BOX), "mx.desk.example:1993", said, todo)


@pytest.mark.parametrize(("error", "said", "todo"), SENDER, ids=lambda value: str(value)[:40])
def test_of_the_relay(error: Exception, said: str, todo: str) -> None:
    told(relay.explain(error, RELAY), "mx.desk.example:1587", said, todo)


def test_of_a_file_the_file_is_named_and_no_server() -> None:
    missing = FileNotFoundError(2, "No such file or directory", "/etc/mailgate/relay.password")
    for found in (connection.explain(missing, BOX), relay.explain(missing, RELAY)):
        assert found.said == "/etc/mailgate/relay.password: No such file or directory"
        assert "password_file" in found.todo
    assert relay.explain(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), RELAY).said.startswith("relay.password: ")


def test_relay_that_says_nothing_does_not_answer_whatever_smtplib_calls_it() -> None:
    try:
        try:
            raise TimeoutError("timed out")
        except OSError as silence:
            raise smtplib.SMTPServerDisconnected(f"Connection unexpectedly closed: {silence}")  # noqa: B904 - as there
    except smtplib.SMTPServerDisconnected as error:
        told(relay.explain(error, RELAY), "mx.desk.example:1587", "does not answer", "is the port right")


def test_of_a_grant_its_own_words_are_told() -> None:
    assert "mailgate login" in connection.explain(GrantError("m365: taken back", dead=True), BOX).todo
    assert connection.explain(GrantError("m365: no answer", dead=False), BOX).todo == "it is asked again"


def test_fault_of_our_own_is_told_as_one() -> None:
    found = connection.explain(KeyError("x"), BOX)
    assert (found.said, found.todo) == ("KeyError: 'x'", "a fault of mailgate's own: the log has where")


def test_database_that_is_away_is_no_fault_of_our_own() -> None:
    found = connection.explain(DatabaseUnavailable("database or disk\n is full"), BOX)
    assert found.said == "the database: database or disk is full"
    assert "`mailgate check` says more" in found.todo


def test_server_of_another_protocol_is_told_as_one() -> None:
    greeted = IMAPClientAbortError("unexpected response: b'220 mx.desk.example ESMTP'")
    told(connection.explain(greeted, BOX), BOX.host, "that is no IMAP server: 220 mx.desk.example", "993 goes with tls")
    cut = IMAPClientAbortError("the server hung up")
    assert "that is no" not in connection.explain(cut, BOX).said
    imap = smtplib.SMTPConnectError(-1, b"* OK IMAP4rev1 ready")
    told(relay.explain(imap, RELAY), "mx.desk.example:1587", "that is no SMTP server: * OK IMAP4rev1", "465 goes with")


def test_what_is_kept_parts_again_whatever_a_server_said() -> None:
    kept = Trouble("mx:25: 550 no; go away; now", "ask; or wait", "host").line
    assert trouble.parted(kept) == ("mx:25: 550 no, go away, now", "ask; or wait")
    assert trouble.parted("only words") == ("only words", "")
