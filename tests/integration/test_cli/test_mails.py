"""Inbox, outbox, quarantine, explain and deliver on a database."""

from __future__ import annotations

import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mailgate.application import open_application
from mailgate.settings import load
from mailgate.worker import Worker
from storage.tables import outbox

ROW = {"id", "time", "from", "to", "subject", "state", "attempts", "error", "ticket"}
REASON = {"code", "seen", "outcome"}
MAIL = b"""\
From: Bob <bob@acme.example>
To: help@desk.example
Subject: Printer L9 burns
Message-ID: <fresh@acme.example>

It burns too.
"""


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def work(desk: Any) -> None:
    """The worker's part of the daemon, until nothing is due."""
    app = open_application(load(desk.settings))
    worker = Worker(app, "test", threading.Event())
    while worker.step():
        pass
    app.db.close()


# --- inbox ------------------------------------------------------------------------------------------------------


def test_inbox_lists_every_arrival_newest_first(desk: Any) -> None:
    rows = desk.lines("inbox", "list")
    assert ids(rows) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert all(row.keys() >= ROW for row in rows)
    assert rows[-1]["ticket"] == "INC-1001"
    assert rows[-1]["from"] == "jane@acme.example"
    assert rows[2]["subject"] is None
    assert rows[2]["state"] == "new"


def test_parked_and_unmatched_are_lists_of_their_own(desk: Any) -> None:
    (parked,) = desk.lines("inbox", "list", "--parked")
    assert (parked["id"], parked["state"], parked["attempts"]) == (3, "parked", 5)
    assert "ValueError: this mail breaks it" in parked["error"]
    assert ids(desk.lines("inbox", "list", "--unmatched")) == [4]
    assert desk.run("inbox", "list", "--parked", "--unmatched").exit_code == 2


def test_table_shows_the_last_line_of_a_traceback(desk: Any) -> None:
    shown = desk.text("inbox", "list", "--parked")
    assert "ValueError: this mail breaks it" in shown
    assert "Traceback" not in shown


def test_show_has_envelope_reasons_and_the_mail(desk: Any) -> None:
    (one,) = desk.lines("inbox", "show", "1")
    assert one["door"] == "smtp"
    assert one["envelope_from"] == "jane@acme.example"
    assert one["reasons"][0].keys() == REASON
    assert "The printer is on fire." in desk.text("inbox", "show", "1")
    assert "Traceback" in desk.text("inbox", "show", "3")
    assert "there is no arrival 99" in desk.refused("inbox", "show", "99")


def test_retry_puts_a_parked_mail_back_and_no_other(desk: Any) -> None:
    assert "is done, not parked" in desk.refused("inbox", "retry", "1", "3")
    assert ids(desk.lines("inbox", "list", "--parked")) == [3]
    desk.text("inbox", "retry", "3")
    assert desk.lines("inbox", "list", "--parked") == []
    (back,) = desk.lines("inbox", "show", "3")
    assert (back["state"], back["attempts"], back["error"]) == ("new", 0, None)


def test_export_is_the_raw_mail_and_never_overwrites(desk: Any, tmp_path: Path) -> None:
    assert desk.run("inbox", "export", "3").stdout_bytes == b"broken"
    out = tmp_path / "mail.eml"
    desk.text("inbox", "export", "1", "--out", str(out))
    assert out.read_bytes().startswith(b"From: Jane Doe")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "File exists" in desk.refused("inbox", "export", "1", "--out", str(out))
    assert "there is no arrival 99" in desk.refused("inbox", "export", "99")


# --- outbox -----------------------------------------------------------------------------------------------------


def test_outbox_lists_what_each_mail_is_and_where_it_stands(desk: Any) -> None:
    rows = desk.lines("outbox", "list")
    assert ids(rows) == [6, 5, 4, 3, 2, 1]
    assert all(row.keys() >= ROW | {"event"} for row in rows)
    assert (rows[3]["to"], rows[3]["state"], rows[3]["status"]) == (["bob@acme.example"], "bounced", "5.1.1")
    assert ids(desk.lines("outbox", "list", "--state", "held", "--state", "deferred")) == [6, 5]


