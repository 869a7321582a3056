"""An agent types his answer in another colour between the lines of the notice, as Outlook lets him: no mark is left."""

from __future__ import annotations

from pathlib import Path

import pytest
from stations import PASS, Stations

from storage.database import Database

AGENT = "agent@desk.example"
OUTLOOK = """\
{passed}From: First Agent <agent@desk.example>\r
To: help@desk.example\r
Subject: RE: {subject}\r
Message-ID: <a1@desk.example>\r
In-Reply-To: {notice}\r
MIME-Version: 1.0\r
Content-Type: text/html; charset=utf-8\r
\r
<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><meta name=Generator content="Microsoft Word 15"></head>
<body lang=EN-US><div class=WordSection1><p class=MsoNormal><o:p>&nbsp;</o:p></p>
<div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in'><p class=MsoNormal><b>From:</b>
Desk &lt;help@desk.example&gt;<br><b>Sent:</b> Monday, January 5, 2026 9:00 AM<br><b>To:</b> agent@desk.example<br>
<b>Subject:</b> {subject}</p></div><p class=MsoNormal><o:p>&nbsp;</o:p></p>{quoted}</div></body></html>
"""


@pytest.fixture
def stations(database: Database, tmp_path: Path) -> Stations:
    stations = Stations(database, tmp_path)
    stations.arrive("anna@acme.example", "CANARY one?\r\nCANARY two?")
    stations.work()
    return stations


def answer(stations: Stations, *, passed: str = PASS, between: str = "Yes, that is so.", lost: str = "") -> None:
    (notice,) = stations.letters("notice")
    html = next(p for p in notice.walk() if p.get_content_type() == "text/html").get_payload(decode=True)
    assert isinstance(html, bytes)
    body = html.decode().partition("<body")[2].partition(">")[2].partition("</body")[0]
    assert "CANARY two?" in body
    mine = f"<p class=MsoNormal><span style='color:#1F497D'>{between}</span></p>"
    quoted = body.replace("CANARY two?", f"{mine}CANARY two?").replace(lost or "\0", "")
    raw = OUTLOOK.format(passed=passed, subject=notice["Subject"], notice=notice["Message-ID"], quoted=quoted)
    stations.arrive_raw(raw.replace("\r\n", "\n").replace("\n", "\r\n").encode(), AGENT)
    stations.work()


def test_words_between_the_lines_come_back_as_a_preview_and_go_out_with_send(stations: Stations) -> None:
    answer(stations)
    (asked,) = stations.letters("preview")
    (held,) = stations.letters("answer")
    assert held["X-State"] == "held"
    assert "Yes, that is so." in held.as_string() and "CANARY" not in held.as_string()
    assert "Yes, that is so." in asked.as_string() and "CANARY" not in asked.as_string()
    stations.arrive(AGENT, "#send", In_Reply_To=asked["Message-ID"], extra=PASS)
    stations.work()
    (sent,) = stations.letters("answer")
    assert sent["X-State"] != "held"


def test_words_between_the_lines_of_somebody_unverified_are_asked_for_as_well(stations: Stations) -> None:
    answer(stations, passed="")
    (asked,) = stations.letters("confirm")
    assert "Yes, that is so." in asked.as_string()
    assert [x["X-State"] for x in stations.letters("answer")] == ["held"]


@pytest.mark.parametrize(("between", "lost"), [("", ""), ("Yes, that is so.", "CANARY one?")])
def test_where_nothing_is_between_them_or_the_notice_is_not_whole_its_author_is_told_what_to_do(
    stations: Stations, between: str, lost: str
) -> None:
    answer(stations, between=between, lost=lost)
    (asked,) = stations.letters("preview")
    assert not stations.letters("answer")
    assert "write your words above the line" in " ".join(asked.as_string().split())
