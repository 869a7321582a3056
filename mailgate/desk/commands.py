"""What a person at a terminal does to a ticket: from the ticket as it was to the Change that is written. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from mailgate.desk import alarms
from mailgate.desk.announcements import thread_references, went_out
from mailgate.desk.people import GATEWAY, audience, correspondents, watching
from mailgate.desk.states import answered, with_state
from mailgate.errors import CommandError
from parsing.message import Address
from routing import breakers, tokens
from routing.breakers import Trip
from routing.facts import Confirmation
from routing.policy import Policy
from routing.ticket import Ticket
from storage.change import Announcement, Article, Change, HistoryEntry, Release, Tripped

NOTHING: Mapping[str, float] = MappingProxyType({})


def new(
    ticket_id: int, article_id: int, requester: str, subject: str, queue: str | None, text: str, actor: str,
    time: float, policy: Policy,
) -> Change:  # fmt: skip
    """A ticket for somebody who did not write: staff are told, the requester is not written to."""
    if "@" not in requester:
        raise CommandError(f"--for: expected an address, found {requester!r}")
    if queue is not None and queue not in policy.queues:
        raise CommandError(f"--queue: there is no queue {queue!r}; known are {', '.join(policy.queues)}")
    where = policy.queue(queue or policy.default_queue)
    address = requester.lower()
    partner = policy.partner(address)
    ticket = Ticket(
        id=ticket_id,
        number=tokens.number(ticket_id),
        version=1,
        subject=tokens.without_token(subject) or "(no subject)",
        type="Incident",
        state="new",
        state_type="new",
        queue=where.name,
        priority=3,
        owner=None,
        requester=address,
        requester_name="",
        partner=partner,
        language=policy.partner_languages.get(partner or "", where.language),
        created=time,
        updated=time,
        participants=(address,),
    )
    article = _article(article_id, ticket, "note", "public", Address("", address), text, time)
    told = Announcement(
        "notice",
        "new",
        ticket,
        audience(ticket, policy, but=actor),
        article_id,
        time,
        author=Address("", address),
        words=text,
        subject=ticket.subject,
        article_id=article_id,
    )
    return Change(
        time,
        ticket=ticket,
        articles=(article,),
        history=(HistoryEntry(time, actor, "created", None, ticket.number, article_id),),
        announcements=(told,) if told.recipients else (),
    )


def reply(ticket: Ticket, article_id: int, text: str, actor: str, time: float, policy: Policy) -> Change:
    """Words to the requester and the public participants."""
    _workable(ticket)
    requester, cc = correspondents(ticket, policy)
    if requester is None:
        raise CommandError(f"{ticket.number} has no requester to write to; `ticket note` keeps words inside")
    queue = policy.queue(ticket.queue)
    member = policy.staff.get(actor.lower())
    sender = Address(member.name if member else policy.name, queue.address)
    article = _article(article_id, ticket, "out", "public", sender, text, time, to=(requester.address,), cc=cc)
    after = replace(ticket, version=ticket.version + 1, updated=time)
    history = [HistoryEntry(time, actor, "answered", None, None, article_id)]
    if member is not None:
        after, more = answered(after, member.addresses[0], time, article_id)
        history += more
    elif after.state_type == "new":
        history.append(HistoryEntry(time, actor, "state", after.state, "open", article_id))
        after = with_state(after, "open", "open", time)
    letter = Announcement(
        "answer",
        "",
        after,
        (requester.address, *(a.address for a in cc)),
        article_id,
        time,
        to=(requester,),
        cc=cc,
        author=sender,
        words=text,
        subject=ticket.subject,
        in_reply_to=ticket.last_public_id,
        references=thread_references(ticket),
        article_id=article_id,
    )
    watchers = watching(after, policy, but=actor)
    told = _notice("reply", after, article_id, time, policy, actor, words=text, told=watchers)
    return Change(time, None, None, after, ticket.version, (article,), tuple(history), announcements=(letter, *told))


def confirm(ticket: Ticket, asked: Confirmation, actor: str, time: float, policy: Policy) -> Change:
    """A held answer goes out, for a person at the terminal has looked at it."""
    member = policy.staff.get(asked.address)
    owner = member.addresses[0] if member else asked.address
    after, more = answered(replace(ticket, version=ticket.version + 1, updated=time), owner, time, asked.article_id)
    entry = HistoryEntry(time, actor, "confirmed", None, "sent", asked.article_id)
    told = went_out(asked, after, "confirmed", time, policy)
    return Change(
        time,
        ticket=after,
        version=ticket.version,
        history=(entry, *more),
        release=Release("", asked.article_id, "confirmed", time, policy.holds),
        announcements=(told,) if told.recipients else (),
    )


def note(ticket: Ticket, article_id: int, text: str, actor: str, time: float, policy: Policy) -> Change:
    """Words that stay inside; the owner or the queue's members are told."""
    article = _article(article_id, ticket, "note", "internal", Address(actor, ""), text, time)
    after = replace(ticket, version=ticket.version + 1, updated=time)
    told = _notice("note", after, article_id, time, policy, actor, words=text)
    entry = HistoryEntry(time, actor, "noted", None, None, article_id)
    return Change(time, None, None, after, ticket.version, (article,), (entry,), announcements=told)


