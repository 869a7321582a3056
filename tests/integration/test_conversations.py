"""Conversations as they happen at a desk, on a real SQLite database: who writes what, and who reads it in the end."""

from __future__ import annotations

from email.message import Message
from email.utils import parseaddr
from pathlib import Path

import pytest
import sqlalchemy as sa
from stations import PASS, SETTINGS, Stations

from mailgate.actions import Actions
from mailgate.errors import CommandError
from storage import schema
from storage.database import Database
from storage.tables import ticket

AGENT, ANNA, BEN = "agent@desk.example", "anna@acme.example", "ben@acme.example"
DAY = 86400.0
OF_ACME = "Authentication-Results: mx.desk.example; dmarc=pass header.from=acme.example\r\n"


class Desk(Stations):
    """A desk with some lines more in its settings, and what its people do."""

    def said(self, sender: str, text: str, answering: Message | str | None = None, **headers: str) -> str:
        """A mail that is worked at once; staff's and, with `extra`, others' are authenticated."""
        if answering is not None:
            named = answering if isinstance(answering, str) else str(answering["Message-ID"]).strip("<>")
            headers.setdefault("In_Reply_To", f"<{named}>")
        if sender == AGENT:
            headers.setdefault("extra", PASS)
        message_id = self.arrive(sender, text, **headers)
        self.work()
        return message_id

    def last(self, event: str, recipient: str) -> Message:
        return [m for m in self.letters(event) if m["X-Envelope-To"] == recipient][-1]

    def heard(self, event: str, recipient: str) -> int:
        return len([m for m in self.letters(event) if m["X-Envelope-To"] == recipient])

    def at(self, terminal: str = AGENT) -> Actions:
        return Actions(self.app, terminal)

    def age(self, number: str, days: float) -> None:
        """The ticket has been closed for that long."""
        with self.db.write() as session:
            session.execute(
                ticket.update().where(ticket.c.number == number).values(closed=ticket.c.closed - days * DAY)
            )

    def links(self) -> set[tuple[int, int]]:
        with self.db.read() as session:
            return {tuple(row) for row in session.execute(sa.text("select ticket_id, other_id from link"))}


def desk(database: Database, folder: Path, more: str = "") -> Desk:
    return Desk(database, folder, SETTINGS + more)


@pytest.fixture
def conversation(sqlite: Database, tmp_path: Path) -> Desk:
    return desk(sqlite, tmp_path)


def words(mail: Message) -> str:
    part = mail.get_payload(0) if mail.is_multipart() else mail
    assert isinstance(part, Message)
    return bytes(part.get_payload(decode=True) or b"").decode()


# --- a closed ticket ------------------------------------------------------------------------------------------

SERVICE = '[[queue]]\nname = "Service Desk"\ndefault = true\n'


def test_thanks_for_a_solved_ticket_is_kept_and_opens_nothing(conversation: Desk) -> None:
    conversation.said(ANNA, "It does not print.")
    conversation.at().close("INC-1001", "New toner.")
    conversation.said(ANNA, "Hi,\r\n\r\nthank you very much!\r\n\r\nAnna", conversation.last("state", ANNA))
    [solved] = conversation.tickets()
    assert solved.state == "closed"
    assert conversation.articles()[-1].visibility == "public"
    conversation.said(ANNA, "Thanks, but it is broken again.", conversation.last("state", ANNA))
    [solved] = conversation.tickets()
    assert solved.state == "open"


def test_reply_to_a_ticket_closed_long_ago_goes_on_in_a_linked_one(sqlite: Database, tmp_path: Path) -> None:
    at_desk = desk(sqlite, tmp_path, f'{SERVICE}closed_reply = "link"\nclosed_reply_after = "30d"\n')
    at_desk.said(ANNA, "It does not print.")
    at_desk.at().close("INC-1001", None)
    state = at_desk.last("state", ANNA)
    at_desk.said(ANNA, "It is broken again.", state)
    assert [t.state for t in at_desk.tickets()] == ["open"], "closed a moment ago: it reopens"
    at_desk.at().close("INC-1001", None)
    at_desk.age("INC-1001", 31)
    at_desk.said(ANNA, "A year later it is broken again.", state)
    old, new = at_desk.tickets()
    assert (old.state, new.state, new.requester) == ("closed", "new", ANNA)
    assert (new.id, old.id) in at_desk.links()
    at_desk.said(ANNA, "And it smokes.", at_desk.last("acknowledgement", ANNA))
    assert [a.ticket_id for a in at_desk.articles()][-1] == new.id


