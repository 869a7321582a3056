"""What is told to whom of a mail: notices to staff, answers to the requester, automatic mails, questions. Pure."""

from __future__ import annotations

from dataclasses import replace

from mailgate.desk.people import audience, correspondents, watching, without
from parsing.message import Address, ParsedMessage
from routing import tokens
from routing.decision import Decision
from routing.facts import Confirmation
from routing.mail import Mail
from routing.policy import Policy
from routing.ticket import Ticket
from storage.change import Announcement, Article, HeldFor

# why a ticket is linked and not joined
BESIDE = ("no_participant", "thread_plus_token_alone", "thread_doubted_token", "closed_link")
TYPED = ("unknown_command", "late_command", "not_obeyed", "confirm_command")  # reasons that say which command it was
MOST_REFERENCES = 20  # RFC 5322 section 3.6.4 sets no limit; some servers cut long ones


def notice(why: str, mail: Mail, decision: Decision, ticket: Ticket, policy: Policy) -> Announcement:
    message = mail.message
    author = message.author or Address("", mail.envelope.mail_from)
    told = audience(ticket, policy, but=author.address)
    words = decision.words or message.reply or message.text
    if decision.verb == "open":  # also the members of the queue where a rule has named an owner
        told = tuple(dict.fromkeys((*told, *without(policy.members(ticket.queue), author.address, policy))))
    elif not told and decision.trust != "authenticated":  # in its owner's name, who did perhaps not write it
        told = without(policy.members(ticket.queue), author.address, policy)
    if decision.verb == "append":
        told = tuple(dict.fromkeys((*told, *watching(ticket, policy, but=author.address))))
    if (handed := decision.forwarded) is not None:
        author = handed.sender
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
        trust=_sure(decision),
        details=(
            *_linked(decision),
            *((("own", handed.own),) if handed is not None else ()),
            *((("kept_out", ", ".join(decision.left_out)),) if decision.left_out else ()),
        ),
    )


def unowned(mail: Mail, decision: Decision, before: Ticket, after: Ticket, policy: Policy) -> Announcement:
    """That nobody owns it any more: for the queue's members, and for whoever did own it."""
    told = notice("unowned", mail, decision, after, policy)
    author = mail.message.author.address if mail.message.author else ""
    his = without(audience(before, policy), author, policy)
    words = "" if decision.release else told.words  # a `#send` is no news
    return replace(told, words=words, recipients=tuple(dict.fromkeys((*told.recipients, *his))))


def went_out(asked: Confirmation, ticket: Ticket, trust: str, time: float, policy: Policy) -> Announcement:
    """That held words of a member of staff have gone to the requester: for whose ticket it is, and who watch it."""
    return Announcement(
        "notice",
        "reply",
        ticket,
        watching(ticket, policy, but=asked.address),
        asked.article_id,
        time,
        author=Address("", asked.address),
        words=asked.words,
        subject=ticket.subject,
        references=thread_references(ticket),
        article_id=asked.article_id,
        trust=trust,
    )


def _sure(decision: Decision) -> str:
    """How sure it is who wrote, for a notice: a failed check is said also where nothing followed from it."""
    if decision.forwarded:
        return "unverified"
    if any(reason.code == "dmarc_fail_flagged" for reason in decision.reasons):
        return {"unverified": "flagged", "known_thread": "known_flagged"}.get(decision.trust, decision.trust)
    return decision.trust


def _linked(decision: Decision) -> tuple[tuple[str, str], ...]:
    """Beside which ticket a new one stands, and for which of its reasons."""
    if not decision.related:
        return ()
    because = next((r.code for r in decision.reasons if r.code in BESIDE), "")
    return (("linked", tokens.number(decision.related[0])), ("because", because))


def answers(
    mail: Mail, decision: Decision, ticket: Ticket, article: Article, policy: Policy, held: HeldFor | None
) -> list[Announcement]:
    requester, cc = correspondents(ticket, policy)
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


def question(decision: Decision, ticket: Ticket, article: Article) -> Announcement:
    """The mail that only that member gets, at the registered address that the held mail names as its author."""
    typed = next((r.seen for r in decision.reasons if r.code in TYPED), "")
    return Announcement(
        "confirm" if decision.ask == "confirm" else "preview",
        decision.asks,
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
        details=(("typed", typed.partition(";")[0]),) if typed else (),
    )


def automatic_mail(
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


def references(message: ParsedMessage) -> tuple[str, ...]:
    """References of an answer (RFC 5322 section 3.6.4): the parent's, then the parent; the first and last are kept."""
    ids = tuple(dict.fromkeys((*(message.references or message.in_reply_to[:1]), *_own(message))))
    return ids if len(ids) <= MOST_REFERENCES else (ids[0], *ids[-MOST_REFERENCES + 1 :])


def _own(message: ParsedMessage) -> tuple[str, ...]:
    return (message.message_id,) if message.message_id else ()


def thread_references(ticket: Ticket) -> tuple[str, ...]:
    """Ids that put a mail of ours into the ticket's conversation."""
    return tuple(dict.fromkeys(i for i in (ticket.root_id, ticket.last_public_id) if i))
