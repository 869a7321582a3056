"""What a mail does to other tickets than its own: that of its answer, and a closed one that it goes on with. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from mailgate.desk.announcements import thread_references
from mailgate.desk.merging import merge
from mailgate.desk.people import GATEWAY, audience
from parsing.message import Address
from routing import beside, tokens
from routing.decision import Decision
from routing.facts import Facts
from routing.joining import ARCHIVE
from routing.mail import Mail
from routing.newcomers import come_along
from routing.policy import Policy
from routing.ticket import Ticket
from storage.change import Announcement, Change, HistoryEntry, KeyClaim


def caught_up(mail: Mail, decision: Decision, facts: Facts, policy: Policy) -> tuple[Change, ...]:
    """What follows for the answer's ticket from a mail that joined another one; `facts` are those after that.

    It is merged where its requester could have joined, had his answer come second; else the two are linked, and staff
    are told why.
    """
    if decision.verb == "open" and decision.follows is not None:
        return _followed(mail, decision, facts)
    waiting, into = _waiting(mail, facts), facts.ticket(decision.ticket_id or 0)
    if into is None or not (decision.verb == "append" or _began(mail, decision, waiting, into, policy)):
        return ()
    gone = [waiting] if waiting is not None and waiting.id != into.id else []
    changes = _one(mail, gone[0], into, facts, policy) if gone else ()
    if mail.envelope.door == ARCHIVE:  # its tickets are closed
        return changes
    parts = {i for i in facts.beside if (t := facts.ticket(i)) is not None and t.id == into.id}
    parts |= {t.id for t in gone}
    while others := [
        t for t in _let_in(mail, parts, into, facts, policy) if t.id not in {into.id, *(g.id for g in gone)}
    ]:
        for other in others:
            changes = (*changes, *_joined(mail, other, _newest(changes, into), facts, policy))
        gone += others
        parts = {t.id for t in others}
    return _told_once(changes)


def _began(mail: Mail, decision: Decision, waiting: Ticket | None, into: Ticket, policy: Policy) -> bool:
    """Whether a verified mail that has a ticket of its own, since the answer to it left its author out, begins it all.

    It names who answered, and both are of one partner: who sees the answer then could have been sent it.
    """
    if decision.verb != "open" or decision.trust != "authenticated" or waiting is None or into.partner is None:
        return False
    return waiting.partner == into.partner and waiting.requester in beside.people(mail, policy)


def _let_in(mail: Mail, parts: Collection[int], into: Ticket, facts: Facts, policy: Policy) -> list[Ticket]:
    """New tickets beside those parts of `into`, of people whom the mail names, so that they are in it now."""
    named = beside.people(mail, policy)
    found = dict.fromkeys(other for i in sorted(parts) for other in facts.beside.get(i, ()))
    new = (t for i in found if (t := facts.tickets.get(i)) is not None and t.state_type == "new")
    return [t for t in new if t.requester in named and _apart(t, into, policy, archived=False) is None]


def _joined(mail: Mail, ticket: Ticket, into: Ticket, facts: Facts, policy: Policy) -> tuple[Change, ...]:
    """As a mail that came after its answer takes the answer's ticket in."""
    time = mail.envelope.received_at
    gone, after = _merged(mail, ticket, into, facts, policy)
    if ticket.root_id is None or ticket.root_id != into.root_id or after.ticket is None:
        return gone, after
    who = ticket.requester or ""  # he wrote the mail that the conversation began with
    whole = replace(
        after.ticket,
        subject=ticket.subject,
        requester=who,
        requester_name=ticket.requester_name,
        partner=policy.partner(who) or into.partner,
    )
    entries = [HistoryEntry(time, who, "requester", into.requester, who)]
    if ticket.subject != into.subject:
        entries.append(HistoryEntry(time, who, "subject", into.subject, ticket.subject))
    told = tuple(replace(a, ticket=whole) for a in after.announcements)
    return gone, replace(after, ticket=whole, history=(*after.history, *entries), announcements=told)


def _merged(mail: Mail, ticket: Ticket, into: Ticket, facts: Facts, policy: Policy) -> tuple[Change, Change]:
    """Both tickets after it. Who would not have got in by the mails that brought him stays outside; staff are told."""
    past = mail.envelope.door == ARCHIVE and ticket.state_type == "closed"  # the administrator vouches for it
    come = ticket.participants if past else come_along(ticket, into, facts, policy)
    found = merge(ticket, into, _signed_as(mail), GATEWAY, mail.envelope.received_at, policy, come)
    gone, after = found.changes
    if not found.left_out:
        return gone, after
    kept_out = ("kept_out", ", ".join(found.left_out))
    told = tuple(replace(a, details=(*a.details, kept_out)) for a in after.announcements)
    return gone, replace(after, announcements=told)


