"""Header fields as bytes, folded at 76 characters; no value can begin another line (RFC 5322, 2047, 2231)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from parsing.message import Address
from routing.trust import ascii_domain

LINE = 76  # RFC 2047 section 2: lines with encoded words; RFC 5322 section 2.1.1 asks for 78 elsewhere
LONGEST_WORD = 60  # so that "References: " and any one piece fit a line
WORD_BYTES = 36  # of text in an encoded word: 48 characters of base64 and 12 around them
LONGEST_NAME = 100  # of a display name; a longer one is no name
LONGEST_FILENAME = 120
LONGEST_ID = 250  # of a Message-ID that we repeat; RFC 5321 section 4.5.3.1.6 lets a line be 998

_UNPRINTABLE = re.compile(
    "[\x00-\x20\x7f-\xa0\u2028\u2029]+"  # controls, and every kind of line end (RFC 5322 section 2.2)
    "|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"  # invisible, or turning the reading direction: a forger's tools
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_LOCAL = re.compile(r"""[^\s"(),.:;<>@\[\\\]\x00-\x20\x7f-\xa0]+(\.[^\s"(),.:;<>@\[\\\]\x00-\x20\x7f-\xa0]+)*""")
_QUOTED_LOCAL = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"')
_DOMAIN = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*\.?|\[[0-9A-Fa-f.:]{2,60}\]|\[IPv6:[0-9A-Fa-f.:]{2,60}\]")
_ID = re.compile(r"[!-;=?-~]+")
_TOKEN_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")


def clean(value: str) -> str:
    """One line of visible text, white space mended."""
    if value.isprintable() and "  " not in value:
        return value.strip()
    return _SURROGATES.sub("\ufffd", _UNPRINTABLE.sub(_mended, value)).strip()


def _mended(match: re.Match[str]) -> str:
    return " " if match[0][0] <= "\xa0" or match[0][0] in "\u2028\u2029" else ""


def text(name: str, value: str) -> bytes:
    """An unstructured field (RFC 5322 section 2.2.1) such as Subject."""
    value = clean(value)
    if len(name) + 2 + len(value) <= LINE and value.isascii() and "=?" not in value:
        return f"{name}: {value}\r\n".encode()
    return _folded(name, _pieces(value))


def addresses(name: str, people: Sequence[Address]) -> bytes:
    """An address list (RFC 5322 section 3.4); those that are no addresses are left out, an empty group if all are."""
    shown = [(person.name, spec) for person in people if (spec := addr_spec(person.address)) is not None]
    if not shown:
        return f"{name}: undisclosed-recipients:;\r\n".encode()
    pieces: list[str] = []
    for display, spec in shown:
        phrase = _phrase(display)
        pieces += [*phrase, f"<{spec}>," if phrase else f"{spec},"]
    pieces[-1] = pieces[-1][:-1]
    return _folded(name, pieces)


def ids(name: str, message_ids: Iterable[str]) -> bytes:
    """In-Reply-To or References (RFC 5322 section 3.6.4), ids without brackets; nothing where none can be repeated."""
    pieces = [f"<{i}>" for i in message_ids if len(i) <= LONGEST_ID and _ID.fullmatch(i)]
    return _folded(name, pieces) if pieces else b""


def parameter(name: str, value: str) -> str:
    """A file name for Content-Disposition (RFC 2183): `; name="..."`, or RFC 2231 in pieces where it is not ASCII."""
    if value.isascii() and len(value) <= LONGEST_WORD:
        return ';\r\n {}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
    octets = [chr(b) if b in _TOKEN_BYTES else f"%{b:02X}" for b in value.encode()]
    lines: list[str] = []
    line = "utf-8''"
    for octet in octets:
        if len(line) + len(octet) > LONGEST_WORD:
            lines.append(line)
            line = ""
        line += octet
    lines.append(line)
    if len(lines) == 1:
        return f";\r\n {name}*={lines[0]}"
    return "".join(f";\r\n {name}*{number}*={line}" for number, line in enumerate(lines))


def encoded_name(value: str) -> str:
    """A file name for the `name` of Content-Type, which older clients read, as encoded words (RFC 2047)."""
    if value.isascii() and len(value) <= LONGEST_WORD:
        return ';\r\n name="{}"'.format(value.replace("\\", "\\\\").replace('"', '\\"'))
    return ';\r\n name="{}"'.format("\r\n ".join(_encoded(value)))


def filename(value: str) -> str:
    """A file name without a path, its extension kept where it is too long."""
    name = re.sub(r"[/\\]+", "_", clean(value)).strip(". ") or "attachment"
    if len(name) <= LONGEST_FILENAME:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 12:
        return name[:LONGEST_FILENAME]
    return f"{stem[: LONGEST_FILENAME - len(extension) - 1]}.{extension}"


@lru_cache(4096)
def addr_spec(address: str) -> str | None:
    """The address as it is written in headers and envelopes, its domain in ASCII (RFC 5890); None: it is none.

    A local part that is not ASCII stays as it is and needs SMTPUTF8 (RFC 6531).
    """
    local, at, domain = address.rpartition("@")
    if not at or len(address) > 254 or not (_LOCAL.fullmatch(local) or _QUOTED_LOCAL.fullmatch(local)):
        return None
    if _SURROGATES.search(address) or not _DOMAIN.fullmatch(domain):
        return None
    if domain.isascii():
        return address
    written = ascii_domain(domain)
    return f"{local}@{written}" if written.isascii() else None


def _phrase(name: str) -> list[str]:
    """A display name (RFC 5322 section 3.2.5): atoms, a quoted string, or encoded words."""
    name = clean(name)[:LONGEST_NAME].rstrip()
    if not name:
        return []
    if not name.isascii() or "=?" in name:
        return _encoded(name)
    if _ATOMS.fullmatch(name) and max(map(len, name.split(" "))) <= LONGEST_WORD:
        return name.split(" ")
    if len(name) > LONGEST_WORD:  # a quoted string would not fold
        return _encoded(name)
    return ['"{}"'.format(name.replace("\\", "\\\\").replace('"', '\\"'))]


def _pieces(value: str) -> list[str]:
    """Words between which a line may be folded; runs of words that are not plain ASCII as encoded words."""
    pieces: list[str] = []
    run: list[str] = []
    for word in value.split(" "):
        if word.isascii() and "=?" not in word and len(word) <= LONGEST_WORD:
            if run:
                pieces += _encoded(" ".join(run))
                run = []
            pieces.append(word)
        else:
            run.append(word)
    return [*pieces, *_encoded(" ".join(run))] if run else pieces


def _encoded(value: str) -> list[str]:
    """Encoded words (RFC 2047 section 2), each of whole characters."""
    words: list[str] = []
    chunk = b""
    for character in value:
        octets = character.encode()
        if len(chunk) + len(octets) > WORD_BYTES:
            words.append(_word(chunk))
            chunk = b""
        chunk += octets
    return [*words, _word(chunk)]


def _word(octets: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(octets).decode()}?="


def _folded(name: str, pieces: Sequence[str]) -> bytes:
    lines: list[str] = []
    line = f"{name}:"
    for piece in pieces:
        if len(line) + 1 + len(piece) > LINE and line != f"{name}:":
            lines.append(line)
            line = ""
        line = f"{line} {piece}"
    lines.append(line)
    return ("\r\n".join(lines) + "\r\n").encode()
