"""What was decided about a mail, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from parsing.message import Address
from routing.facts import Confirmation, Seen, SentLetter
from routing.mail import Trust
from routing.ticket import Visibility

# Which words ask or tell the author of a mail, where not the event's own.
Asks = Literal[
    "",
    "nothing",
    "command",
    "late",
    "rest",
    "below",
    "refused",
    "ended",
    "guess",
    "used",
    "expired",
    "away",
    "told",
    "number",
    "unassign",
    "unasked",
    "limit",
]
Verb = Literal["open", "append", "note", "hold", "quarantine", "duplicate", "record", "unmatched"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of a decision: a stable code, what was seen in the mail or the facts, and what followed from it."""

    code: str
    seen: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a bounce or receipt says about a mail of ours (RFC 3464 section 2.3)."""

    letter: SentLetter
    state: Literal["failed", "delayed", "read", "other"]
    status: str | None
    suppress: bool = False  # whether nothing goes to that address any more
    proved: bool = True  # whether it is surely on that delivery; a Message-ID is known to all who got the mail


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A partner's words as staff handed them on; `own` are those of who did it, `original` is its Message-ID."""

    sender: Address
    words: str
    own: str
    original: str | None
    subject: str


@dataclass(frozen=True, slots=True)
class Number:
    """Another desk's number of a ticket: the field that keeps it, and the key that it is found by."""

    field: str  # otrs, rt, partner_number
    number: str
    key: str
    seen: str  # as it stands in the subject
    partner: str | None = None  # whose it is


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with one mail. Which fields count depends on the verb.

    `open`: a new ticket of the reserved id. `append`: a public article. `note`: an internal one. `hold`: an internal
    one that may become public by a `#send`. `record`: no article, something about a mail of ours. `duplicate`: a
    second arrival. `unmatched`: a report that fits nothing. `quarantine`: set aside, for a person.
    """

    verb: Verb
    trust: Trust
    reasons: tuple[Reason, ...]
    ticket_id: int | None = None
    author: Literal["requester", "participant", "staff", "stranger", "system"] = "stranger"
    visibility: Visibility = "public"
    queue: str = ""
    set: Mapping[str, Any] = field(default_factory=dict)  # what the rules set
    requester: Address | None = None  # of a new ticket; or who becomes it, being the author of its root mail
    begins: bool = False  # it is the mail that the conversation began with, and comes after its answers
    related: tuple[int, ...] = ()
    follows: int | None = None  # the closed ticket with which a new one goes on
    acknowledge: bool = False
    reopen: bool = False
    refuse: bool = False  # a reply to a closed ticket stays inside; with `acknowledge` its sender is told so
    answer: bool = False  # staff's words that go to the requester
    words: str = ""  # what was newly written, without a command line
    ask: Literal["confirm", "preview"] | None = None  # what a held mail waits for
    asks: Asks = ""
    command: Literal["", "unassign"] = ""  # what a held mail does once it is confirmed; it then stays inside
    unassign: bool = False  # nobody owns the ticket any more
    notify: bool = False  # staff are told
    claim_ids: bool = True  # whether the ids it names lead others here
    weak: bool = False  # its ids say where, and are no sign of having been in the conversation
    numbers: tuple[Number, ...] = ()  # of other desks, which its ticket owns from now on
    shares: bool = True  # whether those in To and Cc take part, and see what is answered
    left_out: tuple[str, ...] = ()  # of them, those who do not
    forwarded: Forwarded | None = None  # a partner's mail that staff handed on
    same_as: Seen | None = None
    release: Confirmation | None = None
    ends: Confirmation | None = None  # a question that somebody else has been shown: nothing is let go by it
    tell_others: bool = False  # not the one to whom the mail went that came back
    reports: tuple[Report, ...] = ()

    @property
    def held(self) -> bool:
        """Whether it waits for somebody."""
        return self.verb in ("hold", "quarantine")
