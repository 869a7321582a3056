"""What may stand in a setting: the kinds of texts, numbers and times, what is expected there, and how they are read."""

from __future__ import annotations

import re
from datetime import date
from ipaddress import ip_address
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct


def about(text: str, example: Any = None) -> Meta:
    """What a setting does, for `docs/settings.md`; `example` is a value for it where its default shows nothing."""
    return Meta(extra={"about": text, "example": example})


# `description` says what is expected there, in errors and in the reference.
Address = Annotated[str, Meta(pattern=r"^[^@\s<>]+@[^@\s<>]+$", description="an address such as help@desk.example")]
Domain = Annotated[str, Meta(pattern=r"^@?[^@\s/]+$", description="a domain such as acme.example")]
Listen = Annotated[
    str,
    Meta(
        pattern=r"^(unix:.+|\[[0-9a-fA-F:]+\]:\d{1,5}|[^:\s]+:\d{1,5})$",
        description="HOST:PORT or unix:PATH",
    ),
]
HostPort = Annotated[
    str, Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[^:\s/]+):\d{1,5}$", description="HOST:PORT such as 127.0.0.1:9464")
]
Size = Annotated[str, Meta(pattern=r"^\d+ ?(B|kB|KB|MB|GB)?$", description='a size such as "25MB"')]
Rate = Annotated[str, Meta(pattern=r"^(off|\d+/[1-9]\d*[smhd])$", description='a rate such as "5/10m", or "off"')]
Port = Annotated[int, Meta(ge=1, le=65535, description="a port from 1 to 65535")]
Seconds = Annotated[int, Meta(ge=1, le=3600, description="seconds from 1 to 3600")]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2}(-[A-Z]{2})?$", description='a language such as "en" or "pt-BR"')]
Name = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9_.-]{1,40}$", description="a short name of letters, digits, dot, dash and underscore"),
]
Nameserver = Annotated[
    str,
    Meta(
        pattern=r"^([0-9.]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?|[0-9a-fA-F:]+)$",
        description="an IP address, or ADDRESS:PORT",
    ),
]
After = Annotated[
    str, Meta(pattern=r"^(flag|delete|move:.+)$", description='"move:FOLDER", "flag" (as read) or "delete"')
]
Start = Annotated[
    str, Meta(pattern=r"^(now|all|\d{4}-\d\d-\d\d)$", description='"now", "all" or a quoted date such as "2026-01-31"')
]
Age = Annotated[str, Meta(pattern=r"^(0|[1-9]\d*[smhd])$", description='a time such as "30d", or "0"')]
Url = Annotated[str, Meta(pattern=r"^https://[^\s/]+(/\S*)?$", description="an address that begins with https://")]
Day = Annotated[date, Meta(description="a day such as 2027-01-31")]
Act = Literal["open", "join", "reply", "see", "invite", "command", "approve"]
Tls = Literal["none", "starttls", "implicit"]
SignIn = Literal["password", "microsoft", "google"]

ACTS: tuple[Act, ...] = ("open", "join", "reply", "see", "invite", "command", "approve")
UNITS = {"B": 1, "kB": 1_000, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Every section: frozen, and a key it does not know is refused."""


def size(text: str) -> int:
    """Bytes of a size such as "25MB"; MB is 1,000,000 bytes."""
    match = re.fullmatch(r"(\d+) ?([A-Za-z]*)", text)
    assert match is not None  # the pattern of Size has been checked
    return int(match[1]) * UNITS[match[2] or "B"]


def rate(text: str) -> tuple[int, int] | None:
    """How many in how many seconds, of a rate such as "5/10m"; None for "off"."""
    if text == "off":
        return None
    count, _, window = text.partition("/")
    return int(count), int(window[:-1]) * SECONDS[window[-1]]


def nameserver(text: str) -> tuple[str, int]:
    """Address and port of `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`.

    Raises ValueError.
    """
    host, port = text, "53"
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":") or "53"
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not 0 < int(port) < 65536:
        raise ValueError(text)
    return str(ip_address(host)), int(port)


def seconds(text: str) -> float:
    """Seconds of a time such as "30d"."""
    return 0.0 if text == "0" else float(int(text[:-1]) * SECONDS[text[-1]])
