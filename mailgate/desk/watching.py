"""Who gets what is written in a ticket besides those whom its mails name: staff who watch it, guests. Pure."""

from __future__ import annotations

from dataclasses import replace

from mailgate.desk.people import MOST_PARTICIPANTS
from mailgate.errors import CommandError
from routing.policy import Policy
from routing.ticket import Ticket
from storage.change import Change, HistoryEntry


def watch(ticket: Ticket, who: str, actor: str, time: float, policy: Policy) -> Change:
    """From now on that member of staff is told of every public article. Others cannot: they would read what is not
    written to them.
    """
    member = policy.member(who)
    if member is None:
        if who.lower() in ticket.participants:
            raise CommandError(f"{who} takes part in {ticket.number} and gets its answers already")
        raise CommandError(f"{who!r} is neither of the staff nor in {ticket.number}; only staff can watch")
    address = member.addresses[0]
    if address in ticket.watchers:
        raise CommandError(f"{address} watches {ticket.number} already")
    after = replace(ticket, version=ticket.version + 1, watchers=(*ticket.watchers, address))
    entry = HistoryEntry(time, actor, "watcher", None, address)
    return Change(time, ticket=after, version=ticket.version, history=(entry,))


def unwatch(ticket: Ticket, who: str, actor: str, time: float, policy: Policy) -> Change:
    """That member is not told any more, unless by another right."""
    member = policy.member(who)
    address = next((a for a in (member.addresses if member else (who.lower(),)) if a in ticket.watchers), None)
    if address is None:
        raise CommandError(f"{who} does not watch {ticket.number}")
    after = replace(ticket, version=ticket.version + 1, watchers=tuple(w for w in ticket.watchers if w != address))
    entry = HistoryEntry(time, actor, "watcher", address, None)
    return Change(time, ticket=after, version=ticket.version, history=(entry,))


def invite(ticket: Ticket, who: str, actor: str, time: float, policy: Policy) -> Change:
    """From now on that person outside gets the answers, and may join; nothing that was written before reaches him."""
    address = who.strip().lower()
    if "@" not in address:
        raise CommandError(f"expected an address, found {who!r}")
    if policy.is_ours(address) or address in policy.staff:
        raise CommandError(f"{address} is of the desk; staff take part in any case, and can watch")
    if address in ticket.participants:
        raise CommandError(f"{address} takes part in {ticket.number} already")
    if len(ticket.participants) >= MOST_PARTICIPANTS:
        raise CommandError(f"{ticket.number} has {MOST_PARTICIPANTS} participants; more is a mailing")
    after = replace(ticket, version=ticket.version + 1, participants=(*ticket.participants, address))
    entry = HistoryEntry(time, actor, "let_in", None, address)
    return Change(time, ticket=after, version=ticket.version, history=(entry,))