def test_refused_reply_is_told_once_and_staff_read_it(sqlite: Database, tmp_path: Path) -> None:
    at_desk = desk(sqlite, tmp_path, f'{SERVICE}closed_reply = "refuse"\n')
    at_desk.said(ANNA, "It does not print.")
    at_desk.at().close("INC-1001", None)
    at_desk.said(ANNA, "It is broken again.", at_desk.last("state", ANNA))
    refusal = at_desk.last("acknowledgement", ANNA)
    assert "write a new mail" in words(refusal)
    assert "It is broken again" not in words(refusal)
    assert "It is broken again" in words(at_desk.last("notice", AGENT))
    at_desk.said(ANNA, "I am an autoresponder without any mark.", refusal)
    assert at_desk.heard("acknowledgement", ANNA) == 2, "the first one, and one refusal"
    assert [t.state for t in at_desk.tickets()] == ["closed"]


# --- what stays inside ----------------------------------------------------------------------------------------


def test_answer_to_the_notice_of_an_internal_note_stays_inside(sqlite: Database, tmp_path: Path) -> None:
    at_desk = desk(sqlite, tmp_path, '[[staff]]\nname = "Tess"\nemail = "tess@desk.example"\n')
    at_desk.said(ANNA, "It does not print.")
    at_desk.said("tess@desk.example", "#note Is she always like that?", at_desk.last("notice", AGENT), extra=PASS)
    notice = at_desk.last("notice", AGENT)
    assert "stays inside" in words(notice)
    at_desk.said(AGENT, "CANARY Every day.", notice)
    at_desk.said("tess@desk.example", "CANARY Poor you.", at_desk.last("notice", "tess@desk.example"), extra=PASS)
    assert not at_desk.letters("answer")
    assert {a.visibility for a in at_desk.articles() if "CANARY" in a.text} == {"internal"}
    at_desk.said(AGENT, "Please try again.", next(m for m in at_desk.letters("notice") if "New, from" in words(m)))
    assert "CANARY" not in words(at_desk.last("answer", ANNA))


def test_staff_out_of_office_never_reaches_a_partner(conversation: Desk) -> None:
    conversation.said(ANNA, "It does not print.")
    for extra in (PASS, ""):
        conversation.said(
            AGENT, "I am on the beach.", conversation.last("notice", AGENT), extra=extra, Auto_Submitted="auto-replied"
        )
        conversation.said(
            AGENT, "I am out of the office until Monday.", conversation.last("notice", AGENT), extra=extra,
            Subject="Automatic reply: Printer",
        )  # fmt: skip
    [kept] = conversation.tickets()
    assert (kept.state, kept.owner) == ("new", None)
    assert not conversation.letters("answer") and not conversation.letters("confirm")
    assert {a.visibility for a in conversation.articles() if a.sender == AGENT} == {"internal"}


# --- who stands behind a mail ---------------------------------------------------------------------------------

FORWARD = (
    "What a fuss.\r\n\r\n---------- Forwarded message ---------\r\nFrom: Anna A. <anna@acme.example>\r\n"
    "Date: Mon, 5 Jan 2026 at 07:00\r\nSubject: Printer\r\nTo: First Agent <agent@desk.example>\r\n\r\n\r\n"
    "It does not print.\r\n\r\nAnna\r\n"
)


