"""Find where a signature begins: its delimiter, "Sent from my ...", a closing with the name, contact lines.

Looks only at the last lines of a text, so that its time does not depend on the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from parsing import disclaimers, phrases
from parsing.devices import is_sent_from
from parsing.message import Address
from parsing.quotes import is_rule
from parsing.shown import visible

DELIMITED_LINES = 40  # lines after a "-- " that can still be a signature with a disclaimer
BARE_LINES = 20  # the same after "--", which people also use as a rule
TAIL_LINES = 24  # as far up as a closing is looked for
LINE_CHARACTERS = 80  # a longer line is a sentence, not a line of a signature
NAME_WORDS = 5
NAME_LETTERS = 3  # of a word that tells a name
SALUTATION_WORDS = 6
SMALL_WORDS = 4  # with a small first letter, particles not counted: more than a title or an address has
CLOSING_CHARACTERS = 60
CONTACT_LINES = 16
DELIMITER_CHARACTERS = 3  # at most, without the blanks behind them
SHOWN_LINES = 2 * TAIL_LINES  # of the end, in which what cannot be seen is left out
DISCLAIMER_PARAGRAPHS = 12  # under one mail
PLAIN_BLANKS = 2  # behind a delimiter; with more of them it may be a rule

FOOTER_RULE = 20  # underscores over a mailing list's footer, at least

_DELIMITER = re.compile(r"\s?(?:--|—|–)[ \t\u00a0]{0,4}$")
_BLANK = (" ", "\t")
_DELIMITED = frozenset("-—–_ ")  # what a delimiter's line begins with
_DASHED_NAME = re.compile(r"\s?[-–—~/]{1,2}(?:\s?[^\W\d_][\w.']{0,20}|[A-Z][\w.']{1,20}(?: [A-Z][\w.']{0,20}){1,2})$")
_BY_ORDER = re.compile(r"(?:i\.\s?[AV]\.|ppa?\.|p\.\s?p\.)\s?")  # before the name of who signs for a company
_BESIDE = re.compile(r"\s[|–—/-]\s|\s?[,|]\s")  # between a name and what it does
_shows_contact = phrases.finder(
    (
        r"[^\s@]@[^\s@]+\.[\pL\pN]",
        r"https?://",
        r"(?:^|[^\pL\pN_])www\.",
        r"(?:^|[^\pL\pN_])"
        r"(?:tel|phone|fax|mobile|mob|cell|telefon|tél|skype|handy|direct|office|durchwahl|tlf|m|t|f|p|e|w)\s?[.:]",
        r"\d[\d\s().\-/]{6,}\d",
    )
)
_DATE = re.compile(
    r"(?<!\d)\d{1,4}([./-])\d{1,2}\1\d{1,4}(?:,? \d{1,2}[:.]\d\d)?(?!\d)"
)  # which looks like a telephone's
_WORDS = re.compile(r"[^\W\d_]+")
_POINTS = ("-", "*", "•", "/", "–")  # what a list's points begin with
_POINT = re.compile(r"(?:\d{1,3}|[a-z])[.)]\s|[-*•–]\s")
_STRIP = " \t\u00a0*_,.!;:;，。！、-–—"
_NAMED_DELIMITER = re.compile(r"-- ?([^\W\d_].*)")
_POSTSCRIPT = re.compile(r"(?:P\.?\s?S\.?|N\.?B\.?|ps)(?:[\s:,-]|$)")
_salutes = phrases.finder((phrases.words(phrases.SALUTATIONS),), before=r"(?i)^\W*", after=r"(?:$|[^\pL\pN])")


def has_postscript(signature: str) -> bool:
    """Whether words go on below a name ("PS: ...")."""
    return any(_POSTSCRIPT.match(line) for line in signature.split("\n"))


def _has_contact(text: str) -> bool:
    """Whether there is a way to reach somebody in the text: an address, a site or a telephone number."""
    return _shows_contact(text) and (not _DATE.search(text) or _shows_contact(_DATE.sub("", text)))


def is_closing(line: str) -> bool:
    """Whether the line is a closing formula and nothing else ("Best regards,", "Regards / Grüße")."""
    if len(line) > CLOSING_CHARACTERS:
        return False
    text = " ".join(line.lower().strip(_STRIP).split())
    return text in phrases.CLOSINGS or (
        "/" in text and all(half.strip(_STRIP) in phrases.CLOSINGS for half in text.split("/"))
    )


def begins(lines: Sequence[str], tidy: bool, author: Address | None = None) -> int:
    """The line at which the signature of `lines` begins; their number where there is none."""
    return find(lines, tidy, author)[0]


def find(lines: Sequence[str], tidy: bool, author: Address | None = None, *, alone: bool = False) -> tuple[int, bool]:
    """The line at which the signature of `lines` begins, their number where there is none; and whether that is sure.

    Where `tidy` is false (a first mail, which keeps its words) only what a client marked is a signature:
    the delimiter of RFC 3676 section 4.3, and what it was sent with. Contact lines alone are one if they name
    the `author`, so far as he is known, or stand below a whole sentence: others' may be what the mail is about.
    `alone` says that words stand elsewhere, so that all of `lines` may be a disclaimer, or say what it was sent with.
    """
    lines = _shown(lines)
    size = _filled(lines, len(lines))
    end = _delimited(lines, size, tidy)
    if not tidy:
        end = _above(lines, end, tidy, author, alone)[0]
        return (end if end < size else len(lines)), True
    delimited = end < size
    below = end  # of the paragraphs that seem to be disclaimers
    tops = _disclaimed(lines, end, alone)
    while True:
        top = tops[-1] if tops else below
        start = _ruled(lines, _filled(lines, top)) if tops else top
        end, closed = _above(lines, start, tidy, author, alone)
        if not tops:
            sure = True
            break
        paragraph = " ".join(lines[top : _paragraph_end(lines, top, below)])
        if (
            closed
            or start < _filled(lines, top)
            or _is_named(lines, start, author)
            or disclaimers.is_scanners(paragraph)
        ):
            sure = not disclaimers.is_asking(paragraph)
            break
        if disclaimers.disclaims(paragraph):
            sure = disclaimers.is_sure(paragraph)
            break
        tops.pop()  # nothing shows that the words of the mail end above it
    if alone and size and not end and not delimited:
        sure &= disclaimers.is_sure(" ".join(lines[:below]))
    return (end if end < size else len(lines)), sure


def _above(lines: Sequence[str], end: int, tidy: bool, author: Address | None, alone: bool) -> tuple[int, bool]:
    """Where the signature begins that ends at `end`, and whether a closing or ways to reach somebody tell so."""
    closed = told = False
    while True:
        before = end
        end = _sent_with(lines, end, tidy, alone)
        below = end
        if tidy and not closed:
            end = _closed(lines, end)
            closed = end < below
        if tidy:
            end = _contacts(lines, end, author)
        told |= end < below
        if end == before:
            return end, told


def _ruled(lines: Sequence[str], end: int) -> int:
    """The end of what stands above a rule that ends at `end`; `end` where none does, or nothing above it."""
    return (end and is_rule(visible(lines[end - 1])) and _filled(lines, end - 1)) or end


def _paragraph_end(lines: Sequence[str], top: int, end: int) -> int:
    return next((number for number in range(top, end) if not lines[number].strip()), end)


def _is_named(lines: Sequence[str], end: int, author: Address | None) -> bool:
    """Whether the last paragraph above `end` is somebody's name, and what belongs to it."""
    top = end
    while top and lines[top - 1].strip():
        top -= 1
    if not _filled(lines, top) or end - top > CONTACT_LINES:
        return False
    name = visible(lines[top]).strip()
    if (
        not _is_name(name)
        or not name[:1].isupper()
        or name.endswith((".", "!"))
        or any(map(_is_sentence, lines[top:end]))
    ):
        return False
    return _names([name], author) if author and author.name else len(name.split()) > 1


