"""The IMAP door against a real Dovecot: what is taken, when, and what becomes of it at the server."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError
from servers.dovecot import Dovecot, without
from servers.process import until
from servers.watching import account, empty, idle, looked_again, mail, rows, seed, settings, state, taken, watching

from mailgate.intake import disposal, imap, mailbox
from parsing.read import parse
from storage import mailboxes
from storage.database import Database, DatabaseUnavailable

pytestmark = pytest.mark.real("dovecot-imapd")
_users = itertools.count(1)


@pytest.fixture
def user() -> str:
    return f"user{next(_users)}"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "FIRST_PAUSE", 0.05)


@pytest.fixture(scope="module", params=[("MOVE",), ("MOVE", "UIDPLUS"), ("IDLE",)], ids="no ".join)
def poor(request: pytest.FixtureRequest) -> Iterator[tuple[Dovecot, tuple[str, ...]]]:
    server = Dovecot(tls=False, capability=without(*request.param))
    try:
        yield server.start(), request.param
    finally:
        server.close()


# --- taking -----------------------------------------------------------------------------------------------------


def test_a_new_mail_arrives_by_idle_and_is_moved(dovecot: Dovecot, database: Database, user: str) -> None:
    when = datetime(2026, 1, 2, 11, 22, 33, tzinfo=timezone(timedelta(hours=5)))
    with watching(database, account(dovecot, user, start="now", poll=3600)):
        idle(database)
        dovecot.deliver(user, mail(1), received=when)
        (row,) = taken(database, 1)
        empty(dovecot, user)
    assert row.raw == mail(1)
    assert row.state == "new"
    assert row.received_at == when.timestamp()
    assert (row.mail_from, row.rcpt_to) == ("anna@acme.example", ["help@desk.example"])
    (kept,) = dovecot.mails(user, "Processed")
    assert kept.raw == mail(1)
    assert "S" not in kept.flags  # nothing depends on \Seen, and nothing sets it


def test_mails_over_tls_with_a_verified_certificate(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    assert dovecot.certificates
    seed(dovecot, user, 1)
    ca = str(dovecot.certificates.ca)
    with watching(sqlite, account(dovecot, user, tls="implicit", port=dovecot.tls_port, tls_ca=ca, poll=3600)):
        taken(sqlite, 1)
        dovecot.deliver(user, mail(2))
        taken(sqlite, 2)


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_a_mail_that_comes_just_before_idle_is_heard_of(
    dovecot: Dovecot, sqlite: Database, user: str, tls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dovecot.certificates
    begin = IMAPClient.idle
    seed(dovecot, user, 1)
    late = iter([mail(2), mail(3)])

    def idle_after_a_mail(client: IMAPClient) -> None:
        if (coming := next(late, None)) is not None:
            dovecot.deliver(user, coming)
        begin(client)

    monkeypatch.setattr(IMAPClient, "idle", idle_after_a_mail)
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    box = account(dovecot, user, tls=tls, port=port, tls_ca=str(dovecot.certificates.ca), poll=3600)
    with watching(sqlite, box):
        taken(sqlite, 3)


def test_mails_over_starttls(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    assert dovecot.certificates
    seed(dovecot, user, 1)
    with watching(sqlite, account(dovecot, user, tls="starttls", tls_ca=str(dovecot.certificates.ca))):
        taken(sqlite, 1)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_an_unknown_certificate_gets_no_password(dovecot: Dovecot, sqlite: Database, user: str, tls: str) -> None:
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    with watching(sqlite, account(dovecot, user, tls=tls, port=port)):
        row = until(lambda: (row := state(sqlite)) is not None and row.error and row, "an error")
    assert "certificate" in row.error
    assert row.last_success is None
    assert row.error_since is not None


def test_a_wrong_password_is_told_without_it(
    dovecot: Dovecot, sqlite: Database, user: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "wrong").write_text("geheim\n")
    with watching(sqlite, account(dovecot, user, password_file=str(tmp_path / "wrong"))):
        row = until(lambda: (row := state(sqlite)) is not None and row.error and row, "an error")
    assert ": sign-in refused: " in row.error
    assert "geheim" not in row.error + caplog.text


def test_three_hundred_mails_come_once_each(dovecot: Dovecot, database: Database, user: str) -> None:
    seed(dovecot, user, 300)
    with watching(database, account(dovecot, user)):
        found = taken(database, 300)
        empty(dovecot, user)
    assert [row.raw for row in found] == [mail(number) for number in range(300)]
    assert len(dovecot.mails(user, "Processed")) == 300


def test_a_seen_mail_is_new_all_the_same(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    path = dovecot.deliver(user, mail(1))
    path.rename(dovecot.maildir(user) / "cur" / f"{path.name}:2,S")
    with watching(sqlite, account(dovecot, user)):
        taken(sqlite, 1)


def test_accounts_side_by_side_do_not_meet(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    for name in ("a", "b"):
        dovecot.deliver(f"{user}{name}", mail(1))
    first = account(dovecot, f"{user}a", name="a")
    second = account(dovecot, f"{user}b", name="b")
    with watching(sqlite, first), watching(sqlite, second):
        found = taken(sqlite, 2)
    assert {row.uid_key.split(":")[1] for row in found} == {"a", "b"}


# --- first contact ----------------------------------------------------------------------------------------------


def test_first_contact_takes_only_what_arrives_from_then_on(
    dovecot: Dovecot, database: Database, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    seed(dovecot, user, 200)
    box = account(dovecot, user, start="now", poll=1)
    with watching(database, box):
        idle(database)
        dovecot.deliver(user, mail(1000))
        taken(database, 1)
    dovecot.deliver(user, mail(1001))  # while nobody watches
    with watching(database, box):
        assert {row.raw for row in taken(database, 2)} == {mail(1000), mail(1001)}
        until(lambda: len(dovecot.mails(user, "Processed")) == 2, "two moved")
    lying = dovecot.mails(user)
    assert len(lying) == 200
    assert {kept.flags for kept in lying} == {""}
    row = state(database)
    assert row is not None
    assert row.waiting == 200
    assert sum("first contact, 200 mails lie in INBOX" in line for line in caplog.messages) == 1


def test_first_contact_with_a_date_takes_what_arrived_on_it_or_later(
    dovecot: Dovecot, sqlite: Database, user: str
) -> None:
    berlin = timezone(timedelta(hours=1))
    for number, when in enumerate(
        [datetime(2026, 1, 30, 23, 59, 59, tzinfo=berlin), datetime(2026, 1, 31, 0, 0, 0, tzinfo=berlin)]
    ):
        dovecot.deliver(user, mail(number), received=when)
    with watching(sqlite, account(dovecot, user, start="2026-01-31", poll=1)):
        assert [row.raw for row in taken(sqlite, 1)] == [mail(1)]
        dovecot.deliver(user, mail(2), received=datetime(2020, 1, 1, tzinfo=UTC))  # arrives now, whatever its date
        taken(sqlite, 2)
    assert [kept.raw for kept in dovecot.mails(user)] == [mail(0)]


def test_a_start_changed_later_brings_in_no_old_mail(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    dovecot.deliver(user, mail(1), received=datetime(2020, 1, 1, tzinfo=UTC))
    with watching(sqlite, account(dovecot, user, start="2026-01-01")):
        idle(sqlite)
    for start in ("now", "all"):
        with watching(sqlite, account(dovecot, user, start=start)) as watch:
            watch.looked()
    assert rows(sqlite) == []


# --- what becomes of it -----------------------------------------------------------------------------------------


def test_flag_marks_it_seen_and_it_is_not_taken_again(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    seed(dovecot, user, 2)
    for _ in range(2):
        with watching(sqlite, account(dovecot, user, after="flag")) as watch:
            watch.looked()
            until(lambda: [kept.flags for kept in dovecot.mails(user)] == ["S", "S"], "two flags")
    taken(sqlite, 2)


def test_delete_takes_it_away(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    seed(dovecot, user, 2)
    with watching(sqlite, account(dovecot, user, after="delete")):
        taken(sqlite, 2)
        empty(dovecot, user)
    assert dovecot.mails(user, "Processed") == []


def test_delete_leaves_what_others_marked(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    path = dovecot.deliver(user, mail(1))
    path.rename(dovecot.maildir(user) / "cur" / f"{path.name}:2,T")
    with watching(sqlite, account(dovecot, user, start="now", after="delete")):
        idle(sqlite)
        dovecot.deliver(user, mail(2))
        taken(sqlite, 1)
        until(lambda: len(dovecot.mails(user)) == 1, "one gone")
    assert dovecot.mails(user)[0].raw == mail(1)


def test_shadow_changes_nothing_at_the_mailbox(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    seed(dovecot, user, 3)
    for shadow in (True, False):  # nor later, when it is no shadow any more
        with watching(sqlite, account(dovecot, user), shadow=shadow) as watch:
            watch.looked()
            taken(sqlite, 3)
    assert [kept.flags for kept in dovecot.mails(user)] == ["", "", ""]
    assert not dovecot.maildir(user, "Processed").exists()


def test_a_poor_server_loses_nothing(poor: tuple[Dovecot, tuple[str, ...]], sqlite: Database, user: str) -> None:
    server, missing = poor
    seed(server, user, 3)
    for _ in range(2):
        with watching(sqlite, account(server, user, poll=1)) as watch:
            watch.looked()
            taken(sqlite, 3)
            until(lambda: len(server.mails(user, "Processed")) == 3, "three in Processed")
            looked_again(sqlite)
    left = [kept.flags for kept in server.mails(user)]
    assert left == (["T", "T", "T"] if "UIDPLUS" in missing else [])
    assert len(server.mails(user, "Processed")) == 3


def test_an_interrupted_copy_is_not_copied_twice(
    poor: tuple[Dovecot, tuple[str, ...]], sqlite: Database, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = poor
    seed(server, user, 2)
    settle = mailboxes.settle

    def killed(_connection: object, _box: object, uids: Sequence[int]) -> None:
        if uids:
            raise OSError("killed before it was noted")

    monkeypatch.setattr(mailboxes, "settle", killed)
    box = account(server, user, poll=1)
    with watching(sqlite, box):
        until(lambda: (row := state(sqlite)) is not None and row.error, "an error")
    monkeypatch.setattr(mailboxes, "settle", settle)
    with watching(sqlite, box):
        idle(sqlite)
    assert len(server.mails(user, "Processed")) == 2
    assert len(rows(sqlite)) == 2


def test_a_copy_whose_end_was_not_seen_is_not_copied_twice(
    poor: tuple[Dovecot, tuple[str, ...]], sqlite: Database, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, missing = poor
    seed(server, user, 3)
    server.deliver(user, mail(0))  # the same mail once more: each of the two is copied once
    mark = disposal._remove

    def cut(_client: object, _uids: Sequence[int]) -> None:
        raise IMAPClientAbortError("cut off between COPY and STORE")

    monkeypatch.setattr(disposal, "_remove", cut)
    box = account(server, user, poll=1)
    with watching(sqlite, box):
        until(lambda: "MOVE" not in missing or ((row := state(sqlite)) is not None and row.error), "an error")
    monkeypatch.setattr(disposal, "_remove", mark)
    server.deliver(user, mail(9))
    with watching(sqlite, box):
        until(lambda: len(rows(sqlite)) == 5, "the fifth mail")
        until(lambda: len(server.mails(user, "Processed")) >= 5, "five in Processed")
        looked_again(sqlite)
    assert sorted(kept.raw for kept in server.mails(user, "Processed")) == sorted(mail(n) for n in (0, 0, 1, 2, 9))


def test_what_was_taken_long_ago_needs_no_memory(
    dovecot: Dovecot, sqlite: Database, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[mailbox.Folder] = []
    look = mailbox.Folder.look

    def remembered(self: mailbox.Folder) -> str | None:
        made.append(self)
        return look(self)

    monkeypatch.setattr(mailbox.Folder, "look", remembered)
    seed(dovecot, user, 40)
    with watching(sqlite, account(dovecot, user, after="flag")):
        taken(sqlite, 40)
        idle(sqlite)
    assert made[-1]._known == set()
    assert not made[-1]._faults.tries


@pytest.mark.parametrize(("separator", "prefix"), [("/", ""), (".", "INBOX.")])
def test_the_folder_is_made_in_the_servers_own_way(sqlite: Database, user: str, separator: str, prefix: str) -> None:
    server = Dovecot(tls=False, separator=separator, prefix=prefix)
    try:
        server.start()
        seed(server, user, 1)
        with watching(sqlite, account(server, user, after="move:Desk/Erledigt ü")):
            taken(sqlite, 1)
            empty(server, user)
        assert len(server.mails(user, "Desk.Erledigt &APw-")) == 1
    finally:
        server.close()


def test_a_refused_move_stops_no_mail_and_is_tried_again(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    seed(dovecot, user, 1)
    blocked = dovecot.maildir(user, "Processed")
    blocked.write_text("no folder can be made here")
    with watching(sqlite, account(dovecot, user, poll=1)):
        row = until(lambda: (row := state(sqlite)) is not None and row.error and row, "an error")
        assert row.error.startswith("the server refuses move:Processed of 1 mails: ")
        dovecot.deliver(user, mail(1))
        taken(sqlite, 2)
        blocked.unlink()
        empty(dovecot, user)
        idle(sqlite)
    assert len(dovecot.mails(user, "Processed")) == 2


# --- outages ----------------------------------------------------------------------------------------------------


def _killed(*_: object) -> None:
    raise SystemError("killed between commit and move")


def test_killed_between_commit_and_move_it_is_moved_after_the_restart(
    dovecot: Dovecot, database: Database, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(dovecot, user, 3)
    dispose = mailbox.dispose

    monkeypatch.setattr(mailbox, "dispose", _killed)
    box = account(dovecot, user)
    with watching(database, box):
        taken(database, 3)
        until(lambda: (row := state(database)) is not None and row.error, "an error")
    assert len(dovecot.mails(user)) == 3
    monkeypatch.setattr(mailbox, "dispose", dispose)
    with watching(database, box):
        empty(dovecot, user)
    assert len(rows(database)) == 3
    assert len(dovecot.mails(user, "Processed")) == 3


def test_it_comes_back_when_the_server_was_killed(sqlite: Database, user: str) -> None:
    server = Dovecot(tls=False)
    try:
        server.start()
        with watching(sqlite, account(server, user, start="now", poll=3600)):
            idle(sqlite)
            server.kill()
            row = until(lambda: (row := state(sqlite)) is not None and row.error and row, "an error")
            since = row.error_since
            when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
            server.deliver(user, mail(1), received=when)
            until(lambda: (row := state(sqlite)) is not None and row.error and "nobody listens at" in row.error, "gone")
            assert state(sqlite).error_since == since  # type: ignore[union-attr]
            server.start()
            (row,) = taken(sqlite, 1)
            empty(server, user)
            idle(sqlite)
        assert row.received_at == when.timestamp()
    finally:
        server.close()


def test_a_graceful_restart_of_the_server_is_noticed_in_idle(sqlite: Database, user: str) -> None:
    server = Dovecot(tls=False)
    try:
        server.start()
        with watching(sqlite, account(server, user, poll=3600)):
            idle(sqlite)
            server.stop()
            until(lambda: (row := state(sqlite)) is not None and row.error, "an error")
            server.start()
            seed(server, user, 1)
            taken(sqlite, 1)
    finally:
        server.close()


def test_it_stops_at_once_while_it_waits(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    with watching(sqlite, account(dovecot, user, poll=3600)) as watch:
        idle(sqlite)
        watch.stopping.set()  # `watching` joins, and fails where that does not end


def test_it_stops_at_once_while_the_server_is_away(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "FIRST_PAUSE", 3600.0)
    server = Dovecot(tls=False)
    server.close()
    with watching(sqlite, account(server, "nobody")):
        until(lambda: (row := state(sqlite)) is not None and row.error, "an error")


def test_an_outage_of_the_database_loses_nothing(
    dovecot: Dovecot, sqlite: Database, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(dovecot, user, 2)
    take, failures = mailboxes.take, iter(range(3))

    def away(*arguments: object) -> list[int]:
        if next(failures, None) is not None:
            raise DatabaseUnavailable("away")
        return take(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(mailboxes, "take", away)
    with watching(sqlite, account(dovecot, user)):
        taken(sqlite, 2)
        empty(dovecot, user)


# --- another UIDVALIDITY ----------------------------------------------------------------------------------------


def test_another_uidvalidity_makes_no_doubles(database: Database, user: str) -> None:
    server = Dovecot(tls=False)
    try:
        server.start()
        server.deliver(user, mail(1), received=datetime(2020, 1, 1, tzinfo=UTC))  # lay there before us
        box = account(server, user, start="now", after="flag", poll=1)
        with watching(database, box):
            idle(database)
            for number in (2, 2, 3):  # one of them twice, as two deliveries
                server.deliver(user, mail(number))
            taken(database, 3)
            until(lambda: sum(kept.flags == "S" for kept in server.mails(user)) == 3, "three flags")
        server.stop()
        server.change_uidvalidity(user)
        server.deliver(user, mail(4))  # unseen under the old one
        server.start()
        with watching(database, box):
            found = taken(database, 4)
            until(lambda: sum(kept.flags == "S" for kept in server.mails(user)) == 4, "the new one's flag")
            server.deliver(user, mail(2))  # the same bytes, delivered now
            taken(database, 5)
        assert [row.raw for row in found] == [mail(2), mail(2), mail(3), mail(4)]
        with watching(database, box) as watch:
            watch.looked()
        assert len(rows(database)) == 5
    finally:
        server.close()


def test_another_uidvalidity_between_commit_and_move(
    sqlite: Database, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Dovecot(tls=False)
    try:
        server.start()
        seed(server, user, 2)
        dispose = mailbox.dispose
        monkeypatch.setattr(mailbox, "dispose", _killed)
        with watching(sqlite, account(server, user)):
            taken(sqlite, 2)
        monkeypatch.setattr(mailbox, "dispose", dispose)
        server.stop()
        server.change_uidvalidity(user)
        server.start()
        with watching(sqlite, account(server, user)):
            empty(server, user)
        assert len(rows(sqlite)) == 2
    finally:
        server.close()


# --- mails that are not as they should be -----------------------------------------------------------------------


def _big(number: int) -> bytes:
    return (
        (
            f"From: Anna <anna@acme.example>\r\nSubject: Big {number}\r\nMessage-ID: <b{number}@acme.example>\r\n"
            'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="cut-here"\r\n\r\n'
            "--cut-here\r\nContent-Type: text/plain\r\n\r\nSee the picture.\r\n"
            '--cut-here\r\nContent-Type: image/png; name="p.png"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        ).encode()
        + b"QUJD" * 500_000
        + b"\r\n--cut-here--\r\n"
    )


@pytest.mark.parametrize("after", ["move:Processed", "flag", "delete"])
def test_an_oversize_mail_comes_with_header_and_text_and_is_not_deleted(
    dovecot: Dovecot, sqlite: Database, user: str, after: str
) -> None:
    dovecot.deliver(user, _big(1))
    dovecot.deliver(user, mail(2))
    for _ in range(2):
        with watching(sqlite, account(dovecot, user, after=after), given=settings("1MB")) as watch:
            watch.looked()
            big, small = taken(sqlite, 2)
            until(lambda: len(dovecot.mails(user)) == {"move": 0, "flag": 2, "dele": 1}[after[:4]], after)
    assert small.raw == mail(2)
    assert small.note is None
    assert len(big.raw) < 2000
    message = parse(big.raw)
    assert (message.subject, message.text.strip()) == ("Big 1", "See the picture.")
    assert message.attachments == ()
    assert big.state == "new"
    assert big.note is not None
    assert f"{len(_big(1)):,} bytes are more than the limit of 1,000,000" in big.note
    kept = dovecot.mails(user, "Processed") if after.startswith("move") else dovecot.mails(user)
    assert _big(1) in [one.raw for one in kept]


def test_a_servers_substitute_text_is_parked_and_stays(dovecot: Dovecot, sqlite: Database, user: str) -> None:
    text = (
        b"From: Exchange <x@desk.example>\r\nSubject: Retrieval using the IMAP4 protocol failed for the following "
        b"message: 17\r\n\r\nThe server couldn't retrieve the following message:\r\n\r\nSubject: Printer\r\n"
    )
    dovecot.deliver(user, text)
    dovecot.deliver(user, mail(2))
    with watching(sqlite, account(dovecot, user)):
        parked, other = taken(sqlite, 2)
        until(lambda: len(dovecot.mails(user)) == 1, "one moved")
    assert (parked.state, other.state) == ("parked", "new")
    assert parked.note is not None
    assert "put a text of its own in its place" in parked.note
    assert dovecot.mails(user)[0].raw == text


@pytest.mark.parametrize("failure", ["disconnect-immediately", "disconnect-after", "no-after"])
def test_a_mail_that_cannot_be_fetched_is_parked_after_five_tries_and_the_others_go_on(
    sqlite: Database, user: str, failure: str
) -> None:
    server = Dovecot(tls=False, fetch_failure=failure)
    try:
        server.start()
        paths = seed(server, user, 5)
        paths[1].chmod(0)
        with watching(sqlite, account(server, user, poll=1)):
            found = taken(sqlite, 5)
            until(lambda: len(server.mails(user, "Processed")) == 4, "four moved")
        by_state = {row.raw: row for row in found}
        assert {raw for raw in by_state if by_state[raw].state == "new"} == {mail(n) for n in (0, 2, 3, 4)}
        (parked,) = (row for row in found if row.state == "parked")
        assert found[-1] == parked
        assert parked.note is not None
        assert "could not be fetched in 5 tries" in parked.note
        assert paths[1].name in [p.name.partition(":")[0] for p in server.maildir(user).glob("*/*")]
    finally:
        server.close()


def test_a_mail_that_cannot_be_written_stops_no_other(
    dovecot: Dovecot, sqlite: Database, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(dovecot, user, 3)
    take = mailboxes.take

    def picky(connection, box, mails, now):  # type: ignore[no-untyped-def]
        if any(taken.arrival.raw == mail(1) for taken in mails):
            raise ValueError("not that one")
        return take(connection, box, mails, now)

    monkeypatch.setattr(mailboxes, "take", picky)
    with watching(sqlite, account(dovecot, user)):
        found = taken(sqlite, 3)
        until(lambda: len(dovecot.mails(user, "Processed")) == 2, "two moved")
    assert [row.state for row in found] == ["new", "parked", "new"]
    assert [kept.raw for kept in dovecot.mails(user)] == [mail(1)]


def test_where_nothing_can_be_written_nothing_is_moved(
    dovecot: Dovecot, sqlite: Database, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(dovecot, user, 2)
    take = mailboxes.take

    def broken(*_: object) -> list[int]:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(mailboxes, "take", broken)
    with watching(sqlite, account(dovecot, user)):
        row = until(lambda: (row := state(sqlite)) is not None and row.error and row, "an error")
        assert row.error.startswith("ValueError: a fault of ours; ")
        assert len(dovecot.mails(user)) == 2
        monkeypatch.setattr(mailboxes, "take", take)
        taken(sqlite, 2)
        empty(dovecot, user)
    assert [row.state for row in rows(sqlite)] == ["new", "new"]
