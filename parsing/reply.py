"""Split what a sender newly wrote from what he quotes or forwards, and from his signature.

First our own delimiter, then what mail clients mark in text and HTML, in the languages of `phrases.toml`. Where words
of our own notices are left after that, they are cut off as a quote's, and the cut is not certain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from parsing import forwards, markers, notices, phrases, quotes, signatures
from parsing.introductions import WRAP_CHARACTERS, WRAP_LINES
from parsing.message import Address
from parsing.quotes import is_rule
from parsing.shown import Mark, is_quoted, is_visible, visible

DELIMITER_LINES = 3  # over which a client may wrap it in a deep quote
SIGNED_LINES = 40  # below our own delimiter in which the end of what a client marked as a signature is looked for
POINTED = 1_000  # characters of new words in which a sender says that his answers stand between the quoted ones
SCANNED = 65_536  # characters of text that are looked at: nobody types more above a quote

_LABELLED = re.compile(r"[\s*_]{0,4}[^\W\d_][^:：\n]{0,24}[:：]")
_TRACED = "|-=_–—*"  # what a rule, or the bar before a quote, begins with
_CLOCK = re.compile(r"\d[:.h]\d\d")
_YEAR = re.compile(r"\d{4}")
_points_below = phrases.finder(phrases.ANSWERS_BELOW)
_DELIMITER = re.compile(r"##[-–—‐‑]\s?[^\n]{1,300}?\s?[-–—‐‑]##")


@dataclass(frozen=True, slots=True)
class Split:
    """What is new in a mail.

    `certain` is false where the cut is doubtful: `reply` may hold a quote's words, or lack some of the
    sender's. `forwarded_from` wrote the mail that is forwarded in this one.
    """

    reply: str
    certain: bool
    signature: str
    forwarded_from: Address | None


@dataclass(slots=True)
class _New:
    """The new lines above and below the first quote, and what was met on the way.

    `regions` counts quotes with something new between them; `cut` means that all from a client's mark on
    was left out.
    """

    above: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)
    regions: int = 0
    cut: bool = False
    doubtful: bool = False


def split(text: str, html: str, subject: str, is_reply: bool, author: Address | None = None) -> Split:
    """Split `text`, the whole readable body of a mail; `html` is its HTML body or "", `author` its first From.

    `is_reply` says that the headers name a mail answered. A first mail and a forwarded one keep all their
    words, but for a signature that a client marked as one. Without any such sign a mail is an answer only
    where it has no subject, or where a client's quote is all that follows the new words.
    """
    scanned = text.rfind("\n", 0, SCANNED) if len(text) > SCANNED else -1
    lines, rest = (text[:scanned].split("\n"), text[scanned + 1 :]) if scanned >= 0 else (text.split("\n"), "")
    end = _delimiter(lines) if "##" in text else None
    heads = end is not None and _heads(lines, end)
    if end is not None and heads:
        lines[end], end = "", None
    below: list[str] = []
    if end is not None:
        below = [">"] if is_quoted(lines[end]) else []  # an introduction is known by the quote under it
        lines, rest = lines[:end], ""
    if end is None and forwards.is_forward_subject(subject):
        introduced = quotes.forward(lines) or next(iter(quotes.marks(lines)), None)
        if not forwards.is_answer(subject, lines, introduced):
            # "VS:" is an answer in Finnish, a forward in Norwegian.
            certain = not forwards.is_reply_subject(subject) and notices.begins(text) is None
            return Split(text.strip(), certain, "", forwards.sender(lines, introduced))
    said = is_reply or forwards.is_reply_subject(subject) or not subject.strip() or end is not None
    if said and "\n|" in text:
        lines = quotes.unbarred(lines)
    marks = quotes.marks([*lines, *below]) if said or _may_lead_to_quote(lines) else []
    if not said and not _leads_to_quote(lines, marks):
        return _first_mail(text, html, lines, rest)
    if not text.isascii() and not is_visible(text):
        lines = [line if line.isascii() or visible(line).strip() else "" for line in lines]
    forward = next((mark for mark in marks if mark.kind == "forward"), None)
    unplaced, signed = False, None
    if html:
        signed = markers.signature_line(html, lines if end is None else text.split("\n", end + SIGNED_LINES)[:-1])
        has_quote, line = markers.quote_line(html, lines)
        unplaced = has_quote and line is None and end is None
        if line is not None:
            marks = _with_html(marks, line, lines)
    new = _new(lines, marks)
    new.doubtful |= heads
    if rest and not new.cut:
        new.above.append(rest) if not new.regions else new.below.append(rest)
        new.doubtful = True
    if signed is not None and lines[signed : signed + 1] != new.above[signed : signed + 1]:
        signed = None  # it stands below a quote
    # Apple Mail puts its introduction into the quote: what stands over our line is then quoted, too.
    quoted = bool(marks) or is_quoted(_last(lines))
    return _compose(new, signed, quoted, unplaced, forwards.sender(lines, forward), end is not None, author)


def _delimiter(lines: Sequence[str]) -> int | None:
    """The line on which our delimiter begins, quoted or not, in any language, wrapped or not."""
    for number, line in enumerate(lines):
        if "##" in line and _DELIMITER.search(" ".join(lines[number : number + DELIMITER_LINES])):
            return number
    return None


def _heads(lines: Sequence[str], end: int) -> bool:
    """Whether the delimiter on line `end` is another desk's over its own mail: it is new, and stands below the line."""
    if is_quoted(lines[end]) or any(map(str.strip, lines[:end])):
        return False
    return notices.begins("\n".join(lines[end : end + DELIMITER_LINES])) is None


