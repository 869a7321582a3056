"""Text is read by its charset, or by what it must be where the label lies."""

from __future__ import annotations

import pytest

from parsing import charsets


@pytest.mark.parametrize(
    ("text", "real", "declared"),
    [
        ("Grüße", "utf-8", "utf-8"),
        ("Grüße", "latin-1", "iso-8859-1"),
        ("“quoted” – €", "cp1252", "iso-8859-1"),
        ("镕基在测试邮件", "gbk", "gb2312"),
        ("測試郵件的內容在這裡", "utf-8", "big5"),
        ("Grüße aus Köln", "utf-8", "us-ascii"),
        ("Grüße aus Köln", "utf-8", ""),
        ("Grüße aus Köln", "latin-1", ""),
        ("Grüße aus Köln", "latin-1", "utf-8"),
        ("Привет, как дела", "koi8-r", ""),
        ("El folleto puede tener información de la empresa", "latin-1", ""),
        ("La «présentation» à télécharger", "cp1252", ""),
        ("안녕하세요 세계", "cp949", "ks_c_5601-1987"),
        ("テスト", "iso-2022-jp", "iso-2022-jp"),
        ("Ünïcode", "utf-16", "utf-16"),
        ("Grüße", "utf-8", "no-such-charset"),
        ("Grüße", "latin-1", "iso-8859-1; format=flowed"),
    ],
)
def test_text_is_read_though_the_label_may_lie(text: str, real: str, declared: str) -> None:
    assert charsets.decode(text.encode(real), declared)[0] == text


@pytest.mark.parametrize(
    ("text", "real"),
    [
        ("Grüße aus München", "cp1252"),
        ("Ça coûte 5 €", "cp1252"),
        ("El niño llega mañana", "cp1252"),
        ("Jeg får ikke adgang på mandag", "cp1252"),
        ("Dziękuję bardzo, proszę o odpowiedź", "cp1250"),
        ("Příliš žluťoučký kůň", "cp1250"),
        ("Proszę o pomoc z drukarką, dziękuję", "iso8859-2"),
        ("Teşekkürler, yazıcı çalışmıyor", "cp1254"),
        ("Не работает принтер", "cp1251"),
        ("СРОЧНО ПОМОГИТЕ", "cp1251"),
        ("Дякую, принтер не працює, її вимкнено", "cp1251"),
        ("Не работает принтер", "koi8-r"),
        ("Ευχαριστώ πολύ για τη βοήθεια", "cp1253"),
        ("תודה רבה על העזרה", "cp1255"),
        ("شكرا جزيلا على المساعدة", "cp1256"),
        ("お世話になっております。資料を送付します", "cp932"),
        ("お世話になっております。資料を送付します", "euc_jp"),
        ("打印机坏了，请派人来修理", "gb18030"),
        ("印表機壞了，請派人來修理", "cp950"),
        ("프린터가 작동하지 않습니다", "cp949"),
        ("Spausdintuvas neveikia, prašau įjungti šį įrenginį", "cp1257"),
    ],
)
def test_text_without_a_label_is_read_by_its_letters(text: str, real: str) -> None:
    assert charsets.decode(text.encode(real), "")[0] == text


@pytest.mark.parametrize(
    "declared",
    ["zip", "rot13", "base64", "hex", "undefined", "idna", "punycode", "unicode_escape", "x" * 100, "\0", "../etc"],
)
def test_what_is_no_charset_of_text_is_refused(declared: str) -> None:
    assert charsets.codec_for(declared) is None
    assert charsets.decode(b"abc\xff", declared)[0].startswith("abc")


def test_a_damaged_byte_in_utf_8_leaves_the_rest_utf_8() -> None:
    assert charsets.decode("Grüße \ufffd, ".encode() + b"\xc1 Jane", "utf-8")[0] == "Grüße \ufffd, \ufffd Jane"


def test_a_lie_is_said_and_a_truth_is_not() -> None:
    assert charsets.decode("Grüße".encode(), "utf-8")[1] == ""
    assert "utf-8" in charsets.decode("測試郵件的內容在這裡".encode(), "big5")[1]
    assert "unknown charset" in charsets.decode(b"\xe9", "no-such-charset")[1]


@pytest.mark.parametrize("declared", ["", "us-ascii", "no-such-charset"])
def test_a_stray_byte_makes_unlabelled_utf8_no_other_charset(declared: str) -> None:
    data = "Не открывайте вложения ".encode() + b"pi\xe8"
    assert charsets.decode(data, declared)[0] == "Не открывайте вложения pi\ufffd"


def test_unlabelled_text_that_is_hardly_utf8_is_not_read_as_that() -> None:
    assert charsets.decode("Ã¤ Grüße, schöne Füße".encode("cp1252"), "")[0].endswith("schöne Füße")


def test_a_hint_of_ascii_says_nothing_of_other_letters() -> None:
    text = "Это сообщение без кодировки"
    assert charsets.decode(text.encode("cp1251"), "us-ascii", hint="us-ascii")[0] == text
    assert charsets.decode("Grüße".encode("cp850"), "us-ascii", hint="cp850")[0] == "Grüße"


JAPANESE = "プリンターが動きません。お願いします。"


@pytest.mark.parametrize(
    ("real", "declared"),
    [("iso2022_jp", ""), ("iso2022_jp", "us-ascii"), ("utf-8", "iso-2022-jp"), ("cp932", "iso-2022-jp")],
)
def test_japanese_is_read_though_its_escapes_are_not_announced_or_there_are_none(real: str, declared: str) -> None:
    text, wrong = charsets.decode(JAPANESE.encode(real), declared)
    assert text == JAPANESE
    assert wrong


def test_escapes_of_a_terminal_are_no_japanese() -> None:
    assert charsets.decode(b"\x1b[31mred\x1b[0m and \x1b$", "")[0] == "\x1b[31mred\x1b[0m and \x1b$"


def test_thai_without_a_charset_is_told_from_cyrillic() -> None:
    for text in ("ปรินเตอร์ไม่ทำงาน", "ขอรหัสผ่านใหม่ครับ", "เครื่องพิมพ์เสีย กรุณาช่วยด้วย"):
        assert charsets.decode(text.encode("cp874"), "")[0] == text
    assert charsets.decode("Не работает принтер".encode("cp1251"), "")[0] == "Не работает принтер"
