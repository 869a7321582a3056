"""What a mail means: one Decision, with its reasons, from the mail, the facts and the policy alone.

The order is the order of the reading: seen before? ours? a report? which conversation? who wrote, and how do we know?
Only then: what may it do there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from routing import answers, rules, threads, tokens
from routing.decision import Decision, Reason, Report
from routing.facts import Facts, Questions
from routing.mail import Mail, Trust
from routing.policy import Policy, without_suffix
from routing.threads import Match
from routing.ticket import Ticket

AUTOMATIC = ("auto_reply", "calendar", "reaction")  # stored, and change no state, owner or clock (CONTRACT 7)
REPORTS = ("bounce", "receipt", "abuse_report")
REPEAT_SECONDS = 600.0  # MAIL 1: without a Message-ID the same content within ten minutes is the same mail


def questions(mails: Iterable[Mail], policy: Policy) -> Questions:
    """Every id, token and address to look up for these mails, in one go."""
    ids: set[str] = set()
    tickets: set[int] = set()
    keys: set[str] = set()
    contents: set[str] = set()
    addresses: set[str] = set()
    times: list[float] = []
    for mail in mails:
        message = mail.message
        own = {i for i in (message.message_id, message.bounce_original_id) if i}
        named = threads.named_ids(mail)
        ids |= own | set(named)
        signed = [tokens.read_signed(i, policy.keys) for i in (*named, *own)]
        tickets |= {s.ticket_id for s in (*signed, *threads.plus_tokens(mail, policy)) if s is not None}
        ids |= {f"{s.left}@{policy.domain}" for s in threads.plus_tokens(mail, policy)}
        numbers = (tokens.ticket_id(n) for n in tokens.in_subject(message.subject)[0])
        tickets |= {n for n in numbers if n is not None}
        (keys if message.message_id else contents).add(mail.key)
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
        first - max(policy.limits.longest, REPEAT_SECONDS) - 60,
        last,
    )


def decide(mail: Mail, facts: Facts, policy: Policy) -> Decision:
    """The decision about one mail; pure, so that it can be made again and explained."""
    message = mail.message
    if (known := _seen_before(mail, facts)) is not None:
        return known
    trust, why = _degree(mail)
    if message.message_id and (tokens.read_signed(message.message_id, policy.keys) is not None):
        letter = facts.letters.get(message.message_id)
        return Decision(
            "record",
            trust,
            (
                why,
                Reason(
                    "own_mail",
                    f"Message-ID {message.message_id}",
                    "a mail of ours came back; it is only recorded",
                ),
            ),
            ticket_id=letter.ticket_id if letter else None,
        )
    if message.kind in REPORTS:
        return _report(mail, facts, policy, trust, why)
    found = threads.matches(mail, facts, policy)
    released = _release(mail, facts, policy, trust, why)
    if released is not None:
        return released
    if mail.evidence.result == "fail" and mail.evidence.policy in ("quarantine", "reject") and not mail.released:
        return Decision(
            "quarantine",
            "failed",
            (
                why,
                Reason("dmarc_fail", mail.evidence.seen, "set aside unanswered; `quarantine release` lets it in"),
            ),
        )
    reasons = [why, *_about_tokens(mail, found)]
    if not found:
        return _without_ticket(mail, facts, policy, trust, reasons)
    ticket = facts.ticket(found[0].ticket_id)
    assert ticket is not None  # matches() keeps only tickets that are there
    if mail.evidence.result != "pass" and found[0].known_thread and trust == "unverified":
        trust = "known_thread"
    reasons.append(Reason(f"thread_{found[0].method}", found[0].seen, f"belongs to {ticket.number}"))
    for other in threads.conflicts(found):
        elsewhere = facts.ticket(other.ticket_id)
        reasons.append(
            Reason(
                "thread_conflict",
                f"{other.method} {other.seen} leads to {elsewhere.number if elsewhere else other.ticket_id}",
                f"{found[0].method} counts for more: {ticket.number}",
            )
        )
    return _with_ticket(mail, ticket, found, facts, policy, trust, reasons)


# --- before any ticket ------------------------------------------------------------------------------------------


def _seen_before(mail: Mail, facts: Facts) -> Decision | None:
    """The same mail, by whatever door (MAIL 1): one article, and this arrival on its record."""
    seen = facts.seen.get(mail.key)
    if seen is None:
        return None
    if not mail.message.message_id and abs(mail.envelope.received_at - seen.received_at) > REPEAT_SECONDS:
        return None
    sameness = "Message-ID, From and Date" if mail.message.message_id else "content, within ten minutes"
    return Decision(
        "duplicate",
        "unverified",
        (
            Reason(
                "same_mail",
                f"the same {sameness} as arrival {seen.journal_id}",
                "recorded as a second arrival of it",
            ),
        ),
        ticket_id=seen.ticket_id,
        same_as=seen,
    )


def _degree(mail: Mail) -> tuple[Trust, Reason]:
    author = mail.message.author
    who = author.address if author else "nobody"
    if mail.evidence.result == "pass":
        return "authenticated", Reason("authenticated", mail.evidence.seen, f"it is from {who}")
    if mail.evidence.result == "fail":
        if mail.released:
            return "unverified", Reason("released", mail.evidence.seen, "a person let it out of quarantine")
        return "failed", Reason("failed", mail.evidence.seen, f"it may not be from {who}")
    return "unverified", Reason("unverified", mail.evidence.seen, f"it says it is from {who}")


def _report(mail: Mail, facts: Facts, policy: Policy, trust: Trust, why: Reason) -> Decision:
    """A bounce, receipt or abuse report (RFC 3464, 8098, 5965): a record on a mail of ours, never a ticket.

    Matched by VERP, then by the Message-ID it names (MAIL 8).
    """
    message = mail.message
    by_token = [f"{s.left}@{policy.domain}" for s in threads.plus_tokens(mail, policy)]
    by_id = [i for i in (message.bounce_original_id, *threads.named_ids(mail)) if i]
    letter = next((facts.letters[i] for i in (*by_token, *by_id) if i in facts.letters), None)
    kind = Reason("kind", f"{message.kind}: {message.kind_reason}", "it is about a mail, and opens no ticket")
    if letter is None:
        return Decision(
            "unmatched",
            trust,
            (
                why,
                kind,
                Reason("report_fits_nothing", ", ".join(by_id) or "names no mail", "no mail of ours fits it"),
            ),
        )
    state = "other"
    if message.kind == "bounce":
        only_delayed = bool(message.bounce_temporary) and set(message.bounce_recipients) <= set(
            message.bounce_temporary
        )
        state = "delayed" if only_delayed else "failed"
    elif message.kind == "receipt":
        state = "read"
    status = message.bounce_status[0] if message.bounce_status else None
    said = f"{letter.event} to {letter.recipient}: {state} {status or ''}".rstrip()
    return Decision(
        "record",
        trust,
        (why, kind, Reason("report_matched", letter.message_id, said)),
        ticket_id=letter.ticket_id,
        author="system",
        reports=(Report(letter, state, status),),  # type: ignore[arg-type]
        notify=state == "failed" and letter.event in ("answer", "acknowledgement", "state"),
    )


def _release(mail: Mail, facts: Facts, policy: Policy, trust: Trust, why: Reason) -> Decision | None:
    """`#send` as the first new line of a human answer to a mail that only that person has: once, within seven days."""
    author = mail.message.author
    if mail.message.kind != "human" or author is None or len(mail.message.from_) != 1:
        return None
    ids = (
        *threads.named_ids(mail),
        *(f"{s.left}@{policy.domain}" for s in threads.plus_tokens(mail, policy)),
    )
    asked = next((facts.confirmations[i] for i in ids if i in facts.confirmations), None)
    if asked is None:
        return None
    command, _ = first_line(mail.message.reply)
    member = policy.staff.get(author.address.lower())
    if command != "#send" or trust == "failed" or member is None or asked.address not in member.addresses:
        return None
    seen = f"#send in answer to {asked.message_id}"
    if asked.used:
        outcome = Reason("confirmation_used", seen, "it was sent already; nothing happens twice")
        return Decision("record", trust, (why, outcome), ticket_id=asked.ticket_id, author="staff")
    if mail.envelope.received_at > asked.expires:
        outcome = Reason("confirmation_expired", seen, "it is older than seven days; the answer stays internal")
        return Decision("record", trust, (why, outcome), ticket_id=asked.ticket_id, author="staff")
    return Decision(
        "record",
        "authenticated" if trust == "authenticated" else "confirmed",
        (why, Reason("confirmed", seen, "the held answer is sent")),
        ticket_id=asked.ticket_id,
        author="staff",
        release=asked,
    )


def _about_tokens(mail: Mail, found: tuple[Match, ...]) -> list[Reason]:
    """Tokens in the subject that lead nowhere, so that a person sees that they were looked at."""
    right, wrong = tokens.in_subject(mail.message.subject)
    reasons = [Reason("token_check_digit", text, "the check digit is wrong: it is text") for text in wrong]
    known = {m.seen for m in found if m.method == "subject_token"}
    reasons += [
        Reason("token_unknown", tokens.subject_token(text), "there is no such ticket")
        for text in right
        if tokens.subject_token(text) not in known
        and not any(tokens.subject_token(tokens.number(m.ticket_id)) == tokens.subject_token(text) for m in found)
    ]
    return reasons


# --- a mail without a ticket ------------------------------------------------------------------------------------


def _without_ticket(
    mail: Mail,
    facts: Facts,
    policy: Policy,
    trust: Trust,
    reasons: list[Reason],
    related: tuple[int, ...] = (),
) -> Decision:
    kind = mail.message.kind
    calendar = mail.message.calendar
    invites = kind == "calendar" and calendar is not None and calendar.method.upper() in ("REQUEST", "PUBLISH")
    if kind in AUTOMATIC and not invites:
        reasons.append(
            Reason("kind", f"{kind}: {mail.message.kind_reason}", "it answers something, and fits nothing here")
        )
        return Decision("unmatched", trust, tuple(reasons))
    return _open(mail, facts, policy, trust, reasons, related)


def _open(
    mail: Mail, facts: Facts, policy: Policy, trust: Trust, reasons: list[Reason], related: tuple[int, ...]
) -> Decision:
    message = mail.message
    author = message.author
    address = author.address.lower() if author else None
    queue, recipient = _queue(mail, policy)
    reasons.append(Reason("queue", recipient, f"queue {queue}"))
    outcome = rules.run(
        policy.rules,
        rules.Seen(message, mail.envelope, trust, policy.partner(address) if address else None, queue, mail.size),
    )
    reasons += [Reason("rule", f"rule {name!r} matches", _said(policy, name)) for name in outcome.matched]
    wanted = str(outcome.set.get("queue", queue))
    if wanted in policy.queues:
        queue = wanted
    else:
        reasons.append(Reason("rule", f"queue {wanted!r}", f"there is no such queue; it stays in {queue}"))
    silent = answers.why_not(mail, address, facts, policy)
    if silent is None and trust == "failed":
        silent = ("failed", mail.evidence.seen)
    if silent is None and outcome.set.get("acknowledge") is False:
        silent = ("rule", "a rule says acknowledge = false")
    if silent is None:
        reasons.append(Reason("acknowledge", f"a person's first mail, from {address}", "he is told the number"))
    else:
        reasons.append(Reason(f"silent_{silent[0]}", silent[1], "no acknowledgement"))
    reasons.append(Reason("open", f"subject {message.subject!r}", f"opens {tokens.number(mail.claim.ticket_id)}"))
    return Decision(
        "open",
        trust,
        tuple(reasons),
        ticket_id=mail.claim.ticket_id,
        author="stranger",
        queue=queue,
        set=outcome.set,
        requester=author,
        related=related,
        acknowledge=silent is None,
        words=message.reply or message.text,
        notify=True,
        claim_ids=not related,
    )


def _queue(mail: Mail, policy: Policy) -> tuple[str, str]:
    """The queue whose address it came to; a queue's own address before the desk's."""
    hits = [
        (r, policy.addresses[b]) for r in mail.envelope.rcpt_to if (b := without_suffix(r.lower())) in policy.addresses
    ]
    if not hits:  # by IMAP the envelope is gone: To and Cc tell as well
        shown = (a.address for a in (*mail.message.to, *mail.message.cc))
        hits = [(r, policy.addresses[b]) for r in shown if (b := without_suffix(r.lower())) in policy.addresses]
    for recipient, queue in hits:
        if queue != policy.default_queue:
            return queue, f"came to {recipient}"
    return policy.default_queue, f"came to {hits[0][0]}" if hits else "came to no queue's own address"


def _said(policy: Policy, name: str) -> str:
    rule = next(r for r in policy.rules if r.name == name)
    return "sets " + (", ".join(f"{k} = {v}" for k, v in rule.set.items()) or "nothing")


# --- a mail with a ticket ---------------------------------------------------------------------------------------


def _with_ticket(
    mail: Mail,
    ticket: Ticket,
    found: tuple[Match, ...],
    facts: Facts,
    policy: Policy,
    trust: Trust,
    reasons: list[Reason],
) -> Decision:
    message = mail.message
    author = message.author
    address = author.address.lower() if author else None
    member = policy.staff.get(address) if address else None
    is_participant = address is not None and address in ticket.participants
    if member is not None and address != ticket.requester:
        return _by_staff(mail, ticket, found, policy, trust, reasons)
    if not is_participant:
        if message.kind in AUTOMATIC:
            reasons.append(Reason("kind", f"{message.kind}: {message.kind_reason}", "it answers something"))
            if found[0].known_thread:  # a deputy's out-of-office: kept inside, nobody else sees it
                return _kept(ticket, trust, reasons, "system")
            return Decision("unmatched", trust, tuple(reasons))
        reasons.append(
            Reason(
                "no_participant",
                f"{address or 'nobody'} is not in {ticket.number}",
                "a ticket of its own, linked",
            )
        )
        return _open(mail, facts, policy, trust, reasons, (ticket.id,))
    role = "requester" if address == ticket.requester else "participant"
    reasons.append(Reason(role, f"{address} is {role} of {ticket.number}", "may write there"))
    if message.kind in AUTOMATIC:
        reasons.append(
            Reason(
                "kind",
                f"{message.kind}: {message.kind_reason}",
                "kept; state, owner and clock stay as they are",
            )
        )
        return _kept(ticket, trust, reasons, role)
    if trust in ("unverified", "failed"):
        reasons.append(
            Reason("weak_sign", f"{found[0].method} {found[0].seen}, {trust}", "an internal note; staff are told")
        )
        return Decision(
            "note",
            trust,
            tuple(reasons),
            ticket_id=ticket.id,
            author=role,  # type: ignore[arg-type]
            visibility="internal",
            queue=ticket.queue,
            words=message.reply,
            notify=True,
            claim_ids=False,
            weak=True,
        )
    reopen = ticket.state_type == "closed" and message.kind in ("human", "list")
    if reopen:
        reasons.append(Reason("reopen", f"{ticket.number} was {ticket.state}", "it is open again"))
    becomes = author if found[0].method == "fills_named_id" and message.message_id == ticket.root_id else None
    if becomes is not None and address != ticket.requester:
        reasons.append(Reason("root_author", f"{address} wrote the mail that began it", "becomes its requester"))
    return Decision(
        "append",
        trust,
        tuple(reasons),
        ticket_id=ticket.id,
        author=role,  # type: ignore[arg-type]
        queue=ticket.queue,
        requester=becomes,
        reopen=reopen,
        words=message.reply,
        notify=True,
    )


def _kept(ticket: Ticket, trust: Trust, reasons: list[Reason], author: str) -> Decision:
    """Stored inside the ticket, and nothing else happens."""
    return Decision(
        "note",
        trust,
        tuple(reasons),
        ticket_id=ticket.id,
        author=author,  # type: ignore[arg-type]
        visibility="internal",
        queue=ticket.queue,
        claim_ids=False,
        weak=True,
    )


def _by_staff(
    mail: Mail, ticket: Ticket, found: tuple[Match, ...], policy: Policy, trust: Trust, reasons: list[Reason]
) -> Decision:
    """Staff's words in a ticket: to the requester if we know that it is them, and what of it is new (CONTRACT 5)."""
    message = mail.message
    author = message.author
    assert author is not None  # staff are found by their address
    base = Decision(
        "note",
        trust,
        (),
        ticket_id=ticket.id,
        author="staff",
        visibility="internal",
        queue=ticket.queue,
        words=message.reply,
        claim_ids=False,
    )
    if message.kind != "human":
        reasons.append(
            Reason(
                "kind",
                f"{message.kind}: {message.kind_reason}",
                "kept inside; it never goes to the requester",
            )
        )
        return replace(base, reasons=tuple(reasons), weak=True)
    command, rest = first_line(message.reply)
    if trust != "authenticated":
        reasons.append(
            Reason(
                "staff_unverified",
                f"in the name of {author.address}, {trust}",
                "kept inside; that member is asked by mail to confirm",
            )
        )
        internal = command == "#note" or trust == "failed"
        return replace(
            base,
            verb="note" if internal else "hold",
            words=rest if command == "#note" else message.reply,
            reasons=tuple(reasons),
            ask=None if internal else "confirm",
            notify=internal,
            weak=True,
        )
    reasons.append(Reason("staff", f"{author.address} is of the staff", "may answer"))
    if command == "#note":
        reasons.append(Reason("note", "the first line is #note", "it stays inside"))
        return replace(base, words=rest, reasons=tuple(reasons), notify=True)
    if not message.reply_certain:
        reasons.append(
            Reason("uncertain_cut", "where the new words end is not certain", "held; a preview asks for #send")
        )
        return replace(base, verb="hold", reasons=tuple(reasons), ask="preview")
    reasons.append(Reason("answer", f"{found[0].method}", f"goes to {ticket.requester or 'nobody: no requester'}"))
    return replace(
        base,
        verb="append",
        visibility="public",
        reasons=tuple(reasons),
        answer=True,
        reopen=False,
        claim_ids=True,
    )


def first_line(reply: str) -> tuple[str, str]:
    """The command that the first new line is (`#note`, `#send`), lower case, and the text after it; else "" and all."""
    head, _, rest = reply.lstrip().partition("\n")
    word = head.strip().lower()
    if word in ("#note", "#send"):
        return word, rest.lstrip("\n")
    if word.startswith(("#note ", "#note:")):
        return "#note", reply.lstrip()[5:].lstrip(" :")
    return "", reply
