"""Tell what kind of mail this is, and why. Whether it may be answered is another question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parsing import absence, alerts, bounces, calendar, delivery_status, forwards, phrases
from parsing.bounces import Bounce
from parsing.message import Alert, Kind, ParsedMessage
from parsing.parts import Part

REACTION_CHARACTERS = 300  # a reaction is one line, and a mail longer than that says more
HEADER_BYTES = 65_536  # of a mail that is complained about, in which its receiver's mark stands

_COMPLAINT = "complaint about message from "
# The methods by which an attendee answers an organiser (RFC 5546 section 1.4); the others are the organiser's.
_ANSWERS = frozenset(("REPLY", "COUNTER", "REFRESH", "DECLINECOUNTER"))
_LOOP = frozenset(("x-loop", "x-no-loop"))
_POSTED = frozenset(("list-post", "list-unsubscribe"))
_CRON = re.compile(r"Cron <[^<>@]{1,80}@[^<>]{1,200}> ")
_END = re.compile(r"[\s;(]")  # of Auto-Submitted's word: parameters or a comment
_is_reaction = phrases.finder(phrases.REACTIONS, before=r"^\s*", after=r"[\s.:!]*$")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The kind of a mail, the reason in one sentence, and what an alert or a bounce says."""

    kind: Kind
    reason: str
    alert: Alert | None = None
    bounce: Bounce | None = None


_HUMAN = Verdict("human", "Nothing says that a machine wrote it.")


def classify(message: ParsedMessage, parts: Sequence[Part]) -> Verdict:
    """The kind of `message`, whose leaf parts are `parts`; of the message only its kind is not yet needed."""
    fields = message.fields()
    return (
        _report(message, fields, parts)
        or _alert(message, fields)
        or _by_part(message, parts)
        or _automatic(message, fields)
        or _HUMAN
    )


def _report(message: ParsedMessage, fields: Mapping[str, str], parts: Sequence[Part]) -> Verdict | None:
    """A report on a mail that was sent: RFC 3464, RFC 5965, RFC 8098."""
    types = {part.content_type for part in parts}
    if "message/feedback-report" in types and not types & delivery_status.TYPES:  # whatever words stand beside it
        return Verdict("abuse_report", "It carries a feedback report (RFC 5965).")
    bounce = bounces.read(message, fields, parts)
    if bounce and bounce.delivered and bounce.deliveries:
        return Verdict("receipt", "A delivery status says that a mail has arrived (RFC 3464 section 2.3.3).")
    if bounce and bounce.delivered:
        return Verdict("receipt", "A mail system says in words that a mail has arrived.")
    if bounce and types & delivery_status.TYPES:
        return Verdict("bounce", "It carries a delivery status (RFC 3464, RFC 6533).", bounce=bounce)
    if bounce and (_CRON.match(message.subject) or _alert(message, fields)):
        return None  # it tells of mails that came back, and is none of them
    if bounce:
        return Verdict("bounce", "Its sender or subject, and its words, are a delivery report's.", bounce=bounce)
    if _is_complaint(message, parts):
        return Verdict("abuse_report", "It carries a mail that somebody marked as junk at Outlook.com.")
    if types & bounces.NOTIFICATIONS:
        return Verdict("receipt", "It carries a disposition notification (RFC 8098).")
    return None


def _is_complaint(message: ParsedMessage, parts: Sequence[Part]) -> bool:
    """A report of Microsoft's Junk Mail Reporting Program, which has a form of its own: a mail, and no words."""
    if not message.subject.startswith(_COMPLAINT) or message.text.strip():
        return False
    return any(
        part.content_type == "message/rfc822" and b"x-hmxmroriginalrecipient:" in part.data[:HEADER_BYTES].lower()
        for part in parts
    )


def _alert(message: ParsedMessage, fields: Mapping[str, str]) -> Verdict | None:
    alert = alerts.read(message.subject, message.text, fields)
    return Verdict("alert", f"It has the form of a mail of {alert.system}.", alert=alert) if alert else None


def _by_part(message: ParsedMessage, parts: Sequence[Part]) -> Verdict | None:
    for part in parts:
        if part.content_type in calendar.TYPES and (method := _answer(message, part)):
            return Verdict("calendar", f"It answers an invitation: METHOD is {method} (RFC 6047).")
        if part.content_type == "text/vnd.google.email-reaction+json":
            return Verdict("reaction", "It carries a reaction part.")
    words = message.reply or message.text
    if len(words) <= REACTION_CHARACTERS:
        said = [line for line in words.split("\n") if any(map(str.isalnum, line))]  # no sign that is only shown
        if len(said) == 1 and _is_reaction(said[0].strip()):
            return Verdict("reaction", "Its only words are those of a reaction.")
    return None


def _answer(message: ParsedMessage, part: Part) -> str:
    """The method by which a calendar part answers for this mail, or "".

    A file may be somebody else's answer: it counts if its Content-Type has the method, as in mails of calendars
    (RFC 6047 section 2.4), or if it is of the author.
    """
    named = part.param("method").upper()
    method = named or (message.calendar.method if message.calendar else "")
    if method not in _ANSWERS:
        return ""
    if part.content_type == "text/calendar" and part.disposition != "attachment":
        return method
    if forwards.is_forward_subject(message.subject):
        return ""
    author = message.author
    return method if named or (author and author.address.lower() in calendar.attendees(part)) else ""


def _automatic(message: ParsedMessage, fields: Mapping[str, str]) -> Verdict | None:
    submitted = _END.split(fields.get("auto-submitted", "").strip().lower(), maxsplit=1)[0]
    answered = absence.reason(message, fields, submitted)
    if answered:
        return Verdict("auto_reply", answered)
    if submitted not in ("", "no"):  # RFC 3834 section 5
        return Verdict("auto_generated", f"Auto-Submitted says {submitted[:40]} (RFC 3834).")
    if _CRON.match(message.subject):
        return Verdict("auto_generated", "Its subject is that of a job that cron ran.")
    if fields.get("x-list-administrivia", "").strip().lower() == "yes" or _is_list_manager(message, fields):
        return Verdict("auto_generated", "A list manager wrote it about a list or a post.")
    if "list-id" in fields and not _POSTED.isdisjoint(fields):
        return Verdict("list", "It was posted to a mailing list: List-Id, List-Post (RFC 2919, RFC 2369).")
    if message.return_path == "":
        return Verdict("auto_generated", "The envelope sender is null (RFC 5321 section 4.5.5).")
    if message.author and bounces.is_robot(message):
        return Verdict("auto_generated", f"{message.author.address.partition('@')[0].lower()} takes no answers.")
    if message.in_reply_to or any(name.startswith("list-") for name in fields):
        return None
    if not _LOOP.isdisjoint(fields):
        return Verdict("auto_generated", "It carries a responder's loop header.")
    if (
        "precedence" in fields
        and not message.message_id
        and not message.date
        and absence.precedences(message) & absence.BULK
    ):
        return Verdict("auto_generated", "Precedence says bulk, and no mail client wrote its headers.")
    return None


def _is_list_manager(message: ParsedMessage, fields: Mapping[str, str]) -> bool:
    """Whether a list's manager wrote it under its own address: "Mailing-List: contact team-help@...; run by ezmlm"."""
    author = message.author if "mailing-list" in fields else None
    return author is not None and f"contact {author.address};".lower() in fields["mailing-list"].lower()
