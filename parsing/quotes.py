"""Find where mail clients begin a quote: "On ... wrote:", "-----Original Message-----", From/Sent/To blocks.

One pass over the lines; what is looked at beside a line is bounded, so that time grows with the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from parsing import phrases

WRAP_LINES = 7  # "On ... wrote:" is wrapped by clients over three lines, by one over six with its blank ones
WRAP_CHARACTERS = 600  # a name and an address of the greatest lengths fit; a paragraph seldom
BLOCK_LINES = 24  # From, Sent, To, Cc, Subject with long lists of recipients folded under them
NAME_CHARACTERS = 80  # before the address in "NAME <ADDRESS> wrote:"
ABBREVIATION_CHARACTERS = 8
DAY_CHARACTERS = 16  # of a date's end with an abbreviated month
PARTS = 3  # lines of an introduction above one that would do without them
PART_CHARACTERS = 100  # of each
FOLDED_CHARACTERS = 56  # of a line that a client broke, with the first word of the next
VERB_CHARACTERS = 24  # at a line's end, where a verb closes it without a colon
VERB_LINE = 40  # characters of a line that holds nothing else
SEPARATOR_CHARACTERS = 100  # "-----Original Message-----" in the wordiest language takes 70
VALUE_CHARACTERS = 400  # of a label, enough to see an address and a date
VALUE_LINES = 8  # lines a folded To list may run on before the next label

Kind = Literal["wrote", "original", "forward", "block"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A client's mark: lines `start` to `end` (exclusive) introduce what is quoted or forwarded below.

    `column` is where in line `start` the mark begins, when new words stand before it on that line. It is not
    `sure` where a person may have written it: "As we wrote on 10.03.2026:".
    """

    kind: Kind
    start: int
    end: int
    column: int = 0
    sure: bool = True


_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SAID = phrases.words(phrases.WROTE)
_ANYWHERE = phrases.words(phrases.WROTE_ANYWHERE)
_has_verb = phrases.finder((rf"(?:^|[^\pL\pN_])(?:{_SAID})(?:$|[^\pL\pN_])", _ANYWHERE))
_begins_with_verb = phrases.finder((_SAID, _ANYWHERE), before=r"^[> ]*", after=r"(?:$|[^\pL\pN_])")
_ends_in_verb = phrases.finder((_SAID, "sent"), before=r"(?:^|[^\pL\pN_])", after=r"\s?[:：]$")
_TIME = re.compile(
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
_ABBREVIATED = re.compile(r"(?:\d|(?<!\w)[^\W\d_a-z]\w{0,3}|(?<!\w)[ap]\.\s?m|\b(?:kl|г|р))\.$")  # "28.", "Fr.", "p.m."
_DAY = re.compile(r"\d\.?\s[^\W\d_]{2,9}\.$")  # "2026. márc."
_RULED = "-=_–—‐‑−* \t"  # what the line of a separator begins with
ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]{1,64}@[^\s<>()\[\]\"',;:]{1,255}")
_SEPARATOR = re.compile(
    r"[\s>*_]{0,8}(?:[-=_–—‐‑−]\s?){2,}\s*([^\W\d_][^:<>@]{2,58}?)[\s*:]*(?:[-=_–—‐‑−]\s?){2,}[*_]{0,2}$"
)
_RULE = re.compile(r"[\s>*]{0,8}(?:[-=_–—‐‑−*]\s?){3,}+\s*$")
_LABEL = re.compile(r"[\s>*_|•-]{0,8}([^\W\d_][^:：<>@*_]{0,22}?)[\s*_]{0,4}[:：][\s*_\u00a0]*")
_INLINE_LABEL = re.compile(r"\s([^\W\d_][\w ]{1,12}?)\s?:\s")
_says_forwarded = phrases.finder((phrases.words(phrases.FORWARDED),))
_says_original = phrases.finder((phrases.words(phrases.ORIGINAL),))
# The line that GroupWise writes over a quote, and the one by which Notes hides an old mail's header.
_GROUPWISE = re.compile(r">>> {0,2}(?=[^>]).{3,200}?\s\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\s.{0,20}?\d:\d\d.{0,12}>>>\s*$")
_INACTIVE = re.compile(
    r"\s{0,4}(?:Inactive hide details for .{2,200}---\s?\d|"
    r"\S.{1,80}?---\d{1,4}[./-]\d\d?[./-]\d{1,4} \d\d?[:.]\d\d.{0,8}---)"
)
# What QQ Mail writes between rules, without them.
_BARE = re.compile(r"[\s*_]{0,4}(?:回复的|回覆的)?原(?:始|来的|來的)?(?:邮件|郵件)[\s*_:：]{0,4}$")
_NOTES_FORWARD = re.compile(r"\s{0,4}-{4,}\s?[^-].{2,200}$")  # its other rule may stand on the next line
_NOTES = re.compile(r"\s{0,4}-{3,}\s?[^-].{2,200}-{3,}\s*$")


