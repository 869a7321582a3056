"""Recognise delivery reports: RFC 6522's, and those of systems that follow no standard."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parsing import absence, bounce_forms, delivery_status, forwards, phrases
from parsing.bounce_forms import DAEMON, SCANNED
from parsing.delivery_status import REPLY_CODE, Told
from parsing.message import BounceDelivery, ParsedMessage
from parsing.parts import Part

WORDED = 4_096  # characters in which a report says what it is
PERSONAL = 1_000  # characters of a mail in which a person shows himself
NOTIFICATIONS = frozenset(("message/disposition-notification", "message/global-disposition-notification"))
_MAILS = frozenset(("message/rfc822", "message/global"))
_RETURNED = _MAILS | {"text/rfc822-headers", "message/global-headers", "message/partial"}

# Local parts under which nobody reads: of systems that say so, of list managers, and of what counts their bounces.
ROBOT = re.compile(
    r"(?:[\w.+-]{1,60}[-_.+])?(?:no|do[-_.]?not)[-_.]?reply(?:[-_.+][\w.+-]{1,60})?|"
    r"nicht-?antworten|ne-?pas-?repondre|no-?responder|nao-?responda|non-?rispondere|mailer-daemon|"
    r"majordomo|listserv|listproc|sympa|mailman|[\w.+-]{1,60}-bounces(?:\+[\w.+=-]{1,60})?"
)

_is_bounce_subject = phrases.finder(phrases.BOUNCE_SUBJECTS)
_has_bounce_words = phrases.finder(phrases.BOUNCE_WORDS)
_says_delivered = phrases.finder(phrases.BOUNCE_DELIVERED)
_says_delayed = phrases.finder(phrases.BOUNCE_DELAYED)
_speaks_to_sender = phrases.finder(phrases.BOUNCE_ADDRESSES)
# A salutation, a question, or somebody who speaks of himself: what a person writes of a bounce that he asks about. Some
# systems speak so, too: "we were unable", "our filter".
_PERSONAL = re.compile(
    r"\A\W*(?:hi|hello|hallo|hey|dear|good|guten|sehr|moin|bonjour|hola|ciao|buongiorno|hej|hoi|beste|olá|fyi)\b|"
    r"\?(?:\s|\Z)|\bi\b(?!.m (?:sorry|afraid))|\bwe\b(?! (?:are|were) (?:unable|not able|sorry)| regret)|"
    r"\bour\b(?! (?:[\w-]{1,20} ){0,2}(?:server|system|filter|firewall|gateway|policy|policies))|"
    r"\b(?:me|my|thx|thanks|ich|mir|wir|meine?[mnr]?|unsere?[mnr]?|danke|j'|je|mon|mes|nous|notre|nos|merci|mi|mis|yo|"
    r"nuestr[oa]s?|gracias|mio|mia|miei|nostr[oaie]|grazie|meus?|minhas?|noss[oa]s?|obrigad[oa]|ik|mijn|wij|onze|bedankt|"
    r"groet|mój|moja|moje|nasz[aey]?|proszę|dziękuję|můj|naše|díky|мо[йяиеё]|наш[аеи]?|мы|я|спасибо|jag|jeg|mitt|mina|"
    r"vår[at]?|tack)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(r"\w[^\n]*(?:\n[^\n]*\w[^\n]*)*")  # the first paragraph: rules of asterisks stand over some
_FROM = re.compile(rb"^From:((?:[^\n]|\n[ \t]){0,998})", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(
    r"^[\s>]{0,4}(?:original-|x-original-)?message-id\s?:\s*<?([^\s<>]{3,998})>?", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery report. `temporary` are those of `recipients` only delayed; ids stand without brackets.

    `diagnostic` is the first Diagnostic-Code (RFC 3464 section 2.3.6), of a failure before a delay's, "" if none.

    Without recipients it is one that names none, or, with `delivered`, the report of a success.
    """

    recipients: tuple[str, ...]
    temporary: tuple[str, ...]
    status: tuple[str, ...]
    original_id: str | None
    delivered: bool = False
    diagnostic: str = ""
    deliveries: tuple[BounceDelivery, ...] = ()


