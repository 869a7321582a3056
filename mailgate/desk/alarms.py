"""A limit has kept an automatic answer back: it is written down, and the administrator is told once. Pure."""

from __future__ import annotations

from dataclasses import replace

from mailgate.desk.people import admins
from routing import breakers
from routing.breakers import Trip
from routing.decision import Decision
from routing.facts import Facts
from routing.mail import Mail
from routing.policy import Policy
from routing.threads import letter_ids
from routing.ticket import Ticket
from storage.change import Announcement, Change, Tripped


def tripped(mail: Mail, decision: Decision, change: Change, facts: Facts, policy: Policy) -> Change:
    """That change, with the limit that silenced its answer, if one did. No alarm follows from an alarm's answer."""
    trip = _trip(mail, decision, facts, policy)
    if trip is None:
        return change
    fresh = breakers.is_new(trip, change.time, facts.breakers)
    about = (facts.letters.get(i) for i in letter_ids(mail, policy))
    quiet = any(letter is not None and letter.event == "alarm" for letter in about)
    change = replace(change, tripped=Tripped(trip.name, change.time, fresh))
    if not fresh or quiet or change.ticket is None:
        return change
    return _told(change, alarm(trip, change.ticket, mail.claim.article_id, change.time, policy))


def _trip(mail: Mail, decision: Decision, facts: Facts, policy: Policy) -> Trip | None:
    """The limit that a reason of the decision is about."""
    codes = {reason.code for reason in decision.reasons}
    address = mail.message.author.address.lower() if mail.message.author is not None else ""
    before = decision.ticket_id if decision.verb != "open" else None
    if "limit_staff" in codes and address in policy.staff:
        ticket = facts.ticket(before) if before is not None else None
        return breakers.staff(policy.staff[address], decision.trust, ticket, mail.envelope.received_at, facts)
    if not any(code.startswith("silent_limit_") for code in codes):
        return None
    return breakers.limited(mail, address, facts, policy, before)


def _told(change: Change, told: Announcement) -> Change:
    return replace(change, announcements=(*change.announcements, told)) if told.recipients else change


def alarm(trip: Trip, ticket: Ticket, article_id: int, time: float, policy: Policy) -> Announcement:
    """The mail that says so; `article_id` is for its Message-IDs."""
    return Announcement(
        "alarm",
        "staff" if trip.limit == "staff" else "breaker",
        ticket,
        admins(policy),
        article_id,
        time,
        words=trip.seen if trip.limit == "staff" else f"{trip.seen} ([answers] {trip.limit})",
        subject=ticket.subject,
    )
