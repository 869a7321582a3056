"""The MIME tree of a mail, read in one pass over its bytes (RFC 2045, RFC 2046)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree. `path` counts from 1 as in IMAP ("1.2"); `content_type` is in lower case.

    `data` is transfer-decoded; of a message/* part it is the inner mail's raw bytes, which stays one leaf.
    `params` has lower-case names, `headers` are the part's own, decoded and unfolded. `disposition` is
    "inline", "attachment" or "" in lower case, `filename` is as sent (not yet made safe), "" if none.
    """

    path: str
    content_type: str
    params: tuple[tuple[str, str], ...]
    disposition: str
    filename: str
    content_id: str | None
    data: bytes
    headers: tuple[tuple[str, str], ...]

    def param(self, name: str) -> str:
        """The Content-Type parameter of that lower-case name, or ""."""
        return next((value for key, value in self.params if key == name), "")
