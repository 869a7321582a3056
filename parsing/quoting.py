"""Quoted strings in header fields (RFC 5322 section 3.2.4)."""

from __future__ import annotations

import re

INSIDE = re.compile(r"[^\"\\]*+(?:\\.[^\"\\]*+)*+", re.DOTALL)  # what stands before the closing quote
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def unescaped(inside: str) -> str:
    """With its quoted pairs resolved."""
    return _ESCAPE.sub(r"\1", inside) if "\\" in inside else inside
