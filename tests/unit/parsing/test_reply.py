"""What is new in a reply, in the quote introductions of the clients and languages that people use."""

import pytest

from parsing.message import Address
from parsing.quotes import unbarred
from parsing.reply import Split, split

DELIMITER = "##- Please write your answer above this line -##"
NEW = "Thanks, that works now.\nPlease close it."
OLD = "Hello,\ndid you restart it?\nThe help desk"
QUOTED = "\n".join(f"> {line}" for line in OLD.split("\n"))
ON = "On Tue, Mar 10, 2026 at 9:00 AM Help Desk <help@desk.example> wrote:"

INTRODUCTIONS = {
    "en gmail": ON,
    "en apple": "On 10 Mar 2026, at 09:00, Help Desk <help@desk.example> wrote:",
    "en thunderbird": "On 10/03/2026 09:00, Help Desk wrote:",
    "en yahoo": "On Tuesday, March 10, 2026 at 09:00:12 AM GMT+1, Help Desk <help@desk.example> wrote:",
    "en proton": "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn 10 March 2026, 9:00, Desk <help@desk.example> wrote:",
    "en zoho": "---- On Tue, 10 Mar 2026 09:00:00 +0100 Help Desk <help@desk.example> wrote ----",
    "en notes": '-----"Help Desk" <help@desk.example> wrote: -----\nTo: anna@partner.example\nDate: 03/10/2026 09:00AM',
    "de gmail": "Am Di., 10. März 2026 um 09:00 Uhr schrieb Help Desk <help@desk.example>:",
    "de gmail new": "Help Desk <help@desk.example> schrieb am Di., 10.\nMärz 2026 um 09:00 Uhr:",
    "de apple": "Am 10.03.2026 um 09:00 schrieb Help Desk <help@desk.example>:",
    "de thunderbird": "Am 10.03.26 um 09:00 schrieb Help Desk:",
    "fr gmail": "Le mar. 10 mars 2026 à 09:00, Help Desk <help@desk.example> a écrit :",
    "fr thunderbird": "Le 10/03/2026 à 09:00, Help Desk a écrit :",
    "es gmail": "El mar, 10 mar 2026 a las 9:00, Help Desk (<help@desk.example>) escribió:",
    "pt gmail": "Em ter., 10 de mar. de 2026 às 09:00, Help Desk <help@desk.example>\nescreveu:",
    "pt gmail pt": "Help Desk <help@desk.example> escreveu no dia terça, 10/03/2026 à(s)\n09:00:",
    "it gmail": "Il giorno mar 10 mar 2026 alle ore 09:00 Help Desk <help@desk.example> ha scritto:",
    "nl gmail": "Op di 10 mrt 2026 om 09:00 schreef Help Desk <help@desk.example>:",
    "nl apple": "Op 10 mrt. 2026 om 09:00 heeft Help Desk <help@desk.example> het volgende geschreven:",
    "da gmail": "Den tirs. 10. mar. 2026 kl. 09.00 skrev Help Desk <help@desk.example>:",
    "sv gmail": "Den tis 10 mars 2026 kl 09:00 skrev Help Desk <help@desk.example>:",
    "nb gmail": "tir. 10. mar. 2026 kl. 09:00 skrev Help Desk <help@desk.example>:",
    "fi gmail": "ti 10. maalisk. 2026 klo 9.00 Help Desk (help@desk.example) kirjoitti:",
    "pl gmail": "wt., 10 mar 2026 o 09:00 Help Desk <help@desk.example> napisał(a):",
    "pl apple": "Wiadomość napisana przez Help Desk <help@desk.example> w dniu 10.03.2026, o godz. 09:00:",
    "cs gmail": "út 10. 3. 2026 v 9:00 odesílatel Help Desk <help@desk.example> napsal:",
    "sk gmail": "ut 10. 3. 2026 o 9:00 Help Desk <help@desk.example> napísal(a):",
    "hu gmail": "Help Desk <help@desk.example> ezt írta (időpont: 2026. márc. 10., K, 9:00):",
    "ro gmail": "În mar., 10 mar. 2026 la 09:00, Help Desk <help@desk.example> a scris:",
    "bg gmail": "На вт, 10.03.2026 г. в 9:00 Help Desk <help@desk.example> написа:",
    "ru gmail": "вт, 10 мар. 2026 г. в 09:00, Help Desk <help@desk.example>:",
    "ru thunderbird": "10.03.2026 9:00, Help Desk пишет:",
    "uk gmail": "вт, 10 бер. 2026 р. о 09:00 Help Desk <help@desk.example> пише:",
    "tr gmail": "Help Desk <help@desk.example>, 10 Mar 2026 Sal, 09:00 tarihinde şunu yazdı:",
    "el gmail": "Στις Τρί 10 Μαρ 2026 στις 9:00 π.μ., ο/η Help Desk <help@desk.example> έγραψε:",
    "hr gmail": "uto, 10. ožu 2026. u 09:00 Help Desk <help@desk.example> napisao je:",
    "lt gmail": "2026-03-10, an, 09:00 Help Desk <help@desk.example> rašė:",
    "lv gmail": "otrd., 2026. g. 10. marts, plkst. 09:00 — lietotājs Help Desk (<help@desk.example>) rakstīja:",
    "et gmail": "Kuupäev T, 10. märts 2026 kell 09:00 kirjutas Help Desk <help@desk.example>:",
    "ca gmail": "El dt., 10 de març 2026, 9:00, Help Desk <help@desk.example> va escriure:",
    "vi gmail": "Vào Th 3, 10 thg 3, 2026 vào lúc 09:00 Help Desk <help@desk.example> đã viết:",
    "id gmail": "Pada tanggal Sel, 10 Mar 2026 pukul 09.00 Help Desk <help@desk.example> menulis:",
    "th gmail": "ในวันที่ อ. 10 มี.ค. 2026 เวลา 09:00 Help Desk <help@desk.example> เขียนว่า:",
    "he gmail": "\u202bבתאריך 10 במרץ 2026 ב-9:00 \u202aDesk\u202c\u200f <\u202ahelp@desk.example\u202c\u200f>:\u202c",
    "ar gmail": "في الثلاثاء، 10 مارس 2026 في 9:00 ص تمت كتابة ما يلي بواسطة Help Desk <help@desk.example>:",
    "ja gmail": "2026年3月10日(火) 9:00 Help Desk <help@desk.example>:",
    "ja apple": "2026/03/10 9:00、Help Desk <help@desk.example>のメール:",
    "zh gmail": "Help Desk <help@desk.example> 于2026年3月10日周二 09:00写道：",
    "zh apple": "在 2026年3月10日，上午9:00，Help Desk <help@desk.example> 写道：",
    "sr gmail": "уто, 10. мар 2026. у 9:00 Help Desk <help@desk.example> је написао/ла:",
    "zh 163": 'At 2026-03-10 09:00:00, "Help Desk" <help@desk.example> wrote:',
    "ko gmail": "2026년 3월 10일 (화) 오전 9:00, Help Desk <help@desk.example>님이 작성:",
}
LABELS = {
    "en": "From: Sent: To: Subject:",
    "de": "Von: Gesendet: An: Betreff:",
    "fr": "De : Envoyé : À : Objet :",
    "es": "De: Enviado: Para: Asunto:",
    "pt": "De: Enviada em: Para: Assunto:",
    "it": "Da: Inviato: A: Oggetto:",
    "nl": "Van: Verzonden: Aan: Onderwerp:",
    "da": "Fra: Sendt: Til: Emne:",
    "sv": "Från: Skickat: Till: Ämne:",
    "fi": "Lähettäjä: Lähetetty: Vastaanottaja: Aihe:",
    "pl": "Od: Wysłano: Do: Temat:",
    "cs": "Od: Odesláno: Komu: Předmět:",
    "sk": "Od: Odoslané: Komu: Predmet:",
    "hu": "Feladó: Elküldve: Címzett: Tárgy:",
    "ro": "De la: Trimis: Către: Subiect:",
    "bg": "От: Изпратено: До: Относно:",
    "ru": "От: Отправлено: Кому: Тема:",
    "uk": "Від: Надіслано: Кому: Тема:",
    "tr": "Kimden: Gönderildi: Kime: Konu:",
    "el": "Από: Στάλθηκε: Προς: Θέμα:",
    "lt": "Nuo: Išsiųsta: Kam: Tema:",
    "et": "Saatja: Saadetud: Adressaat: Teema:",
    "sr": "Од: Послато: За: Наслов:",
    "zh": "发件人: 发送时间: 收件人: 主题:",
    "zh-tw": "寄件者: 寄件日期: 收件者: 主旨:",
    "ja": "差出人: 送信日時: 宛先: 件名:",
    "ko": "보낸 사람: 보낸 날짜: 받는 사람: 제목:",
    "he": "מאת: נשלח: אל: נושא:",
    "ar": "من: تم الإرسال: إلى: الموضوع:",
    "vi": "Từ: Đã gửi: Đến: Chủ đề:",
    "id": "Dari: Dikirim: Kepada: Subjek:",
    "th": "จาก: ส่งเมื่อ: ถึง: เรื่อง:",
}


