"""The journal on SQLite and on PostgreSQL: each arrival once, each claim under a lease."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from routing.mail import Claim
from storage import journal, working
from storage.database import Database
from storage.journal import Arrival, ImapUid, Stored
from storage.tables import journal as table

NOW = 1_000_000.0


def arrival(text: str = "hello", **changes: object) -> Arrival:
    raw = f"Message-ID: <{text}@a.example>\r\n\r\n{text}\r\n".encode()
    base = Arrival("smtp", "127.0.0.1", "a@a.example", ("help@desk.example",), raw, has_message_id=True)
    return replace(base, **changes)  # type: ignore[arg-type]


def append(db: Database, *arrivals: Arrival, at: float = NOW) -> list[Stored]:
    with db.write() as session:
        return journal.append(session, [journal.entry(arrival) for arrival in arrivals], at)


def claim(db: Database, at: float, owner: str = "w1") -> list[Claim]:
    with db.write() as session:
        return working.claim(session, owner, at)


def test_retry_of_the_same_arrival_is_no_new_row(database: Database) -> None:
    [first] = append(database, arrival())
    [again] = append(database, arrival(), at=NOW + 3600)
    assert first.fresh
    assert again == Stored(first.journal_id, fresh=False)


def test_same_mail_to_another_recipient_is_another_arrival(database: Database) -> None:
    [first] = append(database, arrival())
    [other] = append(database, arrival(rcpt_to=("sales@desk.example",)))
    assert other.fresh
    assert other.journal_id != first.journal_id


def test_mail_by_another_door_is_another_arrival_and_without_message_id_the_same_one(database: Database) -> None:
    for named in (True, False):
        [first] = append(database, arrival(str(named), has_message_id=named))
        [other] = append(database, arrival(str(named), has_message_id=named, door="lmtp"))
        assert other.fresh == named
        assert (other.journal_id != first.journal_id) == named


def test_twins_in_one_commit_are_one_row(database: Database) -> None:
    first, twin, other = append(database, arrival(), arrival(), arrival("else"))
    assert twin == Stored(first.journal_id, fresh=False)
    assert other.fresh


def test_alert_without_message_id_is_a_second_occurrence_after_an_hour(database: Database) -> None:
    nameless = arrival(has_message_id=False)
    [first] = append(database, nameless)
    with database.write() as session:
        journal.acknowledge(session, [first.journal_id])
    assert not append(database, nameless, at=NOW + 599)[0].fresh
    assert append(database, nameless, at=NOW + 3600)[0].fresh


def test_mail_without_message_id_whose_250_was_never_written_is_a_retry_even_after_an_hour(database: Database) -> None:
    nameless = arrival(has_message_id=False)
    [first] = append(database, nameless)
    assert append(database, nameless, at=NOW + 3600) == [Stored(first.journal_id, fresh=False)]


def test_imap_delivery_is_known_by_its_uid(database: Database) -> None:
    uid = ImapUid("office", "INBOX", 7, 1)
    [first] = append(database, arrival(imap=uid))
    assert append(database, arrival(imap=uid)) == [Stored(first.journal_id, fresh=False)]
    assert append(database, arrival(imap=replace(uid, uid=2)))[0].fresh


def test_no_mail_arrives_in_the_future_and_what_the_mailbox_told_is_kept(database: Database) -> None:
    append(database, arrival("early", received_at=NOW + 3600), arrival("now", received_at=NOW - 5))
    with database.read() as session:
        times = session.execute(sa.select(table.c.received_at, table.c.told_at)).all()
    assert [tuple(row) for row in times] == [(NOW, NOW + 3600), (NOW - 5, None)]


def test_claim_takes_each_mail_once_and_reserves_its_ids(database: Database) -> None:
    append(database, arrival("one"), arrival("two"))
    first = claim(database, NOW)
    assert [c.attempt for c in first] == [1, 1]
    assert len({c.ticket_id for c in first}) == 2
    assert abs(first[0].article_id - first[1].article_id) == working.IDS_A_MAIL
    assert claim(database, NOW + 1, "w2") == []


def test_lease_of_a_dead_worker_runs_out_and_the_ids_stay(database: Database) -> None:
    append(database, arrival())
    [held] = claim(database, NOW)
    [again] = claim(database, NOW + working.LEASE_SECONDS, "w2")
    assert replace(again, claimed_at=0.0) == replace(held, attempt=2, claimed_at=0.0)


def test_leases_of_an_owner_end_and_those_of_no_other(database: Database) -> None:
    append(database, arrival())
    claim(database, NOW, "host:file:work:1")
    with database.write() as session:
        assert working.release_all(session, "host:file:work:", NOW + 1) == 0
        assert working.release_all(session, "host:file:work:1", NOW + 1) == 1
    assert len(claim(database, NOW + 1)) == 1


def test_mail_with_an_earlier_try_is_claimed_alone(database: Database) -> None:
    append(database, arrival("one"), arrival("two"))
    claim(database, NOW)
    later = NOW + working.LEASE_SECONDS
    assert [len(claim(database, later)) for _ in range(3)] == [1, 1, 0]


def test_five_deaths_with_a_mail_in_hand_park_it_and_four_do_not(database: Database) -> None:
    append(database, arrival())
    for death in range(working.MOST_DEATHS):
        assert len(claim(database, NOW + death * working.LEASE_SECONDS)) == 1
    assert claim(database, NOW + 1e6) == []
    with database.read() as session:
        row = session.execute(sa.select(table.c.state, table.c.error)).one()
    assert row.state == "parked"
    assert "died 5 times" in row.error


def test_outage_of_the_database_counts_no_try(database: Database) -> None:
    append(database, arrival())
    for _ in range(10):
        [held] = claim(database, NOW)
        with database.write() as session:
            working.release(session, [held], NOW)
    assert claim(database, NOW)[0].attempt == 1


def test_batch_is_bounded_by_bytes(database: Database) -> None:
    big = b"x" * (working.BATCH_BYTES // 2 + 1)
    append(database, *(arrival(str(n), raw=b"Message-ID: <%d@x>\r\n\r\n" % n + big) for n in range(3)))
    assert [len(claim(database, NOW)) for _ in range(4)] == [1, 1, 1, 0]


def test_parked_mail_goes_back_when_it_is_retried(database: Database) -> None:
    [stored] = append(database, arrival())
    with database.write() as session:
        working.park(session, [stored.journal_id], "Traceback", NOW)
    assert claim(database, NOW) == []
    with database.write() as session:
        assert working.retry(session, [stored.journal_id], NOW) == 1
    assert claim(database, NOW)[0].attempt == 1


def test_parked_arrival_is_not_worked(database: Database) -> None:
    append(database, arrival(parked=True, note="the server gave no body"))
    assert claim(database, NOW) == []
