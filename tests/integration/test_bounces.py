"""What comes back: reports on mails of ours, refusals of the relay, and addresses that nothing goes to any more."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from reports import bounce
from stations import PASS, SETTINGS, Stations

from mailgate.telling import tell
from storage import dossier, holding, sending, suppression
from storage.database import Database, now
from storage.deliveries import Failed, Sent, record
from storage.tables import outbox as table

ANNA, BEN, AGENT = "anna@acme.example", "ben@acme.example", "agent@desk.example"
ANNA_PASS = "Authentication-Results: mx.desk.example; dmarc=pass header.from=acme.example\r\n"


@pytest.fixture
def stations(database: Database, tmp_path: Path) -> Stations:
    return Stations(database, tmp_path)


@pytest.fixture
def answered(stations: Stations) -> Stations:
    """Anna has asked, Ben was in Cc; the agent has answered both."""
    stations.arrive(ANNA, Cc=BEN)
    stations.work()
    [notice] = stations.letters("notice")
    stations.arrive(AGENT, "Try again.", In_Reply_To=notice["Message-ID"], extra=PASS)
    stations.work()
    assert len(stations.letters("answer")) == 2
    return stations


def sent(stations: Stations, recipient: str, event: str = "answer") -> str:
    letters = [x for x in stations.letters(event) if x["X-Envelope-To"] == recipient]
    return str(letters[-1]["Message-ID"]).strip("<>")


def token(stations: Stations, recipient: str) -> str:
    """What the delivery of an answer bears and no reply to it does."""
    letters = [x for x in stations.letters("answer") if x["X-Envelope-To"] == recipient]
    return str(letters[-1]["X-Mailgate-Delivery"])


def post(stations: Stations) -> list[str]:
    """What a sender takes, all of it delivered: the recipients."""
    with stations.db.write() as session:
        taken = sending.claim(session, "test:post:1", now(), 100)
        record(session, "test:post:1", [Sent(x.id, x.attempt) for x in taken], now())
    return [x.recipient for x in taken]


def refuse(stations: Stations, text: str = "550 5.7.1 no", status: str = "5.7.1") -> None:
    """The relay takes none of them."""
    with stations.db.write() as session:
        taken = sending.claim(session, "test:post:1", now(), 100)
        record(session, "test:post:1", [Failed(x.id, x.attempt, text, status) for x in taken], now())


def suppressed(stations: Stations) -> list[str]:
    with stations.db.read() as session:
        return list(suppression.find(session))


def deliveries(stations: Stations) -> dict[str, tuple[str, str | None]]:
    with stations.db.read() as session:
        found = dossier.read(session, stations.tickets()[0].number)
    assert found is not None
    return {x.recipient: (x.state, x.status) for a in found.articles for x in a.deliveries if x.event == "answer"}


def notices(stations: Stations) -> int:
    return len(stations.letters("notice"))


def history(stations: Stations) -> list[tuple[str, str]]:
    with stations.db.read() as session:
        found = dossier.read(session, stations.tickets()[0].number)
    assert found is not None
    return [(x.what, x.became or "") for x in found.history]


# --- reports -------------------------------------------------------------------------------------------------------


def test_a_failed_answer_is_marked_and_its_owner_told_once(answered: Stations) -> None:
    post(answered)
    before = notices(answered)
    about = sent(answered, ANNA)
    answered.arrive_raw(bounce(ANNA, about))
    answered.arrive_raw(bounce(ANNA, about, number=2))
    answered.work()
    assert deliveries(answered)[ANNA] == ("bounced", "5.1.1")
    assert deliveries(answered)[BEN][0] == "sent"
    assert ("bounced", f"{ANNA} 5.1.1") in history(answered)
    told = answered.letters("notice")[before:]
    assert [x["X-Envelope-To"] for x in told] == [AGENT]
    assert len(answered.tickets()) == 1
    assert [r.outcome for r in answered.journal()[-2:]] == ["record", "record"]


def test_nobody_is_told_of_a_delay_and_nothing_is_suppressed_by_it(answered: Stations) -> None:
    post(answered)
    before = notices(answered)
    answered.arrive_raw(bounce(ANNA, sent(answered, ANNA), action="delayed", status="4.4.1"))
    answered.work()
    assert deliveries(answered)[ANNA] == ("sent", "4.4.1")
    assert ("delayed", f"{ANNA} 4.4.1") in history(answered)
    assert notices(answered) == before
    assert not suppressed(answered)


def test_a_report_about_a_notice_is_recorded_and_told_to_nobody(answered: Stations) -> None:
    post(answered)
    before = len(answered.letters())
    answered.arrive_raw(bounce(AGENT, sent(answered, AGENT, "notice")))
    answered.work()
    assert len(answered.letters()) == before
    assert not suppressed(answered), "staff are always written to"


def test_a_report_about_the_notice_of_a_bounce_ends_there(answered: Stations) -> None:
    post(answered)
    answered.arrive_raw(bounce(ANNA, sent(answered, ANNA)))
    answered.work()
    before = len(answered.letters())
    answered.arrive_raw(bounce(AGENT, sent(answered, AGENT, "notice"), number=2))
    answered.work()
    assert len(answered.letters()) == before
    assert len(answered.tickets()) == 1


def test_a_report_that_fits_nothing_stands_on_a_list_with_its_reason(answered: Stations) -> None:
    answered.arrive_raw(bounce("nobody@other.example", "stranger@other.example"))
    answered.work()
    row = answered.journal()[-1]
    assert row.outcome == "unmatched"
    assert [r["code"] for r in row.reasons][-1] == "report_fits_nothing"
    assert len(answered.tickets()) == 1


def test_a_report_by_verp_finds_its_mail_without_an_id(sqlite: Database, tmp_path: Path) -> None:
    stations = Stations(sqlite, tmp_path, SETTINGS.replace("[relay]", '[relay]\nenvelope = "verp"'))
    stations.arrive(ANNA)
    stations.work()
    post(stations)
    address = next(r.envelope_from for r in stations.rows(table) if r.recipient == ANNA)
    stations.arrive_raw(bounce(ANNA, None, to=address), to=address)
    stations.work()
    assert suppressed(stations) == [ANNA]


@pytest.mark.parametrize("with_token", [True, False])
def test_what_is_not_verified_of_a_report_is_said_at_the_delivery_and_to_the_owner(
    answered: Stations, with_token: bool
) -> None:
    post(answered)
    borne = {"delivery": token(answered, ANNA)} if with_token else {}
    answered.arrive_raw(bounce(ANNA, sent(answered, ANNA), **borne))
    answered.work()
    [row] = [r for r in answered.rows(table) if r.recipient == ANNA and r.event == "answer"]
    assert row.error.startswith("not verified: ") is not with_token
    assert ("this report is not verified" in str(answered.letters("notice")[-1])) is not with_token


def test_a_report_about_another_address_marks_nothing_and_tells_nobody(answered: Stations) -> None:
    post(answered)
    before = notices(answered)
    answered.arrive_raw(bounce("eve@evil.example", sent(answered, ANNA)))
    answered.work()
    assert answered.journal()[-1].outcome == "unmatched"
    assert notices(answered) == before and deliveries(answered)[ANNA][0] == "sent"


# --- suppression ---------------------------------------------------------------------------------------------------


def test_an_address_that_does_not_exist_is_written_to_no_more_and_the_owner_is_told(answered: Stations) -> None:
    post(answered)
    answered.arrive_raw(bounce(ANNA, sent(answered, ANNA), delivery=token(answered, ANNA)))
    answered.work()
    assert suppressed(answered) == [ANNA]
    notice = answered.letters("notice")[0]["Message-ID"]
    answered.arrive(AGENT, "Once more.", In_Reply_To=notice, extra=PASS)
    answered.work()
    before = notices(answered)
    assert post(answered)[0] == BEN and ANNA not in post(answered)
    [failed] = [r for r in answered.rows(table) if r.recipient == ANNA and r.state == "failed"]
    assert failed.status == "5.1.1"
    assert "outbox suppressed lift anna@acme.example" in failed.error
    assert tell(answered.app) == 1
    assert notices(answered) == before + 1
    assert tell(answered.app) == 0


def test_a_mail_that_is_surely_from_it_opens_the_address_again(answered: Stations) -> None:
    post(answered)
    answered.arrive_raw(bounce(ANNA, sent(answered, ANNA), delivery=token(answered, ANNA)))
    answered.arrive(ANNA, "Perhaps me.", Subject="A")
    answered.work()
    assert suppressed(answered) == [ANNA], "anybody can write in her name"
    answered.arrive(ANNA, "It is me.", Subject="B", extra=ANNA_PASS)
    answered.work()
    assert suppressed(answered) == []
    assert "suppression_lifted" in [r["code"] for r in answered.journal()[-1].reasons]


@pytest.mark.parametrize(
    ("recipient", "status"),
    [(BEN, "5.1.1"), (ANNA, "5.2.2"), (ANNA, "5.7.1"), (ANNA, "5.1.8"), ("forwarded@elsewhere.example", "5.1.1")],
)
def test_only_a_report_of_that_very_recipient_suppresses(answered: Stations, recipient: str, status: str) -> None:
    """Ben is in Cc, and knows the Message-ID of Anna's mail."""
    post(answered)
    answered.arrive_raw(bounce(recipient, sent(answered, ANNA), status=status, delivery=token(answered, ANNA)))
    answered.work()
    assert suppressed(answered) == []
    assert deliveries(answered)[ANNA] == ("bounced", status)


