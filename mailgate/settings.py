"""One file of TOML becomes one frozen object: unknown keys are refused, errors name file, key and what was expected."""

from __future__ import annotations

import glob
import os
import re
import tomllib
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct, field

from mailgate.errors import SettingsError

Address = Annotated[str, Meta(pattern=r"^[^@\s<>]+@[^@\s<>]+$", description="an address such as help@desk.example")]
Listen = Annotated[
    str,
    Meta(
        pattern=r"^(unix:/.+|\[[0-9a-fA-F:]+\]:\d{1,5}|[^:\s]+:\d{1,5})$",
        description="HOST:PORT or unix:/PATH",
    ),
]
Size = Annotated[str, Meta(pattern=r"^\d+ ?(B|kB|KB|MB|GB)?$", description='a size such as "25MB"')]
Rate = Annotated[str, Meta(pattern=r"^(off|\d+/\d+[smhd])$", description='a rate such as "5/10m", or "off"')]
Port = Annotated[int, Meta(ge=1, le=65535, description="a port from 1 to 65535")]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2}(-[A-Z]{2})?$", description='a language such as "en" or "pt-BR"')]
Tls = Literal["none", "starttls", "implicit"]
SignIn = Literal["password", "microsoft", "google"]
TicketType = Literal["Incident", "Incident::Major", "ServiceRequest", "Complaint", "Alert", "Problem", "RfC"]

UNITS = {"B": 1, "kB": 1_000, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Every section: frozen, and a key it does not know is refused."""


class Desk(_Section, frozen=True):
    """Who the desk is."""

    name: str
    address: Address
    timezone: str = "UTC"
    language: Language = "en"


class Storage(_Section, frozen=True):
    """Where everything is kept."""

    url: str = "sqlite:///mailgate.db"


class Smtp(_Section, frozen=True):
    """The SMTP door (RFC 5321)."""

    listen: tuple[Listen, ...] = ("127.0.0.1:2525",)
    max_size: Size = "25MB"
    trusted_relays: tuple[str, ...] = ("127.0.0.1/32", "::1/128")
    auth_results: str = "none"
    tls_cert: str | None = None
    tls_key: str | None = None
    max_connections: Annotated[int, Meta(ge=1, le=10_000)] = 200
    max_recipients: Annotated[int, Meta(ge=1, le=10_000)] = 100
    timeout: Annotated[int, Meta(ge=1, le=3600, description="seconds")] = 300


class Lmtp(_Section, frozen=True):
    """The LMTP door (RFC 2033), for the mail server in front."""

    listen: tuple[Listen, ...] = ("127.0.0.1:2424",)


class Relay(_Section, frozen=True):
    """The mail server that takes what we send."""

    host: str = "127.0.0.1"
    port: Port = 25
    tls: Tls = "none"
    user: str | None = None
    password_file: str | None = None
    auth: SignIn = "password"
    envelope: Literal["account", "verp", "null"] = "account"
    max_connections: Annotated[int, Meta(ge=1, le=100)] = 2
    per_minute: Annotated[int, Meta(ge=0)] = 0
    timeout: Annotated[int, Meta(ge=1, le=3600, description="seconds")] = 60
    tls_ca: str | None = None


class Imap(_Section, frozen=True):
    """A mailbox that is watched (RFC 9051, RFC 2177)."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,40}$", description="a short name of letters and digits")]
    host: str
    user: str
    port: Port = 993
    tls: Tls = "implicit"
    password_file: str | None = None
    auth: SignIn = "password"
    folder: str = "INBOX"
    junk: str = ""
    auth_results: str = "none"
    start: str = "now"
    after: Annotated[str, Meta(pattern=r"^(flag|delete|move:.+)$", description='"flag", "delete" or "move:FOLDER"')] = (
        "move:Processed"
    )
    poll: Annotated[int, Meta(ge=1, le=3600, description="seconds between looks where IDLE is silent")] = 60
    timeout: Annotated[int, Meta(ge=1, le=3600, description="seconds")] = 60
    tls_ca: str | None = None


class Answers(_Section, frozen=True):
    """How automatic answers are limited (MAIL: loop breaker) and marked."""

    subject_token: Literal["always", "auto", "never"] = "auto"  # noqa: S105 - no secret
    per_address: Rate = "5/10m"
    unknown: Rate = "200/1h"
    per_thread: Rate = "20/1h"
    desk: Rate = "10000/1h"


class Queue(_Section, frozen=True):
    """A queue of tickets; `members` none: all staff."""

    name: str
    default: bool = False
    address: Address | None = None
    members: tuple[Address, ...] = ()
    language: Language | None = None
    signature: str = ""


