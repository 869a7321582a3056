"""Which of a mail's own parts its HTML refers to: `cid:` URLs and Content-IDs (RFC 2392)."""

from __future__ import annotations

import html
import re
from urllib.parse import unquote

# A URL ends at what no URL may have: a blank, a quote, a bracket; CSS puts it into parentheses.
_URL = re.compile(r"\bcid:([^\s\"'<>()]++)", re.IGNORECASE)


def named_in(source: str) -> frozenset[str]:
    """The Content-IDs, without brackets, to which this HTML refers; one pass over it."""
    return frozenset(decoded(html.unescape(url)) for url in _URL.findall(source))


def decoded(url: str) -> str:
    """The Content-ID that a URL names after its "cid:", without the brackets that some clients leave around it."""
    return unquote(url).strip("<>")
