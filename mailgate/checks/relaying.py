"""The relay, tried: connection, sign-in, and whether it would take mail from the desk to whom it writes."""

from __future__ import annotations

import contextlib
import re
import smtplib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailgate.checks.finding import Finding, advice, at_server, failed, ok
from mailgate.grants.errors import GrantError
from mailgate.outgoing import sign_in
from mailgate.outgoing.fields import addr_spec
from mailgate.outgoing.relay import explain, leave, relays_not
from mailgate.settings import Relay, Settings
from mailgate.trouble import TRY_SECONDS, Account, in_the_clear

_POLICY = re.compile(r"\b5\.7\.\d+\b|relay|authenticat", re.IGNORECASE)  # RFC 3463 section 3.8: security or policy
_OF_POLICY = re.compile(r"^\d{3} 5\.(?:1\.[78]|7\.)|sender", re.IGNORECASE)  # and not: nobody is called so
_USER = "add relay.user and relay.password_file"
ACCOUNT = 'relay.envelope = "account"'


def relay(settings: Settings) -> Iterator[Finding]:
    """EHLO, TLS and sign-in as the sender does it; then who may send, and to whom. Nothing is sent (RFC 5321 RSET)."""
    account = settings.relay
    if account is None:
        yield advice("relay", "none is set: outgoing mail is held", "add [relay] when the desk may answer")
        return
    where = Account("relay", account, "SMTP").where
    yield from (at_server(finding, where) for finding in _tried("relay", where, account, settings))


def _tried(what: str, where: str, account: Relay, settings: Settings) -> Iterator[Finding]:
    try:
        with signed_in(account, settings) as smtp:
            yield ok(what, f"{where}: {_offers(smtp, account)}")
            yield from _takes(what, smtp, settings, account)
    except (OSError, UnicodeError, smtplib.SMTPException, GrantError) as error:
        trouble = explain(error, account)
        yield failed(what, trouble.said, trouble.todo, ("relay", trouble.key))
    if (said := in_the_clear(account)) is not None:
        yield advice(what, said, 'tls = "starttls", or "implicit"', ("relay", "tls"))


@contextlib.contextmanager
def signed_in(account: Relay, settings: Settings) -> Iterator[smtplib.SMTP]:
    """An open connection that does not wait for ever. Raises as `sign_in.connected` does."""
    smtp = sign_in.connected(account, settings, min(account.timeout, TRY_SECONDS))
    try:
        yield smtp
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
    finally:
        smtp.close()


def _offers(smtp: smtplib.SMTP, account: Relay) -> str:
    size = smtp.esmtp_features.get("size", "")
    signed = f"{account.user} signed in" if account.user else "no sign-in"
    parts = [
        {"none": "no TLS", "starttls": "STARTTLS", "implicit": "TLS"}[account.tls],
        signed,
        f"mails up to {int(size) / 1_000_000:,.0f} MB" if size.isdigit() and int(size) else "",
        "" if smtp.has_extn("smtputf8") else "no SMTPUTF8",
    ]
    return ", ".join(part for part in parts if part)


# --- who may send, and to whom ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answer:
    """To MAIL or RCPT; `command` is what it was said to."""

    command: str
    code: int
    text: str

    @property
    def good(self) -> bool:
        return self.code // 100 == 2


def _takes(what: str, smtp: smtplib.SMTP, settings: Settings, account: Relay) -> Iterator[Finding]:
    """The envelope senders, and mails to a member of staff and a partner, each as far as RCPT."""
    desk = settings.desk.address
    senders: dict[str, str] = {"account": desk, "verp": with_suffix(desk, "probe"), "null": ""}
    outside = [member.addresses[0] for member in settings.staff[:1]]
    outside += [f"postmaster@{domain.lstrip('@')}" for p in settings.partner[:1] for domain in p.domains[:1]]
    answers = {name: _refusal(smtp, sender, [desk]) for name, sender in senders.items()}
    in_use = answers[account.envelope]
    if in_use is not None:
        asks = account.user is None and smtp.has_extn("auth")
        yield _refused(what, in_use, senders[account.envelope], account, asks=asks)
        return
    for recipient in outside:
        if addr_spec(recipient) is not None and (refusal := _refusal(smtp, senders[account.envelope], [recipient])):
            yield _recipient(what, refusal, recipient, account)
            return
    named = {"account": "the desk's address", "verp": "one of its own for each mail (VERP)", "null": "<>"}
    taken = [named[name] for name, answer in answers.items() if answer is None]
    left = [named[name] for name, answer in answers.items() if answer is not None]
    said = f"envelope senders it takes: {', '.join(taken)}"
    yield ok(what, f"{said}; not {', '.join(left)}" if left else said)


def with_suffix(address: str, suffix: str) -> str:
    """`help+suffix@desk.example`."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{suffix}@{domain}"


def _refusal(smtp: smtplib.SMTP, sender: str, recipients: Sequence[str]) -> _Answer | None:
    """What the relay says against such a mail; None where it would take it."""
    options = ["SMTPUTF8"] if smtp.has_extn("smtputf8") and not (sender + "".join(recipients)).isascii() else []
    answers = [_said(f"MAIL FROM:<{sender}>", smtp.mail(sender, options))]
    if answers[0].good:
        answers += [_said(f"RCPT TO:<{recipient}>", smtp.rcpt(recipient)) for recipient in recipients]
    smtp.rset()
    return next((answer for answer in answers if not answer.good), None)


def _said(command: str, reply: tuple[int, bytes]) -> _Answer:
    return _Answer(command, reply[0], f"{reply[0]} {' '.join(reply[1].decode('utf-8', 'replace').split())}")


def _refused(what: str, answer: _Answer, sender: str, account: Relay, *, asks: bool) -> Finding:
    said = f'to {answer.command} it says "{answer.text}"'
    if answer.command.startswith("RCPT") and relays_not(answer.text):
        return failed(what, said, leave(account), ("relay", "user"))
    if answer.code // 100 == 4:
        return advice(what, said, "perhaps only for now: try again in some minutes")
    if answer.code in (530, 550) and "auth" in answer.text.lower():
        why = "it offers AUTH and no user is set" if asks else "it wants a sign-in"
        return failed(what, said, f"{why}: {_USER}", ("relay", "user"))
    if account.envelope != "account":
        return failed(what, said, ACCOUNT, ("relay", "envelope"))
    if answer.command.startswith("MAIL") or _OF_POLICY.search(answer.text):
        todo = f"allow the account to send as {sender} there, or sign in as who may"
        return failed(what, said, todo, ("relay", "user"))
    return failed(
        what, said, f"does that server know {sender}? make the mailbox or the route to it first", ("desk", "address")
    )


def _recipient(what: str, answer: _Answer, recipient: str, account: Relay) -> Finding:
    said = f'to {answer.command} it says "{answer.text}"'
    if answer.code // 100 == 4 and not relays_not(answer.text):
        return advice(what, said, "perhaps only for now: try again in some minutes")
    if not _POLICY.search(answer.text):  # of this one address
        return advice(what, said, f"is {recipient} right?", ("relay", "host"))
    return failed(what, said, leave(account), ("relay", "user"))