def visible(line: str) -> str:
    """The line without what cannot be seen: soft hyphens, zero-width characters, marks of direction."""
    return line if line.isascii() else _INVISIBLE.sub("", line).replace("\u00a0", " ")


def is_visible(text: str) -> bool:
    """Whether it surely is what `visible` makes of it: told at once of Latin-1's letters."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return "\u00ad" not in text and "\u00a0" not in text


def is_quoted(line: str) -> bool:
    """Whether the line carries a quote's prefix (RFC 3676 section 4.5)."""
    head = line[:1]
    return head == ">" or (head == " " and line[1:3].lstrip(" ")[:1] == ">")


def is_rule(line: str) -> bool:
    """Whether the line is only a rule of dashes, underscores or the like."""
    return bool(_RULE.match(line))


def is_separator(line: str) -> bool:
    """Whether the line is words between rules, whatever they say ("----- Ursprünglicher Termin -----")."""
    return len(line) <= SEPARATOR_CHARACTERS and line[:1] in _RULED and bool(_SEPARATOR.match(line))


def label(line: str) -> tuple[phrases.Role, str] | None:
    """The role and value of a quoted mail's header line ("*Von:* a@b.example"), or None."""
    if ":" not in line[:40] and "：" not in line[:40]:
        return None
    match = _LABEL.match(line)
    role = phrases.LABELS.get(" ".join(match[1].lower().split())) if match else None
    return (role, line[match.end() :].strip()) if match and role else None


def marks(lines: Sequence[str]) -> list[Mark]:
    """All marks of quotes and forwards in `lines`, in order, none inside another."""
    found: list[Mark] = []
    free = 0  # the first line that belongs to no mark yet
    quoted = next((number for number, line in enumerate(lines) if ">" in line[:3]), len(lines))
    for number, raw in enumerate(lines):
        if number < free or not raw or (raw[0] == ">" and len(raw) >= VERB_LINE and not raw.endswith(">>>")):
            continue
        mark: Mark | None = None
        if raw[0] == ">" and _GROUPWISE.match(raw):
            mark = Mark("original", number, number + 1)
        elif raw[0] in "> " and is_quoted(raw):
            line = visible(raw).rstrip()
            mark = _wrote(lines, number, line, free) if _is_wrapped_verb(line) else None
        else:
            near = number + 3 >= quoted  # so that a quote may follow
            if not (near or ":" in raw or "@" in raw or raw[0] in _RULED) and raw.isascii():
                continue
            line = visible(raw).rstrip()
            colon = line.rstrip("\u00a0\t* ").endswith((":", "："))
            if colon or raw[0] in _RULED or not raw.isascii():
                mark = _separator(lines, number, line)
            if not mark and (colon or "@" in raw or (near and _quote_follows(lines, number))):
                mark = _wrote(lines, number, line, free)
            if not mark and (("---" in line and _INACTIVE.match(line)) or _BARE.match(line)):
                labelled = any(label(visible(other)) for other in lines[number + 1 : number + 5])
                mark = Mark("original", number, number + 1, sure=labelled)
            if not mark and (":" in raw[:40] or "：" in raw[:40]):
                mark = _block(lines, number, line, free)
        if mark:
            found.append(mark)
            free = mark.end
    return found


