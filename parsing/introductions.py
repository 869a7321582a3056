"""Tell the introduction of a quote, "On DATE NAME <ADDRESS> wrote:", however a client wrapped it.

What is looked at beside a line is bounded, so that time grows with the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from parsing import phrases
from parsing.shown import ADDRESS, Mark, is_quoted, visible

WRAP_LINES = 7  # "On ... wrote:" is wrapped by clients over three lines, by one over six with its blank ones
WRAP_CHARACTERS = 600  # a name and an address of the greatest lengths fit; a paragraph seldom
NAME_CHARACTERS = 80  # before the address in "NAME <ADDRESS> wrote:"
ABBREVIATION_CHARACTERS = 8
DAY_CHARACTERS = 16  # of a date's end with an abbreviated month
PARTS = 3  # lines of an introduction above one that would do without them
PART_CHARACTERS = 100  # of each
FOLDED_CHARACTERS = 56  # of a line that a client broke, with the first word of the next
VERB_CHARACTERS = 24  # at a line's end, where a verb closes it without a colon
VERB_LINE = 40  # characters of a line that holds nothing else

_SAID = phrases.words(phrases.WROTE)
_ANYWHERE = phrases.words(phrases.WROTE_ANYWHERE)
has_verb = phrases.finder((rf"(?:^|[^\pL\pN_])(?:{_SAID})(?:$|[^\pL\pN_])", _ANYWHERE))
_begins_with_verb = phrases.finder((_SAID, _ANYWHERE), before=r"^[> ]*", after=r"(?:$|[^\pL\pN_])")
_ends_in_verb = phrases.finder((_SAID, "sent"), before=r"(?:^|[^\pL\pN_])", after=r"\s?[:：]$")
TIME = re.compile(
    r"\d{1,2}[:∶.hH時시点]\d{2}|(?<!\d)(?:19|20)\d\d(?!\d)|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}\s?[ap]\.?m\b"
    r"|(?<!\d)\d\d?/\d\d?,|\b(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]{0,6}\.? \d\d?,",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\d[:∶.hH時시点]\s?\d\d(?!\d|[.]\d)")
_DATE_FIRST = re.compile(r"\W{0,4}(?:[^\W\d][^\d@<>:]{0,34})?\d")
# New words and the mark on one line: "Yes, do. On Wed, Apr 4, 2012 at 3:59 PM, a@b wrote:"
_MIDDLE = re.compile(
    r"(?:\s|[-–—]{2,}\s?)"
    r"(?=(?:On|Am|Le|Il|El|Op|Den|Em|W dniu|Dnia)\s(?:\w{2,12}\.?,?\s(?:\w{2,12}\.?\s)?)?\d{1,4}\D)"
)
_FULL_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{1,4}")
_YEAR_FIRST = re.compile(r"\W{0,2}(?:19|20)\d\d[,，]?\s")  # of a date whose day and month stand on the line above
# The part of an introduction that a client broke off: "On 10 Mar 2026, at 09:05, Jane", "Jane Doe <ADDRESS> je".
_DATED_PART = re.compile(r"\W{0,4}(?:[^\W\d][^\s\d@<>:]{0,20}\s(?:[^\s\d@<>:]{1,20}\s){0,2})?[^\s\d@<>:]{0,3}\d")
_NAMED_PART = re.compile(r"[^\s<>()@][^<>@]{0,100}[<(]?[^\s<>()\[\]\"',;:]{1,64}@[^\s<>()]{1,255}[>)]?[^<>@]{0,60}$")
_ONLY_DATE = re.compile(
    r"[^\W\d][^\d@<>:]{0,34}\d[^@<>:]{4,40}\d:\d\d(?::\d\d)?(?: [+-]\d{4})?(?: \([A-Z]{2,5}\))?\s{0,2}$"
)
_WEEKDAYS = (
    "mon|tues?|wed|thu(?:rs?)?|fri|sat|sun|(?:mon|tues|wednes|thurs|fri|satur|sun)day|mo|di|mi|fr|sa|"
    "(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|lun|mar|mer|jeu|ven|sam|dim|(?:lun|mar|mercre|jeu|vendre|same)di|"
    "dimanche|mié|mie|jue|vie|sáb|sab|dom|seg|ter|qua|qui|sex|gio|ma|wo|vr|za|zo|man|tirs?|ons|tors?|fre|lør|søn|mån|tis|"
    "lör|sön|ti|ke|pe|la|su|pon|pn|wt|wto|śr|śro|czw|czwartek|pt|sob|nie|niedz|nd|po|út|ut|st|št|čt|pá|pi|so|ne|uto|sri|"
    "čet|ned|пн|вт|ср|чт|пт|сб|вс|нд|пон|уто|сре|чет|пет|суб|нед|pirmd|otrd|trešd|ceturtd|piektd|sestd|svētd|joi|vin|sâm|"
    "dum|hé?|sze|cs|szo|pzt|sal|çar|per|cum|cmt|paz"
)
_OPENERS = (
    r"on|at|am|le|il(?: giorno)?|el(?: día| dt)?|op|den|em|w dniu|dnia|dne|dňa|în|på|vào|pada(?: tanggal)?|στις|на|в|"
    r"во|dana|kuupäev|date|datum|fecha|в отговор на|ngày|em dia|no dia|el dia|le jour|בתאריך|في|在|於|于"
)
_MONTHS = "(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DATED_FIRST = re.compile(
    # an opening word, a weekday, or neither; and the date, with its month before or after its day
    rf"[\W_]{{0,6}}(?:(?:{_OPENERS})[\s,:]\s?(?:[^\W\d_]{{1,12}}[.,]{{0,2}}\s){{0,2}}"
    rf"|(?:{_WEEKDAYS})[.,]{{0,2}}\s(?:[^\W\d_]{{1,12}}[.,]?\s)?|{_MONTHS}\.?\s)?\d",
    re.IGNORECASE,
)
_NAMED_FIRST = re.compile(
    rf"[\W_]{{0,2}}(?:wiadomość napisana przez |zitat von |citando |missatge de )?"
    rf"(?:([^\d<>@]{{0,{NAME_CHARACTERS}}}?)\s?[<(]{{1,2}}\s?)?{ADDRESS.pattern}",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W\d_]+")
# Between the date and the name of an introduction.
_BESIDE_DATE = frozenset(
    (
        *("am", "pm", "p", "m", "h", "hrs", "uhr", "at", "um", "om", "kl", "klo", "ο", "η", "π", "μ", "г", "р", "the"),
        *("użytkownik", "lietotājs", "odesílatel", "heeft", "hat", "ha", "via", "ezt", "от"),
    )
)
_KANA = re.compile("[\u3041-\u3096]")
_ABBREVIATED = re.compile(r"(?:\d|(?<!\w)[^\W\d_a-z]\w{0,3}|(?<!\w)[ap]\.\s?m|\b(?:kl|г|р))\.$")  # "28.", "Fr.", "p.m."
_DAY = re.compile(r"\d\.?\s[^\W\d_]{2,9}\.$")  # "2026. márc."


def wrote(lines: Sequence[str], number: int, line: str, free: int) -> Mark | None:
    """A mark "On DATE NAME wrote:" that *ends* on line `number`."""
    mark = introduction(lines, number, line, free)
    if mark or len(line) > NAME_CHARACTERS or not line.endswith((":", "：")):
        return mark
    if not quote_follows(lines, number) or not _ends_in_verb(line):
        return None
    # "NAME wrote:", and the quote on the next line
    touches = is_quoted(lines[number + 1]) or _DATE_FIRST.match(line)
    return Mark("wrote", number, number + 1) if touches else None


def introduction(lines: Sequence[str], number: int, line: str, free: int) -> Mark | None:
    """The same with a date or an address in it; its beginning may lie lines above."""
    follows = quote_follows(lines, number)
    tail = line.rstrip(" *_-")
    ends = tail.endswith((":", "："))
    if not ends:
        spoken = has_verb(tail[-VERB_CHARACTERS:])
        if not (spoken or tail.endswith(">")):
            return None
        opened = number > free and _is_opened(visible(lines[number - 1]).strip())
        if not (follows or (spoken and ADDRESS.search(line) and (_DATE_FIRST.match(line) or opened))):
            return None
    joined, blank = tail.strip(), 0
    for start in range(number, max(free, number - WRAP_LINES) - 1, -1):
        if start < number:
            above = visible(lines[start]).strip()
            if not above:
                blank += 1  # only one client leaves blank lines in, around "<mailto:NAME <ADDRESS> >"
                if blank > 1 or "<" not in joined:
                    return None
                continue
            if is_quoted(above) or above[-1] in ":：":
                return None
            if _ends_sentence(above):
                return None
            joined = f"{above} {joined}"
        if len(joined) > WRAP_CHARACTERS:
            return None
        column = _begins(joined, ends, follows)
        if column is not None and not (start > free and lines[start - 1].rstrip().endswith(("<", "("))):
            above = lines[start - 1] if start > free and not column else ""
            enough = start  # the line from which on an introduction would do
            start -= bool(_ONLY_DATE.match(above))  # Becky! and others break the line before the name
            sure = "@" in joined or bool(_CLOCK.search(joined)) or follows
            whole, clear = (start, True) if column else _whole(lines, start, free, joined)
            if not column and (whole < enough or (enough < number and not _DATE_FIRST.match(joined))):
                clear &= _is_clients(" ".join(visible(lines[place]).strip() for place in range(whole, number + 1)))
            return Mark("wrote", whole, number + 1, column, sure and clear)
    return None


def _is_clients(joined: str) -> bool:
    """Whether a wrapped introduction begins as clients begin one, and not as somebody's sentence."""
    named = _NAMED_FIRST.match(joined)
    if named:
        return all(not word[0].islower() or word in phrases.PARTICLES for word in _WORDS.findall(named[1] or ""))
    begun = _DATED_FIRST.match(joined)
    if not begun:
        return False
    # What stands behind the date, up to the name: other words than "p.m." and a verb are a sentence's.
    address = ADDRESS.search(joined, begun.end())
    spoken = joined[begun.end() - 1 : address.start() if address else len(joined)]
    said = spoken[max(place for place, char in enumerate(spoken) if char.isdigit()) :]
    small = [word for word in _WORDS.findall(said) if word[0].islower() and word not in phrases.PARTICLES]
    return all(word in _BESIDE_DATE or has_verb(word) for word in small) and not _KANA.search(said)


