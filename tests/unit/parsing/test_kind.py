"""What kind of mail it is: a case where each mark decides, and one where it does not."""

from dataclasses import replace

import pytest

from parsing.kind import classify
from parsing.message import Address, Calendar, ParsedMessage
from parsing.parts import Part

ANNA = Address("Anna Example", "anna@partner.example")
DESK = Address("", "help@desk.example")
MAIL = ParsedMessage(
    message_id="a@partner.example",
    from_=(ANNA,),
    to=(DESK,),
    subject="Printer",
    text="It is broken.",
    reply="It is broken.",
)


def mail(headers: dict[str, str] | None = None, **changes: object) -> ParsedMessage:
    text = {"reply": changes["text"]} if "text" in changes else {}
    return replace(MAIL, headers=tuple((headers or {}).items()), **{**text, **changes})  # type: ignore[arg-type]


def part(content_type: str, data: bytes = b"", disposition: str = "", **params: str) -> Part:
    return Part("1", content_type, tuple(params.items()), disposition, "", None, data, ())


def kind(message: ParsedMessage, *parts: Part) -> str:
    verdict = classify(message, parts)
    assert verdict.reason.endswith(".")
    return verdict.kind


def test_mail_without_any_mark_is_human():
    assert kind(mail()) == "human"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Auto-Submitted": "auto-replied"}, "auto_reply"),
        ({"Auto-Submitted": "auto-replied (vacation)"}, "auto_reply"),
        ({"X-Autoreply": "yes"}, "auto_reply"),
        ({"Precedence": "auto_reply"}, "auto_reply"),
        ({"X-POST-MessageClass": "9; Autoresponder"}, "auto_reply"),
        ({"X-POST-MessageClass": "9; Note"}, "human"),
        ({"Delivered-To": "Autoresponder"}, "auto_reply"),
        ({"Delivered-To": "help@desk.example"}, "human"),
        ({"X-List-Administrivia": "yes", "Precedence": "bulk"}, "auto_generated"),
        ({"X-List-Administrivia": "no"}, "human"),
        ({"Mailing-List": "contact anna@partner.example; run by ezmlm"}, "auto_generated"),
        ({"Mailing-List": "contact team-help@partner.example; run by ezmlm"}, "human"),
        ({"Auto-Submitted": "auto-generated"}, "auto_generated"),
        ({"Auto-Submitted": "auto-notified; owner-email=x"}, "auto_generated"),
        ({"X-Loop": "desk"}, "auto_generated"),
        ({"List-Id": "<p.lists.example>", "List-Post": "<mailto:p@lists.example>"}, "list"),
        ({"List-Id": "<p.lists.example>", "List-Unsubscribe": "<mailto:p@lists.example>"}, "list"),
        ({"Auto-Submitted": "no"}, "human"),
        ({"Auto-Submitted": " ; x"}, "human"),
        ({"X-Autoreply": "no"}, "human"),
        ({"Precedence": "bulk"}, "human"),
        ({"Precedence": "list", "List-Id": "<help.desk.example>"}, "human"),
        ({"X-Auto-Response-Suppress": "All"}, "human"),
        ({"List-Unsubscribe": "<mailto:x@desk.example>"}, "human"),
        ({"X-Loop": "desk", "List-Id": "<help.desk.example>"}, "human"),
    ],
)
def test_headers_decide_only_where_they_say_so_themselves(headers, expected):
    assert kind(mail(headers)) == expected


def test_bulk_precedence_decides_where_no_client_wrote_the_headers():
    assert kind(mail({"Precedence": "bulk"}, message_id=None)) == "auto_generated"


def test_null_sender_is_automatic_and_any_other_is_not():
    assert kind(mail(return_path="")) == "auto_generated"
    assert kind(mail(return_path="anna@partner.example")) == "human"