def of_reply(text: str, html: str = "", subject: str = "Re: Printer") -> Split:
    return split(text, html, subject, True)


def header_block(labels: str, bold: str = "") -> str:
    values = (
        "Help Desk <help@desk.example>",
        "10 March 2026 09:00",
        "Anna Example <anna@partner.example>",
        "RE: Printer",
    )
    names = [name.strip() + ":" for name in labels.rstrip(":").split(":")]
    return "\n".join(f"{bold}{name}{bold} {value}" for name, value in zip(names, values, strict=True))


@pytest.mark.parametrize("introduction", INTRODUCTIONS.values(), ids=INTRODUCTIONS)
@pytest.mark.parametrize("old", [QUOTED, OLD], ids=["quoted", "plain"])
def test_words_above_an_introduction_are_the_reply(introduction, old):
    assert of_reply(f"{NEW}\n\n{introduction}\n\n{old}\n") == Split(NEW, True, "", None)


@pytest.mark.parametrize("introduction", INTRODUCTIONS.values(), ids=INTRODUCTIONS)
def test_introduction_wrapped_at_its_address_is_cut_whole(introduction):
    wrapped = introduction.replace(" <help@", " <\nhelp@", 1)
    assert of_reply(f"{NEW}\n\n{wrapped}\n\n{QUOTED}\n").reply == NEW


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("rule", ["", "________________________________\n", "-----Original Message-----\n"])
@pytest.mark.parametrize("bold", ["", "*"])
def test_words_above_a_header_block_are_the_reply(labels, rule, bold):
    assert of_reply(f"{NEW}\n\n{rule}{header_block(labels, bold)}\n\n{OLD}\n") == Split(NEW, True, "", None)


