"""The language of a text, where it can be told."""

import pytest

from parsing.language import guess

TEXTS = {
    "en": "Hello, the printer on the second floor is broken and we need it for tomorrow. Can you please help?",
    "de": "Hallo, der Drucker im zweiten Stock ist kaputt und wir brauchen ihn. Können Sie bitte nachsehen?",
    "fr": "Bonjour, l'imprimante du bureau est en panne et nous avons besoin de vous pour la réparer. Merci",
    "es": "Hola, la impresora de la oficina no funciona y es urgente. Muchas gracias por su ayuda",
    "it": "Buongiorno, la stampante non funziona più e ho bisogno di aiuto per una riparazione. Grazie",
    "pt": "Bom dia, a impressora do escritório não funciona e é urgente para uma reunião. Obrigado",
    "nl": "Hallo, de printer op het kantoor is stuk en wij hebben het nodig. Kunnen jullie dat graag maken?",
    "da": "Hej, printeren er i stykker, og jeg kan ikke få det til at virke. Har vi en anden? Venlig hilsen fra Bo",
    "sv": "Hej, skrivaren är trasig och jag kan inte få det att fungera. Har vi en annan? Tack",
    "fi": "Hei, tulostin on rikki ja se ei toimi, mutta me tarvitsemme sitä. Kiitos, terveisin Bo",
    "pl": "Dzień dobry, drukarka nie działa i proszę o pomoc, czy to jest możliwe? Dziękuję",
    "cs": "Dobrý den, tiskárna je rozbitá a prosím o pomoc, jsem na pobočce. Děkuji, s pozdravem",
    "hu": "Kérem segítsen, a nyomtató nem működik és ez egy nagy baj. Köszönöm, üdvözlettel",
    "ro": "Bună ziua, imprimanta nu este pornită și vă rog să veniți la birou. Mulțumesc",
    "tr": "Merhaba, yazıcı bozuldu ve bu çok acil, lütfen bir bakın, ne zaman olur? Teşekkürler",
    "ru": "Здравствуйте, принтер не работает, и это срочно. Что мы можем сделать? Спасибо",
    "uk": "Принтер не працює, і це терміново. Що ми можемо зробити? Дякую, будь ласка",
    "el": "Καλημέρα, ο εκτυπωτής δεν λειτουργεί.",
    "he": "שלום, המדפסת לא עובדת",
    "ar": "مرحبا، الطابعة لا تعمل",
    "th": "เครื่องพิมพ์เสีย",
    "ja": "プリンターが壊れました。確認をお願いします。",
    "zh": "打印机坏了，请帮忙看一下。",
    "ko": "프린터가 고장났습니다. 확인 부탁드립니다.",
    "vi": "Xin chào, máy in của tôi không in được và tôi cần các bạn giúp. Cảm ơn",
}


@pytest.mark.parametrize(("language", "text"), TEXTS.items(), ids=TEXTS)
def test_language_is_told_by_script_or_small_words(language, text):
    assert guess(text) == language


@pytest.mark.parametrize(
    "text", ["", "OK", "12345 67890", "Printer defect", "RE: 4711 / web1.example", "Müller 张 GmbH printer"]
)
def test_language_is_not_told_where_it_is_unsure(text):
    assert guess(text) is None