def may_introduce(lines: Sequence[str], number: int) -> bool:
    """Whether a client's introduction may end on that line, or in the quoted one below it."""
    line = visible(lines[number]).rstrip()
    below = next((other for other in lines[number + 1 :] if other.strip()), "")
    return bool(below) and (
        _is_wrapped_verb(below)
        or _separator(lines, number, line) is not None
        or _wrote(lines, number, line, max(0, number - WRAP_LINES)) is not None
    )


def unbarred(lines: list[str]) -> list[str]:
    """`lines` with ">" for the "|" that some clients quote with, under an introduction; a table keeps its bars."""
    out = list(lines)
    for start in range(1, len(lines)):
        if lines[start][:1] != "|" or lines[start - 1][:1] == "|":
            continue
        end = next((place for place in range(start, len(lines)) if lines[place][:1] != "|"), len(lines))
        above = start - 1 if lines[start - 1].strip() or start < 2 else start - 2
        if any(len(line) > 1 and line.rstrip()[-1] == "|" for line in lines[start:end]):
            continue
        out[start:end] = [f">{line[1:]}" for line in lines[start:end]]
        if not _introduction(out, above, visible(out[above]).rstrip(), 0):
            out[start:end] = lines[start:end]
    return out


def forward(lines: Sequence[str]) -> Mark | None:
    """The first mark of a forwarded mail in `lines`, where no others matter."""
    text = "\n".join(lines)
    if is_visible(text) and not _says_forwarded(text):
        return None  # as nearly all, told at once
    for number, raw in enumerate(lines):
        if raw and (raw[0] in _RULED or ":" in raw or "：" in raw):
            mark = _separator(lines, number, visible(raw).rstrip())
            if mark and mark.kind == "forward":
                return mark
    return None


def _separator(lines: Sequence[str], number: int, line: str) -> Mark | None:
    """A line that says of itself that something original or forwarded follows."""
    if len(line) > SEPARATOR_CHARACTERS:
        return None
    head = line.lstrip()[:1]
    if head and head in _RULED:
        match = _SEPARATOR.match(line.replace("*", "").replace("&nbsp;", " ") if "*" in line or "&" in line else line)
        if match and _says_forwarded(match[1]):
            return Mark("forward", number, number + 1)
        if match and (
            _says_original(match[1].replace("’", "'")) or match[1].strip().lower() == "original"
        ):  # QQ Mail in English
            return Mark("original", number, number + 1)
        if _NOTES.match(line) and _has_verb(line):
            return Mark("wrote", number, number + 1)
        if _NOTES_FORWARD.match(line) and _says_forwarded(line) and _TIME.search(line):
            return Mark("forward", number, number + 1)
    if line.endswith((":", "：")) and _says_forwarded(line) and _is_headed(lines, number + 1):
        return Mark("forward", number, number + 1)
    return None


def _is_headed(lines: Sequence[str], start: int) -> bool:
    """Whether the next line that is not blank is one of a mail's header, or the text ends there."""
    below = next((shown for line in lines[start : start + 4] if (shown := visible(line).strip("> \t"))), "")
    return not below or label(below) is not None


def _wrote(lines: Sequence[str], number: int, line: str, free: int) -> Mark | None:
    """A mark "On DATE NAME wrote:" that *ends* on line `number`."""
    mark = _introduction(lines, number, line, free)
    if mark or len(line) > NAME_CHARACTERS or not line.endswith((":", "：")):
        return mark
    if not _quote_follows(lines, number) or not _ends_in_verb(line):
        return None
    # "NAME wrote:", and the quote on the next line
    touches = is_quoted(lines[number + 1]) or _DATE_FIRST.match(line)
    return Mark("wrote", number, number + 1) if touches else None


