"""Epochs of ids: after a restore nothing that was given out in the lost time leads to a ticket of somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import tokens
from routing.tokens import FIRST_NUMBER, Keys
from storage import counters, epochs, journal, keys, schema, working
from storage.database import Database
from storage.epochs import DAY, FRIENDLY, LEAST_A_DAY, SAFETY, first_after
from storage.tables import counter, signing_key, ticket
from storage.tables import journal as journal_table

NOON = 1_700_000_000.0
HOURS = 3600.0
ANNA = "anna@acme.example"


@contextmanager
def lite(folder: Path, name: str) -> Iterator[Database]:
    db = Database(f"sqlite:///{folder / name}")
    schema.create(db)
    yield db
    db.close()


def at(db: Database, last: int, article: int = 0) -> None:
    """So many were given out, and the last of them is there."""
    row: dict[str, object] = {
        **dict.fromkeys(("subject", "type", "state", "queue", "requester_name", "language"), ""),
        "id": last,
        "number": str(last),
        "version": 1,
        "state_type": "new",
        "priority": 3,
        "acknowledged": True,
        "tags": [],
        "fields": {},
        "participants": [],
        "created": NOON,
        "updated": NOON,
    }
    with db.write() as connection:
        for name, value in (("ticket", last), ("article", article)):
            connection.execute(counter.update().where(counter.c.name == name).values(value=value))
        connection.execute(ticket.insert(), row)


def loaded(db: Database) -> Keys:
    with db.read() as connection:
        return keys.load(connection)


def restored(db: Database, other: epochs.Lineage | None = None, *, after: float = 6 * HOURS) -> epochs.Restored:
    """As a restore does it once the rows of the backup are there."""
    with db.write() as connection:
        last = epochs.counters(connection)["ticket"]
        given = max(last, other.last_ticket if other else 0)
        first = first_after(last, NOON, NOON + after, epochs.busiest_day(connection), given)
        return epochs.begin(connection, NOON, NOON + after, first, other)


# --- how far numbers go on ----------------------------------------------------------------------------------------

LAST = st.integers(0, 10**9)
BUSIEST = st.integers(0, 100_000)
AGE = st.floats(-DAY, 3000 * DAY)


@given(LAST, AGE, BUSIEST, LAST)
def test_numbers_go_on_past_all_that_a_desk_can_have_given_out(last: int, age: float, busiest: int, given: int) -> None:
    first = first_after(last, NOON, NOON + age, busiest, given)
    a_day = max(LEAST_A_DAY, SAFETY * busiest)
    assert first - last >= a_day * (1 + max(0.0, age) / DAY)
    assert first > given
    assert (first + FIRST_NUMBER) % FRIENDLY == 0
    assert first <= max(last + a_day * (1 + max(0.0, age) / DAY), given + 1) + FRIENDLY + 1


@given(LAST, st.floats(0, 300 * DAY), st.floats(0, 300 * DAY), BUSIEST)
def test_later_restore_of_the_same_backup_begins_past_what_a_busy_desk_gave_out_since_the_first_one(
    last: int, first_age: float, more: float, busiest: int
) -> None:
    once = first_after(last, NOON, NOON + first_age, busiest)
    again = first_after(last, NOON, NOON + first_age + more, busiest)
    given_out = busiest * more / DAY  # as many as on the busiest day, all the time
    assert again + FRIENDLY >= once + given_out


def test_example_of_the_documents() -> None:
    assert tokens.number(first_after(41, NOON, NOON + 6 * HOURS, 40)) == "INC-2300"
    assert tokens.number(first_after(9041, NOON, NOON + 6 * HOURS, 400)) == "INC-15100"


# --- what matches -------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    number=st.integers(1, 10_000),
    article=st.integers(0, 10**6),
    event=st.sampled_from(sorted(tokens.EVENTS)),
    mark=st.integers(1, 9_000),
    width=st.integers(1, 3_000),
)
def test_ids_of_the_lost_time_are_known_and_lead_nowhere(
    number: int, article: int, event: str, mark: int, width: int
) -> None:
    before = Keys("a", {"a": b"a" * 32})
    after = Keys("b", {"a": b"a" * 32, "b": b"b" * 32}, {"a": mark}, ((mark, mark + width),))
    left = tokens.sign(before, event, number, article, ANNA)
    for text in (left, f"{left.upper()}@relay.example", tokens.on_domain(left, "desk.example")):
        read = tokens.read_signed(text, after)
        assert (read is None) == (number > mark)
        assert tokens.is_lost(text, after) == (number > mark)
        assert read is None or (read.ticket_id, read.article_id) == (number, article)
    assert after.has_lost(number) == (mark < number < mark + width)
    ours = tokens.sign(after, event, number, article, ANNA)
    assert tokens.read_signed(ours, after) is not None, "those of this epoch count, whatever their number"
    assert tokens.read_signed(ours, before) is None
    assert not tokens.is_lost(ours, before)


def test_old_tickets_match_and_lost_ones_do_not(sqlite: Database) -> None:
    at(sqlite, 50)
    before = loaded(sqlite)
    begun = restored(sqlite)
    after = loaded(sqlite)
    assert after.current != before.current
    assert tokens.read_signed(tokens.sign(before, "answer", 50, 9, ANNA), after) is not None
    assert tokens.read_signed(tokens.sign(before, "answer", 51, 9, ANNA), after) is None
    assert tokens.is_lost(tokens.sign(before, "answer", 51, 9, ANNA), after)
    assert (begun.last_ticket, begun.first_ticket) == (50, 1300)
    assert [after.has_lost(n) for n in (50, 51, 1299, 1300)] == [False, True, True, False]
    with sqlite.write() as connection:
        assert counters.reserve(connection, "ticket", 1) == 1300
        assert counters.reserve(connection, "article", 1) >= (1300 - 50) * epochs.ARTICLES_A_TICKET


def test_ids_that_were_reserved_for_mails_in_hand_are_reserved_anew(sqlite: Database) -> None:
    """In the lost time another mail may have taken them, for a batch gives its tickets to who needs one."""
    with sqlite.write() as connection:
        arrival = journal.Arrival("smtp", "", ANNA, ("help@desk.example",), b"x", has_message_id=True)
        journal.append(connection, [journal.entry(arrival)], NOON)
        (first,) = working.claim(connection, "dead", NOON)
    begun = restored(sqlite)
    with sqlite.write() as connection:
        row = connection.execute(sa.select(journal_table)).one()
        assert (row.ticket_id, row.article_id, row.owner) == (None, None, None)
        (second,) = working.claim(connection, "alive", NOON + 7 * HOURS)
    assert first.ticket_id < begun.first_ticket <= second.ticket_id
    assert second.article_id > first.article_id
    assert begun.last_ticket < first.ticket_id, "what it had then is among the lost ones"


def test_three_epochs_one_after_the_other(sqlite: Database) -> None:
    at(sqlite, 50)
    first = loaded(sqlite)
    restored(sqlite)
    second = loaded(sqlite)
    at(sqlite, 1400)
    restored(sqlite)
    third = loaded(sqlite)
    assert len(third.secrets) == 3
    ids = {
        (name, number): tokens.read_signed(tokens.sign(key, "answer", number, 1, ANNA), third) is not None
        for name, key in (("first", first), ("second", second), ("third", third))
        for number in (50, 51, 1400, 1401)
    }
    assert {key for key, counts in ids.items() if counts} == {
        ("first", 50),
        ("second", 50),
        ("second", 51),  # nobody had it, and none of that number is there
        ("second", 1400),
        *(("third", number) for number in (50, 51, 1400, 1401)),
    }
    assert third.has_lost(51)
    assert third.has_lost(1401)


def test_same_backup_twice_gives_no_number_twice(tmp_path: Path) -> None:
    """The second restore sees what the first one's desk gave out, and still knows its ids in the tickets of both."""
    with lite(tmp_path, "a.db") as backup:
        at(backup, 50)
        with lite(tmp_path, "once.db") as once, lite(tmp_path, "again.db") as again:
            for db in (once, again):  # the rows of the backup
                at(db, 50)
                copy_keys(backup, db)
            restored(once)
            at(once, 1500)
            key = loaded(once)
            with once.read() as connection:
                lineage = epochs.lineage(connection)
            with again.read() as connection:
                assert epochs.of_one_desk(connection, lineage)
            begun = restored(again, lineage)
            assert begun.first_ticket > 1500
            now = loaded(again)
    assert tokens.read_signed(tokens.sign(key, "answer", 50, 1, ANNA), now) is not None
    assert tokens.read_signed(tokens.sign(key, "answer", 1400, 1, ANNA), now) is None
    assert tokens.is_lost(tokens.sign(key, "answer", 1400, 1, ANNA), now)
    assert now.has_lost(1400)


