"""Recognise delivery reports: RFC 6522's, and those of systems that follow no standard."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parsing import absence, away, bounce_forms, delivery_status, forwards, phrases
from parsing.bounce_forms import DAEMON, SCANNED
from parsing.delivery_status import REPLY_CODE, Told
from parsing.message import BounceDelivery, ParsedMessage
from parsing.parts import Part
from parsing.signatures import is_closing

WORDED = 4_096  # characters in which a report says what it is
PERSONAL = 1_000  # characters of a mail in which a person shows himself
NOTIFICATIONS = frozenset(("message/disposition-notification", "message/global-disposition-notification"))
_MAILS = frozenset(("message/rfc822", "message/global"))
_RETURNED = _MAILS | {"text/rfc822-headers", "message/global-headers", "message/partial"}

# Local parts under which nobody reads: of systems that say so, of list managers, and of what counts their bounces.
_ROBOT = re.compile(
    r"(?:[\w.+-]{1,60}[-_.+])?(?:no|do[-_.]?not)[-_.]?reply(?:[-_.+][\w.+-]{1,60})?|"
    r"nicht-?antworten|ne-?pas-?repondre|no-?responder|nao-?responda|non-?rispondere|mailer-daemon|"
    r"majordomo|listserv|listproc|sympa|mailman|[\w.+-]{1,60}-bounces(?:\+[\w.+=-]{1,60})?"
)

_is_bounce_subject = phrases.finder(phrases.BOUNCE_SUBJECTS)
_has_bounce_words = phrases.finder(phrases.BOUNCE_WORDS)
_says_delivered = phrases.finder(phrases.BOUNCE_DELIVERED)
_says_delayed = phrases.finder(phrases.BOUNCE_DELAYED)
_speaks_to_sender = phrases.finder(phrases.BOUNCE_ADDRESSES)
_SPACELESS = "\u0e00"  # from Thai on scripts put no blank between words
# These without what all machines say, and carriers of parcels.
_speaks_of_a_mail = phrases.finder(
    said for said in phrases.BOUNCE_ADDRESSES if not said.startswith(("automat", "automát", "do not", "delivery"))
)
_salutes = phrases.finder(
    (
        rf"(?:{phrases.words(word for word in phrases.SALUTATIONS if word < _SPACELESS)})(?:$|[^\pL\pN])",
        phrases.words(word for word in phrases.SALUTATIONS if word >= _SPACELESS),
    ),
    before=r"^[^\pL\pN]*",
)
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
_NOT_ASKED = re.compile(  # what only systems ask for
    r"\b(?:please|bitte) (?:do not re-?(?:send|ply)|contact your (?:\S+ ){0,3}(?:administrator|postmaster)|"
    r"antworten sie nicht|nicht (?:auf diese \S+ )?antworten)",
    re.IGNORECASE,
)
_ENVELOPE = re.compile(r"^[ \t]{0,8}mail from: ?\S+\n[ \t]{0,8}rcpt to: ?\S+$", re.IGNORECASE | re.MULTILINE)
_REPORT = re.compile(r";\s*report-type\s?=\s?\"?delivery-status\b")
_DELIVER_TO = re.compile(r"deliver\w{0,12}(?: \w{1,20}){0,4} to:? ?<?[^\s@<>]{1,64}@", re.IGNORECASE)
_OPENING = re.compile(r"\w[^\n]*(?:\n[^\n]*\w[^\n]*)*")  # the first paragraph: rules of asterisks stand over some
# All that IMail and MDaemon say: "Invalid final delivery userid: ADDRESS", "ADDRESS - no such user here."
_TERSE = re.compile(
    r"[^\n@:]{1,80}(?:: ?| to )<?[^\s@<>]{1,64}@[^\s@<>]{3,255}>?|[^\s@<>]{1,64}@[^\s@<>]{3,255} - [^\n]{1,80}"
)
_NOBODY = re.compile(r"mailer-daemon|^microsoftexchange[0-9a-f]{32}@", re.IGNORECASE)
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
    null = _is_null(message, fields)
    system = _is_system(message, fields) and (
        null or _is_mailer_daemon(message) or _is_report(fields) or not _is_a_postmaster(message)
    )
    daemon = null or system
    if daemon and not statuses:
        statuses = [
            status for part in parts if part.content_type in _MAILS for status in delivery_status.inside(part.data)
        ]
    if statuses and (daemon or _is_report(fields)):
        told = delivery_status.read(statuses)
        return _standard(message, parts, told) or _free_form(message, fields, parts)
    if system and _tells_success(message, null):
        return Bounce((), (), (), _original_id(message, parts), delivered=True)
    if system:
        suspect = _is_of_a_system(message, fields, parts, null)
    elif null and not _is_answer(message, fields):
        suspect = _is_of_the_null_sender(message, fields, parts)
    else:
        suspect = _is_of_a_gateway(message, fields, null)
    if not suspect:
        return None
    found = _free_form(message, fields, parts)
    # People write these words, too, of mailboxes and of parcels, and so do machines that deliver no mail. Theirs name
    # no recipient and no server's answer; what looks like a code alone is a version of something.
    if found.recipients or _is_report(fields) or REPLY_CODE.search(message.text[:SCANNED]):
        return found
    if daemon and found.original_id:
        return found
    return found if system and _is_bounce_subject(message.subject[:500]) else None


def is_robot(message: ParsedMessage) -> bool:
    """Whether nobody reads what is sent to its author, and it does not name somebody else who does, as forms do."""
    author = message.author
    if not author or not _ROBOT.fullmatch(author.address.partition("@")[0].lower()):
        return False
    return all(address.address == author.address for address in message.reply_to)


def _is_report(fields: Mapping[str, str]) -> bool:
    """Whether the mail as a whole is a multipart/report on a delivery (RFC 6522 section 3); gateways break its name."""
    content_type = fields.get("content-type", "").lower().lstrip()
    if content_type.startswith("multipart/report") and "report-type" not in content_type:
        return True
    return content_type.startswith("multipart/") and _REPORT.search(content_type) is not None


def _is_null(message: ParsedMessage, fields: Mapping[str, str]) -> bool:
    """Whether it was sent so that nothing comes back: by the null sender (RFC 5321 section 4.5.5), or as good as that.

    A display name does not say so: administrators of systems are people. Nor does a postmaster's path.
    """
    path = message.return_path
    if path is not None and (path in ("", "<>", "null") or "mailer-daemon" in path.lower()):
        return True
    return bool(fields.get("x-mlserver")) or "<>" in fields.get("from", "")  # fml refuses posts under its list's name


def _is_system(message: ParsedMessage, fields: Mapping[str, str]) -> bool:
    """Whether it has the address of a mail system in From: not only the null sender, which responders have, too."""
    if not message.from_:
        return "<>" in fields.get("from", "")
    return any(DAEMON.search(author.address) for author in message.from_)


def _is_of_a_system(message: ParsedMessage, fields: Mapping[str, str], parts: Sequence[Part], null: bool) -> bool:
    """Whether what a mail system's address wrote is a report."""
    if fields.get("x-failed-recipients") or _returns_ours(message, parts):
        return True
    text = message.text[:WORDED]
    subject, words = _is_bounce_subject(message.subject[:500]), _has_bounce_words(text)
    if null or _is_mailer_daemon(message):
        return subject or words or bool(REPLY_CODE.search(text)) or bounce_forms.names_recipients(message)
    if not (subject or (words and (_speaks_to_sender(text) or _ENVELOPE.search(text)))):
        return False
    opening = _OPENING.search(text)
    return bool(
        REPLY_CODE.search(text)
        or _ENVELOPE.search(text)
        or bounce_forms.names_recipients(message)
        or (words and opening and _TERSE.fullmatch(opening[0]))
    )