def test_partner_mail_that_staff_forward_becomes_the_partners_ticket(conversation: Desk) -> None:
    conversation.said(
        AGENT, FORWARD, Subject="Fwd: Printer", Cc="boss@desk.example", X_Forwarded_Message_Id="<a1@acme.example>"
    )
    [opened] = conversation.tickets()
    assert (opened.requester, opened.requester_name, opened.partner) == (ANNA, "Anna A.", "Acme")
    assert (opened.subject, opened.participants) == ("Printer", [ANNA])
    theirs, ours = conversation.articles()
    assert (theirs.sender, theirs.visibility, theirs.text) == (ANNA, "public", "It does not print.\n\nAnna")
    assert (ours.sender, ours.visibility, ours.text) == (AGENT, "internal", "What a fuss.")
    assert not conversation.letters("acknowledgement"), "she wrote to a colleague"
    conversation.at().reply("INC-1001", "Try again.")
    answer = conversation.last("answer", ANNA)
    assert (answer["In-Reply-To"], answer["Cc"]) == ("<a1@acme.example>", None)
    assert "fuss" not in words(answer) and "boss" not in str(answer)
    conversation.said(ANNA, "It prints.", "a1@acme.example")
    assert [a.ticket_id for a in conversation.articles()] == [opened.id] * 4


def enclosing(words: str) -> str:
    """The parts below a mail's header: words, and a partner's mail."""
    mail = "From: Anna A. <anna@acme.example>\r\nSubject: Printer\r\nMessage-ID: <a1@acme.example>\r\n\r\nIt smokes."
    return (
        f"--b\r\nContent-Type: text/plain\r\n\r\n{words}\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\n{mail}\r\n--b--\r\n"
    )


@pytest.mark.parametrize("subject", ["Fwd: Printer", "Look at that"])
@pytest.mark.parametrize("own", ["What a fuss.", ""])
def test_partner_mail_that_staff_attach_becomes_the_partners_ticket(conversation: Desk, subject: str, own: str) -> None:
    mixed = {"MIME_Version": "1.0", "Content_Type": "multipart/mixed; boundary=b"}
    conversation.said(AGENT, enclosing(own), Subject=subject, **mixed)
    [opened] = conversation.tickets()
    assert (opened.requester, opened.subject) == (ANNA, "Printer")
    first, *notes = conversation.articles()
    assert (first.sender, first.reply, first.visibility) == (ANNA, "It smokes.", "public")
    assert [(n.sender, n.reply, n.visibility) for n in notes] == [(AGENT, own, "internal")] * bool(own)
    assert not conversation.letters("acknowledgement")
    conversation.said(ANNA, "Still.", "a1@acme.example")
    assert len(conversation.tickets()) == 1


def test_mail_in_the_name_of_staff_that_forwards_something_is_an_ordinary_ticket(conversation: Desk) -> None:
    conversation.said(AGENT, FORWARD, Subject="Fwd: Printer", extra="")
    [opened] = conversation.tickets()
    assert opened.requester == AGENT
    assert conversation.heard("acknowledgement", AGENT) == 1


def test_web_form_opens_tickets_for_who_filled_it_in(sqlite: Database, tmp_path: Path) -> None:
    form = '[[form]]\nname = "website"\nsender = "www@desk.example"\nhosts = ["192.0.2.7"]\n'
    at_desk = desk(sqlite, tmp_path, form + "pattern = '(?m)^E-mail: (?P<address>\\S+)$'\n")
    at_desk.said("www@desk.example", "E-mail: anna@acme.example\r\nHelp.", extra=PASS, Auto_Submitted="auto-generated")
    at_desk.said("www@desk.example", "E-mail: ben@acme.example\r\nHelp.")
    believed, doubtful = at_desk.tickets()
    assert (believed.requester, doubtful.requester) == (ANNA, "www@desk.example")
    assert at_desk.heard("acknowledgement", ANNA) == 1
    assert at_desk.heard("acknowledgement", BEN) == 0
    at_desk.said(ANNA, "More.", at_desk.last("acknowledgement", ANNA))
    assert at_desk.articles()[-1].ticket_id == believed.id