def _last(lines: Sequence[str]) -> str:
    """The last line that is not blank, "" where there is none."""
    return next((line for line in reversed(lines) if line.strip()), "")


def _may_lead_to_quote(lines: Sequence[str]) -> bool:
    """Whether quoted lines end the text, and what stands right above them may be an introduction."""
    end = len(lines)
    while end and (lines[end - 1][:1] == ">" or not lines[end - 1].strip() or is_quoted(lines[end - 1])):
        end -= 1
    return end > 0 and quotes.may_introduce(lines, end - 1)


def _leads_to_quote(lines: Sequence[str], marks: Sequence[Mark]) -> bool:
    """Whether a client's introduction and quoted lines end the text, and no words of the sender lead to them."""
    if not marks or marks[0].kind != "wrote" or not marks[0].sure:
        return False
    above = _last(lines[: marks[0].start]) or ":"
    return not above.rstrip().endswith(":") and all(
        not line.strip() or is_quoted(line) for line in lines[marks[0].end :]
    )


def _first_mail(text: str, html: str, lines: list[str], rest: str) -> Split:
    forward = quotes.forward(lines)
    certain = notices.begins(text) is None
    if forward:
        return Split(text.strip(), certain, "", forwards.sender(lines, forward))
    signed = markers.signature_line(html, lines) if html else None
    end = len(lines) if rest else _signature(lines, signed, tidy=False)[0]
    return Split("\n".join(lines[:end] + [rest] * bool(rest)).strip(), certain, "\n".join(lines[end:]).strip(), None)


def _signature(lines: Sequence[str], signed: int | None, tidy: bool, author: Address | None = None) -> tuple[int, bool]:
    """The line at which the signature begins, and whether it surely does; `signed` is where the client says so."""
    end, sure = signatures.find(lines, tidy, author)
    if signed is not None and signed < end and end - signed <= signatures.DELIMITED_LINES:
        return signed, True
    return end, sure or end == signed


def _with_html(marks: list[Mark], line: int, lines: Sequence[str]) -> list[Mark]:
    """`marks` and the one that the HTML shows at `line`, unless the text showed it too."""
    if is_quoted(lines[line]) or any(mark.start <= line + 1 for mark in marks):
        return marks
    # An introduction in no language known here stands over the place, or between it and the first quoted line.
    above = next((place for place in range(line - 1, max(-1, line - 4), -1) if lines[place].strip()), line)
    start = above if lines[above].rstrip().endswith((":", "：")) and any(map(str.strip, lines[:above])) else line
    end = line
    for number in range(line, min(len(lines), line + WRAP_LINES)):
        if is_quoted(lines[number]):
            end = number
            break
    return [Mark("wrote", start, end), *(mark for mark in marks if mark.start >= end)]


def _new(lines: Sequence[str], marks: Sequence[Mark]) -> _New:
    """Leave out of `lines` what is quoted: one pass."""
    new = _New()
    at = {mark.start: mark for mark in marks}
    kept = new.above
    number, size, fresh, introduced = 0, len(lines), False, False
    while number < size:
        mark = at.get(number)
        if mark:
            if mark.column:
                kept.append(visible(lines[number])[: mark.column].rstrip(" -–—"))
            _drop_rules(kept)
            new.doubtful |= bool(new.regions and not introduced)  # lines with ">" over the client's quote are his own
            introduced = True
            new.doubtful |= not mark.sure or bool(kept and kept[-1].rstrip().endswith(":"))  # his own words lead to it
            if mark.kind == "forward" and not any(map(str.strip, new.above)):
                new.above, new.doubtful = list(lines), True  # nothing but a forward, which is not cut away
                return new
            below = next((place for place in range(mark.end, len(lines)) if lines[place].strip()), len(lines))
            if below == len(lines) or not is_quoted(lines[below]) or mark.kind in ("forward", "original", "block"):
                new.cut = True
                new.regions += fresh or kept is new.above
                return new
            number = below
        if is_quoted(lines[number]):
            end = number
            while end < len(lines) and (is_quoted(lines[end]) or _continues(lines, end)):
                end += 1
            if mark or _is_quote(lines, number, end):
                new.regions += fresh or not new.regions
                kept, fresh = new.below, False
            else:
                kept.extend(lines[number:end])
                new.doubtful = True
            number = end
            continue
        end = number + 1
        while end < size and end not in at and not (lines[end][:1] in "> " and is_quoted(lines[end])):
            end += 1
        kept += lines[number:end]
        fresh |= any(map(str.strip, lines[number:end]))
        number = end
    return new


