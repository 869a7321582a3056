"""What mail clients and people put under their words."""

import pytest

from parsing.message import Address
from parsing.reply import split

NEW = "Thanks, that works now.\nPlease close it."

SENT_FROM = """أُرسلت من الـ iPhone
Outlook für Android beziehen
Odeslano z iPhone
Nosūtīts no iPhone
Poslano iz iPhonea
Pošiljeno iz iPhone-a
Send fra min iPhone
Sent from my iPhone
Sent from Mail for Windows
Sent from Yahoo Mail for iPhone
Please excuse my brevity, sent from my phone
Sent with Proton Mail secure email.
Get Outlook for iOS
Get Outlook for Android <https://aka.example/android>
Von meinem iPhone gesendet
Gesendet von Outlook für iOS
Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.
Envoyé de mon iPhone
Enviado desde mi iPhone
Enviado do meu iPhone
Inviato da iPhone
Verstuurd vanaf mijn iPhone
Skickat från min iPhone
Sendt fra min iPhone
Lähetetty iPhonesta
Wysłane z iPhone'a
Odesláno z iPhonu
Odoslané z iPhonu
Elküldve az iPhone-omról
Trimis de pe iPhone-ul meu
Отправлено с iPhone
Надіслано з iPhone
iPhone'umdan gönderildi
Στάλθηκε από το iPhone μου
iPhoneから送信
发自我的iPhone
나의 iPhone에서 보냄
נשלח מה-iPhone שלי
تم الإرسال من الـ iPhone
Được gửi từ iPhone của tôi
Dikirim dari iPhone saya
ส่งจาก iPhone ของฉัน""".splitlines()

CLOSINGS = """Best regards,
Cheers,
Mit freundlichen Grüßen
Viele Grüße
Cordialement,
Saludos,
Cordiali saluti
Met vriendelijke groet,
Med venlig hilsen
Med vänliga hälsningar,
Ystävällisin terveisin
Pozdrawiam,
S pozdravem
Üdvözlettel,
С уважением,
З повагою
Saygılarımla,
Cu stimă,
Atenciosamente,
*Kind regards*""".splitlines()


@pytest.mark.parametrize("line", SENT_FROM)
@pytest.mark.parametrize(("subject", "is_reply"), [("Re: Printer", True), ("Printer", False)])
def test_line_that_a_device_added_is_a_signature(line, subject, is_reply):
    found = split(f"{NEW}\n\n{line}\n", "", subject, is_reply)
    assert (found.reply, found.signature, found.certain) == (NEW, line, True)


@pytest.mark.parametrize("closing", CLOSINGS)
def test_closing_with_a_name_is_a_signature_of_a_reply(closing):
    found = split(f"{NEW}\n\n{closing}\nAnna Example\nExample GmbH\nTel. +49 30 1234567\n", "", "Re: Printer", True)
    assert (found.reply, found.signature.splitlines()[:2]) == (NEW, [closing, "Anna Example"])


@pytest.mark.parametrize(
    "signature", ["-- \nAnna", "--\nAnna\nExample GmbH", "—\nAnna", "--\n\nAnna", "-- \n", "--  \nAnna"]
)
def test_signature_begins_at_its_delimiter(signature):
    assert split(f"{NEW}\n{signature}", "", "Re: Printer", True).reply == NEW


def test_signature_alone_leaves_no_reply():
    assert split("--\nAnna", "", "Re: Printer", True).reply == ""


def test_paragraph_of_contact_lines_is_a_signature():
    contact = "Anna Example\nanna@partner.example\n+49 30 1234567\nwww.partner.example"
    found = split(f"{NEW}\n\n{contact}", "", "Re: Printer", True)
    assert (found.reply, found.signature) == (NEW, contact)


@pytest.mark.parametrize(
    ("author", "is_his"),
    [
        (Address("Anna Example", "a.e@mail.example"), True),
        (Address("", "anna@partner.example"), True),
        (Address("", "anna.example@mail.example"), True),
        (Address("例", "x@mail.example"), False),
        (Address("Bob Vendor", "bob@partner.example"), False),
        (Address("bob@partner.example", "bob@partner.example"), False),
    ],
)
def test_contact_lines_of_somebody_else_are_what_the_mail_is_about(author, is_his):
    contact = "Anna Example\nanna@partner.example\n+49 30 1234567"
    found = split(f"Please make an account for\n\n{contact}", "", "Re: Printer", True, author)
    assert (found.signature == contact) is is_his
    assert contact in (found.signature if is_his else found.reply)


