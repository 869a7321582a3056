"""A `ParsedMessage` as the JSON object that `mailgate parse` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from parsing.message import Address, ParsedMessage


def document(message: ParsedMessage, file: str) -> dict[str, Any]:
    """The object: times in UTC with Z, ids without brackets, attachments without their bytes."""
    return {
        "file": file,
        "message_id": message.message_id,
        "in_reply_to": message.in_reply_to[0] if message.in_reply_to else None,
        "references": list(message.references),
        "from": _address(message.author),
        "reply_to": [_address(one) for one in message.reply_to],
        "to": [_address(one) for one in message.to],
        "cc": [_address(one) for one in message.cc],
        "subject": message.subject,
        "date": message.date.strftime("%Y-%m-%dT%H:%M:%SZ") if message.date else None,
        "text": message.text,
        "reply": message.reply,
        "reply_certain": message.reply_certain,
        "signature": message.signature,
        "html": message.html,
        "language": message.language,
        "attachments": [
            {
                "filename": one.filename,
                "content_type": one.content_type,
                "size": one.size,
                "sha256": one.sha256,
                "inline": one.inline,
            }
            for one in message.attachments
        ],
        "kind": message.kind,
        "kind_reason": message.kind_reason,
        "bounce_recipients": [r for r in message.bounce_recipients if r not in message.bounce_temporary],
        "bounce_temporary_recipients": list(message.bounce_temporary),
        "bounce_status": list(message.bounce_status),
        "bounce_deliveries": [asdict(one) for one in message.bounce_deliveries],
        "bounce_original_id": message.bounce_original_id,
        "alert": asdict(message.alert) if message.alert else None,
        "calendar": asdict(message.calendar) if message.calendar else None,
        "forwarded_from": _address(message.forwarded_from),
        "auth": asdict(message.auth),
        "defects": list(message.defects),
    }


def _address(one: Address | None) -> dict[str, str] | None:
    return {"name": one.name, "address": one.address} if one else None