def read(message: ParsedMessage, fields: Mapping[str, str], parts: Sequence[Part]) -> Bounce | None:
    """The delivery report that this mail is, or None where it is none; `fields` are its headers by lower-case name.

    A report that a person attaches or forwards is none: what the mail itself is decides.
    """
    statuses = [part.data for part in parts if part.content_type in delivery_status.TYPES]
    daemon = _is_daemon(message, fields)
    if daemon and not statuses:
        statuses = [
            status for part in parts if part.content_type in _MAILS for status in delivery_status.inside(part.data)
        ]
    if statuses and (daemon or _is_report(fields)):
        told = delivery_status.read(statuses)
        return _standard(message, parts, told) or _free_form(message, fields, parts)
    if _is_system(message) and _tells_success(message.text):
        return Bounce((), (), (), _original_id(message, parts), delivered=True)
    if not _is_suspect(message, fields, parts, daemon):
        return None
    found = _free_form(message, fields, parts)
    # People write these words, too, of mailboxes and of parcels, and so do machines that deliver no mail. Theirs name
    # no recipient and no server's answer; what looks like a code alone is a version of something.
    if found.recipients or _is_report(fields) or REPLY_CODE.search(message.text[:SCANNED]):
        return found
    return found if daemon and (found.original_id or _is_bounce_subject(message.subject[:500])) else None


def _is_report(fields: Mapping[str, str]) -> bool:
    """Whether the mail as a whole is a multipart/report on a delivery (RFC 6522 section 3)."""
    content_type = fields.get("content-type", "").lower()
    return content_type.lstrip().startswith("multipart/report") and (
        "delivery-status" in content_type or "report-type" not in content_type
    )


def _is_daemon(message: ParsedMessage, fields: Mapping[str, str]) -> bool:
    """Whether a mail system wrote it: the null sender (RFC 5321 section 4.5.5) or its customary addresses.

    A display name does not say so: administrators of systems are people.
    """
    path = message.return_path
    if path is not None and (path in ("", "<>", "null") or DAEMON.match(path)):
        return True
    if fields.get("x-mlserver"):  # fml refuses posts under its list's name
        return True
    if "<>" in fields.get("from", ""):
        return True
    return _is_system(message)


def _is_system(message: ParsedMessage) -> bool:
    """Whether it has the address of a mail system in From: not only the null sender, which responders have, too."""
    return any(DAEMON.search(author.address) for author in message.from_)


def _is_suspect(message: ParsedMessage, fields: Mapping[str, str], parts: Sequence[Part], daemon: bool) -> bool:
    subject = _is_bounce_subject(message.subject[:500])
    if not (daemon or subject):
        return False
    if fields.get("x-failed-recipients"):
        return True
    words = _has_bounce_words(message.text[:WORDED])
    if _is_system(message) and not _is_a_postmaster(message):
        return (
            subject
            or words
            or bool(REPLY_CODE.search(message.text[:WORDED]))
            or _returns_ours(message, parts)
            or ((_is_mailer_daemon(message) or message.return_path == "") and bounce_forms.names_recipients(message))
        )
    if daemon and not _is_system(message) and not _is_answer(message, fields):
        return subject or (words and _is_about_a_mail(message))
    return (
        subject
        and words
        and not message.in_reply_to
        and not message.references
        and not forwards.is_forward_subject(message.subject)
        and (_is_report(fields) or _is_impersonal(message))
    )


def _is_mailer_daemon(message: ParsedMessage) -> bool:
    return any("mailer-daemon" in author.address.lower() for author in message.from_)


def _is_answer(message: ParsedMessage, fields: Mapping[str, str]) -> bool:
    """Whether a responder wrote it: it has the null sender, too (RFC 3834 section 3.3), and repeats any subject."""
    return (
        fields.get("auto-submitted", "").strip().lower().startswith("auto-replied")
        or forwards.is_reply_subject(message.subject)
        or absence.begins_as_one(message.subject[:200])
    )


def _is_about_a_mail(message: ParsedMessage) -> bool:
    """Whether a report's words are about a mail that was sent: logs have them, too."""
    return _speaks_to_sender(message.text[:WORDED]) or bounce_forms.names_recipients(message)


