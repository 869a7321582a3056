"""What deciding has to know of the world: asked in one go for a batch, answered in one go, then only values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from routing.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Questions:
    """Every id, token and address that a batch of mails needs looked up."""

    message_ids: frozenset[str] = frozenset()  # own, named in In-Reply-To and References, named by reports
    ticket_ids: frozenset[int] = frozenset()  # from signed ids, plus tokens and subject tokens
    mail_keys: frozenset[str] = frozenset()  # sameness of mails
    content_keys: frozenset[str] = frozenset()  # sameness of mails without Message-ID
    addresses: frozenset[str] = frozenset()  # authors, for the limits of what is sent to them unasked
    counted: bool = False  # whether acknowledgements over all senders are limited, and have to be counted
    staff: frozenset[str] = frozenset()  # every address of the members of staff in whose names mails are
    people: frozenset[str] = frozenset()  # who writes and is written to, besides us
    read: frozenset[str] = frozenset()  # Message-IDs of our letters whose words have to be told from their answer's
    most: int = 0  # letters to an author that a limit may have to count
    since: float = 0.0  # the beginning of the longest window of any limit
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class ThreadKey:
    """Which ticket a Message-ID belongs to. `article_id` None: named by others, not seen yet.

    `weak`: it came with or was named by a mail that only an unverified subject token led there; it says where, and
    is no sign of having been in the conversation.
    """

    ticket_id: int
    article_id: int | None
    ours: bool = False
    weak: bool = False
    internal: bool = False  # its article is kept inside


@dataclass(frozen=True, slots=True)
class Seen:
    """The first arrival of a mail, and what it became."""

    journal_id: int
    ticket_id: int | None
    article_id: int | None
    received_at: float
    outcome: str = "article"


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A mail of ours, found by its Message-ID."""

    message_id: str
    event: str
    ticket_id: int | None
    article_id: int | None
    recipient: str
    state: str = "pending"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a `#send` in answer to that mail of ours releases. `state`: whether it was used already."""

    message_id: str
    ticket_id: int
    article_id: int
    address: str
    event: str
    expires: float
    used: bool
    command: str = ""  # what it does; empty: held words go out
    words: str = ""  # those that are held


DOUBTED = ("known_thread", "unverified", "failed")  # degrees of trust in which nobody vouches for the author


@dataclass(frozen=True, slots=True)
class Asked:
    """A mail that asked somebody to confirm or look at his own words (confirm, preview): when, and on which ticket.

    `verified`: those words were authenticated.
    """

    time: float
    ticket_id: int
    verified: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """An acknowledgement that somebody was sent: when, and about what: the letter's subject."""

    time: float
    subject: str


