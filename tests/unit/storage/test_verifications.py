"""Arrivals that wait for their author to be checked: who may take them, and when."""

from __future__ import annotations

from routing.mail import Claim, Evidence
from storage import journal, verifications, working
from storage.database import Database
from storage.journal import Arrival
from storage.verifications import LEASE_SECONDS, WAITS

T = 1_000_000.0
FOUND = Evidence("pass", "reject", "dkim=pass header.d=acme.example", "check")


def arrive(db: Database, *, verify: bool, at: float = T, text: bytes = b"words") -> int:
    raw = b"From: a@acme.example\r\n\r\n" + text + b"\r\n"
    with db.write() as session:
        mail = Arrival("smtp", "127.0.0.1", "a@acme.example", ("help@desk.example",), raw, False, verify=verify)
        [stored] = journal.append(session, [journal.entry(mail)], at)
    return stored.journal_id


def worked(db: Database, at: float) -> list[Claim]:
    with db.write() as session:
        return working.claim(session, "host:work:1", at) if working.is_due(session, at) else []


def loaded(db: Database, at: float) -> list[working.Claimed]:
    claims = worked(db, at)
    with db.read() as session:
        return working.load(session, claims)


def taken(db: Database, at: float, limit: int = 10) -> list[verifications.Unverified]:
    with db.write() as session:
        return verifications.claim(session, at, limit) if verifications.is_due(session, at) else []


def test_mail_to_verify_is_not_worked_before_it_was_verified(database: Database) -> None:
    arrive(database, verify=True)
    assert worked(database, T + 60) == []
    [held] = taken(database, T + 60)
    with database.write() as session:
        verifications.settle(session, [(held, FOUND)])
    [claimed] = loaded(database, T + 61)
    assert claimed.evidence == FOUND
    assert taken(database, T + 1000) == []


def test_mail_that_no_door_asks_about_is_worked_at_once(database: Database) -> None:
    arrive(database, verify=False)
    assert taken(database, T + 1) == []
    [claimed] = loaded(database, T + 1)
    assert claimed.evidence is None


def test_mails_are_worked_in_the_order_of_arrival_whichever_was_verified_first(database: Database) -> None:
    first, second = arrive(database, verify=True), arrive(database, verify=True, at=T + 1, text=b"more")
    held = {h.journal_id: h for h in taken(database, T + 2)}
    with database.write() as session:
        verifications.settle(session, [(held[second], FOUND), (held[first], FOUND)])
    with database.read() as session:
        assert working.is_due(session, T + 1)
    assert [c.journal_id for c in worked(database, T + 2)] == [first, second]


def test_lease_of_a_dead_verifier_ends_and_what_it_says_late_is_not_believed(database: Database) -> None:
    arrive(database, verify=True)
    [dead] = taken(database, T)
    assert taken(database, T + LEASE_SECONDS - 1) == []
    [living] = taken(database, T + LEASE_SECONDS)
    assert (dead.attempt, living.attempt) == (1, 2)
    with database.write() as session:
        verifications.settle(session, [(dead, FOUND)])
    assert worked(database, T + LEASE_SECONDS) == []


def test_mail_that_nobody_verifies_is_worked_without_after_an_hour(database: Database) -> None:
    arrive(database, verify=True)
    assert worked(database, T + journal.UNVERIFIED_SECONDS - 1) == []
    [claimed] = loaded(database, T + journal.UNVERIFIED_SECONDS)
    assert claimed.evidence is None


def test_verifier_that_comes_late_takes_nothing_out_of_the_workers_hands(database: Database) -> None:
    arrive(database, verify=True)
    [held] = taken(database, T)
    [claimed] = worked(database, T + journal.UNVERIFIED_SECONDS)
    with database.write() as session:
        verifications.settle(session, [(held, FOUND)])
        assert working.still_held(session, [claimed]) == {claimed.journal_id}
    assert worked(database, T + journal.UNVERIFIED_SECONDS + 1) == []
    assert taken(database, T + journal.UNVERIFIED_SECONDS + 1) == []


def test_daemon_that_was_away_for_a_day_verifies_what_waited_before_it_is_worked(database: Database) -> None:
    arrive(database, verify=True)
    taken(database, T)
    with database.write() as session:
        verifications.begin(session, T + 86400, asked=True)
    assert worked(database, T + 86400) == []
    assert len(taken(database, T + 86400)) == 1


def test_daemon_whose_doors_ask_no_more_works_what_waited(database: Database) -> None:
    arrive(database, verify=True)
    with database.write() as session:
        verifications.begin(session, T + 5, asked=False)
    assert taken(database, T + 5) == []
    assert len(worked(database, T + 5)) == 1


def test_mail_given_back_is_due_at_once_and_the_try_does_not_count(database: Database) -> None:
    arrive(database, verify=True)
    [held] = taken(database, T)
    with database.write() as session:
        verifications.give_back(session, [held], T + 1)
    [again] = taken(database, T + 1)
    assert again.attempt == 1


def test_postponed_mail_is_not_due_before(database: Database) -> None:
    arrive(database, verify=True)
    [held] = taken(database, T)
    with database.write() as session:
        verifications.postpone(session, held, T + 5)
    assert taken(database, T + 4) == []
    assert [h.attempt for h in taken(database, T + 5)] == [2]


def test_tries_last_for_a_quarter_of_an_hour() -> None:
    assert sum(WAITS) == 15 * 60


def test_large_mails_are_taken_one_at_a_time_and_small_ones_together(database: Database) -> None:
    for number in range(3):
        arrive(database, verify=True, text=b"%d" % number * 5_000_000)
    assert [len(taken(database, T)) for _ in range(4)] == [1, 1, 1, 0]
    for number in range(3):
        arrive(database, verify=True, text=b"small %d" % number)
    assert len(taken(database, T)) == 3


def test_parked_arrival_is_never_verified(database: Database) -> None:
    with database.write() as session:
        mail = Arrival("imap:office", "", "", (), b"", False, received_at=T, parked=True, verify=True)
        journal.append(session, [journal.entry(mail)], T)
    assert taken(database, T + 1) == []
