"""The outbox: a letter once, a body once, claims by lease, results fenced, and what a person does with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from storage import beats, deliveries, holding, minutes, sending, undelivered
from storage import outbox as letters
from storage.change import Event, Letter, Mark
from storage.database import Database
from storage.deliveries import FIRST_WAIT, GIVE_UP_SECONDS, LONGEST_WAIT, Deferred, Failed, Result, Sent
from storage.sending import LEASE_SECONDS, Outgoing
from storage.tables import beat, letter_body, outbox, thread_key

NOW = 1_772_000_000.0
ME = "host:file:1"


def letter(name: str = "a", event: Event = "answer", body: bytes = b"words\r\n", **others: Any) -> Letter:
    made = Letter(
        event, 42, 7, f"{name}@x.example", "help@desk.example", f"{name}@desk.example", "s", b"H: 1\r\n\r\n", body, NOW
    )
    return replace(made, **others)


def write(db: Database, *some: Letter, now: float = NOW) -> None:
    with db.write() as connection:
        letters.write(connection, letters.prepared(some, now))


def claim(db: Database, now: float = NOW, limit: int = 10, owner: str = ME) -> list[Outgoing]:
    with db.write() as connection:
        return sending.claim(connection, owner, now, limit)


def record(db: Database, *results: Result, now: float = NOW, owner: str = ME) -> list[Result]:
    with db.write() as connection:
        return deliveries.record(connection, owner, results, now)


def row(db: Database, name: str = "a") -> Any:
    with db.read() as connection:
        return connection.execute(sa.select(outbox).where(outbox.c.message_id == f"{name}@desk.example")).one()


def count(db: Database, table: sa.Table) -> int:
    with db.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


# --- writing -------------------------------------------------------------------------------------------------------


def test_a_letter_written_twice_is_one(database: Database) -> None:
    write(database, letter(), letter("b"))
    write(database, letter(subject="another"), letter("c"))
    assert count(database, outbox) == 3
    assert row(database).subject == "s"


def test_a_body_that_several_share_is_kept_once(database: Database) -> None:
    write(database, letter(), letter("b"), letter("c", body=b"other\r\n"))
    write(database, letter("d"))
    assert count(database, letter_body) == 2
    assert [claimed.body for claimed in claim(database)] == [b"words\r\n", b"words\r\n", b"other\r\n", b"words\r\n"]


def test_a_letter_that_is_held_is_not_sent(database: Database) -> None:
    write(database, letter(held_for="relay"))
    assert (row(database).state, row(database).held_for) == ("held", "relay")
    assert claim(database) == []


def test_nothing_to_write_writes_nothing(sqlite: Database) -> None:
    write(sqlite)
    assert count(sqlite, outbox) == 0


# --- claims --------------------------------------------------------------------------------------------------------


def test_answers_go_before_acknowledgements_before_notices_and_the_oldest_first(database: Database) -> None:
    write(database, letter("n", "notice"), letter("k", "acknowledgement"), letter("s", "state"))
    write(database, letter("a2", "answer"), now=NOW + 1)
    write(database, letter("a1", "answer"), now=NOW)
    assert [c.recipient[:-10] for c in claim(database, NOW + 1, limit=4)] == ["a1", "a2", "s", "k"]
    assert [c.recipient[:-10] for c in claim(database, NOW + 1)] == ["n"]


def test_what_is_claimed_is_everything_that_sending_needs(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    assert claimed == Outgoing(
        row(database).id, 1, "a@x.example", "help@desk.example", "a@desk.example", b"H: 1\r\n\r\n", b"words\r\n"
    )


def test_a_claimed_letter_is_nobody_elses_until_its_lease_ends(database: Database) -> None:
    write(database, letter())
    assert len(claim(database)) == 1
    assert claim(database, NOW + LEASE_SECONDS - 1) == []
    (again,) = claim(database, NOW + LEASE_SECONDS)
    assert again.attempt == 2


def test_a_renewed_lease_lasts_longer_and_somebody_elses_is_not_renewed(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    with database.write() as connection:
        sending.renew(connection, ME, [claimed.id], NOW + 30)
        sending.renew(connection, "another", [claimed.id], NOW + 1000)
    assert claim(database, NOW + LEASE_SECONDS + 29) == []
    assert len(claim(database, NOW + LEASE_SECONDS + 30)) == 1


def test_leases_of_an_owner_end_and_those_of_no_other(database: Database) -> None:
    write(database, letter(), letter("b"))
    claim(database, limit=1)
    claim(database, owner="other_host:file:1")
    with database.write() as connection:
        assert sending.release_all(connection, ME, NOW + 1) == 1
    assert [c.recipient for c in claim(database, NOW + 1)] == ["a@x.example"]


def test_a_claim_takes_no_more_bytes_than_fit_in_memory(database: Database) -> None:
    large = b"x" * (sending.CLAIM_BYTES // 2 - 1)
    write(database, *(letter(name, body=large + name.encode()) for name in "abc"))
    assert len(claim(database)) == 2
    assert len(claim(database)) == 1


def test_a_letter_larger_than_that_is_taken_alone(sqlite: Database) -> None:
    write(sqlite, letter(body=b"x" * (sending.CLAIM_BYTES + 1)), letter("b"))
    assert len(claim(sqlite)) == 1
    assert len(claim(sqlite)) == 1


def test_a_letter_is_due_only_when_there_is_one(database: Database) -> None:
    def due(now: float) -> bool:
        with database.read() as connection:
            return sending.is_due(connection, now)

    assert not due(NOW)
    write(database, letter())
    assert due(NOW)
    assert not due(NOW - 1)
    claim(database)
    assert not due(NOW)


# --- results -------------------------------------------------------------------------------------------------------


def test_a_sent_letter_is_never_claimed_again(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    assert record(database, Sent(claimed.id, claimed.attempt, "2.0.0"), now=NOW + 1) == []
    found = row(database)
    assert (found.state, found.status, found.error, found.owner, found.updated) == (
        "sent",
        "2.0.0",
        None,
        None,
        NOW + 1,
    )
    assert claim(database, NOW + 1e6) == []


def test_a_refused_letter_failed_with_the_relays_words(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    failed = Failed(claimed.id, claimed.attempt, "550 5.1.1 no such user", "5.1.1")
    assert record(database, failed) == [failed]
    assert (row(database).state, row(database).status, row(database).error) == (
        "failed",
        "5.1.1",
        "550 5.1.1 no such user",
    )


def test_a_temporary_refusal_waits_a_minute_and_twice_as_long_each_time(database: Database) -> None:
    write(database, letter())
    now, waits = NOW, []
    for _ in range(9):
        (claimed,) = claim(database, now)
        record(database, Deferred(claimed.id, claimed.attempt, "450 later", "4.2.0"), now=now)
        assert row(database).state == "deferred"
        waits.append(row(database).due - now)
        now = row(database).due
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT


def test_after_five_days_of_refusals_it_is_given_up_and_not_before(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    now = NOW + GIVE_UP_SECONDS - 1
    assert record(database, Deferred(claimed.id, claimed.attempt, "450 later"), now=now) == []
    assert row(database).state == "deferred"
    (claimed,) = claim(database, now + LONGEST_WAIT)
    (failed,) = record(database, Deferred(claimed.id, claimed.attempt, "450 later"), now=now + LONGEST_WAIT)
    assert isinstance(failed, Failed)
    assert row(database).state == "failed"
    assert row(database).error == "given up after five days: 450 later"


def test_a_relay_that_is_away_is_no_letters_fault_however_long(database: Database) -> None:
    write(database, letter())
    for day in range(8):
        now = NOW + day * 86400
        (claimed,) = claim(database, now)
        assert claimed.attempt == 1
        record(database, Deferred(claimed.id, claimed.attempt, "refused", counts=False), now=now)
        assert (row(database).state, row(database).due) == ("pending", NOW)  # its place among its like


def test_a_late_word_about_an_earlier_try_changes_nothing(database: Database) -> None:
    write(database, letter())
    (first,) = claim(database)
    (second,) = claim(database, NOW + LEASE_SECONDS, owner="another")
    record(database, Failed(first.id, first.attempt, "550"), now=NOW + LEASE_SECONDS)
    assert row(database).state == "pending"
    record(database, Sent(second.id, second.attempt), now=NOW + LEASE_SECONDS, owner="another")
    assert row(database).state == "sent"


def test_a_message_id_that_the_relay_gave_leads_to_the_ticket(database: Database) -> None:
    write(database, letter(), letter("b"))
    first, second = claim(database)
    with database.read() as connection:
        assert not deliveries.rewriting(connection)
    record(database, Sent(first.id, 1), Sent(second.id, 1, renamed="0100-1@eu-west-1.amazonses.example"))
    with database.read() as connection:
        assert deliveries.rewriting(connection)
        (found,) = connection.execute(sa.select(thread_key)).all()
    assert tuple(found) == ("0100-1@eu-west-1.amazonses.example", 42, 7, True, False)


# --- reports -------------------------------------------------------------------------------------------------------


def marked(state: Any, status: str | None = "5.1.1") -> Mark:
    return Mark("a@desk.example", state, status, "no such user", NOW)


def mark(db: Database, told: Mark) -> None:
    with db.write() as connection:
        undelivered.mark(connection, [told], NOW + 5)


def test_a_letter_that_came_back_is_bounced(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    record(database, Sent(claimed.id, 1, "2.0.0"))
    mark(database, marked("failed"))
    assert (row(database).state, row(database).status, row(database).error) == ("bounced", "5.1.1", "no such user")


def test_a_report_that_is_faster_than_the_record_is_kept(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    mark(database, marked("failed"))
    record(database, Sent(claimed.id, 1, "2.0.0"))
    assert row(database).state == "bounced"


def test_a_delay_is_noted_and_the_letter_stays_sent(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    record(database, Sent(claimed.id, 1, "2.0.0"))
    mark(database, marked("delayed", "4.4.1"))
    assert (row(database).state, row(database).status) == ("sent", "4.4.1")


@pytest.mark.parametrize("state", ["read", "other"])
def test_a_receipt_changes_nothing(sqlite: Database, state: str) -> None:
    write(sqlite, letter())
    (claimed,) = claim(sqlite)
    record(sqlite, Sent(claimed.id, 1, "2.0.0"))
    before = row(sqlite)
    mark(sqlite, marked(state))
    assert row(sqlite) == before


def test_a_report_about_a_held_letter_changes_nothing(sqlite: Database) -> None:
    write(sqlite, letter(held_for="confirm"))
    mark(sqlite, marked("failed"))
    assert row(sqlite).state == "held"


# --- by a person ---------------------------------------------------------------------------------------------------


def by_hand(db: Database, verb: str, *ids: int, now: float = NOW + 100) -> int:
    with db.write() as connection:
        return int(getattr(holding, verb)(connection, ids, now))


def test_a_released_letter_goes_out_and_its_days_begin_then(database: Database) -> None:
    write(database, letter(held_for="relay"), letter("b"))
    assert by_hand(database, "release", row(database).id, row(database, "b").id) == 1
    found = row(database)
    assert (found.state, found.held_for, found.created) == ("pending", None, NOW + 100)
    assert len(claim(database, NOW + 100)) == 2


def test_a_failed_letter_is_tried_again_under_its_own_message_id(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    record(database, Failed(claimed.id, 1, "550", "5.1.1"))
    assert by_hand(database, "retry", claimed.id) == 1
    (again,) = claim(database, NOW + 100)
    assert (again.message_id, again.attempt) == (claimed.message_id, 1)
    assert (row(database).status, row(database).error) == (None, None)


def test_a_sent_letter_is_not_tried_again(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    record(database, Sent(claimed.id, 1))
    assert by_hand(database, "retry", claimed.id) == 0


def test_a_discarded_letter_is_never_sent_and_says_so(database: Database) -> None:
    write(database, letter(held_for="shadow"), letter("b"))
    assert by_hand(database, "discard", row(database).id, row(database, "b").id) == 2
    assert (row(database).state, row(database).error) == ("failed", "discarded by hand")
    assert claim(database, NOW + 1e6) == []


def test_an_answer_that_waited_for_its_author_waits_again_when_its_discarding_is_taken_back(database: Database) -> None:
    write(database, letter(held_for="confirm"))
    by_hand(database, "discard", row(database).id)
    assert by_hand(database, "retry", row(database).id) == 1
    assert (row(database).state, row(database).held_for) == ("held", "confirm")
    assert claim(database, NOW + 1e6) == []


def test_a_letter_that_the_caller_still_holds_is_not_claimed_again_whatever_the_clock_does(database: Database) -> None:
    write(database, letter())
    (claimed,) = claim(database)
    with database.write() as connection:
        assert sending.claim(connection, ME, NOW + 10 * LEASE_SECONDS, 10, but={claimed.id}) == []
    assert len(claim(database, NOW + 10 * LEASE_SECONDS)) == 1


@pytest.mark.parametrize("verb", ["discard", "retry", "release"])
def test_a_letter_in_hand_is_left_alone(sqlite: Database, verb: str) -> None:
    write(sqlite, letter())
    (claimed,) = claim(sqlite)
    assert by_hand(sqlite, verb, claimed.id) == 0
    record(sqlite, Sent(claimed.id, 1))
    assert row(sqlite).state == "sent"


def test_a_confirmed_answer_goes_out_to_all(database: Database) -> None:
    write(
        database,
        letter(held_for="confirm"),
        letter("b", held_for="confirm"),
        letter("c", held_for="confirm", article_id=8),
        letter("d", held_for="shadow"),
    )
    with database.write() as connection:
        assert holding.release_held(connection, 7, NOW) == 2
    assert [row(database, name).state for name in "abcd"] == ["pending", "pending", "held", "held"]


def test_a_confirmed_answer_waits_for_a_relay_where_there_is_none(sqlite: Database) -> None:
    write(sqlite, letter(held_for="confirm"))
    with sqlite.write() as connection:
        assert holding.release_held(connection, 7, NOW, "relay") == 1
    assert (row(sqlite).state, row(sqlite).held_for) == ("held", "relay")


# --- signs of life -------------------------------------------------------------------------------------------------


def test_the_relays_error_is_kept_with_the_moment_it_began(database: Database) -> None:
    def told(now: float, error: str | None) -> tuple[Any, ...]:
        with database.write() as connection:
            beats.seen(connection, "relay", now, error)
            return tuple(connection.execute(sa.select(beat)).one())

    assert told(1.0, "refused") == ("relay", None, "refused", 1.0)
    assert told(2.0, "no answer") == ("relay", None, "no answer", 1.0)
    assert told(3.0, None) == ("relay", 3.0, None, None)
    assert told(4.0, "refused") == ("relay", 3.0, "refused", 4.0)


# --- what limits count ---------------------------------------------------------------------------------------------


def test_acknowledgements_are_counted_by_the_minute_and_by_who_they_go_to(database: Database) -> None:
    later = NOW + 60
    write(database, letter("a", "acknowledgement", limited="known"), letter("b", "acknowledgement", limited="unknown"))
    write(database, letter("c", "acknowledgement", limited="known"), letter("d", "notice"), letter("e"))
    write(database, letter("f", "acknowledgement", limited="unknown", time=later))
    first, second = int(NOW // 60), int(later // 60)
    with database.read() as connection:
        assert minutes.between(connection, NOW, later) == {first: (2, 1), second: (0, 1)}
        assert minutes.between(connection, later, later) == {second: (0, 1)}
        assert minutes.between(connection, later + 60, later + 120) == {}