def test_group_in_front_of_the_desk_is_no_mailing_list(sqlite: Database, tmp_path: Path) -> None:
    lines = 'address = "help@desk.example"\nfront_lists = ["support@acme-group.example"]'
    at_desk = Desk(sqlite, tmp_path, SETTINGS.replace('address = "help@desk.example"', lines))
    group = "support@acme-group.example"
    at_desk.said("dora@other.example", "Help.", to=group, List_Id="<support.acme-group.example>", Precedence="list")
    at_desk.said(group, "Help me, too.", to=group, X_Original_From="Carl <carl@other.example>", Subject="Screen")
    first, second = at_desk.tickets()
    assert (first.requester, second.requester) == ("dora@other.example", "carl@other.example")
    assert group not in (*first.participants, *second.participants), "else answers would come back here"
    assert at_desk.heard("acknowledgement", "dora@other.example") == 1
    assert at_desk.heard("acknowledgement", "carl@other.example") == 1


def test_bcc_and_addresses_of_staff_never_reach_a_partner(conversation: Desk) -> None:
    conversation.said(ANNA, "It does not print.", Cc=BEN, Bcc="secret@acme.example")
    conversation.said(
        AGENT, "Try again.", conversation.last("notice", AGENT),
        Cc=f"boss@desk.example, {BEN}", Bcc="spy@desk.example",
    )  # fmt: skip
    answers = conversation.letters("answer")
    everything = "\n".join(map(str, answers))
    assert {a["X-Envelope-To"] for a in answers} >= {ANNA, BEN}
    assert not any(hidden in everything for hidden in ("secret@", "spy@", AGENT))


# --- what a degree may do, and who takes part -----------------------------------------------------------------


def test_queue_that_only_the_verified_may_open_in_sets_others_aside(sqlite: Database, tmp_path: Path) -> None:
    pay = '[[queue]]\nname = "Pay"\naddress = "pay@desk.example"\ntrust = { unverified = [], known_thread = ["see"] }\n'
    at_desk = desk(sqlite, tmp_path, SERVICE + pay)
    at_desk.said(ANNA, "Change my account.", to="pay@desk.example")
    assert at_desk.tickets() == []
    [row] = at_desk.journal()
    assert row.outcome == "quarantine"
    assert {"code": "trust_open", "seen": 'queue "Pay": trust.unverified = []'}.items() <= row.reasons[-1].items()
    at_desk.said(ANNA, "Change my account.", to="pay@desk.example", extra=OF_ACME)
    [opened] = at_desk.tickets()
    at_desk.said(ANNA, "To this one.", at_desk.last("acknowledgement", ANNA))
    assert [a.visibility for a in at_desk.articles() if a.direction == "in"] == ["public", "internal"]
    assert "To this one." in words(at_desk.last("notice", AGENT))
    assert opened.queue == "Pay"


def test_colleague_of_a_partner_joins_where_its_line_says_so(sqlite: Database, tmp_path: Path) -> None:
    settings = SETTINGS.replace('domains = ["acme.example"]', 'domains = ["acme.example"]\ncolleagues = "join"')
    at_desk = Desk(sqlite, tmp_path, settings)
    at_desk.said(ANNA, "It does not print.")
    at_desk.said(BEN, "Same here.", at_desk.last("acknowledgement", ANNA))
    [shared] = at_desk.tickets()
    assert shared.participants == [ANNA, BEN]
    at_desk.said("eve@other.example", "Same here.", at_desk.last("acknowledgement", ANNA))
    assert len(at_desk.tickets()) == 2
    at_desk.at().reply("INC-1001", "Try again.")
    assert at_desk.heard("answer", BEN) == 1
    assert at_desk.heard("answer", "eve@other.example") == 0


# --- numbers --------------------------------------------------------------------------------------------------