def assign(ticket: Ticket, article_id: int, who: str, actor: str, time: float, policy: Policy) -> Change:
    """Another owner, who is told, and so is the one before."""
    _workable(ticket)
    member = policy.member(who)
    if member is None:
        known = ", ".join(dict.fromkeys(s.addresses[0] for s in policy.staff.values()))
        raise CommandError(f"{who!r} is not of the staff; known are {known or 'nobody: add [[staff]]'}")
    owner = member.addresses[0]
    if owner == ticket.owner:
        raise CommandError(f"{ticket.number} is owned by {owner} already")
    after = replace(ticket, version=ticket.version + 1, updated=time, owner=owner)
    told = _notice(
        "owner", after, article_id, time, policy, actor, details=(("was", ticket.owner or ""), ("became", owner))
    )
    before = audience(ticket, policy, but=actor) if ticket.owner else ()
    told = tuple(replace(each, recipients=tuple(dict.fromkeys((*each.recipients, *before)))) for each in told)
    entry = HistoryEntry(time, actor, "owner", ticket.owner, owner)
    return Change(time, None, None, after, ticket.version, (), (entry,), announcements=told)


def unassign(ticket: Ticket, article_id: int, actor: str, time: float, policy: Policy) -> Change:
    """Nobody owns it any more; who did is told, and the members of its queue."""
    _workable(ticket)
    if ticket.owner is None:
        raise CommandError(f"{ticket.number} is owned by nobody already")
    after = replace(ticket, version=ticket.version + 1, updated=time, owner=None)
    told = (*audience(after, policy, but=actor), *audience(ticket, policy, but=actor))
    notices = _notice("unowned", after, article_id, time, policy, actor, told=tuple(dict.fromkeys(told)))
    entry = HistoryEntry(time, actor, "owner", ticket.owner, None)
    return Change(time, None, None, after, ticket.version, (), (entry,), announcements=notices)


def close(
    ticket: Ticket, article_id: int, resolution: str | None, actor: str, time: float, policy: Policy,
    told: Sequence[float] = (), kept_back: Mapping[str, float] = NOTHING,
) -> Change:  # fmt: skip
    """The end of a ticket; the requester is told once.

    Not where `told`, the times of the automatic mails of that ticket, reach the limit; then the administrator is,
    unless `kept_back` says that the limit has been reached all along.
    """
    _workable(ticket)
    if ticket.state_type == "closed":
        raise CommandError(f"{ticket.number} is closed already")
    after = with_state(replace(ticket, version=ticket.version + 1), "closed", "closed", time)
    if resolution:
        after = replace(after, fields={**ticket.fields, "resolution": resolution})
    history = [HistoryEntry(time, actor, "state", ticket.state, "closed", article_id)]
    requester, _ = correspondents(ticket, policy)
    trip = breakers.thread(ticket.id, told, time, policy.limits)
    if requester is None or trip is not None:
        text = resolution or "closed"
        article = _article(article_id, ticket, "note", "internal", Address(actor, ""), text, time)
        change = Change(time, None, None, after, ticket.version, (article,), tuple(history))
        return change if trip is None else _silenced(change, trip, after, article_id, kept_back, policy)
    queue = policy.queue(ticket.queue)
    article = _article(
        article_id, ticket, "out", "public", Address(policy.name, queue.address), "", time, to=(requester.address,)
    )
    letter = Announcement(
        "state",
        "closed",
        after,
        (requester.address,),
        article_id,
        time,
        to=(requester,),
        subject=ticket.subject,
        in_reply_to=ticket.last_public_id,
        references=thread_references(ticket),
        article_id=article_id,
        details=(("resolution", resolution or ""), ("was", ticket.state), ("became", "closed")),
    )
    owner = _notice("closed", after, article_id, time, policy, actor, details=letter.details) if ticket.owner else ()
    return Change(
        time,
        None,
        None,
        after,
        ticket.version,
        (replace(article, kind="auto_generated"),),
        tuple(history),
        announcements=(letter, *owner),
    )


