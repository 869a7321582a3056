"""Patterns of the settings: compiled once, matched in linear time (RE2), whatever a stranger writes."""

from __future__ import annotations

from typing import Protocol

import re2


class Found(Protocol):
    """A match."""

    def groupdict(self) -> dict[str, str | None]:
        """What the named groups captured."""
        ...

    def group(self, index: int = 0) -> str:
        """What the whole pattern matched, or a group of it."""
        ...


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> Found | None:
        """The first match, or None."""
        ...


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


def compiled(pattern: str, group: str = "") -> Pattern:
    """That pattern, ready to run; `group` is a named group that it has to have. Raises PatternError."""
    options = re2.Options()
    options.log_errors = False
    try:
        found = re2.compile(pattern, options)  # type: ignore[no-untyped-call]
    except re2.error as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise PatternError(f"the pattern {pattern!r} cannot be used: {said}") from None
    if group and group not in found.groupindex:
        raise PatternError(f"the pattern {pattern!r} has no group (?P<{group}>...)")
    return found  # type: ignore[no-any-return]