def _tells_success(text: str) -> bool:
    said = text[:PERSONAL]
    return _says_delivered(said) and _speaks_to_sender(said) and not _has_bounce_words(text[:WORDED])


def _is_a_postmaster(message: ParsedMessage) -> bool:
    """Whether it is the person who looks after a mail server, and not the server: he answers, or asks."""
    author = message.author
    if not author or not author.address.lower().startswith("postmaster@") or not message.return_path:
        return False
    text = message.text[:PERSONAL]
    return bool(_PERSONAL.search(text)) and bool(message.in_reply_to or "? " in text or "?\n" in text)


def _is_impersonal(message: ParsedMessage) -> bool:
    """Whether a system wrote this to the sender of a mail, and not a person of a mail that came back."""
    text = bounce_forms.before_copy(message.text[:PERSONAL])
    opening = _OPENING.search(text)
    if not (opening and _speaks_to_sender(text)):
        return False
    if not (_has_bounce_words(opening[0]) or _speaks_to_sender(opening[0])):
        return False  # what a person has pasted stands below a line of his
    author = message.author
    if author and ROBOT.fullmatch(author.address.partition("@")[0].lower()):
        return True
    return not _PERSONAL.search(text)


def _returns_ours(message: ParsedMessage, parts: Sequence[Part]) -> bool:
    """Whether it gives back a mail of the one that it is sent to, in whatever language."""
    own = [address.address.lower().encode() for address in message.to]
    for part in parts:
        if part.content_type in _RETURNED:
            author = _FROM.search(part.data[:SCANNED].replace(b"\r", b"").partition(b"\n\n")[0])
            if author and any(address in author[1].lower() for address in own if address):
                return True
    return False


def _standard(message: ParsedMessage, parts: Sequence[Part], told: Told) -> Bounce | None:
    if not told.failed and not told.delayed and not told.delivered:
        return None
    return Bounce(
        (*told.failed, *told.delayed),
        told.delayed,
        told.codes,
        _original_id(message, parts),
        told.delivered and not told.failed and not told.delayed,
        told.diagnostic,
        told.deliveries,
    )


def _free_form(message: ParsedMessage, fields: Mapping[str, str], parts: Sequence[Part]) -> Bounce:
    text = bounce_forms.before_copy(message.text[:SCANNED])
    recipients = bounce_forms.recipients(message, fields, text)
    if not recipients:  # a Sieve script refuses by a disposition notification (RFC 5429 section 2.2.1)
        recipients = delivery_status.read(part.data for part in parts if part.content_type in NOTIFICATIONS).failed
    delayed = bool(_says_delayed(message.subject) or _says_delayed(text))
    codes = (
        bounce_forms.codes(text)
        or delivery_status.told_codes(text, len(recipients), delayed)
        or delivery_status.told_codes(message.subject, len(recipients), delayed)
    )
    # Which code is whose is clear only where there is one of each.
    code = codes[0] if len(codes) == len(recipients) == 1 else ""
    action = "delayed" if delayed else "failed"
    deliveries = tuple([BounceDelivery(recipient, action, code) for recipient in recipients])
    return Bounce(recipients, recipients if delayed else (), codes, _original_id(message, parts), deliveries=deliveries)


def _original_id(message: ParsedMessage, parts: Sequence[Part]) -> str | None:
    """The Message-ID of the mail returned: from its part (RFC 6522 section 3), else where the text repeats it."""
    for part in parts:
        if part.content_type in _RETURNED:
            head = part.data[:SCANNED].decode("utf-8", "replace").replace("\r", "").lstrip("\n")
            match = _MESSAGE_ID.search(head.partition("\n\n")[0])
            if match:
                return match[1]
    for part in parts:
        if part.content_type in delivery_status.TYPES | NOTIFICATIONS:
            match = _MESSAGE_ID.search(part.data[:SCANNED].decode("utf-8", "replace"))
            if match:
                return match[1]
    match = _MESSAGE_ID.search(message.text[:SCANNED])
    return match[1] if match else None