def _silenced(
    change: Change, trip: Trip, ticket: Ticket, article_id: int, kept_back: Mapping[str, float], policy: Policy
) -> Change:
    """The requester is not told, for a limit was reached."""
    fresh = breakers.is_new(trip, change.time, kept_back)
    entry = HistoryEntry(change.time, GATEWAY, f"limit_{trip.limit}", None, trip.seen, article_id)
    alarm = alarms.alarm(trip, ticket, article_id, change.time, policy)
    return replace(
        change,
        history=(*change.history, entry),
        tripped=Tripped(trip.name, change.time, fresh),
        announcements=(alarm,) if fresh and alarm.recipients else (),
    )


def reopen(ticket: Ticket, article_id: int, actor: str, time: float, policy: Policy) -> Change:
    """A closed ticket is open again; its owner or the queue's members are told."""
    if ticket.state_type != "closed":
        raise CommandError(f"{ticket.number} is {ticket.state}, not closed")
    after = with_state(replace(ticket, version=ticket.version + 1), "open", "open", time)
    told = _notice(
        "reopened", after, article_id, time, policy, actor, details=(("was", ticket.state), ("became", "open"))
    )
    entry = HistoryEntry(time, actor, "state", ticket.state, "open")
    return Change(time, None, None, after, ticket.version, (), (entry,), announcements=told)


def move(ticket: Ticket, article_id: int, queue: str, actor: str, time: float, policy: Policy) -> Change:
    """Another queue, whose members are told."""
    _workable(ticket)
    if queue not in policy.queues:
        raise CommandError(f"there is no queue {queue!r}; known are {', '.join(policy.queues)}")
    if queue == ticket.queue:
        raise CommandError(f"{ticket.number} is in queue {queue} already")
    after = replace(ticket, version=ticket.version + 1, updated=time, queue=queue)
    told = _notice("queue", after, article_id, time, policy, actor, details=(("was", ticket.queue), ("became", queue)))
    entry = HistoryEntry(time, actor, "queue", ticket.queue, queue)
    return Change(time, None, None, after, ticket.version, (), (entry,), announcements=told)


def _workable(ticket: Ticket) -> None:
    """Refuse what has gone: a merged ticket's number leads to the other one before it comes here."""
    if ticket.state_type in ("merged", "removed"):
        raise CommandError(f"{ticket.number} is {ticket.state}; nothing is done with it any more")


def _article(
    article_id: int, ticket: Ticket, direction: str, visibility: str, sender: Address, text: str, time: float,
    *, to: tuple[str, ...] = (), cc: tuple[Address, ...] = (),
) -> Article:  # fmt: skip
    return Article(
        article_id,
        ticket.id,
        None,
        time,
        sender,
        to,
        tuple(a.address for a in cc),
        direction,  # type: ignore[arg-type]
        visibility,  # type: ignore[arg-type]
        "human",
        None,
        None,
        ticket.subject,
        text,
        text,
    )


def _notice(
    why: str, ticket: Ticket, article_id: int, time: float, policy: Policy, actor: str,
    *, words: str = "", details: tuple[tuple[str, str], ...] = (), told: tuple[str, ...] | None = None,
) -> tuple[Announcement, ...]:  # fmt: skip
    told = audience(ticket, policy, but=actor) if told is None else told
    if not told:
        return ()
    return (
        Announcement(
            "notice",
            why,
            ticket,
            told,
            article_id,
            time,
            author=Address(actor, ""),
            words=words,
            subject=ticket.subject,
            references=thread_references(ticket),
            details=details,
        ),
    )
