"""The words by which mail clients mark what is not new, from `phrases.toml`."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any, Literal

Role = Literal["from", "date", "to", "subject", "cc", "other"]

_DATA: dict[str, Any] = tomllib.loads(files("parsing").joinpath("phrases.toml").read_text("utf-8"))

WROTE: tuple[str, ...] = tuple(_DATA["wrote"])
WROTE_ANYWHERE: tuple[str, ...] = tuple(_DATA["wrote_anywhere"])
ORIGINAL: tuple[str, ...] = tuple(_DATA["original"])
FORWARDED: tuple[str, ...] = tuple(_DATA["forwarded"])
SENT: tuple[str, ...] = tuple(_DATA["sent"])
DEVICES: tuple[str, ...] = tuple(_DATA["devices"])
REPLY_PREFIXES: frozenset[str] = frozenset(_DATA["reply_prefixes"])
FORWARD_PREFIXES: frozenset[str] = frozenset(_DATA["forward_prefixes"])
CLOSINGS: frozenset[str] = frozenset(_DATA["closings"])
LABELS: dict[str, Role] = {}
_ROLES: tuple[Role, ...] = ("from", "date", "to", "subject", "cc", "other")
for _role in _ROLES:
    for _word in _DATA["labels"][_role]:
        LABELS.setdefault(_word, _role)
