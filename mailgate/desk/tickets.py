"""What a decision or a command does to a ticket: from the ticket as it was to the Change that is written. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mailgate.desk import alarms
from mailgate.desk.announcements import answers, automatic_mail, notice, question, unowned
from mailgate.desk.articles import article_of, automatic, handed_on, own_words
from mailgate.desk.keys import claims, root_id
from mailgate.desk.people import GATEWAY, participants, watching
from mailgate.desk.records import outcome, recorded, released
from mailgate.desk.states import answered, given_back, with_state
from parsing.message import ParsedMessage
from routing import numbers, tokens
from routing.confirming import CONFIRM_SECONDS
from routing.decision import Decision
from routing.facts import Facts
from routing.mail import Mail
from routing.policy import Policy
from routing.ticket import Ticket
from storage.change import Announcement, Article, Ask, Change, HistoryEntry, Release


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
            return recorded(mail, decision, facts, policy)
    seen = decision.same_as
    return Change(
        mail.envelope.received_at,
        claim=mail.claim,
        outcome=outcome(
            mail,
            decision,
            decision.verb,
            ticket_id=decision.ticket_id,
            article_id=seen.article_id if seen else None,
        ),
    )


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
        follows=decision.follows,
        acknowledged=decision.acknowledge,
        last_public_id=decision.forwarded.original if decision.forwarded else message.message_id,
        root_id=root_id(mail, decision),
    )
    article = article_of(mail, decision, ticket)
    history = [HistoryEntry(time, address or GATEWAY, "created", None, ticket.number, article.id)]
    articles = [article]
    if (handed := decision.forwarded) is not None:
        articles = [handed_on(article, handed), *own_words(article, handed)]
        history = [replace(history[0], actor=article.sender.address)]
    announcements = []
    if decision.acknowledge and requester is not None:
        answer = automatic(mail, ticket, requester, policy)
        articles.append(answer)
        template = str(wanted["template"]) if wanted.get("template") else None
        announcements.append(automatic_mail("new", mail, ticket, requester, answer, policy, template))
        history.append(HistoryEntry(time, GATEWAY, "acknowledged", None, requester.address, answer.id))
    if decision.notify:
        announcements.append(notice("linked" if decision.related else "new", mail, decision, ticket, policy))
    return Change(
        time,
        claim=mail.claim,
        outcome=outcome(mail, decision, "article", ticket_id=ticket.id, article_id=article.id),
        ticket=ticket,
        articles=tuple(articles),
        history=tuple(history),
        related=decision.related,
        keys=claims(mail, decision, ticket.id, facts, policy),
        announcements=tuple(a for a in announcements if a.recipients),
    )


def _joined(mail: Mail, decision: Decision, facts: Facts, policy: Policy) -> Change:
    before, time = facts.tickets[decision.ticket_id or 0], mail.envelope.received_at
    article = article_of(mail, decision, before)
    after, came = _taken_in(mail, decision, before, article, policy)
    after, did, release = _worked(mail, decision, after, article, policy)
    letters, announcements = _told(mail, decision, before, after, article, policy)
    return Change(
        time,
        claim=mail.claim,
        outcome=outcome(mail, decision, "article", ticket_id=after.id, article_id=article.id),
        ticket=after,
        version=before.version,
        articles=(article, *letters),
        history=(*came, *did),
        keys=claims(mail, decision, after.id, facts, policy),
        announcements=tuple(a for a in announcements if a.recipients),
        ask=_ask(decision, article, time),
        release=release,
    )


def _taken_in(
    mail: Mail, decision: Decision, before: Ticket, article: Article, policy: Policy
) -> tuple[Ticket, list[HistoryEntry]]:
    """The ticket with that mail in it: who takes part, whose it is, what it is about, and that it is open again."""
    message, time, who = mail.message, mail.envelope.received_at, article.sender.address
    public = decision.visibility == "public"
    counts = (decision.verb in ("append", "hold") and decision.asks != "away") or decision.notify
    after = replace(before, version=before.version + 1, updated=max(before.updated, time) if counts else before.updated)
    history = [HistoryEntry(time, who or GATEWAY, _what(decision), None, None, article.id)]
    if public:
        after = replace(after, participants=participants(before.participants, mail, decision, policy))
    if decision.numbers:
        after = replace(after, fields={**numbers.says(decision.numbers), **after.fields})
    if (requester := decision.requester) is not None:
        name = requester.address.lower()
        partner = policy.partner(name) or before.partner
        after = replace(after, requester=name, requester_name=requester.name, partner=partner)
        history.append(HistoryEntry(time, name, "requester", before.requester, name, article.id))
    if decision.begins and (subject := _subject(mail, decision, policy)) and subject != before.subject:
        after = replace(after, subject=subject)
        history.append(HistoryEntry(time, who, "subject", before.subject, subject, article.id))
    if public and after.requester in policy.of_same(who) and message.message_id:
        after = replace(after, last_public_id=message.message_id)
    if decision.reopen:
        after = with_state(after, "open", "open", time)
        history.append(HistoryEntry(time, who, "state", before.state, "open", article.id))
    return after, history


def _worked(
    mail: Mail, decision: Decision, ticket: Ticket, article: Article, policy: Policy
) -> tuple[Ticket, list[HistoryEntry], Release | None]:
    """The ticket after what its author's words do there: what they release or end, give back, or answer."""
    time, who = mail.envelope.received_at, article.sender.address
    history: list[HistoryEntry] = []
    release = None
    if decision.release is not None:
        ticket, history, release = released(ticket, decision.release, who, time, policy)
    if (ended := decision.ends) is not None:
        history.append(HistoryEntry(time, who, "question_ended", None, None, ended.article_id))
        release = Release(ended.message_id, ended.article_id, "", time, publishes=False)
    if decision.unassign:
        ticket, more = given_back(ticket, who, time, article.id)
        history += more
    if decision.author == "staff" and decision.answer:
        ticket, more = answered(ticket, policy.staff[who.lower()].addresses[0], time, article.id)
        history += more
    return ticket, history, release