def test_person_with_two_addresses_is_one_requester_and_reads_the_answer_in_both(
    sqlite: Database, tmp_path: Path
) -> None:
    home = "anna@mail.example"
    at_desk = desk(sqlite, tmp_path, f'[[person]]\nname = "Anna"\nemails = ["{ANNA}", "{home.upper()}"]\n')
    at_desk.said(ANNA, "It does not print.")
    at_desk.said(home, "My mail at work is down, too.", at_desk.last("acknowledgement", ANNA))
    [one] = at_desk.tickets()
    assert (one.requester, one.partner) == (ANNA, "Acme")
    at_desk.said(AGENT, "Both run again.", at_desk.last("notice", AGENT))
    assert [at_desk.heard("answer", who) for who in (ANNA, home)] == [1, 1]
    at_desk.said(home, "It never has.", subject="Scanner")
    assert [t.partner for t in at_desk.tickets()] == ["Acme", "Acme"]


def test_answers_to_the_desk_before_this_one_find_each_other(sqlite: Database, tmp_path: Path) -> None:
    at_desk = desk(sqlite, tmp_path, '[[old_desk]]\nsystem = "otrs"\n[[old_desk]]\nsystem = "rt"\nhooks = ["old"]\n')
    otrs = "Re: [Ticket#2024010110000017] Printer"
    at_desk.said(ANNA, "It smokes.", Subject=otrs, extra=OF_ACME)
    at_desk.said(ANNA, "It burns.", Subject=otrs, extra=OF_ACME)
    at_desk.said(ANNA, "A screen.", Subject="Re: [old #12] Screen", extra=OF_ACME)
    at_desk.said("eve@evil.example", "Let me in.", Subject=otrs)
    printer, screen, evil = at_desk.tickets()
    assert (printer.fields, screen.fields, evil.fields) == ({"otrs": "2024010110000017"}, {"rt": "12"}, {})
    assert [a.ticket_id for a in at_desk.articles() if a.direction == "in"] == [
        printer.id,
        printer.id,
        screen.id,
        evil.id,
    ]
    assert (evil.id, printer.id) in at_desk.links()


def test_mails_of_a_partner_with_its_own_number_come_to_one_ticket(sqlite: Database, tmp_path: Path) -> None:
    pattern = "domains = [\"acme.example\"]\nticket_pattern = '\\bACME-(?P<number>\\d+)'"
    at_desk = Desk(sqlite, tmp_path, SETTINGS.replace('domains = ["acme.example"]', pattern))
    at_desk.said("tickets@acme.example", "Please look.", Subject="New: ACME-77", extra=OF_ACME)
    at_desk.said("carl@acme.example", "Any news?", Subject="About ACME-77", extra=OF_ACME)
    at_desk.said("carl@acme.example", "Who knows who I am?", Subject="About ACME-77")
    at_desk.said("eve@evil.example", "ACME-77?", Subject="About ACME-77")
    first, evil = at_desk.tickets()
    assert first.fields == {"partner_number": "77"}
    assert [a.visibility for a in at_desk.articles() if a.ticket_id == first.id and a.direction == "in"] == [
        "public", "public", "internal",
    ]  # fmt: skip
    assert evil.requester == "eve@evil.example"


def test_desk_that_writes_tokens_like_otrs_reads_them(sqlite: Database, tmp_path: Path) -> None:
    at_desk = desk(sqlite, tmp_path, '[answers]\nsubject_token = "always"\ntoken_format = "otrs"\n')
    at_desk.said(ANNA, "It does not print.")
    subject = str(at_desk.last("acknowledgement", ANNA)["Subject"])
    assert subject == "Re: Printer [Ticket#10019]"
    at_desk.said(ANNA, "It prints.", Subject=f"Re: {subject}", extra=OF_ACME)
    at_desk.said(ANNA, "A wrong digit.", Subject="Re: Printer [Ticket#10018]", extra=OF_ACME)
    first, other = at_desk.tickets()
    assert (first.subject, other.subject) == ("Printer", "Re: Printer")


# --- merge, split, watch --------------------------------------------------------------------------------------


