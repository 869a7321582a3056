"""OAUTHBEARER (RFC 7628) and XOAUTH2, its forerunner at Google and Microsoft: what a client says, for IMAP and SMTP."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Literal

Mechanism = Literal["OAUTHBEARER", "XOAUTH2"]

KNOWN: tuple[Mechanism, ...] = ("OAUTHBEARER", "XOAUTH2")  # the standard first
# After the server's error message: RFC 7628 section 3.2.3; XOAUTH2 wants an empty line.
AFTER_ERROR: dict[Mechanism, bytes] = {"OAUTHBEARER": b"\x01", "XOAUTH2": b""}


def choose(offered: Collection[str]) -> Mechanism | None:
    """The one to use of what a server offers; None where it offers neither."""
    names = {name.upper() for name in offered}
    return next((mechanism for mechanism in KNOWN if mechanism in names), None)


def response(mechanism: Mechanism, user: str, token: str, host: str, port: int) -> bytes:
    """The client's only word. `user` is whose mailbox it is: a shared one's address, whoever the token is of."""
    if mechanism == "XOAUTH2":
        return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()
    name = user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
    return f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01".encode()  # RFC 7628 section 3.1


def refusal(challenge: bytes) -> str:
    """What a server's error message says: its status, such as `invalid_token` (RFC 7628 section 3.2.2)."""
    try:
        said = json.loads(challenge)
    except ValueError:
        return ""
    status = said.get("status") if isinstance(said, dict) else None
    return str(status)[:100] if status else ""