def test_reply_on_the_line_of_the_introduction_is_kept():
    assert of_reply(f"Yes, do. {ON}\n{QUOTED}").reply == "Yes, do."


@pytest.mark.parametrize(
    "introduction",
    [
        "* Help Desk <help@desk.example> [2026-03-10 09:00:12 +0100]:",
        "Missatge de Help Desk <help@desk.example> del dia dt., 10 de març 2026 a les 9:00:",
        "Help Desk wrote:",
        "Zitat von Help Desk <help@desk.example>:",
        "Der Tisch schrieb:",
    ],
)
def test_introduction_that_does_not_begin_with_a_date_is_known_by_the_quote_under_it(introduction):
    assert of_reply(f"{NEW}\n\n{introduction}\n{QUOTED}") == Split(NEW, True, "", None)


def test_header_block_with_values_below_its_labels_is_cut():
    block = "From:\nHelp Desk <help@desk.example>\nSent:\n10 March 2026 09:00\nTo:\nAnna\nSubject:\nRE: Printer"
    assert of_reply(f"{NEW}\n\n{block}\n\n{OLD}") == Split(NEW, True, "", None)


def test_header_block_with_folded_addresses_is_cut():
    block = "From: Help Desk\n<help@desk.example>\nDate: Tuesday\nTo: Anna\n<anna@partner.example>\nSubject: x"
    assert of_reply(f"{NEW}\n\n{block}\n\n{OLD}") == Split(NEW, True, "", None)


def test_quote_without_introduction_is_left_out():
    assert of_reply(f"{NEW}\n\n{QUOTED}") == Split(NEW, True, "", None)


def test_answer_below_the_quote_is_certain():
    assert of_reply(f"{ON}\n{QUOTED}\n\n{NEW}\n") == Split(NEW, True, "", None)


def test_answers_between_quotes_are_kept_and_not_certain():
    found = of_reply(f"{ON}\n> Did it work?\n\nYes.\n\n> And the other?\n\nNo.\n")
    assert (found.reply.split(), found.certain) == (["Yes.", "No."], False)


def test_quoted_line_that_a_client_wrapped_is_no_answer():
    long = "> " + "word " * 14 + "and then it was"
    assert of_reply(f"{NEW}\n\n{ON}\n{long}\nwrapped by somebody\n> end\n") == Split(NEW, True, "", None)


def test_reply_without_any_quote_is_certain():
    assert of_reply(NEW) == Split(NEW, True, "", None)


