"""Other desks' numbers in a subject: of the desk that this one goes on from, and of partners' own ticket systems.

A number is owned by the ticket that a mail with it opened or joined first. As a key of the conversation it has a blank
in it, which no Message-ID has, and is weak: it says where a mail belongs, never that its sender was there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from routing import tokens
from routing.case import Case
from routing.decision import Decision, Number
from routing.facts import Facts
from routing.mail import Mail
from routing.policy import OldDesk, Policy

MOST = 5  # numbers of one subject that are looked up
LONGEST = 100  # characters of a partner's number, whatever his pattern takes: it is a key


@lru_cache(maxsize=100)
def _form(desk: OldDesk) -> re.Pattern[str]:
    hooks = "|".join(re.escape(hook.rstrip("#: ")) for hook in desk.hooks)
    if desk.system == "rt":  # [example.com #1234]
        return re.compile(rf"\[\s?(?:{hooks})\s{{1,2}}#(\d{{1,12}})\s?\]", re.IGNORECASE | re.ASCII)
    return re.compile(  # [Ticket#2024010110000017], [Ticket: 2024...], [#2024...], [2024...], Ticket#2024...
        rf"\[\s?(?:{hooks})\s?[#:]{{0,2}}\s?(\d{{5,20}})\s?\]|\[\s?#?\s?(\d{{10,20}})\s?\]"
        rf"|(?<!\w)(?:{hooks})\s?[#:]{{1,2}}\s?(\d{{5,20}})(?!\d)",
        re.IGNORECASE | re.ASCII,
    )


def _written(desk: OldDesk, subject: str) -> list[tuple[str, str]]:
    """Each number of that desk's, and the text that it stands in."""
    return [(next(filter(None, found.groups())), found[0].strip()) for found in _form(desk).finditer(subject)]


def of(mail: Mail, policy: Policy) -> tuple[Number, ...]:
    """All that stand in the subject: an old desk's, then those of the author's own company."""
    if not policy.old_desks and not policy.ticket_patterns:
        return ()
    subject = mail.message.subject
    found = {
        f"{desk.system} {number}": Number(desk.system, number, f"{desk.system} {number}", text)
        for desk in policy.old_desks
        for number, text in _written(desk, subject)
    }
    author = mail.message.author
    partner = policy.partner(author.address) if author is not None and policy.ticket_patterns else None
    pattern = policy.ticket_patterns.get(partner or "")
    if partner is not None and pattern is not None and (match := pattern.search(subject)) is not None:
        number = (match.groupdict().get("number") or "").strip()
        if 0 < len(number) <= LONGEST:
            key = f"partner {partner} {number}"
            found[key] = Number("partner_number", number, key, match.group(0).strip(), partner)
    return tuple(found.values())[:MOST]


def others(mail: Mail, facts: Facts, policy: Policy) -> tuple[Number, ...]:
    """The same without our own tokens, which are written as the old desk wrote its numbers (`tokens.Style`).

    One in ten of its numbers has our check digit by chance: ours is only what names a ticket of ours.
    """
    return tuple(n for n in of(mail, policy) if n.partner or not _is_ours(n.seen, facts, policy))


def _is_ours(text: str, facts: Facts, policy: Policy) -> bool:
    named = (tokens.ticket_id(number) for number in policy.token.read(text))
    return any(i is not None and (i in facts.tickets or policy.keys.has_lost(i)) for i in named)


def claimed(case: Case, decision: Decision) -> Decision:
    """The decision with the numbers that its ticket owns from now on.

    An old desk's by any mail that opens a ticket or joins one. A partner's by a verified mail of that partner alone,
    for with it all its people may join.
    """
    numbers = others(case.mail, case.facts, case.policy)
    if not numbers or decision.verb not in ("open", "append", "note") or decision.ticket_id is None:
        return decision
    free = [n for n in numbers if n.key not in case.facts.keys]
    owned = tuple(n for n in free if (_by_partner if n.partner else _by_any)(case, decision, n))
    for number in owned:
        case = case.because("number_owned", f"{number.seen} in the subject", "nobody had it; this ticket does now")
    return replace(
        decision, numbers=owned, reasons=(*decision.reasons, *case.reasons[len(case.reasons) - len(owned) :])
    )


def _by_any(case: Case, decision: Decision, number: Number) -> bool:
    return decision.verb == "append" or (decision.verb == "open" and not decision.related)


def _by_partner(case: Case, decision: Decision, number: Number) -> bool:
    if case.trust != "authenticated":
        return False
    if decision.verb == "open":
        return not decision.related
    ticket = case.facts.ticket(decision.ticket_id or 0)
    return ticket is not None and ticket.partner == number.partner


def says(numbers: Sequence[Number]) -> dict[str, str]:
    """As fields of the ticket."""
    return {number.field: number.number for number in numbers}
