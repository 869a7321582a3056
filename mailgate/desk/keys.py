"""The ids by which later mails find a ticket: its own mail's, those it names, and the one that began it all."""

from __future__ import annotations

from routing import beside, tokens
from routing.decision import Decision
from routing.facts import Facts
from routing.mail import Mail
from routing.policy import Policy
from routing.threads import named_ids
from storage.change import KeyClaim


def claims(mail: Mail, decision: Decision, ticket_id: int, facts: Facts, policy: Policy) -> tuple[KeyClaim, ...]:
    """Ids that lead here from now on: its own, and those it names, as far as nobody owned them."""
    found = []
    own = mail.message.message_id
    known = facts.keys.get(own or "")
    there = known.ticket_id if known is not None else ticket_id
    if own and (there == ticket_id or _leads_to(there, ticket_id, facts)):
        found.append(KeyClaim(own, there, mail.claim.article_id, decision.weak))
    found += [KeyClaim(k, ticket_id, None, weak=True) for k in beside.keys(decision, ticket_id)]
    found += [KeyClaim(n.key, ticket_id, None, weak=True) for n in decision.numbers]
    if decision.claim_ids:
        original = decision.forwarded.original if decision.forwarded else None
        found += [
            KeyClaim(i, ticket_id, None, decision.weak or decision.trust == "failed")
            for i in dict.fromkeys((*named_ids(mail), *((original,) if original else ())))
            if i not in facts.keys and i not in facts.letters and tokens.read_signed(i, policy.keys) is None
        ]
    return tuple(found)


def root_id(mail: Mail, decision: Decision) -> str | None:
    """The id of the mail that the conversation begins with: the first one it names, else its own.

    What somebody names who may not enter there is no part of his conversation with us.
    """
    if decision.forwarded is not None:
        return decision.forwarded.original
    ids = () if decision.related else (*mail.message.references, *mail.message.in_reply_to)
    return ids[0] if ids else mail.message.message_id


def _leads_to(merged: int, ticket_id: int, facts: Facts) -> bool:
    """Whether that ticket has become part of the other one."""
    ticket = facts.ticket(merged)
    return ticket is not None and ticket.id == ticket_id
