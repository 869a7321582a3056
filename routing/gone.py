"""Know a text that says that its author, or his mailbox, is there no more: what only a responder writes by itself.

It names no day of return, so `parsing.away` cannot tell it from a person's words. A person writes it, too, of a
colleague who has left: it is enough to ask, and not to keep it.
"""

from __future__ import annotations

import unicodedata

from routing.patterns import compiled

WHOLE = 600  # characters of such a text with its courtesies; a longer one is a person's
_GAP = r"(?:\S+\s+){0,4}"
_HOUSE = r"(?:company|firm|organi[sz]ation|business)"
_BOX = r"(?:mailbox|address|inbox|account)"
_GONE = (
    rf"left\s+(?:the|our|this|my)\s+(?:\S+\s+)?{_HOUSE}",
    r"(?:no\s+longer|not\s+any\s?more)\s+(?:work(?:s|ing)?\s+(?:for|at|here|with)|with\s+(?:the|our|us)|employed)",
    rf"{_BOX}\s+(?:is|was)\s+(?:not|no\s+longer)\s+(?:being\s+)?(?:monitored|read|checked|in\s+use|attended)",
    rf"nicht\s+(?:mehr|länger)\s+{_GAP}(?:tätig|beschäftigt)",
    rf"arbeite\s+{_GAP}nicht\s+mehr|(?:unternehmen|firma)\s+{_GAP}verlassen",
    rf"(?:postfach|adresse)\s+wird\s+{_GAP}nicht\s+(?:mehr\s+)?(?:gelesen|betreut|überwacht)",
    r"quitté\s+(?:l.|la\s+|notre\s+)(?:société|entreprise)|travaille\s+plus\s+(?:pour|chez|dans|ici)|fai[st]\s+plus\s+partie",
    rf"ya\s+no\s+trabaj[oa]|h[ea]\s+dejado\s+{_GAP}(?:empresa|compañía)",
    r"já\s+não\s+trabalh[oa]|não\s+trabalh[oa]\s+mais|deix(?:ei|ou)\s+a\s+empresa",
    r"non\s+lavor[oa]\s+più|lasciato\s+(?:l.azienda|la\s+società)",
    rf"werk\s+{_GAP}niet\s+(?:meer|langer)",
    r"werkt\s+hier\s+niet\s+meer|niet\s+(?:meer|langer)\s+werkzaam|(?:bedrijf|organisatie)\s+verlaten",
    r"nie\s+pracuję|nie\s+pracuje\s+w\s+(?:\S+\s+)?firmie|odesz\S+\s+z\s+firmy|odszed\S+\s+z\s+firmy",
)
_PATTERN = compiled(rf"(?i)(?:^|[^\pL\d])(?:{'|'.join(_GONE)})")


def may_say_that(words: str) -> bool:
    """Whether a short text says that somebody is there no more."""
    text = unicodedata.normalize("NFC", words[: WHOLE + 1]).replace("\u00a0", " ")
    return len(text) <= WHOLE and _PATTERN.search(text) is not None
