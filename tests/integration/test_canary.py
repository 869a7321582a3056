"""Staff answer our notices from their own mail clients: no word of what is internal there reaches a partner."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
from clients import CLIENTS, Original, Style, answer
from stations import PASS, SETTINGS, Stations

from mailgate.actions import Actions
from storage import schema
from storage.database import Database

ANNA, AGENT, TESS = "anna@acme.example", "agent@desk.example", "tess@desk.example"
DESK = SETTINGS.replace('"First Agent"', '"Agent Zinnober"').replace('name = "Acme"', 'name = "Acme Marzipan"') + (
    '[answers]\nper_address = "off"\n'
    '[[staff]]\nname = "Tess Karfunkel"\nemail = "tess@desk.example"\n[[queue]]\nname = "Obelisk"\ndefault = true\n'
)
NOTE = "Between us: the Petrichor contract ends in May."
NEW = "Please switch it off and on."
# Words of a notice that only staff may see: a note, our line, queue and owner, how sure the sender is.
CANARIES = (
    "Petrichor",
    "Karfunkel",
    "Obelisk",
    "Zinnober",
    "Marzipan",
    "##-",
    "answer above this line",
    "owner:",
    "requester:",
    "sender not verified",
    "knows this conversation",
    "#note",
    "your words go to",
)


class Desk:
    """A ticket of Anna's, owned by the agent. Each case asks in a conversation of its own: one database for all."""

    def __init__(self, folder: Path) -> None:
        self.db = Database(f"sqlite:///{folder / 'mailgate.db'}")
        schema.create(self.db)
        self.stations = Stations(self.db, folder, DESK)
        self.cases = 0

    def notice(self, *, internal: bool) -> tuple[Message, int]:
        """What the agent is told: that Anna wrote again, or what Tess has noted; and how many letters there are."""
        self.cases += 1
        stations = self.stations
        stations.arrive(ANNA, "It burns.", Subject=f"Printer {self.cases}")
        stations.work()
        number = stations.tickets()[-1].number
        Actions(stations.app, TESS).assign(number, AGENT)
        if internal:
            Actions(stations.app, TESS).note(number, NOTE)
        else:
            acknowledgement = stations.letters("acknowledgement")[-1]
            stations.arrive(
                ANNA, "Still.", Subject=f"Re: Printer {self.cases}", In_Reply_To=acknowledgement["Message-ID"]
            )
            stations.work()
        notice = stations.letters("notice")[-1]
        assert notice["X-Envelope-To"] == AGENT
        return notice, len(stations.letters())

    def answer(self, raw: bytes) -> None:
        self.stations.arrive_raw(PASS.encode() + raw.replace(b"\n", b"\r\n"), AGENT)
        self.stations.work()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("canary"))
    yield desk
    desk.db.close()


def words(letter: Message) -> str:
    """Headers and every part of a letter, decoded."""
    parts = [p.get_payload(decode=True) for p in letter.walk() if not p.is_multipart()]
    return "\n".join([str(letter["Subject"]), *(p.decode("utf-8") for p in parts if isinstance(p, bytes))])


def leaks(letter: Message) -> list[str]:
    text = words(letter)
    # Whose words they are stands in From of an answer: the partner knows him by that name.
    return [canary for canary in CANARIES if canary.lower() in text.lower()]


def replied(desk: Desk, client: str, style: Style, parts: str, *, internal: bool, trimmed: bool) -> list[Message]:
    """The letters that such an answer brings about."""
    notice, before = desk.notice(internal=internal)
    original = Original.of(notice)
    quoted = CLIENTS[client](original.without_head() if trimmed else original, NEW, style)
    desk.answer(answer(notice, quoted, AGENT, desk.cases, parts))
    return desk.stations.letters()[before:]


def test_the_notices_carry_what_no_partner_may_see(desk: Desk) -> None:
    note, _ = desk.notice(internal=True)
    reply, _ = desk.notice(internal=False)
    seen = {*leaks(note), *leaks(reply)}
    assert seen >= {"Petrichor", "Karfunkel", "Obelisk", "Zinnober", "##-", "knows this conversation"}


@pytest.mark.parametrize("trimmed", [False, True], ids=["whole", "trimmed"])
@pytest.mark.parametrize("parts", ["both", "text", "html"])
@pytest.mark.parametrize("style", ["top", "bottom", "inline"])
@pytest.mark.parametrize("client", CLIENTS)
def test_no_word_of_a_notice_reaches_the_partner(
    desk: Desk, client: str, style: Style, parts: str, trimmed: bool
) -> None:
    letters = replied(desk, client, style, parts, internal=False, trimmed=trimmed)
    to_anna = [x for x in letters if x["X-Envelope-To"] == ANNA]
    assert all(x["X-Mailgate-Event"] == "answer" for x in to_anna)
    out = [x for x in to_anna if x["X-State"] != "held"]
    assert [leaks(x) for x in out] == [[] for _ in out]
    previews = [x for x in letters if x["X-Mailgate-Event"] == "preview"]
    assert {x["X-Envelope-To"] for x in previews} <= {AGENT}
    assert out or previews, "it went out, or its author was asked"
    assert not (out and previews)
    if style == "top" and not trimmed:
        assert out, "the ordinary case needs no question"
        assert NEW in words(out[0])