def test_who_has_seen_the_message_id_of_a_mail_cannot_silence_its_recipient(answered: Stations) -> None:
    """It stands in Anna's own reply, which went to all. The report counts as one, and staff look at it."""
    post(answered)
    before = notices(answered)
    answered.arrive_raw(bounce(ANNA, sent(answered, ANNA)))
    answered.work()
    assert suppressed(answered) == []
    assert deliveries(answered)[ANNA] == ("bounced", "5.1.1")
    assert notices(answered) == before + 1
    assert token(answered, ANNA) not in str(answered.letters("answer")[0]["Message-ID"])
    assert token(answered, ANNA) != token(answered, BEN)


# --- refusals of the relay -----------------------------------------------------------------------------------------


def test_a_refusal_of_the_relay_is_told_once_for_a_ticket(answered: Stations) -> None:
    refuse(answered)
    before = notices(answered)
    assert tell(answered.app) == 4, "an acknowledgement, two answers, and a notice to the only agent"
    told = answered.letters("notice")[before:]
    assert [x["X-Envelope-To"] for x in told] == [AGENT]
    words = str(told[0].as_string())
    assert ANNA in words and BEN in words
    assert tell(answered.app) == 0
    assert ("undelivered", f"{BEN} 5.7.1") in history(answered)
    refuse(answered)
    assert tell(answered.app) == 1, "the notice of it, of which there is nobody else to tell"
    assert (tell(answered.app), notices(answered)) == (0, before + 1)