def _is_of_the_null_sender(message: ParsedMessage, fields: Mapping[str, str], parts: Sequence[Part]) -> bool:
    """Whether it is a report under the null sender, and anybody's address: machines send all their news so."""
    if fields.get("x-failed-recipients"):
        return True
    text = message.text[:WORDED]
    subject, words, code = _is_bounce_subject(message.subject[:500]), _has_bounce_words(text), REPLY_CODE.search(text)
    if _PERSONAL.search(text[:PERSONAL]) and not _is_report(fields):
        return False
    if words and _speaks_of_a_mail(text):
        return True
    if subject and (code or _is_report(fields) or _original_id(message, parts)):
        return True
    return (subject or bool(words and code)) and bounce_forms.names_recipients(message)


def _is_of_a_gateway(message: ParsedMessage, fields: Mapping[str, str], null: bool) -> bool:
    """Whether it is a report under the address of somebody who has one, as gateways of companies send them."""
    if not _is_bounce_subject(message.subject[:500]):
        return False
    if fields.get("x-failed-recipients"):
        return True
    return (
        _has_bounce_words(message.text[:WORDED])
        and not message.in_reply_to
        and not message.references
        and not forwards.is_forward_subject(message.subject)
        and (_is_report(fields) or _is_impersonal(message, null))
    )


