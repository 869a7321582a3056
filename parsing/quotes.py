"""Find where mail clients begin a quote: "On ... wrote:", "-----Original Message-----", From/Sent/To blocks.

One pass over the lines; what is looked at beside a line is bounded, so that time grows with the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from parsing import phrases
from parsing.introductions import (
    TIME,
    VERB_LINE,
    WRAP_LINES,
    has_verb,
    introduction,
    is_wrapped_verb,
    quote_follows,
    wrote,
)
from parsing.shown import Mark, is_quoted, is_visible, visible

BLOCK_LINES = 24  # From, Sent, To, Cc, Subject with long lists of recipients folded under them
SEPARATOR_CHARACTERS = 100  # "-----Original Message-----" in the wordiest language takes 70
VALUE_CHARACTERS = 400  # of a label, enough to see an address and a date
VALUE_LINES = 8  # lines a folded To list may run on before the next label
_RULED = "-=_–—‐‑−* \t"  # what the line of a separator begins with
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
            mark = wrote(lines, number, line, free) if is_wrapped_verb(line) else None
        else:
            near = number + 3 >= quoted  # so that a quote may follow
            if not (near or ":" in raw or "@" in raw or raw[0] in _RULED) and raw.isascii():
                continue
            line = visible(raw).rstrip()
            colon = line.rstrip("\u00a0\t* ").endswith((":", "："))
            if colon or raw[0] in _RULED or not raw.isascii():
                mark = _separator(lines, number, line)
            if not mark and (colon or "@" in raw or (near and quote_follows(lines, number))):
                mark = wrote(lines, number, line, free)
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
        is_wrapped_verb(below)
        or _separator(lines, number, line) is not None
        or wrote(lines, number, line, max(0, number - WRAP_LINES)) is not None
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
        if not introduction(out, above, visible(out[above]).rstrip(), 0):
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
        if _NOTES.match(line) and has_verb(line):
            return Mark("wrote", number, number + 1)
        if _NOTES_FORWARD.match(line) and _says_forwarded(line) and TIME.search(line):
            return Mark("forward", number, number + 1)
    if line.endswith((":", "：")) and _says_forwarded(line) and _is_headed(lines, number + 1):
        return Mark("forward", number, number + 1)
    return None


def _is_headed(lines: Sequence[str], start: int) -> bool:
    """Whether the next line that is not blank is one of a mail's header, or the text ends there."""
    below = next((shown for line in lines[start : start + 4] if (shown := visible(line).strip("> \t"))), "")
    return not below or label(below) is not None


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
    dated = bool(TIME.search(roles.get("date", "")))
    return len(roles) >= 3 and "subject" in roles and (dated or "@" in roles.get("to", ""))