def test_outbox_show_is_the_mail_as_sent(desk: Any) -> None:
    (one,) = desk.lines("outbox", "show", "1")
    assert {"name": "To", "value": "jane@acme.example"} in one["headers"]
    assert "We have it." in one["text"]
    assert "We have it." in desk.text("outbox", "show", "1")


@pytest.mark.parametrize(
    ("verb", "letter", "state"),
    [("retry", 3, "pending"), ("retry", 5, "pending"), ("release", 6, "pending"), ("discard", 6, "failed")],
)
def test_outbox_verbs_do_what_they_say(desk: Any, verb: str, letter: int, state: str) -> None:
    assert desk.one("outbox", verb, str(letter)) == {"done": 1}
    assert desk.lines("outbox", "show", str(letter))[0]["state"] == state


def _hold(desk: Any, **held: str) -> None:
    """Letters 1 to 5 held for these, each a day older than the one after it."""
    with desk.db.write() as connection:
        for number in range(1, 6):
            values = {"state": "held", "held_for": held.get(f"n{number}", "shadow"), "owner": None}
            age = time.time() - 86400.0 * (5 - number) - 60
            connection.execute(outbox.update().where(outbox.c.id == number).values(created=age, **values))


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (["--all"], [1, 2, 3, 4, 5]),  # 6 waits for a #send
        (["--older", "2d"], [1, 2, 3]),
        (["--newer", "36h"], [4, 5]),
        (["--for", "relay"], [2]),
        (["--older", "1d", "--newer", "60h"], [3, 4]),
        (["3", "6"], [3, 6]),
    ],
)
@pytest.mark.parametrize("verb", ["release", "discard"])
def test_held_mails_are_chosen_by_id_age_and_what_holds_them(
    desk: Any, verb: str, words: list[str], chosen: list[int]
) -> None:
    _hold(desk, n2="relay")
    if verb == "release" and "6" in words:
        words, chosen = ["3"], [3]
    assert desk.one("outbox", verb, *words) == {"done": len(chosen)}
    left = set(range(1, 7)) - set(chosen)
    assert set(ids(desk.lines("outbox", "list", "--state", "held"))) == left


def test_held_mails_are_chosen_by_what_they_are(desk: Any) -> None:
    _hold(desk)
    events = {row["id"]: row["event"] for row in desk.lines("outbox", "list") if row["id"] != 6}
    wanted = events[1]
    count = sum(event == wanted for event in events.values())
    assert 0 < count < 5
    assert desk.one("outbox", "discard", "--event", wanted) == {"done": count}
    assert desk.one("outbox", "discard", "--event", wanted) == {"done": 0}


@pytest.mark.parametrize("words", [[], ["--older", "yesterday"], ["--event", "letter"]])
def test_nothing_is_released_unless_it_is_said_which(desk: Any, words: list[str]) -> None:
    _hold(desk)
    assert desk.run("outbox", "release", *words).exit_code == 2
    assert len(desk.lines("outbox", "list", "--state", "held")) == 6


@pytest.mark.parametrize(("verb", "letter"), [("retry", 1), ("release", 5), ("discard", 1)])
def test_outbox_verbs_refuse_what_they_are_not_for(desk: Any, verb: str, letter: int) -> None:
    before = desk.lines("outbox", "list")
    assert "nothing was done" in desk.refused("outbox", verb, "6" if verb == "discard" else "5", str(letter))
    assert desk.lines("outbox", "list") == before


