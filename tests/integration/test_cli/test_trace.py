"""`mailgate trace`: everything that happened to a person, a mail or a ticket, in order."""

from __future__ import annotations

from typing import Any

import pytest

from storage import tables, trace
from storage.database import Database

NOON = 1_700_000_000.0


def whats(steps: list[dict[str, Any]], source: str) -> list[str]:
    return [step["what"] for step in steps if step["source"] == source]


def test_trace_of_a_ticket_is_one_timeline_of_all_sources(desk: Any) -> None:
    steps = desk.lines("trace", "inc-1001")
    assert [s["time"] for s in steps] == sorted(s["time"] for s in steps)
    assert {s["source"] for s in steps} == {"inbox", "article", "history", "outbox"}
    assert {s["ticket"] for s in steps} == {"INC-1001"}
    assert [(s["source"], s["what"]) for s in steps[:2]] == [
        ("inbox", "received by smtp"),
        ("inbox", "decided: article"),
    ]


def test_of_one_moment_the_cause_comes_before_its_effect(desk: Any) -> None:
    """A mail, its ticket, the article in it, what that changed, and what went out for it."""
    entry = {"id": 900, "ticket_id": 1, "time": NOON, "actor": "mailgate", "article_id": 1}
    with desk.db.write() as connection:
        for table in (tables.article, tables.history):
            connection.execute(table.update().where(table.c.ticket_id == 1).values(time=NOON))
        connection.execute(tables.history.delete().where(tables.history.c.ticket_id == 1))
        changes = [{"what": "state", "was": "new", "became": "open"}, {"what": "created", "was": None, "became": "x"}]
        connection.execute(tables.history.insert(), [entry | {"id": 900 + n} | c for n, c in enumerate(changes)])
        connection.execute(tables.journal.update().where(tables.journal.c.outcome_ticket == 1).values(received_at=NOON))
        connection.execute(tables.outbox.update().where(tables.outbox.c.ticket_id == 1).values(created=NOON))
    steps = [step for step in desk.lines("trace", "inc-1001") if step["time"] == "2023-11-14T22:13:20Z"]
    sources = [step["what"] if step["source"] == "history" else step["source"] for step in steps]
    assert list(dict.fromkeys(sources)) == ["inbox", "created", "article", "state", "outbox"]
    assert sources == sorted(sources, key=["inbox", "created", "article", "state", "outbox"].index)


def test_a_decision_has_its_reasons_and_an_arrival_its_envelope(desk: Any) -> None:
    received, decided = desk.lines("trace", "inc-1001")[:2]
    assert received["details"][0].startswith("from <jane@acme.example> to help@desk.example by 127.0.0.1, ")
    assert decided["text"] == "a new ticket"
    assert decided["details"] == ["it names no mail of ours: a new ticket (first)"]


def test_what_was_measured_about_the_author_is_told(desk: Any) -> None:
    said = {"result": "pass", "policy": "reject", "seen": "dmarc=pass by mx.desk.example", "method": "header"}
    with desk.db.write() as connection:
        connection.execute(tables.journal.update().where(tables.journal.c.id == 1).values(evidence=said))
        nothing = said | {"method": "none"}
        connection.execute(tables.journal.update().where(tables.journal.c.id == 2).values(evidence=nothing))
    verified = [s for s in desk.lines("trace", "inc-1001") if s["what"].startswith("verified")]
    assert [(s["id"], s["what"], s["text"]) for s in verified] == [
        (1, "verified: pass", "dmarc=pass by mx.desk.example")
    ]


def test_mail_that_was_parked_or_waits_says_why(desk: Any) -> None:
    steps = [s for s in desk.lines("trace", "request@acme.example") if s["id"] in (3, 6) and s["source"] == "inbox"]
    assert [(s["what"], s["text"]) for s in steps if not s["what"].startswith("received")] == [
        ("parked", "ValueError: this mail breaks it"),
        ("waits", "tried 1 times"),
    ]


def test_mail_let_out_of_quarantine_says_so(desk: Any) -> None:
    assert "released" not in whats(desk.lines("trace", "request@acme.example"), "inbox")
    desk.text("quarantine", "release", "5")
    assert "released" in whats(desk.lines("trace", "request@acme.example"), "inbox")


def test_answer_of_the_relay_stays_where_the_mail_comes_back_later(desk: Any) -> None:
    with desk.db.write() as connection:
        taken = {"sent": NOON + 100, "answer": "250 2.0.0 Ok: queued as 4F2", "updated": NOON + 200}
        connection.execute(tables.outbox.update().where(tables.outbox.c.id == 3).values(taken))
    steps = desk.lines("trace", "<letter3@desk.example>")
    assert [(s["what"], s["text"]) for s in steps] == [
        ("answer written", "Re: Printer L7 is on fire"),
        ("answer sent", "the relay: 250 2.0.0 Ok: queued as 4F2"),
        ("answer bounced", "5.1.1 no such user"),
    ]


