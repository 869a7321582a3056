"""What a member of staff wrote below a notice of ours or between its quoted lines: a guess, to be looked at by him.

Nothing of the notice may be among it. So either all of the notice stands there, word for word, or all of it has to be
quoted with marks, and lines that may be the end
of a quoted one that some client broke in two are left out.
"""

from __future__ import annotations

from parsing.quotes import is_quoted

MARK = "##-"  # how our delimiter begins, in every language
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


def _below(text: str) -> list[str]:
    """The lines below the one delimiter; none where there are several."""
    lines = text.split("\n")
    marks = [n for n, line in enumerate(lines) if MARK in line]
    return lines[marks[0] + 1 :] if len(marks) == 1 else []


def _said(word: str) -> str:
    """A word without the marks around it, which clients change; empty for a mark alone."""
    return word.strip("-\u2013\u2014_*\u00b7<>|")
