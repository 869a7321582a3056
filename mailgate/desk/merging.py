"""Two tickets that are one, and one that is two: what that does to each of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from mailgate.desk.announcements import thread_references
from mailgate.desk.people import audience, without
from mailgate.errors import CommandError
from parsing.message import Address
from routing import tokens
from routing.newcomers import belongs
from routing.policy import Policy
from routing.ticket import Ticket
from storage.change import Announcement, Change, HistoryEntry, Move
from storage.dossier import ArticleRow


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge does to both tickets; `left_out` took part in the one and take no part in the other."""

    changes: tuple[Change, ...]
    left_out: tuple[str, ...]


def merge(
    ticket: Ticket, into: Ticket, article_id: int, actor: str, time: float, policy: Policy, come: Collection[str]
) -> Merged:
    """The conversation goes over, and later mails follow. Of its people those in `come` read the other one, too."""
    if ticket.id == into.id:
        raise CommandError(f"{ticket.number} and {into.number} are one ticket")
    for each in (ticket, into):
        if each.state_type in ("merged", "removed"):
            raise CommandError(f"{each.number} is {each.state}")
    if into.state_type == "closed" and ticket.state_type != "closed":
        raise CommandError(f"{into.number} is closed and {ticket.number} is not; `ticket reopen` it first")
    left_out = tuple(p for p in ticket.participants if p not in come)
    after = replace(
        into,
        version=into.version + 1,
        updated=time,
        participants=tuple(dict.fromkeys((*into.participants, *(p for p in ticket.participants if p in come)))),
        watchers=tuple(dict.fromkeys((*into.watchers, *ticket.watchers))),
        tags=tuple(dict.fromkeys((*into.tags, *ticket.tags))),
        fields={**ticket.fields, **into.fields},
    )
    gone = replace(
        ticket, version=ticket.version + 1, updated=time, state="merged", state_type="merged", merged_into=into.id
    )
    history = [HistoryEntry(time, actor, "merged", ticket.number, into.number)]
    if left_out:
        history.append(HistoryEntry(time, actor, "left_out", None, ", ".join(left_out)))
    if new := tuple(p for p in after.participants if p not in into.participants):
        history.append(HistoryEntry(time, actor, "let_in", None, ", ".join(new)))
    told = without(tuple(dict.fromkeys((*audience(into, policy), *audience(ticket, policy)))), actor, policy)
    notice = Announcement(
        "notice", "merged", after, told, article_id, time, author=Address(actor, ""), subject=into.subject,
        references=thread_references(after), details=(("was", ticket.number), ("became", into.number)),
    )  # fmt: skip
    return Merged(
        (
            Change(time, ticket=gone, version=ticket.version, history=(history[0],)),
            Change(
                time,
                ticket=after,
                version=into.version,
                history=tuple(history),
                related=(ticket.id,),
                announcements=(notice,) if told else (),
                moves=(Move(ticket.id),),
            ),
        ),
        left_out,
    )


def of_company(ticket: Ticket, into: Ticket, policy: Policy) -> tuple[str, ...]:
    """Who comes along where a person merges: those of the other ticket, of its partner and of the staff."""
    return tuple(p for p in ticket.participants if belongs(p, into, policy, by_domain=False))


def splittable(ticket: Ticket, articles: Sequence[ArticleRow], article_id: int) -> ArticleRow:
    """The mail of the ticket that can begin one of its own."""
    came = [a for a in articles if a.direction == "in"]
    found = next((a for a in articles if a.id == article_id), None)
    if found is None:
        known = ", ".join(str(a.id) for a in came)
        raise CommandError(f"{ticket.number} has no article {article_id}; those that came by mail are {known}")
    if found.direction != "in":
        raise CommandError(f"article {article_id} did not come by mail; it stays where it is")
    if len(came) == 1:
        raise CommandError(f"article {article_id} is all that came to {ticket.number}; there is nothing to split")
    return found


def split(
    ticket: Ticket, found: ArticleRow, ticket_id: int, signed_as: int, actor: str, time: float, policy: Policy
) -> tuple[Change, ...]:
    """A mail of the ticket begins one of its own, and the answers to it follow. Nobody outside is written to."""
    sender = found.sender.lower()
    theirs = sender not in policy.staff and not policy.is_ours(sender) and "@" in sender
    requester = sender if theirs else ticket.requester
    others = (*found.to, *found.cc) if found.visibility == "public" else ()
    people = (p.lower() for p in (requester or "", *others) if "@" in p and not policy.is_ours(p))
    new = Ticket(
        id=ticket_id,
        number=tokens.number(ticket_id),
        version=1,
        subject=policy.token.without(found.subject) or ticket.subject,
        type=ticket.type,
        state="new",
        state_type="new",
        queue=ticket.queue,
        priority=ticket.priority,
        owner=None,
        requester=requester,
        requester_name=found.sender_name if theirs else ticket.requester_name,
        partner=policy.partner(requester) if requester else None,
        language=ticket.language,
        created=time,
        updated=time,
        participants=tuple(dict.fromkeys(people)),
        split_from=ticket.id,
        last_public_id=found.message_id if theirs else None,
        root_id=found.message_id,
    )
    entry = HistoryEntry(time, actor, "split", ticket.number, new.number, found.id)
    told = audience(new, policy, but=actor)
    notice = Announcement(
        "notice", "new", new, told, signed_as, time, author=Address(found.sender_name, found.sender),
        words=found.reply, subject=new.subject, references=thread_references(new), article_id=found.id,
        trust=found.trust,
    )  # fmt: skip
    return (
        Change(
            time,
            ticket=replace(ticket, version=ticket.version + 1, updated=time),
            version=ticket.version,
            history=(entry,),
        ),
        Change(
            time,
            ticket=new,
            history=(HistoryEntry(time, actor, "created", None, new.number, found.id), entry),
            related=(ticket.id,),
            announcements=(notice,) if told else (),
            moves=(Move(ticket.id, found.id),),
        ),
    )
