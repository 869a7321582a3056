"""What a provider calls spam is set aside where it is believed, and a person lets it in by the same stations."""

from __future__ import annotations

from pathlib import Path

import pytest
from stations import SETTINGS, Stations

from parsing.read import identify
from storage import journal, quarantine
from storage.database import Database, now
from storage.journal import Arrival

ANNA = "anna@acme.example"
MAILBOX = '[[imap]]\nname = "office"\nhost = "imap.example"\nuser = "u"\npassword_file = "p"\njunk = "Junk"\n'
BELIEVED = SETTINGS.replace("[smtp]", "[smtp]\nspam_headers = true")
ACME = "Authentication-Results: mx.desk.example; dmarc=pass header.from=acme.example\r\n"


@pytest.fixture
def stations(sqlite: Database, tmp_path: Path) -> Stations:
    return Stations(sqlite, tmp_path, SETTINGS + MAILBOX)


def arrive(stations: Stations, door: str, *, peer: str = "", headers: str = "", number: int = 1) -> int:
    raw = (
        f"{headers}From: Anna <{ANNA}>\r\nTo: help@desk.example\r\nSubject: Printer\r\n"
        f"Message-ID: <junk{number}@acme.example>\r\nDate: Mon, 5 Jan 2026 08:00:00 +0000\r\n\r\nIt burns.\r\n"
    ).encode()
    arrival = Arrival(door, peer, ANNA, ("help@desk.example",), raw, identify(raw).message_id is not None)
    with stations.db.write() as session:
        [stored] = journal.append(session, [journal.entry(arrival)], now())
    stations.work()
    return stored.journal_id


def outcome(stations: Stations, journal_id: int) -> str:
    return str(next(row.outcome for row in stations.journal() if row.id == journal_id))


def codes(stations: Stations, journal_id: int) -> list[str]:
    return next([r["code"] for r in row.reasons] for row in stations.journal() if row.id == journal_id)


def release(stations: Stations, journal_id: int) -> None:
    with stations.db.write() as session:
        assert quarantine.release(session, [journal_id], now()) == 1
    stations.work()


def test_a_mail_of_the_junk_folder_is_set_aside_and_nobody_is_written_to(stations: Stations) -> None:
    there = arrive(stations, "imap:office/junk")
    assert outcome(stations, there) == "quarantine"
    assert "junk_folder" in codes(stations, there)
    assert stations.tickets() == []
    assert stations.letters() == []


def test_a_mail_of_the_inbox_is_not(stations: Stations) -> None:
    there = arrive(stations, "imap:office")
    assert outcome(stations, there) == "article"


def test_a_released_mail_opens_its_ticket_by_the_same_stations(stations: Stations) -> None:
    there = arrive(stations, "imap:office/junk")
    release(stations, there)
    assert outcome(stations, there) == "article"
    [ticket] = stations.tickets()
    assert ticket.requester == ANNA
    assert stations.articles()[0].trust == "unverified"
    assert not stations.letters("acknowledgement"), "it was called spam"
    assert stations.letters("notice")


def test_a_mail_that_is_moved_out_of_the_junk_folder_gets_in_without_a_release(stations: Stations) -> None:
    arrive(stations, "imap:office/junk")
    again = arrive(stations, "imap:office", headers="X-Moved: by hand\r\n")
    assert outcome(stations, again) == "article"
    assert len(stations.tickets()) == 1
    assert stations.letters("acknowledgement")


def test_a_released_mail_joins_the_conversation_that_it_answers(stations: Stations) -> None:
    stations.arrive(ANNA)
    stations.work()
    [acknowledgement] = stations.letters("acknowledgement")
    answering = f"In-Reply-To: {acknowledgement['Message-ID']}\r\n"
    there = arrive(stations, "imap:office/junk", headers=answering)
    assert outcome(stations, there) == "quarantine"
    release(stations, there)
    assert len(stations.tickets()) == 1
    assert stations.articles()[-1].trust == "known_thread"
    assert stations.articles()[-1].visibility == "public"


@pytest.mark.parametrize(
    "header", ["X-Spam-Flag: YES", "X-Spam-Status: Yes, score=9.1", "X-MS-Exchange-Organization-SCL: 6"]
)
def test_what_the_server_in_front_calls_spam_is_set_aside_where_the_door_says_so(
    sqlite: Database, tmp_path: Path, header: str
) -> None:
    stations = Stations(sqlite, tmp_path, BELIEVED)
    there = arrive(stations, "smtp", peer="127.0.0.1", headers=f"{header}\r\n")
    assert outcome(stations, there) == "quarantine"
    assert "spam" in codes(stations, there)
    assert stations.letters() == []


def test_spam_by_default_is_a_ticket_without_acknowledgement(stations: Stations) -> None:
    there = arrive(stations, "smtp", peer="127.0.0.1", headers="X-Spam-Flag: YES\r\n")
    assert outcome(stations, there) == "article"
    assert stations.letters("acknowledgement") == []
    assert "silent_spam" in codes(stations, there)


@pytest.mark.parametrize(
    ("peer", "header"), [("192.0.2.1", "X-Spam-Flag: YES"), ("127.0.0.1", "X-Spam-Flag: NO")], ids=["stranger", "ham"]
)
def test_nobody_but_the_server_in_front_sets_aside(sqlite: Database, tmp_path: Path, peer: str, header: str) -> None:
    stations = Stations(sqlite, tmp_path, BELIEVED)
    there = arrive(stations, "smtp", peer=peer, headers=f"{header}\r\n")
    assert outcome(stations, there) == "article"


def test_spam_that_is_verified_is_set_aside_all_the_same_and_released_as_what_it_is(
    sqlite: Database, tmp_path: Path
) -> None:
    stations = Stations(sqlite, tmp_path, BELIEVED)
    there = arrive(stations, "smtp", peer="127.0.0.1", headers=f"{ACME}X-Spam-Flag: YES\r\n")
    assert outcome(stations, there) == "quarantine"
    release(stations, there)
    assert outcome(stations, there) == "article"
    assert stations.letters("acknowledgement") == [], "released spam is not answered by a machine"