@pytest.mark.parametrize(("name", "certain"), [("Anna Example", True), ("Bob Vendor", False)])
def test_contact_lines_of_somebody_else_below_a_sentence_are_not_cut_for_certain(name, certain):
    contact = "Anna Example\nanna@partner.example\n+49 30 1234567"
    found = split(f"{NEW}\n\n{contact}", "", "Re: Printer", True, Address(name, "x@mail.example"))
    assert (found.reply, found.signature, found.certain) == (NEW, contact, certain)


@pytest.mark.parametrize("name", ["-anna", "- Anna", "– Anna"])
def test_name_behind_a_dash_is_a_signature(name):
    assert split(f"{NEW}\n\n{name}", "", "Re: Printer", True).reply == NEW


@pytest.mark.parametrize(
    "signature",
    [
        "Thanks, Anna",
        "Kind regards / Mit freundlichen Grüßen\n\nAnna Example",
        "i. A. Anna Beispiel\nBeispiel GmbH\nTel.: +49 30 123456\nwww.beispiel.example\n\nGeschäftsführer: Bo Beispiel",
        "Thanks!\n\nAnna Example | Engineer | Example Inc\nm: 555 123 4567",
        "-- Anna Example, M.Sc.\n   Head of Printers\n   Example Inc",
        "--Anna Example\nExample Inc",
        "--\nExample Inc - printing what everybody here needs to read",
        "Regards\nAnna\n\nThis e-mail is confidential. If you are not the intended recipient, please delete it.",
    ],
)
def test_signatures_of_companies_are_split_off(signature):
    found = split(f"{NEW}\n\n{signature}", "", "Re: Printer", True)
    assert (found.reply, found.signature) == (NEW, signature)


def test_footer_of_a_mailing_list_is_no_reply_and_not_certain():
    found = split(f"{NEW}\n\n{'_' * 47}\nprinters mailing list\nprinters@lists.example", "", "Re: Printer", True)
    assert (found.reply, found.certain) == (NEW, False)


@pytest.mark.parametrize(
    "text",
    [
        "Sent from my desk, which is easier than from my mobile phone.",
        "Was it sent from your iPhone?",
        "I have these points:\n-- the first one\n-- the second one\nand that is all.",
        "yes, it works\n\nthanks",
        "Thanks,\nI will try that tomorrow and tell you.",
        "Heading\n----\n\nwords\n\n----\n\nmore words here, and they are the end.",
        "With regards to the printer, as regards the time:\nall is fine.",
        "The new contact is:\n\nBob Vendor\nbob@vendor.example\n+49 30 7654321",
        "Take\n- milk\n- bread",
        "Take\n-- Milk\n-- Bread\nand eggs",
        "The first is done.\n\n--\n\nAs to the second, please restart the server.\nAnd look at the backup.",
        "The first is done.\n\n—\n\nCan you look at the printer, too?",
        "Please run\n--verbose Mode\nand tell us what the log says about it.",
        "Michael Scott",
    ],
)
def test_words_that_only_look_like_a_signature_stay(text):
    assert split(text, "", "Re: Printer", True).reply == text


@pytest.mark.parametrize(
    "text",
    [
        "Hi Anna,\n\nThanks\n\nIt works now",
        "Hallo,\n\nDanke\n\nServer2 auch neu starten bitte",
        "Hello,\n\nmany thanks\n\nProblem solved",
        "Hi,\n\nThanks\n\nSolved",
        "Hi Bob,\nThanks.",
        "Dear all,\n\nplease see below.\n\nThanks\n\nServer 1: down\nServer 2: up",
        "It failed again.\n\nThanks\nOffice 365 licence expired",
        "It failed again.\n\nThanks,\nAnna\n\nPS: the printer too",
        "It failed again.\n\nThanks,\nAnna\n\ncan you also look at the printer",
    ],
)
def test_words_below_thanks_are_no_signature(text):
    assert split(text, "", "Re: Printer", True).reply == text


@pytest.mark.parametrize("name", ["Anna", "Anna van der Berg", "Dr. Anna Berg", "Anna Berg, head of sales", "山田太郎"])
@pytest.mark.parametrize("gap", ["", "\n"])
def test_name_below_thanks_is_one(name, gap):
    found = split(f"Hi,\n\nyes, please.\n\nThanks\n{gap}{name}", "", "Re: Printer", True)
    assert (found.reply, found.signature) == ("Hi,\n\nyes, please.", f"Thanks\n{gap}{name}")


def test_signature_begins_at_the_last_closing():
    found = split("Hi,\n\nThank you!\n\nNext\n\nBest regards,\nBob", "", "Re: Printer", True)
    assert (found.reply, found.signature) == ("Hi,\n\nThank you!\n\nNext", "Best regards,\nBob")


