"""What charset unlabelled 8-bit text is in: the one in which its foreign letters are those of a language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

_FOREIGN = bytes(range(0x80, 0x100))
_SAMPLE = 400  # bytes that are enough to tell scripts apart
_MANY = 25  # letters of several languages: that one is among them says less
_FEW = 4  # foreign letters from which on what is usual counts for little
_SEEN = 16_384  # bytes in which words with foreign letters are looked for: markup may stand between them
_PREFIX = 20  # letters of a word before its first foreign one
_FIRST = re.compile(rb"[\x80-\xff]")
_WORD = re.compile(rb"[A-Za-z]{0,20}[\x80-\xff][A-Za-z\x80-\xff]{0,40}")

# The letters beyond ASCII of languages, the most frequent first; of those with a script of their own, all letters.
_WESTERN = "éäüöàßèçóíáñêãåøâæôúõîûëïùìòœýðþ"
_POLISH = "łęóążśćńź"
_CZECH = "íáéýěřčžšůúóťďňľäĺôŕ"
_HUNGARIAN = "áéöóőíüúű"
_ROMANIAN = "ăîâşţ"
_TURKISH = "ışüğçöâ"
_BALTIC = "ėšųįūžčąęāīēņļķģ"
_RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёъ"
_UKRAINIAN = "оаинітерсвлкдмпузяьбгчйхжїцшюєщфґ"
_GREEK = "αοιετσνηυρπκμλςγόδήωάίθχφέύβξώζψϊϋΐ"
_HEBREW = "יוהלאמרתבשנדקעפסחכטםגצזןךףץ"
_THAI = "านรอกเงมยลว่้ัิดทสีตะปุบคหแจืพชขำใไู์โผ็ถซธศณฉภญฐฟฎฮฬฏฆฝฤฒฌฑๆ"
_ARABIC = "ايلمنورتبةعدسفهكقأحجشصىطخضذئزثءغإآظؤ"


@dataclass(frozen=True, slots=True)
class _Model:
    """A language in one codec: how usual that is in unlabelled mail, and what each of its letters counts."""

    codec: str
    usual: float
    weights: dict[str, float]
    is_latin: bool


def _model(codec: str, usual: float, letters: str) -> _Model:
    is_latin = letters[0] < "\u0250"
    most, spread = (1.15 if len(letters) < _MANY else 1.05, 0.35) if is_latin else (1.3, 0.9)
    weights = {letter: most - spread * rank / len(letters) for rank, letter in enumerate(letters)}
    weights |= {"i\u0307": most} if "ı" in weights else {}  # what Python makes of a capital İ
    return _Model(codec, usual, weights, is_latin)


_MODELS = (
    _model("cp1252", 0.12, _WESTERN),
    _model("cp1250", 0.06, _POLISH),
    _model("cp1250", 0.06, _CZECH),
    _model("cp1250", 0.06, _HUNGARIAN),
    _model("cp1250", 0.03, _ROMANIAN),
    _model("iso8859-2", 0.05, _POLISH),
    _model("iso8859-2", 0.05, _CZECH),
    _model("cp1254", 0.04, _TURKISH),
    _model("cp1257", 0.02, _BALTIC),
    _model("cp1251", 0.10, _RUSSIAN),
    _model("cp1251", 0.06, _UKRAINIAN),
    _model("koi8-r", 0.08, _RUSSIAN),
    _model("cp1253", 0.02, _GREEK),
    _model("cp1255", 0.06, _HEBREW),
    _model("cp1256", 0.02, _ARABIC),
    _model("cp874", 0.02, _THAI),
)
_WIDE = (("gb18030", 0.10), ("cp950", 0.05), ("cp932", 0.05), ("euc_jp", 0.05), ("cp949", 0.05))
_JAPANESE = ("cp932", "euc_jp")
_SIGNS = "\xa0«»°§´·©®–—€¿¡“”„‘’‚…•№²³½"
_MIXED = re.compile(rb"[\x80-\xff][A-Za-z]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_HAN = re.compile("[\u4e00-\u9fff]")
_KOREAN = 6  # syllables that are Hangul by chance in one of forty Chinese texts


def guess(data: bytes) -> str:
    """The codec of unlabelled text, from its first foreign bytes; `cp1252` where nothing tells."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    found = _FIRST.search(data)
    first = max(0, found.start() - _PREFIX) if found else 0
    sample = data[first : first + _SAMPLE]
    words = b" ".join(_WORD.findall(data[first : first + _SEEN]))[:_SAMPLE]
    foreign = max(len(words) - len(words.translate(None, _FOREIGN)), 1)
    doubt = 1 + _FEW / foreign
    mixed = len(_MIXED.findall(words)) / foreign  # of a script of its own, no letter stands before a Latin one
    best, best_score = "cp1252", 0.0
    for model in _MODELS:
        score = _mean(words.decode(model.codec, "replace"), partial(_letter, model)) + model.usual * doubt
        if not model.is_latin:
            score -= mixed
        if score > best_score:
            best, best_score = model.codec, score
    for codec, usual in _WIDE:
        try:
            text = sample.decode(codec)
        except UnicodeDecodeError as error:
            if error.start < len(sample) - 4:
                continue
            text = sample.decode(codec, "replace")
        score = _mean(text, partial(_sign, codec)) + (_korean(text) if codec == "cp949" else 0.0) + usual * doubt
        if score > best_score:
            best, best_score = codec, score
    return best


