"""The values that a mail is read into. Everything here is what the mail *says*; nothing of it is believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal[
    "human",
    "auto_reply",
    "auto_generated",
    "alert",
    "bounce",
    "receipt",
    "abuse_report",
    "list",
    "calendar",
    "reaction",
]


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox (RFC 5322 section 3.4): display name (may be empty) and bare address, domain in lower case."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the readable body. `size` in bytes of `data`; `sha256` of `data` in hex."""

    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool
    content_id: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Alert:
    """What a monitoring mail reports, in the sender's own words; `system` is the format that matched."""

    system: str
    host: str
    service: str
    state: str


@dataclass(frozen=True, slots=True)
class BounceDelivery:
    """What a report says of one recipient: action in lower case, and status, "" if none (RFC 3464 section 2.3)."""

    to: str
    action: str
    status: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar part (RFC 5545, RFC 6047). `start` ISO 8601 as far as it could be read; `answer` is PARTSTAT."""

    method: str
    uid: str
    start: str | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class AuthMethod:
    """One `method=result` of an Authentication-Results header with its properties, names and results in lower case."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first property of that name ("header.from", "header.d", "action"), or None."""
        return next((value for key, value in self.properties if key == name), None)


@dataclass(frozen=True, slots=True)
class AuthResults:
    """One Authentication-Results header (RFC 8601). `position` counts such headers from the top, from 0.

    `authserv_id` is empty for Microsoft's form, which writes none.
    """

    position: int
    authserv_id: str
    methods: tuple[AuthMethod, ...]


@dataclass(frozen=True, slots=True)
class Auth:
    """Claims about authentication, in header order. Which of them counts is for `routing.trust` to say."""

    results: tuple[AuthResults, ...] = ()
    dkim_domains: tuple[str, ...] = ()
    spam: tuple[tuple[str, str], ...] = ()  # header name and value: X-Spam-Flag, X-Spam-Status, SCL
    exchange_auth_as: str | None = None  # X-MS-Exchange-Organization-AuthAs


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A mail as read. Message-IDs are without brackets; `text` is the whole readable body, `reply` what is new."""

    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    from_: tuple[Address, ...] = ()  # all mailboxes of all From headers; more than one is ambiguous
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    return_path: str | None = None  # topmost Return-Path: "" for <>, None where there is none
    subject: str = ""
    date: datetime | None = None  # aware, UTC; None where there is none that can be read
    text: str = ""
    reply: str = ""
    reply_certain: bool = True
    signature: str = ""
    html: str = ""
    language: str | None = None  # two letters, guessed from the text; None where it cannot be told
    attachments: tuple[Attachment, ...] = ()
    kind: Kind = "human"
    kind_reason: str = ""
    bounce_recipients: tuple[str, ...] = ()
    bounce_temporary: tuple[str, ...] = ()  # of these the report says delayed, not failed
    bounce_status: tuple[str, ...] = ()
    bounce_deliveries: tuple[BounceDelivery, ...] = ()  # of all recipients that a report names, those reached too
    bounce_original_id: str | None = None
    bounce_diagnostic: str = ""  # what the other server said, such as "smtp; 550 5.1.1 no such user"
    alert: Alert | None = None
    calendar: Calendar | None = None
    forwarded_from: Address | None = None
    auth: Auth = Auth()
    received: tuple[str, ...] = ()  # Received headers, topmost first, unfolded
    headers: tuple[tuple[str, str], ...] = ()  # all, in order: name as written, value decoded and unfolded
    defects: tuple[str, ...] = ()  # what is wrong with it, one sentence each

    @property
    def author(self) -> Address | None:
        """The first mailbox of From, or None."""
        return self.from_[0] if self.from_ else None

    def header(self, name: str) -> str | None:
        """The topmost header of that name, decoded and unfolded, or None; case does not matter."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def fields(self) -> dict[str, str]:
        """The topmost header of each name in lower case, for who asks for many."""
        return {name.lower(): value for name, value in reversed(self.headers)}

    def header_all(self, name: str) -> tuple[str, ...]:
        """All headers of that name from the top."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)
