"""Who answered in a conversation before a mail of it named him has a ticket beside it, that is found once one does."""

from __future__ import annotations

from collections.abc import Sequence

from routing.decision import Decision
from routing.facts import Facts
from routing.mail import Mail
from routing.policy import Policy
from routing.ticket import Ticket

MOST_PEOPLE = 20  # of those that a mail is written to; more is a mailing
_TRUSTS = ("authenticated", "known_thread")  # with less he could not have joined it either


def key(ticket_id: int, beside_id: int) -> str:
    """The key of the ticket `beside_id`; it has blanks, so no Message-ID is like it."""
    return f"beside {ticket_id} {beside_id}"


def keys(decision: Decision, ticket_id: int) -> tuple[str, ...]:
    """Those of a new ticket whose author only was in none of the tickets that his mail answers."""
    if decision.trust not in _TRUSTS or not any(reason.code == "no_participant" for reason in decision.reasons):
        return ()
    return tuple(key(other, ticket_id) for other in decision.related)


def pairs(found: Sequence[str], ticket_id: int, related: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Of a change's keys, the tickets that a new one stands beside, each with the new one."""
    return tuple((other, ticket_id) for other in related if key(other, ticket_id) in found)


def people(mail: Mail, policy: Policy) -> tuple[str, ...]:
    """Those besides us of whom a mail makes participants: its author, and those it is written to, by every address."""
    message = mail.message
    named = dict.fromkeys(a.address.lower() for a in (*message.from_[:1], *message.to, *message.cc))
    others = [a for a in named if "@" in a and not policy.is_ours(a)][:MOST_PEOPLE]
    return tuple(dict.fromkeys(his for a in others for his in (a, *policy.of_same(a))))


def of_same(address: str, related: Sequence[int], facts: Facts, policy: Policy) -> Ticket | None:
    """The ticket that somebody has beside one of these since an earlier answer there, and that he was told of."""
    parts = [i for i in facts.beside if (whole := facts.ticket(i)) is not None and whole.id in related]
    found = (facts.tickets.get(other) for i in parts for other in facts.beside[i])
    his = policy.of_same(address)
    return next((t for t in found if t is not None and t.requester in his and t.acknowledged), None)
