"""`mailgate ticket ...` on a database."""

from __future__ import annotations

from typing import Any

import pytest

from routing.tokens import subject_token
from storage import suppression
from storage.suppression import Suppressed

LIST = {
    "number", "subject", "type", "state", "state_type", "queue", "priority", "owner", "requester", "partner",
    "created", "updated",
}  # fmt: skip
SHOW = LIST | {"token", "fields", "participants", "tags", "links", "articles", "history"}
ARTICLE = {
    "id", "time", "from", "to", "cc", "direction", "visibility", "kind", "trust", "message_id", "subject", "text",
    "reply", "attachments", "reasons", "received", "deliveries",
}  # fmt: skip


def numbers(rows: list[dict[str, Any]]) -> list[str]:
    return [row["number"] for row in rows]


def test_list_shows_open_tickets_latest_changed_first(desk: Any) -> None:
    rows = desk.lines("ticket", "list")
    assert numbers(rows) == ["INC-1001", "INC-1003"]
    assert rows[0].keys() == LIST
    assert rows[0]["created"] == "2023-11-14T22:13:20Z"
    assert rows[0]["owner"] == "agent@desk.example"
    assert rows[1]["owner"] is None


@pytest.mark.parametrize(
    ("args", "found"),
    [
        (["--state", "closed"], ["INC-1002"]),
        (["--state", "any"], ["INC-1001", "INC-1003", "INC-1002"]),
        (["--queue", "hardware"], ["INC-1001"]),
        (["--queue", "Hardware", "--state", "closed"], []),
        (["--owner", "nobody"], ["INC-1003"]),
        (["--owner", "Agent@desk.example"], ["INC-1001"]),
        (["--requester", "jane@acme.example", "--limit", "1"], ["INC-1001"]),
    ],
)
def test_list_filters(desk: Any, args: list[str], found: list[str]) -> None:
    assert numbers(desk.lines("ticket", "list", *args)) == found


def test_list_of_a_queue_that_is_not_there_names_those_that_are(desk: Any) -> None:
    said = desk.refused("ticket", "list", "--queue", "Nope")
    assert "there is no queue 'Nope'; known are Service Desk, Hardware" in said


def test_list_for_people_says_how_many_stayed_away(desk: Any) -> None:
    shown = desk.text("ticket", "list", "--limit", "1")
    assert "INC-1001" in shown
    assert "INC-1003" not in shown
    assert "1 of 2" in shown
    assert "of 2" not in desk.text("ticket", "list")


def test_show_is_the_whole_ticket(desk: Any) -> None:
    ticket = desk.one("ticket", "show", "inc-1001")
    assert ticket.keys() >= SHOW
    assert ticket["token"] == subject_token("INC-1001")
    assert ticket["fields"] == {"model": "L7"}
    assert ticket["links"] == [{"type": "related", "number": "INC-1003"}]
    assert ticket["participants"] == ["jane@acme.example", "bob@acme.example"]
    assert [a["id"] for a in ticket["articles"]] == [1, 2, 3]
    assert all(a.keys() >= ARTICLE for a in ticket["articles"])
    assert ticket["history"][1] == {
        "time": "2023-11-14T22:13:22Z",
        "actor": "agent@desk.example",
        "what": "state",
        "from": "new",
        "to": "open",
        "article": 3,
    }


def test_article_names_every_arrival_and_no_report_on_it(desk: Any) -> None:
    first, _, answer = desk.one("ticket", "show", "1001")["articles"]
    assert first["received"] == [
        {
            "id": n,
            "time": time,
            "door": door,
            "envelope_from": "jane@acme.example",
            "to": ["help@desk.example"],
        }
        for n, time, door in ((1, "2023-11-14T22:13:20Z", "smtp"), (2, "2023-11-14T22:13:25Z", "imap:office"))
    ]
    assert [one["id"] for one in answer["received"]] == [7]  # the bounce of it is a record, no arrival
    assert first["attachments"][0]["filename"] == "fire.jpg"
    assert first["reasons"][0].keys() == {"code", "seen", "outcome"}


def test_deliveries_are_answers_and_acknowledgements_never_notices(desk: Any) -> None:
    first, acknowledgement, answer = desk.one("ticket", "show", "1001")["articles"]
    assert first["deliveries"] == []  # its notices are to staff
    assert [d["state"] for d in acknowledgement["deliveries"]] == ["sent"]
    assert [(d["to"], d["state"], d["status"], d["error"]) for d in answer["deliveries"]] == [
        ("jane@acme.example", "sent", None, None),
        ("bob@acme.example", "bounced", "5.1.1", "no such user"),
        ("jane@acme.example", "held", None, None),
    ]
    assert answer["deliveries"][0]["time"] == "2023-11-14T22:15:20Z"


def test_show_of_several_is_one_object_a_line(desk: Any) -> None:
    assert numbers(desk.lines("ticket", "show", "1003", "[INC-1001]")) == ["INC-1003", "INC-1001"]


def test_show_names_what_is_not_there_after_what_is(desk: Any) -> None:
    result = desk.run("ticket", "show", "INC-9999", "INC-1001", "--json")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr == "mailgate: there is no ticket INC-9999\n"