def _is_mailer_daemon(message: ParsedMessage) -> bool:
    """Whether it has an address of no person: that of a mail system itself, or the one that Exchange reports under."""
    return any(_NOBODY.search(author.address) for author in message.from_)


def _is_answer(message: ParsedMessage, fields: Mapping[str, str]) -> bool:
    """Whether a responder wrote it: it has the null sender, too (RFC 3834 section 3.3), and repeats any subject."""
    return (
        fields.get("auto-submitted", "").strip().lower().startswith("auto-replied")
        or forwards.is_reply_subject(message.subject)
        or absence.begins_as_one(message.subject[:200])
    )


def _tells_success(message: ParsedMessage, null: bool) -> bool:
    """Whether a mail system says in words that a mail has arrived."""
    said = message.text[:PERSONAL]
    return (
        _says_delivered(said)
        and _speaks_to_sender(said)
        and not _has_bounce_words(message.text[:WORDED])
        and not message.in_reply_to
        and (null or not _is_personal(message))
    )


def _is_a_postmaster(message: ParsedMessage) -> bool:
    """Whether it is the person who looks after a mail server, and not the server: he answers, or speaks of himself.

    Servers that answer the mail that they could not deliver show the envelope of it.
    """
    return (
        _is_personal(message)
        or forwards.is_forward_subject(message.subject)
        or _requests(bounce_forms.before_copy(message.text[:PERSONAL]))
        or (bool(message.in_reply_to) and not (message.return_path is None and _ENVELOPE.search(message.text[:WORDED])))
    )


def _is_personal(message: ParsedMessage) -> bool:
    """Whether somebody shows himself in it: he salutes, speaks of himself, asks a question, or closes."""
    text = bounce_forms.before_copy(message.text[:PERSONAL])
    return bool(_PERSONAL.search(text)) or _salutes(text) or any(map(is_closing, text.split("\n")))


def _is_impersonal(message: ParsedMessage, null: bool) -> bool:
    """Whether a system wrote this to the sender of a mail, and not a person of a mail that came back."""
    text = bounce_forms.before_copy(message.text[:PERSONAL])
    opening = _OPENING.search(text)
    if not (opening and _speaks_to_sender(text)):
        return False
    if not (_has_bounce_words(opening[0]) or _speaks_to_sender(opening[0])):
        return False  # what a person has pasted stands below a line of his
    if null:
        return not _PERSONAL.search(text)
    if not (bounce_forms.names_recipients(message) or REPLY_CODE.search(message.text[:WORDED])):
        return is_robot(message) and _DELIVER_TO.search(text) is not None  # not of a parcel
    return is_robot(message) or not (_is_personal(message) or _requests(text))


def _requests(text: str) -> bool:
    """Whether it asks for something that not only systems ask for."""
    return away.requests(_NOT_ASKED.sub("", text))


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
