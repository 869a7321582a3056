"""Read what a monitoring mail reports, by the forms in `parsing/formats`."""

from __future__ import annotations

from collections.abc import Sequence

from parsing.message import Alert


def read(subject: str, text: str, headers: Sequence[tuple[str, str]]) -> Alert | None:
    """The alert that this mail reports, or None where it has no monitoring system's form."""
    return None