def test_retry_of_all_takes_what_did_not_arrive_and_nothing_that_a_person_discarded(desk: Any) -> None:
    tried = {row["id"] for row in desk.lines("outbox", "list") if row["state"] in ("failed", "bounced", "deferred")}
    assert {3, 5} <= tried
    desk.text("outbox", "discard", "6")
    assert desk.one("outbox", "retry", "--all") == {"done": len(tried)}
    states = {row["id"]: row["state"] for row in desk.lines("outbox", "list")}
    assert {states[one] for one in tried} == {"pending"}
    assert states[6] == "failed"
    assert desk.one("outbox", "retry", "6") == {"done": 1}  # by its ID alone
    assert desk.run("outbox", "retry").exit_code == 2


def test_what_a_person_discarded_is_no_failure_in_the_list(desk: Any) -> None:
    before = ids(desk.lines("outbox", "list", "--state", "failed"))
    desk.text("outbox", "discard", "6")
    assert ids(desk.lines("outbox", "list", "--state", "failed")) == before
    assert next(row for row in desk.lines("outbox", "list") if row["id"] == 6)["state"] == "failed"
    assert "discarded" in desk.text("outbox", "list")


# --- quarantine -------------------------------------------------------------------------------------------------


def test_released_mail_is_decided_again_and_opens_a_ticket(desk: Any) -> None:
    (one,) = desk.lines("quarantine", "list")
    assert (one["id"], one["event"], one["subject"]) == (5, "quarantine", "Urgent payment")
    desk.text("quarantine", "release", "5")
    assert desk.lines("quarantine", "list") == []
    (back,) = desk.lines("inbox", "show", "5")
    assert (back["state"], back["released"], back["outcome"]) == ("new", True, None)
    work(desk)
    (back,) = desk.lines("inbox", "show", "5")
    assert (back["state"], back["outcome"]) == ("done", "article")
    assert desk.one("ticket", "show", back["ticket"])["subject"] == "Urgent payment"


def test_rejected_mail_stays_on_record_and_leaves_the_list(desk: Any) -> None:
    desk.text("quarantine", "reject", "5")
    assert desk.lines("quarantine", "list") == []
    (one,) = desk.lines("quarantine", "list", "--all")
    assert (one["event"], one["state"]) == ("rejected", "done")
    assert "already; nothing was done" in desk.refused("quarantine", "reject", "5")


def test_rejected_mail_is_let_in_after_all(desk: Any) -> None:
    desk.text("quarantine", "reject", "5")
    desk.text("quarantine", "release", "5")
    work(desk)
    (back,) = desk.lines("inbox", "show", "5")
    assert (back["state"], back["outcome"], back["released"]) == ("done", "article", True)
    assert desk.lines("quarantine", "list", "--all") == []
    assert "there is no mail in quarantine" in desk.refused("quarantine", "release", "5")


def test_quarantine_list_says_why_in_each_row_and_what_to_do_once(desk: Any) -> None:
    said = desk.text("quarantine", "list")
    assert said.count("quarantine release") == 1
    assert "lets it in" not in said


def test_only_what_is_in_quarantine_can_be_released(desk: Any) -> None:
    assert "there is no mail in quarantine" in desk.refused("quarantine", "release", "1")
    assert "there is no mail in quarantine" in desk.refused("quarantine", "show", "1")


# --- explain and deliver ----------------------------------------------------------------------------------------


def test_explain_says_what_would_happen_and_touches_nothing(desk: Any, tmp_path: Path) -> None:
    before = desk.one("status") | {"disk": None}  # others fill it, too
    found = desk.one("explain", "-", stdin=MAIL)
    assert found.keys() == {"verb", "ticket", "queue", "visibility", "trust", "held", "acknowledge", "reasons"}
    assert (found["verb"], found["ticket"], found["queue"]) == ("open", None, "Hardware")
    assert (found["visibility"], found["trust"], found["held"], found["acknowledge"]) == (
        "public",
        "unverified",
        False,
        True,
    )
    assert all(reason.keys() == REASON for reason in found["reasons"])
    assert desk.one("status") | {"disk": None} == before


