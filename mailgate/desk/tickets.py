"""What a decision or a command does to a ticket: from the ticket as it was to the Change that is written. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mailgate.desk import alarms
from mailgate.desk.people import audience, correspondents, participants, watching, without
from mailgate.desk.states import answered, with_state
from parsing.message import Address, ParsedMessage
from routing import forwarding, numbers, tokens
from routing.decision import Decision, Forwarded
from routing.facts import Facts
from routing.mail import Mail
from routing.policy import Policy
from routing.threads import named_ids
from routing.ticket import Ticket
from storage.change import Announcement, Article, Ask, Change, HistoryEntry, KeyClaim, Mark, Outcome, Release

CONFIRM_SECONDS = 7 * 86400.0  # MAIL 14: a `#send` counts for seven days
MOST_REFERENCES = 20  # RFC 5322 section 3.6.4 sets no limit; some servers cut long ones
GATEWAY = "mailgate"  # the actor of what nobody typed


def enact(mail: Mail, decision: Decision, facts: Facts, policy: Policy) -> Change:
    """What that decision does. Nothing here reads a clock or a database."""
    change = _enacted(mail, decision, facts, policy)
    author = mail.message.author
    if decision.trust == "authenticated" and author is not None and author.address.lower() in facts.suppressed:
        change = replace(change, lift=author.address.lower())
    return alarms.tripped(mail, decision, change, facts, policy)


def _enacted(mail: Mail, decision: Decision, facts: Facts, policy: Policy) -> Change:
    match decision.verb:
        case "open":
            return _opened(mail, decision, facts, policy)
        case "append" | "note" | "hold":
            return _joined(mail, decision, facts, policy)
        case "record":
            return _recorded(mail, decision, facts, policy)
    seen = decision.same_as
    return Change(
        mail.envelope.received_at,
        claim=mail.claim,
        outcome=_outcome(
            mail,
            decision,
            decision.verb,
            ticket_id=decision.ticket_id,
            article_id=seen.article_id if seen else None,
        ),
    )


def _outcome(
    mail: Mail, decision: Decision, kind: Any, *, ticket_id: int | None = None, article_id: int | None = None
) -> Outcome:
    author = mail.message.author
    return Outcome(
        kind,
        ticket_id,
        article_id,
        decision.reasons,
        None if kind == "duplicate" else mail.key,
        mail.evidence,
        author.address if author else mail.envelope.mail_from,
        mail.message.subject,
        mail.message.message_id,
    )


# --- mail -------------------------------------------------------------------------------------------------------


def _opened(mail: Mail, decision: Decision, facts: Facts, policy: Policy) -> Change:
    message, time, wanted = mail.message, mail.envelope.received_at, decision.set
    requester = decision.requester
    address = requester.address.lower() if requester else None
    queue = policy.queue(decision.queue)
    partner = policy.partner(address) if address else None
    ticket = Ticket(
        id=mail.claim.ticket_id,
        number=tokens.number(mail.claim.ticket_id),
        version=1,
        subject=_subject(mail, decision, policy) or "(no subject)",
        type=str(wanted.get("type", "Alert" if message.kind == "alert" else "Incident")),
        state="new",
        state_type="new",
        queue=queue.name,
        priority=int(wanted.get("priority", 3)),
        owner=wanted.get("owner"),
        requester=address,
        requester_name=requester.name if requester else "",
        partner=partner,
        language=_language(wanted, message, partner, policy, queue.language),
        created=time,
        updated=time,
        tags=tuple(wanted.get("tags", ())),
        fields={**_fields(wanted, message), **numbers.says(decision.numbers)},
        participants=participants((), mail, decision, policy),
        acknowledged=decision.acknowledge,
        last_public_id=decision.forwarded.original if decision.forwarded else message.message_id,
        root_id=_root(mail, decision),
    )
    article = _article(mail, decision, ticket)
    history = [HistoryEntry(time, address or GATEWAY, "created", None, ticket.number, article.id)]
    articles = [article]
    if (handed := decision.forwarded) is not None:
        articles = [_handed_on(article, handed), *_own_words(article, handed)]
        history = [replace(history[0], actor=article.sender.address)]
    announcements = []
    if decision.acknowledge and requester is not None:
        answer = _automatic(mail, ticket, requester, policy)
        articles.append(answer)
        template = str(wanted["template"]) if wanted.get("template") else None
        announcements.append(_told("new", mail, ticket, requester, answer, policy, template))
        history.append(HistoryEntry(time, GATEWAY, "acknowledged", None, requester.address, answer.id))
    announcements.append(_notice("new", mail, decision, ticket, policy))
    return Change(
        time,
        claim=mail.claim,
        outcome=_outcome(mail, decision, "article", ticket_id=ticket.id, article_id=article.id),
        ticket=ticket,
        articles=tuple(articles),
        history=tuple(history),
        related=decision.related,
        keys=_keys(mail, decision, ticket.id, facts, policy),
        announcements=tuple(a for a in announcements if a.recipients),
    )


def _joined(mail: Mail, decision: Decision, facts: Facts, policy: Policy) -> Change:
    before = facts.tickets[decision.ticket_id or 0]
    message, time = mail.message, mail.envelope.received_at
    article = _article(mail, decision, before)
    public = decision.visibility == "public"
    counts = decision.verb in ("append", "hold") or decision.notify
    after = replace(before, version=before.version + 1, updated=max(before.updated, time) if counts else before.updated)
    history = [HistoryEntry(time, article.sender.address or GATEWAY, _what(decision), None, None, article.id)]
    if public:
        after = replace(
            after,
            participants=participants(before.participants, mail, decision, policy),
        )
    if decision.numbers:
        after = replace(after, fields={**numbers.says(decision.numbers), **after.fields})
    if decision.requester is not None:
        name = decision.requester.address.lower()
        after = replace(
            after,
            requester=name,
            requester_name=decision.requester.name,
            partner=policy.partner(name) or before.partner,
        )
        history.append(HistoryEntry(time, name, "requester", before.requester, name, article.id))
    if public and article.sender.address.lower() == after.requester and message.message_id:
        after = replace(after, last_public_id=message.message_id)
    if decision.reopen:
        after = with_state(after, "open", "open", time)
        history.append(HistoryEntry(time, article.sender.address, "state", before.state, "open", article.id))
    announcements = []
    articles = [article]
    ask = None
    if decision.refuse and decision.acknowledge and message.author is not None:
        letter = _automatic(mail, after, message.author, policy)
        articles.append(letter)
        announcements.append(_told("refused", mail, after, message.author, letter, policy))
    if decision.author == "staff" and (decision.answer or decision.ask):
        member = policy.staff[article.sender.address.lower()]
        if decision.answer:
            after, more = answered(after, member.addresses[0], time, article.id)
            history += more
        if decision.answer or decision.held:
            announcements += _answers(mail, decision, after, article, policy, "confirm" if decision.held else None)
        if decision.answer:
            told = watching(after, policy, but=article.sender.address)
            announcements.append(replace(_notice("reply", mail, decision, after, policy), recipients=told))
        if decision.ask and decision.held:
            ask = Ask(article.id, article.sender.address.lower(), decision.ask, time + CONFIRM_SECONDS)
        if decision.ask:
            announcements.append(_question(mail, decision, after, article, policy))
    elif decision.notify:
        announcements.append(_notice(_why(decision), mail, decision, after, policy))
    return Change(
        time,
        claim=mail.claim,
        outcome=_outcome(mail, decision, "article", ticket_id=after.id, article_id=article.id),
        ticket=after,
        version=before.version,
        articles=tuple(articles),
        history=tuple(history),
        keys=_keys(mail, decision, after.id, facts, policy),
        announcements=tuple(a for a in announcements if a.recipients),
        ask=ask,
    )


def _recorded(mail: Mail, decision: Decision, facts: Facts, policy: Policy) -> Change:
    """No article: a mail of ours that came back, a report about one, a `#send`."""
    time = mail.envelope.received_at
    before = facts.ticket(decision.ticket_id) if decision.ticket_id is not None else None
    report = decision.reports[0] if decision.reports else None
    about = report.letter.article_id if report else (decision.release.article_id if decision.release else None)
    change = Change(
        time,
        claim=mail.claim,
        outcome=_outcome(mail, decision, "record", ticket_id=before.id if before else None, article_id=about),
    )
    if report is not None:
        why = mail.message.bounce_diagnostic or mail.message.kind_reason or None
        gone = report.letter.recipient.lower() if report.suppress else None
        change = replace(change, marks=(Mark(report.letter.message_id, report.state, report.status, why, time, gone),))
    if before is None:
        return change
    actor = mail.message.author.address if mail.message.author else GATEWAY
    if decision.release is not None:
        member = policy.staff[actor.lower()]
        after, history = answered(
            replace(before, version=before.version + 1, updated=max(before.updated, time)),
            member.addresses[0],
            time,
            decision.release.article_id,
        )
        trust = "confirmed" if decision.release.event == "confirm" else "authenticated"  # as the held mail was
        release = Release(decision.release.message_id, decision.release.article_id, trust, time, policy.holds)
        entry = HistoryEntry(time, actor, "confirmed", None, "sent", decision.release.article_id)
        return replace(change, ticket=after, version=before.version, history=(entry, *history), release=release)
    if report is None:
        return change
    entry = HistoryEntry(
        time,
        GATEWAY,
        {"failed": "bounced", "delayed": "delayed", "read": "read"}.get(report.state, mail.message.kind),
        None,
        f"{report.letter.recipient} {report.status or ''}".rstrip(),
        report.letter.article_id,
    )
    announcements = []
    if decision.notify:
        announcements.append(
            replace(
                _notice("bounced", mail, decision, before, policy),
                details=(("recipient", report.letter.recipient), ("status", report.status or "")),
            )
        )
    return replace(
        change,
        ticket=replace(before, version=before.version + 1),
        version=before.version,
        history=(entry,),
        announcements=tuple(a for a in announcements if a.recipients),
    )


def _why(decision: Decision) -> str:
    """Which words a notice of a mail in a ticket has."""
    if decision.refuse:
        return "refused"
    return "reply" if decision.verb == "append" else ("note" if decision.author == "staff" else "unverified")


def _what(decision: Decision) -> str:
    if decision.verb == "append":
        return "answered" if decision.answer else "replied"
    return "held" if decision.verb == "hold" else "noted"


def _article(mail: Mail, decision: Decision, ticket: Ticket) -> Article:
    message = mail.message
    author = message.author or Address("", mail.envelope.mail_from)
    defects = (*message.defects, *((mail.envelope.note,) if mail.envelope.note else ()))
    return Article(
        mail.claim.article_id,
        ticket.id,
        mail.claim.journal_id,
        mail.envelope.received_at,
        author,
        tuple(a.address for a in message.to),
        tuple(a.address for a in message.cc),
        "in",
        decision.visibility,
        message.kind,
        decision.trust,
        message.message_id,
        message.subject,
        message.text,
        decision.words or message.reply,
        decision.reasons,
        defects,
        message.attachments,
    )


def _told(
    why: str, mail: Mail, ticket: Ticket, whom: Address, article: Article, policy: Policy, template: str | None = None
) -> Announcement:
    """The automatic mail to a sender (RFC 3834): one recipient, in the conversation of his own mail."""
    message = mail.message
    return Announcement(
        "acknowledgement",
        why,
        ticket,
        (whom.address.lower(),),
        article.id,
        article.time,
        to=(whom,),
        subject=message.subject,
        in_reply_to=message.message_id,
        references=references(message),
        article_id=article.id,
        template=template,
        limited="unknown" if policy.partner(whom.address) is None else "known",
    )


def _handed_on(article: Article, handed: Forwarded) -> Article:
    """A partner's mail as staff forwarded it: his words alone, and nobody has measured that they are his."""
    return replace(article, sender=handed.sender, text=handed.words, reply=handed.words, trust="unverified")


