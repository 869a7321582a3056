"""What one decision, command or timer changes, as values; `storage.changes` writes them, a batch in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from parsing.message import Address, Attachment
from routing.decision import Reason
from routing.mail import Claim, Evidence
from routing.ticket import Ticket, Visibility

Event = Literal["acknowledgement", "answer", "notice", "confirm", "preview", "state", "alarm"]
HeldFor = Literal["confirm", "relay", "shadow", "restore"]
TO_PARTNERS = ("answer", "acknowledgement", "state")  # what leaves the house; all else goes to staff
RANKS = {"answer": 0, "state": 1, "confirm": 1, "preview": 1, "acknowledgement": 2, "notice": 3, "alarm": 3}


@dataclass(frozen=True, slots=True)
class Article:
    """One entry of a ticket's conversation. Addresses bare, `time` seconds since 1970 UTC."""

    id: int
    ticket_id: int
    journal_id: int | None
    time: float
    sender: Address
    to: tuple[str, ...]
    cc: tuple[str, ...]
    direction: Literal["in", "out", "note"]
    visibility: Visibility
    kind: str
    trust: str | None
    message_id: str | None
    subject: str
    text: str
    reply: str
    reasons: tuple[Reason, ...] = ()
    defects: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a ticket's history."""

    time: float
    actor: str
    what: str
    was: str | None = None
    became: str | None = None
    article_id: int | None = None


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """A Message-ID that from now on belongs to that ticket; losing it to another ticket is a Conflict."""

    message_id: str
    ticket_id: int
    article_id: int | None
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something to be told to people, before it is a letter. One letter for each recipient.

    `why` picks the words ("new", "reply", "note", "unverified", "refused", "owner", "queue", "merged", "closed",
    "reopened", "bounced", "" for an answer); `article` is what it carries or is about; `signed_as` is the article id
    its Message-IDs are signed for, so that they are the same on every try.
    """

    event: Event
    why: str
    ticket: Ticket
    recipients: tuple[str, ...]
    signed_as: int
    time: float
    to: tuple[Address, ...] = ()  # as a colleague would see them; empty: the recipient alone
    cc: tuple[Address, ...] = ()
    author: Address | None = None  # whose words they are
    words: str = ""
    subject: str = ""  # the mail's own subject, where it answers one
    attachments: tuple[Attachment, ...] = ()
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    article_id: int | None = None  # the article whose deliveries these are
    held_for: HeldFor | None = None
    template: str | None = None  # a rule's
    limited: Literal["known", "unknown"] | None = None
    trust: str | None = None
    details: tuple[tuple[str, str], ...] = ()  # what else the template may say: was, became, resolution, status


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of ours, ready to be sent to one recipient. `headers` ends with the empty line."""

    event: Event
    ticket_id: int | None
    article_id: int | None
    recipient: str
    envelope_from: str
    message_id: str
    subject: str
    headers: bytes
    body: bytes
    time: float
    held_for: HeldFor | None = None
    limited: Literal["known", "unknown"] | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A confirmation that a held article waits for; `message_id` is of the letter that asks."""

    article_id: int
    address: str
    event: Literal["confirm", "preview"]
    expires: float
    command: str = ""  # what is done once it is confirmed; empty: the article becomes public


@dataclass(frozen=True, slots=True)
class Release:
    """A held article becomes public, and its letters go out; once."""

    message_id: str  # of the mail that asked
    article_id: int
    trust: str
    time: float
    held_for: HeldFor | None = None  # what still holds them: a desk without relay, or in shadow
    publishes: bool = True  # False: a command, whose mail stays inside


@dataclass(frozen=True, slots=True)
class Mark:
    """What a report says about a letter; `suppress` is the address that nothing goes to any more."""

    message_id: str
    state: Literal["failed", "delayed", "read", "other"]
    status: str | None
    error: str | None
    time: float
    suppress: str | None = None


@dataclass(frozen=True, slots=True)
class Tripped:
    """A limit that kept an automatic answer back; `fresh`: it had been closed before."""

    name: str
    time: float
    fresh: bool


@dataclass(frozen=True, slots=True)
class Move:
    """Articles that go over to the ticket of a change, with the Message-IDs that lead to them."""

    ticket_id: int  # whose they were
    article_id: int | None = None  # None: all


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a journal row: exactly one for each arrival."""

    kind: Literal["article", "duplicate", "record", "unmatched", "quarantine"]
    ticket_id: int | None
    article_id: int | None
    reasons: tuple[Reason, ...]
    mail_key: str | None
    evidence: Evidence
    sender: str
    subject: str
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """Everything that one mail (or command: `claim` None) does. `version` is the ticket's as it was seen, None: new."""

    time: float
    claim: Claim | None = None
    outcome: Outcome | None = None
    ticket: Ticket | None = None
    version: int | None = None
    articles: tuple[Article, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    related: tuple[int, ...] = ()
    keys: tuple[KeyClaim, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    letters: tuple[Letter, ...] = ()
    ask: Ask | None = None
    release: Release | None = None
    marks: tuple[Mark, ...] = ()
    moves: tuple[Move, ...] = ()
    lift: str | None = None  # a suppressed address that wrote to us
    tripped: Tripped | None = None