def test_sentences_that_only_begin_like_an_introduction_stay():
    text = "On your machine you can run:\n\n    mailgate check\n\nOn the other hand, in 2026 that ends.\nHe wrote:\nyes"
    assert of_reply(text).reply == text


def test_form_with_from_and_to_is_no_header_block_and_not_certain():
    text = "Here is my trip:\n\nFrom: Berlin\nTo: Paris\nDate: 3 May 2026\n\nIs that fine?"
    assert (of_reply(text).reply, of_reply(text).certain) == (text, False)


@pytest.mark.parametrize(
    "trace",
    [
        "Blabla Help Desk <help@desk.example> bli 10.03.2026 09:00:",
        "Xa: Help Desk <help@desk.example>\nXb: 10.03.2026 09:00\nXc: Anna",
        "________________________________",
    ],
)
def test_traces_of_a_quote_in_an_unknown_language_are_not_certain(trace):
    assert not of_reply(f"{NEW}\n\n{trace}\n\n{OLD}").certain


@pytest.mark.parametrize(
    "text",
    [
        "As we wrote on 10.03.2026:\n\nthe printer is repaired.",
        "Your ticket is:\n\nSubject: Printer\nDate: 10.03.2026\nFrom: Anna <anna@partner.example>\n\nIs that right?",
        "Done.\n\n| Help Desk:\n| words",
        "Done.\n\n===== Xyz =====\nwords",
    ],
)
def test_cut_that_a_persons_own_words_may_have_caused_is_not_certain(text):
    assert not of_reply(text).certain


def test_sentence_that_ends_over_words_about_writing_is_not_cut():
    text = "I did it.\n\n1. On 10 March 2026 at 9:00 we restarted it.\n2. Then he wrote:\nfine"
    assert of_reply(text).reply == text


def test_separator_with_unknown_words_goes_with_the_header_block_under_it():
    text = f"{NEW}\n\n----- Ursprünglicher Termin -----\n{header_block(LABELS['de'])}\n\n{OLD}"
    assert of_reply(text) == Split(NEW, True, "", None)


def test_empty_reply_is_not_certain():
    assert of_reply(f"{ON}\n{QUOTED}") == Split("", False, "", None)


def test_prompts_and_arrows_are_no_quotes():
    text = "I type\n>>> import this\nand see nothing"
    assert of_reply(text).reply == text


class TestOurDelimiter:
    def test_everything_from_it_on_is_left_out(self):
        assert of_reply(f"{NEW}\n\n{ON}\n\n> {DELIMITER}\n>\n> secret\n\nbelow") == Split(NEW, True, "", None)

    @pytest.mark.parametrize(
        "line",
        [
            DELIMITER,
            f"> > {DELIMITER}",
            "##- Bitte antworten Sie oberhalb dieser Zeile -##",
            "##– この行より上に書いてください –##",
            "> ##- Please write your answer\n> above this line -##",
        ],
    )
    def test_it_is_known_quoted_translated_and_wrapped(self, line):
        found = of_reply(f"{NEW}\n\n{header_block(LABELS['en'])}\n\n{line}\nsecret")
        assert found == Split(NEW, True, "", None)

    def test_header_in_an_unknown_language_over_it_is_not_certain(self):
        found = of_reply(f"{NEW}\n\nXyz abc:\n\n> {DELIMITER}\n> secret")
        assert not found.certain
        assert "secret" not in found.reply

    def test_it_cuts_in_a_forwarded_mail_too(self):
        assert "secret" not in of_reply(f"{NEW}\n{DELIMITER}\nsecret", subject="Fwd: Printer").reply

    def test_another_desk_writes_below_its_own(self):
        found = of_reply("##- Please type your reply above this line -##\n\nWe have mended it.\n\nRegards,\nBob")
        assert (found.reply, found.certain) == ("We have mended it.", False)

    @pytest.mark.parametrize("ours", [DELIMITER, "##- Bitte schreiben Sie Ihre Antwort über diese Zeile -##"])
    def test_nothing_below_ours_is_new_even_where_it_stands_first(self, ours):
        assert "secret" not in of_reply(f"{ours}\n\nsecret").reply

    def test_hashes_alone_are_no_delimiter(self):
        assert of_reply("## Heading ##\nwords").reply == "## Heading ##\nwords"


