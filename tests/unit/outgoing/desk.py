"""A desk with a queue in German, and a ticket of it, for the tests of letters."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

from parsing.message import Address
from routing.policy import Policy, Queue, Staff
from routing.ticket import Ticket
from routing.tokens import Keys
from storage.change import Announcement, Change, Letter

TIME = 1_772_000_000.0  # 2026-02-25 06:13:20 UTC
KEYS = Keys("a", {"a": b"k" * 32})
JANE = Address("Jane Doe", "jane@acme.example")
AGENT = Address("First Agent", "agent@desk.example")

POLICY = Policy(
    name="Example Service Desk",
    address="help@desk.example",
    keys=KEYS,
    queues={
        "Service Desk": Queue("Service Desk", "help@desk.example", (), "en", "Kind regards\nThe desk"),
        "Hardware": Queue("Hardware", "hardware@desk.example", (), "de"),
    },
    default_queue="Service Desk",
    addresses={"help@desk.example": "Service Desk", "hardware@desk.example": "Hardware"},
    timezone="Europe/Berlin",
    staff={"agent@desk.example": Staff("First Agent", ("agent@desk.example",))},
)
TICKET = Ticket(
    id=42,
    number="INC-1042",
    version=1,
    subject="Printer on floor 3",
    type="Incident",
    state="new",
    state_type="new",
    queue="Service Desk",
    priority=3,
    owner=None,
    requester="jane@acme.example",
    requester_name="Jane Doe",
    partner="Acme",
    language="en",
    created=TIME,
    updated=TIME,
    participants=("jane@acme.example",),
    last_public_id="first@acme.example",
    root_id="root@acme.example",
)
ACKNOWLEDGEMENT = Announcement(
    "acknowledgement",
    "new",
    TICKET,
    ("jane@acme.example",),
    8,
    TIME,
    to=(JANE,),
    subject="Printer on floor 3",
    in_reply_to="first@acme.example",
    references=("root@acme.example", "first@acme.example"),
    article_id=8,
    limited="known",
)
ANSWER = Announcement(
    "answer",
    "",
    TICKET,
    ("jane@acme.example", "bob@acme.example"),
    9,
    TIME,
    to=(JANE,),
    cc=(Address("", "bob@acme.example"),),
    author=AGENT,
    words="Please restart it.\n\nSee https://desk.example/printers?a=1&b=2.",
    subject="Printer on floor 3",
    in_reply_to="first@acme.example",
    references=("root@acme.example", "first@acme.example"),
    article_id=9,
)
NOTICE = Announcement(
    "notice",
    "new",
    TICKET,
    ("agent@desk.example", "second@desk.example"),
    7,
    TIME,
    author=JANE,
    words="It is on fire.\n  Really <b>on fire</b>.",
    subject="Printer on floor 3",
    references=("root@acme.example", "first@acme.example"),
    article_id=7,
    trust="authenticated",
)
CONFIRM = Announcement(
    "confirm",
    "",
    TICKET,
    ("agent@desk.example",),
    9,
    TIME,
    author=AGENT,
    words="Please restart it.",
    subject="Printer on floor 3",
    article_id=9,
    trust="unverified",
)
PREVIEW = replace(CONFIRM, event="preview", trust="authenticated")
CLOSED = Announcement(
    "state",
    "closed",
    replace(TICKET, state="closed", state_type="closed"),
    ("jane@acme.example",),
    10,
    TIME,
    to=(JANE,),
    subject="Printer on floor 3",
    in_reply_to="first@acme.example",
    references=("root@acme.example", "first@acme.example"),
    article_id=10,
    details=(("resolution", "A new fuse."), ("was", "open"), ("became", "closed")),
)
ALL = (ACKNOWLEDGEMENT, ANSWER, NOTICE, CONFIRM, PREVIEW, CLOSED)


def change(*announcements: Announcement, **others: Any) -> Change:
    return Change(TIME, ticket=TICKET, announcements=announcements, **others)


def parsed(letter: Letter) -> Message:
    """As the standard library reads it."""
    assert letter.headers.endswith(b"\r\n\r\n")
    return message_from_bytes(letter.headers + letter.body, policy=default)


def text(letter: Letter, subtype: str = "plain") -> str:
    part = next(p for p in parsed(letter).walk() if p.get_content_type() == f"text/{subtype}")
    return str(part.get_content()).replace("\r\n", "\n")  # type: ignore[attr-defined]
