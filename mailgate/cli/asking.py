"""The answers of `mailgate init`: how each is read, what is said where it is not understood, and asking again."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from ipaddress import IPv6Address
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

import click

from mailgate.cli.console import People
from mailgate.errors import CommandError
from mailgate.settings.misfits import nearest
from mailgate.settings.providers import ALIASES, PROVIDERS, Server

STEPS = 8
OPTIONS = {  # by step
    1: "--desk",
    2: "--mailbox",
    3: "--user and --password-file (with the password in it)",
    4: "--relay",
    5: "--timezone",
    6: "--staff",
    7: "--auth-results",
    8: "--shadow or --live",
}
_NEAR = 0.75  # likeness of a zone that may have been meant

_PERSON = re.compile(r"^\s*(?:(?P<name>[^<>]*?)\s*<(?P<in>[^@\s<>]+@[^@\s<>]+)>|(?P<bare>[^@\s<>]+@[^@\s<>]+))\s*$")
_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?")

_KEY = re.compile(r'(?P<of>relay|imap "office")\.(?P<key>user|password_file|tls_ca|host|port|folder)\b')

Read = TypeVar("Read")


def _named(key: re.Match[str]) -> str:
    """A setting of a file that is not written yet, in words."""
    of = "relay" if key["of"] == "relay" else "mailbox"
    return {
        "user": f"the user of the {of}",
        "password_file": f"the password of the {of}",
        "tls_ca": f"--{'relay' if of == 'relay' else 'imap'}-ca",
    }.get(key["key"], f"the {of}'s {key['key']}")


class Asker:
    """Asks what no option told until it is understood; with `yes` it takes the default, and asks nothing."""

    def __init__(self, *, yes: bool, people: People) -> None:
        self.yes = yes
        self.people = people
        self._head: tuple[str, str] | None = None
        self._step = 1

    def step(self, number: int, title: str, hint: str = "") -> None:
        """What the next questions are about; shown once one of them is asked."""
        self._step = number
        self._head = (f"{number}/{STEPS}  {title}", hint)

    def _ask(self, question: str, default: str | None = None, *, hidden: bool = False) -> str:
        if self._head is not None:
            title, hint = self._head
            self._head = None
            self.people.say("")
            self.people.say(title, "bold")
            if hint:
                self.people.say(f"     {hint}", "dim")
        try:
            return str(click.prompt(f"     {question}", default=default, hide_input=hidden))
        except click.Abort:
            if sys.stdin.isatty():  # Ctrl-C
                raise
            said = f"{question}: nobody is there to answer; give {OPTIONS[self._step]}, or --yes for the defaults"
            raise CommandError(said) from None

    def __call__(self, question: str, given: str | None, default: str | None, read: Callable[[str], Read]) -> Read:
        """An answer as typed, read. Raises CommandError where an option's cannot be."""
        if given is not None:
            return read(given)
        if self.yes:
            return read(default or "")
        while True:
            typed = self._ask(question, default)
            try:
                return read(typed)
            except CommandError as error:
                self.wrong(str(error))

    def secret(self, question: str) -> str:
        """Words that are not shown."""
        return self._ask(f"{question} (not shown)", hidden=True)

    def wrong(self, said: str, todo: str = "") -> None:
        """Why an answer will not do."""
        self.people.say(f"     ✗ {said}", "red")
        if todo:
            self.people.say(f"       → {_KEY.sub(_named, todo)}", "yellow")

    def good(self, said: str, more: str = "") -> None:
        """That an answer works."""
        self.people.say(f"     ✓ {said}", "green")
        if more:
            self.people.say(f"       {more}", "dim")


# --- answers, read ------------------------------------------------------------------------------------------------


def person(text: str) -> tuple[str, str]:
    """Name and address of `Service Desk <help@desk.example>`; the name may be left out."""
    match = _PERSON.match(text)
    if match is None:
        raise CommandError(f"expected NAME <ADDRESS>, such as Service Desk <help@desk.example>, found {text!r}")
    address = match["in"] or match["bare"]
    name = re.sub(r'^"(.*)"$', r"\1", match["name"] or "")  # as in a header
    return name or address.partition("@")[0], address


def person_or_none(text: str) -> tuple[str, str] | None:
    """The same, or none."""
    return None if text.strip().lower() == "none" else person(text)


def word(text: str) -> str:
    """Anything but nothing."""
    if not text.strip():
        raise CommandError("expected a word, found nothing")
    return text.strip()


def mailbox(text: str) -> str:
    """`smtp`, a provider's name, or a server with its port."""
    name = text.strip().lower()
    name = ALIASES.get(name, name)
    if name == "smtp" or name in PROVIDERS:
        return name
    if (
        "." not in name
        and ":" not in name
        and name != "localhost"
        and (near := nearest(name, ("smtp", *PROVIDERS), 0.7))
    ):
        raise CommandError(f"{text.strip()!r} is neither a provider nor a server's name; did you mean {near}?")
    return str(server(name, 993, "expected a server's name such as imap.desk.example, a provider or smtp"))


def relay(text: str) -> Server | None:
    """A server with its port; none."""
    name = text.strip().lower()
    return None if name == "none" else server(name, 25, "expected HOST:PORT such as smtp.desk.example:587, or none")


def server(text: str, port: int, expected: str) -> Server:
    """Host and port; `port` where none is told."""
    host, _, number = text.rpartition(":") if re.search(r"(?<!:):\d+$", text) else (text, "", str(port))
    if not (_HOST.fullmatch(host) or _is_ipv6(host)) or not 0 < int(number) <= 65535:
        raise CommandError(f"{expected}, found {text!r}")
    return Server(host.strip("[]"), int(number))


def _is_ipv6(host: str) -> bool:
    try:
        return bool(IPv6Address(re.sub(r"^\[(.*)\]$", r"\1", host)))
    except ValueError:
        return False


def zone(text: str) -> str:
    """A time zone that there is."""
    name = text.strip()
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        zones = {known.rpartition("/")[2].lower(): known for known in sorted(available_timezones()) if "/" in known}
        city = name.rpartition("/")[2].lower().replace(" ", "_")
        all_of_them = (known for known in available_timezones() if "/" in known)
        near = nearest(name, all_of_them, _NEAR) or zones.get(nearest(city, zones, _NEAR) or "")
        hint = f"; did you mean {near}?" if near else ""
        raise CommandError(f"expected a time zone such as Europe/Berlin, found {text!r}{hint}") from None
    return name


def shadow(text: str) -> bool:
    """Whether it is shadow."""
    name = text.strip().lower()
    if name not in ("shadow", "live"):
        raise CommandError(f"expected shadow or live, found {text!r}")
    return name == "shadow"


def machine_zone() -> str:
    """This machine's time zone as TZ, /etc/localtime or /etc/timezone name it; UTC where none does."""
    link = Path("/etc/localtime")
    file = Path("/etc/timezone")
    names = (
        os.environ.get("TZ", "").removeprefix(":"),
        str(link.resolve()).partition("/zoneinfo/")[2] if link.is_symlink() else "",
        file.read_text(encoding="ascii", errors="replace").strip() if file.is_file() else "",
    )
    for name in names:
        if name and (name == "UTC" or "/" in name):
            try:
                return zone(name.removeprefix("Etc/"))
            except CommandError:
                continue
    return "UTC"
