"""Keys and signatures of the tests' own domains: real RSA, signed with dkimpy."""

from __future__ import annotations

import base64
import functools
import subprocess
from typing import Any

import dkim

SELECTOR = "s1"
KEY_NAME = f"{SELECTOR}._domainkey."


@functools.cache
def key(name: str, bits: int) -> bytes:
    """A private key (PEM), one for each name and size."""
    command = ["openssl", "genrsa", "-traditional", str(bits)]
    return subprocess.run(command, check=True, capture_output=True).stdout


@functools.cache
def record(name: str = "acme.example", bits: int = 1024) -> str:
    """What the DNS says of that key (RFC 6376 section 3.6.1)."""
    command = ["openssl", "rsa", "-pubout", "-outform", "DER"]
    public = subprocess.run(command, input=key(name, bits), check=True, capture_output=True).stdout
    return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def signed(raw: bytes, domain: str = "acme.example", *, bits: int = 1024, by: str = "", **options: Any) -> bytes:
    """The mail with a DKIM-Signature of that domain, made with the key of `by` or its own."""
    options.setdefault("canonicalize", (b"relaxed", b"relaxed"))
    return bytes(dkim.sign(raw, SELECTOR.encode(), domain.encode(), key(by or domain, bits), **options)) + raw


def sealed(raw: bytes, domain: str, server: str) -> bytes:
    """The mail with an ARC set of that domain over the Authentication-Results of `server` (RFC 8617)."""
    return b"".join(dkim.arc_sign(raw, SELECTOR.encode(), domain.encode(), key(domain, 1024), server.encode())) + raw


def field(name: str, **tags: str) -> bytes:
    """A signature's field, as somebody could make it up."""
    return f"{name}: {'; '.join(f'{k}={v}' for k, v in tags.items())}\r\n".encode()
