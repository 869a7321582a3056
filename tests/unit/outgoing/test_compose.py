"""Letters: one for each recipient, in the form that mail clients, relays and other desks expect."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.outgoing.desk import (
    ACKNOWLEDGEMENT,
    AGENT,
    ALL,
    ANSWER,
    CLOSED,
    CONFIRM,
    KEYS,
    NOTICE,
    POLICY,
    PREVIEW,
    TICKET,
    TIME,
    change,
    parsed,
    text,
)

from mailgate.outgoing.compose import LOGO_BYTES, LONGEST_WORDS, MOST_BYTES, Pen
from parsing.message import Address, Attachment
from parsing.reply import split
from routing import tokens
from storage.change import TO_PARTNERS, Announcement, Article, Letter

PEN = Pen(POLICY, None)
EVIL = st.text(st.characters(codec="utf-8") | st.sampled_from('\r\n\x00\u2028<>"@,;:='), max_size=200)


def letters(*told: Announcement, pen: Pen = PEN) -> tuple[Letter, ...]:
    return pen.compose(change(*told)).letters


def one(told: Announcement, pen: Pen = PEN) -> Letter:
    return letters(told, pen=pen)[0]


def file(size: int, name: str = "photo.jpg", *, inline: bool = False) -> Attachment:
    data = bytes(size)
    return Attachment(name, "image/jpeg", size, hashlib.sha256(data).hexdigest(), inline, None, data)


# --- every letter -----------------------------------------------------------------------------------------------

ONCE = (
    "From", "To", "Date", "Message-ID", "Subject", "MIME-Version", "Content-Type",
    "X-Mailgate-Event", "X-Mailgate-Ticket",
)  # fmt: skip


@pytest.mark.parametrize("told", ALL, ids=lambda told: told.event)
def test_each_recipient_gets_a_letter_of_his_own_that_parses_without_defects(told: Announcement) -> None:
    written = letters(told)
    assert [letter.recipient for letter in written] == list(told.recipients)
    assert len({letter.message_id for letter in written}) == len(written)
    for letter in written:
        message = parsed(letter)
        assert not message.defects
        for name in ONCE:
            assert len(message.get_all(name, [])) == 1, name
        assert message["Message-ID"] == f"<{letter.message_id}>"
        assert len(message["Message-ID"]) <= 70
        assert "Bcc" not in message
        assert message["X-Mailgate-Event"] == told.event
        assert message["X-Mailgate-Ticket"] == "INC-1042"
        assert message["Date"] == "Wed, 25 Feb 2026 07:13:20 +0100"
        assert parsedate_to_datetime(message["Date"]).timestamp() == TIME
        assert re.search(r"\bINC-1042\b", text(letter))
        assert re.search(r"\bINC-1042\b", text(letter, "html").partition("<body")[2])


@pytest.mark.parametrize("told", ALL, ids=lambda told: told.event)
def test_message_id_is_signed_for_its_recipient_and_the_same_on_every_try(told: Announcement) -> None:
    for first, again in zip(letters(told), letters(replace(told, words="other words")), strict=True):
        assert first.message_id == again.message_id
        signed = tokens.read_signed(first.message_id, KEYS)
        assert signed is not None
        assert (signed.event, signed.ticket_id, signed.article_id) == (told.event, 42, told.signed_as)
        assert signed.is_for(first.recipient)


@pytest.mark.parametrize("told", [replace(t, recipients=(*t.recipients, *t.recipients)) for t in ALL])
def test_nobody_gets_the_same_letter_twice(told: Announcement) -> None:
    assert len(letters(told)) == len(set(told.recipients))


def test_recipients_share_one_body_and_differ_in_headers() -> None:
    first, second = letters(ANSWER)
    assert first.body == second.body
    assert first.headers != second.headers


@given(EVIL, EVIL, EVIL, EVIL, EVIL)
def test_no_value_of_a_mail_can_make_a_header_line(name: str, subject: str, words: str, ref: str, address: str) -> None:
    ticket = replace(TICKET, subject=subject, requester=address, requester_name=name)
    hostile = Address(name, address)
    expected = set(ONCE) | {"Cc", "In-Reply-To", "References", "Auto-Submitted", "X-Auto-Response-Suppress"}
    expected |= {"Reply-To", "X-Mailgate-Delivery"}
    for told in ALL:
        evil = replace(
            told, ticket=ticket, subject=subject, words=words, author=hostile, to=(hostile,), cc=(hostile,),
            in_reply_to=ref, references=(ref, ref + "x"), details=tuple((key, words) for key, _ in told.details),
            attachments=(replace(file(10), filename=name, content_type=subject),),
        )  # fmt: skip
        for letter in letters(evil):
            octets = letter.headers + letter.body
            assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", octets)
            assert letter.headers.count(b"\r\n\r\n") == 1
            names = [
                line.partition(b":")[0].decode() for line in letter.headers[:-4].split(b"\r\n") if line[:1] != b" "
            ]
            assert len(names) == len(set(names))
            assert set(names) <= expected


@given(EVIL)
def test_words_in_html_are_escaped(words: str) -> None:
    evil = f"<script>alert(1)</script><img src=http://evil.example/x>{words}"
    for told in (NOTICE, ANSWER, replace(CLOSED, details=(("resolution", evil),))):
        html = text(one(replace(told, words=evil)), "html")
        assert "<script" not in html
        assert "<img" not in html


def test_no_letter_loads_anything_from_elsewhere() -> None:
    for told in ALL:
        html = text(one(told), "html")
        assert not re.search(r"\bsrc=|url\(|<link|@import", html)


def test_nothing_to_tell_writes_nothing() -> None:
    nothing = change()
    assert PEN.compose(nothing) is nothing


# --- who it is from and to, and where it belongs -------------------------------------------------------------------


def test_acknowledgement_is_from_the_desk_and_in_the_form_of_an_automatic_answer() -> None:
    message = parsed(one(ACKNOWLEDGEMENT))
    assert message["From"] == "Example Service Desk <help@desk.example>"
    assert message["To"] == "Jane Doe <jane@acme.example>"
    assert message["Subject"] == "Re: Printer on floor 3"
    assert message["Auto-Submitted"] == "auto-replied"
    assert "OOF" in message["X-Auto-Response-Suppress"]
    assert "Precedence" not in message
    assert message["In-Reply-To"] == "<first@acme.example>"
    assert message["References"].split()[-1] == "<first@acme.example>"


def test_a_queue_with_an_address_of_its_own_writes_in_its_own_name() -> None:
    message = parsed(one(replace(ACKNOWLEDGEMENT, ticket=replace(TICKET, queue="Hardware"))))
    assert message["From"] == "Hardware <hardware@desk.example>"


def test_answer_is_from_the_agent_by_way_of_the_desk_and_marked_as_a_persons() -> None:
    for letter in letters(ANSWER):
        message = parsed(letter)
        assert message["From"] == "First Agent via Example Service Desk <help@desk.example>"
        assert message["To"] == "Jane Doe <jane@acme.example>"
        assert message["Cc"] == "bob@acme.example"
        assert "Auto-Submitted" not in message
        assert "X-Auto-Response-Suppress" not in message
        assert "Reply-To" not in message


def test_answer_without_a_member_of_staff_is_from_the_desk() -> None:
    told = replace(ANSWER, author=Address("Example Service Desk", "help@desk.example"))
    assert parsed(one(told))["From"] == "Example Service Desk <help@desk.example>"


@pytest.mark.parametrize(
    ("author", "shown"),
    [
        (Address("Jane Doe", "jane@acme.example"), "Jane Doe via Example Service Desk"),
        (Address("", "jane@acme.example"), "jane (acme.example) via Example Service Desk"),
        (Address("boss@desk.example", "jane@acme.example"), "Example Service Desk"),
        (Address("agent@desk.example", ""), "First Agent via Example Service Desk"),
        (Address("root", ""), "root via Example Service Desk"),
    ],
)
def test_notice_is_in_the_name_of_who_wrote(author: Address, shown: str) -> None:
    (address,) = parsed(one(replace(NOTICE, author=author)))["From"].addresses
    assert (address.display_name, address.addr_spec) == (shown, "help@desk.example")


@pytest.mark.parametrize("name", ["First Agent", "first  agent", "Example Service Desk", "Hardware"])
def test_a_stranger_under_a_name_of_the_house_is_shown_by_his_address(name: str) -> None:
    told = replace(NOTICE, author=Address(name, "eve@evil.example"), trust="unverified")
    assert str(parsed(one(told))["From"]).startswith('"eve (evil.example) via Example Service Desk"')
    assert "New, from eve@evil.example (sender not verified):" in text(one(told))


def test_how_sure_a_sender_is_does_not_stand_in_his_name() -> None:
    told = replace(NOTICE, author=Address("Jane (sender verified)", "jane@acme.example"), trust="unverified")
    assert "sender verified" not in text(one(told))


def test_notice_goes_to_its_recipient_alone() -> None:
    assert [parsed(letter)["To"] for letter in letters(NOTICE)] == list(NOTICE.recipients)


def test_notices_of_a_ticket_are_one_conversation() -> None:
    later = replace(NOTICE, why="reply", signed_as=11, references=("root@acme.example", "later@acme.example"))
    first, second = parsed(one(NOTICE)), parsed(one(later))
    assert first["Subject"] == second["Subject"] == "INC-1042 Printer on floor 3"
    assert first["In-Reply-To"] == second["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"]


@pytest.mark.parametrize("told", [ACKNOWLEDGEMENT, ANSWER, NOTICE, CLOSED], ids=lambda told: told.event)
def test_references_name_the_conversation_and_carry_a_signed_id_of_the_ticket(told: Announcement) -> None:
    ids = [i.strip("<>") for i in parsed(one(told))["References"].split()]
    assert [i for i in ids if i in told.references] == list(told.references)
    signed = [s for i in ids if (s := tokens.read_signed(i, KEYS)) is not None]
    assert [s.ticket_id for s in signed] == [42]


@pytest.mark.parametrize("told", [CONFIRM, PREVIEW], ids=lambda told: told.event)
def test_a_question_to_a_member_stands_alone(told: Announcement) -> None:
    message = parsed(one(told))
    assert "References" not in message
    assert "In-Reply-To" not in message


def test_a_name_that_a_stranger_gave_himself_does_not_advertise() -> None:
    told = replace(ACKNOWLEDGEMENT, to=(Address("Win http://evil.example/now", "jane@acme.example"),))
    assert parsed(one(told))["To"] == "Win <jane@acme.example>"


def test_subject_token_stands_where_the_policy_asks_for_it() -> None:
    pen = Pen(replace(POLICY, subject_token=True), None)
    token = tokens.subject_token("INC-1042")
    assert parsed(one(ANSWER, pen))["Subject"] == f"Re: Printer on floor 3 {token}"
    assert parsed(one(NOTICE, pen))["Subject"] == f"{token} Printer on floor 3"
    assert token not in parsed(one(ANSWER))["Subject"]


@pytest.mark.parametrize("told", ALL, ids=lambda told: told.event)
def test_answers_are_asked_for_at_an_address_with_our_token_where_the_policy_says_so(told: Announcement) -> None:
    letter = one(told, Pen(replace(POLICY, reply_address="plus"), None))
    left = letter.message_id.partition("@")[0]
    assert parsed(letter)["Reply-To"] == f"Example Service Desk <help+{left}@desk.example>"
    assert parsed(one(told))["Reply-To"] is None


@pytest.mark.parametrize("told", ALL, ids=lambda told: told.event)
def test_envelope_sender_is_as_set(told: Announcement) -> None:
    assert one(told).envelope_from == "help@desk.example"
    null = one(told, Pen(replace(POLICY, envelope="null"), None)).envelope_from
    assert null == ("help@desk.example" if told.event == "answer" else "")
    verp = one(told, Pen(replace(POLICY, envelope="verp"), None))
    proof = tokens.proof(KEYS, verp.message_id.partition("@")[0])
    assert verp.envelope_from == f"help+{proof}@desk.example"
    assert (parsed(one(told))["X-Mailgate-Delivery"] == proof) is (told.event in TO_PARTNERS)


def test_an_envelope_sender_that_would_be_too_long_carries_no_token() -> None:
    queues = {
        "Service Desk": replace(
            POLICY.queues["Service Desk"], address="the-service-desk-of-everybody-everywhere@desk.example"
        )
    }
    pen = Pen(replace(POLICY, envelope="verp", queues=queues), None)
    assert one(ANSWER, pen).envelope_from == "the-service-desk-of-everybody-everywhere@desk.example"


def test_letters_are_held_where_there_is_no_relay_or_in_shadow() -> None:
    assert one(ANSWER).held_for is None
    assert one(ANSWER, Pen(replace(POLICY, relay=False), None)).held_for == "relay"
    assert one(ANSWER, Pen(replace(POLICY, relay=False, shadow=True), None)).held_for == "shadow"
    assert one(replace(ANSWER, held_for="confirm"), Pen(replace(POLICY, relay=False), None)).held_for == "confirm"


# --- words --------------------------------------------------------------------------------------------------------


def test_acknowledgement_repeats_nothing_of_the_mail_but_its_subject() -> None:
    told = replace(ACKNOWLEDGEMENT, words="canary http://evil.example", subject="Win http://evil.example/a now",
                   author=Address("canary", "canary@acme.example"))  # fmt: skip
    letter = one(told)
    assert b"canary" not in letter.headers + letter.body
    assert b"evil.example" not in letter.headers + letter.body
    assert parsed(letter)["Subject"] == "Re: Win now"


@given(st.sampled_from(["owner", "partner", "trust", "was", "became", "status", "recipient"]))
def test_what_is_internal_never_stands_in_a_letter_to_a_partner(field: str) -> None:
    ticket = replace(TICKET, owner="canary@desk.example", partner="canary", fields={"note": "canary"}, tags=("canary",))
    for told in (ACKNOWLEDGEMENT, ANSWER, CLOSED):
        details = {**dict(told.details), field: "canary"}
        letter = one(replace(told, ticket=ticket, trust="unverified", details=tuple(details.items())))
        assert "canary" not in text(letter)
        assert "canary" not in text(letter, "html")
        assert "not verified" not in text(letter)
        assert b"canary" not in letter.headers


def test_answer_is_the_words_and_the_signature_and_nothing_else() -> None:
    assert text(one(ANSWER)) == (
        "Please restart it.\n\nSee https://desk.example/printers?a=1&b=2.\n\n-- \nKind regards\nThe desk\nINC-1042\n"
    )


def test_web_addresses_of_staff_are_links_and_those_of_partners_are_not() -> None:
    link = '<a href="https://desk.example/printers?a=1&amp;b=2">'
    assert link in text(one(ANSWER), "html")
    assert "<a " not in text(one(replace(NOTICE, words=ANSWER.words)), "html")


def test_all_files_of_an_answer_go_along() -> None:
    letter = one(replace(ANSWER, attachments=(file(10), file(20, "b.jpg"))))
    assert [part.get_filename() for part in parsed(letter).iter_attachments()] == ["photo.jpg", "b.jpg"]  # type: ignore[attr-defined]


def test_notice_begins_with_the_delimiter_and_tells_who_wrote_what_and_how_to_answer() -> None:
    assert text(one(NOTICE)) == (
        "##- Please write your answer above this line -##\n\n"
        "INC-1042 · Service Desk · new · owner: nobody · requester: jane@acme.example\n\n"
        "New, from Jane Doe <jane@acme.example> (sender verified):\n\n"
        "It is on fire.\n  Really <b>on fire</b>.\n\n"
        "-- \n"
        "Write above the line, and your words go to jane@acme.example.\n"
        "With #note as the first line they stay inside.\n"
    )


@pytest.mark.parametrize("told", [NOTICE, CONFIRM, PREVIEW], ids=lambda told: told.event)
@pytest.mark.parametrize("code", ["en", "de", "es", "fr", "it", "nl", "pl", "pt"])
def test_what_staff_write_above_the_delimiter_is_cut_from_the_rest(told: Announcement, code: str) -> None:
    queues = {"Service Desk": replace(POLICY.queues["Service Desk"], language=code)}
    quoted = "".join(f"> {line}\n" for line in text(one(told, Pen(replace(POLICY, queues=queues), None))).split("\n"))
    introduction = "On Wed, 25 Feb 2026 at 07:13, Jane Doe via Example Service Desk <help@desk.example> wrote:"
    answer = f"Restarted it.\n\n{introduction}\n{quoted}"
    found = split(answer, "", "Re: INC-1042 Printer on floor 3", True)
    assert found.reply == "Restarted it."
    assert found.certain


def test_notice_without_a_requester_does_not_say_that_words_go_to_him() -> None:
    letter = text(one(replace(NOTICE, ticket=replace(TICKET, requester=None))))
    assert "your words go to" not in letter
    assert "requester: nobody" in letter


@pytest.mark.parametrize(
    ("why", "details", "said"),
    [
        ("reply", {}, "Reply from Jane Doe <jane@acme.example> (sender verified):"),
        ("note", {}, "Internal note by Jane Doe"),
        ("unverified", {}, "in the name of Jane Doe"),
        ("owner", {"was": "", "became": "agent@desk.example"}, "gave this ticket to First Agent."),
        ("queue", {"was": "Service Desk", "became": "Hardware"}, "from Service Desk to Hardware."),
        ("unowned", {}, "Nobody owns this ticket any more. Changed by Jane Doe"),
        ("reopening", {}, "This ticket was closed, and is open again."),
        (
            "linked",
            {"linked": "INC-1041", "because": "no_participant"},
            "of its own beside INC-1041: its sender takes no part in that one.",
        ),
        ("closed", {"was": "open", "became": "closed"}, "closed this ticket."),
        ("reopened", {"was": "closed", "became": "open"}, "opened this ticket again."),
        ("bounced", {"recipient": "jane@acme.example", "status": "5.1.1"}, "could not be delivered (5.1.1)."),
        ("bounced", {"recipient": "jane@acme.example", "status": ""}, "could not be delivered."),
    ],
)
def test_notice_says_why_it_came(why: str, details: dict[str, str], said: str) -> None:
    assert said in text(one(replace(NOTICE, why=why, details=tuple(details.items()))))


@pytest.mark.parametrize(
    ("trust", "said"),
    [("flagged", "(sender check failed, perhaps forged;"), ("known_flagged", "(sender check failed, perhaps forged,")],
)
def test_notice_says_that_the_check_of_the_sender_failed(trust: str, said: str) -> None:
    assert said in text(one(replace(NOTICE, trust=trust)))
    assert said not in text(one(NOTICE))


@pytest.mark.parametrize("told", [NOTICE, CONFIRM, PREVIEW], ids=lambda told: told.event)
def test_staff_see_everybody_who_will_read_their_words(told: Announcement) -> None:
    ticket = replace(TICKET, participants=("jane@acme.example", "carl@acme.example", "agent@desk.example"))
    for form in ("plain", "html"):
        letter = text(one(replace(told, ticket=ticket)), form)
        assert "jane@acme.example, carl@acme.example" in letter
        assert "jane@acme.example, carl@acme.example, agent" not in letter


def test_what_was_written_above_a_forwarded_mail_is_not_a_signature() -> None:
    letter = one(replace(NOTICE, details=(("own", "Please take it.\nSoon."),)))
    words = text(letter).partition("Written above it by whoever forwarded it; this stays inside:\n\n")[2]
    assert words.startswith("Please take it.\nSoon.\n\n")
    assert "Please take it.<br>" in text(letter, "html")
    assert "Written above" not in text(one(NOTICE))


def test_subject_of_what_is_no_mail_of_a_conversation_says_so() -> None:
    alarm = replace(NOTICE, event="alarm", why="breaker")
    assert parsed(one(alarm))["Subject"] == "Alarm: INC-1042 Printer on floor 3"
    assert parsed(one(replace(NOTICE, why="bounced")))["Subject"] == "Not delivered: INC-1042 Printer on floor 3"
    assert parsed(one(replace(NOTICE, why="refused")))["Subject"] == "INC-1042 Printer on floor 3"


@pytest.mark.parametrize("code", ["en", "de", "es", "fr", "it", "nl", "pl", "pt"])
def test_closing_letter_promises_what_the_queue_does(code: str) -> None:
    def letter(reply: str, after: float) -> str:
        queue = replace(POLICY.queues["Service Desk"], closed_reply=reply, closed_reply_after=after)  # type: ignore[arg-type]
        ticket = replace(CLOSED.ticket, language=code, closed=TIME)
        return text(one(replace(CLOSED, ticket=ticket), Pen(replace(POLICY, queues={"Service Desk": queue}), None)))

    days = 30 * 86400.0
    said = {(r, a): letter(r, a) for r in ("reopen", "link", "refuse") for a in (0.0, days)}
    assert said["reopen", 0.0] == said["reopen", days]
    assert len(set(said.values())) == 5
    until = "2026-03-27 07:13 CET"
    assert {key for key, words in said.items() if until in words} == {("link", days), ("refuse", days)}


@pytest.mark.parametrize("trust", ["authenticated", "confirmed", "known_thread", "unverified", "failed"])
def test_notice_says_how_sure_it_is_who_wrote(trust: str) -> None:
    others = {text(one(replace(NOTICE, trust=t))) for t in ("authenticated", "unverified", None) if t != trust}
    assert text(one(replace(NOTICE, trust=trust))) not in others


def test_long_words_are_cut_in_a_notice_and_it_says_so() -> None:
    cut = "The rest of these words is in the ticket."
    words = "x" * LONGEST_WORDS
    assert cut not in text(one(replace(NOTICE, words=words)))
    long = text(one(replace(NOTICE, words=words + "canary")))
    assert cut in long
    assert "canary" not in long


def test_a_preview_is_never_cut() -> None:
    words = "x" * (LONGEST_WORDS + 1)
    assert words in text(one(replace(PREVIEW, words=words)))


def test_a_notice_of_a_bounce_says_where_the_report_is_not_verified() -> None:
    came = replace(NOTICE, why="bounced", details=(("recipient", "jane@acme.example"), ("status", "5.1.1")))
    doubted = replace(came, details=(*came.details, ("doubted", "yes")))
    assert "could not be delivered (5.1.1) (this report is not verified). The report says:" in text(one(doubted))
    assert "not verified). The report" not in text(one(came))


def test_a_preview_says_which_command_there_is_not() -> None:
    words = text(one(replace(PREVIEW, why="command", details=(("typed", "#close"),))))
    assert "There is no command #close; known are #note, and #send and #unassign" in words
    assert "answer this mail with #send" in words
    assert "Please restart it." in words


def test_a_preview_says_that_a_command_stands_below_the_first_line() -> None:
    words = text(one(replace(PREVIEW, why="late", details=(("typed", "#note"),))))
    assert "A command counts only as the first line, and #note stands elsewhere" in words
    assert "There is no command" not in words


@pytest.mark.parametrize("code", ["en", "de", "es", "fr", "it", "nl", "pl", "pt"])
def test_the_subject_of_a_question_differs_from_the_notices(code: str) -> None:
    pen = Pen(replace(POLICY, queues={"Service Desk": replace(POLICY.queues["Service Desk"], language=code)}), None)
    asked = (CONFIRM, PREVIEW, replace(PREVIEW, why="nothing"), replace(PREVIEW, why="refused"))
    subjects = [str(parsed(one(told, pen))["Subject"]) for told in (NOTICE, *asked)]
    assert len(set(subjects)) == len(subjects)
    assert all(s.endswith("INC-1042 Printer on floor 3") for s in subjects)
    assert ["#send" in s for s in subjects] == [False, True, True, False, False]
    assert parsed(one(replace(PREVIEW, why="below"), pen))["Subject"] == subjects[2]


def test_an_answer_to_a_question_is_found_by_the_token_in_its_subject() -> None:
    subject = parsed(one(PREVIEW, Pen(replace(POLICY, subject_token=True), None)))["Subject"]
    assert tokens.in_subject(f"Re: {subject}")[0] == ("INC-1042",)


def test_a_preview_of_words_below_a_send_says_so() -> None:
    words = text(one(replace(PREVIEW, why="below")))
    assert "Below #send there were more words" in words
    assert "answer this mail with #send" in words
    assert text(one(replace(CONFIRM, why="below"))) != text(one(CONFIRM))


def test_a_command_that_was_not_done_is_named() -> None:
    words = text(one(replace(PREVIEW, why="refused", words="", details=(("typed", "#unassign"),))))
    assert "The command #unassign was not done" in words
    assert "would be sent" not in words


def test_a_preview_of_nothing_asks_for_words_and_not_for_send() -> None:
    words = text(one(replace(PREVIEW, why="nothing", words="")))
    assert "No new words were found above the line" in words
    assert "#send" not in words
    assert "would be sent" not in words


def test_confirm_and_preview_say_how_to_send_and_until_when() -> None:
    for told in (CONFIRM, PREVIEW):
        words = text(one(told))
        assert "Please restart it." in words
        assert "#send" in words
        assert "2026-03-04 07:13 CET" in words


def test_closing_tells_the_resolution_and_that_an_answer_reopens() -> None:
    words = text(one(CLOSED))
    assert "A new fuse." in words
    assert "take it up again" in words
    assert parsed(one(CLOSED))["Auto-Submitted"] == "auto-generated"


def test_partners_files_go_along_with_a_notice_while_they_are_small() -> None:
    letter = one(replace(NOTICE, attachments=(file(1_500_000),)))
    assert "photo.jpg (1.5 MB)\n" in text(letter)
    assert len(list(parsed(letter).iter_attachments())) == 1  # type: ignore[attr-defined]
    large = one(replace(NOTICE, attachments=(file(MOST_BYTES), file(1))))
    assert "photo.jpg (10.0 MB, not in this mail)\n" in text(large)
    assert parsed(large).get_content_type() == "multipart/alternative"


def test_pictures_of_a_signature_do_not_go_along_and_a_screenshot_does() -> None:
    told = replace(
        NOTICE, attachments=(file(LOGO_BYTES - 1, "logo.png", inline=True), file(LOGO_BYTES, "shot.png", inline=True))
    )
    letter = one(told)
    assert "logo.png" not in text(letter)
    assert "shot.png (10 kB)" in text(letter)


def test_words_are_in_the_language_of_who_reads_them() -> None:
    german = replace(TICKET, language="de-AT")
    assert "bei uns angekommen" in text(one(replace(ACKNOWLEDGEMENT, ticket=german)))
    assert "your answer above" in text(one(replace(NOTICE, ticket=german)))
    hardware = replace(TICKET, queue="Hardware")
    assert "Ihre Antwort über diese Zeile" in text(one(replace(NOTICE, ticket=hardware)))
    assert "We have received" in text(one(replace(ACKNOWLEDGEMENT, ticket=hardware)))


def test_a_language_that_we_have_not_falls_back_to_the_queues() -> None:
    told = replace(ACKNOWLEDGEMENT, ticket=replace(TICKET, language="sv", queue="Hardware"))
    assert "bei uns angekommen" in text(one(told))


# --- articles ------------------------------------------------------------------------------------------------------


def article(article_id: int) -> Article:
    return Article(article_id, 42, None, TIME, AGENT, (), (), "out", "public", "auto_reply", None, None, "s", "", "")


@pytest.mark.parametrize("told", [ACKNOWLEDGEMENT, CLOSED], ids=lambda told: told.event)
def test_the_text_of_what_we_say_stands_in_its_article(told: Announcement) -> None:
    assert told.article_id is not None
    composed = PEN.compose(change(told, articles=(article(7), article(told.article_id))))
    untouched, filled = composed.articles
    assert untouched == article(7)
    assert filled.text == filled.reply == text(composed.letters[0])
    assert filled.message_id == composed.letters[0].message_id


def test_an_answers_article_keeps_what_staff_wrote() -> None:
    composed = PEN.compose(change(ANSWER, articles=(article(9),)))
    assert composed.articles == (article(9),)
