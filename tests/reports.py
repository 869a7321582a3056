"""Delivery reports as mail servers write them (RFC 3464 in RFC 6522)."""

from __future__ import annotations


def bounce(
    recipient: str,
    original_id: str | None,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    to: str = "help@desk.example",
    number: int = 1,
    delivery: str = "",
) -> bytes:
    """A report of Postfix's form about one recipient; with the header of the mail that it is about, if it says so.

    `delivery` is the token that the mail bore.
    """
    original = f"""--b
Content-Type: text/rfc822-headers

From: help@desk.example
{f"X-Mailgate-Delivery: {delivery}" if delivery else "X-Other: 1"}
Message-ID: <{original_id}>
Subject: Re: Printer
"""
    return f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.acme.example (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: Mon, 5 Jan 2026 09:00:00 +0000
Message-ID: <report{number}@mx.acme.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

This is the mail system. Your message could not be delivered.

<{recipient}>: host mx.acme.example said: 550 {status} User unknown

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.example

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} User unknown

{original if original_id else ""}--b--
""".replace("\n", "\r\n").encode()
