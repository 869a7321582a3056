"""Know a text in which somebody says that he is away, and until when, whatever wrote it: by its words alone."""

from __future__ import annotations

import re
import unicodedata

from parsing import phrases

WHOLE = 600  # characters of such a text with its courtesies; a responder that says more is known by its opening
SHORT = 300  # characters in which an absence and a date may be all that somebody has to say
BESIDE = 4  # words that it may have besides: a name below it

_SENTENCE = re.compile(r"(?<!\d)[.,](?=\s|$)|[;:!–—\n]|\s-\s|[。、，]")  # no end of it: "3.12. wieder"
_AND = re.compile(r"\s(?:and|but|so|und|aber|et|mais|y|pero|e|ma|en|maar|mas|ale|och|men|og)\s")
_WORD = r"(?:^|[^\pL\d])"  # RE2's own \b knows no letter but A to Z
_begins_oneself = phrases.finder((p[1:] for p in phrases.AWAY_SELF if p[0] == "^"), before=r"^\W*")
_has_oneself = phrases.finder((p for p in phrases.AWAY_SELF if p[0] != "^"), before=_WORD)
_opens = phrases.finder(phrases.ABSENCE_OPENINGS)
_has_absence = phrases.finder(phrases.AWAY_WORDS, before=_WORD)
_has_until = phrases.finder(
    phrases.AWAY_UNTIL, before=_WORD, after=rf"(?:\s+\S+){{0,3}}?\s+(?:{'|'.join(phrases.AWAY_DATES)})"
)
_has_meanwhile = phrases.finder(phrases.AWAY_MEANWHILE)
_begins_back = phrases.finder((p[1:] for p in phrases.AWAY_BACK if p[0] == "^"), before=r"^\W*")
_has_back = phrases.finder((p for p in phrases.AWAY_BACK if p[0] != "^"), before=_WORD)
_thanks = phrases.finder(phrases.AWAY_THANKS)
_promises = phrases.finder(phrases.ABSENCE_PROMISES)
_has_moved = phrases.finder(phrases.AWAY_MOVED)
requests = phrases.finder(phrases.AWAY_REQUESTS, before=_WORD)  # whether somebody wants something
_besides = phrases.finder(phrases.AWAY_BESIDES, before=_WORD)


def says_only_that(words: str) -> bool:
    """Whether a text says of its author that he is away, until when, and nothing that somebody would have to read."""
    words = _plain(words)
    if not words or len(words) > WHOLE or "?" in words or "？" in words:
        return False
    clauses = _clauses(words)
    away = any(map(_oneself, clauses)) or _opens(words)
    back = any(map(_back, clauses))
    timed = back or _dated(words)
    if not (timed and (away or (back and _thanks(words)))):
        return False
    beside = [clause.split() for clause in clauses if not _is_of_it(clause)]
    return sum(map(len, beside)) <= BESIDE and not any(map(_asks, beside))


def may_say_that(words: str) -> bool:
    """Whether a text may be such a one, of anybody: too little to keep it, enough to ask whose words they are."""
    words = _plain(words)
    if _opens(words[:SHORT]) and len(words) <= WHOLE:
        return True
    if not words or len(words) > SHORT:
        return False
    clauses = _clauses(words)
    back = any(map(_back, clauses))
    if not (back or _dated(words)):
        return False
    return _has_absence(words) or any(map(_oneself, clauses)) or (back and _thanks(words))


def is_courteous(words: str) -> bool:
    """Whether a text thanks for a mail, or says what becomes of it, as responders do."""
    return _thanks(words) or _promises(words) or _opens(words[:SHORT]) or _has_moved(words[:SHORT])


def _asks(beside: list[str]) -> bool:
    """Whether words are more than a name: "please close it" is what somebody wants, however few words it has."""
    small = sum(1 for word in beside if word[0].islower() and word not in phrases.PARTICLES)
    return (len(beside) > 2 and small > 1) or requests(" ".join(beside))


def _plain(words: str) -> str:
    """Letters and spaces as the phrases have them; no more than can matter."""
    return unicodedata.normalize("NFC", words[: 2 * WHOLE]).replace("\u00a0", " ").strip()


def _clauses(words: str) -> list[str]:
    return [part.strip() for sentence in _SENTENCE.split(words) for part in _AND.split(sentence)]


def _oneself(clause: str) -> bool:
    return _begins_oneself(clause) or _has_oneself(clause)


def _back(clause: str) -> bool:
    return _begins_back(clause) or _has_back(clause)


def _dated(words: str) -> bool:
    return _has_until(words) or _has_meanwhile(words)


def _is_of_it(clause: str) -> bool:
    """Whether a clause is one that such a text has."""
    return (
        _oneself(clause)
        or _opens(clause)
        or _back(clause)
        or _thanks(clause)
        or _promises(clause)
        or _besides(clause)
        or (_has_until(clause) and len(clause.split()) <= 2 * BESIDE and not requests(clause))
    )
