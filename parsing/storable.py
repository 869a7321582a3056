"""Text that any database can hold: no NUL, which PostgreSQL takes nowhere, and no halves of surrogate pairs."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, cast

from parsing.message import ParsedMessage


def text(value: str) -> str:
    """`value` without NUL; half a surrogate pair, which is no character (RFC 3629 section 3), becomes U+FFFD."""
    if "\0" in value:
        value = value.replace("\0", "")
    if value.isascii():
        return value
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


@lru_cache
def _held(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of what a dataclass holds, and how to take it all out at once; of anything else nothing."""
    names = tuple(getattr(kind, "__dataclass_fields__", ()))
    # With one name alone it would return no tuple.
    return names, attrgetter(*names, names[0]) if names else lambda _: ()


def _clean(value: Any) -> Any:
    kind: Any = type(value)
    if kind is str:
        return text(value)
    if kind is tuple:
        if type(value[0]) is tuple and text(joined := "".join(chain.from_iterable(value))) is joined:
            return value  # pairs of texts: the whole header in one step
        return tuple([_clean(one) for one in value])
    names, take = _held(kind)
    for name, held in zip(names, take(value), strict=False):
        if held and (clean := _clean(held)) is not held:
            # Nobody else has seen this message yet; a copy by `replace` costs as much as reading its addresses.
            object.__setattr__(value, name, clean)
    return value