class TestHtml:
    def test_quote_in_an_unknown_language_is_cut_where_gmail_marks_it(self):
        html = (
            "<div>Thanks, that works now.<br>Please close it.</div><br><div class='gmail_quote'>"
            "<div>Xx yy Help Desk zz:</div><blockquote>Hello,<br>did you restart it?<br>The desk</blockquote></div>"
        )
        assert of_reply(f"{NEW}\n\nXx yy Help Desk zz:\n\n{OLD}", html) == Split(NEW, True, "", None)

    def test_quote_without_header_is_cut_where_outlook_marks_it(self):
        html = '<p>Thanks, that works now.<br>Please close it.</p><div id="appendonsend"></div><p>Hello,<br>did</p>'
        assert of_reply(f"{NEW}\n\n{OLD}", html).reply == NEW

    def test_mark_that_is_not_found_in_the_text_is_not_certain(self):
        assert not of_reply(NEW, '<div class="gmail_quote">nothing of this is in the text</div>').certain

    def test_signature_is_taken_where_gmail_marks_it(self):
        html = (
            '<div>Thanks, that works now.<br>Please close it.</div><div class="gmail_signature">Anna from Example</div>'
        )
        assert of_reply(f"{NEW}\n\nAnna from Example", html) == Split(NEW, True, "Anna from Example", None)

    def test_place_is_found_though_the_text_has_the_address_of_a_link(self):
        html = (
            f'<div>{NEW}</div><div class="gmail_signature">Anna from <a href="https://partner.example">us</a> all</div>'
        )
        found = of_reply(f"{NEW}\n\nAnna from us <https://partner.example> all", html)
        assert (found.reply, found.signature) == (NEW, "Anna from us <https://partner.example> all")

    def test_signature_that_is_quoted_takes_nothing_from_the_reply(self):
        html = (
            f"<div>{NEW}</div><div class='gmail_quote'>words<div class='gmail_signature'>Please close it.</div></div>"
        )
        assert of_reply(f"{NEW}\n\n{ON}\n{QUOTED}", html).reply == NEW

    def test_words_that_name_a_mark_are_no_mark(self):
        assert of_reply(NEW, "<p>Thanks, that works now.<br>Please close it.</p><p>gmail_quote</p>").certain

    def test_introduction_with_a_day_and_a_month_alone_is_cut_but_not_certain(self):
        assert of_reply(f"{NEW}\n\nOn 05/02, Bob (Desk) wrote:\n\nold words") == Split(NEW, False, "", None)
        assert of_reply(f"{NEW}\n\nOn Feb 5, Bob wrote:\n\nold words") == Split(NEW, False, "", None)
        assert of_reply(f"{NEW}\n\nOn 05/02, Bob (Desk) wrote:\n> old words") == Split(NEW, True, "", None)


