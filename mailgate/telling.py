"""Tells the owner of a ticket once that a mail to its people was refused for good, in one transaction each."""

from __future__ import annotations

import logging
from collections import defaultdict

from mailgate.application import Application
from mailgate.desk.undelivered import undelivered
from routing.facts import Facts
from storage import counters
from storage import undelivered as failures
from storage.batch import prepared
from storage.changes import write_changes
from storage.database import Conflict, now
from storage.gather import tickets
from storage.undelivered import Undelivered

log = logging.getLogger("mailgate.work")

MOST = 50  # letters looked at in one go


def tell(app: Application) -> int:
    """Write notices about failures that nobody was told of; of how many. Raises DatabaseUnavailable."""
    with app.db.read() as session:
        found = failures.untold(session, MOST)
        there = Facts(tickets(session, {x.ticket_id for x in found if x.ticket_id is not None}))
    by_ticket: dict[int | None, list[Undelivered]] = defaultdict(list)
    for letter in found:
        by_ticket[letter.ticket_id].append(letter)
    for ticket_id, letters in by_ticket.items():
        with app.db.write() as session:
            article_id = counters.reserve(session, "article", 1)
        ticket = there.ticket(ticket_id or 0)
        changes = []
        if ticket is not None:
            changes.append(app.pen.compose(undelivered(ticket, article_id, letters, now(), app.policy)))
        batch = prepared(changes, now())
        try:
            with app.db.write() as session:
                failures.told(session, [letter.id for letter in letters])
                write_changes(session, batch)
        except Conflict as conflict:
            log.info("looking again: %s", conflict)
    return len(found)