def _told(
    mail: Mail, decision: Decision, before: Ticket, after: Ticket, article: Article, policy: Policy
) -> tuple[list[Article], list[Announcement]]:
    """Who is told of it, and the articles that are letters of ours."""
    letters, announcements = [], []
    if decision.release is not None and decision.release.command and before.owner:
        announcements.append(unowned(mail, decision, before, after, policy))
    if decision.refuse and decision.acknowledge and (author := mail.message.author) is not None:
        letters.append(automatic(mail, after, author, policy))
        announcements.append(automatic_mail("refused", mail, after, author, letters[0], policy))
    if decision.author == "staff" and (decision.answer or decision.ask):
        if decision.answer or (decision.held and not decision.command):
            announcements += answers(mail, decision, after, article, policy, "confirm" if decision.held else None)
        if decision.answer:
            colleagues = watching(after, policy, but=article.sender.address)
            announcements.append(replace(notice("reply", mail, decision, after, policy), recipients=colleagues))
        if decision.ask:
            announcements.append(question(decision, after, article))
    elif decision.unassign:
        announcements.append(unowned(mail, decision, before, after, policy))
    elif decision.notify:
        announcements.append(notice(_why(decision), mail, decision, after, policy))
    return letters, announcements


def _ask(decision: Decision, article: Article, time: float) -> Ask | None:
    """What waits for the `#send` of a member of staff who has been asked for it."""
    if decision.author != "staff" or not decision.held or not decision.ask:
        return None
    who = article.sender.address.lower()
    return Ask(article.id, who, decision.ask, time + CONFIRM_SECONDS, decision.command)


def _why(decision: Decision) -> str:
    """Which words a notice of a mail in a ticket has."""
    if decision.refuse:
        return "refused"
    if decision.reopen:
        return "reopening"
    return "reply" if decision.verb == "append" else ("note" if decision.author == "staff" else "unverified")


def _what(decision: Decision) -> str:
    if decision.verb == "append":
        return "answered" if decision.answer else "replied"
    return "held" if decision.verb == "hold" else "noted"


def _subject(mail: Mail, decision: Decision, policy: Policy) -> str:
    handed = decision.forwarded
    return policy.token.without(handed.subject if handed is not None else mail.message.subject)


def _language(
    wanted: Mapping[str, Any], message: ParsedMessage, partner: str | None, policy: Policy, queue: str
) -> str:
    """A rule's word, the partner's, the mail's own as far as it is told, the queue's."""
    return str(wanted.get("language") or policy.partner_languages.get(partner or "") or message.language or queue)


def _fields(wanted: Mapping[str, Any], message: ParsedMessage) -> Mapping[str, str]:
    alert = message.alert
    told = {"host": alert.host, "service": alert.service, "alert_state": alert.state} if alert else {}
    return {**{k: v for k, v in told.items() if v}, **wanted.get("fields", {})}
