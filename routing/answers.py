"""When a sender gets an automatic answer, and every reason why not (RFC 3834; MAIL 5 to 7)."""

from __future__ import annotations

import re

from parsing.message import ParsedMessage
from routing.facts import Facts
from routing.mail import Mail
from routing.policy import Policy

OLDEST_SECONDS = 24 * 3600  # MAIL 3: an old mailbox, or one after an outage, is not answered
_NOBODY = re.compile(
    r"(mailer-?daemon|postmaster|(no|non|do-?not|don-?t|dont|ne-pas|nicht)[-_.]?(reply|answer|respond|antworten|repondre)"
    r"|noreply|donotreply|bounces?|listserv|majordomo)([-_.+].*)?|.*[-_.](no-?reply|noreply|bounces?|owner)|owner-.*",
    re.IGNORECASE,
)


def why_not(mail: Mail, address: str | None, facts: Facts, policy: Policy) -> tuple[str, str] | None:
    """The first reason, as (code, seen), why a first mail's sender gets no acknowledgement; None: he gets one."""
    message, envelope = mail.message, mail.envelope
    if message.kind != "human":
        return "not_human", f"kind {message.kind}: {message.kind_reason}"
    if address is None:
        return "no_author", "there is no address in From"
    if envelope.journaled_at - envelope.received_at > OLDEST_SECONDS:
        return "too_old", "it arrived more than 24 hours before it was read"
    return _marked(message) or _envelope(mail) or _sender(address, policy) or _limited(mail, address, facts, policy)


def _envelope(mail: Mail) -> tuple[str, str] | None:
    if not mail.envelope.mail_from and not mail.envelope.door.startswith("imap:"):
        return "null_sender", "envelope sender <>"  # RFC 3834 section 2, RFC 5321 section 4.5.5
    if mail.message.return_path == "":
        return "null_sender", "Return-Path: <>"
    return None


def _marked(message: ParsedMessage) -> tuple[str, str] | None:
    """Marks in the header that ask for silence (RFC 3834 section 2); they stand on human mail too."""
    submitted = message.header("Auto-Submitted")
    if submitted is not None and submitted.partition(";")[0].strip().lower() != "no":  # RFC 3834 section 5
        return "auto_submitted", f"Auto-Submitted: {submitted}"
    for name, value in message.headers:
        lower = name.lower()
        if lower.startswith("list-") or lower == "mailing-list":  # RFC 2369, RFC 2919
            return "list_header", f"{name}: {value}"
        if lower == "precedence" and value.strip().lower() in ("bulk", "list", "junk"):
            return "precedence", f"{name}: {value}"
        if lower == "x-auto-response-suppress" and {p.strip().lower() for p in value.split(",")} & {
            "all",
            "autoreply",
            "oof",
        }:
            return "response_suppressed", f"{name}: {value}"
        if lower in ("x-loop", "x-mailgate-event"):
            return "loop_header", f"{name}: {value}"
        if lower in ("x-autoreply", "x-autorespond", "x-autoresponse") and value.strip().lower() not in (
            "no",
            "",
        ):
            return "auto_submitted", f"{name}: {value}"
        if lower == "x-spam-flag" and value.strip().lower().startswith("yes"):
            return "spam", f"{name}: {value}"
    return None


def _sender(address: str, policy: Policy) -> tuple[str, str] | None:
    if policy.is_ours(address):
        return "our_own_address", address
    if _NOBODY.fullmatch(address.rpartition("@")[0]):
        return "nobody_reads", address
    return None


def _limited(mail: Mail, address: str, facts: Facts, policy: Policy) -> tuple[str, str] | None:
    """Sliding windows over our own acknowledgements, on the decision's clock (MAIL 7)."""
    now, limits = mail.envelope.received_at, policy.limits
    if limits.per_address is not None:
        most, window = limits.per_address
        times = [t for t in facts.answered.get(address, ()) if now - window < t <= now]
        if len(times) >= most:
            return "limit_per_address", f"{len(times)} acknowledgements to {address} in {window} s"
    if limits.unknown is not None and policy.partner(address) is None:
        most, window = limits.unknown
        count = sum(unknown for minute, (_, unknown) in facts.minutes.items() if _within(minute, now, window))
        if count >= most:
            return "limit_unknown", f"{count} acknowledgements to senders of no partner in {window} s"
    if limits.desk is not None:
        most, window = limits.desk
        count = sum(sum(both) for minute, both in facts.minutes.items() if _within(minute, now, window))
        if count >= most:
            return "limit_desk", f"{count} acknowledgements in {window} s"
    return None


def _within(minute: int, now: float, window: int) -> bool:
    """Whether a minute lies in the window that ends now: whole minutes, so that windows are kept as counts."""
    return now - window < minute * 60 + 60 and minute * 60 <= now