@pytest.mark.parametrize("trimmed", [False, True], ids=["whole", "trimmed"])
@pytest.mark.parametrize("parts", ["both", "text", "html"])
@pytest.mark.parametrize("style", ["top", "bottom", "inline"])
@pytest.mark.parametrize("client", CLIENTS)
def test_an_answer_to_an_internal_note_never_leaves_the_house(
    desk: Desk, client: str, style: Style, parts: str, trimmed: bool
) -> None:
    letters = replied(desk, client, style, parts, internal=True, trimmed=trimmed)
    assert [x for x in letters if x["X-Envelope-To"] == ANNA] == []


def left(notice: Message, start: str) -> str:
    """What of a notice somebody has left in his answer, unquoted: all but our line, or from a later place on."""
    text = Original.of(notice).text.split("\n\n", 1)[1]
    return text if start == "status" else text[text.index(start) :]


@pytest.mark.parametrize("start", ["status", "Internal note by"])
@pytest.mark.parametrize("parent", ["notice", "elsewhere"])
def test_a_note_left_unquoted_without_our_line_is_not_sent(desk: Desk, start: str, parent: str) -> None:
    note, _ = desk.notice(internal=True)
    public = desk.stations.letters("acknowledgement")[-1]
    before = len(desk.stations.letters())
    mail = answer(
        note if parent == "notice" else public, (f"{NEW}\n\n{left(note, start)}", ""), AGENT, desk.cases, "text"
    )
    desk.answer(mail)
    letters = desk.stations.letters()[before:]
    to_anna = [x for x in letters if x["X-Envelope-To"] == ANNA]
    assert all(x["X-State"] == "held" for x in to_anna)
    assert [leaks(x) for x in to_anna] == [[] for _ in to_anna], "nor would #send send it"
    previews = [x["X-Envelope-To"] for x in letters if x["X-Mailgate-Event"] == "preview"]
    assert previews == ([AGENT] if parent == "elsewhere" else [])


@pytest.mark.parametrize("start", ["status", "Write above the line", "With #note"])
def test_a_partners_mail_left_unquoted_without_our_line_is_shown_first(desk: Desk, start: str) -> None:
    notice, before = desk.notice(internal=False)
    desk.answer(answer(notice, (f"{NEW}\n\n{left(notice, start)}", ""), AGENT, desk.cases, "text"))
    letters = desk.stations.letters()[before:]
    to_anna = [x for x in letters if x["X-Envelope-To"] == ANNA]
    assert [(x["X-State"], leaks(x)) for x in to_anna] == [("held", [])]
    assert NEW in words(to_anna[0])


def test_words_below_the_quote_come_back_and_are_sent_when_confirmed(desk: Desk) -> None:
    notice, before = desk.notice(internal=False)
    quoted = "\n".join(f"> {line}" for line in Original.of(notice).text.split("\n"))
    text = f"On Mon, Jan 5, 2026 at 9:00 AM Desk <help@desk.example> wrote:\n\n{quoted}\n\nBottom words."
    desk.answer(answer(notice, (text, ""), AGENT, desk.cases, "text"))
    told = desk.stations.letters("preview")[-1]
    assert "Bottom words." in words(told)
    (held,) = (x for x in desk.stations.letters()[before:] if x["X-Envelope-To"] == ANNA)
    assert (held["X-State"], "Bottom words." in words(held), leaks(held)) == ("held", True, [])
    desk.cases += 1000  # a Message-ID of its own
    desk.answer(answer(told, ("#send", ""), AGENT, desk.cases, "text"))
    (sent,) = (x for x in desk.stations.letters()[before:] if x["X-Envelope-To"] == ANNA)
    assert (sent["X-State"], leaks(sent)) == ("pending", [])


def test_quote_without_words_is_no_empty_letter(desk: Desk) -> None:
    notice, before = desk.notice(internal=False)
    quoted = "\n".join(f"> {line}" for line in Original.of(notice).text.split("\n"))
    text = f"On Mon, Jan 5, 2026 at 9:00 AM Desk <help@desk.example> wrote:\n\n{quoted}\n"
    desk.answer(answer(notice, (text, ""), AGENT, desk.cases, "text"))
    (told,) = desk.stations.letters()[before:]
    assert (told["X-Mailgate-Event"], told["X-Envelope-To"]) == ("preview", AGENT)
    assert "No new words were found above the line" in words(told)
    desk.cases += 1000  # a Message-ID of its own
    desk.answer(answer(told, ("#send", ""), AGENT, desk.cases, "text"))
    (unasked,) = desk.stations.letters()[before + 1 :]
    assert (unasked["X-Mailgate-Event"], unasked["X-Envelope-To"]) == ("preview", AGENT), "and nothing to Anna"
    desk.answer(answer(told, ("Top words.", ""), AGENT, desk.cases + 1000, "text"))
    (sent,) = (x for x in desk.stations.letters()[before + 2 :] if x["X-Envelope-To"] == ANNA)
    assert "Top words." in words(sent), "words in answer to what asks for them go out"
