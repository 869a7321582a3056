"""A mail that belongs to no ticket its sender may write in: a ticket of its own, its queue, what the rules set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing import answers, beside, breakers, forwarding, rules
from routing.case import AUTOMATIC, Case
from routing.decision import Decision, Forwarded
from routing.mail import Mail
from routing.policy import Policy, without_suffix


def unplaced(case: Case) -> Decision:
    """A mail that fits no ticket."""
    if case.mail.message.kind in AUTOMATIC:
        case = case.because("kind", case.kind, "it answers something, and fits nothing here")
        return Decision("unmatched", case.trust, case.reasons)
    return open_ticket(case, handed=forwarding.of_partner(case))


def open_ticket(
    case: Case, related: tuple[int, ...] = (), queue: str = "", handed: Forwarded | None = None
) -> Decision:
    """A new ticket, linked to those it names and may not enter; nothing of them is in it.

    `queue` is that of the ticket that it goes on with; else the address tells it that it came to. `handed` is a mail
    that staff forwarded: its author is the requester, and is not acknowledged, for he wrote to a colleague.
    """
    mail, policy, address = case.mail, case.policy, case.address
    message, requester = mail.message, mail.message.author
    if handed is not None:
        requester, address = handed.sender, handed.sender.address.lower()
        case = case.because("forwarded", f"{case.address} forwards a mail of {address}", f"opens as {address}'s")
    ours = address is not None and policy.is_ours(address)
    machine = mail.attribution is not None and mail.attribution.code == "form_nobody"
    queue, recipient = (queue, "as the ticket before it") if queue in policy.queues else _queue(mail, policy)
    case = case.because("queue", recipient, f"queue {queue}")
    partner = policy.partner(address) if address and not ours else None
    outcome = rules.run(policy.rules, rules.Seen(message, mail.envelope, case.trust, partner, queue, mail.size))
    for name, set_ in outcome.matched:
        case = case.because("rule", f"rule {name!r} matches", _said(set_))
    case, queue, wanted = _checked(case, queue, outcome.set)
    grant = policy.may("open", case.trust, queue, partner)
    if not grant.given and not mail.released:
        case = case.because("trust_open", grant.line, "set aside unanswered; `quarantine release` lets it in")
        return Decision("quarantine", case.trust, case.reasons, queue=queue)
    sees = policy.may("see", case.trust, queue, partner)
    if not sees.given and (message.cc or len(message.to) > 1):
        case = case.because("trust_see", sees.line, "To and Cc take no part")
    silent = _silent(case, address, related, handed, wanted)
    if silent is None:
        case = case.because("acknowledge", f"a person's first mail, from {address}", "the sender is told the number")
    else:
        case = case.because(f"silent_{silent[0]}", silent[1], "no acknowledgement")
    loud = None
    if case.member is not None and handed is None:  # what he hands on is another's, and staff are told of it
        loud = breakers.staff(case.member, case.trust, None, mail.envelope.received_at, case.facts)
    if loud is not None:
        case = case.because("limit_staff", loud.seen, "staff are not told by mail")
    case = case.because("open", f"subject {message.subject!r}", "opens a ticket")
    return Decision(
        "open",
        case.trust,
        case.reasons,
        ticket_id=mail.claim.ticket_id,
        author="stranger",
        queue=queue,
        set=wanted,
        # Answers to us would come back here, those to a form's machine nobody would read.
        requester=requester if address is not None and not ours and not machine else None,
        related=related,
        acknowledge=silent is None,
        words=handed.words if handed is not None else message.reply or message.text,
        notify=loud is None,
        claim_ids=not related,
        forwarded=handed,
        shares=sees.given,
    )


def _silent(
    case: Case, address: str | None, related: tuple[int, ...], handed: Forwarded | None, wanted: Mapping[str, Any]
) -> tuple[str, str] | None:
    """The reason, and what was seen, why the requester is not told the number; None where he is."""
    if handed is not None:
        return "forwarded", f"{address} wrote to a member of staff"
    if (found := answers.why_not(case.mail, address, case.facts, case.policy)) is not None:
        return found
    if (before := beside.of_same(address or "", related, case.facts, case.policy)) is not None:
        return "told_already", f"{before.number} is {address}'s, beside the same ticket, and was acknowledged"
    if case.trust == "failed":
        return "failed", case.mail.evidence.seen
    return ("rule", "a rule says acknowledge = false") if wanted.get("acknowledge") is False else None


def _checked(case: Case, queue: str, wanted: Mapping[str, Any]) -> tuple[Case, str, Mapping[str, Any]]:
    """What the rules set, as far as it is there: a captured word may name any queue or owner."""
    result = dict(wanted)
    named = str(result.pop("queue", queue))
    if named in case.policy.queues:
        queue = named
    else:
        case = case.because("rule", f"queue {named!r}", f"there is no such queue; it stays in {queue}")
    if "owner" in result:
        member = case.policy.member(str(result["owner"]))
        if member is None:
            case = case.because("rule", f"owner {result['owner']!r}", "is not of the staff; nobody owns it yet")
            del result["owner"]
        else:
            result["owner"] = member.addresses[0]
    return case, queue, result


def _queue(mail: Mail, policy: Policy) -> tuple[str, str]:
    """The queue whose address it came to; a queue's own address before the desk's."""
    recipients = mail.envelope.rcpt_to
    hits = _known(recipients, policy)
    if not hits:  # by IMAP the envelope is gone: To and Cc tell as well
        hits = _known(tuple(a.address for a in (*mail.message.to, *mail.message.cc)), policy)
    for recipient, queue in hits:
        if queue != policy.default_queue:
            return queue, f"came to {recipient}"
    return policy.default_queue, f"came to {hits[0][0]}" if hits else "came to no queue's own address"


def _known(recipients: tuple[str, ...], policy: Policy) -> list[tuple[str, str]]:
    return [(r, policy.addresses[b]) for r in recipients if (b := without_suffix(r.lower())) in policy.addresses]


def _said(set_: Mapping[str, Any]) -> str:
    """What a rule set, as a person would write it down: fields by their own names, tags in a row."""
    one = [(key, value) for key, value in set_.items() if key != "fields"] + [*set_.get("fields", {}).items()]
    return "sets " + (", ".join(f"{key} = {_word(value)}" for key, value in one) or "nothing")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"  # as it stands in the settings
    return " ".join(value) if isinstance(value, tuple) else str(value)
