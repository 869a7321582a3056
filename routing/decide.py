"""What a mail means: one Decision, with its reasons, from the mail, the facts and the policy alone.

The order is the order of the reading: seen before? ours? a report? a `#send`? to be set aside? which conversation?
Only then: what may its sender do there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from routing import (
    answers,
    beside,
    breakers,
    confirming,
    forwarding,
    joining,
    numbers,
    opening,
    reports,
    staff,
    threads,
    tokens,
)
from routing.case import Case
from routing.decision import Decision, Reason
from routing.facts import Facts, Questions
from routing.mail import REPEAT_SECONDS, Mail
from routing.policy import Door, Policy, suffix
from routing.staff import QUESTION_SECONDS
from routing.threads import Match


def questions(mails: Iterable[Mail], policy: Policy) -> Questions:
    """Every id, token and address to look up for these mails, in one go."""
    ids: set[str] = set()
    tickets: set[int] = set()
    keys: set[str] = set()
    contents: set[str] = set()
    addresses: set[str] = set()
    people: set[str] = set()
    read: set[str] = set()
    times: list[float] = []
    for mail in mails:
        message = mail.message
        named = {*threads.named_ids(mail), *filter(None, (message.message_id, message.bounce_original_id))}
        ids |= named
        ids.update(threads.letter_ids(mail, policy))
        if message.author is not None and message.author.address.lower() in policy.staff:
            ids.update(filter(None, (forwarding.original(message),)))
        signed = (*(tokens.read_signed(i, policy.keys) for i in named), *threads.plus_tokens(mail, policy))
        tickets |= {s.ticket_id for s in signed if s is not None}
        written = (tokens.ticket_id(n) for n in policy.token.read(message.subject))
        tickets |= {n for n in written if n is not None}
        ids.update(n.key for n in numbers.of(mail, policy))
        (keys if message.message_id else contents).add(mail.key)
        people.update(beside.people(mail, policy))
        read.update(staff.answered_notice(mail, policy))
        if message.author is not None:
            addresses.add(message.author.address.lower())
        times.append(mail.envelope.received_at)
    first, last = min(times, default=0.0), max(times, default=0.0)
    return Questions(
        frozenset(ids),
        frozenset(tickets),
        frozenset(keys),
        frozenset(contents),
        frozenset(addresses),
        bool(times) and (policy.limits.unknown is not None or policy.limits.desk is not None),
        frozenset(a for address in addresses if address in policy.staff for a in policy.staff[address].addresses),
        frozenset(people),
        frozenset(read),
        policy.limits.highest,
        first - max(policy.limits.longest, QUESTION_SECONDS, breakers.STAFF_SECONDS) - 60,
        (last // 60 + 1) * 60,  # whole minutes, so that a batch counts what each of its mails alone would
    )


def decide(mail: Mail, facts: Facts, policy: Policy) -> Decision:
    """The decision about one mail; pure, so that it can be made again and explained."""
    case = Case(mail, facts, policy)
    if (found := mail.attribution) is not None:
        case = case.because(found.code, found.seen, found.outcome)
    case = _lost(_measured(case))
    return (
        _seen_before(mail, facts)
        or _came_back(case)
        or reports.about(case)
        or confirming.release(case)
        or _set_aside(case)
        or _placed(case)
    )


def _measured(case: Case) -> Case:
    """The degree of trust before any conversation is known (CONTRACT 2)."""
    evidence, who = case.mail.evidence, case.address or "nobody"
    if evidence.result == "pass":
        case = case.trusted("authenticated").because("authenticated", evidence.seen, f"it is from {who}")
        if who in case.facts.suppressed:
            case = case.because("suppression_lifted", f"a mail from {who}", "there is such an address: mail goes there")
        return case
    if evidence.result == "none":
        return case.because("unverified", evidence.seen, f"it says it is from {who}, and nobody vouches for that")
    if case.mail.released:
        return case.because("released", evidence.seen, "a person let it out of quarantine; it counts as unverified")
    if evidence.policy == "none":
        return case.because("dmarc_fail_flagged", evidence.seen, f"the domain of {who} asks for nothing: unverified")
    return case.trusted("failed").because("failed", evidence.seen, f"it may not be from {who}")


def _lost(case: Case) -> Case:
    """Ids of ours from the time that a restore did not bring back, so that a person sees why they lead nowhere."""
    mail, policy = case.mail, case.policy
    if not policy.keys.last and not policy.keys.foreign:
        return case
    for text in filter(
        None, (*threads.named_ids(mail), mail.message.bounce_original_id, *map(suffix, mail.envelope.rcpt_to))
    ):
        if tokens.is_lost(text, policy.keys):
            case = case.because("id_lost", text, "given out before the last restore, and not known any more: no ticket")
    return case


def _seen_before(mail: Mail, facts: Facts) -> Decision | None:
    """The same mail, by whatever door (MAIL 1): one article, and this arrival on its record."""
    seen = facts.seen.get(mail.key)
    if seen is None or seen.journal_id == mail.claim.journal_id:
        return None
    if seen.outcome == "quarantine":  # a forged or forwarded copy must not swallow the genuine one
        return None
    named = bool(mail.message.message_id)
    if not named and abs(mail.envelope.received_at - seen.received_at) > REPEAT_SECONDS:
        return None
    sameness = "Message-ID, From and Date" if named else "content, within ten minutes"
    reason = Reason(
        "same_mail", f"the same {sameness} as arrival {seen.journal_id}", "recorded as a second arrival of it"
    )
    return Decision("duplicate", "unverified", (reason,), ticket_id=seen.ticket_id, same_as=seen)


def _came_back(case: Case) -> Decision | None:
    """A mail of ours: by its signed id, or in our name with our mark where a relay has replaced the id (MAIL 7)."""
    message, policy = case.mail.message, case.policy
    own = message.message_id or ""
    if (signed := tokens.read_signed(own, policy.keys)) is not None:
        seen, ticket = f"Message-ID {own}", case.facts.ticket(signed.ticket_id)
    elif case.address and policy.is_ours(case.address) and (event := message.header("X-Mailgate-Event")):
        seen, ticket = f"From {case.address}, X-Mailgate-Event: {event}", None
    else:
        return None
    case = case.because("own_mail", seen, "a mail of ours came back; it is only recorded")
    return Decision("record", case.trust, case.reasons, ticket_id=ticket.id if ticket else None)


def _set_aside(case: Case) -> Decision | None:
    """What its domain (RFC 7489 section 6.3) or the provider that we believe does not want delivered."""
    mail = case.mail
    if mail.released:
        return None
    door = case.policy.doors.get(mail.envelope.door, Door())
    said: tuple[str, str] | None = None
    if case.trust == "failed" and mail.evidence.policy in ("quarantine", "reject"):
        said = "dmarc_fail", mail.evidence.seen
    elif door.junk or (door.spam_headers and door.trusts(mail.envelope.peer)):
        said = answers.spam(mail, case.policy)
    if said is None:
        return None
    case = case.because(*said, "set aside unanswered; `quarantine release` lets it in")
    return Decision("quarantine", case.trust, case.reasons)


def _placed(case: Case) -> Decision:
    """By the signs it carries: into a ticket, or one of its own."""
    found = threads.matches(case.mail, case.facts, case.policy)
    case = _about_tokens(case, found)
    if not found:
        return numbers.claimed(case, opening.unplaced(case))
    if case.member is None:
        found = threads.place(found, case.address or "", case.facts, case.policy)
    first = found[0]
    ticket = case.facts.ticket(first.ticket_id)
    assert ticket is not None  # matches() keeps only tickets that are there
    if case.trust == "unverified" and first.known_thread:
        case = case.trusted("known_thread")
    if first.method in threads.ALONE:
        case = case.because(f"thread_{first.method}", first.said, f"a ticket of its own, linked to {ticket.number}")
        return opening.open_ticket(case, (ticket.id,))
    case = case.because(f"thread_{first.method}", first.said, f"it belongs to {ticket.number}")
    for other in threads.conflicts(found):
        elsewhere = case.facts.ticket(other.ticket_id)
        case = case.because(
            "thread_conflict",
            f"{other.said}; that would be {elsewhere.number if elsewhere else other.ticket_id}",
            f"the other sign decides: {ticket.number}",
        )
    return numbers.claimed(case, joining.join(case, ticket, found))


def _about_tokens(case: Case, found: Sequence[Match]) -> Case:
    """Tokens in the subject that lead nowhere, so that a person sees that they were looked at."""
    style, subject = case.policy.token, case.mail.message.subject
    for text in tokens.in_subject(subject)[1]:
        case = case.because("token_check_digit", text, "the check digit is wrong: it is text")
    led = {match.seen for match in found}
    for written in style.read(subject):
        token = style.write(written)
        if token in led:
            continue
        ticket_id = tokens.ticket_id(written)
        if ticket_id is not None and case.policy.keys.has_lost(ticket_id):
            said = "a number given out before the last restore, and not known any more"
            case = case.because("token_lost", token, said)
        else:
            case = case.because("token_unknown", token, "there is no such ticket")
    return case
