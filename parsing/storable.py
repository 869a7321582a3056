"""Text that any database can hold: no NUL, which PostgreSQL takes nowhere, and no halves of surrogate pairs."""

from __future__ import annotations

from itertools import chain
from typing import Any, cast

from parsing.message import ParsedMessage


def text(value: str) -> str:
    """`value` without NUL; half a surrogate pair, which is no character (RFC 3629 section 3), becomes U+FFFD."""
    if "\0" in value:
        value = value.replace("\0", "")
    for charset in ("latin-1", "utf-8"):  # the first costs next to nothing, and is enough for most
        try:
            value.encode(charset)
        except UnicodeEncodeError:
            continue
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def message(read: ParsedMessage) -> ParsedMessage:
    """The same message with every text in it made storable, whatever field or value it stands in."""
    return cast("ParsedMessage", _clean(read))


def _clean(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return value if value.isascii() and "\0" not in value else text(value)
    if kind is tuple:
        if type(value[0]) is tuple and (joined := "".join(chain.from_iterable(value))).isascii() and "\0" not in joined:
            return value  # pairs of texts: the whole header in one step
        return tuple([_clean(one) for one in value])
    for name in getattr(kind, "__dataclass_fields__", ()):
        held = getattr(value, name)
        if held and (clean := _clean(held)) is not held:
            # Nobody else has seen this message yet; a copy by `replace` costs as much as reading its addresses.
            object.__setattr__(value, name, clean)
    return value
