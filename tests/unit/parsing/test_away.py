"""Who says that he is away, with no mark of a responder, and who only writes a sentence with a date."""

from __future__ import annotations

import pytest

from parsing import absence, away
from parsing.read import parse

SAID = [
    "I am on annual leave until 3 December.",
    "I’m off sick until Thursday.\n\nKind regards\nSam Miller",
    "Out until Monday.",
    "Thank you for your email. I am away from my desk this week and have limited access to email.",
    "Bin im Urlaub bis 3.12.",
    "Urlaub bis 3.12.",
    "Vielen Dank für Ihre Nachricht. Ich bin ab dem 3.12. wieder für Sie erreichbar.",
    "Bis 3.12. bin ich nicht im Büro, danach wieder da.",
    "Je suis absente jusqu'au 3 décembre.",
    "Merci pour votre message. Je suis en congés et de retour le 5 janvier.",
    "Estoy de vacaciones hasta el 3 de diciembre.",
    "Gracias por su mensaje. Estoy ausente y vuelvo el martes.",
    "Sono in ferie fino al 3 dicembre.",
    "Grazie per il messaggio. Rientro il 5 gennaio.",
    "Ik ben met vakantie tot 3 december.",
    "Estou de férias até 3 de dezembro.",
    "Jestem na urlopie do 3 grudnia.",
    "Jag är på semester till den 3 december.",
    "Jeg er på ferie til 3. december.",
    "Olen lomalla 3.12. asti.",
    "Jsem na dovolené do 3. prosince.",
    "Я в отпуске до 3 декабря.",
    "Szabadságon vagyok december 3-ig.",
    "Sunt în concediu până pe 3 decembrie.",
    "3 Aralık tarihine kadar izindeyim.",
    "12月3日まで休暇をいただいております。",
    "我目前不在办公室，12月3日回来。",
    "12월 3일까지 휴가입니다.",
    "Do 3. 12. čerpám dovolenou.",
    "Na godišnjem sam odmoru do 3. prosinca.",
    "Do 3. decembra sem na dopustu.",
    "На одмору сам до 3. децембра.",
    "В отпуск съм до 3 декември.",
    "Απουσιάζω μέχρι τις 3 Δεκεμβρίου.",
    "Esu atostogose iki 3 d.",
    "Olen puhkusel kuni 3. detsembrini.",
    "Ég er í fríi til 3. desember.",
    "Sóc de vacances fins al 3 de desembre.",
    "Saya sedang cuti sampai 3 Desember.",
]
NOT_SAID = [
    "Done, please try again.",
    "I will come by until 3 December.",
    "I will be at your office on Monday at 9.",
    "I have set the server to be off until Monday.",
    "The mail server is out until Monday.",
    "I am on my way and will be with you on Monday.",
    "Thank you for your message. I will get back to you on Monday.",
    "Please leave it until Monday.",
    "The old driver no longer works. Please install version 5.",
    "Your old password no longer works; use the new one.",
    "Der Server ist bis Montag nicht erreichbar.",
    "Vielen Dank für Ihre Nachricht. Der Drucker wird am 3.12. repariert.",
    "Ich bin ab Montag wieder im Büro und bringe dann den Toner mit.",
    "Merci pour votre message. Je reviens vers vous lundi.",
    "Le technicien passera lundi.",
    "Volveré a mirar el lunes.",
    "Sono disponibile fino a venerdì.",
    "Ik ben maandag bij u.",
    "Będę u Państwa w poniedziałek.",
    "Do 3. 12. bude tiskárna opravená.",
    "Doći ću do vas u ponedjeljak.",
    "Ще дойда до 3 декември.",
    "Tulen esmaspäeval teie juurde.",
]
# What somebody wants beside his absence, in so few words that only the asking tells.
ASKED = [
    "I am out of the office on Friday, so please close it today",
    "I am away until Monday, can you come on Tuesday",
    "Ich bin am Montag im Urlaub, bitte am Dienstag kommen",
    "Ich bin bis Montag nicht da, könnten Sie am Dienstag kommen",
    "Bin morgen nicht im Büro, ruft mich am Montag an",
    "Je suis en congés lundi, merci de passer mardi",
    "Je suis absent jusqu'à lundi, pouvez-vous passer mardi",
    "Estoy de vacaciones el lunes, por favor venga el martes",
    "Sono in ferie lunedì, per favore passi martedì",
    "Estou de férias na segunda, por favor venha na terça",
    "Ik ben maandag met vakantie, graag dinsdag langskomen",
    "Jestem na urlopie do poniedziałku, proszę przyjść we wtorek",
    "Jsem na dovolené do pondělí, prosím přijďte v úterý",
    "Я в отпуске до понедельника, пожалуйста, приходите во вторник",
    "Jag är på semester till måndag, kom gärna på tisdag",
    "Olen lomalla maanantaihin asti, tulkaa tiistaina",
    "Pazartesiye kadar izindeyim, lütfen salı günü gelin",
    "月曜日まで休暇です。火曜日に来てください。",
    "我星期一不在办公室，请星期二来。",
]
# Requests that responders make.
REFERRED = [
    "I am out of the office until Monday. Please contact bob@partner.example in urgent cases.",
    "Ich bin bis Montag nicht im Büro. Bitte wenden Sie sich in dringenden Fällen an bob@partner.example.",
    "Je suis absent jusqu'au 3 décembre. Merci de contacter bob@partner.example en cas d'urgence.",
    "Estoy fuera de la oficina hasta el lunes. Por favor, contacte con bob@partner.example.",
    "Jestem na urlopie do poniedziałku. W pilnych sprawach proszę o kontakt z bob@partner.example.",
    "12月3日まで休暇をいただいております。ご了承ください。",
]
# More than that somebody is away: what a partner writes so is his words, and staff are asked about theirs.
MORE = [
    "I am on leave until Monday, please call Bob about the printer which is in room 3.",
    "Could you wait? I am on leave until Monday.",
    "I am away on Friday. Please close it.",
    "Ich bin ab Montag im Urlaub, bitte heute reparieren.",
    "The technician is on vacation until 3 December, the colleague from Berlin brings the new printer along instead.",
    "Ich bin im Urlaub bis 3.12., der Drucker steht aber noch immer im Flur vor dem Lager.",
]


