"""From the journal to tickets on SQLite and on PostgreSQL: batches, faults, conflicts, outages."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from stations import PASS, Stations

from mailgate import worker as module
from mailgate.actions import Actions
from mailgate.application import refreshed
from mailgate.desk import tickets as desk
from mailgate.errors import CommandError
from storage import keys, quarantine, schema, working
from storage.database import Database, DatabaseUnavailable, now
from storage.tables import thread_key

IDS = "".join(map(str, range(2_000))).encode()  # that no compression makes small: more than an index takes


@pytest.fixture
def stations(database: Database, tmp_path: Path) -> Stations:
    return Stations(database, tmp_path)


def test_first_mail_opens_a_ticket_and_writes_to_its_sender_and_to_staff(stations: Stations) -> None:
    message_id = stations.arrive("anna@acme.example", "It does not print.")
    assert stations.work() == 1
    [ticket] = stations.tickets()
    assert (ticket.state, ticket.requester, ticket.partner) == ("new", "anna@acme.example", "Acme")
    [acknowledgement] = stations.letters("acknowledgement")
    assert acknowledgement["X-Envelope-To"] == "anna@acme.example"
    assert acknowledgement["In-Reply-To"] == f"<{message_id}>"
    [notice] = stations.letters("notice")
    assert notice["X-Envelope-To"] == "agent@desk.example"
    assert schema.integrity(stations.db) == []


def test_conversation_between_partner_and_staff_stays_on_one_ticket(stations: Stations) -> None:
    first = stations.arrive("anna@acme.example")
    stations.work()
    [notice] = stations.letters("notice")
    stations.arrive("agent@desk.example", "Try again.", In_Reply_To=notice["Message-ID"], extra=PASS)
    stations.work()
    [answer] = stations.letters("answer")
    assert answer["In-Reply-To"] == f"<{first}>"
    stations.arrive("anna@acme.example", "It works.", In_Reply_To=answer["Message-ID"])
    stations.work()
    [ticket] = stations.tickets()
    assert (ticket.state, ticket.owner) == ("open", "agent@desk.example")
    assert [a.visibility for a in stations.articles() if a.direction == "in"] == ["public"] * 3


def test_reply_that_arrives_before_its_parent_ends_on_the_same_ticket(stations: Stations) -> None:
    stations.arrive(
        "ben@acme.example", Message_ID="reply@acme.example", In_Reply_To="<root@acme.example>", Cc="anna@acme.example"
    )
    stations.work()
    stations.arrive("anna@acme.example", Message_ID="root@acme.example", Cc="ben@acme.example")
    stations.work()
    [ticket] = stations.tickets()
    assert ticket.requester == "anna@acme.example"
    assert len(stations.letters("acknowledgement")) == 1


def test_two_workers_with_parent_and_reply_in_hand_open_one_ticket(stations: Stations, database: Database) -> None:
    stations.arrive("anna@acme.example", Message_ID="root@acme.example", Cc="ben@acme.example")
    stations.arrive("ben@acme.example", In_Reply_To="<root@acme.example>", Cc="anna@acme.example")
    with database.write() as session:
        parent, reply = working.claim(session, "test:work:1", now())
    other = module.Worker(stations.app, "test:work:2", stations.worker.stopping)
    gathered = module.gather

    def interleaved(session: object, questions: object) -> object:
        facts = gathered(session, questions)  # type: ignore[arg-type]
        module.gather = gathered
        other.settle([reply])  # the other one is faster, between our look and our write
        return facts

    module.gather = interleaved  # type: ignore[assignment]
    try:
        stations.worker.settle([parent])
    finally:
        module.gather = gathered
    [ticket] = stations.tickets()
    assert ticket.requester == "anna@acme.example"
    assert [row.state for row in stations.journal()] == ["done", "done"]


def test_same_mail_by_two_ways_is_one_article_with_two_arrivals(stations: Stations) -> None:
    stations.arrive("anna@acme.example", Message_ID="one@acme.example")
    stations.arrive("anna@acme.example", Message_ID="one@acme.example", extra="Received: from elsewhere\r\n")
    stations.work()
    assert [row.outcome for row in stations.journal()] == ["article", "duplicate"]
    first, second = stations.journal()
    assert second.outcome_article == first.outcome_article


def test_same_id_with_another_date_is_another_mail(stations: Stations) -> None:
    stations.arrive("anna@acme.example", Message_ID="one@acme.example")
    stations.arrive("anna@acme.example", Message_ID="one@acme.example", Date="Tue, 6 Jan 2026 08:00:00 +0000")
    stations.work()
    assert [row.outcome for row in stations.journal()] == ["article", "article"]


def test_poison_mail_is_parked_with_its_traceback_and_its_neighbours_go_on(
    stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    enact = desk.enact

    def poisoned(mail, decision, facts, policy):  # type: ignore[no-untyped-def]
        if mail.message.subject == "poison":
            raise ValueError("a bug")
        return enact(mail, decision, facts, policy)

    monkeypatch.setattr(module, "enact", poisoned)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    for number in range(9):
        stations.arrive(f"p{number}@acme.example", Subject="poison" if number == 4 else "fine")
    stations.work()
    states = [row.state for row in stations.journal()]
    assert states == ["done"] * 4 + ["parked"] + ["done"] * 4
    parked = stations.journal()[4]
    assert parked.attempt == working.MOST_DEATHS
    assert "ValueError: a bug" in parked.error
    assert len(stations.tickets()) == 8


def test_outage_of_the_database_parks_nobody(stations: Stations, monkeypatch: pytest.MonkeyPatch) -> None:
    stations.arrive("anna@acme.example")
    write = module.write_changes

    def away(*_: object) -> None:
        raise DatabaseUnavailable("gone")

    for _ in range(working.MOST_DEATHS + 1):
        monkeypatch.setattr(module, "write_changes", away)
        with pytest.raises(DatabaseUnavailable):
            stations.worker.step()
        monkeypatch.setattr(module, "write_changes", write)
        stations.worker._give_back()
    stations.work()
    [row] = stations.journal()
    assert (row.state, row.attempt) == ("done", 1)


def test_mail_that_was_taken_over_is_not_written_twice(stations: Stations, database: Database) -> None:
    stations.arrive("anna@acme.example")
    with database.write() as session:
        [slow] = working.claim(session, "test:work:1", now())
    with database.write() as session:
        [fast] = working.claim(session, "test:work:2", now() + working.LEASE_SECONDS)
    stations.worker.settle([fast])
    stations.worker.settle([slow])
    assert len(stations.tickets()) == 1
    assert len(stations.letters("acknowledgement")) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff garbage \r\n\r\n\x00",
        b"\r\n\r\nno header at all",
        b"".join(b"From: %c@a.example\r\n" % letter for letter in b"abcde") + b"\r\nx",
        b"Subject: no author\r\n\r\nx",
        b"From: a@a.example\r\nSubject: no id\r\n\r\nx",
        b"From: a@a.example\r\nSubject: half =?utf-7?Q?+2AA-?=\r\nMessage-ID: <h@a.example>\r\n\r\nx",
        b"From: a\0@a.example\r\nMessage-ID: <n\0@a.example>\r\nIn-Reply-To: <m\0@a.example>\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\0\r\n--b\r\n"
        b"Content-Type: image/png; name*=utf-8''a%00.png\r\nContent-ID: <p\0@a.example>\r\n\r\n\x89PNG\0\r\n--b--\r\n",
        b"From: a@a.example\r\nMessage-ID: <%b@a.example>\r\nReferences: <%b@a.example> <r@a.example>\r\n\r\nx"
        % (IDS, IDS[1:]),
        b"From: a@%b.example\r\nMessage-ID: <o@a.example>\r\nCc: %b@a.example\r\n\r\nx" % (IDS, IDS),
    ],
    ids=[
        *("empty", "garbage", "no-header", "five-from", "no-from", "no-id"),
        *("half-a-character", "nul-bytes", "long-ids", "long-addresses"),
    ],
)
def test_bad_mail_becomes_a_ticket_with_its_defects(stations: Stations, raw: bytes) -> None:
    stations.arrive_raw(raw, "a@a.example")
    stations.work()
    [row] = stations.journal()
    assert (row.state, row.outcome) == ("done", "article")
    assert len(stations.tickets()) == 1


def test_tickets_are_numbered_without_a_gap(stations: Stations) -> None:
    first = stations.arrive("anna@acme.example")
    stations.arrive("anna@acme.example", "More.", In_Reply_To=f"<{first}>")
    stations.arrive("ben@acme.example")
    stations.work()
    stations.arrive("anna@acme.example", "Even more.", In_Reply_To=f"<{first}>")
    stations.work()
    stations.arrive("carl@acme.example")
    stations.work()
    assert [ticket.number for ticket in stations.tickets()] == ["INC-1001", "INC-1002", "INC-1003"]


def test_held_answer_can_be_released_at_the_terminal_and_is_public_then(stations: Stations) -> None:
    stations.arrive("anna@acme.example")
    stations.work()
    [notice] = stations.letters("notice")
    stations.arrive("agent@desk.example", "Try again.", In_Reply_To=notice["Message-ID"])
    stations.work()
    [held] = stations.letters("answer")
    assert held["X-State"] == "held"
    article = stations.articles()[-1]
    Actions(stations.app, "root").confirm(article.id)
    assert [x["X-State"] for x in stations.letters("answer")] == ["pending"]
    assert stations.articles()[-1].visibility == "public"
    with pytest.raises(CommandError):
        Actions(stations.app, "root").confirm(article.id)


def test_held_answer_whose_question_was_ended_says_so_at_the_terminal(stations: Stations) -> None:
    stations.arrive("anna@acme.example")
    stations.work()
    [notice] = stations.letters("notice")
    stations.arrive("agent@desk.example", "Try again.", In_Reply_To=notice["Message-ID"])
    stations.work()
    [asked] = stations.letters("confirm")
    article = stations.articles()[-1]
    stations.arrive("agent@desk.example", "Better.", In_Reply_To=asked["Message-ID"], Cc="eve@evil.example")
    stations.work()
    with pytest.raises(CommandError, match="was ended"):
        Actions(stations.app, "root").confirm(article.id)
    assert [x["X-State"] for x in stations.letters("answer")] == ["held"]


def test_genuine_mail_is_not_lost_behind_a_forged_copy_that_was_set_aside(stations: Stations) -> None:
    failed = "Authentication-Results: mx.desk.example; dmarc=fail (p=reject) header.from=acme.example\r\n"
    passed = "Authentication-Results: mx.desk.example; dmarc=pass header.from=acme.example\r\n"
    stations.arrive("anna@acme.example", Message_ID="one@acme.example", extra=failed)
    stations.work()
    stations.arrive("anna@acme.example", Message_ID="one@acme.example", extra=passed)
    stations.work()
    stations.arrive("anna@acme.example", Message_ID="one@acme.example", extra="Received: again\r\n" + passed)
    stations.work()
    assert [row.outcome for row in stations.journal()] == ["quarantine", "article", "duplicate"]
    assert len(stations.letters("acknowledgement")) == 1


def test_mail_let_out_of_quarantine_takes_a_number_that_nobody_has(stations: Stations) -> None:
    failed = "Authentication-Results: mx.desk.example; dmarc=fail (p=reject) header.from=acme.example\r\n"
    stations.arrive("anna@acme.example", extra=failed)
    stations.work()
    stations.arrive("ben@acme.example")
    stations.work()
    with stations.db.write() as session:
        assert quarantine.release(session, [stations.journal()[0].id], 1.0) == 1
    stations.work()
    assert [row.outcome for row in stations.journal()] == ["article", "article"]
    assert [t.number for t in stations.tickets()] == ["INC-1001", "INC-1002"]


def test_owner_learns_that_somebody_else_closed_the_ticket_and_not_that_he_did(stations: Stations) -> None:
    stations.arrive("anna@acme.example")
    stations.work()
    Actions(stations.app, "root").assign("INC-1001", "agent@desk.example")
    told = len(stations.letters("notice"))
    Actions(stations.app, "root").close("INC-1001", "Mended.")
    assert len(stations.letters("notice")) == told + 1
    Actions(stations.app, "root").reopen("INC-1001")
    told = len(stations.letters("notice"))
    Actions(stations.app, "agent@desk.example").close("INC-1001", None)
    assert len(stations.letters("notice")) == told
    assert len(stations.letters("state")) == 2


def test_another_key_signs_after_half_a_year_and_what_the_first_one_signed_still_leads_to_its_ticket(
    stations: Stations,
) -> None:
    stations.arrive("anna@acme.example")
    stations.work()
    [first] = stations.letters("acknowledgement")
    app = stations.app
    assert refreshed(app, now() + keys.ROTATE_SECONDS - 60) is app
    later = refreshed(app, now() + keys.ROTATE_SECONDS + 60)
    assert later.policy.keys.current != app.policy.keys.current
    assert refreshed(app, now()).policy.keys == later.policy.keys, "another worker learns of it"
    stations.worker = module.Worker(later, "test:work:2", threading.Event())
    stations.arrive("anna@acme.example", "It still does not.", In_Reply_To=first["Message-ID"])
    stations.arrive("ben@acme.example")
    stations.work()
    assert [a.ticket_id for a in stations.articles() if "It still" in a.text] == [1]
    second = stations.letters("acknowledgement")[-1]
    stations.arrive("ben@acme.example", "Nor here.", In_Reply_To=second["Message-ID"])
    stations.work()
    assert [a.ticket_id for a in stations.articles() if "Nor here" in a.text] == [2]


def test_number_comes_into_subjects_once_the_relay_is_seen_to_replace_ids_unless_the_settings_say_never(
    stations: Stations,
) -> None:
    app = stations.app
    assert refreshed(app, now()) is app
    with stations.db.write() as session:
        session.execute(
            thread_key.insert(), {"message_id": "0100@ses.example", "ticket_id": 1, "ours": True, "weak": False}
        )
    assert not app.policy.subject_token
    found = refreshed(app, now())
    assert found.policy.subject_token
    assert refreshed(found, now()) is found
    never = structs.replace(app.settings, answers=structs.replace(app.settings.answers, subject_token="never"))
    assert not refreshed(replace(app, settings=never), now()).policy.subject_token


def test_the_next_batch_is_claimed_with_the_commit_of_the_one_before(
    stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "BATCH_MAILS", 1)
    for name in ("anna", "ben", "cleo"):
        stations.arrive(f"{name}@acme.example")
    assert stations.worker.step() == 1
    assert [(row.state, row.attempt) for row in stations.journal()] == [("done", 1), ("new", 1), ("new", 0)]
    assert stations.work() == 2
    assert [(row.state, row.attempt) for row in stations.journal()] == [("done", 1)] * 3


def test_a_worker_that_stops_claims_nothing_more_and_gives_back_what_it_claimed(
    stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "BATCH_MAILS", 1)
    for name in ("anna", "ben", "cleo"):
        stations.arrive(f"{name}@acme.example")
    stations.worker.step()
    stations.worker.stopping.set()
    stations.worker.run()
    assert [(row.owner, row.attempt) for row in stations.journal()[1:]] == [(None, 0)] * 2
    assert stations.worker.step() == 1
    assert sorted((row.state, row.attempt) for row in stations.journal()) == [("done", 1), ("done", 1), ("new", 0)]
