"""The SMTP door's conversation (RFC 5321): HELO or EHLO, and one answer to a mail."""

from __future__ import annotations

from mailgate.intake.replies import Reply
from mailgate.intake.session import MailSession


class SmtpSession(MailSession):
    """A mail server's connection, or a device's."""

    greets = frozenset({"HELO", "EHLO"})
    protocol = "ESMTP"

    def answer_to_mail(self, reply: Reply, recipients: int) -> bytes:
        """One answer for all recipients."""
        return reply.line