def read(subject: str, text: str, header: str = "In-Reply-To: <n@desk.example>\r\n", signature: str = ""):
    return parse(
        f"From: sam@desk.example\r\nTo: help@desk.example\r\nSubject: {subject}\r\n{header}MIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n{signature}".encode()
    )


@pytest.mark.parametrize("text", [*SAID, *REFERRED])
def test_answer_that_says_only_that_its_author_is_away_is_automatic(text):
    found = read("Re: INC-1001 Printer", text)
    assert found.kind == "auto_reply"
    assert found.kind_reason


@pytest.mark.parametrize("text", [*NOT_SAID, *MORE, *ASKED])
def test_answer_that_says_anything_else_is_a_persons(text):
    assert read("Re: INC-1001 Printer", text).kind == "human"


@pytest.mark.parametrize("text", ["I am on leave until Monday, please call Bob about the printer.", *SAID[:3]])
def test_new_mail_about_an_absence_is_a_persons(text):
    assert read("Printer", text, header="").kind == "human"


def test_whoever_quotes_what_he_answers_is_a_person():
    assert read("Re: Printer", "I am on leave until Monday.\n\n> When may we come?\n> The desk").kind == "human"


@pytest.mark.parametrize("text", [*SAID, *MORE])
def test_words_of_an_absence_are_doubted(text):
    assert away.may_say_that(text)


@pytest.mark.parametrize("text", NOT_SAID)
def test_words_of_a_usual_answer_are_not_doubted(text):
    assert not away.may_say_that(text)


@pytest.mark.parametrize(
    "subject",
    [
        "[Auto-Reply] Printer",
        "(Auto-Reply) Printer",
        "[Out of Office] Printer",
        "Automatic reply: Printer",
        "Automatic reply - Printer",
        "Abwesenheitsnotiz: Printer",
        "Automatische Antwort auf: Printer",
        "Réponse automatique : Printer",
        "Respuesta automática: Printer",
        "Auto: Re: Printer",
        "AUTO: Anna Berg is out of the office (returning 12/03/2026)",
        "AUTO: Anna Berg ist nicht da. (Rückkehr am 03.12.2026)",
        "Аутоматски одговор: Printer",
        "Sjálfvirkt svar: Printer",
        "Përgjigje automatike: Printer",
    ],
)
@pytest.mark.parametrize("header", ["", "In-Reply-To: <n@desk.example>\r\n"])
def test_subject_of_an_automatic_answer_needs_no_header(subject, header):
    assert read(subject, "Thank you for your mail.", header).kind == "auto_reply"
    assert absence.begins_as_one(subject)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Automatic reply: Printer", "My e-mail address has changed: sam@other.example"),
        ("Automatische Antwort: Printer", "Meine Adresse hat sich geändert: sam@other.example"),
        ("Réponse automatique : Printer", "Voici ma nouvelle adresse : sam@other.example"),
    ],
)
def test_labelled_answer_that_tells_a_new_address_is_automatic_and_a_persons_word_of_it_is_not(subject, text):
    assert read(subject, text, "").kind == "auto_reply"
    assert read("Re: Printer", text).kind == "human"


def test_subject_of_a_sieve_script_counts_in_an_answer_only():
    words = "I am currently on vacation.\n\nThank you."
    assert read("I'm away from my mail", words).kind == "auto_reply"
    assert read("I'm away from my desk, who helps?", "Could you?", "").kind == "human"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Automatic reply: it does not work", "How do I set it up?"),
        ("[Auto-Reply] does not work", "How do I set it up?"),
        ("Re: Automatic reply: Printer", "Thank you for your mail."),
        ("Automatic door: Printer room", "Thank you for your mail."),
        ("AUTO: spare part for the gearbox (order 77)", "It was ordered on Monday."),
        ("AUTO: Werkstatt (am 03.12.2026)", "Der Wagen kommt am Montag wieder."),
        ("Auto: lease of Anna's car (returning 12/03/2026)", "The lease ends then."),
        ("Urlaub", "Ich hätte gern ein Formular."),
        ("Automatic reply: Printer", "The printer answers by itself, whatever it is sent."),
        ("Holiday: which days", "Please send me the list of days."),
    ],
)
def test_subject_that_only_begins_like_one_is_a_persons(subject, text):
    assert read(subject, text, "").kind == "human"


def test_a_long_text_costs_no_more_than_its_length():
    assert not away.says_only_that("I am on leave until " * 100_000)
    assert not away.may_say_that("on leave and " * 100_000)
