"""Limits of our automatic answers: sliding windows that end with the decision's clock (MAIL 7).

A responder drops our headers and writes new Message-IDs, so what is counted is what we sent: to one address, to one
address under one subject, in one conversation, to all strangers, to everybody. A limit keeps answers back and nothing
else: mails are taken, staff are told, and by itself the window lets the next answer through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from routing import tokens
from routing.facts import Facts
from routing.mail import Mail, Trust
from routing.policy import Limits, Policy, Staff
from routing.threads import bare_subject
from routing.ticket import Ticket

# Mails of one member of staff in one ticket, or that open tickets: few write faster for so long. Two responders that
# strip every mark do, each in answer to a notice of what the other wrote. Each degree of trust is counted for itself:
# what anybody can write in somebody's name takes nothing from what is really his.
STAFF_MAILS = 10
STAFF_SECONDS = 600
AUTOMATIC_EVENTS = ("acknowledgement", "state")  # what is counted: notices to staff never are


@dataclass(frozen=True, slots=True)
class Trip:
    """A limit that keeps an answer back. `name` is the breaker's: the setting, and whose window it is."""

    limit: str
    name: str
    window: int  # seconds
    seen: str


def limited(mail: Mail, address: str, facts: Facts, policy: Policy, ticket_id: int | None = None) -> Trip | None:
    """The first limit that an automatic answer to that address, in that conversation, would exceed."""
    now, limits = mail.envelope.received_at, policy.limits
    answered = facts.answered.get(address, ())
    if limits.per_address is not None:
        most, window = limits.per_address
        count = _in(window, now, (a.time for a in answered))
        if count >= most:
            return Trip(
                "per_address",
                f"per_address {address}",
                window,
                f"{_acknowledgements(count)} to {address} in {_spoken(window)}",
            )
    if limits.per_subject is not None:
        most, window = limits.per_subject
        subject = bare_subject(mail.message.subject, policy.token)
        count = _in(window, now, (a.time for a in answered if bare_subject(a.subject, policy.token) == subject))
        if count >= most:
            name = f"per_subject {address} {subject}"
            said = f"{_acknowledgements(count)} to {address} about {subject!r} in {_spoken(window)}"
            return Trip("per_subject", name, window, said)
    if ticket_id is not None and (trip := thread(ticket_id, facts.threads.get(ticket_id, ()), now, limits)):
        return trip
    if limits.unknown is not None and policy.partner(address) is None:
        most, window = limits.unknown
        count = sum(unknown for minute, (_, unknown) in facts.minutes.items() if _within(minute, now, window))
        if count >= most:
            said = f"{_acknowledgements(count)} to senders of no partner in {_spoken(window)}"
            return Trip("unknown", "unknown", window, said)
    if limits.desk is not None:
        most, window = limits.desk
        count = sum(sum(both) for minute, both in facts.minutes.items() if _within(minute, now, window))
        if count >= most:
            return Trip("desk", "desk", window, f"{_acknowledgements(count)} in {_spoken(window)}")
    return None


def thread(ticket_id: int, times: Iterable[float], now: float, limits: Limits) -> Trip | None:
    """Whether one more automatic answer in that conversation is too many; `times` are those of the others."""
    if limits.per_thread is None:
        return None
    most, window = limits.per_thread
    count = _in(window, now, times)
    if count < most:
        return None
    number = tokens.number(ticket_id)
    return Trip(
        "per_thread",
        f"per_thread {number}",
        window,
        f"{count} automatic {'mails' if count != 1 else 'mail'} in {number} in {_spoken(window)}",
    )


def staff(member: Staff, trust: Trust, ticket: Ticket | None, now: float, facts: Facts) -> Trip | None:
    """Whether so many mails in a member's name, as sure as that, have come to that ticket, or opened one, that perhaps
    a machine writes them.
    """
    if ticket is None:
        times = [t for address in member.addresses for t in facts.opened.get((address, trust), ())]
        where = "that opened tickets"
    else:
        times = [
            t
            for (there, address, degree), found in facts.wrote.items()
            if degree == trust
            and address in member.addresses
            and (now_in := facts.ticket(there)) is not None
            and now_in.id == ticket.id
            for t in found
        ]
        where = f"in {ticket.number}"
    count = _in(STAFF_SECONDS, now, times)
    if count < STAFF_MAILS:
        return None
    name = f"staff {member.addresses[0]} {trust} {ticket.number if ticket is not None else ''}".rstrip()
    said = f"{count} mails in the name of {member.addresses[0]}, {trust}, {where} in {_spoken(STAFF_SECONDS)}"
    return Trip("staff", name, STAFF_SECONDS, said)


def is_new(trip: Trip, now: float, breakers: Mapping[str, float]) -> bool:
    """Whether it was closed before: a whole window has passed in which it kept nothing back."""
    last = breakers.get(trip.name)
    return last is None or now - last > trip.window


def _in(window: int, now: float, times: Iterable[float]) -> int:
    return sum(now - window < time <= now for time in times)


def _within(minute: int, now: float, window: int) -> bool:
    """Whether a minute lies in the window that ends now: whole minutes, so that windows are kept as counts."""
    return now - window < minute * 60 + 60 and minute * 60 <= now


def _acknowledgements(count: int) -> str:
    return f"{count} acknowledgements" if count != 1 else "1 acknowledgement"


def _spoken(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} s"