def test_page_for_people_has_conversation_deliveries_and_the_desks_time(desk: Any) -> None:
    page = desk.text("ticket", "show", "1001")
    for text in (
        "INC-1001  Printer L7 is on fire",
        "Jane Doe <jane@acme.example>",
        "The printer is on fire. Please help.",
        "fire.jpg, image/jpeg, 1.5 MB",
        "arrived again 2023-11-14 23:13 by imap:office",
        "bounced answer to bob@acme.example",
        "History",
        "related INC-1003",
    ):
        assert text in page


def test_words_of_a_mail_do_not_steer_the_terminal(desk: Any) -> None:
    page = desk.text("ticket", "show", "1003")
    assert "\x1b" not in page
    assert "red" in page


def test_new_ticket_has_its_number_words_and_queue(desk: Any) -> None:
    made = desk.one(
        "ticket", "new", "--for", "bob@acme.example", "--subject", "Laptop", "--queue", "Hardware", stdin="By phone.\n"
    )
    assert made["state_type"] == "new"
    shown = desk.one("ticket", "show", made["number"])
    assert shown["requester"] == "bob@acme.example"
    assert shown["partner"] == "Acme"
    assert shown["queue"] == "Hardware"
    assert shown["articles"][0]["text"].strip() == "By phone."
    assert shown["articles"][0]["direction"] == "note"


def test_reply_goes_to_the_requester_and_is_an_article(desk: Any) -> None:
    desk.text("ticket", "reply", "1001", "--text", "The printer is back.")
    article = desk.one("ticket", "show", "1001")["articles"][-1]
    assert (article["direction"], article["visibility"], article["trust"]) == ("out", "public", None)
    assert {d["to"] for d in article["deliveries"]} == {"jane@acme.example", "bob@acme.example"}
    assert {d["state"] for d in article["deliveries"]} == {"pending"}


def test_reply_as_a_member_of_staff_takes_an_unowned_ticket(desk: Any) -> None:
    answered = desk.one("ticket", "reply", "1003", "--text", "Found it.", "--as", "agent@desk.example")
    assert answered["owner"] == "agent@desk.example"
    assert "no address of the staff" in desk.refused("ticket", "reply", "1003", "--text", "x", "--as", "eve@x.example")


def test_note_stays_inside(desk: Any) -> None:
    desk.text("ticket", "note", "1001", stdin="Toner is ordered.")
    article = desk.one("ticket", "show", "1001")["articles"][-1]
    assert (article["direction"], article["visibility"]) == ("note", "internal")
    assert article["deliveries"] == []


def test_assign_move_close_and_reopen_are_in_the_history(desk: Any) -> None:
    assert desk.one("ticket", "assign", "1003", "First Agent")["owner"] == "agent@desk.example"
    assert desk.one("ticket", "move", "1003", "Hardware")["queue"] == "Hardware"
    assert desk.one("ticket", "close", "1003", "--resolution", "Found.")["state_type"] == "closed"
    assert desk.one("ticket", "reopen", "1003")["state_type"] == "open"
    changes = [(h["what"], h["from"], h["to"]) for h in desk.one("ticket", "show", "1003")["history"]]
    assert changes == [
        ("owner", None, "agent@desk.example"),
        ("queue", "Service Desk", "Hardware"),
        ("state", "pending", "closed"),
        ("state", "closed", "open"),
    ]


def test_unassign_takes_the_owner_off(desk: Any) -> None:
    assert desk.one("ticket", "unassign", "1001")["owner"] is None
    change = desk.one("ticket", "show", "1001")["history"][-1]
    assert (change["what"], change["from"], change["to"]) == ("owner", "agent@desk.example", None)
    assert "owned by nobody already" in desk.refused("ticket", "unassign", "1001")


@pytest.mark.parametrize("command", [["close"], ["reply", "--text", "It is done."]])
def test_what_a_requester_without_a_mailbox_does_not_hear_is_said(desk: Any, command: list[str]) -> None:
    heard = desk.run("ticket", *command, "1001")
    assert (heard.exit_code, heard.stderr) == (0, "")
    with desk.db.write() as session:
        suppression.add(session, [Suppressed("carol@acme.example", 1_700_000_000.0, "5.1.1", "a@desk.example")])
    opened = desk.one("ticket", "new", "--for", "carol@acme.example", "--subject", "Fan", "--text", "Loud.")["number"]
    unheard = desk.run("ticket", *command, opened)
    assert unheard.exit_code == 0
    assert "carol@acme.example gets nothing: a mail there came back (5.1.1)" in unheard.stderr
    assert "mailgate outbox suppressed lift carol@acme.example" in unheard.stderr


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["reply", "9999", "--text", "x"], "there is no ticket INC-9999"),
        (["reply", "1001", "--text", "  "], "no words"),
        (["assign", "1001", "eve@x.example"], "not of the staff"),
        (["move", "1001", "Nowhere"], "no queue"),
        (["close", "1002"], "closed already"),
        (["reopen", "1001"], "not closed"),
        (["new", "--for", "nobody", "--subject", "s", "--text", "t"], "expected an address"),
        (["close", "[INC-1001-0]"], "check digit"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(desk: Any, args: list[str], why: str) -> None:
    assert why in desk.refused("ticket", *args)
