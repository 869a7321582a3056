"""A mail as its signatures see it, and whether they hold (DKIM, RFC 6376; ARC, RFC 8617), by dkimpy.

What would make dkimpy slow or wrong is kept from it: long headers, many signatures, `l=`, huge keys, runs of blanks.
"""

from __future__ import annotations

import functools
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from mailgate.verify.dns import DnsTrouble, Lookup

log = logging.getLogger("mailgate.verify")

SIGNATURES = 5  # of those that matter; people have one or two, and each costs a question and a pass over the body
SEALS = 10  # relays that a mail came through in turn; RFC 8617 section 4.2.1 allows 50
HEADER_BYTES = 128_000  # dkimpy unfolds in quadratic time: under a second for this much
HEADER_FIELDS = 2_000
SIGNATURE_BYTES = 8_000  # of one field; its patterns are quadratic in it
KEY_BYTES = 2_000  # of a key's record: RSA of 8192 bits takes 1,400; a larger one could be made to take hours
WHY_CHARS = 200  # of what a person is told; a hostile field stands in dkimpy's words
SMALLEST_KEY = 1024  # bits, RFC 8301 section 3.2

# What may stand in a header once (RFC 5322 section 3.6, RFC 2045 section 3).
SINGLE = (
    *(b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"in-reply-to", b"references"),
    *(b"mime-version", b"content-type", b"content-transfer-encoding"),
)

_END = re.compile(rb"(?:\A|\n)\r?\n")
_BLANKS = re.compile(rb"[\t ]{2,}|\t")
_INSTANCE = re.compile(rb"(?:\A|;)\s*i\s*=\s*(\d{1,3})\s*;")

Tags = dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Signature:
    """One that was looked at: by which domain, whether it holds, else why not. `later`: the DNS may answer yet."""

    domain: str
    result: Literal["pass", "fail", "later"]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Seal:
    """What the newest ARC set of an unbroken chain says, and who sealed it."""

    domain: str
    results: str  # its ARC-Authentication-Results, without the instance


class SignedMail:
    """A raw mail, read once for all its signatures.

    It has none where its header cannot be read as a signer would, or its From is not the `author` that people see.
    """

    def __init__(self, raw: bytes, author: str) -> None:
        end = _END.search(raw, 0, HEADER_BYTES)
        head, body = (raw[: end.start() + 1], raw[end.end() :]) if end else (raw, b"")
        fields = _fields(head)
        from_ = [value.lower().replace(b'"', b"") for name, value in fields if name.lower() == b"from"]
        seen = len(from_) == 1 and author.lower().encode("utf-8", "replace") in from_[0]
        self.fields = fields if seen else []
        self._names = Counter(name.lower() for name, _ in self.fields)
        self._body = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self._squeezed: bytes | None = None

    def signatures(self, wanted: Callable[[str], bool], lookup: Lookup) -> Iterator[Signature]:
        """The topmost DKIM-Signatures of domains that are wanted, checked one by one as they are asked for."""
        from dkim import DKIM

        count = 0
        number = -1
        for name, value in self.fields:
            if name.lower() != b"dkim-signature":
                continue
            number += 1
            tags = _tags(value)
            domain = tags.get(b"d", b"").decode("ascii", "replace").lower().rstrip(".")
            if not domain or not wanted(domain):
                continue
            if count == SIGNATURES:
                return
            count += 1
            if refusal := _refusal(tags, self._names):
                yield Signature(domain, "fail", refusal)
                continue
            signed = DKIM(minkey=SMALLEST_KEY, logger=_Ear())
            signed.headers, signed.body = self.fields, self._as_signed(tags.get(b"c", b""))
            yield _held(domain, functools.partial(signed.verify, number), signed.logger, lookup)

    def seal(self, believed: Callable[[str], bool], lookup: Lookup) -> Seal | Signature | None:
        """The newest ARC set, where a sealer that is believed made it; a Signature says why its chain does not hold.

        None where there is no such seal. Its message signature has to cover From (RFC 8617 section 4.1.2).
        """
        from dkim import ARC

        seals = [_instance(value) for name, value in self.fields if name.lower() == b"arc-seal"]
        messages = [(_instance(v), _tags(v)) for n, v in self.fields if n.lower() == b"arc-message-signature"]
        if not seals or len(seals) > SEALS or len(messages) != len(seals):
            return None
        newest = max(seals)
        [domain] = [
            _tags(value).get(b"d", b"").decode("ascii", "replace").lower()
            for name, value in self.fields
            if name.lower() == b"arc-seal" and _instance(value) == newest
        ] or [""]
        if not domain or not believed(domain):
            return None
        for instance, tags in messages:
            if refusal := _refusal(tags, self._names):
                return Signature(domain, "fail", f"ARC set {instance}: {refusal}")
        relaxed = any(_relaxed(tags.get(b"c", b"relaxed/relaxed")) for _, tags in messages)
        chain = ARC(minkey=SMALLEST_KEY, logger=_Ear())
        chain.headers, chain.body = self.fields, self._as_signed(b"/relaxed" if relaxed else b"")
        told: list[dict[str, Any]] = []

        def verify(ask: Callable[..., Any]) -> bool:
            result, told[:], _ = chain.verify(ask)
            return bool(result == b"pass")

        held = _held(domain, verify, chain.logger, lookup)
        if held.result != "pass":
            return held
        results = told[0]["aar-value"].decode("latin-1").partition(";")[2]
        return Seal(domain, results.strip())

    def _as_signed(self, canonicalization: bytes) -> bytes:
        """The body; for `relaxed` with its runs of blanks squeezed already, which dkimpy does in quadratic time."""
        if not _relaxed(canonicalization):
            return self._body
        if self._squeezed is None:
            self._squeezed = _BLANKS.sub(b" ", self._body)
        return self._squeezed


