"""A mail while it is decided: what is known of it, how sure its author is by now, and the reasons so far."""

from __future__ import annotations

from dataclasses import dataclass

from routing.decision import Reason
from routing.facts import Facts
from routing.mail import Mail, Trust
from routing.policy import Policy, Staff

AUTOMATIC = ("auto_reply", "calendar", "reaction")  # stored, and change no state, owner or clock (CONTRACT 7)


@dataclass(frozen=True, slots=True)
class Case:
    """One mail in hand. `because` is the same case with one reason more."""

    mail: Mail
    facts: Facts
    policy: Policy
    trust: Trust = "unverified"
    reasons: tuple[Reason, ...] = ()

    @property
    def address(self) -> str | None:
        """The author's address in lower case. Reply-To and Sender say nothing about who wrote."""
        author = self.mail.message.author
        return author.address.lower() if author is not None and "@" in author.address else None

    @property
    def member(self) -> Staff | None:
        """The member of staff in whose name it is."""
        return self.policy.staff.get(self.address or "")

    @property
    def names(self) -> tuple[str, ...]:
        """Whom a greeting may name: the desk and its staff."""
        return (self.policy.name, *(member.name for member in self.policy.staff.values()))

    @property
    def human(self) -> bool:
        """Whether a person may have written it: no mail client has the null sender."""
        return self.mail.message.kind == "human" and not self.mail.null_sender

    @property
    def kind(self) -> str:
        """The kind, and by what it was told; for a person."""
        message = self.mail.message
        if message.kind == "human" and self.mail.null_sender:
            return "automatic: its envelope sender is <>"
        return f"{message.kind}: {message.kind_reason}" if message.kind_reason else message.kind

    def because(self, code: str, seen: str, outcome: str) -> Case:
        """One reason more."""
        return Case(self.mail, self.facts, self.policy, self.trust, (*self.reasons, Reason(code, seen, outcome)))

    def trusted(self, trust: Trust) -> Case:
        """The same with that degree."""
        return Case(self.mail, self.facts, self.policy, trust, self.reasons)