def _own_words(article: Article, handed: Forwarded) -> tuple[Article, ...]:
    """What staff wrote above it, as a note, under the number that an acknowledgement would have."""
    if not handed.own:
        return ()
    note = replace(article, id=article.id + 1, visibility="internal", text=handed.own, reply=handed.own)
    return (replace(note, message_id=None, journal_id=None, attachments=(), reasons=(), defects=()),)


def _subject(mail: Mail, decision: Decision, policy: Policy) -> str:
    subject = policy.token.without(mail.message.subject)
    return forwarding.subject(subject) if decision.forwarded else subject


def _automatic(mail: Mail, ticket: Ticket, requester: Address, policy: Policy) -> Article:
    """The article of an automatic mail to a sender; its text is filled in when it is composed."""
    queue = policy.queue(ticket.queue)
    return Article(
        mail.claim.article_id + 1,
        ticket.id,
        None,
        mail.envelope.received_at,
        Address(policy.name, queue.address),
        (requester.address,),
        (),
        "out",
        "public",
        "auto_reply",
        None,
        None,
        ticket.subject,
        "",
        "",
    )


def _keys(mail: Mail, decision: Decision, ticket_id: int, facts: Facts, policy: Policy) -> tuple[KeyClaim, ...]:
    """Ids that lead here from now on: its own, and those it names, as far as nobody owned them."""
    claims = []
    own = mail.message.message_id
    if own and (own not in facts.keys or facts.keys[own].ticket_id == ticket_id):
        claims.append(KeyClaim(own, ticket_id, mail.claim.article_id, decision.weak))
    claims += [KeyClaim(n.key, ticket_id, None, weak=True) for n in decision.numbers]
    if decision.claim_ids:
        original = decision.forwarded.original if decision.forwarded else None
        claims += [
            KeyClaim(i, ticket_id, None, decision.weak)
            for i in dict.fromkeys((*named_ids(mail), *((original,) if original else ())))
            if i not in facts.keys and i not in facts.letters and tokens.read_signed(i, policy.keys) is None
        ]
    return tuple(claims)


