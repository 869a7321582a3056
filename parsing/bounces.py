"""Recognise delivery reports: RFC 6522's, and those of systems that follow no standard."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parsing import bounce_forms, delivery_status, forwards, phrases
from parsing.bounce_forms import DAEMON, SCANNED
from parsing.delivery_status import REPLY_CODE, Told
from parsing.message import BounceDelivery, ParsedMessage
from parsing.parts import Part

PERSONAL = 1_000  # characters of a mail in which a person shows himself
NOTIFICATIONS = frozenset(("message/disposition-notification", "message/global-disposition-notification"))
_MAILS = frozenset(("message/rfc822", "message/global"))
_RETURNED = _MAILS | {"text/rfc822-headers", "message/global-headers", "message/partial"}

_is_bounce_subject = phrases.finder(phrases.BOUNCE_SUBJECTS)
_has_bounce_words = phrases.finder(phrases.BOUNCE_WORDS)
_says_delayed = phrases.finder(phrases.BOUNCE_DELAYED)
# A salutation or a question: what a person writes over a bounce that he asks about.
_PERSONAL = re.compile(
    r"\A\W*(?:hi|hello|hallo|hey|dear|good|guten|sehr|moin|bonjour|hola|ciao|buongiorno|hej|hoi|beste|olá)\b|\?(?:\s|\Z)",
    re.IGNORECASE,
)
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
    if not _is_suspect(message, fields, daemon):
        return None
    found = _free_form(message, fields, parts)
    # People write these words, too, of mailboxes and of parcels. Theirs name no recipient and no server's answer; what
    # looks like a code alone is a version of something.
    sure = daemon or found.recipients or _is_report(fields) or REPLY_CODE.search(message.text[:SCANNED])
    return found if sure else None


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
    return any(DAEMON.search(author.address) for author in message.from_)


def _is_suspect(message: ParsedMessage, fields: Mapping[str, str], daemon: bool) -> bool:
    subject = _is_bounce_subject(message.subject[:500])
    if not (daemon or subject):
        return False
    if fields.get("x-failed-recipients"):
        return True
    if not daemon and (
        message.in_reply_to
        or message.references
        or forwards.is_forward_subject(message.subject)
        or _PERSONAL.search(message.text[:PERSONAL])
    ):
        return False  # a person who writes about a bounce
    words = _has_bounce_words(message.text[:4096])
    return (subject and words) or (daemon and (words or subject))


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
    delayed = bool(_says_delayed(message.subject) or _says_delayed(text))
    codes = bounce_forms.codes(text)
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