def test_no_reply_address_is_automatic_unless_answers_go_elsewhere():
    robot = Address("Shop", "no-reply@shop.example")
    assert kind(mail(from_=(robot,))) == "auto_generated"
    assert kind(mail(from_=(robot,), reply_to=(ANNA,))) == "human"


AWAY = {
    "en": (
        "Automatic reply: Printer",
        "Hi,\n\nI am currently out of the office until 12 May and will reply when I return.",
    ),
    "de": (
        "Abwesenheitsnotiz: Printer",
        "Ich bin bis zum 12. Mai nicht im Büro. In dringenden Fällen wenden Sie sich an Bo.",
    ),
    "fr": (
        "Réponse automatique : Printer",
        "Bonjour,\nje suis absent jusqu'au 12 mai. À mon retour je vous répondrai.",
    ),
    "es": ("Respuesta automática: Printer", "Estoy fuera de la oficina. A mi regreso responderé."),
    "it": ("Risposta automatica: Printer", "Sono fuori ufficio fino al 12 maggio. Al mio rientro risponderò."),
    "pt": ("Resposta automática: Printer", "Estou fora do escritório. No meu regresso respondo."),
    "nl": ("Automatisch antwoord: Printer", "Ik ben afwezig tot 12 mei. Neem contact op met Bo."),
    "da": ("Automatisk svar: Printer", "Hej, jeg er på ferie og er tilbage den 12. maj."),
    "sv": ("Autosvar: Printer", "Hej! Jag är på semester och är tillbaka den 12 maj."),
    "fi": ("Automaattinen vastaus: Printer", "Olen lomalla ja tulen takaisin 12.5."),
    "pl": ("Automatyczna odpowiedź: Printer", "Jestem nieobecny do 12 maja. Po powrocie odpowiem."),
    "cs": ("Automatická odpověď: Printer", "Jsem mimo kancelář, zpět budu 12. května."),
    "hu": ("Automatikus válasz: Printer", "Szabadságon vagyok, május 12-én jövök vissza."),
    "ru": ("Автоматический ответ: Printer", "Здравствуйте! Я в отпуске, вернусь 12 мая."),
    "uk": ("Автоматична відповідь: Printer", "Я у відпустці, повернусь 12 травня."),
    "tr": ("Otomatik yanıt: Printer", "Şu anda ofis dışında bulunuyorum, 12 Mayıs'ta döneceğim."),
    "ro": ("Răspuns automat: Printer", "Sunt plecat până pe 12 mai, revin apoi."),
    "ja": ("自動応答: Printer", "休暇をいただいております。5月12日に連絡いたします。"),
    "zh": ("自动回复: Printer", "您好,我目前不在办公室,5月12日回来。"),
    "zh of Exchange": ("自动答复: Printer", "您好,我目前不在办公室,5月12日回来。"),
    "ko": ("자동 회신: Printer", "휴가 중입니다. 5월 12일에 복귀합니다."),
}


@pytest.mark.parametrize(("subject", "text"), AWAY.values(), ids=AWAY)
def test_out_of_office_without_any_header_is_known_by_subject_or_by_words(subject, text):
    assert kind(mail(subject=subject, text="Gone.", in_reply_to=("x@desk.example",))) == "auto_reply"
    assert kind(mail(subject="Re: Printer", text=text, in_reply_to=("x@desk.example",))) == "auto_reply"