def test_held_mail_says_for_what_and_what_released_it(desk: Any) -> None:
    held = [s for s in desk.lines("trace", "inc-1001") if s["what"] == "answer held"]
    assert [s["text"] for s in held] == ["waits for: confirm"]
    row = {
        "message_id": "confirm@desk.example",
        "ticket_id": 1,
        "article_id": 3,
        "address": "agent@desk.example",
        "event": "confirm",
        "expires": NOON + 1e6,
    }
    with desk.db.write() as connection:
        connection.execute(tables.confirmation.insert(), row)
    assert "confirm answered" not in whats(desk.lines("trace", "inc-1001"), "article")
    with desk.db.write() as connection:
        connection.execute(tables.confirmation.update().values(used=NOON + 300))
    assert "confirm answered" in whats(desk.lines("trace", "inc-1001"), "article")


@pytest.mark.parametrize("asked", ["bob@acme.example", "letter3@desk.example", "INC-1001"])
def test_address_that_does_not_exist_is_told_with_how_to_lift_it(desk: Any, asked: str) -> None:
    row = {"address": "bob@acme.example", "since": NOON + 400, "status": "5.1.1", "message_id": "letter3@desk.example"}
    with desk.db.write() as connection:
        connection.execute(tables.suppression.insert(), row)
    (last,) = [s for s in desk.lines("trace", asked) if s["source"] == "suppression"]
    assert (last["who"], last["ticket"]) == ("bob@acme.example", "INC-1001")
    assert "`mailgate outbox suppressed lift bob@acme.example`" in last["text"]


def test_trace_of_a_message_id_takes_brackets(desk: Any) -> None:
    steps = desk.lines("trace", "<letter3@desk.example>")
    assert [s["what"] for s in steps] == ["answer written", "answer bounced"]


def test_trace_of_an_address_is_what_was_written_and_got_in_any_case(desk: Any) -> None:
    with desk.db.write() as connection:
        mixed = tables.journal.c.id == 7
        connection.execute(tables.journal.update().where(mixed).values(sender="Agent@desk.example"))
    assert {s["who"] for s in desk.lines("trace", "BOB@acme.example")} == {"bob@acme.example"}
    assert "Agent@desk.example" in {s["who"] for s in desk.lines("trace", "agent@DESK.example")}
    assert "nothing is known" in desk.refused("trace", "eve@x.example")


def test_limit_keeps_what_came_last(desk: Any) -> None:
    every = desk.lines("trace", "inc-1001")
    assert desk.lines("trace", "inc-1001", "--limit", "3") == every[-3:]
    assert desk.lines("trace", "inc-1001", "--limit", "1000") == every


def test_people_see_days_lines_and_what_is_known_below_them(desk: Any) -> None:
    shown = desk.text("trace", "inc-1001").splitlines()
    assert shown[0] == "Tuesday, 2023-11-14  Europe/Berlin"
    assert shown[1].startswith("23:13:20 ● received by smtp")
    assert shown[2].startswith("         │ from <jane@acme.example> to help@desk.example")
    assert not any("\x1b" in line for line in shown)


# --- quick, whatever is kept ----------------------------------------------------------------------------------------


def plans(db: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """How the database answers each query of a timeline, by what it is asked."""
    found: dict[str, str] = {}
    with db.read() as connection:
        if not db.is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # a few rows are read through at once else
        explain = "EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN "
        real = connection.execute

        def execute(statement: Any, *args: Any, **options: Any) -> Any:
            text = str(statement.compile(connection, compile_kwargs={"literal_binds": True}))
            plan = connection.exec_driver_sql(explain + text.replace("%", "%%"))
            found[" ".join(text.split())] = " ".join(str(cell) for row in plan for cell in row)
            return real(statement, *args, **options)

        monkeypatch.setattr(connection, "execute", execute)
        trace.of_ticket(connection, 1)
        trace.of_message_id(connection, "request@acme.example")
        trace.of_address(connection, "jane@acme.example")
    return found


def test_every_query_of_a_timeline_goes_by_an_index(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plans(desk.db, monkeypatch)
    assert len(found) > 15
    for query, plan in found.items():
        assert ("SCAN" if desk.db.is_sqlite else "Seq Scan") not in plan, f"{query}\n{plan}"
