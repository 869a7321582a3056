"""When a sender gets an automatic answer, and every reason why not (RFC 3834; MAIL 5 to 7)."""

from __future__ import annotations

import re

from parsing import dates
from routing import breakers
from routing.facts import Facts
from routing.mail import Mail
from routing.policy import Door, Policy

OLDEST_SECONDS = 24 * 3600  # MAIL 3: an old mailbox, or one after an outage, is not answered
SPAM_LEVEL = 5  # Exchange's SCL from which a mail is spam

_ANSWER = r"(reply|replies|answer|respond|antworten?|repondre|responder)"
_NOBODY = re.compile(
    rf"(mailer[-_.]?daemon|postmaster|(no|non|do[-_.]?not|don[-_.]?t|ne[-_.]pas|nicht)[-_.]?{_ANSWER}|bounces?"
    rf"|listserv|majordomo)\d*([-_.+].*)?|.*[-_.](no[-_.]?{_ANSWER}|bounces?|owner)|owner-.*",
    re.IGNORECASE,
)
_SUPPRESSED = frozenset(("all", "autoreply", "oof"))  # Exchange's X-Auto-Response-Suppress; DR, RN, NRN mean reports
_RESPONDERS = frozenset(("x-autoreply", "x-autorespond", "x-autoresponse"))
_LOOPS = frozenset(("x-loop", "x-mailgate-event"))
_WATCHED = (
    frozenset(("auto-submitted", "mailing-list", "precedence", "x-auto-response-suppress", "content-type"))
    | _RESPONDERS
    | _LOOPS
)


def why_not(
    mail: Mail, address: str | None, facts: Facts, policy: Policy, ticket_id: int | None = None
) -> tuple[str, str] | None:
    """The first reason, as (code, seen), why a sender gets no automatic answer; None: he gets one.

    `ticket_id` is of the conversation in which it would be sent, where that has begun already.
    """
    message, envelope = mail.message, mail.envelope
    if message.kind != "human":
        return "not_human", f"kind {message.kind}: {message.kind_reason}"
    if mail.attribution is not None and mail.attribution.code == "form_nobody":
        return "form_nobody", f"{mail.attribution.seen}: {mail.attribution.outcome}"
    if address is None:
        return "no_author", "there is no address in From"
    if len(message.from_) > 1:  # RFC 5322 section 3.6.2 allows it; nobody says which of them wrote
        return "several_authors", "From names " + ", ".join(a.address for a in message.from_[:3])
    read_at = max(envelope.journaled_at, mail.claim.claimed_at)  # also after an outage of ours
    if read_at - _came(mail, policy) > OLDEST_SECONDS:
        return "too_old", "it arrived more than 24 hours before it was read"
    return (
        _marked(mail)
        or spam(mail, policy)
        or (("null_sender", "envelope sender <>") if mail.null_sender else None)  # RFC 3834 section 2
        or _sender(address, policy)
        or _limited(breakers.limited(mail, address, facts, policy, ticket_id))
    )


def _came(mail: Mail, policy: Policy) -> float:
    """When it came to us, or to the mail server in front, which keeps it for days while we are away: that one's own
    Received field is the topmost (RFC 5321 section 4.4). What others wrote below, and the sender's Date, say nothing.
    """
    envelope, received = mail.envelope, mail.message.received
    door = policy.doors.get(envelope.door)
    if not received or door is None or door.trusted is None or not door.trusts(envelope.peer):
        return envelope.received_at
    there = dates.parse(received[0].rpartition(";")[2].strip())
    return envelope.received_at if there is None else min(there.timestamp(), envelope.received_at)


_OWN = {  # marks of what a person wrote through, not of his mail
    "form": frozenset(("auto-submitted", "mailing-list", "precedence", "x-auto-response-suppress")),
    "front_list": frozenset(("mailing-list", "precedence")),
}


def _marked(mail: Mail) -> tuple[str, str] | None:
    """Marks in the header that ask for silence (RFC 3834 section 2); they stand on human mail too."""
    own = _OWN.get(mail.attribution.code) if mail.attribution is not None else None
    for name, value in mail.message.headers:
        lower = name.lower()
        if lower not in _WATCHED and not lower.startswith("list-"):
            continue
        if own is not None and (lower in own or lower.startswith("list-")):
            continue
        said = value.strip().lower()
        if lower == "auto-submitted":
            if re.split(r"[;\s]", said, maxsplit=1)[0] != "no":  # RFC 3834 section 5
                return "auto_submitted", f"{name}: {value}"
        elif lower == "precedence":
            if said in ("bulk", "list", "junk"):
                return "precedence", f"{name}: {value}"
        elif lower == "x-auto-response-suppress":
            if _SUPPRESSED.intersection(re.split(r"[\s,;]+", said)):
                return "response_suppressed", f"{name}: {value}"
        elif lower in _LOOPS:
            return "loop_header", f"{name}: {value}"
        elif lower in _RESPONDERS:
            if said not in ("no", ""):
                return "auto_submitted", f"{name}: {value}"
        elif lower == "content-type":
            if said.startswith("multipart/report"):
                return "report", f"{name}: {value}"
        else:  # RFC 2369, RFC 2919
            return "list_header", f"{name}: {value}"
    return None


def spam(mail: Mail, policy: Policy) -> tuple[str, str] | None:
    """A spam verdict: the provider's junk folder, or a header.

    A level (SCL) only of a hop that we trust, since senders' own servers write it, too.
    """
    door = policy.doors.get(mail.envelope.door, Door())
    if door.junk:
        return "junk_folder", f"it came by {mail.envelope.door}"
    for name, value in mail.message.auth.spam:
        said = value.strip().lower()
        if name != "SCL" and said.startswith("yes"):
            return "spam", f"{name}: {value}"
        if name == "SCL" and said.isdecimal() and int(said) >= SPAM_LEVEL and door.trusts(mail.envelope.peer):
            return "spam", f"spam confidence level {said}"
    return None


def _sender(address: str, policy: Policy) -> tuple[str, str] | None:
    if policy.is_ours(address):
        return "our_own_address", f"{address} is our own address"
    if _NOBODY.fullmatch(address.rpartition("@")[0]):
        return "nobody_reads", f"nobody reads what is sent to {address}"
    return None


def _limited(trip: breakers.Trip | None) -> tuple[str, str] | None:
    return (f"limit_{trip.limit}", trip.seen) if trip is not None else None