def test_line_of_nothing_visible_is_no_line_of_a_signature():
    assert split("Yes.\n\n\u200b\n-- \nAnna", "", "Re: Printer", True).reply == "Yes."
    assert split("\u200b\n-- \nAnna", "", "Re: Printer", True).signature == "-- \nAnna"


def test_thanks_that_are_all_a_mail_says_stay():
    found = split("Hi Bob,\nThanks.\nBR\nAnna Berg", "", "Re: Printer", True)
    assert (found.reply, found.signature) == ("Hi Bob,\nThanks.", "BR\nAnna Berg")


def test_closings_directly_over_each_other_are_one_signature():
    assert split(f"{NEW}\n\nMany thanks\nBest regards\nBob", "", "Re: Printer", True).reply == NEW


def test_a_place_for_a_signature_that_nobody_filled_is_none():
    empty = '<div class="protonmail_signature_block"><div class="protonmail_signature_block-empty"></div></div>'
    filled = empty.replace("></div>", ">Anna<br>Acme</div>", 1)
    assert split(NEW, f"{empty}<p>{NEW}</p>", "Re: Printer", True).reply == NEW
    signed = f"{NEW}\nAnna\nAcme"
    assert split(signed, f"<p>{NEW}</p>{filled}", "Re: Printer", True).signature == "Anna\nAcme"


@pytest.mark.parametrize(
    "line",
    [
        "Outlook voor iOS downloaden<https://aka.ms/o0ukef>",
        "Outlook for iOS を入手<https://aka.ms/o0ukef>",
        "获取 Outlook for Android<https://aka.ms/AAb9ysg>.",
        "Sent from Mail<https://go.microsoft.com/fwlink/?LinkId=550986> for Windows",
        "Envoyé de mon appareil Android avec Courriel K-9 Mail. Veuillez excuser ma brièveté.",
        "Skickades från E-post för Windows",
        "갤럭시에서 보냄",
        "Von unterwegs gesendet",
    ],
)
def test_what_it_was_sent_with_is_known_by_link_or_words(line):
    assert split(f"Done.\n\n{line}", "", "Re: Printer", True).signature == line


@pytest.mark.parametrize("line", ["Outlook shows <https://desk.example/error>", "Read https://aka.ms/o0ukef please"])
def test_link_in_a_sentence_is_nothing_it_was_sent_with(line):
    assert split(f"Done.\n\n{line}", "", "Re: Printer", True).reply == f"Done.\n\n{line}"


@pytest.mark.parametrize("above", ["\n", "", "\n\n"])
def test_one_word_over_what_it_was_sent_with_is_the_reply(above):
    assert split(f"{above}Done\nSent from my iPhone", "", "Re: Printer", True).reply == "Done"


@pytest.mark.parametrize("order", ["i. A. ", "i.V. ", "ppa. ", ""])
def test_name_apart_from_the_closing_may_sign_by_order(order):
    signature = f"Mit freundlichen Grüßen\n\n{order}Anna Berg\nIT"
    assert split(f"Erledigt.\n\n{signature}", "", "Re: Printer", True).signature == signature


@pytest.mark.parametrize("end", ["  ", "\u00a0", "\u200b", "\t"])
def test_what_cannot_be_seen_at_the_ends_of_lines_hides_no_signature(end):
    for below in (f"{end}\n-Anna{end}\n\nSent from my phone{end}", f"-- {end}\nAnna"):
        assert split(f"Done.{end}\n{below}", "", "Re: Printer", True).reply.strip(end) == "Done."


DISCLAIMER = "This e-mail and its attachments are confidential.\nIf you are not the intended recipient, delete it."
QUOTED = "On 10 Mar 2026, at 09:05, Desk <help@desk.example> wrote:\n\n> Is it fixed?\n"


@pytest.mark.parametrize("tail", [DISCLAIMER, "Sent from my iPhone", f"Sent from my iPhone\n\n{DISCLAIMER}"])
def test_signature_alone_below_the_quote_is_no_answer(tail):
    found = split(f"Yes.\n\n{QUOTED}\n\n{tail}", "", "Re: Printer", True)
    assert (found.reply, found.signature) == ("Yes.", tail)


def test_words_below_the_quote_stay_where_none_stand_above():
    assert split(f"{QUOTED}\nSent from my iPhone", "", "Re: Printer", True).reply == "Sent from my iPhone"
    assert split(f"Yes.\n\n{QUOTED}\nAnd the other one, too.", "", "Re: Printer", True).reply.endswith("too.")