def test_merged_tickets_are_one_conversation_and_later_mails_follow(conversation: Desk) -> None:
    conversation.said(ANNA, "It does not print.")
    first = conversation.last("acknowledgement", ANNA)
    conversation.said(ANNA, "Still not.", Cc=BEN)
    second = conversation.last("acknowledgement", ANNA)
    assert conversation.at().merge("INC-1002", "INC-1001", let_in=False) == ()
    kept, merged = conversation.tickets()
    assert (merged.state_type, merged.merged_into, kept.participants) == ("merged", kept.id, [ANNA, BEN])
    assert {a.ticket_id for a in conversation.articles()} == {kept.id}
    conversation.said(ANNA, "To the second one.", second)
    conversation.said(ANNA, "To the first one.", first)
    conversation.said(BEN, "To Anna's second mail.", conversation.articles()[2].message_id)
    assert {a.ticket_id for a in conversation.articles()} == {kept.id}
    assert len(conversation.tickets()) == 2
    conversation.at().reply("INC-1002", "Try again.")
    assert conversation.heard("answer", BEN) == 1
    with pytest.raises(CommandError, match="INC-1002 is merged"):
        conversation.at().merge("INC-1002", "INC-1001", let_in=False)
    assert schema.integrity(conversation.db) == []


def test_merging_lets_nobody_in_without_saying_so(conversation: Desk) -> None:
    conversation.said(ANNA, "It does not print.")
    conversation.said("dora@other.example", "Mine neither.", Cc="eve@other.example")
    hers = conversation.last("acknowledgement", "dora@other.example")
    left_out = conversation.at().merge("INC-1002", "INC-1001", let_in=False)
    assert left_out == ("dora@other.example", "eve@other.example")
    conversation.at().reply("INC-1001", "SECRET of Acme")
    assert conversation.heard("answer", "dora@other.example") == 0
    conversation.said("dora@other.example", "Any news?", hers)
    kept, _, new = conversation.tickets()
    assert new.requester == "dora@other.example"
    assert (new.id, kept.id) in conversation.links()
    conversation.at().merge("INC-1003", "INC-1001", let_in=True)
    conversation.at().reply("INC-1001", "For both.")
    assert conversation.heard("answer", "dora@other.example") == 1


def test_open_ticket_is_not_hidden_in_a_closed_one(conversation: Desk) -> None:
    conversation.said(ANNA, "It does not print.")
    conversation.said(ANNA, "Still not.")
    conversation.at().close("INC-1001", None)
    with pytest.raises(CommandError, match="INC-1001 is closed"):
        conversation.at().merge("INC-1002", "INC-1001", let_in=False)
    with pytest.raises(CommandError, match="one ticket"):
        conversation.at().merge("INC-1002", "INC-1002", let_in=False)


def test_mail_that_is_split_off_begins_a_ticket_and_its_answers_follow(conversation: Desk) -> None:
    conversation.said(ANNA, "It does not print.", Cc=BEN)
    acknowledgement = str(conversation.last("acknowledgement", ANNA)["Message-ID"])
    mine = conversation.said(BEN, "And my screen is dark.", acknowledgement.strip("<>"), Subject="Screen", Cc=ANNA)
    article = conversation.articles()[-1].id
    assert conversation.at().split("INC-1001", article) == "INC-1002"
    printer, screen = conversation.tickets()
    assert (screen.requester, screen.subject, screen.split_from) == (BEN, "Screen", printer.id)
    assert "my screen is dark" in words(conversation.last("notice", AGENT))
    with pytest.raises(CommandError, match="there is nothing to split"):
        conversation.at().split("INC-1002", article)
    conversation.said(ANNA, "Mine, too.", mine, References=f"{acknowledgement} <{mine}>")
    conversation.said(ANNA, "Printed.", acknowledgement.strip("<>"))
    placed = {a.text.strip(): a.ticket_id for a in conversation.articles()}
    assert (placed["Printed."], placed["Mine, too."]) == (printer.id, screen.id)
    with pytest.raises(CommandError, match="did not come by mail"):
        conversation.at().split("INC-1001", next(a.id for a in conversation.articles() if a.direction == "out"))
    with pytest.raises(CommandError, match="has no article 99"):
        conversation.at().split("INC-1001", 99)


