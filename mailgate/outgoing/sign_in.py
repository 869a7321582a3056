"""A signed-in connection to the relay: TLS verified, then a password or a token (RFC 8314, RFC 4954, RFC 7628)."""

from __future__ import annotations

import base64
import smtplib

from mailgate.grants import sasl, tokens
from mailgate.settings import Relay, Settings
from mailgate.trouble import tls_context

# RFC 4954 section 4: an initial response must fit into a command line (RFC 5321 section 4.5.3.1.4), with its CRLF.
LONGEST_COMMAND = 512


def connected(relay: Relay, settings: Settings, timeout: float) -> smtplib.SMTP:
    """An open connection after EHLO, TLS and sign-in; the caller closes it.

    Raises OSError (ssl.SSLError among them), UnicodeError for the password's file, smtplib.SMTPException and
    GrantError.
    """
    greeting = settings.desk.address.rpartition("@")[2]  # our name for EHLO (RFC 5321 section 4.1.1.1)
    context = tls_context(relay, settings) if relay.tls != "none" else None
    if relay.tls == "implicit":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(relay.host, relay.port, greeting, timeout=timeout, context=context)
    else:
        smtp = smtplib.SMTP(relay.host, relay.port, greeting, timeout=timeout)
    try:
        smtp.ehlo_or_helo_if_needed()
        if relay.tls == "starttls":  # refused by the server: an error, never clear text
            smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
        if relay.user is not None:
            sign_in(smtp, relay, settings)
    except BaseException:
        smtp.close()
        raise
    return smtp


def sign_in(smtp: smtplib.SMTP, relay: Relay, settings: Settings) -> None:
    """RFC 4954; a password is read anew for every connection, so that it can be changed. Raises as `connected` does."""
    assert relay.user is not None
    if relay.auth != "password":
        _by_token(smtp, relay, settings)
        return
    password = settings.path(relay.password_file).read_text("utf-8-sig").strip() if relay.password_file else ""
    if (relay.user + password).isascii():
        smtp.login(relay.user, password)  # CRAM-MD5, PLAIN or LOGIN, as the server likes
        return
    if "PLAIN" not in _offered(smtp):
        raise smtplib.SMTPNotSupportedError("the relay takes no password beyond ASCII: it offers no AUTH PLAIN")
    _authenticate(smtp, "PLAIN", f"\0{relay.user}\0{password}".encode(), b"")  # RFC 4616 section 2


def _by_token(smtp: smtplib.SMTP, relay: Relay, settings: Settings) -> None:
    mechanism = sasl.choose(_offered(smtp))
    if mechanism is None:
        raise smtplib.SMTPNotSupportedError("the relay offers neither OAUTHBEARER nor XOAUTH2")
    token = tokens.access(settings, relay)
    word = sasl.response(mechanism, relay.user or "", token, relay.host, relay.port)
    try:
        _authenticate(smtp, mechanism, word, sasl.AFTER_ERROR[mechanism])
    except smtplib.SMTPAuthenticationError as error:
        if error.smtp_code == 535:  # RFC 4954 section 6: it was looked at, and is no good
            tokens.refused(settings, relay, token)
        raise


def _offered(smtp: smtplib.SMTP) -> list[str]:
    return smtp.esmtp_features.get("auth", "").upper().split()


def _authenticate(smtp: smtplib.SMTP, mechanism: str, word: bytes, after_error: bytes) -> None:
    """AUTH with one response of ours (RFC 4954 section 4)."""
    response = base64.b64encode(word).decode()
    if len(f"AUTH {mechanism} {response}\r\n") <= LONGEST_COMMAND:
        code, said = smtp.docmd("AUTH", f"{mechanism} {response}")
    else:
        code, said = smtp.docmd("AUTH", mechanism)
        if code == 334:
            code, said = smtp.docmd(response)
    if code == 334:  # the server says what is wrong, and wants a word before its 535
        why = _decoded(said)
        code, said = smtp.docmd(base64.b64encode(after_error).decode())
        said += f" ({why})".encode() if why else b""
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, said)


def _decoded(challenge: bytes) -> str:
    try:
        return sasl.refusal(base64.b64decode(challenge))
    except ValueError:
        return ""
