"""Introductions of quotes that a client broke over several lines, in the middle of a name, a date or an address."""

import pytest

from parsing.reply import split

ADDRESS = "jane.doe@partner.example"


@pytest.mark.parametrize(
    "introduction",
    [
        f"On Tue, Mar 10, 2026 at 9:05 AM Jane Elisabeth Doe-Westerberg (External\nPartner) <{ADDRESS}> wrote:",
        f"On 10 Mar 2026, at 09:05, Jane Elisabeth\nDoe-Westerberg <{ADDRESS}> wrote:",
        f"Le mar. 10 mars 2026 à 09:05, Jane Elisabeth Doe-Westerberg\n(Externe) <{ADDRESS}> a écrit :",
        f"El mar, 10 mar 2026 a las 9:05, Jane Elisabeth\nDoe (<{ADDRESS}>) escribió:",
        f"Em ter., 10 de mar. de 2026 às\n09:05, Jane\nDoe <{ADDRESS}> escreveu:",
        f"W dniu 10 marca 2026\n09:05 użytkownik Jane Doe <{ADDRESS}> napisał:",
        f"Le mardi 10 mars\n2026 à 09:05, Jane Doe <{ADDRESS}> a écrit :",
        f"Jane Doe <{ADDRESS}> ezt írta (időpont: 2026. márc.\n10., K, 9:05):",
        f"Jane Doe <{ADDRESS}>, 10 Mar 2026 Sal,\n09:05 tarihinde şunu yazdı:",
        f"Jane Doe <{ADDRESS}> 于2026年3月10日周二\n09:05写道：",
        "Jane Doe <the.whole.department@partner.company.example> je\nnapisao/la 10.03.2026. u 09:05:",
        f"Jane Doe <{ADDRESS}>\nschrieb am Di., 10. März 2026 um 09:05 Uhr:",
        f"Wiadomość napisana przez Jane Doe\n<{ADDRESS}> w dniu 10.03.2026, o godz. 09:05:",
        f"On Wed, 14 Nov 2026 08:14:43 -0200 Jane\nDoe <{ADDRESS}> wrote",
        f"On Wed, 14 Nov 2026 08:14:43 -0200 Jane Doe <\n{ADDRESS}> wrote",
    ],
)
@pytest.mark.parametrize("above", ["It works.\n\n", "It works.\n"])
def test_part_of_an_introduction_on_the_lines_above_is_none_of_the_new_words(introduction, above):
    found = split(f"{above}{introduction}\n\n> Is it fixed?", "", "Re: Printer", True)
    assert (found.reply, found.certain) == ("It works.", True)


@pytest.mark.parametrize(
    "text",
    [
        # a date, an address, a name on the line above an introduction that is whole without them
        "We come on 10.03.2026\nAm 10.03.2026 um 09:05 schrieb Jane Doe:\n> When?",
        f"Ask Jane <{ADDRESS}>\nAm 10.03.2026 um 09:05 schrieb Joe Roe:\n> Whom?",
        f"We come on 10.03.2026\nOn 10 Mar 2026, at 09:05, Jane Doe <{ADDRESS}> wrote:\n> When?",
        f"Tomorrow then\nJane Doe <{ADDRESS}> wrote:\n> When?",
        f"On the third floor they say that it has been fixed since 10.03.2026\nJane Doe <{ADDRESS}> wrote:\n> When?",
    ],
)
def test_words_directly_over_an_introduction_stay(text):
    assert split(text, "", "Re: Printer", True).reply == text.split("\n")[0]


def test_date_over_a_name_that_may_go_on_in_a_sentence_is_doubtful():
    text = f"we will come to you\non 10.03.2026\nJane Doe <{ADDRESS}> wrote:\n> When?"
    found = split(text, "", "Re: Printer", True)
    assert (found.reply, found.certain) == ("we will come to you", False)


@pytest.mark.parametrize("line", ["________________________________  ", "====  ", "----------\u00a0", "-----\u200b"])
def test_rule_over_a_quoted_header_is_none_of_the_new_words(line):
    block = f"From: {ADDRESS}\nSent: Tuesday, March 10, 2026 9:05 AM\nTo: help@desk.example\nSubject: Printer"
    assert split(f"It works.\n{line}\n{block}\n\nIs it?", "", "Re: Printer", True).reply == "It works."


@pytest.mark.parametrize("blank", ["\u200e", "\u200b", "\u00a0", "\ufeff\u00a0"])
def test_line_of_nothing_visible_is_blank(blank):
    text = f"It works.\n{blank}\nAm 10.03.2026 um 09:05 schrieb Jane Doe:\n{blank}\n> Does it?\n{blank}"
    assert split(text, "", "Re: Printer", True).reply == "It works."
    assert split(f"{blank}\nAm 10.03.2026 um 09:05 schrieb Jane Doe:\n> It?", "", "Re: Printer", True).reply == ""


@pytest.mark.parametrize(
    "separator",
    ["-----Message d’origine-----", "-----Özgün İleti-----", "---- Replied Message ----", "Original Message"],
)
def test_separator_with_other_letters_is_one(separator):
    block = f"From: Jane\nSent: Tuesday, March 10, 2026 9:05 AM\nTo: {ADDRESS}\nSubject: Printer"
    assert split(f"It works.\n\n{separator}\n{block}", "", "Re: Printer", True).reply == "It works."


