"""Guess the language of a text from its script and its most frequent small words."""

from __future__ import annotations

import re

SCANNED = 600  # characters: enough small words to tell, and quick
LEAST = 3  # small words found before a guess is made, and twice as many as of the next language

_WORDS: dict[str, str] = {
    "en": "the and is you to of for not with have this that are was will please we it be can your from my our but hi",
    "de": "der die das und ist nicht ich sie wir ein eine mit für auf den dem von zu es bitte auch haben kann hallo",
    "fr": "le la les et est pas je vous nous un une des pour dans que qui avec sur du au ce bonjour merci votre être",
    "es": "el la los las y es no yo que de en un una para con por se del al lo su gracias hola pero muy está usted",
    "it": "il la lo gli e è non che di un una per con del della sono ho si ci grazie buongiorno anche come questo alla",
    "pt": "o a os as e é não que de um uma para com por do da em se obrigado bom dia você está mas no na ao muito",
    "nl": "de het een en is niet ik je wij u van voor met op dat te zijn bij kunnen graag ook maar deze hallo heeft",
    "da": "og er ikke jeg det en et af til med på den vi kan har for som at hej mvh venlig hilsen efter fra men blev",
    "sv": "och är inte jag det en ett av till med på den vi kan har för som att hej vänlig hälsning från men tack om",
    "nb": "og er ikke jeg det en et av til med på den vi kan har for som å hei vennlig hilsen etter fra men ble takk",
    "fi": "ja on ei se että en minä me mutta kun jos niin voi tämä ovat hei kiitos terveisin kanssa olen myös vain",
    "pl": "i jest nie w na z do że się to jak co proszę dzień dobry dziękuję pozdrawiam jestem czy dla po ale od",
    "cs": "a je ne v na s do že se to jak co prosím dobrý den děkuji pozdravem jsem pro po ale od není jsou nebo",
    "sk": "a je nie v na s do sa to ako čo prosím dobrý deň ďakujem pozdravom som pre po ale od sú alebo",
    "hu": "a az és nem hogy egy van is meg ez de ha vagy kérem köszönöm üdvözlettel tisztelt volt csak már lesz",
    "ro": "și este nu de la în cu pe un o care pentru sunt vă mulțumesc bună ziua am dar mai din ce fi să",
    "tr": "ve bir bu da de için ile ne değil var çok ama merhaba teşekkürler lütfen olarak daha gibi kadar olan",
    "hr": "i je ne u na se da su za od što kako hvala molim pozdrav sam ali ili samo bio može ovo",
    "lt": "ir yra ne kad su į iš tai ar bet laba diena ačiū prašau pagarbiai labas dėl nuo per kaip",
    "vi": "là và không của có cho tôi bạn được với này các một những đã xin chào cảm ơn để trong",
    "id": "dan yang di tidak dengan untuk ini itu dari saya anda ke pada adalah akan terima kasih bisa sudah kami",
    "ru": "и в не на я что с по это как но вы мы для он так за от здравствуйте спасибо пожалуйста есть при или",
    "uk": "і в не на я що з по це як але ви ми для він так за від дякую будь ласка є при або та у до",
    "bg": "и в не на аз че с по това как но вие ние за така от здравейте благодаря моля има при или да се е",
}
# Of each word one integer with a byte for each language, so that a sum of them counts for all languages at once.
_CODES = tuple(_WORDS)
_BY_WORD: dict[str, int] = {}
for _number, _list in enumerate(_WORDS.values()):
    for _word in _list.split():
        _BY_WORD[_word] = _BY_WORD.get(_word, 0) | 1 << 8 * _number

_WIDE = re.compile("[\u0370-\u03ff\u0590-\u06ff\u0900-\u097f\u0e00-\u0e7f\u3041-\ud7a3]")  # all of the scripts below
# Scripts that one language, or nearly, is written in. Kana and Hangul before Han: Japanese mixes them.
_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ja", re.compile("[\u3041-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("hi", re.compile("[\u0900-\u097f]")),
)
# Letters that the neighbours do not have.
_LETTERS = (
    (re.compile("[ыэё]"), (_CODES.index("uk"), _CODES.index("bg"))),
    (re.compile("[іїєґ]"), (_CODES.index("ru"), _CODES.index("bg"))),
)


def guess(text: str) -> str | None:
    """The ISO 639-1 code of the language of `text`, told from its beginning, or None where that is unsure."""
    text = text[:SCANNED]
    wide = "" if _is_western(text) else "".join(_WIDE.findall(text))
    if len(wide) > 2:
        letters = sum(map(str.isalpha, text))
        for code, script in _SCRIPTS:
            count = len(script.findall(wide))
            # A few kana make Japanese of Han; a name in another script makes nothing.
            if count > 2 and count * (12 if code == "ja" else 3) > letters:
                return code
    lower = text.lower()
    found = _BY_WORD.keys() & lower.split()
    counts = bytearray(sum(map(_BY_WORD.__getitem__, found)).to_bytes(len(_CODES), "little"))
    for telling, others in _LETTERS:
        if any(counts[other] for other in others) and telling.search(lower):
            for other in others:
                counts[other] = 0
    best = max(counts)
    return _CODES[counts.index(best)] if best >= LEAST and counts.count(best) == 1 else None


def _is_western(text: str) -> bool:
    """Whether it holds no letters but Latin-1's, which is told at once."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True