def _root(mail: Mail, decision: Decision) -> str | None:
    """The id of the mail that the conversation begins with: the first one it names, else its own.

    What somebody names who may not enter there is no part of his conversation with us.
    """
    if decision.forwarded is not None:
        return decision.forwarded.original
    ids = () if decision.related else (*mail.message.references, *mail.message.in_reply_to)
    return ids[0] if ids else mail.message.message_id


def _language(
    wanted: Mapping[str, Any], message: ParsedMessage, partner: str | None, policy: Policy, queue: str
) -> str:
    """A rule's word, the partner's, the mail's own as far as it is told, the queue's."""
    return str(wanted.get("language") or policy.partner_languages.get(partner or "") or message.language or queue)


def _fields(wanted: Mapping[str, Any], message: ParsedMessage) -> Mapping[str, str]:
    alert = message.alert
    told = {"host": alert.host, "service": alert.service, "alert_state": alert.state} if alert else {}
    return {**{k: v for k, v in told.items() if v}, **wanted.get("fields", {})}


def references(message: ParsedMessage) -> tuple[str, ...]:
    """References of an answer (RFC 5322 section 3.6.4): the parent's, then the parent; the first and last are kept."""
    ids = tuple(dict.fromkeys((*(message.references or message.in_reply_to[:1]), *_own(message))))
    return ids if len(ids) <= MOST_REFERENCES else (ids[0], *ids[-MOST_REFERENCES + 1 :])


