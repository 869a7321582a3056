"""The servers that other tests rely on do what those tests believe of them."""

from __future__ import annotations

import imaplib
import os
import smtplib
import ssl
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from servers.dovecot import PASSWORD, Dovecot, without
from servers.postfix import Postfix
from servers.postgres import Postgres
from servers.process import PROGRAMS, folder, need, remove, until
from servers.sink import Sink
from servers.tls import certificates

from storage.database import Database
from storage.journal import Arrival, append, entry

MAIL = b"From: Anna <anna@acme.example>\r\nTo: help@desk.example\r\nSubject: Printer\r\n\r\nIt is on fire.\r\n"


def test_a_mail_dropped_into_a_maildir_is_read_by_imap_over_tls(dovecot: Dovecot) -> None:
    assert dovecot.certificates
    dovecot.deliver("servers-tls", MAIL, received=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    context = ssl.create_default_context(cafile=str(dovecot.certificates.ca))
    with imaplib.IMAP4_SSL(dovecot.host, dovecot.tls_port, ssl_context=context, timeout=10) as client:
        client.login("servers-tls", PASSWORD)
        assert client.select()[1] == [b"1"]
        date, raw = client.fetch("1", "(INTERNALDATE BODY.PEEK[])")[1][0]  # type: ignore[misc]
    assert imaplib.Internaldate2tuple(date) is not None
    assert b"02-Jan-2026 03:04:05 +0000" in date
    assert raw == MAIL


def test_a_killed_dovecot_starts_again_with_its_mails() -> None:
    server = Dovecot(tls=False)
    try:
        server.start()
        server.deliver("u", MAIL)
        server.kill()
        with pytest.raises(OSError):
            imaplib.IMAP4(server.host, server.port, timeout=10)
        server.start()
        with imaplib.IMAP4(server.host, server.port, timeout=10) as client:
            client.login("u", PASSWORD)
            assert client.select()[1] == [b"1"]
    finally:
        server.close()
    assert not server.folder.exists()


def test_a_dovecot_may_hide_move_and_uidplus() -> None:
    server = Dovecot(tls=False, capability=without("MOVE", "UIDPLUS"))
    try:
        server.start()
        with imaplib.IMAP4(server.host, server.port, timeout=10) as client:
            client.login("u", PASSWORD)
            names = client.capability()[1][0].split()
    finally:
        server.close()
    assert b"IDLE" in names
    assert not {b"MOVE", b"UIDPLUS"} & set(names)


def test_postfix_delivers_to_dovecot_and_gives_the_rest_to_the_sink(
    postfix: Postfix, dovecot: Dovecot, relay_sink: Sink
) -> None:
    with smtplib.SMTP(postfix.host, postfix.port, timeout=10) as client:
        client.sendmail("a@desk.example", ["anna+x@acme.example", "someone@else.example"], MAIL)
    relay_sink.wait(lambda mails: ("someone@else.example",) in [mail.rcpt_to for mail in mails])
    kept = until(lambda: dovecot.mails("anna@acme.example"), "the mail")
    assert kept[0].raw.startswith(b"Return-Path: <a@desk.example>")
    assert b"Delivered-To: anna+x@acme.example" in kept[0].raw


def test_postfix_takes_another_route() -> None:
    first, second = Sink().start(), Sink().start()
    server = Postfix(routes={"desk.example": f"smtp:[127.0.0.1]:{first.port}"})
    try:
        server.start()
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            client.sendmail("a@acme.example", ["help@desk.example"], MAIL)
        first.wait(1)
        server.route("desk.example", f"smtp:[127.0.0.1]:{second.port}")
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            client.sendmail("a@acme.example", ["help@desk.example"], MAIL)
        second.wait(1)
        assert len(first.mails) == 1
    finally:
        server.close()
        first.close()
        second.close()


def test_the_sink_refuses_as_asked_and_then_takes_it(sink: Sink) -> None:
    sink.refuse("b@acme.example", "450 4.2.0 Later", times=1)
    with smtplib.SMTP(sink.host, sink.port, timeout=10) as client:
        assert client.sendmail("", ["a@acme.example", "b@acme.example"], MAIL) == {
            "b@acme.example": (450, b"4.2.0 Later")
        }
        client.sendmail("", ["b@acme.example"], MAIL)
        sink.refuse_data("554 5.7.1 No", times=1)
        with pytest.raises(smtplib.SMTPDataError):
            client.sendmail("", ["b@acme.example"], MAIL)
    assert [(mail.mail_from, mail.rcpt_to) for mail in sink.mails] == [
        ("", ("a@acme.example",)),
        ("", ("b@acme.example",)),
    ]
    assert sink.mails[0].message["Subject"] == "Printer"


def test_the_sink_is_away_and_comes_back_at_the_same_port(sink: Sink) -> None:
    with sink.away(), pytest.raises(OSError):
        smtplib.SMTP(sink.host, sink.port, timeout=10)
    with smtplib.SMTP(sink.host, sink.port, timeout=10) as client:
        client.sendmail("", ["a@acme.example"], MAIL)
    assert len(sink.to("A@acme.example")) == 1


@pytest.mark.real("openssl")
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_the_sink_asks_for_tls_and_a_login(implicit: bool, tmp_path: Path) -> None:
    made = certificates(tmp_path)
    server = Sink(certificates=made, implicit_tls=implicit, user="desk", password="secret").start()
    context = ssl.create_default_context(cafile=str(made.ca))
    try:
        client = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=10, context=context)
            if implicit
            else smtplib.SMTP(server.host, server.port, timeout=10)
        )
        with client:
            if not implicit:
                client.starttls(context=context)
            with pytest.raises(smtplib.SMTPSenderRefused):
                client.sendmail("a@desk.example", ["b@acme.example"], MAIL)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("desk", "wrong")
            client.login("desk", "secret")
            client.sendmail("a@desk.example", ["b@acme.example"], MAIL)
    finally:
        server.close()
    assert [(mail.user, mail.tls) for mail in server.mails] == [("desk", True)]


def test_each_database_is_fresh_and_takes_an_arrival(database: Database) -> None:
    arrival = Arrival("smtp", "", "a@acme.example", ("help@desk.example",), MAIL, False)
    with database.write() as connection:
        assert append(connection, [entry(arrival)], 1.0)[0].fresh
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM journal")).scalar_one() == 1


def test_a_killed_postgres_starts_again_with_what_was_committed() -> None:
    server = Postgres(fsync=True)
    try:
        url = server.start().new().replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (id int)")
        server.kill()
        server.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    finally:
        server.close()


def test_a_servers_folder_is_open_to_its_user_and_can_be_removed() -> None:
    path = folder("servers")
    assert path.stat().st_mode & 0o777 == 0o755
    remove(path)
    assert not path.exists()
    assert os.environ.get("TMPDIR", "/tmp") in str(path.parent)


def test_a_missing_server_skips_with_the_line_that_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROGRAMS, "postfix", ("/nowhere/postfix",))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install postfix"):
        need("postfix")


def test_a_missing_server_fails_the_run_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROGRAMS, "postfix", ("/nowhere/postfix",))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install postfix"):
        need("postfix")
