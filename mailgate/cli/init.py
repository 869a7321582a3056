"""`mailgate init`: a first mailgate.toml after a few questions. It connects to nothing and overwrites nothing."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import click

from mailgate.cli.command import Command, Place, pass_place
from mailgate.errors import CommandError, SettingsError
from mailgate.settings.draft import PROVIDERS, Answers, Server, write

ADDRESS = re.compile(r"^\s*(?:(?P<name>[^<>]*?)\s*<(?P<in>[^@\s<>]+@[^@\s<>]+)>|(?P<bare>[^@\s<>]+@[^@\s<>]+))\s*$")


@click.command(
    cls=Command,
    example='mailgate init --desk "Help <help@desk.example>" --mailbox imap.desk.example --relay smtp.desk.example:587',
)
@click.option("--desk", metavar="NAME <ADDRESS>", help="Name and address of the desk.")
@click.option("--mailbox", metavar="HOST", help="An IMAP server, `google`, or `smtp`: a mail server hands mails over.")
@click.option("--user", metavar="U", help="Who signs in there. Default: the desk's address.")
@click.option(
    "--password-file", default="mailbox.password", show_default=True, metavar="FILE", help="With the password."
)
@click.option("--relay", metavar="HOST[:PORT]", help="The server that sends for us, or `none`: outgoing mail is held.")
@click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin. Default: this machine's.")
@click.option("--staff", metavar="NAME <ADDRESS>", help="The first member of staff, or `none`.")
@click.option(
    "--auth-results", metavar="ID", help="Whose Authentication-Results count. Default: the provider's, or none."
)
@click.option("--shadow/--live", default=None, help="Whether to begin in shadow: it decides all and answers nobody.")
@click.option("--yes", is_flag=True, help="Ask nothing, take the defaults.")
@pass_place
def init(
    place: Place,
    *,
    desk: str | None,
    mailbox: str | None,
    user: str | None,
    password_file: str,
    relay: str | None,
    timezone: str | None,
    staff: str | None,
    auth_results: str | None,
    shadow: bool | None,
    yes: bool,
) -> None:
    """Write a commented mailgate.toml after at most eight questions.

    Every question has an option. Nothing is connected to, and a file that is there is left as it is.
    """
    file = Path(place.config or os.environ.get("MAILGATE_CONFIG") or "mailgate.toml")
    if file.exists():
        raise CommandError(f"{file} is there already and stays as it is; `mailgate check` tries it")
    ask = _Asker(yes)
    desk_name, address = ask("Name and address of the desk", desk, "Service Desk <help@desk.example>", _person)
    known = ask("Mailbox: an IMAP server's name, google, or smtp", mailbox, "smtp", _mailbox)
    provider = PROVIDERS.get(known)
    host = provider.imap if provider else (None if known == "smtp" else known)
    signs_in = ask("User who signs in there", user, address, _text) if host else address
    relay_default = f"{provider.relay.host}:{provider.relay.port}" if provider else _beside(host)
    sends = ask("Relay that sends our mail: HOST:PORT, or none", relay, relay_default, _relay)
    zone = ask("Time zone", timezone, machine_zone(), _zone)
    member = ask("First member of staff: NAME <ADDRESS>, or none", staff, "none", _person_or_none)
    trusted = provider.auth_results if provider else "none"
    believed = ask("Whose Authentication-Results count", auth_results, trusted, _text)
    if shadow is None:
        shadow = False if yes else click.confirm("Begin in shadow, answering nobody?", default=False)
    answers = Answers(desk_name, address, host, signs_in, password_file, sends, zone, member, believed)
    create(file, write(answers))
    click.echo(f"Wrote {file}.\n\nNext:")
    config = "" if file == Path("mailgate.toml") else f" --config {file}"
    secret = file.parent / password_file
    if host and not secret.exists():
        click.echo(f"  put the password of {signs_in} into {secret}, and `chmod 600` it")
    click.echo(f"  mailgate check{config}")
    click.echo(f"  mailgate serve{config}{' --shadow' if shadow else ''}")


Read = TypeVar("Read")


class _Asker:
    """Asks what no option told until it is understood; with `--yes` it takes the default."""

    def __init__(self, yes: bool) -> None:
        self.yes = yes

    def __call__(self, question: str, given: str | None, default: str, read: Callable[[str], Read]) -> Read:
        if given is not None or self.yes:
            return read(default if given is None else given)
        while True:
            try:
                return read(click.prompt(question, default=default))
            except CommandError as error:
                click.echo(f"  {error}")


def _person(text: str) -> tuple[str, str]:
    match = ADDRESS.match(text)
    if match is None:
        raise CommandError(f"expected NAME <ADDRESS>, such as Service Desk <help@desk.example>, found {text!r}")
    address = match["in"] or match["bare"]
    name = re.sub(r'^"(.*)"$', r"\1", match["name"] or "")  # as in a header
    return name or address.partition("@")[0], address


def _person_or_none(text: str) -> tuple[str, str] | None:
    return None if text.strip().lower() == "none" else _person(text)


def _text(text: str) -> str:
    if not text.strip():
        raise CommandError("expected a word, found nothing")
    return text.strip()


def _mailbox(text: str) -> str:
    word = text.strip().lower()
    if not re.fullmatch(r"[\w.-]+|\[?[0-9a-f:]+\]?", word):
        raise CommandError(f"expected a server's name such as imap.desk.example, google or smtp, found {text!r}")
    return word


def _relay(text: str) -> Server | None:
    word = text.strip().lower()
    if word == "none":
        return None
    host, _, port = word.rpartition(":") if re.search(r"(?<!:):\d+$", word) else (word, "", "25")
    if not re.fullmatch(r"[\w.-]+|\[?[0-9a-f:]+\]?", host) or not 0 < int(port) <= 65535:
        raise CommandError(f"expected HOST:PORT such as smtp.desk.example:587, or none, found {text!r}")
    return Server(host.strip("[]"), int(port))


def _zone(text: str) -> str:
    try:
        ZoneInfo(text.strip())
    except (KeyError, ValueError, OSError):
        raise CommandError(f"expected a time zone such as Europe/Berlin, found {text!r}") from None
    return text.strip()


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
                return _zone(name.removeprefix("Etc/"))
            except CommandError:
                continue
    return "UTC"


def _beside(imap: str | None) -> str:
    """The submission server that usually stands beside an IMAP server (RFC 6409)."""
    if imap is None:
        return "none"
    name = f"smtp.{imap.removeprefix('imap.')}" if imap.startswith("imap.") else imap
    return f"{name}:587"


def create(file: Path, text: str) -> None:
    """Write it where no file is, mode 0600, and only if it can be loaded. Raises CommandError and SettingsError."""
    from mailgate.settings import load

    try:
        handle, name = tempfile.mkstemp(prefix=".mailgate-", suffix=".toml", dir=file.parent)  # mode 0600
    except OSError as error:
        raise CommandError(f"{file.parent}: cannot be written to: {error.strerror}") from None
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        load(draft)
        os.link(draft, file)  # unlike a rename it overwrites nothing
    except FileExistsError:
        raise CommandError(f"{file} is there already and stays as it is") from None
    except SettingsError as error:
        raise SettingsError([problem.replace(name, str(file)) for problem in error.problems]) from None
    finally:
        draft.unlink()