def _signed_as(mail: Mail) -> int:
    return mail.claim.article_id + 1  # what joins a ticket is not acknowledged


def _followed(mail: Mail, decision: Decision, facts: Facts) -> tuple[Change, ...]:
    """The closed ticket says which one goes on with it: of two replies at one moment the second finds it changed."""
    closed = facts.ticket(decision.related[0])
    if closed is None:
        return ()
    time = mail.envelope.received_at
    entry = HistoryEntry(time, GATEWAY, "linked", None, tokens.number(decision.ticket_id or 0), mail.claim.article_id)
    after = replace(closed, version=closed.version + 1)
    return (Change(time, ticket=after, version=closed.version, history=(entry,)),)


def _newest(changes: tuple[Change, ...], ticket: Ticket) -> Ticket:
    return next((c.ticket for c in reversed(changes) if c.ticket is not None and c.ticket.id == ticket.id), ticket)


def _told_once(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Of several tickets that became part of another, staff are told in one notice."""
    told = [a for change in changes for a in change.announcements if a.why == "merged"]
    if len(told) < 2:
        return changes
    people = tuple(dict.fromkeys(person for a in told for person in a.recipients))
    said = [dict(a.details) for a in told]
    kept_out = tuple(
        ("kept_out", ", ".join(names)) for names in [[d["kept_out"] for d in said if "kept_out" in d]] if names
    )
    details = (("was", ", ".join(d["was"] for d in said)), ("became", told[-1].ticket.number), *kept_out)
    last = replace(told[-1], recipients=people, details=details)
    quiet = (replace(c, announcements=tuple(a for a in c.announcements if a not in told)) for c in changes)
    return (*tuple(quiet)[:-1], replace(changes[-1], announcements=(last,)))


def _one(mail: Mail, waiting: Ticket, into: Ticket, facts: Facts, policy: Policy) -> tuple[Change, ...]:
    time, archived = mail.envelope.received_at, mail.envelope.door == ARCHIVE
    because = _apart(waiting, into, policy, archived=archived)
    if because is not None:
        changes: tuple[Change, ...] = (_linked(waiting, into, because, _signed_as(mail), time, policy),)
    else:
        gone, after = _merged(mail, waiting, into, facts, policy)
        named = KeyClaim(mail.message.message_id or "", waiting.id, mail.claim.article_id)
        changes = (replace(gone, keys=(named,)), after)
    return tuple(replace(change, announcements=()) for change in changes) if archived else changes


def _waiting(mail: Mail, facts: Facts) -> Ticket | None:
    """The ticket whose first mail answers this one, and which has not become part of another since."""
    own = mail.message.message_id or ""
    key = facts.keys.get(own)
    if key is None or key.article_id is not None or key.weak or key.ours:
        return None
    ticket = facts.tickets.get(key.ticket_id)
    if ticket is None or ticket.root_id != own or ticket.state_type in ("merged", "removed"):
        return None
    return ticket


def _apart(waiting: Ticket, into: Ticket, policy: Policy, *, archived: bool) -> str | None:
    """Why they stay two tickets."""
    who = waiting.requester or ""
    partner = policy.partner(who)
    colleague = partner is not None and partner == into.partner and partner in policy.colleagues
    inside = policy.known_as(who, (*into.participants, into.requester)) or colleague
    if not inside or not policy.may("join", "known_thread", into.queue, into.partner).given:
        return "apart_people"
    if not archived and (waiting.state_type != "new" or into.state_type == "closed"):
        return "apart_work"
    return None


def _linked(waiting: Ticket, into: Ticket, because: str, signed_as: int, time: float, policy: Policy) -> Change:
    told = audience(waiting, policy)
    notice = Announcement(
        "notice",
        "apart",
        waiting,
        told,
        signed_as,
        time,
        author=Address(waiting.requester_name, waiting.requester or ""),
        subject=waiting.subject,
        references=thread_references(waiting),
        details=(("linked", into.number), ("because", because)),
    )
    return Change(
        time,
        ticket=replace(waiting, version=waiting.version + 1),
        version=waiting.version,
        history=(HistoryEntry(time, GATEWAY, "linked", None, into.number),),
        related=(into.id,),
        keys=(KeyClaim(beside.key(into.id, waiting.id), waiting.id, None, weak=True),)
        if because == "apart_people"
        else (),
        announcements=(notice,) if told else (),
    )
