"""The outbox: every mail of ours is a row, written in the transaction that caused it, and stays one for ever.

States: `held` (waits for something named in held_for), `pending` and `deferred` (to be sent, or in hand under a lease),
`sent`, `failed`, `bounced`. Claims are in `sending`, what became of them in `deliveries`, what did not arrive in
`undelivered`, and what a person does with letters in `holding`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from storage import epochs, minutes
from storage.change import RANKS, Letter
from storage.database import insert_or_ignore
from storage.tables import letter_body, outbox

TO_SEND = ("pending", "deferred")
LONGEST_ERROR = 500  # characters of a relay's answer that are kept


@dataclass(frozen=True, slots=True)
class Rows:
    """Letters as they are written: those that share a body share its row."""

    letters: list[dict[str, Any]]
    bodies: list[dict[str, Any]]
    acknowledgements: minutes.Counts


def prepared(letters: Sequence[Letter], now: float) -> Rows:
    """Rows of new letters: what takes time is done before a transaction begins."""
    digests = {body: hashlib.sha256(body).hexdigest() for body in {letter.body for letter in letters}}
    return Rows(
        [
            {
                "event": letter.event,
                "ticket_id": letter.ticket_id,
                "article_id": letter.article_id,
                "recipient": letter.recipient,
                "envelope_from": letter.envelope_from,
                "message_id": letter.message_id,
                "subject": letter.subject,
                "headers": letter.headers,
                "body_sha256": digests[letter.body],
                "state": "held" if letter.held_for else "pending",
                "held_for": letter.held_for,
                "rank": RANKS[letter.event],
                "caused_at": letter.time,
                "limited": letter.limited,
                "created": now,
                "due": now,
                "owner": None,
                "attempt": 0,
                "updated": now,
            }
            for letter in letters
        ],
        # in one order, so that two writers of the same bodies cannot lock each other out
        [{"sha256": digest, "body": body} for digest, body in sorted((d, b) for b, d in digests.items())],
        Counter((int(x.time // 60), x.limited or "known") for x in letters if x.event == "acknowledgement"),
    )


def write(connection: Connection, rows: Rows) -> None:
    """Write letters, each Message-ID once. What a restore froze is held. The caller commits."""
    if not rows.letters:
        return
    restored = epochs.holds(connection, [row["caused_at"] for row in rows.letters])
    held = [
        row | {"state": "held", "held_for": row["held_for"] or "restore"} if frozen else row
        for row, frozen in zip(rows.letters, restored, strict=True)
    ]
    insert_or_ignore(connection, letter_body, rows.bodies)
    insert_or_ignore(connection, outbox, held)
    minutes.count(connection, rows.acknowledgements)
