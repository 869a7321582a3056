"""A mail with a ticket: who its sender is there, and what that lets it do (CONTRACT 4, 7, 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from routing import closed, commands, newcomers, opening, staff, threads
from routing.case import AUTOMATIC, Case
from routing.decision import Decision
from routing.facts import Facts
from routing.policy import Grant
from routing.threads import Match
from routing.ticket import Ticket

Role = Literal["requester", "participant"]
ARCHIVE = "import"  # the door of a back catalogue, which the administrator vouches for


def join(case: Case, ticket: Ticket, found: Sequence[Match]) -> Decision:
    """What a mail whose first sign leads to that ticket may do there."""
    address, member, policy = case.address, case.member, case.policy
    archived = case.mail.envelope.door == ARCHIVE
    if address is not None and policy.is_ours(address) and not archived:
        case = case.because(
            "own_address", f"From is our own {address}", "kept inside; nobody is told, so it cannot loop"
        )
        return _kept(case, ticket, "system")
    if archived and found[0].known_thread and case.mail.message.kind not in AUTOMATIC:
        return _archived(case, ticket, found[0])
    root = _begins(found, ticket, case.facts)
    is_requester = ticket.requester in policy.of_same(address or "")
    commanded = member is not None and commands.read(case.mail.message.reply).name in commands.KNOWN
    if member is not None and (commanded or not (is_requester or root)):
        return staff.write(case, ticket, found[0].said, number_only=found[0].is_number)
    grant = policy.may("join", case.trust, ticket.queue, ticket.partner)
    known_as = policy.known_as(address or "", (ticket.requester, *ticket.participants))
    if known_as not in (None, address):
        case = case.because("same_person", f"{address} is {known_as}'s, too, by the settings", "the same person")
    elif known_as is None and (member is None or not root):
        why = _is_colleague(case, ticket, found) if grant.given else None
        if why is None:
            return _outsider(case, ticket, found[0])
        case = case.because("colleague", why, "takes part from now on")
    role: Role = "requester" if is_requester else "participant"
    case = case.because(role, f"{address} is {role} of {ticket.number}", "may write there")
    return _kept_inside(case, ticket, found[0], role, grant) or _appended(
        case, ticket, role, begins=root, becomes=root and not is_requester
    )


def _archived(case: Case, ticket: Ticket, sign: Match) -> Decision:
    """A mail of the past; who wrote then without being in the conversation does not get in by that."""
    case = case.because("catalogue", sign.said, "the past is taken as it was: its threads stay whole")
    inside = case.policy.known_as(case.address or "", ticket.participants) is not None
    return Decision(
        "append",
        case.trust,
        case.reasons,
        ticket_id=ticket.id,
        author="participant" if inside else "system",
        queue=ticket.queue,
        words=case.mail.message.reply,
        shares=inside,
    )


def _kept_inside(case: Case, ticket: Ticket, sign: Match, role: Role, grant: Grant) -> Decision | None:
    """What somebody who takes part writes and no partner reads."""
    if case.mail.message.kind in AUTOMATIC:
        case = case.because("kind", case.kind, "kept; state, owner and clock stay as they are")
        return _kept(case, ticket, role)
    if not grant.given:
        case = case.because(
            "weak_sign",
            f"{sign.said}; the sender is {case.trust}",
            f"{grant.line}: not enough to join; an internal note, and staff are told",
        )
        return _note(case, ticket, role)
    if (named := threads.notice_inside(case.mail, case.policy)) is not None:
        case = case.because(
            "inside", f"in answer to {named}, our notice of an internal note", "an internal note; staff are told"
        )
        return _note(case, ticket, role)
    return None


def _appended(case: Case, ticket: Ticket, role: Role, *, begins: bool, becomes: bool) -> Decision:
    """Public words. `begins`: the mail is before all others; `becomes`: its author is the requester from now on."""
    message = case.mail.message
    if becomes:
        case = case.because("root_author", f"{case.address} wrote the mail that began it", "becomes its requester")
    shares = case.policy.may("see", case.trust, ticket.queue, ticket.partner).given
    case, left_out = newcomers.left_out(case, ticket) if shares else (case, ())
    append = Decision(
        "append",
        case.trust,
        case.reasons,
        ticket_id=ticket.id,
        author=role,
        queue=ticket.queue,
        requester=message.author if becomes else None,
        begins=begins,
        words=message.reply,
        notify=True,
        shares=shares,
        left_out=left_out,
    )
    if ticket.state_type == "closed" and (case.human or message.kind == "list"):
        return closed.reply(case, ticket, append)
    return append


def _note(case: Case, ticket: Ticket, author: Role) -> Decision:
    """Kept inside, and staff are told."""
    return replace(_kept(case, ticket, author), words=case.mail.message.reply, notify=True)


def _is_colleague(case: Case, ticket: Ticket, found: Sequence[Match]) -> str | None:
    """Why somebody else of the ticket's partner may join it; None where he may not.

    Because the partner's people read each other's tickets, or because a verified mail of theirs has the number that
    their own system gave it.
    """
    partner, kind = case.policy.partner(case.address or ""), case.mail.message.kind
    if partner is None or partner != ticket.partner or len(case.mail.message.from_) != 1:
        return None
    if partner in case.policy.colleagues and kind not in AUTOMATIC:
        return f"{case.address} is of {partner}, colleagues = join"
    number = next((m for m in found if m.method == "partner_number" and m.ticket_id == ticket.id), None)
    if number is not None and case.trust == "authenticated":
        return f"{case.address} is of {partner}; {number.said}"
    return None


def _begins(found: Sequence[Match], ticket: Ticket, facts: Facts) -> bool:
    """Whether others of the ticket name this mail and nothing that it names has come: it is before all of them.

    Nor has the mail that began it all: one that is still awaited here may have come to another part of it.
    """
    signs = {match.method for match in found if match.ticket_id == ticket.id}
    root = facts.keys.get(ticket.root_id or "")
    begun = root is not None and root.article_id is not None
    return "fills_named_id" in signs and signs <= {"fills_named_id", "named_id"} and not begun


def _outsider(case: Case, ticket: Ticket, sign: Match) -> Decision:
    """Whatever he names, he does not get in, and nothing of the ticket reaches him."""
    if case.mail.message.kind not in AUTOMATIC:
        who = case.address or "nobody"
        case = case.because("no_participant", f"{who} is not in {ticket.number}", "a ticket of its own, linked")
        return opening.open_ticket(case, (ticket.id,))
    if sign.known_thread:  # a deputy's out-of-office
        return _kept(case.because("kind", case.kind, "it answers something; kept inside"), ticket, "system")
    return Decision("unmatched", case.trust, case.because("kind", case.kind, "it answers something").reasons)


def _kept(case: Case, ticket: Ticket, author: Role | Literal["system"]) -> Decision:
    """Stored inside the ticket, and nothing else happens."""
    return Decision(
        "note",
        case.trust,
        case.reasons,
        ticket_id=ticket.id,
        author=author,
        visibility="internal",
        queue=ticket.queue,
        claim_ids=False,
        weak=True,
    )
