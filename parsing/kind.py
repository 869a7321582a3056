"""Tell what kind of mail this is, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parsing import alerts, bounces
from parsing.bounces import Bounce
from parsing.message import Alert, Kind, ParsedMessage
from parsing.parts import Part


@dataclass(frozen=True, slots=True)
class Verdict:
    """The kind of a mail, the reason in one sentence, and what an alert or a bounce says."""

    kind: Kind
    reason: str
    alert: Alert | None = None
    bounce: Bounce | None = None


def classify(message: ParsedMessage, parts: Sequence[Part]) -> Verdict:
    """The kind of `message`, whose leaf parts are `parts`."""
    bounce = bounces.read(message, parts)
    if bounce:
        return Verdict("bounce", "It carries a delivery status.", bounce=bounce)
    alert = alerts.read(message.subject, message.text, message.headers)
    if alert:
        return Verdict("alert", f"It has the form of {alert.system}.", alert=alert)
    return Verdict("human", "Nothing says otherwise.")