def test_original_message_in_a_sentence_over_a_header_stays():
    text = f"It works. I add the original message\nFrom: {ADDRESS}\nSent: 10.03.2026 09:05\nSubject: Printer"
    assert split(text, "", "Re: Printer", True).reply == "It works. I add the original message"


def test_header_that_notes_folded_is_a_quote_and_a_table_rule_is_none():
    folded = f"Jane Doe ---10.03.2026 09:05:12---Printer\n\nVon: Jane Doe/ACME\nAn: {ADDRESS}\nDatum: 10.03.2026 09:05"
    assert split(f"It works.\n\n{folded}\nBetreff: Printer", "", "Re: Printer", True).reply == "It works."
    table = "Name ---Day---\nJane ---10.03.2026---"
    assert split(f"It works.\n\n{table}", "", "Re: Printer", True).reply == f"It works.\n\n{table}"


@pytest.mark.parametrize(
    "introduction",
    [
        f"Jane Doe <{ADDRESS}> hat am 10.03.2026 09:05 CET geschrieben:",
        f"Am Dienstag, 10. März 2026 um 09:05:12 MEZ hat Jane Doe <{ADDRESS}> Folgendes geschrieben:",
        f'2026/03/10 9:05 に、"Jane Doe" <{ADDRESS}> を書き込みました:',
        "於 2026-03-10 09:05，Jane Doe 寫到：",
        f"Citando Jane Doe <{ADDRESS}>:",
        "W dniu wto, 10.03.2026 o godzinie 09∶05 +0100, użytkownik Jane Doe napisał:",
    ],
)
def test_introduction_is_known_by_its_verb(introduction):
    quoted = "\n> Is it fixed?"
    found = split(f"It works.\n\n{introduction}\n{quoted}", "", "Re: Printer", True)
    assert (found.reply, found.certain) == ("It works.", True)


@pytest.mark.parametrize(
    "labels",
    [
        ("De la", "Expediat", "Catre", "Subiect"),
        ("Від", "Відправлено", "Кому", "Тема"),
        ("Από", "Αποστολή", "Προς", "Θέμα"),
        ("보낸사람", "보낸시간", "받는사람", "제목"),
        ("De", "Enviat", "Per a", "Assumpte"),
        ("Saatja", "Saadetud", "Adressaat", "Teema"),
    ],
)
def test_header_without_an_address_is_known_by_its_labels(labels):
    values = ("Jane Doe", "10.03.2026 09:05", "Desk", "Printer")
    block = "\n".join(f"{label}: {value}" for label, value in zip(labels, values, strict=True))
    found = split(f"It works.\n\n{block}\n\nIs it fixed?", "", "Re: Printer", True)
    assert (found.reply, found.certain) == ("It works.", True)


@pytest.mark.parametrize("written", ["Größe", "Gr&ouml;&szlig;e", "Gr&#246;&#xDF;e", "Gr&ouml;&szlig;e&nbsp;"])
def test_place_of_a_quote_is_found_where_html_writes_letters_as_entities(written):
    header = f"<div id=divRplyFwdMsg>Autor: J&uuml;rgen<br>Über die {written}</div>"
    html = f"<p>Die {written} passt.</p>{header}<p>Passt die?</p>"
    found = split("Die Größe passt.\n\nAutor: Jürgen\nÜber die Größe\n\nPasst die?", html, "Re: Papier", True)
    assert (found.reply, found.certain) == ("Die Größe passt.", True)


def test_line_about_a_forwarded_message_is_a_forward_only_over_a_header():
    text = "Hello,\nI forwarded message number 3 to you:\nplease answer.\n"
    assert split(text, "", "Re: Printer", True).reply == text.strip()
    text = f"See below.\n\nBegin forwarded message:\n\nFrom: Jane Doe <{ADDRESS}>\nDate: 10.03.2026\n\nBroken."
    found = split(text, "", "Printer", False).forwarded_from
    assert found is not None and found.address == ADDRESS


@pytest.mark.parametrize(
    "words",
    [
        "Done on 10.03.2026\nJane Doe <jane@acme.example> wrote:",
        "We replaced it.\nDone on 10.03.2026\nJane Doe <jane@acme.example> wrote:",
        "Done on 10.03.2026 09:05\nJane Doe <jane@acme.example> wrote:",
        "10.03.2026 passt\nJane Doe <jane@acme.example> wrote:",
        "At 10.03.2026 fixed\nJane Doe <jane@acme.example> wrote:",
        "Done 10.03.2026\nJane Doe <jane@acme.example> wrote:",
        "Montiert, 10.03.2026\nJane Doe <jane@acme.example> wrote:",
        "On 10.03.2026 we have installed it here\nJane Doe <jane@acme.example> wrote:",
        "Please try the second printer and tell us whether that one\nwrote on 10.03.2026:",
        "Please write to tess@desk.example today\nwrote on 10.03.2026:",
        "Ask Tess tess@desk.example\nwrote on 10.03.2026:",
        "明日 2026年3月10日 に伺います\nJane Doe <jane@acme.example> wrote:",
        "2026年3月10日 に伺います\nJane Doe <jane@acme.example> wrote:",
        "Yes, it works now\n<jane@acme.example> wrote:",
    ],
)
@pytest.mark.parametrize("above", ["Hello,\n\n", "はい。\n", "Yes.\n\n"])
def test_sentence_over_an_introduction_is_not_cut_for_certain(words, above):
    found = split(f"{above}{words}\n> x", "", "Re: Printer", True)
    assert words.split("\n")[-2] in found.reply or not found.certain
