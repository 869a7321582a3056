"""What a change means for the next mails of its batch: n mails decided together equal n decided one by one."""

from __future__ import annotations

from routing.facts import Asked, Confirmation, Effect, Seen, SentLetter, ThreadKey
from storage.change import Change


def effect(change: Change) -> Effect:
    """What a change means for the next mails of its batch."""
    outcome, claim = change.outcome, change.claim
    seen = None
    if outcome is not None and claim is not None and outcome.mail_key:
        seen = Seen(claim.journal_id, outcome.ticket_id, outcome.article_id, change.time)
    inside = {a.id for a in change.articles if a.visibility == "internal"}
    acknowledgement = next((a for a in change.announcements if a.event == "acknowledgement"), None)
    return Effect(
        ticket=change.ticket,
        keys=tuple(
            (k.message_id, ThreadKey(k.ticket_id, k.article_id, weak=k.weak, internal=k.article_id in inside))
            for k in change.keys
        ),
        seen=seen,
        seen_as=(outcome.mail_key,) if outcome is not None and outcome.mail_key else (),
        letters=tuple(
            SentLetter(x.message_id, x.event, x.ticket_id, x.article_id, x.recipient) for x in change.letters
        ),
        confirmations=_asked(change),
        released=change.release.article_id if change.release else None,
        answered=(acknowledgement.recipients[0], change.time, acknowledgement.limited == "unknown")
        if acknowledgement
        else None,
        asked=(change.ask.address, Asked(change.time, change.ticket.id)) if change.ask and change.ticket else None,
        bounced=next((mark.message_id for mark in change.marks if mark.state == "failed"), None),
        suppressed=next((mark.suppress for mark in change.marks if mark.suppress), None),
        lifted=change.lift,
    )


def _asked(change: Change) -> tuple[Confirmation, ...]:
    ask = change.ask
    if ask is None or change.ticket is None:
        return ()
    return tuple(
        Confirmation(x.message_id, change.ticket.id, ask.article_id, ask.address, ask.event, ask.expires, used=False)
        for x in change.letters
        if x.event == ask.event
    )