@dataclass(frozen=True, slots=True)
class Facts:
    """The answers to Questions. `after` is the same world once a mail of the batch has been decided."""

    tickets: Mapping[int, Ticket] = field(default_factory=dict)
    keys: Mapping[str, ThreadKey] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)  # by mail key and by content key
    letters: Mapping[str, SentLetter] = field(default_factory=dict)  # by Message-ID
    confirmations: Mapping[str, Confirmation] = field(default_factory=dict)  # by Message-ID
    answered: Mapping[str, tuple[Answered, ...]] = field(default_factory=dict)  # by address: acknowledgements
    threads: Mapping[int, tuple[float, ...]] = field(default_factory=dict)  # by ticket: times of automatic answers
    breakers: Mapping[str, float] = field(default_factory=dict)  # limits: when each last kept an answer back
    minutes: Mapping[int, tuple[int, int]] = field(default_factory=dict)  # minute: to known, to unknown senders
    asked: Mapping[str, tuple[Asked, ...]] = field(default_factory=dict)  # by address
    # When mails of staff came: by ticket, address and degree of trust; and when they opened tickets, by the latter two.
    wrote: Mapping[tuple[int, str, str], tuple[float, ...]] = field(default_factory=dict)
    opened: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    beside: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # by ticket: new ones, by `beside.key`
    suppressed: frozenset[str] = frozenset()  # authors to whom nothing goes, for their address was said not to exist
    words: Mapping[str, str] = field(default_factory=dict)  # of letters of ours, by Message-ID
    inside: frozenset[int] = frozenset()  # tickets with mails that nobody answers to a requester, asked for staff alone
    doubted: frozenset[int] = frozenset()  # tickets with public mails that are not authenticated

    def has_inside(self, ticket: Ticket) -> bool:
        """Whether staff may have answered a mail of that ticket that is not for its requester."""
        return any((whole := self.ticket(i)) is not None and whole.id == ticket.id for i in self.inside)

    def is_doubted(self, ticket: Ticket) -> bool:
        """Whether a mail nobody vouches for is among those that all in that ticket read."""
        return any((whole := self.ticket(i)) is not None and whole.id == ticket.id for i in self.doubted)

    def ticket(self, ticket_id: int) -> Ticket | None:
        """That ticket, or the one it was merged into."""
        for _ in range(10):  # a chain of merges; a circle ends here
            ticket = self.tickets.get(ticket_id)
            if ticket is None or ticket.merged_into is None:
                return ticket
            ticket_id = ticket.merged_into
        return None

    def after(self, effect: Effect) -> Facts:
        """These facts once a mail's change stands, for the next mail of its batch."""
        changes: dict[str, object] = {}
        if effect.ticket is not None:
            changes["tickets"] = {**self.tickets, effect.ticket.id: effect.ticket}
        if effect.keys:
            keys = dict(self.keys)
            for message_id, key in effect.keys:
                known = keys.get(message_id)
                if known is None:
                    keys[message_id] = key
                elif known.ticket_id == key.ticket_id and known.article_id is None:  # a placeholder is filled
                    keys[message_id] = replace(known, article_id=key.article_id, internal=key.internal)
            changes["keys"] = keys
        if effect.seen is not None:
            changes["seen"] = {**self.seen, **dict.fromkeys(effect.seen_as, effect.seen)}
        if effect.letters:
            changes["letters"] = {**self.letters, **{letter.message_id: letter for letter in effect.letters}}
        if effect.beside:
            beside = dict(self.beside)
            for ticket_id, other in effect.beside:
                beside[ticket_id] = (*beside.get(ticket_id, ()), other)
            changes["beside"] = beside
        if effect.bounced is not None and (letter := self.letters.get(effect.bounced)) is not None:
            changes["letters"] = {**self.letters, effect.bounced: replace(letter, state="bounced")}
        if effect.suppressed is not None:
            changes["suppressed"] = self.suppressed | {effect.suppressed}
        if effect.lifted is not None:
            changes["suppressed"] = self.suppressed - {effect.lifted}
        if effect.confirmations or effect.released is not None:
            asked = {**self.confirmations, **{c.message_id: c for c in effect.confirmations}}
            changes["confirmations"] = {
                message_id: replace(c, used=True) if c.article_id == effect.released else c
                for message_id, c in asked.items()
            }
        if effect.published is not None:
            keys = changes.get("keys", self.keys)  # type: ignore[assignment]
            changes["keys"] = {
                i: replace(key, internal=False) if key.article_id == effect.published else key
                for i, key in keys.items()
            }
        if effect.inside is not None:
            changes["inside"] = self.inside | {effect.inside}
        if effect.doubted is not None:
            changes["doubted"] = self.doubted | {effect.doubted}
        if effect.asked is not None:
            address, question = effect.asked
            changes["asked"] = {**self.asked, address: (*self.asked.get(address, ()), question)}
        if effect.wrote is not None:
            by, time = effect.wrote
            changes["wrote"] = {**self.wrote, by: (*self.wrote.get(by, ()), time)}
        if effect.opened is not None:
            who, time = effect.opened
            changes["opened"] = {**self.opened, who: (*self.opened.get(who, ()), time)}
        if effect.tripped is not None:
            name, time = effect.tripped
            changes["breakers"] = {**self.breakers, name: max(time, self.breakers.get(name, time))}
        if effect.answered is not None:
            address, answer, unknown, ticket_id = effect.answered
            minute = int(answer.time // 60)
            to_known, to_unknown = self.minutes.get(minute, (0, 0))
            changes["answered"] = {**self.answered, address: (*self.answered.get(address, ()), answer)}
            changes["threads"] = {**self.threads, ticket_id: (*self.threads.get(ticket_id, ()), answer.time)}
            changes["minutes"] = {
                **self.minutes,
                minute: (to_known, to_unknown + 1) if unknown else (to_known + 1, to_unknown),
            }
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one decided mail changes in the facts of its batch."""

    ticket: Ticket | None = None
    keys: tuple[tuple[str, ThreadKey], ...] = ()
    seen: Seen | None = None
    seen_as: tuple[str, ...] = ()
    letters: tuple[SentLetter, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()
    released: int | None = None  # a held article whose question was answered now
    published: int | None = None  # the same, where it was sent
    inside: int | None = None  # a ticket with a new mail that nobody answers to a requester
    doubted: int | None = None  # a ticket with a new public mail that is not authenticated
    answered: tuple[str, Answered, bool, int] | None = None  # address, what, whether it is of no partner, ticket
    tripped: tuple[str, float] | None = None  # a breaker's name, and when
    asked: tuple[str, Asked] | None = None
    wrote: tuple[tuple[int, str, str], float] | None = None  # a mail's article: its ticket, author and degree of trust
    opened: tuple[tuple[str, str], float] | None = None  # a new ticket's requester, and the degree of trust
    beside: tuple[tuple[int, int], ...] = ()  # a ticket, and a new one beside it
    bounced: str | None = None  # Message-ID of a letter that came back
    suppressed: str | None = None
    lifted: str | None = None