def _drop_rules(kept: list[str]) -> None:
    """Take the blank lines and rules off the end that clients draw over a quote."""
    while kept and (not kept[-1].strip() or is_rule(visible(kept[-1])) or quotes.is_separator(kept[-1])):
        kept.pop()


def _is_quote(lines: Sequence[str], start: int, end: int) -> bool:
    """Whether lines with a quote's prefix are one, and not a prompt or an arrow in the text."""
    depth = min(len(line.strip()) - len(line.strip().lstrip("> ")) for line in lines[start:end])
    alone = (start and lines[start - 1].strip()) and (end < len(lines) and lines[end].strip())
    return not (lines[start].lstrip().startswith(">>>") and depth >= 3 and (alone or end - start == 1))


def _continues(lines: Sequence[str], number: int) -> bool:
    """Whether a line without prefix belongs to the quoted one above, whose end a client wrapped."""
    line, above = lines[number].strip(), lines[number - 1]
    if not line or not is_quoted(above):
        return False
    last = above.rstrip()
    below = lines[number + 1] if number + 1 < len(lines) else ""
    if below.strip() and not is_quoted(below):
        return False
    if not any(map(str.isalnum, line)):
        return True
    opened = last.rfind("(") > last.rfind(")") or last.rfind("<") > last.rfind(">")
    if opened and ")" in line + ">" and len(line.split()) <= 2:
        return True
    if line.startswith(("(http", "<http", "http")) and len(line.split()) <= 2:
        return True
    return (
        line[0].islower()
        and not last.endswith(("?", ":"))
        and len(last) + len(line.split(maxsplit=1)[0]) >= 70  # the line would have been full with that word
    )


def _compose(
    new: _New,
    signed: int | None,
    quoted: bool,
    unplaced: bool,
    forwarded_from: Address | None,
    delimited: bool,
    author: Address | None,
) -> Split:
    above_end, sure = _signature(new.above, signed, tidy=True, author=author)
    above = any(line.strip() for line in new.above[:above_end])
    below_end, sure_below = signatures.find(new.below, tidy=True, author=author, alone=above)
    kept = [*new.above[:above_end], *new.below[:below_end]]
    signature = "\n".join([*new.above[above_end:], *new.below[below_end:]]).strip()
    doubted = above_end != signed and signatures.is_doubtful(new.above[above_end:], author)
    reply = "\n".join(kept).strip()
    ours = notices.begins(reply)
    if ours is not None:
        reply = reply[:ours].rstrip()
    below = any(line.strip() for line in new.below[:below_end])
    certain = (
        bool(reply)
        and ours is None
        and sure
        and sure_below
        and not (signature and (notices.begins(signature) is not None or signatures.has_postscript(signature)))
        and not (new.doubtful or doubted or unplaced or forwarded_from)
        and not (above and below)
        and new.regions <= 1
        and not (delimited and not quoted)
        and not _has_traces(kept)
        and not (new.regions and _points_below(reply[:POINTED]))
        and "\n_____" not in f"\n{signature}"  # a footer, or a quote under a client's rule
    )
    return Split(reply, certain, signature, forwarded_from)


def _has_traces(kept: Sequence[str]) -> bool:
    """Whether lines look like a quote's that no rule took for one, in whatever language.

    That is its prefix, its introduction ("... <a@b.example> ... 9:00:"), its header ("Xx: a@b.example" among two
    more labels), or the rule over it.
    """
    labels = block = 0
    for line in kept:
        if not line:
            block = 0
        elif is_quoted(line) or (line[0] in _TRACED and _is_trace(line)):
            return True
        elif line[-1] in ":：" and len(line) <= WRAP_CHARACTERS:
            dated = bool(_CLOCK.search(line)) + bool(_YEAR.search(line))
            if dated + ("@" in line) > 1:
                return True
        elif (":" in line or "：" in line) and _LABELLED.match(line):
            dated = bool(_CLOCK.search(line) or _YEAR.search(line))
            block |= 1 | ("@" in line) << 1 | dated << 2
            found = quotes.label(line)
            labels += bool(found and found[0] in ("from", "date", "to", "subject"))
            if labels > 1 or block == 7:
                return True
    return False


def _is_trace(line: str) -> bool:
    return line.startswith("_____") or (line.startswith("| ") and line[-1] != "|") or quotes.is_separator(line)