def test_explain_of_a_desk_that_was_never_served_takes_an_empty_one(empty: Any) -> None:
    result = empty.run("explain", "-", stdin=MAIL)
    assert result.exit_code == 0, result.output
    assert result.stderr == "This desk was never served: explained against an empty one.\n"
    assert empty.one("explain", "-", stdin=MAIL)["verb"] == "open"
    assert not (empty.folder / "mailgate.db").exists()


def test_explain_of_a_desk_whose_database_is_gone_is_refused(empty: Any) -> None:
    (empty.folder / "mailgate.begun").touch()
    assert "`mailgate restore FILE` brings it back" in empty.refused("explain", "-", stdin=MAIL)


def test_explain_of_a_desk_that_is_served_says_nothing_of_an_empty_one(desk: Any) -> None:
    assert desk.run("explain", "-", stdin=MAIL).stderr == ""


def test_explain_knows_the_junk_folder_that_a_mailbox_watches(desk: Any) -> None:
    file = Path(desk.settings)
    file.write_text(file.read_text("utf-8").replace('name = "office"', 'name = "office"\njunk = "Spam"'), "utf-8")
    found = desk.one("explain", "-", "--door", "imap:office/junk", stdin=MAIL)
    assert (found["verb"], found["held"]) == ("quarantine", True)
    assert [r["code"] for r in found["reasons"]][-1] == "junk_folder"


def test_explain_of_a_second_arrival_names_the_first(desk: Any) -> None:
    desk.run("deliver", stdin=MAIL)
    work(desk)
    again = desk.one("explain", "-", "--door", "imap:office", stdin=MAIL)
    assert again["verb"] == "duplicate"
    assert again["visibility"] is None


def test_explain_table_reads_as_sentences(desk: Any) -> None:
    shown = desk.text("explain", "-", stdin=MAIL)
    assert "Opens a new ticket" in shown
    assert "rule 'printers' matches" in shown


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["none.eml"], "No such file"),
        (["-", "--door", "fax"], "known are smtp, lmtp, pipe, imap:office"),
        (["-", "--door", "imap:office/junk"], "there is no door 'imap:office/junk'"),
        (["-", "--to", "jane@acme.example"], "no such address here"),
    ],
)
def test_explain_says_what_it_cannot_explain(desk: Any, args: list[str], why: str) -> None:
    assert why in desk.refused("explain", *args, stdin=MAIL)


def test_delivered_mail_stands_in_the_journal_and_becomes_a_ticket(desk: Any) -> None:
    result = desk.run("deliver", "--to", "help+x@desk.example", stdin=MAIL)
    assert (result.exit_code, result.output) == (0, "")
    row = desk.lines("inbox", "list", "--limit", "1")[0]
    assert (row["state"], row["from"], row["to"]) == ("new", "bob@acme.example", ["help+x@desk.example"])
    work(desk)
    row = desk.lines("inbox", "list", "--limit", "1")[0]
    ticket = desk.one("ticket", "show", row["ticket"])
    assert (ticket["subject"], ticket["queue"], ticket["fields"]) == ("Printer L9 burns", "Hardware", {"model": "L9"})
    assert ticket["articles"][0]["received"][0]["door"] == "pipe"


@pytest.mark.parametrize(
    ("args", "mail", "code"), [(["--to", "jane@acme.example"], MAIL, 67), ([], b"", 65), (["--from", "x y"], MAIL, 65)]
)
def test_pipe_speaks_sysexits(desk: Any, args: list[str], mail: bytes, code: int) -> None:
    result = desk.run("deliver", *args, stdin=mail)
    assert result.exit_code == code
    assert result.stderr.startswith("mailgate: ")


def test_pipe_asks_to_try_again_where_settings_or_database_are_not_there(empty: Any) -> None:
    assert empty.run("deliver", stdin=MAIL).exit_code == 75  # no database yet
    empty.settings.write_text("[desk]\n")
    result = empty.run("deliver", stdin=MAIL)
    assert (result.exit_code, "Traceback" in result.output) == (75, False)
