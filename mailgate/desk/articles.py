"""The articles that a mail becomes: its own, the words of whom staff handed on, and an automatic mail to its sender."""

from __future__ import annotations

from dataclasses import replace

from parsing.message import Address
from routing.decision import Decision, Forwarded
from routing.mail import Mail
from routing.policy import Policy
from routing.ticket import Ticket
from storage.change import Article


def article_of(mail: Mail, decision: Decision, ticket: Ticket) -> Article:
    """The mail as an entry of that ticket."""
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


def handed_on(article: Article, handed: Forwarded) -> Article:
    """A partner's mail as staff forwarded it: his words alone, and nobody has measured that they are his."""
    return replace(article, sender=handed.sender, text=handed.words, reply=handed.words, trust="unverified")


def own_words(article: Article, handed: Forwarded) -> tuple[Article, ...]:
    """What staff wrote above it, as a note, under the number that an acknowledgement would have."""
    if not handed.own:
        return ()
    note = replace(article, id=article.id + 1, visibility="internal", text=handed.own, reply=handed.own)
    return (replace(note, message_id=None, journal_id=None, attachments=(), reasons=(), defects=()),)


def automatic(mail: Mail, ticket: Ticket, requester: Address, policy: Policy) -> Article:
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
