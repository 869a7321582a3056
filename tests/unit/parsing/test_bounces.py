"""Delivery reports, in the standard's form and in others."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing import bounces
from parsing.bounces import Bounce
from parsing.message import Address, ParsedMessage
from parsing.parts import Part

DAEMON = ParsedMessage(
    from_=(Address("Mail Delivery System", "MAILER-DAEMON@mx.example"),),
    to=(Address("", "help@desk.example"),),
    subject="Undelivered Mail Returned to Sender",
    return_path="",
    headers=(("Content-Type", "multipart/report; report-type=delivery-status"),),
)


def each(message: ParsedMessage, parts: Sequence[Part]) -> list[tuple[str, str, str]]:
    """To, action and status of each recipient."""
    found = bounces.read(message, message.fields(), parts)
    return [(one.to, one.action, one.status) for one in found.deliveries] if found else []


def read(message: ParsedMessage, parts: Sequence[Part]) -> Bounce | None:
    """All but what became of each, which `each` tells."""
    found = bounces.read(message, message.fields(), parts)
    return found and replace(found, deliveries=())


PERSON = replace(DAEMON, from_=(Address("Bo", "bo@partner.example"),), return_path="bo@partner.example", headers=())
ADMINISTRATOR = replace(PERSON, from_=(Address("System Administrator", "admin@partner.example"),))
ORIGINAL = Part(
    "3", "message/rfc822", (), "", "", None, b"Subject: x\r\nMessage-ID:\r\n <art-1@desk.example>\r\n\r\nwords", ()
)


def status(*recipients: str) -> Part:
    data = "Reporting-MTA: dns; mx.example\r\n\r\n" + "\r\n\r\n".join(recipients)
    return Part("2", "message/delivery-status", (), "", "", None, data.encode(), ())


def group(address: str, action: str = "failed", code: str = "5.1.1", more: str = "") -> str:
    return f"Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {code}\r\n{more}".rstrip()


def free(text: str, **changes: object) -> Bounce | None:
    return read(replace(DAEMON, headers=(), text=text, **changes), ())  # type: ignore[arg-type]


def test_report_on_addresses_beyond_ascii_is_read_whoever_sends_it():
    wanted = group("x").replace("rfc822; x", r"utf-8; J\x{FC}rgen@m\x{FC}ller.example")
    raw = group("x").replace("rfc822; x", "utf-8; Jürgen@müller.example")
    odd = group("x").replace("rfc822; x", r"utf-8; a\x{0A}\x{D800}\x{110000}@x.example")
    headers = replace(ORIGINAL, content_type="message/global-headers")
    for message in (DAEMON, replace(PERSON, headers=DAEMON.headers)):
        for one in (wanted, raw):
            parts = [replace(status(one), content_type="message/global-delivery-status"), headers]
            assert read(message, parts) == Bounce(("Jürgen@müller.example",), (), ("5.1.1",), "art-1@desk.example")
        found = read(message, [replace(status(odd), content_type="message/global-delivery-status")])
        assert found
        assert found.recipients == (r"a\x{0A}\x{D800}\x{110000}@x.example",)


def test_each_recipient_is_read_with_status_and_the_original_id():
    found = read(DAEMON, [status(group("a@x.example"), group("b@x.example", code="5.2.2")), ORIGINAL])
    assert found == Bounce(("a@x.example", "b@x.example"), (), ("5.1.1", "5.2.2"), "art-1@desk.example")


def test_delayed_recipients_are_temporary_and_failed_ones_are_not():
    found = read(DAEMON, [status(group("a@x.example"), group("b@x.example", "delayed", "4.4.7"))])
    assert found == Bounce(("a@x.example", "b@x.example"), ("b@x.example",), ("5.1.1", "4.4.7"), None)


def test_what_the_other_server_said_of_a_failure_goes_before_a_delay():
    late = group("a@x.example", "delayed", "4.4.7", "Diagnostic-Code: smtp; 451 later\r\n")
    gone = group("b@x.example", more="Diagnostic-Code: smtp; 550 5.1.1\r\n   no such user\r\n")
    assert [found.diagnostic for parts in ((late, gone), (late,), (group("c@x.example"),))
            if (found := read(DAEMON, [status(*parts)]))] == [
        "smtp; 550 5.1.1 no such user", "smtp; 451 later", "",
    ]  # fmt: skip


def test_delivered_and_relayed_recipients_are_no_failures():
    found = read(DAEMON, [status(group("a@x.example", "relayed", "2.0.0"), group("b@x.example"))])
    assert found == Bounce(("b@x.example",), (), ("5.1.1",), None)
    found = read(DAEMON, [status(group("a@x.example", "delivered", "2.0.0"))])
    assert found
    assert found.delivered


def test_original_recipient_is_the_address_that_we_wrote_to():
    more = "Original-Recipient: rfc822;wanted@x.example"
    found = read(DAEMON, [status(group("moved@y.example", more=more))])
    assert found
    assert found.recipients == ("wanted@x.example",)


def test_original_recipient_may_stand_as_it_was_transmitted():
    for stated, address in [("bo+2Bit@x.example", "bo+it@x.example"), ("bo+it@x.example", "bo+it@x.example")]:
        found = read(DAEMON, [status(group("moved@y.example", more=f"Original-Recipient: rfc822;{stated}"))])
        assert found
        assert found.recipients == (address,)


def test_x400_recipient_gives_way_to_the_rfc822_one():
    fields = (
        "Final-Recipient: x400; /CN=bo/\r\nOriginal-Recipient: rfc822; bo@x.example\r\nAction: failed\r\nStatus: 5.0.0"
    )
    found = read(DAEMON, [status(fields)])
    assert found
    assert found.recipients == ("bo@x.example",)


def test_diagnostic_says_more_than_an_empty_status():
    more = "Diagnostic-Code: smtp; 550 5.7.1 refused"
    assert read(DAEMON, [status(group("a@x.example", code="5.0.0", more=more))]).status == ("5.7.1",)  # type: ignore[union-attr]
    assert read(DAEMON, [status(group("a@x.example", code="5.2.2", more=more))]).status == ("5.2.2",)  # type: ignore[union-attr]


def test_original_id_is_read_from_headers_alone_and_from_the_text():
    headers = replace(ORIGINAL, content_type="text/rfc822-headers", data=b"To: a\nMessage-Id: <art-2@desk.example>\n")
    assert read(DAEMON, [status(group("a@x.example")), headers]).original_id == "art-2@desk.example"  # type: ignore[union-attr]
    found = free("<a@x.example>:\nno mailbox\n\n--- Below this line is a copy.\n\nMessage-ID: <art-3@desk.example>\n")
    assert found
    assert found.original_id == "art-3@desk.example"


def test_id_in_the_body_of_the_original_is_not_its_own():
    quoted = replace(ORIGINAL, data=b"Subject: x\n\nMessage-ID: <other@desk.example>\n")
    assert read(DAEMON, [status(group("a@x.example")), quoted]).original_id is None  # type: ignore[union-attr]


def test_report_inside_a_gateways_mail_is_read():
    data = (
        b"From: postmaster@x.example\nContent-Type: multipart/report; boundary=b\n\n--b\n"
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
        b"Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
    )
    found = read(replace(DAEMON, headers=()), [replace(ORIGINAL, data=data)])
    assert found
    assert (found.recipients, found.status) == (("a@x.example",), ("5.1.1",))


FORMS = {
    "qmail": (
        "Hi. This is the qmail-send program.\nI wasn't able to deliver your message.\n\n"
        "<a@x.example>:\nNo such user. (#5.1.1)\n"
    ),
    "exim": (
        "A message that you sent could not be delivered. The following address failed:\n"
        "\n  a@x.example\n    host mx: 550 5.1.1\n"
    ),
    "postfix": (
        "The message returned below could not be delivered.\n\n"
        "<a@x.example>: host mx.x.example said: 550 5.1.1 unknown\n"
    ),
    "sendmail": (
        "   ----- The following addresses had permanent fatal errors -----\n"
        "<a@x.example>\n    (reason: 550 5.1.1 unknown)\n"
    ),
    "exchange": (
        "Your message\n\n  To: a@x.example\n\ndid not reach the following recipient(s):\n"
        "\na@x.example on Thu\n    #5.1.1\n"
    ),
    "x400": "did not reach the following recipient(s):\n\nc=US;p=X;dda:SMTP=a@x.example; on Fri\n    unknown #5.1.1\n",
    "notes": (
        "Your message\n\nwas not delivered to:\n\n  a@x.example\n\nbecause:\n\n"
        "  User not listed in Domino Directory 5.1.1\n"
    ),
    "gmail": (
        "Delivery to the following recipient failed permanently:\n\n     a@x.example\n\n"
        "550 5.1.1 The account does not exist\n"
    ),
    "rcpt": "Sent <<< RCPT TO:<a@x.example>\nReceived >>> 550 5.1.1 unknown user. Not delivered.\n",
    "rcpt without brackets": "Message details:\n  MAIL FROM: b@x.example\n  RCPT TO: a@x.example\n\n550 5.1.1 Failed\n",
    "recipient in Chinese": "抱歉，您的邮件被退回来了\n\n收件人：a@x.example\n\n退信原因：550 5.1.1 undeliverable\n",
    "sentence": "Unable to deliver message to a@x.example, 5.1.1, sorry.\n",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_recipient_and_status_are_read_from_forms_of_their_own(text):
    assert free(text) == Bounce(("a@x.example",), (), ("5.1.1",), None)


def test_failed_recipients_header_decides_before_the_text():
    message = replace(DAEMON, headers=(("X-Failed-Recipients", "b@x.example, c@x.example"),), text=FORMS["exim"])
    assert read(message, ()).recipients == ("b@x.example", "c@x.example")  # type: ignore[union-attr]


def test_addresses_in_the_returned_mail_are_no_recipients():
    text = FORMS["qmail"] + "\n--- Below this line is a copy of the message.\n\n<c@x.example>:\nwords\n"
    assert free(text).recipients == ("a@x.example",)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Delivery Status Notification (Delay)",
            "THIS IS A WARNING MESSAGE ONLY.\nDelivery to this recipient has been delayed:\n\n     a@x.example\n",
        ),
        (
            "Warning: message 1vAbcd-0001 delayed 24 hours",
            "A message that you sent has not yet been delivered to:\n\n  a@x.example\n\nNo action is required.\n",
        ),
        (
            "Warning: could not send message for past 4 hours",
            "** THIS IS A WARNING MESSAGE ONLY **\n  ----- These addresses had transient errors -----\n<a@x.example>\n",
        ),
    ],
)
def test_late_mail_is_temporary(subject, text):
    assert free(text, subject=subject) == Bounce(("a@x.example",), ("a@x.example",), (), None)


def test_gateway_under_any_name_is_known_by_subject_and_words():
    message = replace(PERSON, subject="Mail could not be delivered", text="Unable to deliver message to <a@x.example>")
    assert read(message, ()) == Bounce(("a@x.example",), (), (), None)
    message = replace(ADMINISTRATOR, subject="Undeliverable: Printer", text="Delivery failed: 550 5.1.1 no such user")
    assert read(message, ()) == Bounce((), (), ("5.1.1",), None)
    message = replace(PERSON, subject="Undeliverable: Printer", text="It was rejected.", headers=DAEMON.headers)
    assert read(message, ()) == Bounce((), (), (), None)


@pytest.mark.parametrize(
    "message",
    [
        replace(PERSON, subject="Fwd: Undelivered Mail Returned to Sender", text=FORMS["postfix"]),
        replace(PERSON, subject="Re: Undelivered Mail", text=FORMS["postfix"], in_reply_to=("x@desk.example",)),
        replace(PERSON, subject="Undelivered Mail Returned to Sender", text="Hello,\nthis was not delivered. 5.1.1"),
        replace(PERSON, subject="Delivery failure", text="My mail could not be delivered. Why is that?"),
        replace(PERSON, subject="Invoice", text="Our goods could not be delivered to bo@partner.example"),
        replace(PERSON, subject="Mail system error", text="Outlook says that the mailbox is full."),
        replace(PERSON, subject="Cannot send", text="CRM 5.2.1 says: error sending the offer."),
        replace(PERSON, subject="Zustellung der Monitore fehlgeschlagen", text="Sie konnte nicht zugestellt werden."),
        replace(ADMINISTRATOR, subject="CRM login", text="User unknown error on the login page of CRM."),
        replace(ADMINISTRATOR, subject="Mail could not be delivered", text="User unknown, says the page of CRM."),
        replace(DAEMON, subject="Quota of your mailbox", text="It is at 90 percent.", headers=()),
    ],
)
def test_words_about_a_bounce_are_none(message):
    assert read(message, ()) is None


def test_report_that_a_person_attaches_is_no_bounce():
    message = replace(PERSON, subject="What is this?", headers=(("Content-Type", "multipart/mixed; boundary=b"),))
    assert read(message, [status(group("a@x.example")), ORIGINAL]) is None


@given(st.text(), st.text(), st.binary(), st.sampled_from(["", "bo@x.example", None]))
def test_no_report_raises(subject, text, data, path):
    message = replace(DAEMON, subject=subject, text=text, return_path=path)
    read(message, [replace(ORIGINAL, content_type="message/delivery-status", data=data), replace(ORIGINAL, data=data)])
    read(message, [])


def test_what_became_of_each_recipient_is_told_the_worst_of_it():
    groups = [
        group("a@x.example"),
        group("b@x.example", "delayed", "4.4.7"),
        group("c@x.example", "relayed", "2.0.0"),
        group("B@x.example", "failed", "5.4.7"),
        group("a@x.example", "delivered", "2.0.0"),
    ]
    assert each(DAEMON, [status(*groups)]) == [
        ("a@x.example", "failed", "5.1.1"),
        ("b@x.example", "failed", "5.4.7"),
        ("c@x.example", "relayed", "2.0.0"),
    ]


def test_a_code_of_several_is_nobodys_in_a_report_without_a_form():
    one = "I could not deliver to:\n\n<a@x.example>:\n550 5.1.1 no such user\n"
    message = replace(DAEMON, headers=(), text=one)
    assert each(message, ()) == [("a@x.example", "failed", "5.1.1")]
    message = replace(message, text=one + "\n<b@x.example>:\n552 5.2.2 full\n")
    assert each(message, ()) == [("a@x.example", "failed", ""), ("b@x.example", "failed", "")]