class Staff(_Section, frozen=True):
    """A member of staff; one address or several."""

    name: str
    email: Address | None = None
    emails: tuple[Address, ...] = ()
    roles: tuple[str, ...] = ("agent",)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All registered addresses, lower case, the first one is written to."""
        first = (self.email,) if self.email else ()
        return tuple(dict.fromkeys(address.lower() for address in (*first, *self.emails)))


class Partner(_Section, frozen=True):
    """An organisation; its people are known by their domains."""

    name: str
    domains: tuple[str, ...] = ()
    emails: tuple[Address, ...] = ()
    language: Language | None = None


class Rule(_Section, frozen=True):
    """A rule: `when` a first mail is like this, `set` that on its ticket."""

    name: str
    when: dict[str, Any] = field(default_factory=dict)
    set: dict[str, Any] = field(default_factory=dict)
    stop: bool = False


class Settings(_Section, frozen=True):
    """The whole file, includes read in."""

    desk: Desk
    storage: Storage = field(default_factory=Storage)
    smtp: Smtp | None = None
    lmtp: Lmtp | None = None
    relay: Relay | None = None
    imap: tuple[Imap, ...] = ()
    answers: Answers = field(default_factory=Answers)
    queue: tuple[Queue, ...] = ()
    staff: tuple[Staff, ...] = ()
    partner: tuple[Partner, ...] = ()
    rule: tuple[Rule, ...] = ()
    include: tuple[str, ...] = ()
    templates: str | None = None
    folder: str = ""  # set by `load`: where relative paths are from
    file: str = ""  # set by `load`

    def path(self, name: str) -> Path:
        """A path as written in the file: relative ones are from the file's folder."""
        return Path(self.folder) / name

    @property
    def database_url(self) -> str:
        """The storage URL with a relative SQLite path made absolute from the file's folder."""
        url = self.storage.url
        if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
            return f"sqlite:///{self.path(url.removeprefix('sqlite:///'))}"
        return url

    @property
    def max_size(self) -> int:
        """The largest mail any door takes, in bytes."""
        return size(self.smtp.max_size if self.smtp else Smtp().max_size)


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


def locate(given: str | None) -> Path:
    """The settings file: as given, else MAILGATE_CONFIG, ./mailgate.toml, /etc/mailgate/mailgate.toml."""
    named = given or os.environ.get("MAILGATE_CONFIG")
    if named:
        return Path(named)
    for place in (Path("mailgate.toml"), Path("/etc/mailgate/mailgate.toml")):
        if place.is_file():
            return place
    raise SettingsError(
        ["no settings: neither mailgate.toml here nor /etc/mailgate/mailgate.toml; `mailgate init` writes one"]
    )


def load(file: Path) -> Settings:
    """The settings in `file` and its includes. Raises SettingsError with every problem found."""
    file = file.absolute()
    tree = _read(file)
    problems: list[str] = []
    for pattern in tree.get("include", []) if isinstance(tree.get("include", []), list) else []:
        names = sorted(glob.glob(str(file.parent / str(pattern))))  # noqa: PTH207 - a pattern may be absolute
        if not names and not any(c in str(pattern) for c in "*?["):
            problems.append(f"{file}: include: there is no file {pattern}")
        for name in names:
            _merge(tree, _read(Path(name)), Path(name), problems)
    if problems:
        raise SettingsError(problems)
    for key in ("folder", "file"):  # ours to set, never the file's
        if key in tree:
            raise SettingsError([f"{file}: {key}: there is no such setting; known here: {', '.join(_known(''))}"])
    try:
        settings = msgspec.convert(tree, Settings, strict=True)
    except msgspec.ValidationError as error:
        raise SettingsError([f"{file}: {_explain(error, tree)}"]) from None
    settings = msgspec.structs.replace(settings, folder=str(file.parent), file=str(file))
    problems = [f"{file}: {problem}" for problem in _inconsistencies(settings)]
    if problems:
        raise SettingsError(problems)
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError([f"{file}: {error.strerror or error}; `mailgate init` writes a new one"]) from None
    except UnicodeDecodeError as error:
        raise SettingsError([f"{file}: is not UTF-8 at byte {error.start}; save it as UTF-8"]) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{file}: is not TOML: {error}"]) from None


LISTS = ("imap", "queue", "staff", "partner", "rule")


def _merge(tree: dict[str, Any], part: dict[str, Any], file: Path, problems: list[str]) -> None:
    """An included file may add list sections only: one place for each single section."""
    for key, value in part.items():
        if key in LISTS and isinstance(value, list):
            tree[key] = [*tree.get(key, []), *value]
        else:
            problems.append(f"{file}: {key}: an included file may hold only {', '.join(f'[[{k}]]' for k in LISTS)}")


