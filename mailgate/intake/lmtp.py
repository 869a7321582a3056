"""The LMTP door's conversation (RFC 2033): LHLO, and one answer to a mail for each of its recipients."""

from __future__ import annotations

from mailgate.intake.replies import Reply
from mailgate.intake.session import MailSession


class LmtpSession(MailSession):
    """The connection of the mail server in front of us."""

    greets = frozenset({"LHLO"})  # RFC 2033 section 4.1: HELO and EHLO are unknown here
    protocol = "LMTP"

    def answer_to_mail(self, reply: Reply, recipients: int) -> bytes:
        """One answer for each RCPT that was accepted, in their order, also where all are refused (section 4.2)."""
        return reply.line * recipients