def _own(message: ParsedMessage) -> tuple[str, ...]:
    return (message.message_id,) if message.message_id else ()


# --- who is told ------------------------------------------------------------------------------------------------


def _notice(why: str, mail: Mail, decision: Decision, ticket: Ticket, policy: Policy) -> Announcement:
    message = mail.message
    author = message.author or Address("", mail.envelope.mail_from)
    told = audience(ticket, policy, but=author.address)
    words = decision.words or message.reply or message.text
    if why == "new":  # also the members of the queue where a rule has named an owner
        told = tuple(dict.fromkeys((*told, *without(policy.members(ticket.queue), author.address, policy))))
    elif not told and decision.trust != "authenticated":  # in its owner's name, who did perhaps not write it
        told = without(policy.members(ticket.queue), author.address, policy)
    if decision.verb == "append":
        told = tuple(dict.fromkeys((*told, *watching(ticket, policy, but=author.address))))
    if (handed := decision.forwarded) is not None:
        author = handed.sender
        words = f"{words}\n\n-- {message.from_[0].address}:\n{handed.own}" if handed.own else words
    return Announcement(
        "notice",
        why,
        ticket,
        told,
        mail.claim.article_id,
        mail.envelope.received_at,
        author=author,
        words=words,
        subject=message.subject,
        attachments=message.attachments,
        references=thread_references(ticket),
        article_id=mail.claim.article_id,
        trust="unverified" if decision.forwarded else decision.trust,
    )


def thread_references(ticket: Ticket) -> tuple[str, ...]:
    """Ids that put a mail of ours into the ticket's conversation."""
    return tuple(dict.fromkeys(i for i in (ticket.root_id, ticket.last_public_id) if i))


def _answers(
    mail: Mail, decision: Decision, ticket: Ticket, article: Article, policy: Policy, held: Any
) -> list[Announcement]:
    requester, cc = correspondents(ticket, policy, but=article.sender.address)
    if requester is None:
        return []
    return [
        Announcement(
            "answer",
            "",
            ticket,
            (requester.address, *(a.address for a in cc)),
            article.id,
            article.time,
            to=(requester,),
            cc=cc,
            author=Address(policy.staff[article.sender.address.lower()].name, article.sender.address),
            words=decision.words,
            subject=ticket.subject,
            attachments=tuple(a for a in mail.message.attachments if not a.inline),
            in_reply_to=ticket.last_public_id,
            references=thread_references(ticket),
            article_id=article.id,
            held_for=held,
        )
    ]


def _question(mail: Mail, decision: Decision, ticket: Ticket, article: Article, policy: Policy) -> Announcement:
    """The mail that only that member gets, at the registered address that the held mail names as its author.

    Its `why` is "nothing" where there are no words to hold, "command" where they begin with one that does not exist.
    """
    typed = next((r.seen for r in decision.reasons if r.code == "unknown_command"), None)
    why = "nothing" if not decision.held else ("command" if typed else "")
    return Announcement(
        "confirm" if decision.ask == "confirm" else "preview",
        why,
        ticket,
        (article.sender.address.lower(),),
        article.id,
        article.time,
        author=article.sender,
        words=decision.words,
        subject=ticket.subject,
        references=(),
        article_id=article.id,
        trust=decision.trust,
        details=(("typed", typed),) if typed else (),
    )
