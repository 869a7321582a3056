"""Questions to the DNS, within a time: an answer, an empty answer, or trouble that may pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

CACHED = 10_000  # answers that a process keeps for as long as they say
CHECK_SECONDS = 20.0  # for all questions about one mail; below the lease, RFC 7208 section 4.6.4 asks for 20 at least


class DnsTrouble(Exception):
    """No answer, in time or at all: it may be there later."""


class Lookup(Protocol):
    """Asks for records: TXT as bytes, A and AAAA as text, MX as (preference, name), PTR as names.

    Empty where there are none (RFC 8020 and RFC 2308 alike). Raises DnsTrouble.
    """

    def __call__(self, name: str, kind: str, /) -> tuple[Any, ...]: ...


Ask = Callable[[str, str, float], tuple[Any, ...]]  # a Lookup that waits so many seconds at most


class Resolver:
    """The nameservers of the settings, or the system's; safe in many threads at once."""

    def __init__(self, nameservers: Sequence[tuple[str, int]] = (), timeout: float = 5.0) -> None:
        from dns.nameserver import Do53Nameserver
        from dns.resolver import LRUCache
        from dns.resolver import Resolver as Stub

        self._stub = Stub(configure=not nameservers)
        if nameservers:
            self._stub.nameservers = [Do53Nameserver(address, port) for address, port in nameservers]
        self._stub.cache = LRUCache(CACHED)
        self._timeout = timeout

    def ask(self, name: str, kind: str, seconds: float) -> tuple[Any, ...]:
        """Records of that name, waiting `seconds` at most. Raises DnsTrouble."""
        import dns.exception
        import dns.resolver

        try:
            answer = self._stub.resolve(name, kind, lifetime=min(seconds, self._timeout), search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            return ()
        except (dns.exception.Timeout, dns.resolver.NoNameservers, OSError) as error:
            raise DnsTrouble(f"no answer about {name} {kind}: {type(error).__name__}") from error
        except (dns.exception.DNSException, UnicodeError):  # no name that the DNS could have
            return ()
        return tuple(_value(record, kind) for record in answer)


def _value(record: Any, kind: str) -> Any:
    if kind == "TXT":
        return b"".join(record.strings)
    if kind == "MX":
        return int(record.preference), record.exchange.to_text(omit_final_dot=True)
    return record.target.to_text(omit_final_dot=True) if kind == "PTR" else record.address


def within(
    ask: Ask,
    seconds: float = CHECK_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Lookup:
    """Questions about one mail, all of them together within `seconds` from now."""
    end = clock() + seconds

    def lookup(name: str, kind: str, /) -> tuple[Any, ...]:
        left = end - clock()
        if left <= 0:
            raise DnsTrouble(f"{seconds:g} s were not enough; the next question was {name} {kind}")
        return ask(name, kind, left)

    return lookup