@pytest.mark.parametrize(
    "words",
    [
        "Mails sent from my phone do not arrive.",
        "I sent you the picture from my iPhone",
        "Ich habe es von meinem Handy geschickt.",
        "Outlook for iOS, see https://aka.ms/o0ukef please",
        "The e-mail with the confidential numbers went to the wrong person. What shall I do?",
        "From: 10.03.2026\nTo: 12.03.2026\nPlease approve.",
        "- toner\n-- black\nDone.",
    ],
)
def test_words_like_what_a_program_adds_stay(words):
    assert split(f"Hello,\n\n{words}", "", "Re: Printer", True).reply == f"Hello,\n\n{words}"
    assert split(f"Hello,\n\n{words}", "", "Printer", False).reply == f"Hello,\n\n{words}"


def test_rule_of_a_first_mail_is_a_footer_where_it_tells_how_to_reach_somebody():
    assert split(f"First.\n{'_' * 30}\nThe second part.", "", "Printer", False).reply.endswith("The second part.")
    assert split(f"First.\n{'_' * 30}\nhttps://lists.example/a", "", "Printer", False).reply == "First."


@pytest.mark.parametrize("postscript", ["PS: call me at three, please", "P.S. call me", "PSA"])
def test_postscript_below_a_signature_is_doubtful(postscript):
    found = split(f"All good.\n\n-- \nAnna\n\n{postscript}\n\n{QUOTED}", "", "Re: Printer", True)
    assert (found.reply, found.certain) == ("All good.", postscript == "PSA")


DISCLAIMERS = [
    "The information contained in this e-mail is intended only for the person named above.",
    "ACME Ltd is registered in England and Wales, company number 1234567.",
    "Der Inhalt dieser E-Mail ist vertraulich und nur für den Adressaten bestimmt.",
    "ACME GmbH, Sitz der Gesellschaft: Musterstadt, Registergericht: AG Musterstadt HRB 1234",
    "Les informations contenues dans ce courriel sont confidentielles.",
    "Antes de imprimir este mensaje, piense en el medio ambiente.",
    "Aviso de confidencialidade: este e-mail destina-se exclusivamente ao destinatário.",
    "Prima di stampare questa email pensa all’ambiente.",
    "De informatie in dit bericht is uitsluitend bestemd voor de geadresseerde.",
    "Treść tej wiadomości zawiera informacje przeznaczone tylko dla adresata.",
    "Obsah této zprávy je důvěrný.",
    "Táto e-mailová správa a jej prílohy sú dôverné.",
    "Ez az e-mail és a csatolt fájlok bizalmas információkat tartalmazhatnak.",
    "Acest mesaj și fișierele atașate sunt confidențiale.",
    "Tänk på miljön innan du skriver ut detta mejl.",
    "Denne e-posten og eventuelle vedlegg er konfidensielle.",
    "Tämä viesti ja sen liitteet ovat luottamuksellisia.",
    "Эта электронная почта и вложения могут содержать конфиденциальную информацию.",
    "Це повідомлення та будь-які вкладення є конфіденційними.",
    "Bu e-posta ve ekleri gizlidir.",
    "Το παρόν μήνυμα και τα συνημμένα του είναι εμπιστευτικά.",
    "本邮件及其附件含有保密信息。",
    "本電子郵件及其附件可能含有機密資訊。",
    "このメールには機密情報が含まれている場合があります。",
    "이 메일은 지정된 수취인만을 위해 작성되었습니다.",
    "Virus-free. www.avast.com",
]


@pytest.mark.parametrize("disclaimer", DISCLAIMERS)
@pytest.mark.parametrize("name", ["", "Regards\nAnna\n\n", "-- \nAnna\n\n"])
def test_disclaimer_of_a_company_is_a_signature_in_its_language(disclaimer, name):
    found = split(
        f"Yes.\n\n{name}{disclaimer}\n\n{QUOTED}", "", "Re: Printer", True, Address("Anna", "anna@acme.example")
    )
    assert (found.reply, found.signature) == ("Yes.", f"{name}{disclaimer}")
    assert found.certain or not name


@pytest.mark.parametrize(
    "disclaimer",
    [
        DISCLAIMER,
        DISCLAIMERS[0],
        "Virus-free. www.avast.com",
        "<https://www.avast.com/sig-email?utm=1>\nVirus-free.www.avast.com\n<https://www.avast.com/sig-email?utm=1>",
        f"{'The information in this e-mail is confidential. ' * 6}\n\nRegistered office: 5 High Street, London",
        "Anna Berg\n\nRegistered office: 5 High Street, London",
        "----------\nRegistered office: 5 High Street, London",
    ],
)
def test_disclaimer_that_nobody_writes_himself_is_surely_none_of_the_new_words(disclaimer):
    author = Address("Anna Berg", "anna@partner.example")
    found = split(f"Hello,\n\nit is done.\n\n{disclaimer}\n\n{QUOTED}", "", "Re: Printer", True, author)
    assert found.reply.removesuffix("Anna Berg").strip() == "Hello,\n\nit is done."
    assert found.certain


