"""Read the recipients and codes of delivery reports that follow no standard, by how each system words them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.message import Message

from parsing import phrases
from parsing.delivery_status import CODE, RECIPIENTS, REPLY_CODE
from parsing.message import ParsedMessage

SCANNED = 32_768  # characters of a report's text, and bytes of a returned mail's header, that are read

_ADDRESS = r"[^\s<>()\[\]\"',;:=|*@\u3000-\u303f\uff00-\uff20]{1,64}@[A-Za-z0-9][A-Za-z0-9.\-_]{0,253}[A-Za-z0-9]"
_MAILBOX = re.compile(rf"(\"[^\"\n]{{1,64}}\"@[\w.\-]{{1,255}}|{_ADDRESS})")
# Addresses under which mail systems write.
DAEMON = re.compile(
    r"^(?:mailer-?daemon|post_?master|mail[._-]?delivery[._-]?\w*|mdaemon|mail-?admin\w*|mail-?system|bounces?)(?:@|$)|"
    r"mailer-daemon",
    re.IGNORECASE,
)
_begins_copy = phrases.finder(phrases.BOUNCE_COPIES, before=r"^[\s>*=|#-]*")
_HEADER = re.compile(
    r"(?:return-path|received|message-id|dkim-signature|mime-version|x-[\w-]{2,40})\s?:", re.IGNORECASE
)
_ECHO = re.compile(r"\s*(?:to|cc|from|sent|subject|date|reply-to|sender)\s?:", re.IGNORECASE)  # of the mail returned

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


def recipients(message: ParsedMessage, fields: Mapping[str, str], text: str) -> tuple[str, ...]:
    """The addresses that the report could not reach; `text` is its own, `fields` are by lower-case name."""
    found = _unique(match[1] for match in _MAILBOX.finditer(fields.get("x-failed-recipients", "")))  # exim, Gmail
    for pattern in _NAMED:
        found = found or _found(pattern, text, message)
    return found or _known_forms(message) or _found(_SENTENCE, text, message)


def codes(text: str) -> tuple[str, ...]:
    """The enhanced status codes in a report's text: those after a reply code, else all."""
    return _unique(match[1] for match in REPLY_CODE.finditer(text)) or _unique(
        match[1] for match in CODE.finditer(text)
    )


def before_copy(text: str) -> str:
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


def _found(pattern: re.Pattern[str], text: str, message: ParsedMessage) -> tuple[str, ...]:
    """The addresses that `pattern` finds, without those between which the report itself was sent."""
    own = {address.address.lower() for address in (*message.to, *message.from_)}
    addresses = (next(filter(None, match.groups())) for match in pattern.finditer(text))
    return _unique(address for address in addresses if address.lower() not in own and not DAEMON.match(address))


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