def test_answer_to_the_old_notice_of_a_mail_that_was_split_off_goes_to_its_own_ticket(conversation: Desk) -> None:
    conversation.said(ANNA, "It does not print.", Cc=BEN)
    first = conversation.last("notice", AGENT)
    acknowledgement = conversation.last("acknowledgement", ANNA)
    conversation.said(BEN, "And my screen is dark.", acknowledgement, Subject="Screen", Cc=ANNA)
    second = conversation.last("notice", AGENT)
    conversation.at().split("INC-1001", conversation.articles()[-1].id)
    thread = str(second["References"])
    conversation.said(AGENT, "Which screen?", second, References=f"{thread} {second['Message-ID']}")
    conversation.said(AGENT, "Try again.", first)
    placed = {a.text.strip(): a.ticket_id for a in conversation.articles()}
    printer, screen = conversation.tickets()
    assert (placed["Which screen?"], placed["Try again."]) == (screen.id, printer.id)
    answers = [words(m) for m in conversation.letters("answer") if m["X-Envelope-To"] == BEN]
    assert any("Which screen?" in answer and "INC-1002" in answer for answer in answers)


def test_answer_without_ids_finds_its_ticket_by_the_address_that_it_was_asked_for_at(
    sqlite: Database, tmp_path: Path
) -> None:
    at_desk = desk(sqlite, tmp_path, '[answers]\nreply_address = "plus"\n')
    at_desk.said(ANNA, "It does not print.", Subject="Printer")
    at_desk.said(ANNA, "Nor does this one.", Subject="Printer")
    to = [parseaddr(str(m["Reply-To"]))[1] for m in at_desk.letters("acknowledgement")]
    for address, text in zip(to, ("First again.", "Second again."), strict=True):
        at_desk.arrive(ANNA, text, Subject="Re: Printer", to=address)
        at_desk.work()
    placed = {a.text.strip(): a.ticket_id for a in at_desk.articles()}
    first, second = at_desk.tickets()
    assert (placed["First again."], placed["Second again."]) == (first.id, second.id)
    notice = at_desk.last("notice", AGENT)
    at_desk.arrive(AGENT, "Try this.", Subject="Re: Printer", to=parseaddr(str(notice["Reply-To"]))[1], extra=PASS)
    at_desk.work()
    assert at_desk.heard("answer", ANNA) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_every_reply_to_a_closed_ticket_ends_on_one_that_goes_on_with_it(
    sqlite: Database, tmp_path: Path, order: tuple[int, ...]
) -> None:
    linking = '[[queue]]\nname = "Q"\ndefault = true\nclosed_reply = "link"\n'
    at_desk = desk(sqlite, tmp_path, linking)
    at_desk.said(ANNA, "It does not print.", Cc=BEN)
    acknowledgement = at_desk.last("acknowledgement", ANNA)
    at_desk.at().close("INC-1001", None)
    for number in order:
        at_desk.said(ANNA, f"Broken again {number}.", acknowledgement)
    assert [t.number for t in at_desk.tickets()] == ["INC-1001", "INC-1002"]
    assert at_desk.heard("acknowledgement", ANNA) == 2
    at_desk.said(BEN, "For me too.", acknowledgement)
    assert len(at_desk.tickets()) == 3, "he takes no part in what Anna wrote to the desk alone"
    at_desk.at().close("INC-1002", None)
    at_desk.said(ANNA, "And again.", acknowledgement)
    fourth = at_desk.tickets()[-1]
    assert (fourth.number, fourth.follows) == ("INC-1004", at_desk.tickets()[0].id)
    at_desk.said(ANNA, "Still.", at_desk.last("state", ANNA))
    assert len(at_desk.tickets()) == 4


