"""What a member of staff wrote below a notice of ours or between its quoted lines: a guess, to be looked at by him.

Nothing of the notice may be among it. So either all of the notice stands there, word for word, or all of it has to be
quoted with marks, and lines that may be the end
of a quoted one that some client broke in two are left out.
"""

from __future__ import annotations

import re
import unicodedata

from parsing import signatures
from parsing.message import Address
from parsing.shown import is_quoted

MARK = "##-"  # how our delimiter begins, in every language
SURE = 12  # letters of a line that does not stand in a notice by chance
_LINK = re.compile(r"<?(?:mailto:|https?://)[^\s>]*>?")  # clients add them to addresses, and gateways rewrite them
_FOOTER = re.compile(r"\s*[_=]{20,}\s*$")  # the rule over a list's footer
_CONTACT = re.compile(r"@|www\.|https?:|\d[\d ()/.-]{5,}\d")
CARD_LINES, CARD_WORDS = 8, 8  # at most, of a signature that begins with its author's name
UNBROKEN = 50  # characters of a quoted line that is surely whole: clients break lines at 60 or more


def words(text: str) -> str:
    """The unquoted lines after the first quoted one; empty where they cannot be told from those of the notice."""
    lines = text.split("\n")
    quoted = [is_quoted(line) for line in lines]
    marked = [MARK in line for line in lines]
    if not any(m and q for m, q in zip(marked, quoted, strict=True)) or any(
        m and not q for m, q in zip(marked, quoted, strict=True)
    ):
        return ""
    found: list[str] = []
    doubtful = False
    for line, is_quote in list(zip(lines, quoted, strict=True))[quoted.index(True) :]:
        if is_quote:
            doubtful = len(line) > UNBROKEN
            if found and found[-1]:
                found.append("")
        elif not line.strip():
            doubtful = False
            if found and found[-1]:
                found.append("")
        elif line.rstrip() == "--":
            break
        elif not doubtful:
            found.append(line.strip())
    return "\n".join(found).strip()


def besides(text: str, notice: str) -> str:
    """What a mail says besides the notice that it quotes without marks, as Outlook does; empty where uncertain.

    Every word of the notice below our delimiter has to stand there, in order: then none of the others is one of it.
    """
    awaited = iter(_said(word) for line in _below(notice) for word in line.split() if _said(word))
    following = next(awaited, None)
    found: list[str] = []
    for line in _below(text):
        more: list[str] = []
        for word in line.split():
            said = _said(word)
            if said and said == following:
                following = next(awaited, None)
            elif said or more:
                more.append(word)
        if more:
            found.append(" ".join(more))
        elif found and found[-1]:
            found.append("")
    return "\n".join(found).strip() if following is None else ""


def rest(text: str, notice: str, author: Address | None) -> str:
    """What stands below our delimiter and is neither of `notice`, which is quoted there, nor a signature.

    To be doubted by, not to be sent: where the notice was altered, it is among it. Without its text only what
    stands unmarked in a marked quote is told.
    """
    lines = text.split("\n")
    mark = next((n for n, line in enumerate(lines) if MARK in line), None)
    if mark is None or not notice:
        return "\n".join(_unsigned(words(text).split("\n"), author)).strip()
    marked = is_quoted(lines[mark])
    ours, first = _letters(notice), _letters(lines[mark].partition(MARK)[2])
    place = max(0, ours.find(first)) + len(first)
    kept: list[str] = []
    for line in lines[mark + 1 :]:
        letters = _letters(line)
        # What was typed may by chance stand in the notice, too: short lines are ours only where they are awaited.
        found = place if ours.startswith(letters, place) else ours.find(letters, place) if len(letters) >= SURE else -1
        if letters and found >= 0:
            place = found + len(letters)
        new = found < 0 if letters else marked or place == len(ours)  # the notice, too, has rules
        kept.append(line if new and not (marked and is_quoted(line)) else "")
    while kept and not kept[0].strip():
        del kept[0]
    return "\n".join(_unsigned(kept, author)).strip()


def _unsigned(lines: list[str], author: Address | None) -> list[str]:
    """Without a signature at the end, and what a list or a gateway puts under a rule."""
    end = next((n for n, line in enumerate(lines) if line.rstrip() == "--" or _FOOTER.match(line)), len(lines))
    name = _letters(author.name) if author else ""
    named = next((n for n, line in enumerate(lines[:end]) if name and _letters(line) == name), end)
    below = [line for line in lines[named + 1 : end] if line.strip()]
    is_card = len(below) <= CARD_LINES and not any(map(_is_sentence, below)) and any(map(_CONTACT.search, below))
    if not below or is_card:
        end = min(named + 1, end)  # the name closes what is above it
    above = ["The quote stands here.", ""]  # nothing is a signature that nothing stands above
    left = lines[: max(0, signatures.begins([*above, *lines[:end]], tidy=True, author=author) - len(above))]
    return left[:named] if len(left) == named + 1 else left


def _is_sentence(line: str) -> bool:
    return len(line.split()) > CARD_WORDS or line.rstrip().endswith((".", "?", "!"))


def _letters(text: str) -> str:
    """Letters and digits alone, however a client wraps them."""
    plain = unicodedata.normalize("NFKC", _LINK.sub("", text)).casefold()
    return "".join(filter(str.isalnum, plain))


def _below(text: str) -> list[str]:
    """The lines below the one delimiter; none where there are several."""
    lines = text.split("\n")
    marks = [n for n, line in enumerate(lines) if MARK in line]
    return lines[marks[0] + 1 :] if len(marks) == 1 else []


def _said(word: str) -> str:
    """A word without the marks around it, which clients change; empty for a mark alone."""
    return word.strip("-\u2013\u2014_*\u00b7<>|")
