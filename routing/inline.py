"""What a member of staff wrote below a notice of ours or between its quoted lines: a guess, to be looked at by him.

Nothing of the notice may be among it. So all of the notice has to be quoted with marks, and lines that may be the end
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
