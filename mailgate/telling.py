"""Tells once that a mail was refused for good, in one transaction each: the owner of its ticket, or whoever is left."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence

from mailgate.application import Application
from mailgate.desk.undelivered import undelivered, unreached
from routing.facts import Facts
from routing.reports import UNREACHABLE_SECONDS
from routing.ticket import Ticket
from storage import counters
from storage import undelivered as failures
from storage.batch import prepared
from storage.change import TO_PARTNERS, Change
from storage.changes import write_changes
from storage.database import Conflict, now
from storage.gather import breakers, tickets
from storage.undelivered import Undelivered

log = logging.getLogger("mailgate.work")

MOST = 50  # letters looked at in one go


def tell(app: Application) -> int:
    """Write notices about failures that nobody was told of; of how many. Raises DatabaseUnavailable."""
    with app.db.read() as session:
        found = failures.untold(session, MOST)
        there = Facts(tickets(session, {x.ticket_id for x in found if x.ticket_id is not None}))
        last = breakers(session, now() - UNREACHABLE_SECONDS) if found else {}
    by_ticket: dict[int | None, list[Undelivered]] = defaultdict(list)
    for letter in found:
        by_ticket[letter.ticket_id].append(letter)
    for ticket_id, letters in by_ticket.items():
        with app.db.write() as session:
            article_id = counters.reserve(session, "article", 2)
        changes = _changes(app, there.ticket(ticket_id or 0), article_id, letters, last)
        batch = prepared(changes, now())
        try:
            with app.db.write() as session:
                failures.told(session, [letter.id for letter in letters])
                write_changes(session, batch)
        except Conflict as conflict:
            log.info("looking again: %s", conflict)
        else:
            last |= {change.tripped.name: change.time for change in changes if change.tripped is not None}
    return len(found)


def _changes(
    app: Application,
    ticket: Ticket | None,
    article_id: int,
    letters: Sequence[Undelivered],
    last: Mapping[str, float],
) -> list[Change]:
    """What those failures do to their ticket; without one they are only seen at the letters themselves."""
    if ticket is None:
        return []
    outside = [x for x in letters if x.event in TO_PARTNERS]
    changes = [undelivered(ticket, article_id, outside, now(), app.policy)] if outside else []
    ticket = next((c.ticket for c in changes if c.ticket is not None), ticket)
    inside = [x for x in letters if x.event not in TO_PARTNERS]
    changes += unreached(ticket, article_id + 1, inside, now(), app.policy, last)
    return [app.pen.compose(change) for change in changes]