@pytest.mark.parametrize("subject", ["Automatic reply", "Automātiska atbilde", "Resposta automàtica", "自动答复"])
def test_subject_of_a_responder_is_enough_where_nothing_is_asked(subject):
    assert kind(mail(subject=subject, text="Gone.")) == "auto_reply"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Automatic reply", "text": "Hi team, how do I set up an automatic reply in Outlook?"},
        {"subject": "自动回复", "text": "怎么设置？"},
        {"subject": "Automatic reply: it does not work", "text": "How do I set it up?"},
        {
            "subject": "Re: Out of office assistant broken",
            "text": "It still fails.",
            "in_reply_to": ("x@desk.example",),
        },
        {"subject": "Out of office assistant broken", "text": "How do I set it up?"},
        {
            "subject": "Printer",
            "text": "I am out of the office until 12 May, please contact Bo and repair it meanwhile.",
        },
        {
            "subject": "Re: Printer",
            "reply": "I am out of the office today and will be back on Monday.",
            "text": "I am out of the office today and will be back on Monday.\n\n> When may we come?\n> The desk",
            "in_reply_to": ("x@desk.example",),
        },
        {
            "subject": "Re: Printer",
            "text": "Thanks, that works.\n" * 12 + "I am on vacation from tomorrow, please contact Bo.",
            "in_reply_to": ("x@desk.example",),
        },
    ],
)
def test_people_who_write_about_absence_are_human(changes):
    assert kind(mail(**changes)) == "human"


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("noreply-dmarc-support", "auto_generated"),
        ("notifications-noreply", "auto_generated"),
        ("do_not_reply", "auto_generated"),
        ("listserv", "auto_generated"),
        ("team-bounces", "auto_generated"),
        ("team-bounces+anna=partner.example", "auto_generated"),
        ("replyto", "human"),
        ("nora-reply", "human"),
        ("bouncer", "human"),
    ],
)
def test_addresses_under_which_nobody_reads_are_automatic(local, expected):
    assert kind(mail(from_=(Address("Anna", f"{local}@partner.example"),))) == expected


def test_complaint_is_one_though_its_words_are_a_delivery_reports():
    postmaster = Address("", "postmaster@partner.example")
    message = mail(from_=(postmaster,), return_path="", text="It could not be delivered to a@x.example: 550 5.7.1")
    assert kind(message, part("message/feedback-report")) == "abuse_report"
    assert kind(message) == "bounce"


def test_what_tells_of_mails_that_came_back_is_none_of_them():
    text = "Your message could not be delivered:\n\n<a@x.example>: 550 5.1.1 unknown\n"
    assert kind(mail(subject="Mail queue", return_path="", text=text)) == "bounce"
    assert kind(mail(subject="Cron <root@mx1> mailq", return_path="", text=text)) == "auto_generated"
    alarm = "***** Nagios *****\n\nNotification Type: PROBLEM\nHost: mx1\nState: DOWN\nInfo: " + text
    assert kind(mail(subject="** PROBLEM Host Alert: mx1 is DOWN **", return_path="", text=alarm)) == "alert"


def test_reports_on_mails_that_we_sent_are_told_by_their_part():
    report = {"Content-Type": 'multipart/report; report-type="disposition-notification"'}
    assert kind(mail(report), part("text/plain"), part("message/disposition-notification")) == "receipt"
    report = {"Content-Type": "multipart/report; report-type=feedback-report"}
    assert kind(mail(report), part("text/plain"), part("message/feedback-report")) == "abuse_report"


def test_complaint_in_the_form_of_outlook_com_is_an_abuse_report():
    junk = part("message/rfc822", b"X-HmXmrOriginalRecipient: bo@outlook.example\r\nSubject: Offer\r\n\r\nwords")
    subject = "complaint about message from 192.0.2.7"
    assert kind(mail(subject=subject, text=""), junk) == "abuse_report"
    assert kind(mail(subject=subject), junk) == "human"
    assert kind(mail(subject=subject, text=""), part("message/rfc822", b"Subject: Offer\r\n\r\nwords")) == "human"


@pytest.mark.parametrize("form", ["delivery-status", "global-delivery-status"])
def test_delivery_status_makes_a_report_of_anybody_a_bounce(form):
    status = b"Reporting-MTA: dns; x\n\nFinal-Recipient: utf-8; bo@x.example\nAction: failed\nStatus: 5.1.1\n"
    report = {"Content-Type": "multipart/report; report-type=delivery-status"}
    assert kind(mail(report), part(f"message/{form}", status)) == "bounce"
    assert kind(mail({"Content-Type": "multipart/mixed"}), part(f"message/{form}", status)) == "human"


