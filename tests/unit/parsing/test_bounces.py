"""Delivery reports, in the standard's form and in others."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing import bounces, phrases
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
POSTMASTER = replace(PERSON, from_=(Address("Jo", "postmaster@partner.example"),), return_path="jo@partner.example")
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
    "sendmail with its hour": (
        "The original message was received at Fri, 27 Nov 2026 10:00:00 GMT\nfrom desk.example [192.0.2.1]\n\n"
        "   ----- Transcript of session follows -----\n550 5.1.1 <a@x.example>... User unknown\n"
    ),
    "courier": (
        "The original message was received on Fri, 27 Nov 2026 10:00:00 +0000\n\n     UNDELIVERABLE MAIL\n\n"
        "Your message to the following recipients cannot be delivered:\n\n<a@x.example>:\n<<< 550 5.1.1 User unknown.\n"
    ),
    "exim of a provider": 'A message could not be delivered:\n\n"a@x.example":\nreason: 550 5.1.1 no\n',
    "pmdf": "The message could not be delivered to:\n\nAddressee: a@x.example\nReason: 5.1.1\n",
    "mmdf": "    Your message could not be delivered to\n'a@x.example (host: x.example)' for\nreason: 5.1.1\n",
    "zoho": "It has not been delivered:\n[Status: Error, Address: <a@x.example>, ResponseCode 550 5.1.1, , no host]\n",
    "mdaemon": "It had PERMANENT fatal errors.\n\nFailed address: a@x.example\n\n550 5.1.1\n",
    "communigate": "Undeliverable: failed to deliver to 'a@x.example'\nhost says:\n 550 5.1.1 unknown user\n",
    "echo alone": "Your message could not be delivered.\n\n  To: a@x.example\n  Subject: x\n\n550 5.1.1 unknown\n",
    "Exchange Online in Italian": "Impossibile recapitare il messaggio a a@x.example.\n\n550 5.1.1 unknown\n",
    "Gmail in German": "Ihre Nachricht wurde nicht an a@x.example zugestellt.\n\nDie Antwort:\n\n550 5.1.1 No.\n",
    "Gmail in Japanese": "メールは a@x.example に配信されませんでした。\n\n550 5.1.1 No.\n",
}


# How servers say it in the languages that they are set to, with nothing of English beside it.
LANGUAGES = {
    "Unzustellbare Nachricht zurück": "Ihre Nachricht konnte nicht zugestellt werden an:",
    "Benachrichtigung zum Übermittlungsstatus (Fehlgeschlagen)": "Übermittlung an folgende Empfänger fehlgeschlagen.",
    "Non remis : Printer": "Votre message n'a pas pu être remis :",
    "Notification d'état de remise (Échec)": "Échec de la remise aux destinataires suivants.",
    "Notificación del estado de entrega (Error)": "Error en la entrega a los siguientes destinatarios.",
    "Notifica dello stato del recapito (Errore)": "Recapito ai seguenti destinatari non riuscito.",
    "Mensagem não entregue": "A mensagem não foi entregue:",
    "Onbestelbaar: Printer": "Uw bericht kon niet worden afgeleverd:",
    "Niedostarczone: Printer": "Nie można dostarczyć wiadomości:",
    "Nedoručitelné: Printer": "Doručení následujícím příjemcům se nezdařilo:",
    "Kézbesíthetetlen: Printer": "A kézbesítés nem sikerült:",
    "Не удается доставить: Printer": "Не удалось выполнить доставку:",
    "Kan inte levereras: Printer": "Det gick inte att leverera till:",
    "Kan ikke leveres: Printer": "Meddelelsen kunne ikke leveres:",
    "Ei voi toimittaa: Printer": "Toimitus epäonnistui:",
    "Teslim edilemedi: Printer": "Teslim edilemedi:",
    "配信不能: Printer": "次の受信者への配信に失敗しました:",
    "系统退信": "您的邮件未能送达:",
    "無法傳遞: Printer": "無法傳送:",
    "배달되지 않음: Printer": "배달하지 못했습니다.",
    "Δεν είναι δυνατή η παράδοση: Printer": "Η παράδοση απέτυχε:",
    "Nu poate fi livrat: Printer": "Livrarea nu a reușit:",
    "Tidak Dapat Dikirim: Printer": "Pengiriman gagal:",
}


@pytest.mark.parametrize(("subject", "text"), LANGUAGES.items(), ids=LANGUAGES)
def test_report_in_another_language_is_known_by_its_subject_or_by_its_words_alone(subject, text):
    """The address stands within a sentence: on a line of its own it would be enough, whatever the words."""
    message = replace(DAEMON, headers=(), subject="Printer", text="Plugh a@x.example plover.\n")
    assert read(message, ()) is None
    assert read(replace(message, subject=subject), ()) == Bounce(("a@x.example",), (), (), None)
    assert read(replace(message, text=f"{text} a@x.example\n"), ()) == Bounce(("a@x.example",), (), (), None)


@pytest.mark.parametrize("name", ["subjects", "words", "addresses", "delayed", "delivered", "copies"])
def test_no_phrase_stands_twice_or_says_what_a_shorter_one_does(name):
    given = getattr(phrases, f"BOUNCE_{name.upper()}")
    plain = [phrase for phrase in given if not re.search(r"[][\\(){}*+?|^$.]", phrase)]
    assert len(set(given)) == len(given)
    assert [(a, b) for a in plain for b in given if a != b and phrases.finder((b,))(a)] == []


def test_words_of_no_known_language_are_a_report_where_a_servers_address_returns_our_mail():
    ours = replace(ORIGINAL, data=b"From: Desk <help@desk.example>\nMessage-ID: <art-1@desk.example>\n\nwords")
    message = replace(DAEMON, headers=(), subject="Xyzzy", text="Plugh <a@x.example> plover.\n")
    assert read(message, [ours]) == Bounce(("a@x.example",), (), (), "art-1@desk.example")
    theirs = replace(ours, data=ours.data.replace(b"help@desk", b"news@shop"))
    assert read(message, [theirs]) is None
    assert read(replace(message, from_=PERSON.from_), [ours]) is None  # a responder's challenge, with what it answers


def test_mail_of_a_mailer_daemon_is_a_report_where_it_names_an_address_as_reports_do():
    message = replace(DAEMON, headers=(), subject="Xyzzy", text="Plugh:\n\n<a@x.example>\n")
    assert read(message, ()) == Bounce(("a@x.example",), (), (), None)
    assert read(replace(message, text="Plugh a@x.example plover.\n"), ()) is None
    assert read(replace(message, from_=PERSON.from_), ()) is None
    message = replace(message, from_=POSTMASTER.from_)
    assert read(message, ()) == Bounce(("a@x.example",), (), (), None)
    assert read(replace(message, return_path="jo@partner.example"), ()) is None


def test_words_of_a_report_under_the_null_sender_are_one_only_where_they_are_about_a_mail():
    message = replace(DAEMON, headers=(), from_=PERSON.from_, subject="Re: Printer")
    text = "Your message was not delivered. Write to a@x.example.\n"
    assert read(replace(message, text=text), ()) is None  # a responder's
    assert read(replace(message, subject="Printer", text=text), ())
    away = "I am away. In urgent cases write to a@x.example.\n"
    for subject in ("Automatic reply: Mail delivery failed", "Re: Mail delivery failed"):
        assert read(replace(message, subject=subject, text=away), ()) is None
    log = "3 Rejected: 550 5.1.1 User unknown a@x.example\n"
    assert read(replace(message, subject="Logwatch for mx1 (Linux)", text=log), ()) is None


REASONS = {
    "User unknown": "5.1.1",
    "No such user here": "5.1.1",
    "The recipient name is not recognized": "5.1.1",
    "Sorry, no mailbox here by that name.": "5.1.1",
    "Unrouteable address": "5.1.2",
    "x.example: Host not found": "5.1.2",
    "This account has been disabled": "5.2.1",
    "Mailbox is full: retry timeout exceeded": "5.2.2",
    "User is over quota": "5.2.2",
    "554 message too big": "5.3.4",
    "connect to mx.x.example: Connection timed out": "5.4.1",
    "retry timeout exceeded": "5.4.7",
    "mail for x.example loops back to myself": "5.4.6",
    "550 relaying denied": "5.7.1",
    "Usuario desconocido": "5.1.1",
    "Das Postfach ist voll": "5.2.2",
    "host mx.x.example said: 554 no": "5.0.0",
    "host mx.x.example said: 451 no": "4.0.0",
    "User unknown, or mailbox full": "",  # advice
    "It holds 500 of them": "",
}


@pytest.mark.parametrize(("words", "code"), REASONS.items(), ids=REASONS)
def test_status_is_told_by_words_and_by_a_bare_reply_where_no_code_stands(words, code):
    found = free(f"It could not be delivered.\n\n<a@x.example>:\n{words}\n")
    assert found
    assert found.status == ((code,) if code else ())
    if code:
        assert free(f"550 5.7.9 no. It was not delivered to\n\n<a@x.example>:\n{words}\n").status == ("5.7.9",)  # type: ignore[union-attr]


def test_status_is_told_by_the_diagnostic_where_the_field_says_none():
    said = "Final-Recipient: rfc822; a@x.example\r\nAction: failed\r\nDiagnostic-Code: smtp; 550 no such user here"
    assert read(DAEMON, [status(said)]).status == ("5.1.1",)  # type: ignore[union-attr]
    assert read(DAEMON, [status(said.replace("Diag", "Status: 5.0.0\r\nDiag"))]).status == ("5.0.0",)  # type: ignore[union-attr]


def test_recipient_of_a_passing_status_waits_where_no_action_is_told():
    late = "Final-Recipient: rfc822; a@x.example\r\nStatus: 4.4.1"
    assert read(DAEMON, [status(late)]) == Bounce(("a@x.example",), ("a@x.example",), ("4.4.1",), None)
    assert read(DAEMON, [status(late.replace("4.4.1", "5.4.1"))]) == Bounce(("a@x.example",), (), ("5.4.1",), None)


@pytest.mark.parametrize(
    "text",
    [
        "Your message was successfully delivered to the destination(s) below.\n\n<a@x.example>: 250 2.0.0 Ok\n",
        "Your message was delivered to:\n\ta@x.example\n",
        "Ihre Nachricht an a@x.example wurde erfolgreich zugestellt.\n",
    ],
)
def test_report_that_tells_in_words_of_a_success_is_one(text):
    assert free(text, subject="Mail Delivery Report") == Bounce((), (), (), None, delivered=True)
    assert free(text, subject="Your parcel", from_=PERSON.from_) is None
    assert not free(f"{text}\nIt could not be delivered to b@x.example.").delivered  # type: ignore[union-attr]


@pytest.mark.parametrize("intro", ["please repair:", "what is this about", "Kam eben zurück, bitte prüfen", "Voici :"])
@pytest.mark.parametrize("form", ["exim", "gmail", "echo alone", "courier", "exchange"])
def test_report_that_somebody_pastes_below_a_line_of_his_under_its_own_subject_is_none(form, intro):
    message = replace(PERSON, subject="Undelivered Mail Returned to Sender", text=f"{intro}\n\n{FORMS[form]}\nSam")
    assert read(message, ()) is None


def test_report_of_a_gateway_opens_with_what_it_says():
    rule = "*" * 40
    text = f"{rule}\nYour message could not be delivered to:\na@x.example\n{rule}\n"
    message = replace(PERSON, subject="Delivery failure notification", text=text)
    assert read(message, ()) == Bounce(("a@x.example",), (), (), None)
    assert read(replace(message, text=text.replace(":\na", " a")), ()) is None  # as people write it


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_recipient_and_status_are_read_from_forms_of_their_own(text):
    assert free(text) == Bounce(("a@x.example",), (), ("5.1.1",), None)


def test_id_of_the_mail_returned_is_no_recipient():
    text = (
        "This report relates to a message you sent with the following header fields:\n\n"
        "  Message-id: <art-9@desk.example>\n  To: b@x.example\n\nYour message cannot be delivered to:\n\n"
        "  Recipient address: a@x.example\n  Reason: rejected\n  Diagnostic code: smtp;550 5.1.1 unknown\n"
    )
    assert free(text) == Bounce(("a@x.example",), (), ("5.1.1",), "art-9@desk.example")


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
        ("Delivery incomplete", "There was a temporary problem delivering your message to a@x.example.\n"),
        ("Waiting mail", "    Your message to a@x.example is still waiting for delivery.\n"),
        ("Übermittlung verzögert: Printer", "Die Zustellung an folgende Empfänger wurde verzögert:\n\na@x.example\n"),
        ("Message retardé", "Votre message n'a pas pu être remis.\n\n<a@x.example>: y\n"),
    ],
)
def test_late_mail_is_temporary(subject, text):
    assert free(text, subject=subject) == Bounce(("a@x.example",), ("a@x.example",), (), None)


def test_gateway_under_any_name_is_known_by_subject_and_words():
    message = replace(PERSON, subject="Mail could not be delivered", text="Unable to deliver message to\n<a@x.example>")
    assert read(message, ()) == Bounce(("a@x.example",), (), (), None)
    more = "\nPlease do not resend it.\nPlease contact your mail administrator."
    assert read(replace(message, text=message.text + more), ()) == Bounce(("a@x.example",), (), (), None)
    assert read(replace(message, text=f"{message.text}\nPlease create it again."), ()) is None
    assert read(replace(message, text=f"{message.text}\n\nRegards\nBo"), ()) is None
    named = message.text.replace("<a@", '"a@x.example" <a@')
    assert read(replace(message, text=named), ()) == Bounce(("a@x.example",), (), (), None)
    message = replace(ADMINISTRATOR, subject="Undeliverable: Printer", text="Delivery failed: 550 5.1.1 no such user")
    assert read(message, ()) == Bounce((), (), ("5.1.1",), None)
    robot = replace(PERSON, from_=(Address("", "no-reply@gateway.example"),))
    message = replace(robot, subject="Returned mail", text="Could not be delivered to: <a@x.example>")
    assert read(message, ()) == Bounce(("a@x.example",), (), (), None)
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
        replace(
            PERSON, subject="Delivery failure", text="We sent to\n\na@x.example\n\nand it was rejected: 550 5.1.1 no"
        ),
        replace(
            PERSON, subject="Zustellung nicht möglich", text="Unsere Mail konnte nicht zugestellt werden: a@x.example"
        ),
        replace(PERSON, subject="Undelivered Mail", text="Mails come back.\n<a@x.example>: 550 5.1.1. Not delivered."),
        replace(PERSON, subject="mail error", text="when i send to\na@x.example\ni get mailbox full 552 5.2.2"),
        replace(
            POSTMASTER,
            subject="A rejected mail",
            text="Your server rejected it with 550 5.7.1. What is wrong with us?\n",
        ),
        replace(DAEMON, subject="Backup fehlgeschlagen", text="A permanent error.", headers=(), from_=PERSON.from_),
        replace(
            DAEMON, subject="Quarantine", text="3 mails were not delivered to you.", headers=(), from_=PERSON.from_
        ),
        replace(DAEMON, subject="Quota of your mailbox", text="It is at 90 percent.", headers=()),
    ],
)
def test_words_about_a_bounce_are_none(message):
    assert read(message, ()) is None


def gateway(address: str, text: str, subject: str = "Mail of Monday", **changes: object) -> ParsedMessage:
    sender = (Address("", address),)
    return replace(PERSON, from_=sender, return_path=address, subject=subject, text=text, **changes)  # type: ignore[arg-type]


ARRIVED = "Hello, your mail of Monday was delivered to bob@acme.example according to our log, but he cannot open it."
ANSWER = {"in_reply_to": ("1@desk.example",)}
BLOCKED = "we get this from your server since today: 550 5.7.1 blocked."
# What people write who look after a mail system, under its address.
POSTMASTERS = {
    "arrived": gateway("postmaster@acme.example", f"{ARRIVED} Please send it as PDF."),
    "arrived, an answer": gateway("postmaster@acme.example", ARRIVED, "Re: Printer", **ANSWER),
    "arrived, of another address": gateway("mailadmin@acme.example", ARRIVED),
    "arrived, without a salutation": gateway("postmaster@acme.example", ARRIVED[7:].replace("our", "the"), **ANSWER),
    "blocked": gateway("postmaster@acme.example", f"Hello, our users get this: {BLOCKED[12:]} Please unblock us."),
    "blocked, of another address": gateway("mailadmin@acme.example", f"{BLOCKED} Can you unblock us?"),
    "a certificate": gateway(
        "postmaster@acme.example", "our server says 454 4.7.0 TLS not available. Please renew the certificate."
    ),
    "a certificate, under a report's subject": gateway(
        "postmaster@acme.example", "our server says 454 4.7.0 TLS not available. Please renew it.", "Delivery problem"
    ),
    "only a code": gateway("postmaster@acme.example", "Seen today: 550 5.7.1 blocked.", "Your server"),
    "of a bounces@": gateway(
        "bounces@acme.example", "Hi, please look at these. I see 550 5.1.1 for bob@acme.example. Can you help?"
    ),
    "pasted": gateway(
        "postmaster@acme.example", "Please look:\n\n<bob@acme.example>: 550 5.1.1 User unknown", "Undeliverable"
    ),
    "news of somebody": gateway(
        "postmaster@acme.example",
        "Bob has left. Mail to bob@acme.example is undeliverable since then.",
        "Undeliverable",
    ),
    "a mailbox": gateway("mailadmin@acme.example", "The mailbox is full:\nbob@acme.example", "Report"),
    "a path of another mail system's address": replace(
        POSTMASTER, return_path="mailadmin@acme.example", subject="Undeliverable", text=f"Hello, {BLOCKED}"
    ),
    "forwarded": gateway("postmaster@acme.example", FORMS["postfix"], "Fwd: Undelivered Mail"),
    "no path known": replace(
        POSTMASTER, return_path=None, subject="Delivery failure", text=f"Hello, {BLOCKED} It was not delivered."
    ),
}


@pytest.mark.parametrize("message", POSTMASTERS.values(), ids=POSTMASTERS)
def test_a_mail_systems_address_is_a_persons_where_he_shows_himself_or_answers(message):
    assert read(message, ()) is None


def test_address_of_no_person_is_a_systems_whatever_its_path_and_words():
    text = "Your message to bob@acme.example was not delivered. Please check the address: 550 5.1.1 unknown."
    for address in ("MAILER-DAEMON@acme.example", f"MicrosoftExchange{'0a' * 16}@acme.example"):
        assert read(gateway(address, text, "Undeliverable: Printer"), ())
    assert read(gateway("postmaster@acme.example", text, "Undeliverable: Printer"), ()) is None


@pytest.mark.parametrize("address", ["MAILER-DAEMON@acme.example", "postmaster@acme.example", "mailadmin@acme.example"])
def test_a_mail_systems_address_is_a_systems_under_the_null_sender_or_where_nobody_shows_himself(address):
    arrived = gateway(address, "Your mail of Monday was delivered to bob@acme.example.")
    assert read(arrived, ()) == Bounce((), (), (), None, delivered=True)
    assert read(replace(arrived, text=ARRIVED, return_path=""), ()) == Bounce((), (), (), None, delivered=True)
    blocked = gateway(address, "550 5.7.1 blocked.", "Undeliverable")
    assert read(blocked, ()) == Bounce((), (), ("5.7.1",), None)
    blocked = replace(gateway(address, f"Hello, {BLOCKED}"), return_path="")
    assert read(blocked, ()) == Bounce((), (), ("5.7.1",), None)
    unknown = gateway(address, "The mail could not be delivered to\n\nbob@acme.example\n\nUser unknown", "Failed mail")
    assert read(unknown, ()) == Bounce(("bob@acme.example",), (), ("5.1.1",), None)
    for terse in (
        "Invalid final delivery userid: bob@acme.example",
        "undeliverable to bob@acme.example",
        "bob@acme.example - no such user here.",
    ):
        assert read(replace(unknown, text=terse), ()).recipients == ("bob@acme.example",)  # type: ignore[union-attr]


# Machines' news of other things, and how mail systems say the like of a mail.
NEWS = {
    "Virus detected on PC-7": "Virus detected in your message",
    "Backup delayed: disk full": "Mail delayed: disk full",
    "Übermittlung der Lohnsteuer fehlgeschlagen": "Übermittlung verzögert: Lohnsteuer",
    "Zustellung der Monitore fehlgeschlagen": "Zustellung fehlgeschlagen",
    "Delayed: your parcel 123": "Delayed mail",
    "Train retardé": "Message retardé",
    "Delivery delay of the laptops": "Delivery delay",
    "Warning: print queue full for 3 hours": "Warning: message delayed 3 hours",
    "Not members yet": "NOT MEMBER article from a@x.example",
    "Échec de la sauvegarde": "Échec de la remise",
    "Echec de la sauvegarde": "Echec de remise",
    "Levering vertraagd": "Bezorging vertraagd: Printer",
    "Bezorging van de laptops": "Bezorging mislukt: Printer",
    "Pedido devuelto": "Correo devuelto",
    "Não foi possível imprimir": "Não foi possível entregar",
    "Csomag kézbesítése ma": "Kézbesítési hiba",
    "파일 전송 실패": "메일 전송 실패",
    "短信发送失败": "邮件发送失败",
    "Cannot send fax": "Cannot send message within 3 days",
    "Print job blocked by our firewall": "Mail from you blocked by our firewall",
}
PARCEL = "Your parcel could not be delivered. This is an automatic message. Write to"
LINES = (
    "It is so.",
    f"{PARCEL} jane@acme.example.",
    f"{PARCEL}\n\njane@acme.example\n",
    "Ask jane@acme.example about it.",
    "Ask\n\njane@acme.example\n",
    "See: 452 4.3.1 disk full",
)


@pytest.mark.parametrize(("subject", "of_a_mail"), NEWS.items(), ids=NEWS)
def test_news_under_the_null_sender_is_a_report_only_where_it_is_about_a_mail(subject, of_a_mail):
    message = replace(DAEMON, headers=(), from_=PERSON.from_, subject=subject)
    for text in LINES:
        assert read(replace(message, text=text), ()) is None
    message = replace(message, subject=of_a_mail)
    assert read(replace(message, text=LINES[0]), ()) is None
    assert read(replace(message, text="It is so of\n\na@x.example\n"), ())
    assert read(replace(message, text=LINES[0], from_=DAEMON.from_), ())


# What people write, in the words of reports, about mails that came back.
PEOPLE = {
    "zh": ("邮件未送达", "王先生，您的邮件未能送达 bob@b.example，请重新发送到 bob@c.example。谢谢！"),
    "ko": (
        "메일 반송",
        "안녕하세요. 귀하의 메일이 bob@b.example 로 전달되지 않았습니다. 다시 보내 주세요. 550 5.1.1 no",
    ),
    "ja": ("送信エラー", "お世話になっております。あなたの会社の bob@b.example 宛のメールが送信できません。"),
    "cs": ("Mail nedoručen", "Dobrý den, vaše zpráva pro bob@b.example nebyla doručena. Prosím pošlete ji znovu."),
    "sv": ("Ej levererat mail", "Ditt mail till bo@b.example kunde inte levereras. Skicka det till bo2@b.example"),
    "fr": (
        "Mail non délivré",
        "Votre message à bob@b.example n'a pas pu être remis. Pouvez-vous le renvoyer à bob2@b.example",
    ),
    "de": (
        "Mail nicht zustellbar",
        "Ihre Mail an bob@b.example konnte nicht zugestellt werden. Bitte an bob2@b.example senden.",
    ),
    "en": (
        "User unknown",
        'The mail to bob@b.example gets "user unknown". Please create the mailbox again. Kind regards',
    ),
    "a line of a report": (
        "Mail delivery failed",
        "It says Mail delivery failed: returning message to sender. jane@acme.example",
    ),
    "a salutation": ("Ej levererat mail", "Hej Anna!\nDitt mail kunde inte levereras:\nbo@b.example"),
    "a salutation in Czech": ("Mail nedoručen", "Dobrý den,\nvaše zpráva nebyla doručena:\nbob@b.example"),
    "a salutation without blanks": (
        "메일 반송",
        "안녕하세요김입니다\n귀하의 메일이 전달되지 않았습니다:\nbob@b.example",
    ),
    "a closing": ("Mail nedoručen", "Vaše zpráva nebyla doručena:\nbob@b.example\n\nDíky\nJana"),
    "a request": ("Mail nicht zustellbar", "Ihre Mail wurde nicht zugestellt:\nbob@b.example\nBitte erneut senden."),
}


@pytest.mark.parametrize(("subject", "text"), PEOPLE.values(), ids=PEOPLE)
@pytest.mark.parametrize("address", ["jane@acme.example", "it-support@acme.example"])
def test_words_of_a_report_that_a_person_writes_are_none_and_a_mail_systems_are(address, subject, text):
    message = gateway(address, text, subject)
    assert read(message, ()) is None
    assert read(replace(message, return_path=None), ()) is None
    assert read(replace(message, from_=DAEMON.from_, return_path=""), ())


def test_words_of_a_report_under_a_robots_address_are_none_where_somebody_else_is_to_be_answered():
    text = "I get your mail to bob@b.example undeliverable 550 5.1.1 every day. Can you help me?"
    form = gateway("noreply@acme.example", text, "Undeliverable mail", reply_to=(Address("", "jane@acme.example"),))
    assert read(form, ()) is None
    assert read(replace(form, reply_to=form.from_), ())
    assert read(replace(form, reply_to=()), ()) == Bounce(("bob@b.example",), (), ("5.1.1",), None)
    assert read(replace(form, reply_to=(), return_path="", from_=PERSON.from_), ()) is None  # a form's, too


def test_words_of_a_report_about_a_parcel_are_none_under_a_robots_address():
    message = gateway("noreply@acme.example", f"{PARCEL} jane@acme.example.", "Delivery failed: parcel 123")
    assert read(message, ()) is None
    assert read(replace(message, text="Your mail could not be delivered to jane@b.example."), ())


def test_report_that_a_person_attaches_is_no_bounce():
    message = gateway("postmaster@acme.example", "Hello, what is this?", "What is this?")
    assert read(message, [status(group("a@x.example")), ORIGINAL]) is None
    assert read(replace(message, text="See below."), [status(group("a@x.example")), ORIGINAL])
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


@pytest.mark.parametrize(
    "piece", ["deliver", "your message ", "<a@x.example", "\n550 <a@x", "\nsaid: 55", "mailbox a b "]
)
def test_only_the_beginning_of_a_long_report_is_read(piece):
    first = "It could not be delivered.\n\n<a@x.example>:\n550 5.1.1 no\n\n"
    found = free(f"{first}{piece * (200_000 // len(piece))}\n\n<b@x.example>:\n552 5.2.2 full\n")
    assert found == Bounce(("a@x.example",), (), ("5.1.1",), None)


def test_refusal_of_a_sieve_script_names_its_recipient_in_the_disposition_notification():
    said = (
        b"Final-Recipient: rfc822; a@x.example\r\nOriginal-Message-ID: <art-1@desk.example>\r\nDisposition: x; deleted"
    )
    notification = replace(ORIGINAL, content_type="message/disposition-notification", data=said)
    message = replace(DAEMON, headers=(), subject="Automatically rejected mail", text="Your message was rejected: no.")
    assert read(message, [notification]) == Bounce(("a@x.example",), (), (), "art-1@desk.example")
    named = replace(message, text="Your message to <b@x.example> was automatically rejected: no.")
    assert read(named, [notification]) == Bounce(("b@x.example",), (), (), "art-1@desk.example")
