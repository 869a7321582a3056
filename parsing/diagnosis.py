"""mail-parser's opinion on a header that we could not read whole: it names what is wrong with its addresses and dates.

Asked for the header alone and only then: it costs more than our whole reading, and raises on raw 8-bit bytes.
"""

from __future__ import annotations

from email.parser import HeaderParser

_HEADER_CHARS = 16_384  # its address reading is slow on long lists
_SENTENCES = 10


def header_defects(fields: list[tuple[str, str]]) -> tuple[str, ...]:
    """Sentences on the addresses, dates and hops of a header; none where mail-parser fails itself."""
    block = "".join(f"{name}: {value}\n" for name, value in fields)
    if len(block) > _HEADER_CHARS or not block.isascii():
        return ()
    import mailparser

    try:
        mail = mailparser.MailParser(HeaderParser().parsestr(block))  # type: ignore[no-untyped-call]
        mail.parse()  # type: ignore[no-untyped-call]
        found = [*mail.address_header_defects, *mail.date_header_defects, *mail.received_header_defects]
    except Exception:  # noqa: BLE001 - a second opinion; it raises ValueError, AttributeError, IndexError and more
        return ()
    sentences = (f"{one['header'].title()}: {str(one['reason']).replace('-', ' ')}" for one in found)
    return tuple(dict.fromkeys(sentences))[:_SENTENCES]