def _explain(error: msgspec.ValidationError, tree: dict[str, Any]) -> str:
    """msgspec says "Expected `int`, got `str` - at `$.smtp.port`"; people read "smtp.port: expected ..."."""
    what, _, where = str(error).partition(" - at `")
    place = where.rstrip("`").removeprefix("$").lstrip(".")
    if unknown := re.search(r"unknown field `(.+?)`", what):
        known = ", ".join(sorted(_known(place)))
        key = f"{place}.{unknown[1]}" if place else unknown[1]
        return f"{key}: there is no such setting; known here: {known}"
    if missing := re.search(r"missing required field `(.+?)`", what):
        return f"{f'{place}.{missing[1]}' if place else missing[1]}: is missing"
    description = _description(place)
    if (description and "matching regex" in what) or (description and "`int`" in what):
        return f"{place}: expected {description}, found {_value(tree, place)!r}"
    return f"{place or 'file'}: {what[0].lower()}{what[1:]}".replace("`", "").replace("object", "a [section]")


def _node(place: str) -> Any:
    """The msgspec type at a dotted place such as imap[0].port."""
    kind: Any = msgspec.inspect.type_info(Settings)
    for name in re.findall(r"[^.\[\]]+", re.sub(r"\[[^\]]*\]", ".*", place)):
        while isinstance(kind, msgspec.inspect.UnionType):
            kind = next(t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType))
        if name == "*":
            kind = getattr(kind, "item_type", kind)
        elif isinstance(kind, msgspec.inspect.StructType):
            kind = next((f.type for f in kind.fields if f.encode_name == name), None)
    while isinstance(kind, msgspec.inspect.UnionType):
        kind = next(t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType))
    return kind


def _known(place: str) -> list[str]:
    kind = _node(place)
    names = [f.encode_name for f in kind.fields] if isinstance(kind, msgspec.inspect.StructType) else []
    return [name for name in names if place or name not in ("folder", "file")]


def _description(place: str) -> str | None:
    kind = _node(place)
    return (kind.extra_json_schema or {}).get("description") if isinstance(kind, msgspec.inspect.Metadata) else None


def _value(tree: Any, place: str) -> Any:
    for name in re.findall(r"[^.\[\]]+", place):
        tree = tree[int(name)] if isinstance(tree, list) else tree.get(name)
    return tree


def networks(settings: Settings) -> tuple[IPv4Network | IPv6Network, ...]:
    """The relays whose Authentication-Results may count at the SMTP door."""
    return tuple(ip_network(text, strict=False) for text in (settings.smtp.trusted_relays if settings.smtp else ()))


def _inconsistencies(settings: Settings) -> list[str]:
    """What each key alone cannot say, each as "key: what is wrong and how to mend it"."""
    problems: list[str] = []
    say = problems.append
    try:
        ZoneInfo(settings.desk.timezone)
    except (ValueError, OSError):
        say(f"desk.timezone: expected a time zone such as Europe/Berlin, found {settings.desk.timezone!r}")
    if not settings.storage.url.startswith(("sqlite:///", "postgresql+psycopg://")):
        say(
            "storage.url: expected sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME, "
            f"found {settings.storage.url.partition('@')[0].partition(':')[0]!r}"
        )
    for text in settings.smtp.trusted_relays if settings.smtp else ():
        try:
            ip_network(text, strict=False)
        except ValueError:
            say(f"smtp.trusted_relays: expected a network such as 192.0.2.0/24, found {text!r}")
    if settings.smtp and bool(settings.smtp.tls_cert) != bool(settings.smtp.tls_key):
        say("smtp.tls_cert and smtp.tls_key: name both, or neither")
    defaults = [queue.name for queue in settings.queue if queue.default]
    if settings.queue and len(defaults) != 1:
        say(f"queue: exactly one queue says default = true; found {len(defaults) or 'none'}")
    for key, names in (
        ("queue.name", [q.name for q in settings.queue]),
        ("imap.name", [i.name for i in settings.imap]),
        ("staff.email", [a for s in settings.staff for a in s.addresses]),
        (
            "queue.address",
            [settings.desk.address.lower(), *(q.address.lower() for q in settings.queue if q.address)],
        ),
        ("partner.domains", [d.lower() for p in settings.partner for d in p.domains]),
        ("rule.name", [r.name for r in settings.rule]),
    ):
        for name in dict.fromkeys(n for n in names if names.count(n) > 1):
            say(f"{key}: {name!r} stands there twice")
    staff = {address for member in settings.staff for address in member.addresses}
    for member in settings.staff:
        if not member.addresses:
            say(f"staff: {member.name!r} has no email")
    for queue in settings.queue:
        for address in queue.members:
            if address.lower() not in staff:
                say(f"queue.members: {address} of queue {queue.name!r} is no email of a [[staff]] section")
    for index, box in enumerate(settings.imap):
        if not re.fullmatch(r"now|all|\d{4}-\d\d-\d\d", box.start):
            say(f'imap[{index}].start: expected "now", "all" or a date such as 2026-01-31, found {box.start!r}')
    return problems
