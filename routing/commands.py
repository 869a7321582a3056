"""What staff may say in the first new line of a mail: `#note`, `#send`, `#unassign`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from routing.case import Case
from routing.facts import Confirmation
from routing.mail import Trust
from routing.policy import Act, Grant
from routing.threads import letter_ids
from routing.ticket import Ticket

# "#note" is generous, since a missed one would be read by the partner; the others stand alone on their line; any other
# word after "#" is a command that does not exist, unless it is a number ("#12 is your order") or a heading ("# Steps").
_COMMAND = re.compile(r"#\s?(note)(?![\w])(.*)|#(\w*[^\W\d_]\w*)(.*)", re.IGNORECASE)
# The same word where it is no command: below the first line, or in brackets. No hashtag or shell comment is held.
_LATE = re.compile(r"[\[({<\u3010\u300c\s]*#\s?(notes?|internal|private|send|unassign)(?![\w]|-\w)", re.IGNORECASE)
LATE_LINES = 10  # unquoted lines in which it is looked for
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
MOST_TYPED = 40  # characters of a command that does not exist, as its author is told of it
NEEDED: tuple[Act, ...] = ("command", "approve")  # a `#send` is a command, and what it does is to approve
Question = Literal["confirm", "preview"]
QUESTIONS: tuple[Question, ...] = ("confirm", "preview")  # no part of a conversation: only an answer to one counts
Name = Literal["", "note", "send", "unassign", "unknown", "late"]
KNOWN: tuple[Name, ...] = ("note", "send", "unassign")
_ALONE: dict[str, Name] = {"send": "send", "unassign": "unassign"}
_DECORATION = " \t*_`~\"'"  # what is left of bold or quoted words


@dataclass(frozen=True, slots=True)
class Command:
    """The command of a mail, "" for none, and the words without it.

    `unknown` is one that does not exist, `late` one that is not the first line: the words are all of them.
    """

    name: Name
    words: str
    typed: str = ""


def read(reply: str) -> Command:
    """The command that the first new line is: blank lines and what is quoted with ">" do not count."""
    lines = reply.split("\n")
    first = True
    for number, text in _unquoted(lines):
        if not first or (match := _COMMAND.match(text)) is None:
            first = False
            if (late := _LATE.match(text)) is not None:
                return Command("late", reply, f"#{late[1]}")
            continue
        below = lines[number + 1 :]
        if match[1]:
            rest = match[2].lstrip(_DECORATION + ":.,;-")
            return Command("note", "\n".join(([rest] if rest else []) + below).strip(), "#note")
        name = _ALONE.get(match[3].lower())
        if name is None:
            return Command("unknown", reply, f"#{match[3]}"[:MOST_TYPED])
        if match[4].strip(" .!"):
            return Command("unknown", reply, f"#{match[3]}{match[4]}"[:MOST_TYPED])
        return Command(name, "\n".join(below).strip(), f"#{name}")
    return Command("", reply)


def _unquoted(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The first lines of new words with their numbers, without what a client or a keyboard puts around them."""
    said = 0
    for number, line in enumerate(lines):
        text = line if line.isascii() else unicodedata.normalize("NFKC", _INVISIBLE.sub("", line))
        text = text.strip(_DECORATION + "\r\u00a0")
        if text and not text.startswith(">"):
            yield number, text
            said += 1
            if said == LATE_LINES:
                return


def question(case: Case) -> Confirmation | None:
    """The mail of ours that this one answers, if it was one that asks for `#send`."""
    asked = case.facts.confirmations
    return next((asked[i] for i in letter_ids(case.mail, case.policy) if i in asked), None) if asked else None


def shown_to(case: Case, asked: Confirmation) -> str | None:
    """Somebody else who gets this answer to a question, and so its Message-ID, which is all that a `#send` needs."""
    member, message = case.member, case.mail.message
    if member is None or asked.address not in member.addresses or asked.used:
        return None
    named = (a.address.lower() for a in (*message.to, *message.cc) if "@" in a.address)
    return next((a for a in named if not case.policy.is_ours(a) and a not in member.addresses), None)


def refusal(case: Case, ticket: Ticket | None, trust: Trust) -> Grant | None:
    """The line by which a `#send` of that degree does nothing in the queue and with the partner of that ticket."""
    queue, partner = (ticket.queue, ticket.partner) if ticket is not None else ("", None)
    grants = (case.policy.may(act, trust, queue, partner) for act in NEEDED)
    return next((grant for grant in grants if not grant.given), None)


def confirmable(case: Case, ticket: Ticket) -> bool:
    """Whether a command that is not obeyed, as nobody vouches for its author, would be once he confirms it."""
    doubted = case.trust in ("known_thread", "unverified") and len(case.mail.message.from_) == 1
    return doubted and refusal(case, ticket, "confirmed") is None
