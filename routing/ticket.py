"""A ticket as a value: what stands after every change is a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

StateType = Literal["new", "open", "pending", "closed", "merged", "removed"]
Visibility = Literal["public", "internal"]


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket. Addresses are bare and in lower case, times seconds since 1970 UTC, `version` counts changes.

    `participants` are those who may join: the requester, and To and Cc of its public articles (never our own).
    """

    id: int
    number: str
    version: int
    subject: str
    type: str
    state: str
    state_type: StateType
    queue: str
    priority: int
    owner: str | None
    requester: str | None
    requester_name: str
    partner: str | None
    language: str
    created: float
    updated: float
    tags: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    participants: tuple[str, ...] = ()
    watchers: tuple[str, ...] = ()  # staff who are told of its public articles, besides its owner
    merged_into: int | None = None
    split_from: int | None = None  # the ticket that its first mail was taken from
    follows: int | None = None  # the closed ticket with which it goes on, the first one where several are in a row
    acknowledged: bool = False
    closed: float | None = None
    last_public_id: str | None = None  # Message-ID of its requester's newest public mail, which answers answer
    root_id: str | None = None  # Message-ID of the mail that the conversation begins with, also if it never came here