def copy_keys(source: Database, target: Database) -> None:
    with source.read() as connection:
        found = [dict(row) for row in connection.execute(sa.select(signing_key)).mappings()]
    with target.write() as connection:
        connection.execute(signing_key.delete())
        connection.execute(signing_key.insert(), found)


def test_database_of_another_desk_is_no_kin(tmp_path: Path) -> None:
    with lite(tmp_path, "a.db") as a, lite(tmp_path, "b.db") as b:
        with a.read() as connection:
            lineage = epochs.lineage(connection)
        with b.read() as connection:
            assert not epochs.of_one_desk(connection, lineage)


def test_forty_restores_end_with_no_key_too_few(sqlite: Database) -> None:
    for _ in range(40):
        restored(sqlite)
    kept = loaded(sqlite)
    assert len(kept.secrets) == 36
    assert kept.current not in kept.last


@pytest.mark.parametrize("last", [0, 41])
def test_desk_that_never_was_restored_has_lost_nothing(sqlite: Database, last: int) -> None:
    at(sqlite, last)
    key = loaded(sqlite)
    assert not key.has_lost(1000)
    assert not tokens.is_lost(tokens.sign(key, "answer", 1000, 1, ANNA), key)
    with sqlite.read() as connection:
        assert epochs.holds(connection, [0.0, NOON]) == [False, False]