def _is_opened(line: str) -> bool:
    """Whether the name and address on the next line belong to what a client began on this one."""
    return line.endswith("<") or bool(_DATED_PART.match(line) and _FULL_DATE.search(line))


def _ends_sentence(line: str) -> bool:
    """Whether a sentence ends the line, rather than a client that wrapped it after an abbreviation."""
    abbreviated = _ABBREVIATED.search(line[-ABBREVIATION_CHARACTERS:]) or _DAY.search(line[-DAY_CHARACTERS:])
    return line[-1] in ".!?。！？" and not abbreviated


def _whole(lines: Sequence[str], start: int, free: int, joined: str) -> tuple[int, bool]:
    """Where an introduction begins that would do from line `start` on: its date, name or address may stand above that.

    `joined` is what would do. Not sure where what stands over it might go on in it.
    """
    dated = bool(_FULL_DATE.search(joined)) and not _YEAR_FIRST.match(joined)
    bracketed = joined[0] in "<("
    if dated and "@" in joined and not bracketed:
        return start, True
    upper = ""
    for place in range(start - 1, max(free, start - PARTS) - 1, -1):
        above = visible(lines[place]).strip()
        if not above or len(above) > PART_CHARACTERS or is_quoted(above) or above[-1] in ":：" or _ends_sentence(above):
            break
        folded = len(above) + len((upper or joined).split(maxsplit=1)[0]) >= FOLDED_CHARACTERS
        upper = f"{above} {upper}".rstrip()
        if not dated and _DATED_PART.match(upper):
            found = bool(_FULL_DATE.search(upper) or _YEAR_FIRST.match(joined))
        elif "@" in joined:
            found = bracketed
        else:
            verb = _begins_with_verb(joined)
            found = (folded or verb or not dated) and bool(_NAMED_PART.match(upper))
            found |= folded and verb and "@" not in upper and not any(map(str.isdigit, upper))
        if found:
            over = visible(lines[place - 1]).strip() if place > free else ""
            return place, not over or not over[-1].isalnum()
    return start, True


