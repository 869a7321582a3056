"""Lines by which a mail client says what a mail was sent with ("Sent from my iPhone")."""

from __future__ import annotations

import re

from parsing import phrases
from parsing.disclaimers import asks

SENT_WORDS = 13
SENT_CHARACTERS = 160

_DEVICE = phrases.words(phrases.DEVICES)
_SENT = phrases.words(phrases.SENT)
_names_device = phrases.finder(
    (
        f"(?:{_SENT}).{{0,28}}(?:{_DEVICE})",
        f"(?:{_DEVICE}).{{0,28}}(?:{_SENT})",
        "^via mobile$",
        "^von unterwegs (?:gesendet|geschickt|geschrieben)",
        # Outlook on a phone, whose links are the same in all languages
        r"^[^:：]{0,40}\boutlook\b[^:：<]{0,12}\b(?:ios|android)\b[^:：<]{0,20}<https://aka\.ms/(?:o0ukef|AAb9ysg)>\.?$",
    )
)
# What clients never say of a mail: that somebody did it, or that something is not, will, can or must be so.
_speaks = phrases.finder(
    (
        r"^(?:i|i.ve|i.m|we|you|he|she|they|ich|wir|er|je|j.ai|nous|yo|eu|io|ik|wij|jeg|jag|я|мы)[^\pL]",
        r"(?:^|[^\pL])(?:not|cannot|nothing|never|nicht|nichts|kein|keinen?|pas|jamais|niet|geen|не|нет)(?:$|[^\pL])",
        r"n['’]t(?:$|[^\pL])",
        r"(?:^|[^\pL])(?:will|would|can|could|should|must|wird|werden|kann|können|soll|sollte|muss)(?:$|[^\pL])",
    )
)
_excuses = phrases.finder(("excus", "forgiv", "pardon", "entschuldig", "verzeih"))
_LINK = re.compile(r"\s?<https?://[^\s<>]{1,300}>")


def is_sent_from(line: str) -> bool:
    """Whether a client added this line to say what it was sent with ("Sent from my iPhone")."""
    text = line.strip(" \t*_[]()")
    if not 6 < len(text) <= SENT_CHARACTERS or text.endswith("?"):
        return False
    if len(text.split("<")[0].split()) > SENT_WORDS:
        return False
    named = _names_device(text) or ("<" in text and _names_device(_LINK.sub("", text)))
    return named and not _speaks(text) and not (asks(text) and not _excuses(text))
