"""How a server of mail is spoken to at a port, found out by trying: TLS at once, STARTTLS, or neither (RFC 8314)."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from dataclasses import dataclass
from typing import Any, Literal

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from mailgate.settings.kinds import Tls
from mailgate.settings.providers import LOOPBACK

PATIENCE = 5.0  # seconds for a server's first words: who waits for the other side to begin is spoken to the other way
IN_PLAIN = (25, 143, 587)  # they begin without TLS (RFC 5321, 9051, 6409); a ClientHello there looks like abuse
NAME = "localhost"  # said to SMTP; nothing is asked of it

Protocol = Literal["IMAP", "SMTP"]
_FAILED = (OSError, smtplib.SMTPException, IMAPClientError)


@dataclass(frozen=True, slots=True)
class Transport:
    """`sign_in`: whether it asks who we are there; `doubt`: why its certificate is not to be trusted.

    `certificate` (PEM): one that a server of this machine has signed itself, for the very name that was asked for. It
    is as good as any once it is named as `tls_ca`.
    """

    tls: Tls
    sign_in: bool = True
    doubt: str = ""
    certificate: str = ""


def exposes(found: Transport, host: str) -> bool:
    """Whether a password would go over the network in the clear; who offers no TLS may stand in between (RFC 8314)."""
    return found.tls == "none" and found.sign_in and host not in LOOPBACK


@dataclass(frozen=True, slots=True)
class _Met:
    starttls: bool
    sign_in: bool
    certificate: bytes | None  # DER


def find(protocol: Protocol, host: str, port: int, *, vouched: bool = False) -> Transport | None:
    """What that port offers, the best of it; None where nobody answers. No name and no password is told.

    `vouched`: an authority is named for its certificate, so that nothing less than TLS is looked for where it has TLS.
    """
    begins: tuple[Tls, Tls] = ("none", "implicit") if port in IN_PLAIN else ("implicit", "none")
    for tls in begins:
        with contextlib.suppress(*_FAILED):
            met = _meet(protocol, host, port, tls, _unverified())
            return _secured(protocol, host, port, tls, met, vouched)
    return None


def _secured(protocol: Protocol, host: str, port: int, tls: Tls, met: _Met, vouched: bool) -> Transport:
    plain = met
    if tls == "none" and met.starttls:
        tls = "starttls"
        with contextlib.suppress(*_FAILED):  # who offers it and cannot is not to be spoken to in the clear
            met = _meet(protocol, host, port, tls, _unverified())
    if vouched or tls == "none" or met.certificate is None:
        return Transport(tls, met.sign_in)
    doubt = _doubt(protocol, host, port, tls, None)
    if not doubt:
        return Transport(tls, met.sign_in)
    own = ssl.DER_cert_to_PEM_cert(met.certificate)
    if host in LOOPBACK and not _doubt(protocol, host, port, tls, own):
        return Transport(tls, met.sign_in, doubt, own)
    if host in LOOPBACK and tls == "starttls":  # nobody stands between
        return Transport("none", plain.sign_in, doubt)
    return Transport(tls, met.sign_in, doubt)


def _doubt(protocol: Protocol, host: str, port: int, tls: Tls, trusted: str | None) -> str:
    """Why the certificate is not to be trusted, by the machine's authorities or by that one (PEM)."""
    try:
        _meet(protocol, host, port, tls, ssl.create_default_context(cadata=trusted))
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except _FAILED as error:
        return str(error)
    return ""


def _unverified() -> ssl.SSLContext:
    """To see a certificate; nothing that has to be kept secret goes over it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _meet(protocol: Protocol, host: str, port: int, tls: Tls, context: ssl.SSLContext) -> _Met:
    """A connection up to the moment before sign-in. Raises OSError, SMTPException and IMAPClientError."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
    return (_smtp if protocol == "SMTP" else _imap)(host, port, tls, context)


def _smtp(host: str, port: int, tls: Tls, context: ssl.SSLContext) -> _Met:
    smtp: smtplib.SMTP
    if tls == "implicit":
        smtp = smtplib.SMTP_SSL(host, port, NAME, timeout=PATIENCE, context=context)
    else:
        smtp = smtplib.SMTP(host, port, NAME, timeout=PATIENCE)
    try:
        smtp.ehlo_or_helo_if_needed()
        offered = smtp.has_extn("starttls")
        if tls == "starttls":
            smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
        met = _Met(offered, smtp.has_extn("auth"), _certificate(smtp.sock))
        smtp.quit()
        return met
    finally:
        smtp.close()


def _imap(host: str, port: int, tls: Tls, context: ssl.SSLContext) -> _Met:
    client: Any = IMAPClient(host, port, ssl=tls == "implicit", ssl_context=context, timeout=PATIENCE)
    try:
        offered = client.has_capability("STARTTLS")
        if tls == "starttls":
            client.starttls(context)
        return _Met(offered, sign_in=True, certificate=_certificate(client.socket()))
    finally:
        with contextlib.suppress(*_FAILED):
            client.shutdown()


def _certificate(sock: Any) -> bytes | None:
    return sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None
