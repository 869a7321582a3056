"""The words in a text that OpenPGP signed in the clear, without its armour (RFC 9580 section 7)."""

from __future__ import annotations

_BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "\n-----BEGIN PGP SIGNATURE-----"
_END = "\n-----END PGP SIGNATURE-----"


def cleartext(text: str) -> str:
    """What was signed, and what stands around it; `text` itself where it is not signed in the clear. Linear."""
    start = text.find(_BEGIN)
    signature = text.find(_SIGNATURE, start) if start >= 0 else -1
    head = text.find("\n\n", start)  # "Hash: SHA512" and an empty line
    if signature < 0 or not 0 <= head < signature or (start and text[start - 1] != "\n"):
        return text
    # Section 7.2: a line that begins with a dash was given "- " before it.
    signed = "\n".join(line.removeprefix("- ") for line in text[head + 2 : signature].split("\n"))
    end = text.find(_END, signature)
    rest = text[end + len(_END) :] if end >= 0 else ""
    return f"{text[:start]}{signed}{rest}"