def test_success_report_is_a_receipt_and_no_bounce():
    status = (
        b"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; bo@x.example\nAction: delivered\nStatus: 2.0.0\n"
    )
    report = {"Content-Type": "multipart/report; report-type=delivery-status"}
    told = classify(mail(report), [part("message/delivery-status", status)])
    assert (told.kind, "RFC 3464" in told.reason) == ("receipt", True)
    words = "Your mail was delivered to bo@x.example."
    said = classify(mail(from_=(Address("", "MAILER-DAEMON@mx.example"),), return_path="", text=words), ())
    assert (said.kind, "in words" in said.reason) == ("receipt", True)


@pytest.mark.parametrize(
    ("method", "disposition", "expected"),
    [
        ("REPLY", "", "calendar"),
        ("COUNTER", "inline", "calendar"),
        ("REQUEST", "", "human"),
        ("CANCEL", "", "human"),
        ("REPLY", "attachment", "calendar"),
        ("REQUEST", "attachment", "human"),
    ],
)
def test_only_answers_to_invitations_are_calendar(method, disposition, expected):
    assert kind(mail(), part("text/calendar", disposition=disposition, method=method)) == expected


def test_method_may_stand_in_the_calendar_alone():
    message = mail(calendar=Calendar("REPLY", "1@desk.example", None, "ACCEPTED"))
    assert kind(message, part("text/calendar")) == "calendar"


@pytest.mark.parametrize(
    ("form", "disposition"),
    [("text/calendar", "attachment"), ("application/ics", "attachment"), ("application/ics", "")],
)
def test_attached_answer_counts_only_if_it_is_the_authors_own(form, disposition):
    message = mail(calendar=Calendar("REPLY", "1@desk.example", None, "ACCEPTED"))
    for line, expected in (
        (b'ATTENDEE;CN="A";PARTSTAT=ACCEPTED:MAILTO:Anna@part\r\n ner.example', "calendar"),
        (b"ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@partner.example", "human"),
        (b"ORGANIZER:mailto:anna@partner.example", "human"),
    ):
        assert kind(message, part(form, b"METHOD:REPLY\r\n" + line + b"\r\n", disposition)) == expected
    assert kind(mail(subject="Fwd: Accepted: Meeting"), part(form, disposition="attachment", method="REPLY")) == "human"


def test_what_cron_sends_is_automatic_without_any_header_and_what_is_said_of_it_is_not():
    assert kind(mail(subject="Cron <backup@web1> /usr/local/bin/backup --all")) == "auto_generated"
    assert kind(mail(subject="Re: Cron <backup@web1> /usr/local/bin/backup --all")) == "human"
    assert kind(mail(subject="Cron <job> does not run")) == "human"


def test_reaction_is_known_by_its_part_or_its_only_words():
    assert kind(mail(), part("text/plain"), part("text/vnd.google.email-reaction+json")) == "reaction"
    assert kind(mail(text="Anna Example reacted to your message:")) == "reaction"
    assert kind(mail(text="Liked “Please restart the printer.”")) == "reaction"
    assert kind(mail(text="Bo hat auf Ihre Nachricht reagiert.")) == "reaction"
    assert kind(mail(text="Anna Example reacted to your message:\n\n👍")) == "reaction"


def test_words_about_a_reaction_are_human():
    assert kind(mail(text="Anna reacted to your message: she wants the printer back,\nand so do I.")) == "human"
    assert kind(mail(text="Liked it, thanks.")) == "human"


def test_monitoring_mail_is_an_alert_though_it_is_automatic():
    text = "***** Nagios *****\n\nNotification Type: PROBLEM\nHost: web1\nState: DOWN\n"
    verdict = classify(mail({"Auto-Submitted": "auto-generated"}, subject="** PROBLEM **", text=text), ())
    assert (verdict.kind, verdict.alert and verdict.alert.host) == ("alert", "web1")
