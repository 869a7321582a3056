"""The body of a letter as bytes: text and HTML side by side, files behind them; all of it 7 bit (RFC 2045, 2046).

Written by hand and not by `email.policy.SMTP`, which takes eight times as long.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence

from mailgate.outgoing import fields
from parsing.message import Attachment

LONGEST_LINE = 990  # RFC 5322 section 2.1.1 allows 998
MOSTLY = 4  # UTF-8 is longer than its text by a quarter: base64 is then shorter than quoted-printable

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|[\ud800-\udfff]")
_TYPE = re.compile(r"(application|audio|font|image|model|text|video)/[A-Za-z0-9!#$&^_.+-]{1,80}")


def body(text: str, html: str, attachments: Sequence[Attachment]) -> tuple[bytes, bytes]:
    """Content headers, and the body that they describe. The same input gives the same bytes: a body is kept once."""
    plain = _part("plain", text)
    rich = _part("html", html)
    boundary = _boundary(plain, rich)
    headers = b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="%b"\r\n' % boundary
    content = b"--%b\r\n%b\r\n--%b\r\n%b\r\n--%b--\r\n" % (boundary, plain, boundary, rich, boundary)
    if not attachments:
        return headers, content
    outer = _boundary(boundary, *(a.sha256.encode() for a in attachments))
    inner = b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n\r\n%b' % (boundary, content)
    parts = b"".join(b"\r\n--%b\r\n%b" % (outer, part) for part in (inner, *map(_file, attachments)))
    return (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="%b"\r\n' % outer,
        b"%b\r\n--%b--\r\n" % (parts[2:], outer),
    )


def _boundary(*contents: bytes) -> bytes:
    """A line that stands in none of these: it would have to hold its own digest (RFC 2046 section 5.1.1)."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return b"=_" + digest.hexdigest()[:32].encode()


def _part(subtype: str, text: str) -> bytes:
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if not text.endswith("\n"):
        text += "\n"
    octets = text.replace("\n", "\r\n").encode()
    if len(octets) == len(text) + text.count("\n") and max(map(len, text.split("\n"))) <= LONGEST_LINE:
        encoding = b"7bit"
    elif (len(octets) - len(text)) * MOSTLY > len(text):
        encoding, octets = b"base64", _base64(octets)
    else:
        encoding, octets = b"quoted-printable", binascii.b2a_qp(octets)
    return b"Content-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (
        subtype.encode(),
        encoding,
        octets,
    )


def _file(attachment: Attachment) -> bytes:
    """A file. An attached mail goes as a file too: message/rfc822 may not be in base64 (RFC 2046 section 5.2.1)."""
    kind = attachment.content_type.lower()
    name = fields.filename(attachment.filename)
    if kind == "message/rfc822" and "." not in name[-5:]:
        name += ".eml"
    if not _TYPE.fullmatch(kind):
        kind = "application/octet-stream"
    head = (
        f"Content-Type: {kind}{fields.encoded_name(name)}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment{fields.parameter('filename', name)}\r\n\r\n"
    )
    return head.encode() + _base64(attachment.data)


def _base64(octets: bytes) -> bytes:
    return base64.encodebytes(octets).replace(b"\n", b"\r\n")