class TestForwards:
    ORIGINAL = (
        "From: Bob Vendor <bob@Vendor.example>\nDate: Tue, Mar 10, 2026\nSubject: Offer\nTo: Anna\n\nThe offer.\n\n"
        + (f"{ON}\n> please send")
    )
    BOB = Address("Bob Vendor", "bob@vendor.example")

    @pytest.mark.parametrize("subject", ["Fwd: Offer", "WG: Offer", "Tr: Offer", "RV: Offer", "転送: Offer"])
    @pytest.mark.parametrize("mark", ["---------- Forwarded message ---------\n", "Begin forwarded message:\n\n", ""])
    def test_forwarded_mail_keeps_all_and_names_its_sender(self, subject, mark):
        text = f"Please order.\n\n{mark}{self.ORIGINAL}"
        assert of_reply(text, subject=subject) == Split(text, True, "", self.BOB)

    def test_first_mail_with_a_forward_mark_is_a_forward(self):
        text = f"Please order.\n\n-------- Weitergeleitete Nachricht --------\n{self.ORIGINAL}"
        assert split(text, "", "Our order", False) == Split(text, True, "", self.BOB)

    @pytest.mark.parametrize(
        ("mark", "labels"),
        [
            ("Začátek přeposílané zprávy:", "Od Předmět Datum Komu"),
            ("Započni proslijeđenu poruku:", "Šalje Predmet Datum Prima"),
            ("-------- Proslijeđena poruka --------", "Šalje Naslov Datum Prima"),
            ("Początek przekazywanej wiadomości:", "Od Temat Data Do"),
            ("---------- Wiadomość przesłana dalej ---------", "Od Temat Data Do"),
            ("Începe mesajul redirecționat:", "Expeditorul Subiectul Dată Destinatarul"),
            ("Начало переадресованного сообщения:", "Отправитель Тема Дата Кому"),
            ("İleti başlangıcı:", "Kimden Konu Tarih Kime"),
            ("----- İletilmiş Mesaj -----", "Kimden Konu Tarih Kime"),
            ("Початок листа, що пересилається:", "Від Тема Дата Кому"),
            ("-------- Переслане повідомлення --------", "Від Тема Дата Кому"),
            ("---------- メッセージを転送 ---------", "送信元 件名 日付 送信先"),
        ],
    )
    def test_forward_marks_of_clients_are_known_in_their_languages(self, mark, labels):
        values = ("Bob Vendor <bob@vendor.example>", "Offer", "10.3.2026 09:00", "Anna <anna@partner.example>")
        header = "\n".join(f"{label}: {value}" for label, value in zip(labels.split(), values, strict=True))
        text = f"Please order.\n\n{mark}\n\n{header}\n\nThe offer."
        assert split(text, "", "Our order", False) == Split(text, True, "", self.BOB)

    def test_forward_inside_a_reply_is_cut_but_not_certain(self):
        found = of_reply(f"{NEW}\n\n---------- Forwarded message ----------\n{self.ORIGINAL}")
        assert found == Split(NEW, False, "", self.BOB)

    def test_prefix_that_means_answer_elsewhere_keeps_all_but_is_not_certain(self):
        found = of_reply(f"{NEW}\n\n{self.ORIGINAL}", subject="VS: Offer")
        assert (found.reply, found.certain) == (f"{NEW}\n\n{self.ORIGINAL}", False)

    def test_answer_that_is_nothing_but_a_forward_keeps_it(self):
        text = f"---------- Forwarded message ----------\n{self.ORIGINAL}"
        assert of_reply(text) == Split(text, False, "", self.BOB)

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("From: bob@vendor.example [mailto:bob@vendor.example]", Address("", "bob@vendor.example")),
            ('Von: "Vendor, Bob" <bob@vendor.example>', Address("Vendor, Bob", "bob@vendor.example")),
            ("*From:* Bob Vendor [mailto:bob@vendor.example]", Address("Bob Vendor", "bob@vendor.example")),
            ("From: Bob Vendor", None),
        ],
    )
    def test_sender_is_read_in_the_forms_of_the_clients(self, line, expected):
        text = f"See below\n\n-----Original Message-----\n{line}\nSent: Tuesday 9:00\nTo: Anna\nSubject: Offer\n\nwords"
        assert of_reply(text, subject="FW: Offer").forwarded_from == expected


class TestFirstMails:
    def test_quote_in_a_first_mail_stays(self):
        text = f"Hi,\nmy colleague wrote this:\n\n{ON}\n> broken\n\nPlease help"
        assert split(text, "", "Printer", False) == Split(text, True, "", None)

    def test_quote_that_the_senders_words_lead_to_stays(self):
        text = f"Hi,\nthis is what they wrote:\n\n{ON}\n{QUOTED}"
        assert split(text, "", "Printer", False).reply == text

    def test_clients_quote_at_the_end_makes_an_answer_of_it(self):
        assert split(f"{NEW}\n\n{ON}\n\n{QUOTED}\n", "", "Another subject", False) == Split(NEW, True, "", None)

    def test_closing_and_contact_lines_of_a_first_mail_stay(self):
        text = f"{NEW}\n\nBest regards,\nAnna Example\nTel. +49 30 1234567"
        assert split(text, "", "Printer", False).reply == text

    def test_signature_behind_its_delimiter_is_split_off(self):
        assert split(f"{NEW}\n\n-- \nAnna", "", "Printer", False) == Split(NEW, True, "-- \nAnna", None)

    def test_mail_without_any_subject_is_judged_by_its_words(self):
        assert split(f"{NEW}\n\n{ON}\n{QUOTED}", "", "", False).reply == NEW


def test_line_of_ours_under_a_quoted_introduction_is_a_certain_cut():
    text = f"Done.\n\n> On Feb 25, 2026, at 9:14 AM, Desk <help@desk.example> wrote:\n> \n> {DELIMITER}\n> old"
    assert (split(text, "", "Re: x", True).reply, split(text, "", "Re: x", True).certain) == ("Done.", True)


def test_line_of_ours_under_an_introduction_in_no_known_language_is_not():
    assert not split(f"Done.\n\nXyzzy 25 plugh\n\n> {DELIMITER}\n> old", "", "Re: x", True).certain


def test_lines_of_his_own_with_a_quotes_prefix_make_the_cut_uncertain():
    quote = "\n\nOn Feb 25, 2026, at 9:14 AM, Desk <help@desk.example> wrote:\n> old"
    assert not split(f"It shows\n\n> ready{quote}", "", "Re: x", True).certain
    assert split(f"It shows ready{quote}", "", "Re: x", True).certain