# --- a desk that began anew in the place, and was replaced ----------------------------------------------------------


def replaced(db: Database, *, made: float) -> epochs.Lineage:
    with db.read() as connection:
        return replace(epochs.lineage(connection, made), kin=False)


def test_desk_that_began_anew_leaves_its_keys_and_the_numbers_that_both_gave_out(tmp_path: Path) -> None:
    with lite(tmp_path, "a.db") as a, lite(tmp_path, "b.db") as b:
        at(a, 4)
        at(b, 3)
        before, other = loaded(a), loaded(b)
        begun = restored(a, replaced(b, made=NOON))
        now = loaded(a)
        assert now.doubted == ((1, 3),)
        assert [now.doubts(n) for n in (1, 3, 4)] == [True, True, False]
        strange = tokens.sign(other, "notice", 2, 9, ANNA)
        assert tokens.read_signed(strange, now) is None
        assert tokens.is_lost(strange, now)
        assert tokens.read_signed(tokens.sign(before, "answer", 2, 9, ANNA), now) is not None, "a key of the same name"
        assert begun.first_ticket > 4
        with a.read() as connection:  # and the next restore of the same backup keeps them
            again = epochs.lineage(connection, NOON)
    with lite(tmp_path, "c.db") as c:
        at(c, 4)
        copy_keys(Database(f"sqlite:///{tmp_path / 'a.db'}"), c)
        restored(c, again)
        assert loaded(c).doubted == ((1, 3),)
        assert tokens.is_lost(strange, loaded(c))


def test_numbers_go_on_past_those_of_a_desk_that_gave_out_more(tmp_path: Path) -> None:
    with lite(tmp_path, "a.db") as a, lite(tmp_path, "b.db") as b:
        at(a, 4)
        at(b, 9000)
        other = replaced(b, made=NOON)
        assert other.given == 9000
        assert other.doubts(4) == ((1, 4),)


def test_older_desk_that_gave_nothing_out_since_the_backup_doubts_no_number(tmp_path: Path) -> None:
    with lite(tmp_path, "a.db") as a, lite(tmp_path, "b.db") as b:
        at(a, 50)
        at(b, 40)
        with b.write() as connection:
            connection.execute(signing_key.update().values(created=NOON - DAY))
        older = replaced(b, made=NOON + 1)
        assert (older.given, older.doubts(50)) == (0, ())
        younger = replaced(b, made=NOON)
        assert (younger.given, younger.doubts(50)) == (40, ((40, 40),))