COLLEAGUE = "second@desk.example"
TWO = SETTINGS + f'[[staff]]\nname = "Second Agent"\nemail = "{COLLEAGUE}"\n'


def refuse_to(stations: Stations, *addresses: str) -> list[str]:
    """The relay takes no mail to these; all others are delivered. Whom it refused."""
    with stations.db.write() as session:
        taken = sending.claim(session, "test:post:1", now(), 100)
        lost = [x for x in taken if x.recipient in addresses]
        refused = [Failed(x.id, x.attempt, "550 5.1.1 no such mailbox", "5.1.1") for x in lost]
        record(session, "test:post:1", [*(Sent(x.id, x.attempt) for x in taken if x not in lost), *refused], now())
    return [x.recipient for x in lost]


def test_a_notice_that_the_relay_refuses_is_told_to_the_others_once_a_day(database: Database, tmp_path: Path) -> None:
    stations = Stations(database, tmp_path, TWO)
    for number in range(2):
        stations.arrive(f"p{number}@acme.example")
    stations.work()
    before = notices(stations)
    assert refuse_to(stations, AGENT) == [AGENT, AGENT]
    assert tell(stations.app) == 2
    told = stations.letters("notice")[before:]
    assert [x["X-Envelope-To"] for x in told] == [COLLEAGUE], "of two tickets' notices one is told of"
    assert AGENT in told[0].as_string()
    assert ("undelivered", f"{AGENT} 5.1.1") in history(stations)


def test_staff_whom_no_notice_reaches_do_not_keep_it_going(database: Database, tmp_path: Path) -> None:
    stations = Stations(database, tmp_path, TWO)
    stations.arrive(ANNA)
    stations.work()
    before = notices(stations)
    rounds = 0
    while refuse_to(stations, AGENT, COLLEAGUE) and rounds < 10:
        tell(stations.app)
        rounds += 1
    assert rounds < 3 and notices(stations) <= before + 2


def test_a_question_that_the_relay_refuses_is_told_to_the_others(database: Database, tmp_path: Path) -> None:
    stations = Stations(database, tmp_path, TWO)
    stations.arrive(ANNA)
    stations.work()
    notice = stations.letters("notice")[0]
    refuse_to(stations)
    stations.arrive(AGENT, "Try again.", In_Reply_To=notice["Message-ID"])
    stations.work()
    assert refuse_to(stations, AGENT) == [AGENT]
    tell(stations.app)
    told = stations.letters("notice")[-1]
    assert (told["X-Envelope-To"], "550 5.1.1" in told.as_string()) == (COLLEAGUE, True)


def test_a_mail_that_goes_out_after_all_is_not_told_of(answered: Stations) -> None:
    refuse(answered)
    with answered.db.write() as session:
        holding.retry(session, [r.id for r in answered.rows(table)], now())
    assert tell(answered.app) == 0


def test_a_mail_that_a_person_discarded_is_not_told_of(answered: Stations) -> None:
    with answered.db.write() as session:
        holding.discard(session, [r.id for r in answered.rows(table)], now())
    assert tell(answered.app) == 0


def test_a_worker_at_work_tells_without_a_mail_that_wakes_it(sqlite: Database, tmp_path: Path) -> None:
    stations = Stations(sqlite, tmp_path)
    stations.arrive(ANNA)
    stations.work()
    refuse(stations)
    before = notices(stations)
    running = threading.Thread(target=stations.worker.run)
    running.start()
    deadline = time.monotonic() + 20
    while notices(stations) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    stations.worker.stopping.set()
    running.join(20)
    assert notices(stations) == before + 1
