"""Read the recipients and codes of delivery reports that follow no standard, by how each system words them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.message import Message

from parsing import phrases
from parsing.delivery_status import CODE, RECIPIENTS, REPLY_CODE
from parsing.message import ParsedMessage

SCANNED = 32_768  # characters of a report's text, and bytes of a returned mail's header, that are read
OPENING = 300  # characters in which a report in short sentences names the recipient

_ADDRESS = r"[^\s<>()\[\]\"',;:=|*@\u3000-\u303f\uff00-\uff20]{1,64}@[A-Za-z0-9][A-Za-z0-9.\-_]{0,253}[A-Za-z0-9]"
_MAILBOX = re.compile(rf"(\"[^\"\n]{{1,64}}\"@[\w.\-]{{1,255}}|{_ADDRESS})")
# Addresses under which mail systems write.
DAEMON = re.compile(
    r"^(?:mailer-?daemon|post_?master|mail[._-]?delivery[._-]?\w*|mdaemon|mail-?admin\w*|mail-?system|bounces?)(?:@|$)|"
    r"mailer-daemon|^microsoftexchange[0-9a-f]{32}@",
    re.IGNORECASE,
)
_begins_copy = phrases.finder(phrases.BOUNCE_COPIES, before=r"^[\s>*=|#-]*")
_HEADER = re.compile(
    r"(?:return-path|received|message-id|dkim-signature|mime-version|x-[\w-]{2,40})\s?:", re.IGNORECASE
)
# Of the mail returned, where the report says which one it is.
_ECHO = re.compile(
    r"\s*(?:to|cc|from|sent|subject|date|reply-to|sender|message-id|in-reply-to|references)\s?:", re.IGNORECASE
)
_ECHOED_TO = re.compile(
    r"^[ \t>]{0,16}(?:to|an|à|pour|para|a|aan|till|til|do|кому|宛先|收件人)\s?[:：][ \t\"'<]{0,16}"
    rf"({_ADDRESS})[\"'> \t]{{0,8}}$",
    re.IGNORECASE | re.MULTILINE,
)

# Where reports without a form of their own name the recipients; the first that finds any decides.
_NAMED: tuple[re.Pattern[str], ...] = (
    re.compile(rf"^ {{0,3}}<({_ADDRESS})>[ \t]?:", re.MULTILINE),  # qmail, Postfix, Yahoo
    re.compile(rf"smtp=({_ADDRESS})[ \t]?;", re.IGNORECASE),  # Exchange 5 with X.400 names
    re.compile(
        rf"(?:expanded|generated) from:?[ \t]?<?({_ADDRESS})|"
        rf"^[ \t>*•\-\[\"']{{0,16}}<?({_ADDRESS})>?[\"'\]]?(?=$|[:\s,;.(])",
        re.MULTILINE,
    ),
    re.compile(rf"^[ \t]{{0,8}}[\"\w][^<>\n]{{0,80}}<({_ADDRESS})>[ \t]?$", re.MULTILINE),
    re.compile(rf"rcpt to:?[ \t]?<?({_ADDRESS})|originally addressed to:? <?({_ADDRESS})", re.IGNORECASE),
    re.compile(
        r"(?:recipient|addressee|empfänger|destinataire|destinat[aá]ri[oa]|ontvanger|geadresseerde|odbiorca|adresat|mottagare|"
        r"mottaker|modtager|vastaanottaja|příjemce|címzett|alıcı|получател\w|адресат|одержувач|收件人|收件者|收信人|宛先|受信者|"
        rf"수신자|받는\s?사람)[^\n@<>]{{0,20}}?[:：\s]\s?<?({_ADDRESS})",
        re.IGNORECASE,
    ),
    re.compile(  # a server's answer to RCPT
        rf"^[ \t>]{{0,8}}[<>]{{0,3}}[ \t]?[45]\d\d[ -](?:[45]\.\d{{1,3}}\.\d{{1,3}} )?<?({_ADDRESS})>?(?:\.\.\.|:? )|"
        rf"(?<!sender )(?<!from )(?<!return )(?<!reply )\baddress[ \t]?:[ \t]?<?({_ADDRESS})",
        re.MULTILINE | re.IGNORECASE,
    ),
)
_ALONE = re.compile(
    rf"^[ \t>*•\-\[\"'<]{{0,16}}(?:{_ADDRESS}[\"']? <)?({_ADDRESS})[>\"'\]]{{0,2}}[ \t]{{0,8}}(?:$|[:;(])", re.MULTILINE
)
# Whom it was for, after words for what happened, else after words for the mail.
_SENTENCES: tuple[re.Pattern[str], ...] = (
    re.compile(
        r"(?:deliver\w{0,12}|undeliverable|unable|could not|cannot|failed|unknown|userid|reach\w{0,8}|mailbox|attempts|"
        rf"message|recipient|account)[^\n@<>]{{0,60}}?[\s:<\"']({_ADDRESS})",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:\b(?:your|ihre|votre|su|tu|(?:il|la) (?:su|tu)[oa]|sua|uw|je|twoj[aą]|ваше|ditt|din)|あなたの|您的|你的) ?"
        r"(?:e-?mail|mail|nachricht|courriel|message|correo|mensaje|messaggio|mensagem|bericht|wiadomość|сообщение|письмо|"
        r"meddelande|meddelelse|melding|besked|メール|メッセージ|邮件|郵件)[^\n@<>]{0,60}?[\s:<\"']"
        rf"({_ADDRESS})",
        re.IGNORECASE,
    ),
)


def recipients(message: ParsedMessage, fields: Mapping[str, str], text: str) -> tuple[str, ...]:
    """The addresses that the report could not reach; `text` is its own, `fields` are by lower-case name."""
    found = _unique(match[1] for match in _MAILBOX.finditer(fields.get("x-failed-recipients", "")))  # exim, Gmail
    for pattern in _NAMED:
        found = found or _found(pattern, text, message)
    found = found or _known_forms(message)
    for pattern in _SENTENCES:
        found = found or _found(pattern, text, message)
    if not found:
        echoed = _found(_ECHOED_TO, message.text[:SCANNED], message)
        found = echoed if len(echoed) == 1 else ()  # of several it is not said which
    if not found:
        only = _found(_MAILBOX, text[:OPENING], message)  # in a language of which nothing else is known
        found = only if len(only) == 1 else ()
    return found


def codes(text: str) -> tuple[str, ...]:
    """The enhanced status codes in a report's text: those after a reply code, else all."""
    return _unique(match[1] for match in REPLY_CODE.finditer(text)) or _unique(
        match[1] for match in CODE.finditer(text)
    )


def names_recipients(message: ParsedMessage) -> bool:
    """Whether an address has a line of its own, as in reports, whatever the language around it."""
    return bool(_found(_ALONE, before_copy(message.text[:SCANNED]), message))


def before_copy(text: str) -> str:
    """The report without the lines that repeat the mail returned."""
    kept: list[str] = []
    for line in text.split("\n"):
        if not line or line.isspace():
            kept += [""] * bool(kept)
        elif kept and len(line) < 200 and (_HEADER.match(line) or (_begins_copy(line) and "was received" not in line)):
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
    found = sorted(address.decode("utf-8", "replace").strip("'\"<>.") for address in (*permanent, *temporary))
    return _unique(address for address in found if "@" in address)
