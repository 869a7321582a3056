"""Ticket numbers as people type them."""

from __future__ import annotations

import re

from mailgate.errors import CommandError
from routing import tokens

_CHECK_DIGIT = re.compile(r"\d-\d\s*\]?$")


def ticket_number(text: str) -> str:
    """The number meant by `INC-1042`, `inc-1042`, `1042` or `[INC-1042-7]`. Raises CommandError."""
    typed = text.strip()
    ticket_id = tokens.read_number(typed)
    if ticket_id is None:
        raise CommandError(f"{typed!r} is no ticket number; they look like INC-1042")
    number = tokens.number(ticket_id)
    if _CHECK_DIGIT.search(typed) and typed.strip("[] ")[-1] != tokens.subject_token(number)[-2]:
        raise CommandError(f"the check digit of {typed} does not fit; is a digit wrong?")
    return number