PLACED = [
    "Please remove antivirus Avast and restart the PC.",
    "The tool for it is at www.avast.com/uninstall-utility",
    "Er wurde von uns auf Viren geprüft und neu installiert.",
    "Registered office: 5 High Street, London",
    "Die Datenschutzhinweise finden Sie unter Personal / Formulare.",
    "Unser Handelsregisterauszug: Amtsgericht Ulm HRB 1234, wie gewünscht.",
    "Aviso legal: cambie el texto en la web a la versión 2.",
    "Le fichier a été vérifié par le logiciel antivirus, vous pouvez l'ouvrir.",
    "Il file è stato controllato per individuare virus: è infetto.",
    "Wiadomość została sprawdzona na obecność wirusów, załącznik jest zainfekowany, proszę usunąć.",
    "Administratorem danych osobowych jest teraz Nowak, proszę do niego napisać.",
    "Ist die Datei auf Viren geprüft?",
    "Steht die Firma im Handelsregister?",
    "Before I print this, the tray must be filled.",
    "My message to the bank is confidential.",
    "Ce message est-il confidentiel pour mon chef ?",
    "Virus-free.",
    "Please open Outlook: https://aka.ms/mfasetup",
    "Install Outlook from https://aka.ms/o0ukef",
    "Bitte Outlook neu laden: https://aka.ms/olk11",
    "Outlook: https://aka.ms/owa",
    "Outlook <https://aka.ms/o0ukef>",
    "Please install Outlook for iOS <https://aka.ms/o0ukef>",
    "Outlook for iOS: <https://aka.ms/o0ukef>",
    "Outlook for iOS <https://aka.ms/mfasetup>",
    "Sent with Outlook it will work.",
    "Sent from my phone it cannot be opened.",
    "Bitte von meinem iPhone gesendet lassen",
    "--    \nthe second part of it",
    "--\t\nthe second part of it",
    "--    \nPlease call 030 12345678 today",
    "1. reset\n2. reboot\n--\n3. call me",
    "- reset\n- reboot\n--\n- call me",
    "one\n--\nPlease remove antivirus Avast and restart the PC.",
]


@pytest.mark.parametrize("words", PLACED)
@pytest.mark.parametrize("above", ["Hello,\n\nit is done.", "Yes.", "Hello,\n\nErledigt"])
@pytest.mark.parametrize("author", [None, Address("Anna Berg", "anna@partner.example")])
def test_words_like_a_disclaimer_stay(words, above, author):
    found = split(f"{above}\n\n{words}\n\n{QUOTED}", "", "Re: Printer", True, author)
    assert found.reply == f"{above}\n\n{words}"


@pytest.mark.parametrize(
    "words",
    [
        "Der Inhalt der Mail ist nur für Herrn Meier bestimmt, bitte leiten Sie sie weiter.",
        "The information in this mail is confidential, please delete it after reading.",
        "The user says: if you are not the intended recipient, he must not read it.",
        "If you have received this email in error, what did you do with it?",
        "请对此邮件内容保密。",
        "이 메일의 수신인 주소가 잘못되었습니다.",
        "Diese E-Mail ist vertraulich, bitte nur Anna zeigen. Das Passwort lautet 1234.",
    ],
)
@pytest.mark.parametrize("above", ["Hello,\n\nit is done.", "Yes.", "Hello,\n\nErledigt"])
def test_short_words_about_the_mail_itself_are_not_cut_for_certain(words, above):
    found = split(f"{above}\n\n{words}\n\n{QUOTED}", "", "Re: Printer", True)
    assert words in found.reply or (words in found.signature and not found.certain)


@pytest.mark.parametrize("line", ["Please uninstall antivirus avast.", "Sent with Outlook it will work."])
def test_words_below_the_quote_that_look_like_a_programs_are_not_cut_for_certain(line):
    found = split(f"Yes.\n\n{QUOTED}\n\n{line}", "", "Re: Printer", True)
    assert line in found.reply + found.signature
    assert not found.certain


def test_signature_below_the_quote_is_certain_where_a_delimiter_marks_it():
    found = split(f"Yes.\n\n{QUOTED}\n\n-- \nAnna", "", "Re: Printer", True)
    assert (found.reply, found.certain) == ("Yes.", True)
