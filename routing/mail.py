"""A mail in hand: what the door saw, what the mail says, and what could be measured about who wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from parsing.message import ParsedMessage

Trust = Literal["authenticated", "confirmed", "known_thread", "unverified", "failed"]

REPEAT_SECONDS = 600.0  # MAIL 1: without a Message-ID the same content within ten minutes is the same mail


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the door saw. Times are seconds since 1970 UTC; `mail_from` is empty for the null sender `<>`.

    `received_at` (INTERNALDATE by IMAP, else the moment of the 250) is the clock of every decision.
    """

    door: str  # smtp, lmtp, pipe, imap:NAME
    peer: str
    mail_from: str
    rcpt_to: tuple[str, ...]
    received_at: float
    journaled_at: float
    note: str | None = None  # what stayed behind at the door


@dataclass(frozen=True, slots=True)
class Claim:
    """A journal row in hand. Ids are reserved once for a row and the same on every try."""

    journal_id: int
    attempt: int
    ticket_id: int
    article_id: int  # `article_id + 1` is reserved for the acknowledgement
    claimed_at: float = 0.0  # when it came into hand; only how old a mail is that would be answered depends on it


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured about the author: by the door's provider, as its header says (RFC 8601), or here."""

    result: Literal["pass", "fail", "none"]
    policy: Literal["none", "quarantine", "reject", "unknown"]
    seen: str  # for a person: "dmarc=pass header.from=acme.example by mx.desk.example"
    method: Literal["none", "header", "check"] = "none"  # check: DKIM, SPF, DMARC and ARC were looked at here


NO_EVIDENCE = Evidence("none", "unknown", "no result of a provider that this door believes")


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who stands behind a mail that a web form or a mailing group sent, or why it cannot be told."""

    code: Literal["form", "form_unverified", "form_nobody", "front_list", "front_list_nobody"]
    seen: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail on its way: everything `decide` may know of it. `key` is its sameness: of its
    Message-ID, From and Date, or of its content where it has no Message-ID."""

    claim: Claim
    envelope: Envelope
    message: ParsedMessage
    evidence: Evidence
    key: str
    size: int
    released: bool = False  # a person let it out of quarantine
    attribution: Attribution | None = None  # of a mail that a form or a group sent; then `message` is its person's

    @property
    def null_sender(self) -> bool:
        """Whether its envelope sender is `<>`, as reports and responders have it (RFC 5321 section 4.5.5).

        By IMAP the envelope is gone but for Return-Path.
        """
        if self.attribution is not None and self.attribution.code == "form":
            return False
        return self.message.return_path == "" or (
            not self.envelope.mail_from and not self.envelope.door.startswith("imap:")
        )