def test_introduction_broken_after_its_date_is_cut_whole():
    text = "Done.\n\nOn Wed, 25 Feb 2026 17:14:11 +0900\nDesk <help@desk.example> wrote:\n\n> old"
    assert split(text, "", "Re: x", True).reply == "Done."


def test_line_with_more_than_a_date_over_an_introduction_stays():
    text = "I called on Wed, 25 Feb 2026 at 17:14 in vain\nDesk <help@desk.example> wrote:\n\n> old"
    assert "I called" in split(text, "", "Re: x", True).reply


def test_short_signature_that_a_client_marks_right_over_the_quote_is_split_off():
    html = '<div>Done.</div><div id="Signature">Anna</div><div id="divRplyFwdMsg"><b>From:</b> Desk</div>'
    text = (
        "Done.\n\nAnna\n________________________________\nFrom: Desk <help@desk.example>\nSent: 9:14\nSubject: x\n\nold"
    )
    assert (split(text, html, "Re: x", True).reply, split(text, html, "Re: x", True).signature) == ("Done.", "Anna")


def test_prefix_of_two_meanings_is_an_answers_under_a_finnish_header_and_doubtful_under_a_norwegian():
    finnish = "Kyllä.\n\nLähettäjä: Desk <help@desk.example>\nLähetetty: 25.2.2026 9.14\nAihe: x\n\nvanha"
    norwegian = "Ja.\n\nFra: Desk <help@desk.example>\nSendt: 25.2.2026 09:14\nEmne: x\n\ngammel"
    assert (split(finnish, "", "VS: x", True).reply, split(finnish, "", "VS: x", True).certain) == ("Kyllä.", True)
    assert (split(norwegian, "", "VS: x", True).reply, split(norwegian, "", "VS: x", True).certain) == (
        norwegian,
        False,
    )


def test_introduction_known_by_its_quote_alone_is_known_over_our_line_too():
    text = f"Done.\n\n25. Feb. 2026, 07:13 von a@b.example:\n\n> {DELIMITER}\n> old"
    assert (split(text, "", "Re: x", True).reply, split(text, "", "Re: x", True).certain) == ("Done.", True)


def test_date_and_bare_address_introduce_a_quote_only_where_one_follows():
    assert split("Done.\n\n25. Feb. 2026, 07:13 von a@b.example:\n\n> old", "", "Re: x", True).reply == "Done."
    text = "At 10:30 please write to a@b.example:\n\n- the number\n- the room"
    assert split(text, "", "Re: x", True).reply == text


@pytest.mark.parametrize("words", ["See my answers in blue below.", "Meine Antworten unten.", "Mes réponses en rouge."])
def test_words_that_point_to_answers_between_the_quoted_ones_are_not_all_there_is(words):
    quote = "\n\nFrom: Desk <help@desk.example>\nSent: Wed 9:14\nTo: a@b.example\nSubject: x\n\nold"
    assert not split(words + quote, "", "Re: x", True).certain
    assert split(words, "", "Re: x", True).certain
    assert split("The answer is in the manual, see below." + quote, "", "Re: x", True).certain


def test_quote_with_bars_under_an_introduction_is_left_out():
    text = "Works now.\n\nOn Mon, 5 Jan 2026 at 10:33, Jane Doe wrote:\n| Please restart it.\n| Jane\n"
    assert split(text, "", "Re: Printer", True).reply == "Works now."


@pytest.mark.parametrize(
    "lines",
    [
        ["On Mon, 5 Jan 2026 at 10:33, Jane Doe wrote:", "| name | size |", "| a | 5 |"],
        ["It says:", "| no paper", "| call us"],
    ],
)
def test_tables_and_listings_keep_their_bars(lines):
    assert unbarred(lines) == lines


