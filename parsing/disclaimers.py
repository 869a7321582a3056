"""What a company's mail server or a virus scanner adds below a mail, told from what somebody writes himself."""

from __future__ import annotations

import re

from parsing import phrases

DISCLAIMER_CHARACTERS = 400  # in which one says what it is
PERSONAL_CHARACTERS = 240  # of a paragraph that somebody may have written of himself

asks = phrases.finder(("please", "bitte"), before="^", after=r"[^\pL]")  # whether it begins as a request
_shows_disclaimer = phrases.finder(phrases.DISCLAIMERS)
_shows_placed = phrases.finder(phrases.DISCLAIMERS_PLACED)
_is_formal = phrases.finder(phrases.DISCLAIMERS_FORMAL)
_is_whole = phrases.finder(phrases.DISCLAIMERS_WHOLE, before="^", after=r"\.?(?: ?www\.(?:avast|avg)\.com)?$")
_PICTURE = re.compile(r"<[^<>\s]{1,400}>|\[[^\[\]]{1,60}\]")  # and links, as a text shows them
_PERSONAL = re.compile(
    r"\b(?:I|[Mm]y|[Ii]ch|[Mm]eine?[mnr]?|[Mm]on|[Mm]es|[Mm]i|[Mm]eu|[Mm]inha|[Ii]k|[Mm]ijn)\b|\bme\b"
)


def disclaims(text: str) -> bool:
    """Whether a company's server wrote this of the mail, and not somebody of himself."""
    text = text[:DISCLAIMER_CHARACTERS]
    return _shows_disclaimer(text) and _is_impersonal(text)


def may_disclaim(text: str) -> bool:
    """Whether it is what such servers write, be it of the mail or of their company."""
    text = text[:DISCLAIMER_CHARACTERS]
    return (_shows_disclaimer(text) or _shows_placed(text)) and _is_impersonal(text)


def _is_impersonal(text: str) -> bool:
    """Whether nobody speaks of himself in it, as far as it is no longer than what somebody writes."""
    return len(text) > PERSONAL_CHARACTERS or not _PERSONAL.search(text)


def is_sure(text: str) -> bool:
    """Whether what disclaims is longer than what people write of a mail, or has the formula of lawyers."""
    return len(text) > PERSONAL_CHARACTERS or (_is_formal(text[:DISCLAIMER_CHARACTERS]) and "?" not in text)


def is_asking(text: str) -> bool:
    """Whether it rather is a question or an order, of which nobody says that they are about the mail."""
    if len(text) > PERSONAL_CHARACTERS or is_scanners(text):
        return False
    return "?" in text or (asks(text) and not disclaims(text))


def is_scanners(text: str) -> bool:
    """Whether a virus scanner wrote this, and nobody a word of it."""
    return len(text) <= 4 * DISCLAIMER_CHARACTERS and _is_whole(" ".join(_PICTURE.sub("", text).split()))
