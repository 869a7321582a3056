"""Tokens that say where a mail belongs, and never who sent it: ticket numbers, subject tokens and signed Message-IDs.

A subject token is the ticket's number with a check digit after Damm, which finds every single wrong digit and every
pair of neighbours that changed places: `[INC-1042-7]`. Anyone can make one.

A signed id is ours alone: `mg<event><ticket>.<article>.<recipient>.<key><mac>`, numbers in base 36, the recipient as
a digest, the mac an HMAC-SHA256 over all before it. It is the left part of each Message-ID that we send and of plus
addresses, the same on every try, and it is read without a database.

Whoever answers a mail tells everybody in Cc its Message-ID. Only a report on the mail itself brings back what a
delivery bears besides: that id with a second mac (`proof`), as envelope sender (VERP) and in a header of its own.

After a restore from a backup a new key signs, and numbers go on beyond a gap: what was given out after the backup was
made is known for ours, and leads nowhere. Of a key from before, ids of tickets that the backup has still count.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

FIRST_NUMBER = 1000  # numbers begin here, so that the first ones already look like numbers
LONGEST_ID = 70  # with brackets: longer ones are folded or cut by some clients
EVENTS = {
    "acknowledgement": "a",
    "answer": "r",
    "notice": "n",
    "confirm": "c",
    "preview": "p",
    "state": "s",
    "alarm": "x",
    "internal": "i",  # a notice of words that stay inside, and so does what is answered to it
    "told": "t",  # a notice with no words of a partner's: who answers it is asked whether that is to go out
    "refusal": "f",  # the letter that a ticket stays closed: nobody is told twice
}
QUIET = ("internal", "told", "confirm", "preview", "alarm")  # what nobody answers to a requester, or not by itself
_BY_LETTER = {letter: event for event, letter in EVENTS.items()}
_SIGNED = re.compile(
    r"mg([a-z])([0-9a-z]{1,9})\.([0-9a-z]{1,10})\.([a-z2-7]{6})\.([a-z0-9])([a-z2-7]{13})(?:\.([a-z2-7]{8}))?"
)
_SUBJECT = re.compile(r"\[\s?(INC-([1-9]\d{0,14}))-(\d)\s?\]", re.IGNORECASE | re.ASCII)
_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def prefix(event: str) -> str:
    """How signed ids of that event begin."""
    return f"mg{EVENTS[event]}"


def number(ticket_id: int) -> str:
    """The number of a ticket, as people say it."""
    return f"INC-{FIRST_NUMBER + ticket_id}"


def ticket_id(text: str) -> int | None:
    """The id behind a number, or None where it is none of ours."""
    match = re.fullmatch(r"INC-(\d{1,15})", text.strip(), re.IGNORECASE | re.ASCII)
    return int(match[1]) - FIRST_NUMBER if match else None


def read_number(text: str) -> int | None:
    """The id behind a number as a person types it: any case, with or without brackets and check digit."""
    match = re.fullmatch(r"\[?\s*(?:INC-)?(\d{1,15})(?:-\d)?\s*\]?", text.strip(), re.IGNORECASE | re.ASCII)
    return int(match[1]) - FIRST_NUMBER if match else None


def check_digit(digits: str) -> int:
    """Damm's check digit over a string of decimal digits."""
    state = 0
    for digit in digits:
        state = _DAMM[state][int(digit)]
    return state


@dataclass(frozen=True, slots=True)
class Style:
    """How a ticket's number is written in subjects: as ours, or as another system does, with our check digit.

    `[INC-1042-7]`; `[Ticket#10427]` (OTRS, `name` is its hook); `[desk.example #10427]` (RT, `name` is its $rtname).
    """

    system: Literal["mailgate", "otrs", "rt"] = "mailgate"
    name: str = ""

    def write(self, number: str) -> str:
        """The exact text that a subject may carry."""
        if self.system == "mailgate":
            return subject_token(number)
        digits = number.rpartition("-")[2]
        return f"[{self.name}{' #' if self.system == 'rt' else ''}{digits}{check_digit(digits)}]"

    def read(self, subject: str) -> tuple[str, ...]:
        """Numbers whose token stands in a subject, in this style or in ours, with the right check digit."""
        found = in_subject(subject)[0]
        if self.system == "mailgate":
            return found
        written = (match[1] for match in _styled(self).finditer(subject))
        ours = (f"INC-{int(d[:-1])}" for d in written if check_digit(d[:-1]) == int(d[-1]))
        return tuple(dict.fromkeys((*found, *ours)))

    def without(self, subject: str) -> str:
        """A subject without our tokens, white space mended."""
        return without_token(subject if self.system == "mailgate" else _styled(self).sub(" ", subject))


OWN_STYLE = Style()


@lru_cache(maxsize=100)
def _styled(style: Style) -> re.Pattern[str]:
    mark = r"\s{1,2}#" if style.system == "rt" else r"\s?"
    return re.compile(rf"\[\s?{re.escape(style.name)}{mark}([1-9]\d{{1,15}})\s?\]", re.IGNORECASE | re.ASCII)


def subject_token(number: str) -> str:
    """The token in our own style, which every desk reads."""
    return f"[{number}-{check_digit(number.rpartition('-')[2])}]"