MORE_INTRODUCTIONS = {
    "sr outlook": "Šalje: Desk <help@desk.example>\nPoslato: 10. mart 2026. 09:00\nPrima: a@x.example\nPredmet: x",
    "hr outlook": "Šalje: Desk <help@desk.example>\nPoslano: 10. ožujka 2026. 9:00\nPrima: a@x.example\nPredmet: x",
    "af gmail": "Op Di. 10 Mrt. 2026 om 09:00 het Help Desk <help@desk.example> geskryf:",
    "af outlook": "Van: Desk <help@desk.example>\nGestuur: 10 Maart 2026 09:00\nAan: a@x.example\nOnderwerp: x",
    "fil gmail": "Noong Mar, Mar 10, 2026 nang 9:00 AM, isinulat ni Help Desk <help@desk.example>:",
    "fil outlook": "Mula kay: Desk <help@desk.example>\nIpinadala: Marso 10\nPara kay: a@x.example\nPaksa: x",
    "ca gmail": "Missatge de Help Desk <help@desk.example> del dia dt., 10 de març 2026 a\nles 9:00:",
    "mk gmail": "На вт., 10 мар. 2026 во 09:00 Help Desk <help@desk.example> напиша:",
    "kk gmail": "сс, 2026 ж. 10 нау., 09:00 Help Desk <help@desk.example> жазды:",
    "ka gmail": "სამ, 10 მარ. 2026, 09:00 — Help Desk <help@desk.example> დაწერა:",
    "sw gmail": "Jum, 10 Mac 2026 saa 09:00 Help Desk <help@desk.example> aliandika:",
    "fa outlook": "از: Desk <help@desk.example>\nارسال شده: 10 مارس 2026 09:00\nبه: a@x.example\nموضوع: x",
    "hi outlook": "प्रेषक: Desk <help@desk.example>\nभेजा गया: 10 मार्च 2026 09:00\nको: a@x.example\nविषय: x",
    "eu outlook": "Nork: Desk <help@desk.example>\nBidaltze-data: 2026/03/10 09:00\nNori: a@x.example\nGaia: x",
    "sq outlook": "Nga: Desk <help@desk.example>\nDërguar: 10.03.2026 09:00\nPër: a@x.example\nSubjekti: x",
    "groupwise": ">>> Help Desk <help@desk.example> 3/10/2026 9:00 AM >>>",
    "groupwise name": '>>> "Help Desk" 10.03.2026 09:00 >>>',
    "qq nbsp": "------------------\u00a0原始邮件\u00a0------------------\n发件人:\u00a0Desk <help@desk.example>;",
    "qq entity": "------------------&nbsp;原始邮件&nbsp;------------------\n发件人: Desk <help@desk.example>;",
    "qq bare": "原始邮件\n\n发件人：Desk<help@desk.example>\n发件时间：2026年3月10日 09:00\n主题：x",
    "qq english": "------------------ Original ------------------\nFrom: Desk <help@desk.example>;",
    "notes hidden": (
        "Inactive hide details for Help Desk ---03/10/2026 09:00:12 AM---Hello, did you\n\n"
        "From: Desk <help@desk.example>\nTo: a@x.example\nDate: 03/10/2026 09:00"
    ),
}


@pytest.mark.parametrize("name", MORE_INTRODUCTIONS)
@pytest.mark.parametrize("below", [OLD, QUOTED])
def test_what_stands_under_these_introductions_is_quoted(name, below):
    found = split(f"{NEW}\n\n{MORE_INTRODUCTIONS[name]}\n{below}\n", "", "Re: Printer", True)
    assert (found.reply, found.certain) == (NEW, True)


@pytest.mark.parametrize("line", ["原始邮件", "Inactive hide details for Help Desk ---03/10/2026 09:00 AM---Hello"])
def test_under_a_mark_that_stands_alone_the_cut_is_not_certain(line):
    found = split(f"{NEW}\n\n{line}\n{OLD}\n", "", "Re: Printer", True)
    assert (found.reply, found.certain) == (NEW, False)


@pytest.mark.parametrize(
    "line",
    [
        "The original plan still holds.",
        "----- Original plan -----",
        "我已经删除了原始邮件，请查收。",
        "Missatge de l'equip: tot va bé.",
        ">>> print(1) >>>",
        "Poslano je jučer, hvala.",
    ],
)
def test_words_like_those_of_an_introduction_stay(line):
    assert line in split(f"{NEW}\n{line}\nGood.\n", "", "Re: Printer", True).reply


@pytest.mark.parametrize("end", [" -----", "\n-----", ""])
def test_a_mail_that_notes_forwarded_names_its_sender(end):
    mark = f"----- Forwarded by Jane Doe/ACME on 03/10/2026 09:00 AM{end}"
    header = "From: Help Desk <help@desk.example>\nTo: a@x.example\nSubject: Printer"
    for subject in ("Fw: Printer", "Printer"):
        found = split(f"Please see.\n\n{mark}\n\n{header}\n\n{OLD}\n", "", subject, False)
        assert found.forwarded_from == Address("Help Desk", "help@desk.example")
    assert split("----- The way forwarded by Jane -----\nIt is good.", "", "Printer", False).forwarded_from is None
