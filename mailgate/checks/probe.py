"""Mails of the desk's to itself, through the relay and back in by a door: what both do to them.

`mailgate check --probe` sends one with each envelope sender that the relay takes, and one to a plus address. None opens
a ticket: each bears a Message-ID of ours, by which it is recorded as a mail that came back; where the relay puts
another one in its place it bears our mark, answers an id of ours and says that it is automatic (RFC 3834 section 5).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formataddr, formatdate
from typing import Literal

from mailgate.application import Application
from mailgate.checks import running
from mailgate.checks.finding import Finding, advice, failed, ok
from mailgate.checks.relaying import with_suffix
from mailgate.checks.results import top, trust
from mailgate.checks.standing import header
from mailgate.outgoing.relay import Connection, RelayAway, SenderRefused
from mailgate.settings.sources import Place
from routing import tokens
from storage import journal, listings, status
from storage.database import Database
from storage.deliveries import Sent
from storage.listings import ArrivalRow
from storage.sending import Outgoing

POLL_SECONDS = 0.1
STRAGGLERS = 0.5  # of the time that the first took, and no less than a second, for the others
LOOKED_AT = 200  # newest arrivals among which the probes are looked for
NOTHING = 0  # no ticket and no article has it

Variant = Literal["account", "verp", "null", "plus"]
WORDS: dict[Variant, str] = {
    "account": "the desk's address",
    "verp": "an address of its own (VERP)",
    "null": "<>",
    "plus": "a plus address",
}


@dataclass(slots=True)
class _Probe:
    """One mail; `refused` is what the relay said against it, `arrival` how it came back."""

    variant: Variant
    letter: Outgoing
    word: str
    refused: str | None = None
    arrival: ArrivalRow | None = None
    sent: float = field(default_factory=time.monotonic)
    took: float = 0.0


def probe(app: Application, seconds: float) -> Iterator[Finding]:
    """Sends them, and waits until a door has taken them and they were worked, the first one within `seconds`."""
    settings = app.settings
    if settings.relay is None:
        yield failed("probe", "there is no relay to send it by", "add [relay]")
        return
    now = time.time()
    runs = running.daemon(settings, status.read(settings.database_url, now, counted=False).beats)
    if (none := runs.problem(settings, now)) is not None:  # nobody would take them
        yield failed("probe", f"nothing was sent: {none.said.partition('; ')[0]}", f"`{running.start(settings)}`")
        return
    probes = [_made(app, variant) for variant in WORDS]
    try:
        _send(app, probes)
    except RelayAway as error:
        yield failed("probe", error.trouble.said, error.trouble.todo, ("relay", error.trouble.key))
        return
    in_use = next(p for p in probes if p.variant == settings.relay.envelope)
    if in_use.refused is not None:
        said = f"the relay refused it: {in_use.refused}"
        yield failed("probe", said, f"does the relay know {settings.desk.address}?", ("relay", "envelope"))
        return
    yield ok("probe", f"the relay took {sum(p.refused is None for p in probes)} of {len(probes)}")
    _wait(app.db, probes, seconds)
    if in_use.arrival is None:
        others = [p for p in probes if p.arrival is not None]
        said = f"it did not come in within {seconds:g} s"
        if others:
            said += f", sent from {WORDS[in_use.variant]}; what was sent from {WORDS[others[0].variant]} did"
            yield failed("probe", said, f'relay.envelope = "{others[0].variant}"', ("relay", "envelope"))
        else:
            todo = f"does `mailgate serve` run, and does mail to {settings.desk.address} lead to one of its doors?"
            yield failed("probe", said, todo)
        return
    row = in_use.arrival
    yield ok("probe", f"it came in by {row.door} after {in_use.took:.1f} s and opened no ticket ({row.outcome})")
    yield from _envelopes(probes, settings.relay.envelope)
    yield _message_id(app, in_use, row)
    yield _plus(next(p for p in probes if p.variant == "plus"), settings.desk.address, settings.answers.reply_address)
    yield from _results(app, row)


# --- sending and waiting ------------------------------------------------------------------------------------------


def _made(app: Application, variant: Variant) -> _Probe:
    address, word = app.settings.desk.address, secrets.token_hex(4)
    recipient = with_suffix(address, f"probe-{word}") if variant == "plus" else address
    senders = {"verp": with_suffix(address, f"probe-{word}"), "null": ""}
    ours = tokens.message_id(app.policy.keys, "alarm", NOTHING, NOTHING, f"{address} {word}", app.policy.domain)
    message = EmailMessage()
    message["From"] = message["To"] = formataddr((app.policy.name, address))
    message["Subject"] = f"mailgate probe {word}"
    message["Date"] = formatdate()
    message["Message-ID"] = message["In-Reply-To"] = f"<{ours}>"
    message["Auto-Submitted"] = "auto-replied"
    message["X-Mailgate-Event"] = "alarm"
    message.set_content("`mailgate check --probe` sent this. It opens no ticket, and nobody has to answer it.\n")
    headers, _, body = message.as_bytes(policy=message.policy.clone(linesep="\r\n")).partition(b"\r\n\r\n")
    letter = Outgoing(
        id=NOTHING,
        attempt=1,
        recipient=recipient,
        envelope_from=senders.get(variant, address),
        message_id=ours,
        headers=headers + b"\r\n\r\n",
        body=body,
    )
    return _Probe(variant, letter, word)


def _send(app: Application, probes: Sequence[_Probe]) -> None:
    """Raises RelayAway."""
    assert app.settings.relay is not None
    connection = Connection(app.settings.relay, app.settings)
    try:
        for one in probes:
            one.sent = time.monotonic()
            try:
                result = connection.offer(one.letter)
                one.refused = None if isinstance(result, Sent) else result.error or "not taken"
            except SenderRefused as refused:
                one.refused = refused.text
    finally:
        connection.close()


def _wait(db: Database, probes: Sequence[_Probe], seconds: float) -> None:
    """Until all that were taken are back; once one is, the others have half as long again."""
    began = time.monotonic()
    end = began + seconds
    while True:
        waiting = [one for one in probes if one.refused is None and one.arrival is None]
        now = time.monotonic()
        if not waiting or now > end:
            return
        with db.read() as connection:
            rows, _ = listings.arrivals(connection, limit=LOOKED_AT)
        done = [row for row in rows if row.state == "done"]
        for one in waiting:
            one.arrival = next((row for row in done if _is(one, row)), None)
            if one.arrival is not None:
                one.took = now - one.sent
                end = min(end, now + max(1.0, (now - began) * STRAGGLERS))
        time.sleep(POLL_SECONDS)


def _is(one: _Probe, row: ArrivalRow) -> bool:
    return row.message_id == one.letter.message_id or one.word in (row.subject or "")


# --- what they tell -----------------------------------------------------------------------------------------------


def _envelopes(probes: Sequence[_Probe], in_use: str) -> Iterator[Finding]:
    senders = [one for one in probes if one.variant != "plus"]
    there = [WORDS[one.variant] for one in senders if one.arrival is not None]
    yield ok("probe", f"envelope senders that arrive: {', '.join(there)}")
    for one in senders:
        if one.arrival is None and one.variant != in_use:
            why = f"the relay says: {one.refused}" if one.refused else "the relay took it, and it did not arrive"
            yield ok("probe", f"not with {WORDS[one.variant]}: {why}; leave relay.envelope as it is")
    verp = next(one for one in senders if one.variant == "verp")
    plus = next(one for one in probes if one.variant == "plus")
    if in_use == "account" and verp.arrival is not None and plus.arrival is not None:
        said = "an envelope sender for each mail works here: bounces would be told apart for certain"
        yield Finding("probe", "ok", said, 'if you like: relay.envelope = "verp"', ("relay", "envelope"))


def _message_id(app: Application, one: _Probe, row: ArrivalRow) -> Finding:
    if row.message_id == one.letter.message_id:
        return ok("probe", "the relay keeps our Message-ID: replies find their ticket by it")
    if app.settings.answers.subject_token == "always":  # noqa: S105 - no secret
        return ok("probe", "the relay puts another Message-ID in place of ours; the number stands in subjects")
    said = "the relay puts another Message-ID in place of ours: replies may lose their thread"
    return advice("probe", said, 'answers.subject_token = "always"', ("answers", "subject_token"))


def _plus(one: _Probe, address: str, in_use: str) -> Finding:
    if one.arrival is not None:
        said = f"mail to {with_suffix(address, '...')} is delivered: it leads to its ticket, too"
        todo = 'if you like: answers.reply_address = "plus"' if in_use == "plain" else ""
        return Finding("probe", "ok", said, todo, ("answers", "reply_address"))
    why = f"the relay says: {one.refused}" if one.refused else "it did not arrive"
    said = f"mail to {with_suffix(address, '...')} is not delivered ({why})"
    delimiter = "a mail server in front: recipient_delimiter = +"
    if in_use == "plus":
        todo = f'answers.reply_address = "plain", or with {delimiter}'
        return failed("probe", f"{said}, and answers are asked for there", todo, ("answers", "reply_address"))
    todo = f"nothing depends on it; {delimiter}"
    return advice("probe", said, todo)


def _results(app: Application, row: ArrivalRow) -> Iterator[Finding]:
    """By whom a mail of our own is said to be ours; the door's setting."""
    with app.db.read() as connection:
        tops = [top(header(journal.raw(connection, row.id) or b""))]
    settings = app.settings
    key, at, believed = "smtp.auth_results", ("smtp", "auth_results"), settings.smtp and settings.smtp.auth_results
    for n, box in enumerate(settings.imap):
        if row.door == f"imap:{box.name}":
            place: Place = ("imap", n, "auth_results")
            yield _seen(f'imap "{box.name}".auth_results', place, box.auth_results, tops)
            return
    if believed and row.door in ("smtp", "lmtp"):
        yield _seen(key, at, believed, tops)


def _seen(key: str, at: Place, believed: str, tops: Sequence[str | None]) -> Finding:
    if tops[0] is None and believed == "none":
        return ok("probe", "nobody writes Authentication-Results on mail from the desk itself")
    return trust("probe", key, believed, tops, at)