def in_subject(subject: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Numbers whose token stands in a subject with the right check digit, and tokens with a wrong one (text)."""
    right: list[str] = []
    wrong: list[str] = []
    for match in _SUBJECT.finditer(subject):
        if check_digit(match[2]) == int(match[3]):
            right.append(match[1].upper())
        else:
            wrong.append(match[0])
    return tuple(dict.fromkeys(right)), tuple(wrong)


def without_token(subject: str) -> str:
    """A subject without our tokens, white space mended."""
    return " ".join(_SUBJECT.sub(" ", subject).split())


@dataclass(frozen=True, slots=True)
class Keys:
    """Signing keys by their one-character id; `current` signs, all are accepted.

    `last`: of a key that signed before a restore, the last ticket that its ids may name. `gaps`: ticket ids between
    the last one before a restore and the first one after it (both not among them), which only lost tickets had.
    `foreign`, by name: of a desk that was in this place for a time, and whose tickets are gone. `doubted`: ticket ids
    (both ends among them) that it gave out as well as this one.
    """

    current: str
    secrets: Mapping[str, bytes]
    last: Mapping[str, int] = field(default_factory=dict)
    gaps: tuple[tuple[int, int], ...] = ()
    foreign: tuple[tuple[str, bytes], ...] = ()
    doubted: tuple[tuple[int, int], ...] = ()

    def has_lost(self, ticket_id: int) -> bool:
        """Whether that ticket can only have been one that a restore did not bring back."""
        return any(last < ticket_id < first for last, first in self.gaps)

    def doubts(self, ticket_id: int) -> bool:
        """Whether two tickets had that number, and one of them is gone: alone it says nothing."""
        return any(first <= ticket_id <= last for first, last in self.doubted)


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signed id says: which ticket and article, what for, and a digest of to whom."""

    event: str
    ticket_id: int
    article_id: int
    recipient_digest: str
    left: str
    proved: bool = False  # with the second mac, which stands in no answer

    def is_for(self, address: str) -> bool:
        """Whether it was issued to that address."""
        return hmac.compare_digest(self.recipient_digest, _digest(address, self.event))


def sign(keys: Keys, event: str, ticket_id: int, article_id: int, recipient: str) -> str:
    """The left part of a signed id for that article and recipient."""
    body = f"mg{EVENTS[event]}{_base36(ticket_id)}.{_base36(article_id)}.{_digest(recipient, event)}.{keys.current}"
    return body + _mac(keys.secrets[keys.current], body)


def proof(keys: Keys, left: str) -> str:
    """A signed id with its second mac, which only the mail itself and its envelope bear."""
    return f"{left}.{_second(keys.secrets[keys.current], left)}"


def message_id(keys: Keys, event: str, ticket_id: int, article_id: int, recipient: str, domain: str) -> str:
    """The Message-ID (RFC 5322 section 3.6.4) without brackets, at most 68 characters."""
    return on_domain(sign(keys, event, ticket_id, article_id, recipient), domain)


def on_domain(left: str, domain: str) -> str:
    """The Message-ID with that signed left part; of a long domain only the end is kept."""
    room = LONGEST_ID - 2 - len(left) - 1
    while len(domain) > room and "." in domain:
        domain = domain.partition(".")[2]
    return f"{left}@{domain[-room:].lstrip('.-')}"


def read_signed(text: str, keys: Keys) -> Signed | None:
    """What a Message-ID or plus suffix says, if one of our keys signed it; case and domain do not matter.

    None as well for one that was given out after the backup that was restored.
    """
    read = _read(text, keys.secrets)
    return None if read is None or _is_lost(*read, keys) else read[0]


def is_lost(text: str, keys: Keys) -> bool:
    """Whether it is an id of ours for a ticket that a restore did not bring back."""
    read = _read(text, keys.secrets)
    return is_foreign(text, keys) if read is None else _is_lost(*read, keys)


def is_foreign(text: str, keys: Keys) -> bool:
    """Whether a desk gave it out that was in this place for a time, and whose tickets are gone."""
    return any(_read(text, {name: secret}) is not None for name, secret in keys.foreign)


def _read(text: str, secrets: Mapping[str, bytes]) -> tuple[Signed, str] | None:
    """What it says, and the key that signed it."""
    if text[:2].lower() != "mg":
        return None
    match = _SIGNED.fullmatch(text.partition("@")[0].lower())
    if match is None or match[1] not in _BY_LETTER:
        return None
    secret = secrets.get(match[5])
    body = match[0][: match.start(6)]
    if secret is None or not hmac.compare_digest(_mac(secret, body), match[6]):
        return None
    left, proved = body + match[6], match[7] is not None
    if proved and not hmac.compare_digest(_second(secret, left), match[7]):
        return None
    return Signed(_BY_LETTER[match[1]], int(match[2], 36), int(match[3], 36), match[4], left, proved), match[5]


def _is_lost(signed: Signed, key: str, keys: Keys) -> bool:
    return signed.ticket_id > keys.last.get(key, signed.ticket_id)


@lru_cache(16_384)  # an id is read when it is asked for, when it is decided by and when it is signed again
def _mac(secret: bytes, text: str) -> str:
    return base64.b32encode(hmac.digest(secret, text.encode(), "sha256")[:10]).decode().lower()[:13]


def _second(secret: bytes, left: str) -> str:
    return _mac(secret, f"delivery:{left}")[:8]


def _digest(address: str, event: str) -> str:
    return base64.b32encode(hashlib.sha256(f"{event}:{address.lower()}".encode()).digest()[:5]).decode().lower()[:6]


def _base36(value: int) -> str:
    digits = ""
    while True:
        value, rest = divmod(value, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
        if not value:
            return digits