def test_owner_is_told_what_a_colleague_has_answered_once_it_goes_out(sqlite: Database, tmp_path: Path) -> None:
    tess = "tess@desk.example"
    at_desk = desk(sqlite, tmp_path, f'[[staff]]\nname = "Tess"\nemail = "{tess}"\n')
    at_desk.said(ANNA, "It does not print.")
    at_desk.said(AGENT, "Which one?", at_desk.last("notice", AGENT))
    assert at_desk.heard("notice", tess) == 1, "it is the agent's now, and his own answer is no news to him"
    before = at_desk.heard("notice", AGENT)
    at_desk.said(tess, "The one on floor two.", at_desk.last("notice", tess), extra=PASS)
    assert at_desk.heard("notice", AGENT) == before + 1
    assert "The one on floor two." in words(at_desk.last("notice", AGENT))
    assert at_desk.heard("notice", tess) == 1

    at_desk.said(tess, "Perhaps on floor three.", at_desk.last("notice", tess))
    assert "Perhaps on floor three." not in words(at_desk.last("notice", AGENT)), "nobody has confirmed it"
    at_desk.said(tess, "#send", at_desk.last("confirm", tess))
    assert at_desk.last("answer", ANNA)["X-State"] == "pending"
    assert "Perhaps on floor three." in words(at_desk.last("notice", AGENT))


def test_who_owns_it_when_held_words_go_out_is_told_and_not_who_did_before(sqlite: Database, tmp_path: Path) -> None:
    tess, kim = "tess@desk.example", "kim@desk.example"
    staff = "".join(f'[[staff]]\nname = "{who}"\nemail = "{who}@desk.example"\n' for who in ("tess", "kim"))
    at_desk = desk(sqlite, tmp_path, staff)
    at_desk.said(ANNA, "It does not print.")
    at_desk.at().assign("INC-1001", kim)
    at_desk.said(tess, "Perhaps on floor three.", at_desk.last("notice", tess))
    at_desk.said(tess, "Or on floor four.", at_desk.last("notice", tess))
    at_desk.at().assign("INC-1001", AGENT)
    before = {who: at_desk.heard("notice", who) for who in (AGENT, kim, tess)}
    at_desk.said(tess, "#send", at_desk.last("confirm", tess))
    assert {who: at_desk.heard("notice", who) - n for who, n in before.items()} == {AGENT: 1, kim: 0, tess: 0}
    assert "confirmed by the sender" in words(at_desk.last("notice", AGENT))
    held = next(a for a in at_desk.articles() if a.reply == "Perhaps on floor three.")
    assert at_desk.at("root").confirm(held.id)
    assert "Perhaps on floor three." in words(at_desk.last("notice", AGENT))
    assert at_desk.heard("notice", kim) == before[kim]


def test_watchers_are_told_of_public_articles_alone(sqlite: Database, tmp_path: Path) -> None:
    people = '[[staff]]\nname = "Tess"\nemail = "tess@desk.example"\n[[queue]]\nname = "Q"\ndefault = true\n'
    at_desk = desk(sqlite, tmp_path, people + f'members = ["{AGENT}"]\n')
    at_desk.said(ANNA, "It does not print.")
    tess = "tess@desk.example"
    with pytest.raises(CommandError, match="neither of the staff"):
        at_desk.at().watch("INC-1001", "eve@other.example")
    with pytest.raises(CommandError, match="takes part"):
        at_desk.at().watch("INC-1001", ANNA)
    at_desk.at().watch("INC-1001", "Tess")
    assert at_desk.heard("notice", tess) == 0
    at_desk.said(ANNA, "Still not.", at_desk.last("acknowledgement", ANNA))
    at_desk.said(AGENT, "#note Silly.", at_desk.last("notice", AGENT))
    at_desk.said(AGENT, "Try again.", at_desk.last("notice", AGENT))
    at_desk.at().reply("INC-1001", "And again.")
    told = [words(m) for m in at_desk.letters("notice") if m["X-Envelope-To"] == tess]
    assert [text in got for text, got in zip(("Still not.", "Try again.", "And again."), told, strict=True)] == [
        True
    ] * 3
    at_desk.at().unwatch("INC-1001", tess)
    at_desk.said(ANNA, "Thanks a lot for nothing.", at_desk.last("acknowledgement", ANNA))
    assert at_desk.heard("notice", tess) == 3