def _shown(lines: Sequence[str]) -> Sequence[str]:
    """The lines, those at the end as a reader sees them; the blank after a delimiter is part of it."""
    text = "\n".join(lines[-SHOWN_LINES:])
    if " \n" not in text and text.isascii() and "\t\n" not in text and text[-1:] not in _BLANK:
        return lines
    tail = [line if line.isascii() and line[-1:] not in _BLANK else _stripped(line) for line in lines[-SHOWN_LINES:]]
    return [*lines[:-SHOWN_LINES], *tail]


def _stripped(line: str) -> str:
    text = visible(line)
    shown = text.rstrip()
    return shown if len(shown) > DELIMITER_CHARACTERS else text


def _filled(lines: Sequence[str], end: int) -> int:
    while end and not visible(lines[end - 1]).strip():
        end -= 1
    return end


def _delimited(lines: Sequence[str], end: int, tidy: bool) -> int:
    """The topmost signature delimiter near the end."""
    found, below, filled = end, end, 0
    top = max(0, end - 4 * DELIMITED_LINES)  # as many again of them may be blank, and twice
    likely = [place for place in range(top, end) if lines[place][:1] in _DELIMITED]
    for number in reversed(likely):
        line = lines[number]
        filled += len([other for other in lines[number + 1 : below] if other and not other.isspace()])
        if filled > DELIMITED_LINES:
            break
        if _DELIMITER.match(line):
            exact = line.startswith("-- ") or not line.isascii()
            if filled > (DELIMITED_LINES if exact else BARE_LINES):
                break
            blanks = len(line) - len(line.rstrip())
            if blanks > PLAIN_BLANKS or "\t" in line:
                signs = _signs(lines, number, end)
            else:
                signs = line.startswith("-- ") or not _goes_on(lines, number, end)
            if signs:
                found = number
        elif len(line) >= FOOTER_RULE and not line.strip("_ ") and 0 < filled <= BARE_LINES:
            text = "\n".join(lines[number + 1 : end])
            if tidy or _has_contact(text) or disclaimers.may_disclaim(text):
                found = number  # a mailing list's footer, or a company's
        filled += bool(line.strip())
        below = number
    return _filled(lines, found)


