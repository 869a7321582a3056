"""Whether a domain lets that address send its mails (SPF, RFC 7208), by pyspf with our own questions to the DNS."""

from __future__ import annotations

from typing import Any

from mailgate.verify.dns import DnsTrouble, Lookup

VOID_LOOKUPS = 2  # RFC 7208 section 4.6.4


def passes(address: str, mail_from: str, lookup: Lookup) -> bool:
    """Whether mails of `mail_from` may come from that IP address. Raises DnsTrouble."""
    import spf

    class Query(spf.query):  # type: ignore[misc]
        """Its other way to the DNS is a global of the module."""

        def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:
            records = lookup(str(name).rstrip("."), qtype) if name and qtype != "SPF" else ()
            if not records and not ignore_void:
                self.void_lookups += 1
                if self.void_lookups > VOID_LOOKUPS:
                    raise spf.PermError(f"more than {VOID_LOOKUPS} questions without an answer")
            return [(record,) for record in records] if qtype == "TXT" else list(records)

    try:
        result, _, _ = Query(i=address, s=mail_from, h="").check()
    except DnsTrouble:
        raise
    except Exception:  # noqa: BLE001 - whatever a hostile record makes of it, it is no pass
        return False
    if result == "temperror":
        raise DnsTrouble(f"SPF of {mail_from.rpartition('@')[2]} cannot be told now")
    return bool(result == "pass")
