"""The arguments of MAIL and RCPT as values, or the reply that refuses them (RFC 5321 section 4.1.1, 4.1.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailgate.intake import replies
from mailgate.intake.replies import Reply
from parsing.addresses import plain_local


@dataclass(frozen=True, slots=True)
class Sender:
    """MAIL FROM. `address` is empty for the null sender `<>`; `size` is what the client declared, or 0."""

    address: str
    size: int
    smtputf8: bool


# A source route is read over (RFC 5321 section 4.1.2, appendix C). Local parts longer than 64 octets are common
# (SRS, VERP), and so are names without a domain from monitoring devices: the command line's length is the limit.
_ADDRESS = (
    r'(?:"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])+"|[^\s<>()@,;:\\"\[\]\x00-\x1f\x7f]+)'
    r'(?:@(?:\[[^\s\[\]<>\x00-\x1f\x7f]+\]|[^\s<>()@,;:\\"\[\]\x00-\x1f\x7f]+))?'
)
_ROUTE = r"(?:@[^\s<>\x00-\x1f\x7f:]+:)?"
_PATH = re.compile(rf"\s*(?:<(?P<null>)>|<{_ROUTE}(?P<path>{_ADDRESS})>|(?P<bare>[^\s<>]+))(?P<rest>\s.*)?")
_BARE = re.compile(_ADDRESS)  # without brackets: RFC 5321 wants them, old devices forget them
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")  # esmtp-param, section 4.1.2
_SIZE = re.compile(r"[0-9]{1,20}")  # RFC 1870 section 3


def sender(argument: str, max_size: int) -> Sender | Reply:
    """`FROM:<address> [SIZE=n] [BODY=...] [SMTPUTF8]`; a size above `max_size` is refused here (RFC 1870)."""
    split = _split(argument, "FROM:")
    if split is None:
        return replies.SENDER_SYNTAX
    address, given = split
    if address is None:
        return replies.SENDER_ADDRESS
    parameters = _parameters(given)
    if parameters is None:
        return replies.PARAMETER_SYNTAX
    size = 0
    smtputf8 = False
    for name, value in parameters.items():
        match name:
            case "SIZE":
                if value is None or not _SIZE.fullmatch(value):
                    return replies.PARAMETER_SYNTAX
                size = int(value)
            case "BODY":  # RFC 6152; what comes is stored as it came either way
                if value is None or value.upper() not in ("7BIT", "8BITMIME"):
                    return replies.PARAMETER_SYNTAX
            case "SMTPUTF8":  # RFC 6531 section 3.4
                if value is not None:
                    return replies.PARAMETER_SYNTAX
                smtputf8 = True
            case _:
                return replies.PARAMETER_UNKNOWN
    if size > max_size:
        return replies.TOO_BIG
    if not address.isascii() and not smtputf8:
        return replies.NEEDS_SMTPUTF8
    return Sender(address, size, smtputf8)


def recipient(argument: str, smtputf8: bool) -> str | Reply:
    """`TO:<address>`; no parameter is offered, and the null path is nobody."""
    split = _split(argument, "TO:")
    if split is None:
        return replies.RECIPIENT_SYNTAX
    address, given = split
    if not address:
        return replies.RECIPIENT_ADDRESS
    if given:
        return replies.PARAMETER_UNKNOWN
    if not address.isascii() and not smtputf8:
        return replies.NEEDS_SMTPUTF8
    return address


def is_address(text: str) -> bool:
    """Whether this may stand in an envelope, without brackets."""
    return _BARE.fullmatch(text) is not None


def _split(argument: str, keyword: str) -> tuple[str | None, str] | None:
    """Address ("" for `<>`, None for none) and parameters; None where even the form is wrong.

    `"help"@desk.example` is help@desk.example: all forms of quoting are one mailbox (RFC 5321 section 4.1.2).
    """
    if argument[: len(keyword)].upper() != keyword:
        return None
    found = _PATH.fullmatch(argument, len(keyword))
    if found is None:
        return None if "<" not in argument else (None, "")
    rest = (found["rest"] or "").strip()
    if found["null"] is not None:
        return "", rest
    address = found["path"] or (found["bare"] if is_address(found["bare"]) else None)
    if address and address[0] == '"':
        local, at, domain = address.rpartition("@") if not address.endswith('"') else (address, "", "")
        address = f"{plain_local(local)}{at}{domain}"
    return address, rest


def _parameters(text: str) -> dict[str, str | None] | None:
    """Upper-case names with their values; None where one is malformed or stands there twice."""
    parameters: dict[str, str | None] = {}
    for word in text.split():
        found = _PARAMETER.fullmatch(word)
        if found is None or found[1].upper() in parameters:
            return None
        parameters[found[1].upper()] = found[2]
    return parameters
