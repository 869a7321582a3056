"""What staff may say in the first new line of a mail (`#note`, `#send`), and what a `#send` lets go."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from routing.case import Case
from routing.decision import Decision
from routing.facts import Confirmation
from routing.mail import Trust
from routing.policy import Grant
from routing.threads import letter_ids

# "#note" is generous, since a missed one would be read by the partner; "#send" stands alone on its line; any other
# word after "#" is a command that does not exist, unless it is a number ("#12 is your order") or a heading ("# Steps").
_COMMAND = re.compile(r"#\s?(note)(?![\w])(.*)|#(\w*[^\W\d_]\w*)(.*)", re.IGNORECASE)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
CONFIRM_SECONDS = 7 * 86400.0  # MAIL 14: a `#send` counts for seven days
MOST_TYPED = 40  # characters of a command that does not exist, as its author is told of it
Question = Literal["confirm", "preview"]
_DECORATION = " \t*_`~\"'"  # what is left of bold or quoted words


@dataclass(frozen=True, slots=True)
class Command:
    """The command of a mail, "" for none, and the words without it."""

    name: Literal["", "note", "send", "unknown"]
    words: str
    typed: str = ""


def read(reply: str) -> Command:
    """The command that the first new line is: blank lines and what is quoted with ">" do not count."""
    lines = reply.split("\n")
    for number, line in enumerate(lines):
        text = line if line.isascii() else unicodedata.normalize("NFKC", _INVISIBLE.sub("", line))
        text = text.strip(_DECORATION + "\r\u00a0")
        if not text or text.startswith(">"):
            continue
        match = _COMMAND.match(text)
        if match is None:
            break
        if match[1]:
            rest = match[2].lstrip(_DECORATION + ":.,;-")
            return Command("note", "\n".join(([rest] if rest else []) + lines[number + 1 :]).strip(), "#note")
        if match[3].lower() != "send":
            return Command("unknown", reply, f"#{match[3]}"[:MOST_TYPED])
        alone = not match[4].strip(" .!")
        return Command("send" if alone else "unknown", reply, f"#{match[3]}{match[4]}"[:MOST_TYPED])
    return Command("", reply)


def question(case: Case) -> Confirmation | None:
    """The mail of ours that this one answers, if it was one that asks for `#send`."""
    asked = case.facts.confirmations
    return next((asked[i] for i in letter_ids(case.mail, case.policy) if i in asked), None) if asked else None


def release(case: Case) -> Decision | None:
    """`#send` as the first new line of a human answer to a mail that only that person has: once, within seven days.

    The Message-ID of that mail is the token (MAIL 14): whoever names it has read that member's registered mailbox.
    """
    message, member = case.mail.message, case.member
    if member is None or not case.human or len(message.from_) != 1 or case.trust == "failed":
        return None
    if read(message.reply).name != "send":
        return None
    asked = question(case)
    if asked is None or asked.address not in member.addresses:
        case = case.because("nothing_held", "#send", "it answers no mail that asks for it; nothing is sent")
        return Decision("record", case.trust, case.reasons, author="staff")
    trust: Trust = "authenticated" if case.trust == "authenticated" else "confirmed"
    seen = f"#send in answer to {asked.message_id}"
    if asked.used:
        case = case.because("confirmation_used", seen, "it was sent already; nothing happens twice")
    elif case.mail.envelope.received_at > asked.expires:
        case = case.because("confirmation_expired", seen, "it is older than seven days; the words stay inside")
    elif not (grant := _grant(case, asked, trust)).given:
        case = case.because("not_obeyed", f"{seen}; {grant.line}", "the words stay inside")
    else:
        case = case.because("confirmed", seen, "the held words are sent")
        return Decision("record", trust, case.reasons, ticket_id=asked.ticket_id, author="staff", release=asked)
    return Decision("record", case.trust, case.reasons, ticket_id=asked.ticket_id, author="staff")


def _grant(case: Case, asked: Confirmation, trust: Trust) -> Grant:
    """Whether that degree may send words: a command, in the queue and with the partner of their ticket."""
    ticket = case.facts.ticket(asked.ticket_id)
    queue, partner = (ticket.queue, ticket.partner) if ticket is not None else ("", None)
    return case.policy.may("command", trust, queue, partner)