def _goes_on(lines: Sequence[str], number: int, end: int) -> bool:
    """Whether "--" is a rule that somebody drew between his words: the next line is a sentence of them."""
    place = _next(lines, number, end)
    line = visible(lines[place]).strip() if place < end else ""
    if _POINT.match(line):
        return not line.startswith(_POINTS) or any(
            _POINT.match(other.lstrip()) for other in lines[:number][-CONTACT_LINES:]
        )
    if not _is_sentence(line) or _is_name(line):  # a company, and after a dash what it says of itself
        return False
    return not (is_sent_from(line) or disclaimers.disclaims(line))


def _signs(lines: Sequence[str], number: int, end: int) -> bool:
    """Whether a name, or ways to reach somebody, stand below the line."""
    place = _next(lines, number, end)
    line = visible(lines[place]).strip() if place < end else ""
    named = _is_name(line) and not line[:1].islower() and not line.endswith((".", "!"))
    small = sum(1 for word in line.split() if word[0].islower() and word not in phrases.PARTICLES)
    return named or not line or (_has_contact(line) and small < 2 and not disclaimers.asks(line))


def _disclaimed(lines: Sequence[str], end: int, alone: bool) -> list[int]:
    """Where the paragraphs at the end begin that a company's server may have added, from the last up."""
    tops: list[int] = []
    while end and len(tops) < DISCLAIMER_PARAGRAPHS:
        top = end = _ruled(lines, end)
        while top and lines[top - 1].strip() and not is_rule(visible(lines[top - 1])):
            top -= 1
        above = _filled(lines, top)
        if not (above or alone) or end - top > CONTACT_LINES:
            break
        text = " ".join(lines[top:end])
        if not (disclaimers.may_disclaim(text) or disclaimers.is_scanners(text)):
            break
        tops.append(top)
        end = above
    return tops


def _sent_with(lines: Sequence[str], end: int, tidy: bool, alone: bool) -> int:
    if not end or not is_sent_from(lines[end - 1]):
        return end
    above = end - 1
    if tidy and above > 1 and _is_name(lines[above - 1]) and not lines[above - 2].strip() and _filled(lines, above - 1):
        above -= 1  # a name directly over it belongs to it
    above = _filled(lines, above)
    return above if above or alone else end


def _closed(lines: Sequence[str], end: int) -> int:
    """The closing from which on all lines are a signature's, and closings directly over it."""
    named = _delimited_name(lines, end)
    if named < end:
        return _filled(lines, named)
    if end and _DASHED_NAME.match(lines[end - 1]) and _filled(lines, end - 1):
        above = lines[_filled(lines, end - 1) - 1].lstrip()
        if not above.startswith(_POINTS):  # else it is the last point of a list
            return _filled(lines, end - 1)
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    salutes = _is_salutation(visible(lines[first]).strip()) if lines else False
    found, filled = end, 0
    for number in range(end - 1, first, -1):
        line = visible(lines[number]).strip()
        if not line:
            continue
        below = _next(lines, number, end)
        if filled and is_closing(line) and (below == found if found < end else _is_signed(lines, number, below)):
            if salutes and (below > number + 1 or found < end) and _next(lines, first, end) == number:
                break  # "Hello", "Thanks", "Solved": a mail has more words than these
            found = number
        elif found < end:
            break  # what stands between two closings are words
        elif not filled and "," in line and is_closing(line.split(",")[0]) and _is_names(line.split(",", 1)[1]):
            found = number  # "Thanks, Anna"
        elif len(line) > LINE_CHARACTERS or _is_sentence(line):
            break
        filled += 1
        if filled > TAIL_LINES:
            break
    return _filled(lines, found)


def _delimited_name(lines: Sequence[str], end: int) -> int:
    """The line "-- Jane Doe" over the rest of a signature; `end` where there is none, or there are more such lines."""
    filled, found = 0, end
    for number in range(end - 1, -1, -1):
        line = visible(lines[number]).strip()
        if not line:
            continue
        name = _NAMED_DELIMITER.match(line)
        if name and found < end:
            return end  # points of a list
        if name and filled and _is_name(name[1]):
            above = _filled(lines, number)
            if above and lines[above - 1].lstrip().startswith(_POINTS):
                return end
            found = number
        filled += 1
        if filled > CONTACT_LINES:
            break
        if found == end and (len(line) > LINE_CHARACTERS or _is_sentence(line)):
            break
    return found


