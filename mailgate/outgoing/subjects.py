"""The subject of what we send: the conversation's own, so that every client shows one, without what may be misused."""

from __future__ import annotations

import re

from mailgate.outgoing.fields import clean
from parsing.phrases import REPLY_PREFIXES
from routing.tokens import OWN_STYLE, Style

LONGEST = 180  # characters of a subject that we repeat
MOST_PREFIXES = 10  # "Re: Re: Re:"; more is a bomb

_URL = re.compile(
    r"""(?: \b[a-z][a-z0-9+.-]{1,20}:/+ | \bmailto: | \bwww\d?\.
      | \b(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?::\d+)?/(?=\S)  # host.example/path
      ) \S*""",
    re.IGNORECASE | re.VERBOSE,
)
_PREFIX = re.compile(r"([^\W\d_]{1,12}(?:\^2)?)(?:\s?[\[(]\d{1,3}[\])])?\s?[:：]\s*")


def without_urls(text: str) -> str:
    """The text without what a client would make a link of (MAIL 6: strangers must not advertise through us)."""
    return " ".join(_URL.sub(" ", text).split())


def bare(subject: str, style: Style = OWN_STYLE) -> str:
    """What a mail is about: without our tokens and answer's prefixes, bounded."""
    text = style.without(clean(subject))
    for _ in range(MOST_PREFIXES):
        match = _PREFIX.match(text)
        if match is None or match[1].lower() not in REPLY_PREFIXES:
            break
        text = text[match.end() :]
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def of_answer(subject: str, number: str, token: bool, style: Style = OWN_STYLE) -> str:
    """`Re: <theirs>`, and the token where the relay is not trusted with Message-IDs."""
    words = without_urls(bare(subject, style)) or number
    return f"Re: {words} {style.write(number)}" if token else f"Re: {words}"


def of_notice(subject: str, number: str, token: bool, style: Style = OWN_STYLE) -> str:
    """The number and the ticket's subject, the same in every notice: for staff too it is one conversation."""
    return f"{style.write(number) if token else number} {bare(subject, style)}"
