"""Tell a forwarded mail, and who wrote what it carries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from parsing import phrases
from parsing.message import Address
from parsing.quotes import label
from parsing.shown import ADDRESS, Mark, is_quoted, visible

HEADER_LINES = 16  # as far under a forward's mark as its From line is looked for

_PREFIX = re.compile(r"\s*(?:\[[^\]]{1,40}\]\s*)?([^\W\d_]{1,12}(?:\^2)?)(?:\s?[\[(]\d{1,3}[\])])?\s?[:：]")
_NOISE = re.compile(
    r"\[?<?\s?mailto:[^\s>\]]{0,320}\s?>?\]?|[<>\[\]()\"']|(?<!\w)(?:via|on behalf of|im auftrag von).*",
    re.IGNORECASE,
)


@lru_cache(maxsize=16)  # several ask of one mail
def _prefix(subject: str) -> str:
    match = _PREFIX.match(subject)
    return match[1].lower() if match else ""


def is_reply_subject(subject: str) -> bool:
    """Whether the subject begins with an answer's prefix ("Re:", "AW:", "SV[2]:")."""
    return _prefix(subject[:80]) in phrases.REPLY_PREFIXES


def is_forward_subject(subject: str) -> bool:
    """Whether the subject begins with a forward's prefix ("Fwd:", "WG:", "Tr:")."""
    return _prefix(subject[:80]) in phrases.FORWARD_PREFIXES


def is_answer(subject: str, lines: Sequence[str], mark: Mark | None) -> bool:
    """Whether a subject whose prefix means both is an answer's, by the language of the header that `mark` found."""
    if not mark or not is_reply_subject(subject):
        return False
    return visible(lines[mark.start]).lstrip(" >*_").lower().startswith(phrases.ANSWER_LABELS)


def sender(lines: Sequence[str], mark: Mark | None) -> Address | None:
    """Who sent the mail that `mark` introduces, as its quoted From line says, or None."""
    if not mark:
        return None
    for line in lines[mark.start : mark.start + HEADER_LINES]:
        text = visible(line).lstrip("> ") if is_quoted(line) else visible(line)
        found = label(text)
        if found and found[0] == "from":
            return mailbox(found[1])
    return None


def mailbox(text: str) -> Address | None:
    """The mailbox that a From line of a quoted mail names ("NAME [mailto:ADDRESS]"), or None."""
    match = ADDRESS.search(text[:1024])
    if not match:
        return None
    local, _, domain = match[0].removeprefix("mailto:").rpartition("@")
    address = f"{local}@{domain.rstrip('.').lower()}"
    name = " ".join(_NOISE.sub(" ", text[: match.start()].replace("mailto:", " ")).split()).strip(" ,;*_")
    return Address("" if "@" in name else name, address)
