"""Raw bytes to a `ParsedMessage`, and the little that a door needs to know before it answers."""

from __future__ import annotations

from parsing import (
    addresses,
    attachments,
    auth,
    bodies,
    calendar,
    clearsigned,
    dates,
    diagnosis,
    headers,
    kind,
    language,
    limits,
    parts,
    reply,
    storable,
    words,
)
from parsing.defects import Defects
from parsing.identity import Identity, identify
from parsing.message import Address, ParsedMessage
from parsing.sameness import content_key, mail_key

_SINGLE = ("From", "Subject", "Date", "Message-ID", "To")

__all__ = ["Identity", "content_key", "identify", "mail_key", "parse"]


def parse(raw: bytes) -> ParsedMessage:
    """The best reading of a mail. Never raises, and never takes more than linear time in `len(raw)`.

    What is wrong with the mail is in `defects`; what cannot be read is left empty, the rest stands.
    """
    defects = Defects()
    try:
        return storable.message(_parse(raw, defects))
    except Exception as error:  # noqa: BLE001 - the law of this room: any bytes become a message
        return storable.message(_unread(raw, (*defects, f"the mail could not be read: {type(error).__name__}")))


def _unread(raw: bytes, defects: tuple[str, ...]) -> ParsedMessage:
    """What stands in for a mail that we failed on: its bytes as text, who and what by the door's own reading."""
    text = raw[: limits.TEXT_BYTES].decode("utf-8", "replace")
    try:
        known = identify(raw)
    except Exception:  # noqa: BLE001 - the fault may lie in what both readings use
        known = Identity(None, "", "", 0)
    return ParsedMessage(
        message_id=known.message_id,
        from_=(Address("", known.from_address),) if known.from_address else (),
        subject=known.subject,
        text=text,
        reply=text,
        reply_certain=False,
        kind="auto_generated",  # nobody is answered on a guess
        kind_reason="The mail could not be read.",
        defects=defects,
    )


def _parse(raw: bytes, defects: Defects) -> ParsedMessage:
    tree = parts.read(raw, defects)
    fields, by_name, hint = tree.fields, tree.named, tree.hint

    def mailboxes(name: str) -> tuple[Address, ...]:
        values = by_name.get(name)
        return addresses.parse(values, hint, defects) if values else ()

    def first(name: str) -> str:
        values = by_name.get(name)
        return values[0] if values else ""

    root = tree.root
    decoded = root.headers if isinstance(root, parts.Part) else words.decode_fields(fields, hint)
    subject = words.decode(first("subject"), hint)
    if tree.subject and (inner := words.decode(tree.subject, hint)) != subject:
        defects.note(f"the Subject inside what is signed counts (RFC 9788), not {subject[:80]!r}")
        subject = inner
    from_ = mailboxes("from")
    date = dates.parse(first("date"))
    _check(by_name, from_, date is None and "date" in by_name, defects)
    if defects and ((not from_ and "from" in by_name) or (date is None and "date" in by_name)):
        defects += diagnosis.header_defects(fields)
    sender = mailboxes("sender")
    body = bodies.read(tree, defects)
    if "-----BEGIN PGP MESSAGE-----" in body.text:  # RFC 9580 section 6.2
        defects.note("encrypted: its content was not read")
    in_reply_to = headers.message_ids(by_name.get("in-reply-to", ()))
    references = headers.message_ids(by_name.get("references", ()))
    message_id = headers.message_id(first("message-id"))
    if any(headers.has_long_id(by_name.get(name, ())) for name in ("message-id", "in-reply-to", "references")):
        defects.note(f"a Message-ID longer than {limits.ID_CHARS} characters: it is left out")
    author = from_[0] if from_ else None
    split = reply.split(clearsigned.cleartext(body.text), body.html, subject, bool(in_reply_to or references), author)
    to, cc = mailboxes("to"), mailboxes("cc")
    _check_limits(by_name, max(len(from_), len(to), len(cc)), len(references), defects)
    return_path = by_name.get("return-path")
    files = attachments.read(tree.parts, body, defects)
    claims = auth.read(fields, defects)
    message = ParsedMessage(
        message_id=message_id,
        in_reply_to=in_reply_to,
        references=references,
        from_=from_,
        sender=sender[0] if sender else None,
        reply_to=mailboxes("reply-to"),
        to=to,
        cc=cc,
        return_path=addresses.bare(return_path[0]) if return_path else None,
        subject=subject,
        date=date,
        text=body.text,
        reply=split.reply,
        reply_certain=split.certain and not body.is_ours,
        signature=split.signature,
        html=body.html,
        language=language.guess(split.reply or body.text),
        attachments=files,
        calendar=calendar.read(tree.parts),
        forwarded_from=split.forwarded_from,
        auth=claims,
        received=tuple(by_name.get("received", ())),
        headers=decoded,
        defects=tuple(defects),
    )
    verdict = kind.classify(message, tree.parts)
    known: dict[str, object] = {"kind": verdict.kind, "kind_reason": verdict.reason, "alert": verdict.alert}
    if verdict.bounce is not None:
        known |= {
            "bounce_recipients": verdict.bounce.recipients,
            "bounce_temporary": verdict.bounce.temporary,
            "bounce_status": verdict.bounce.status,
            "bounce_deliveries": verdict.bounce.deliveries,
            "bounce_original_id": verdict.bounce.original_id,
            "bounce_diagnostic": verdict.bounce.diagnostic,
        }
    for slot, found in known.items():
        # Nobody else has seen this message yet; a copy by `replace` costs as much as reading its addresses.
        object.__setattr__(message, slot, found)
    return message


def _check(by_name: dict[str, list[str]], from_: tuple[Address, ...], bad_date: bool, defects: Defects) -> None:
    """RFC 5322 section 3.6: one From with a mailbox, one Date that can be read, a Message-ID, one of each other."""
    if not from_:
        defects.note("no From with a mailbox" if "from" in by_name else "no From")
    if bad_date:
        defects.note("a Date that cannot be read")
    if "message-id" not in by_name:
        defects.note("no Message-ID")
    defects += [f"more than one {name}" for name in _SINGLE if len(by_name.get(name.lower(), ())) > 1]


def _check_limits(by_name: dict[str, list[str]], mailboxes: int, ids: int, defects: Defects) -> None:
    if mailboxes >= limits.ADDRESSES:
        defects.note(f"more than {limits.ADDRESSES} mailboxes in a field: the rest was not read")
    if ids >= limits.MESSAGE_IDS:
        defects.note(f"more than {limits.MESSAGE_IDS} references: only the last were read")
    if len(by_name.get("authentication-results", ())) > limits.AUTH_RESULTS:
        defects.note(f"more than {limits.AUTH_RESULTS} Authentication-Results: the rest was not read")
