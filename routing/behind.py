"""Who stands behind a mail that something else sent: a web form, or a mailing group in front of the desk.

Pure, and before everything else is decided: from then on the mail is that person's. That somebody typed an address
into a form, or that a group replaced the From line, proves nothing about who it was.
"""

from __future__ import annotations

import re
from dataclasses import replace
from email.utils import parseaddr
from ipaddress import ip_address

from parsing.message import Address, ParsedMessage
from routing.mail import Attribution, Evidence, Mail
from routing.policy import Door, Form, Policy

BODY_LIMIT = 200_000  # characters of a form's mail in which its pattern looks
_CLIENT = re.compile(r"\[(?:IPv6:)?([0-9a-fA-F.:]+)\]")
_LIST = ("list-id", "list-post", "mailing-list", "x-beenthere", "x-mailing-list", "sender")


def attributed(mail: Mail, policy: Policy) -> Mail:
    """The mail as of the person behind it; the same one where its author is who it says."""
    message = mail.message
    if len(message.from_) != 1:
        return mail
    form = policy.forms.get(message.from_[0].address.lower())
    if form is not None:
        return _of_form(mail, form, policy)
    group = _group(message, policy) if policy.front_lists else None
    return mail if group is None else _of_group(mail, group, policy)


def _of_form(mail: Mail, form: Form, policy: Policy) -> Mail:
    seen = f"from {mail.message.from_[0].address}, form {form.name!r}"
    if mail.evidence.result != "pass" and not _listed(mail, form, policy):
        outcome = "neither verified nor from one of its addresses: a mail like any other"
        return replace(mail, attribution=Attribution("form_unverified", seen, outcome))
    person = _typed(mail.message, form)
    if person is None:
        return replace(mail, attribution=Attribution("form_nobody", seen, "no address of a person is in it"))
    kind = "human" if mail.message.kind in ("auto_generated", "list") else mail.message.kind
    return replace(
        mail,
        message=replace(mail.message, from_=(person,), reply_to=(), kind=kind, kind_reason=""),
        evidence=Evidence("none", "unknown", f"{person.address} was typed into form {form.name!r}"),
        attribution=Attribution("form", seen, f"written by {person.address}"),
    )


def _listed(mail: Mail, form: Form, policy: Policy) -> bool:
    """Whether it was handed in by one of the form's hosts, to us or to the mail server in front of us."""
    door = policy.doors.get(mail.envelope.door, Door())
    if not form.hosts or mail.envelope.door.startswith("imap:"):
        return False
    client = mail.envelope.peer
    if not client or door.trusts(client):
        found = _CLIENT.search(mail.message.received[0]) if mail.message.received else None
        client = found[1] if found else client
    try:
        address = ip_address(client)
    except ValueError:
        return False
    return any(address in network for network in form.hosts)


def _typed(message: ParsedMessage, form: Form) -> Address | None:
    if form.pattern is None:
        return next((a for a in message.reply_to if "@" in a.address), None)
    found = form.pattern.search(message.text[:BODY_LIMIT])
    if found is None:
        return None
    groups = found.groupdict()
    address = (groups.get("address") or "").strip(" <>\"',;")
    if not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", address):
        return None
    return Address((groups.get("name") or "").strip(), address)


def _group(message: ParsedMessage, policy: Policy) -> str | None:
    """The group in front of the desk that it came through: as its headers say, or as it is addressed."""
    author = message.from_[0].address.lower()
    if author in policy.front_lists:
        return author
    said = [(key.lower(), value.lower()) for key, value in message.headers]
    named = [value for key, value in said if key in _LIST]
    for group in sorted(policy.front_lists):
        if any(group in value or f"<{group.replace('@', '.')}>" in value for value in named):
            return group
    if any(key in ("list-id", "list-post") for key, _ in said):
        return None  # another list's
    addressed = {a.address.lower() for a in (*message.to, *message.cc)}
    return next(iter(sorted(addressed & policy.front_lists)), None)


def _of_group(mail: Mail, group: str, policy: Policy) -> Mail:
    """A group is no list that the desk reads, but people who write to it."""
    message = mail.message
    seen = f"came by {group}, which is in front of the desk"
    if message.kind == "list":
        message = replace(message, kind="human", kind_reason="")
    evidence = mail.evidence
    if message.from_[0].address.lower() == group:  # rewritten, since the author's DMARC would fail: "Anna via Support"
        person = _rewritten(message, policy)
        if person is None:
            return replace(mail, attribution=Attribution("front_list_nobody", seen, "it does not say whose mail it is"))
        message = replace(message, from_=(person,), reply_to=())
        if evidence.result == "pass":
            evidence = Evidence("none", "unknown", f"{evidence.seen}: the group's own, for it has replaced From")
    author = message.from_[0].address
    return replace(
        mail, message=message, evidence=evidence, attribution=Attribution("front_list", seen, f"written by {author}")
    )


def _rewritten(message: ParsedMessage, policy: Policy) -> Address | None:
    """Who wrote it: as the group says, or whom it has put into Cc beside the name that it keeps in From."""
    shown = re.split(r"\s+via\s+", message.from_[0].name, maxsplit=1)[0].strip("'\" ")
    name, address = parseaddr(message.header("X-Original-From") or "")
    said = (Address(name, address), *message.reply_to)
    person = next((a for a in said if "@" in a.address and not policy.is_ours(a.address)), None)
    if person is None:  # Mailman does so where answers go to the list
        copied = {a.address.lower(): a for a in message.cc if "@" in a.address and not policy.is_ours(a.address)}
        meant = [a for a in copied.values() if _is_named(a, shown)]
        person = meant[0] if len(meant) == 1 else None
    return person if person is None or person.name else Address(shown, person.address)


def _is_named(person: Address, shown: str) -> bool:
    """Whether a mailbox is that of the name shown: by its own name in any order, else by what stands before the @."""
    local = person.address.partition("@")[0]
    wanted = _words(shown.partition("@")[0])
    return bool(wanted) and (
        wanted == _words(person.name) or wanted == _words(local) or "".join(shown.split()).lower() == local.lower()
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.casefold()))
