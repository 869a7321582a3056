"""Who is in a conversation, and who is told of it."""

from __future__ import annotations

from collections.abc import Sequence

from parsing.message import Address
from routing.decision import Decision
from routing.mail import Mail
from routing.policy import Policy
from routing.ticket import Ticket

GATEWAY = "mailgate"  # the actor of what nobody typed
MOST_PARTICIPANTS = 100  # more is a mailing, not a conversation


def participants(before: tuple[str, ...], mail: Mail, decision: Decision, policy: Policy) -> tuple[str, ...]:
    """Who may join from now on: author, To and Cc of a public article, without our own addresses.

    Staff who answer may join in any case.
    """
    message = mail.message
    author = () if decision.author in ("staff", "system") else message.from_[:1]
    if decision.forwarded is not None:  # whom staff wrote to is not the partner's affair
        return (decision.forwarded.sender.address.lower(),)
    added = (
        a.address.lower()
        for a in (*author, *((*message.to, *message.cc) if decision.shares else ()))
        if "@" in a.address and not policy.is_ours(a.address) and a.address.lower() not in decision.left_out
    )
    return tuple(dict.fromkeys((*before, *added)))[:MOST_PARTICIPANTS]


def audience(ticket: Ticket, policy: Policy, *, but: str = "") -> tuple[str, ...]:
    """Staff who are told of a ticket: its owner, else the members of its queue; never the one who did it."""
    return without((ticket.owner,) if ticket.owner else policy.members(ticket.queue), but, policy)


def watching(ticket: Ticket, policy: Policy, *, but: str = "") -> tuple[str, ...]:
    """Staff who are told of every public article, a colleague's answer, too: its owner, and those who watch it."""
    named = dict.fromkeys((*((ticket.owner,) if ticket.owner else ()), *ticket.watchers))
    return without(tuple(who for who in named if who in policy.staff), but, policy)


def without(people: tuple[str, ...], address: str, policy: Policy) -> tuple[str, ...]:
    """These people but for that one, by whichever of his addresses."""
    his = policy.of_same(address)
    return tuple(p for p in people if p.lower() not in his)


def correspondents(ticket: Ticket, policy: Policy) -> tuple[Address | None, tuple[Address, ...]]:
    """The requester, and the public participants in Cc; staff are not among them."""
    requester = Address(ticket.requester_name, ticket.requester) if ticket.requester else None
    cc = tuple(
        Address("", p)
        for p in ticket.participants
        if p != ticket.requester and p not in policy.staff and not policy.is_ours(p)
    )
    return requester, cc


def admins(policy: Policy) -> tuple[str, ...]:
    """Who is told that something is wrong with the gateway: staff with that role, else the default queue's members."""
    found = (member.addresses[0] for member in policy.staff.values() if "admin" in member.roles)
    return tuple(dict.fromkeys(found)) or policy.members(policy.default_queue)


def others(unreached: Sequence[str], ticket: Ticket, policy: Policy) -> tuple[str, ...]:
    """Who is told that notices do not reach these: the others of the queue, else administrators."""
    members, chiefs = policy.members(ticket.queue), admins(policy)
    for address in unreached:
        members, chiefs = without(members, address, policy), without(chiefs, address, policy)
    return members or chiefs