def _is_salutation(line: str) -> bool:
    words = line.split()
    if not words or len(words) > SALUTATION_WORDS or len(line) > CLOSING_CHARACTERS or line.endswith(("?", "？")):
        return False
    ends = line.endswith((",", "!", "，", "！", ":"))
    return (ends or "," not in line) and ((ends and len(words) == 1) or _salutes(line))


def _next(lines: Sequence[str], number: int, end: int) -> int:
    """The next line that is not blank, `end` where there is none."""
    return next((place for place in range(number + 1, end) if lines[place].strip()), end)


def _is_signed(lines: Sequence[str], number: int, below: int) -> bool:
    """Whether who closes on line `number` gives the name on the next, `below`."""
    text = lines[below] if below < len(lines) else ""
    apart = below - number > 1
    small = _BY_ORDER.sub("", text.strip(), count=1)[:1].islower()
    return _is_name(text) and not (apart and small)  # "Thanks", and apart from it "solved"


def _is_name(line: str) -> bool:
    text = _BESIDE.split(_BY_ORDER.sub("", visible(line[: 2 * LINE_CHARACTERS]).strip(" \t*_/,"), count=1))[0]
    if _has_contact(text):
        return False
    words = text.split()
    if not words or len(words) > NAME_WORDS or len(text) > CLOSING_CHARACTERS or text.endswith(("?", ":")):
        return False
    return is_closing(text) or (len(words) == 1 and not text[0].isdigit()) or _is_names(text)


def _is_names(text: str) -> bool:
    """Whether each word could be a name's: no small letter begins it, nor a digit, but for "van der"."""
    words = [word.strip("().,\"'„“”’") for word in text.split()]
    return all(
        word in phrases.PARTICLES or not word or (not word[0].islower() and not any(map(str.isdigit, word)))
        for word in words
    ) and any(words)


def _contacts(lines: Sequence[str], end: int, author: Address | None) -> int:
    """A last paragraph that is a name and ways to reach it, or such lines under a rule."""
    top = max(0, end - 2 * TAIL_LINES)
    if not _shows_contact("\n".join(lines[top:end])):
        return end
    filled = contacts = inside = 0
    for number in range(end - 1, top, -1):
        line = visible(lines[number]).strip()
        if not line:
            above = _filled(lines, number)
            if contacts > 1 and inside and above and _is_name(lines[number + 1]):
                last = lines[above - 1].rstrip()
                ends = last.endswith((".", "!", "?", "。", "！", "？"))
                theirs = last.endswith((":", "：")) or not (ends or _names(lines[above:end], author))
                return end if theirs else above
            inside = 0
            continue
        if is_rule(line):
            above = _filled(lines, number)
            return above if contacts > 1 and above else end
        filled += 1
        if filled > CONTACT_LINES or len(line) > LINE_CHARACTERS or _is_sentence(line):
            return end
        contact = _has_contact(line)
        contacts += contact
        inside += contact
    return end


def is_doubtful(lines: Sequence[str], author: Address | None) -> bool:
    """Whether a signature is contact lines alone, and not of the `author`: they may be what his mail is about."""
    first = next((shown for line in lines if (shown := visible(line).strip())), "-")
    marked = not first[0].isalpha() or is_closing(first.split(",")[0]) or is_sent_from(first)
    paragraph = "\n".join(lines).strip().partition("\n\n")[0]
    marked |= disclaimers.may_disclaim(paragraph.replace("\n", " "))
    return not marked and any(map(_has_contact, lines[:CONTACT_LINES])) and not _names(lines, author)


def _names(lines: Sequence[str], author: Address | None) -> bool:
    """Whether contact lines have the author's address, or a word of his name; yes, where he is not known."""
    if author is None:
        return True
    text = visible(" ".join(lines)).lower()
    own = author.name if author.name and "@" not in author.name else author.address.partition("@")[0]
    words = {word for word in _WORDS.findall(own.lower()) if len(word) >= NAME_LETTERS or not word.isascii()}
    return author.address.lower() in text or not words or not words.isdisjoint(_WORDS.findall(text))


def _is_sentence(line: str) -> bool:
    """Whether the line is words that somebody wrote, and no line of a signature."""
    words = line.split()
    if len(words) > NAME_WORDS and line.endswith((".", "。", "!")):
        return True
    if line.endswith(("?", "？")) or _POSTSCRIPT.match(line):
        return True
    small = sum(1 for word in words if word[0].islower() and word not in phrases.PARTICLES)
    return small >= SMALL_WORDS and 2 * small > len(words) and not _has_contact(line)