def _introduction(lines: Sequence[str], number: int, line: str, free: int) -> Mark | None:
    """The same with a date or an address in it; its beginning may lie lines above."""
    follows = _quote_follows(lines, number)
    tail = line.rstrip(" *_-")
    ends = tail.endswith((":", "："))
    if not ends:
        spoken = _has_verb(tail[-VERB_CHARACTERS:])
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
            start -= bool(_ONLY_DATE.match(above))  # Becky! and others break the line before the name
            sure = "@" in joined or bool(_CLOCK.search(joined)) or follows
            whole, clear = (start, True) if column else _whole(lines, start, free, joined)
            return Mark("wrote", whole, number + 1, column, sure and clear)
    return None


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
    timed = _TIME.search(joined)
    if not (address or timed):
        return None
    dated = timed and _DATE_FIRST.match(joined)
    if not _has_verb(joined):
        # "2014-10-17 11:28 GMT+03:00 NAME <ADDRESS>:", a date and an address without a verb
        body = joined.rstrip(" :：*")
        closed = not ends or body.endswith((">", ")", "]")) or (follows and address and address.end() == len(body))
        if not address or not timed:
            return None
        # "* NAME <ADDRESS> [2014-10-17 11:28]:", anywhere in a line that leads to a quote
        leads = ends and follows and joined[: address.start()][-1:] in ("<", "(") and len(joined) < 2 * NAME_CHARACTERS
        return 0 if (dated and closed) or leads else None
    middle = _MIDDLE.search(joined)
    if middle and _TIME.search(joined, middle.end()):
        return middle.start()
    if dated:
        return 0
    # "NAME <ADDRESS> wrote:", with nothing but a name before the address
    named = address and address.start() <= NAME_CHARACTERS and joined[0] not in "<(>" and "mailto:" not in joined[:8]
    return 0 if named else None


def _quote_follows(lines: Sequence[str], number: int) -> bool:
    """Whether the next line that is not blank, at most the third, is a quote's."""
    for line in lines[number + 1 : number + 4]:
        if line and not line.isspace():
            return line[0] in "> " and is_quoted(line) and not _is_wrapped_verb(line)
    return False


def _is_wrapped_verb(line: str) -> bool:
    """Whether the line is "> wrote:", where the ">" closes an address and quotes nothing."""
    return len(line) < VERB_LINE and line.rstrip().endswith((":", "：")) and _begins_with_verb(line)


def _block(lines: Sequence[str], number: int, line: str, free: int) -> Mark | None:
    """A block of a quoted mail's headers that begins on line `number`, its labels in any order."""
    first = label(line)
    if not first or first[0] in ("cc", "other"):
        return None
    roles: dict[str, str] = {}
    last = _take(roles, first, line)
    end, idle, blank = number + 1, 0, 0
    for place in range(number + 1, min(len(lines), number + BLOCK_LINES)):
        text = visible(lines[place])
        if not text.strip():
            blank += 1
            if blank > 2 or roles.get("subject"):
                break
            continue
        found = label(text)
        if found and found[0] == first[0]:
            break  # the next mail's header
        if found:
            last = _take(roles, found, text)
            end, idle, blank = place + 1, 0, 0
        else:  # a value that is folded, or stands below its label
            idle += 1
            if idle > VALUE_LINES or (blank and roles[last]):
                break
            if not roles[last]:
                end = place + 1
            roles[last] += text[:VALUE_CHARACTERS]
    return Mark("block", _headed(lines, number, free), end) if _is_header(first[0], roles) else None


def _headed(lines: Sequence[str], number: int, free: int) -> int:
    """Where a header begins over which BlackBerry writes "Original Message" without rules: on that line."""
    above = next((place for place in range(number - 1, max(free, number - 3) - 1, -1) if lines[place].strip()), number)
    return above if visible(lines[above]).strip(" \t*_:").lower() in phrases.ORIGINAL else number


def _take(roles: dict[str, str], found: tuple[phrases.Role, str], line: str) -> str:
    """Note the value of a label, and of others that a client put on the same line; the last of them."""
    roles.setdefault(found[0], found[1][:VALUE_CHARACTERS])
    for inline in _INLINE_LABEL.finditer(line[:VALUE_CHARACTERS]):
        role = phrases.LABELS.get(inline[1].lower())
        if role:
            roles.setdefault(role, line[inline.end() : VALUE_CHARACTERS])
    return found[0]


def _is_header(first: str, roles: dict[str, str]) -> bool:
    """Whether labels make a mail's header rather than a form ("From: Berlin, To: Paris")."""
    if "from" not in roles or len(roles) < 2:
        return False
    if first != "from" and len(roles) < 3:
        return False
    if "@" in roles["from"]:
        return True
    dated = bool(_TIME.search(roles.get("date", "")))
    return len(roles) >= 3 and "subject" in roles and (dated or "@" in roles.get("to", ""))