def _begins(joined: str, ends: bool, follows: bool) -> int | None:
    """Where in `joined`, which ends like a mark, the mark begins; None where it is none after all.

    `follows` says that a quote stands below.
    """
    address = ADDRESS.search(joined) if "@" in joined else None
    timed = TIME.search(joined)
    if not (address or timed):
        return None
    dated = timed and _DATE_FIRST.match(joined)
    if not has_verb(joined):
        # "2014-10-17 11:28 GMT+03:00 NAME <ADDRESS>:", a date and an address without a verb
        body = joined.rstrip(" :：*")
        closed = not ends or body.endswith((">", ")", "]")) or (follows and address and address.end() == len(body))
        if not address or not timed:
            return None
        # "* NAME <ADDRESS> [2014-10-17 11:28]:", anywhere in a line that leads to a quote
        leads = ends and follows and joined[: address.start()][-1:] in ("<", "(") and len(joined) < 2 * NAME_CHARACTERS
        return 0 if (dated and closed) or leads else None
    middle = _MIDDLE.search(joined)
    if middle and TIME.search(joined, middle.end()):
        return middle.start()
    if dated:
        return 0
    # "NAME <ADDRESS> wrote:", with nothing but a name before the address
    named = address and address.start() <= NAME_CHARACTERS and joined[0] not in "<(>" and "mailto:" not in joined[:8]
    return 0 if named else None


def quote_follows(lines: Sequence[str], number: int) -> bool:
    """Whether the next line that is not blank, at most the third, is a quote's."""
    for line in lines[number + 1 : number + 4]:
        if line and not line.isspace():
            return line[0] in "> " and is_quoted(line) and not is_wrapped_verb(line)
    return False


def is_wrapped_verb(line: str) -> bool:
    """Whether the line is "> wrote:", where the ">" closes an address and quotes nothing."""
    return len(line) < VERB_LINE and line.rstrip().endswith((":", "：")) and _begins_with_verb(line)