def _mean(text: str, worth: Callable[[str, str], float]) -> float:
    """What the foreign letters of a text are worth by that measure, each told from the letter before it.

    About 1 is a sentence, below 0 is noise.
    """
    total, before = 0.0, " "
    foreign = 0
    for char in text:
        if char > "\x7f":
            foreign += 1
            total += worth(char, before)
        before = char
    return total / foreign if foreign else 0.0


def _letter(model: _Model, char: str, before: str) -> float:
    """Of a language with an alphabet."""
    lower = char.lower()
    worth = model.weights.get(lower)
    if worth is None:
        return 0.8 if char in _SIGNS else -0.4 if char.isalpha() else -0.8
    if char != lower and before.islower():
        return -0.6  # a capital inside a word
    if char != lower and before.isupper():
        worth -= 0.05  # words in capitals are rarer
    if model.is_latin:
        return worth - 0.3 if before > "\x7f" and before.isalpha() else worth  # seldom two in a row
    return -0.3 if before < "\u0250" and before.isalpha() else worth


def _korean(text: str) -> float:
    """For Chinese read as Korean is half Hangul and half Han; Korean read as Chinese is Han alone."""
    return 0.1 if len(_HANGUL.findall(text)) >= _KOREAN and not _HAN.search(text) else 0.0


def _sign(codec: str, char: str, before: str) -> float:
    """Of the scripts of East Asia, by the characters that are frequent in them."""
    code = ord(char)
    if char == "\ufffd" or 0xE000 <= code <= 0xF8FF or code > 0x2FFFF:
        return -3.0
    if 0x3040 <= code <= 0x30FF:  # kana, which other charsets have beside their own
        return 1.3 if codec in _JAPANESE else 0.3
    if (0x4E00 <= code <= 0x9FFF or 0xAC00 <= code <= 0xD7A3) and before.isascii() and before.isalpha():
        return 0.3  # in the middle of a Latin word: an accent and the letter after it, taken for one character
    if 0x4E00 <= code <= 0x9FFF:
        return 0.95 if _common_han(char) else 0.3
    if 0xAC00 <= code <= 0xD7A3:
        return 0.95 if _common_hangul(char) else 0.3
    if 0x3000 <= code <= 0x303F or 0xFF01 <= code <= 0xFF5E:
        return 0.9
    category = unicodedata.category(char)
    return 0.4 if category[0] == "P" else 0.3 if category[0] == "L" else -0.8


@lru_cache(maxsize=4096)
def _common_han(char: str) -> bool:
    """In the first level of GB 2312 or Big5, where frequent characters are."""
    gb = char.encode("gb2312", "ignore")
    if len(gb) == 2 and 0xB0 <= gb[0] <= 0xD7:
        return True
    big5 = char.encode("big5", "ignore")
    return len(big5) == 2 and 0xA4 <= big5[0] <= 0xC6


@lru_cache(maxsize=4096)
def _common_hangul(char: str) -> bool:
    return len(char.encode("euc_kr", "ignore")) == 2
