"""A limit has kept an automatic answer back: it is written down, and the administrator is told once. Pure."""

from __future__ import annotations

from dataclasses import replace

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
    author = mail.message.author
    if author is None or not any(reason.code.startswith("silent_limit_") for reason in decision.reasons):
        return change
    before = decision.ticket_id if decision.verb != "open" else None
    trip = breakers.limited(mail, author.address.lower(), facts, policy, before)
    if trip is None:
        return change
    fresh = breakers.is_new(trip, change.time, facts.breakers)
    about = (facts.letters.get(i) for i in letter_ids(mail, policy))
    quiet = any(letter is not None and letter.event == "alarm" for letter in about)
    change = replace(change, tripped=Tripped(trip.name, change.time, fresh))
    if not fresh or quiet or change.ticket is None:
        return change
    return _told(change, alarm(trip, change.ticket, mail.claim.article_id, change.time, policy))


def _told(change: Change, told: Announcement) -> Change:
    return replace(change, announcements=(*change.announcements, told)) if told.recipients else change


def alarm(trip: Trip, ticket: Ticket, article_id: int, time: float, policy: Policy) -> Announcement:
    """The mail that says so; `article_id` is for its Message-IDs."""
    return Announcement(
        "alarm",
        "breaker",
        ticket,
        admins(policy),
        article_id,
        time,
        words=f"{trip.seen} ([answers] {trip.limit})",
        subject=ticket.subject,
    )


def admins(policy: Policy) -> tuple[str, ...]:
    """Who is told that something is wrong with the gateway: staff with that role, else the default queue's members."""
    found = (member.addresses[0] for member in policy.staff.values() if "admin" in member.roles)
    return tuple(dict.fromkeys(found)) or policy.members(policy.default_queue)
