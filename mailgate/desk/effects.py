"""What a change means for the next mails of its batch: n mails decided together equal n decided one by one."""

from __future__ import annotations

from routing import beside, tokens
from routing.commands import QUESTIONS
from routing.facts import DOUBTED, Answered, Asked, Confirmation, Effect, Seen, SentLetter, ThreadKey
from storage.change import Article, Change, Letter


def effect(change: Change) -> Effect:
    """What a change means for the next mails of its batch."""
    outcome, claim = change.outcome, change.claim
    seen = None
    if outcome is not None and claim is not None and outcome.mail_key:
        seen = Seen(claim.journal_id, outcome.ticket_id, outcome.article_id, change.time, outcome.kind)
    inside = {a.id for a in change.articles if a.visibility == "internal"}
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
        published=change.release.article_id if change.release and change.release.publishes else None,
        inside=change.ticket.id if change.ticket and (inside or any(map(_is_quiet, change.letters))) else None,
        doubted=next(
            (
                a.ticket_id
                for a in change.articles
                if a.direction == "in" and a.visibility == "public" and a.trust in DOUBTED
            ),
            None,
        ),
        answered=_answered(change),
        tripped=(change.tripped.name, change.tripped.time) if change.tripped else None,
        asked=_question(change),
        wrote=_wrote(change),
        opened=_opened(change),
        beside=beside.pairs([k.message_id for k in change.keys], change.ticket.id, change.related)
        if change.ticket
        else (),
        bounced=next((mark.message_id for mark in change.marks if mark.state == "failed"), None),
        suppressed=next((mark.suppress for mark in change.marks if mark.suppress), None),
        lifted=change.lift,
    )


def _is_quiet(letter: Letter) -> bool:
    return letter.message_id.startswith(tuple(tokens.prefix(event) for event in tokens.QUIET))


def _answered(change: Change) -> tuple[str, Answered, bool, int] | None:
    letter = next((x for x in change.letters if x.event == "acknowledgement"), None)
    if letter is None or letter.ticket_id is None:
        return None
    answer = Answered(letter.time, letter.subject)
    return letter.recipient, answer, letter.limited == "unknown", letter.ticket_id


def _question(change: Change) -> tuple[str, Asked] | None:
    letter = next((x for x in change.letters if x.event in QUESTIONS), None)
    if letter is None:
        return None
    verified = any(a.id == letter.article_id and a.trust == "authenticated" for a in change.articles)
    return letter.recipient, Asked(letter.time, letter.ticket_id or 0, verified)


def _wrote(change: Change) -> tuple[tuple[int, str, str], float] | None:
    came = _came(change)
    return ((came.ticket_id, came.sender.address.lower(), came.trust or ""), came.time) if came is not None else None


def _opened(change: Change) -> tuple[tuple[str, str], float] | None:
    came, ticket = _came(change), change.ticket
    if came is None or ticket is None or change.version is not None or not ticket.requester:
        return None
    return (ticket.requester, came.trust or ""), ticket.created


def _came(change: Change) -> Article | None:
    return next((a for a in change.articles if a.direction == "in"), None)


def _asked(change: Change) -> tuple[Confirmation, ...]:
    ask = change.ask
    if ask is None or change.ticket is None:
        return ()
    words = next((a.reply for a in change.articles if a.id == ask.article_id), "")
    return tuple(
        Confirmation(
            x.message_id,
            change.ticket.id,
            ask.article_id,
            ask.address,
            ask.event,
            ask.expires,
            False,
            ask.command,
            words,
        )
        for x in change.letters
        if x.event == ask.event
    )
