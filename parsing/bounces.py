"""Read delivery reports: RFC 3464 and RFC 6533 inside RFC 6522, and what systems send that follow neither."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message

from parsing import forwards, phrases
from parsing.message import ParsedMessage
from parsing.parts import Part

SCANNED = 32_768  # characters of a report's text, and bytes of a returned mail's header, that are read
STATUS_BYTES = 262_144  # of a message/delivery-status: several thousand recipients
PERSONAL = 1_000  # characters of a mail in which a person shows himself
DIAGNOSTIC = 500  # characters of what the other server said; longer ones are whole pages of help
RECIPIENTS = 1_000  # more than a mail may have at most servers; the rest is not counted
# Each kind of part under its first name and, where addresses are not all ASCII, RFC 6533's.
STATUSES = frozenset(("message/delivery-status", "message/global-delivery-status"))
NOTIFICATIONS = frozenset(("message/disposition-notification", "message/global-disposition-notification"))
_MAILS = frozenset(("message/rfc822", "message/global"))
_RETURNED = _MAILS | {"text/rfc822-headers", "message/global-headers", "message/partial"}


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


_ADDRESS = r"[^\s<>()\[\]\"',;:=|*@\u3000-\u303f\uff00-\uff20]{1,64}@[A-Za-z0-9][A-Za-z0-9.\-_]{0,253}[A-Za-z0-9]"
_MAILBOX = re.compile(rf"(\"[^\"\n]{{1,64}}\"@[\w.\-]{{1,255}}|{_ADDRESS})")
_STATED = re.compile(
    r"(\"[^\"\n]{1,64}\"@[\w.\-]{1,255}|[^\s<>\"@]{1,320}@[\w.\-\[\]]{1,255})"
)  # in a field of its own
_INSIDE = re.compile(rb"\nContent-Type: message/(?:global-)?delivery-status")
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_DAEMON = re.compile(
    r"^(?:mailer-?daemon|post_?master|mail[._-]?delivery[._-]?\w*|mdaemon|mail-?admin\w*|mail-?system|bounces?)(?:@|$)|"
    r"mailer-daemon",
    re.IGNORECASE,
)
_is_bounce_subject = phrases.finder(phrases.BOUNCE_SUBJECTS)
_has_bounce_words = phrases.finder(phrases.BOUNCE_WORDS)
_says_delayed = phrases.finder(phrases.BOUNCE_DELAYED)
_begins_copy = phrases.finder(phrases.BOUNCE_COPIES, before=r"^[\s>*=|#-]*")
_HEADER = re.compile(
    r"(?:return-path|received|message-id|dkim-signature|mime-version|x-[\w-]{2,40})\s?:", re.IGNORECASE
)
_ECHO = re.compile(r"\s*(?:to|cc|from|sent|subject|date|reply-to|sender)\s?:", re.IGNORECASE)  # of the mail returned
# A salutation or a question: what a person writes over a bounce that he asks about.
_PERSONAL = re.compile(
    r"\A\W*(?:hi|hello|hallo|hey|dear|good|guten|sehr|moin|bonjour|hola|ciao|buongiorno|hej|hoi|beste|olá)\b|\?(?:\s|\Z)",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")  # RFC 3463 section 2
_REPLY_CODE = re.compile(r"(?<!\d)[245]\d\d[ -][^\w\n]{0,3}([245]\.\d{1,3}\.\d{1,3})(?![\d.])")  # RFC 2034 section 4
_MESSAGE_ID = re.compile(
    r"^[\s>]{0,4}(?:original-|x-original-)?message-id\s?:\s*<?([^\s<>]{3,998})>?", re.IGNORECASE | re.MULTILINE
)

# Where reports without a form of their own name the recipients; the first that finds any decides.
_NAMED: tuple[re.Pattern[str], ...] = (
    re.compile(rf"^ {{0,3}}<({_ADDRESS})>[ \t]?:", re.MULTILINE),  # qmail, Postfix, Yahoo
    re.compile(rf"smtp=({_ADDRESS})[ \t]?;", re.IGNORECASE),  # Exchange 5 with X.400 names
    re.compile(
        rf"(?:expanded|generated) from:?[ \t]?<?({_ADDRESS})|"
        rf"^[ \t>*•\-\[]{{0,16}}<?({_ADDRESS})>?\]?(?=$|[:\s,;.(])",
        re.MULTILINE,
    ),
    re.compile(rf"^[ \t]{{0,8}}[\"\w][^<>\n]{{0,80}}<({_ADDRESS})>[ \t]?$", re.MULTILINE),
    re.compile(rf"rcpt to:?[ \t]?<?({_ADDRESS})|originally addressed to:? <?({_ADDRESS})", re.IGNORECASE),
    re.compile(
        r"(?:recipient|empfänger|destinataire|destinatari[oa]|ontvanger|odbiorca|mottagare|příjemce|получател\w|адресат|"
        rf"收件人|收件者|收信人|宛先|受信者|수신자|받는\s?사람)[^\n@<>]{{0,20}}?[:：\s]\s?<?({_ADDRESS})",
        re.IGNORECASE,
    ),
)
_SENTENCE = re.compile(
    r"(?:deliver\w*|undeliverable|unable|could not|cannot|failed|unknown|userid|reach\w*|mailbox|attempts|message|"
    rf"recipient)[^\n@<>]{{0,60}}?[\s:<\"]({_ADDRESS})",
    re.IGNORECASE,
)


def read(message: ParsedMessage, fields: Mapping[str, str], parts: Sequence[Part]) -> Bounce | None:
    """The delivery report that this mail is, or None where it is none; `fields` are its headers by lower-case name.

    A report that a person attaches or forwards is none: what the mail itself is decides.
    """
    statuses = [part.data for part in parts if part.content_type in STATUSES]
    daemon = _is_daemon(message, fields)
    if daemon and not statuses:
        statuses = [status for part in parts if part.content_type in _MAILS for status in _inside(part.data)]
    if statuses and (daemon or _is_report(fields)):
        return _rfc3464(message, fields, parts, statuses)
    if not _is_suspect(message, fields, daemon):
        return None
    found = _free_form(message, fields, parts)
    # People write these words, too, of mailboxes and of parcels: theirs name no recipient and no code.
    return found if daemon or found.recipients or found.status else None


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
    if path is not None and (path in ("", "<>", "null") or _DAEMON.match(path)):
        return True
    if fields.get("x-mlserver"):  # fml refuses posts under its list's name
        return True
    if "<>" in fields.get("from", ""):
        return True
    return any(_DAEMON.search(author.address) for author in message.from_)


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


def _inside(data: bytes) -> Iterator[bytes]:
    """The delivery status of a report that a gateway wrapped into another mail."""
    found = _INSIDE.search(data, 0, STATUS_BYTES)
    if found:
        start = found.start()
        body = data[start : start + STATUS_BYTES].replace(b"\r", b"").partition(b"\n\n")[2]
        yield body.partition(b"\n--")[0]


def _rfc3464(
    message: ParsedMessage, fields: Mapping[str, str], parts: Sequence[Part], statuses: Sequence[bytes]
) -> Bounce:
    failed: dict[str, str] = {}
    delayed: dict[str, str] = {}
    codes: dict[str, None] = {}
    said: dict[bool, str] = {}  # whether it failed: in whose words
    delivered = False
    for data in statuses:
        for group in _groups(data):
            action = group.get("action", "").lower().split("(")[0].strip()
            address = _recipient(group)
            if not address or len(failed) + len(delayed) >= RECIPIENTS:
                continue
            if action.startswith(("delivered", "relayed", "expanded")):  # RFC 3464 section 2.3.3
                delivered = True
                continue
            waits = action.startswith("delayed")
            (delayed if waits else failed).setdefault(address.lower(), address)
            if diagnostic := " ".join(group.get("diagnostic-code", "").split()):
                said.setdefault(not waits, diagnostic[:DIAGNOSTIC])
            code = _status(group)
            if code:
                codes[code] = None
    for key in failed:
        delayed.pop(key, None)
    if not failed and not delayed and not delivered:
        return _free_form(message, fields, parts)
    return Bounce(
        (*failed.values(), *delayed.values()),
        tuple(delayed.values()),
        tuple(codes),
        _original_id(message, parts),
        delivered and not failed and not delayed,
        said.get(True) or said.get(False, ""),
    )


def _groups(data: bytes) -> Iterator[dict[str, str]]:
    """The groups of fields of a message/delivery-status (RFC 3464 section 2.1), names in lower case."""
    fields: dict[str, str] = {}
    name = ""
    for raw in (*data[:STATUS_BYTES].decode("utf-8", "replace").splitlines(), ""):
        line = raw.rstrip()
        if not line:
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t" and name:
            fields[name] += " " + line.strip()
        else:
            name, colon, value = line.partition(":")
            name = name.strip().lower()
            if colon and name not in fields:
                fields[name] = value.strip()
            else:
                name = ""


def _recipient(fields: dict[str, str]) -> str | None:
    """The address that the mail was sent to, else the one that it ended at (RFC 3464 section 2.3.1, 2.3.2)."""
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        kind, semicolon, value = fields.get(name, "").partition(";")
        value = value if semicolon else kind
        if semicolon and kind.strip().lower() not in ("rfc822", "utf-8", "", "smtp", "unknown"):
            continue
        match = _STATED.search(_EMBEDDED.sub(_character, value))
        if match:
            return match[1]
    return None


def _character(found: re.Match[str]) -> str:
    """What an EmbeddedUnicodeChar stands for (RFC 6533 section 3); a control or no character stays as it is."""
    character = chr(code) if (code := int(found[1], 16)) < 0x110000 else ""
    return character if character.isprintable() and character else found[0]


def _status(fields: dict[str, str]) -> str | None:
    """The enhanced status code: Status, unless it says nothing ("5.0.0") and the diagnostic says more."""
    diagnostic = fields.get("diagnostic-code", "")
    match = _CODE.search(fields.get("status", ""))
    if match and not match[1].endswith(".0.0"):
        return match[1]
    told = _REPLY_CODE.search(diagnostic) or _CODE.search(diagnostic)
    if told:
        return told[1]
    return match[1] if match else None


def _free_form(message: ParsedMessage, fields: Mapping[str, str], parts: Sequence[Part]) -> Bounce:
    text = _before_copy(message.text[:SCANNED])
    header = fields.get("x-failed-recipients", "")  # exim, Gmail
    recipients = _unique(match[1] for match in _MAILBOX.finditer(header))
    for pattern in _NAMED:
        recipients = recipients or _found(pattern, text, message)
    recipients = recipients or _known_forms(message) or _found(_SENTENCE, text, message)
    delayed = bool(_says_delayed(message.subject) or _says_delayed(text))
    codes = _unique(match[1] for match in _REPLY_CODE.finditer(text)) or _unique(
        match[1] for match in _CODE.finditer(text)
    )
    return Bounce(recipients, recipients if delayed else (), codes, _original_id(message, parts))


def _found(pattern: re.Pattern[str], text: str, message: ParsedMessage) -> tuple[str, ...]:
    """The addresses that `pattern` finds, without those between which the report itself was sent."""
    own = {address.address.lower() for address in (*message.to, *message.from_)}
    addresses = (next(filter(None, match.groups())) for match in pattern.finditer(text))
    return _unique(address for address in addresses if address.lower() not in own and not _DAEMON.match(address))


def _before_copy(text: str) -> str:
    """The report without the lines that repeat the mail returned."""
    kept: list[str] = []
    for line in text.split("\n"):
        if not line or line.isspace():
            kept += [""] * bool(kept)
        elif kept and len(line) < 200 and (_begins_copy(line) or _HEADER.match(line)):
            break
        elif not _ECHO.match(line):
            kept.append(line)
    return "\n".join(kept)


def _unique(addresses: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for address in addresses:
        if len(found) >= RECIPIENTS:
            break
        found.setdefault(address.lower(), address)
    return tuple(found.values())


def _known_forms(message: ParsedMessage) -> tuple[str, ...]:
    """What flufl.bounce reads by the forms of single systems: slow, so asked last."""
    from flufl.bounce import all_failures

    report = Message()
    author = message.author
    report["From"] = author.address if author and "@" in author.address else "MAILER-DAEMON"  # it needs one
    for name in ("To", "Subject", "X-Mailer", "Return-Path"):
        value = message.header(name)
        if value:
            report[name] = " ".join(value.split())
    report["Content-Type"] = "text/plain"
    report.set_payload(message.text[:SCANNED].encode("ascii", "replace").decode())
    try:
        temporary, permanent = all_failures(report)
    except Exception:  # noqa: BLE001 - parsing never raises, and what it finds is a bonus
        return ()
    return _unique(sorted(address.decode("utf-8", "replace") for address in (*permanent, *temporary)))


def _original_id(message: ParsedMessage, parts: Sequence[Part]) -> str | None:
    """The Message-ID of the mail returned: from its part (RFC 6522 section 3), else where the text repeats it."""
    for part in parts:
        if part.content_type in _RETURNED:
            head = part.data[:SCANNED].decode("utf-8", "replace").replace("\r", "").lstrip("\n")
            match = _MESSAGE_ID.search(head.partition("\n\n")[0])
            if match:
                return match[1]
    for part in parts:
        if part.content_type in STATUSES | NOTIFICATIONS:
            match = _MESSAGE_ID.search(part.data[:SCANNED].decode("utf-8", "replace"))
            if match:
                return match[1]
    match = _MESSAGE_ID.search(message.text[:SCANNED])
    return match[1] if match else None
