"""Find in a mail's HTML where its client began the quote or the signature, and that place in the text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import unescape

SCANNED = 262_144  # characters of HTML: a quote begins below the new words, which are seldom longer
CONTEXT = 3_000  # characters of HTML around a marker in which enough words are found to know the place again
NEAR = 800  # characters of HTML in which they mostly stand
KEY = 24  # letters before and after the marker that name a place in the text
SHORT = 8  # letters after it that are enough with those before

# Names that clients give to what holds the quote, by a part of them that one search finds: Gmail, Yahoo, Proton, Tuta;
# Thunderbird, Apple Mail; Outlook (OWA, new, mobile, for Mac); Thunderbird's forward; Zoho; Apple Mail's older ones.
QUOTES = {
    "_quote": ("gmail_quote", "yahoo_quoted", "protonmail_quote", "tutanota_quote"),
    "cite": ("moz-cite-prefix", 'type="cite"', "type=cite", "type='cite'"),
    "reference-message": ("mail-editor-reference-message-container", "ms-outlook-mobile-reference-message"),
    "RplyFwdMsg": ("divRplyFwdMsg",),
    "appendonsend": ("appendonsend",),
    "OLK_SRC": ("OLK_SRC_BODY_SECTION",),
    "moz-forward": ("moz-forward-container",),
    "zmail_extra": ("zmail_extra",),
    "MailQuote": ("AppleMailQuote",),
}
SIGNATURES = {
    "ignature": (
        "gmail_signature",
        "moz-signature",
        "data-signatureblock",
        "ms-outlook-mobile-signature",
        "AppleMailSignature",
        "protonmail_signature_block",
        "ymail_android_signature",
        'id="Signature"',
        "tutanota_signature",
    )
}
NAME = 40  # characters of the longest

_HIDDEN = re.compile(r"<(style|script|title)\b[^>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>?")
_EMPTY = re.compile(r"<[^>]*>(?:\s|<(?:div|span|p)\b[^>]*>\s*</(?:div|span|p)>)*</", re.IGNORECASE)
_CLOSES = ("-->", "</st", "</ST", "</sc", "</SC", "</ti", "</TI")  # where there is something hidden to look for
_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalnum())
# Signs beyond ASCII, in UTF-8: U+0080 to U+00BF, U+2000 to U+206F, U+3000 to U+303F, U+FF00 to U+FF0F.
_SIGNS = re.compile(rb"\xc2.|\xe2[\x80\x81].|\xe3\x80.|\xef\xbc[\x80-\x8f]", re.DOTALL)
_NO_LETTERS_IN_LINES = _NO_LETTERS.replace(b"\n", b"")
_BLOCKQUOTE = re.compile(r"<(/?)blockquote\b", re.IGNORECASE)


def quote_line(html: str, lines: Sequence[str]) -> tuple[bool, int | None]:
    """Whether `html` has a client's quote, and the line of `lines` at which it begins, where that is clear."""
    html = html[:SCANNED]
    place = _element(html, QUOTES)
    if place is None:
        place = _last_blockquote(html)
    if place is None:
        return False, None
    return True, _line(html, place, lines)


def signature_line(html: str, lines: Sequence[str]) -> int | None:
    """The line of `lines` at which the signature begins that a client marked in `html`, if any."""
    html = html[:SCANNED]
    place = _element(html, SIGNATURES)
    while place is not None and _EMPTY.match(html, place):
        place = _element(html, SIGNATURES, place + 1)  # a client's place for one: what stands below is no signature
    if place is None:
        return None
    quote = _element(html, QUOTES)
    if quote is not None and quote < place:
        return None  # the signature of somebody who is quoted, or one under the quote
    return _line(html, place, lines)


def _element(html: str, names: Mapping[str, Sequence[str]], begin: int = 0) -> int | None:
    """Where the first tag from `begin` on that bears one of `names` as an attribute begins."""
    first = len(html)
    for part, whole in names.items():
        found = html.find(part, begin, first)
        while found >= 0:
            start = html.rfind("<", max(begin, found - CONTEXT), found)
            if start >= 0 and ">" not in html[start:found]:
                around = html[max(start, found - NAME) : found + NAME]
                if any(name in around for name in whole):
                    first = start
                    break
            found = html.find(part, found + 1, first)
    return first if first < len(html) else None


def _last_blockquote(html: str) -> int | None:
    """The last outermost blockquote, where nothing but tags follows it: then it quotes the mail answered."""
    depth, start, end = 0, None, 0
    for match in _BLOCKQUOTE.finditer(html):
        if match[1]:
            depth -= 1
            end = match.end()
        else:
            if depth <= 0:
                depth, start = 0, match.start()
            depth += 1
    if start is None or end <= start:
        return None
    return None if _letters(html[end : end + CONTEXT]) else start


def _letters(html: str) -> str:
    for close in _CLOSES:
        if close in html:
            html = _HIDDEN.sub("", html)
            break
    html = _TAG.sub("", html)
    return _squeezed(unescape(html) if "&" in html else html)


def _squeezed(text: str, *, lines: bool = False) -> str:
    """Only letters and digits of `text`, with `lines` also its line ends."""
    data = text.encode("utf-8", "surrogatepass").translate(None, _NO_LETTERS_IN_LINES if lines else _NO_LETTERS)
    if not data.isascii():
        data = _SIGNS.sub(b"", data)
    return data.decode("utf-8", "surrogatepass")


def _around(html: str, place: int, context: int) -> tuple[str, str]:
    """The last letters before `place`, and the first after it."""
    before = _letters(html[max(0, place - context) : place].partition(">")[2])[-KEY:]
    return before, _letters(html[place : place + context])[:KEY]


def _line(html: str, place: int, lines: Sequence[str]) -> int | None:
    """The line of the text that holds the first word after `place` of the HTML."""
    before, after = _around(html, place, NEAR)
    if len(before) < KEY or len(after) < KEY:
        before, after = _around(html, place, CONTEXT)
    if not after:
        return None
    squeezed = _squeezed("\n".join(lines), lines=True)
    text = squeezed.replace("\n", "")
    found = text.find(before + after)
    if found < 0 and before:
        found = text.find(before + after[:SHORT])  # a link's address may stand in the text after a few words
    if found >= 0:
        found += len(before)
    elif len(after) == KEY and text.count(after) == 1:
        found = text.find(after)
    elif not before and text.startswith(after):
        found = 0
    else:
        return None
    for number, line in enumerate(squeezed.split("\n")):
        if found < len(line):
            return number
        found -= len(line)
    return None
