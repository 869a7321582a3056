"""What is no article: a mail of ours that came back, a report about one, a `#send`. And how each arrival ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mailgate.desk.announcements import notice, unowned, went_out
from mailgate.desk.people import GATEWAY, others
from mailgate.desk.states import answered, given_back
from routing.decision import Decision, Report
from routing.facts import Confirmation, Facts
from routing.mail import Mail
from routing.policy import Policy
from routing.reports import unreachable
from routing.ticket import Ticket
from storage.change import Announcement, Change, HistoryEntry, Mark, Outcome, Release, Tripped

NOT_VERIFIED = "not verified"  # before what a report says that does not bear its delivery's token


def outcome(
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


def recorded(mail: Mail, decision: Decision, facts: Facts, policy: Policy) -> Change:
    """No article: a mail of ours that came back, a report about one, a `#send`."""
    time = mail.envelope.received_at
    before = facts.ticket(decision.ticket_id) if decision.ticket_id is not None else None
    report = decision.reports[0] if decision.reports else None
    about = report.letter.article_id if report else (decision.release.article_id if decision.release else None)
    change = Change(
        time,
        claim=mail.claim,
        outcome=outcome(mail, decision, "record", ticket_id=before.id if before else None, article_id=about),
    )
    if report is not None:
        change = replace(change, marks=(_mark(report, mail),))
    if before is None:
        return change
    if decision.release is not None:
        return _sent_on(change, decision.release, before, mail, decision, policy)
    if decision.ask is not None:
        return replace(change, announcements=(_unsent(mail, decision, before),))
    return _reported(change, report, before, mail, decision, policy) if report is not None else change


def _mark(report: Report, mail: Mail) -> Mark:
    """What the report says of the delivery that it is about."""
    why = mail.message.bounce_diagnostic or mail.message.kind_reason or None
    if not report.proved:
        why = ": ".join(filter(None, (NOT_VERIFIED, why)))
    gone = report.letter.recipient.lower() if report.suppress else None
    return Mark(report.letter.message_id, report.state, report.status, why, mail.envelope.received_at, gone)


def _sent_on(
    change: Change, asked: Confirmation, before: Ticket, mail: Mail, decision: Decision, policy: Policy
) -> Change:
    """What a `#send` releases."""
    actor = mail.message.author.address if mail.message.author else GATEWAY
    after = replace(before, version=before.version + 1, updated=max(before.updated, change.time))
    after, history, release = released(after, asked, actor, change.time, policy)
    if asked.command:
        told = unowned(mail, decision, before, after, policy) if before.owner else None
    else:
        told = went_out(asked, after, release.trust, change.time, policy)
    return replace(
        change,
        ticket=after,
        version=before.version,
        history=tuple(history),
        release=release,
        announcements=(told,) if told is not None and told.recipients else (),
    )


def _reported(change: Change, report: Report, before: Ticket, mail: Mail, decision: Decision, policy: Policy) -> Change:
    """What is written of a report in the ticket of its delivery, and who is told."""
    recipient, time = report.letter.recipient, change.time
    what = {"failed": "bounced", "delayed": "delayed", "read": "read"}.get(report.state, mail.message.kind)
    entry = HistoryEntry(
        time, GATEWAY, what, None, f"{recipient} {report.status or ''}".rstrip(), report.letter.article_id
    )
    announcements: tuple[Announcement, ...] = ()
    if decision.notify:
        told = notice("bounced", mail, decision, before, policy)
        doubted = () if report.proved else (("doubted", "yes"),)
        announcements = (
            replace(
                told,
                recipients=others((recipient,), before, policy) if decision.tell_others else told.recipients,
                attachments=(),  # the parts of the report
                details=(("recipient", recipient), ("status", report.status or ""), *doubted),
            ),
        )
    return replace(
        change,
        ticket=replace(before, version=before.version + 1),
        version=before.version,
        history=(entry,),
        tripped=Tripped(unreachable(recipient), time, fresh=True) if decision.tell_others else None,
        announcements=tuple(a for a in announcements if a.recipients),
    )


def _unsent(mail: Mail, decision: Decision, ticket: Ticket) -> Announcement:
    """The author of a `#send` that lets nothing go is told why."""
    author = mail.message.from_[0]
    return Announcement(
        "preview",
        decision.asks,
        ticket,
        (author.address.lower(),),
        mail.claim.article_id,
        mail.envelope.received_at,
        author=author,
        subject=ticket.subject,
    )


def released(
    ticket: Ticket, asked: Confirmation, actor: str, time: float, policy: Policy
) -> tuple[Ticket, list[HistoryEntry], Release]:
    """The ticket, its history and what is written once `actor` has confirmed held words or a command of his."""
    trust = "confirmed" if asked.event == "confirm" else "authenticated"  # as the held mail was
    release = Release(asked.message_id, asked.article_id, trust, time, policy.holds, publishes=not asked.command)
    if asked.command:
        ticket, history = given_back(ticket, actor, time, asked.article_id)
    else:
        ticket, history = answered(ticket, policy.staff[actor.lower()].addresses[0], time, asked.article_id)
    done = f"#{asked.command}" if asked.command else "sent"
    return ticket, [HistoryEntry(time, actor, "confirmed", None, done, asked.article_id), *history], release