def _fields(head: bytes) -> list[list[bytes]]:
    """The fields of a header, top to bottom; none where it is too long or broken."""
    from dkim import rfc822_parse

    if len(head) > HEADER_BYTES:
        return []
    try:
        fields: list[list[bytes]] = rfc822_parse(head)[0]
    except Exception:  # noqa: BLE001 - dkimpy raises anything for a line that is no field
        return []
    return fields if len(fields) <= HEADER_FIELDS else []


def _relaxed(canonicalization: bytes) -> bool:
    """Whether that `c=` treats the body as relaxed (RFC 6376 section 3.5)."""
    return canonicalization.partition(b"/")[2].strip().lower() == b"relaxed"


def _tags(value: bytes) -> Tags:
    """The tag list of a field (RFC 6376 section 3.2), empty where it is none."""
    from dkim.util import InvalidTagValueList, parse_tag_value

    if len(value) > SIGNATURE_BYTES:
        return {}
    try:
        tags: Tags = parse_tag_value(value)
    except InvalidTagValueList:
        return {}
    return tags


def _instance(value: bytes) -> int:
    found = _INSTANCE.search(value) if len(value) <= SIGNATURE_BYTES else None
    return int(found[1]) if found else 0


def _refusal(tags: Tags, names: Counter[bytes]) -> str | None:
    """Why a signature is not even looked at, in a mail whose fields have these names."""
    if b"l" in tags:
        return "l= leaves the end of the body to anybody"  # RFC 6376 section 8.2
    if tags.get(b"a", b"").lower() == b"rsa-sha1":
        return "rsa-sha1 is broken"  # RFC 8301 section 3.1
    signed = Counter(name.strip().lower() for name in tags.get(b"h", b"").split(b":"))
    if b"from" not in signed:
        return "it does not cover From"  # RFC 6376 section 5.4
    doubled = [name for name in SINGLE if names[name] > max(1, signed[name])]
    if doubled:  # which of them people see, and which of them was signed? RFC 6376 section 8.15
        return f"{doubled[0].decode().title()} stands there twice"
    return None


class _Ear(logging.Logger):
    """Hears what dkimpy tells a log only: why a key is none. No mail writes into ours."""

    def __init__(self) -> None:
        super().__init__("dkimpy", logging.CRITICAL)
        self.heard = ""

    def error(self, msg: object, *_: object, **__: object) -> None:
        self.heard = str(msg)


def _held(domain: str, verify: Callable[[Callable[..., Any]], bool], ear: _Ear, lookup: Lookup) -> Signature:
    """What became of one verification."""
    trouble: list[DnsTrouble] = []

    def ask(name: bytes, timeout: float = 0) -> bytes | None:
        try:
            records = lookup(name.decode("ascii", "replace").rstrip("."), "TXT")
        except DnsTrouble as error:
            trouble.append(error)
            raise
        # RFC 6376 section 3.6.2.2: several records are undefined; one alone can be a key
        key: bytes | None = records[0] if len(records) == 1 and len(records[0]) <= KEY_BYTES else None
        return key

    try:
        holds = verify(ask)
    except DnsTrouble as error:
        return Signature(domain, "later", str(error))
    except Exception as error:  # noqa: BLE001 - dkimpy raises anything for what a hostile header or key holds
        log.debug("a signature of %s could not be checked: %r", domain, error)
        return Signature(domain, "fail", (str(error) or type(error).__name__)[:WHY_CHARS])
    if trouble:  # dkimpy may take it for an ordinary failure
        return Signature(domain, "later", str(trouble[0]))
    if holds:
        return Signature(domain, "pass")
    return Signature(domain, "fail", (ear.heard or "it does not fit what was signed")[:WHY_CHARS])
