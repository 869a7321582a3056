"""A first file of settings from a few answers, with a comment where a person will want to go on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from mailgate.settings.kinds import SignIn
from mailgate.settings.providers import Server

GRANTS = {"microsoft": "m365", "google": "google"}  # what the grant is called
NO_CLIENT = "00000000-0000-0000-0000-000000000000"  # until the application is registered


@dataclass(frozen=True, slots=True)
class Application:
    """What a provider registered: the settings of its [[grant]], those that are there."""

    client_id: str | None = None
    tenant: str | None = None
    client_secret_file: str | None = None
    service_account_file: str | None = None
    authority: str | None = None
    authorize_url: str | None = None
    token_url: str | None = None
    tls_ca: str | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What `init` has been told. `mailbox` None: an SMTP door; `relay` None: outgoing mail is held."""

    name: str = "Service Desk"
    address: str = "help@desk.example"
    mailbox: Server | None = None
    sign_in: SignIn = "password"
    user: str = ""
    password_file: str = "mailbox.password"  # noqa: S105 - a file's name
    application: Application = Application()
    relay: Server | None = None
    relay_user: str | None = None  # where it is another than the mailbox's
    relay_password_file: str | None = None
    timezone: str = "UTC"
    staff: tuple[str, str] | None = None  # name, address
    auth_results: str = "none"  # an authserv-id, "microsoft" or "none"
    language: str = "en"
    state: str | None = None  # the folder of what it keeps; None: that of the settings


def write(answers: Answers) -> str:
    """The file's text."""
    parts = [
        _HEAD.format(desk=_desk(answers), storage=_storage(answers)),
        _door(answers),
        _grant(answers),
        _relay(answers),
        _people(answers),
        _RULE,
    ]
    return "\n".join(part for part in parts if part)


def value(thing: Any) -> str:
    """A text, number, truth, day or list as TOML writes it."""
    if isinstance(thing, list | tuple):
        return f"[{', '.join(value(entry) for entry in thing)}]"
    if isinstance(thing, dict):
        return f"{{ {', '.join(f'{key} = {value(entry)}' for key, entry in thing.items())} }}"
    if isinstance(thing, date):
        return thing.isoformat()
    if isinstance(thing, str) and "\\" in thing and "'" not in thing:
        return f"'{thing}'"  # a pattern: TOML obeys no backslash in these
    return json.dumps(thing, ensure_ascii=False).replace("\x7f", "\\u007f")


def _desk(answers: Answers) -> str:
    return _lines(name=answers.name, address=answers.address, timezone=answers.timezone, language=answers.language)


def _storage(answers: Answers) -> str:
    if answers.state is None:
        return _lines(url="sqlite:///mailgate.db")
    return _lines(url=f"sqlite:///{answers.state}/mailgate.db", state=answers.state)


def _lines(**settings: str | int | list[str]) -> str:
    return "\n".join(f"{key} = {value(entry)}" for key, entry in settings.items())


def _door(answers: Answers) -> str:
    if answers.mailbox is None:
        settings = _lines(listen=["127.0.0.1:2525"], auth_results=answers.auth_results)
        return _SMTP.format(settings=settings)
    mailbox = answers.mailbox
    settings = _lines(
        name="office",
        host=mailbox.host,
        port=mailbox.port,
        tls=mailbox.tls,
        **_authority(mailbox),
        user=answers.user,
        **_signing_in(answers.sign_in, answers.password_file),
        folder="INBOX",
        auth_results=answers.auth_results,
    )
    return _IMAP.format(settings=settings)


def _signing_in(sign_in: SignIn, password_file: str) -> dict[str, str | int | list[str]]:
    return {"password_file": password_file} if sign_in == "password" else {"auth": sign_in}


def _authority(server: Server) -> dict[str, str | int | list[str]]:
    return {"tls_ca": server.tls_ca} if server.tls_ca else {}


def _grant(answers: Answers) -> str:
    if answers.sign_in == "password" or answers.mailbox is None:
        return ""
    application = answers.application
    client = application.client_id or (None if application.service_account_file else NO_CLIENT)
    given = {
        "name": GRANTS[answers.sign_in],
        "provider": answers.sign_in,
        "client_id": client,
        "tenant": application.tenant,
        "client_secret_file": application.client_secret_file,
        "service_account_file": application.service_account_file,
        "authority": application.authority,
        "authorize_url": application.authorize_url,
        "token_url": application.token_url,
        "tls_ca": application.tls_ca,
    }
    return _GRANT.format(settings=_lines(**{key: entry for key, entry in given.items() if entry is not None}))


def _relay(answers: Answers) -> str:
    relay = answers.relay
    if relay is None:
        return _NO_RELAY
    settings: dict[str, str | int | list[str]] = {"host": relay.host, "port": relay.port, "tls": relay.tls}
    settings |= _authority(relay)
    if answers.sign_in == "microsoft":
        settings |= {"max_connections": 3, "per_minute": 30}  # Microsoft takes no more
    if answers.relay_user:
        file = answers.relay_password_file or answers.password_file
        settings |= {"user": answers.relay_user, "password_file": file}
    elif answers.mailbox is not None and relay.tls != "none" and relay.signs_in:
        settings |= {"user": answers.user, **_signing_in(answers.sign_in, answers.password_file)}
    return _RELAY.format(settings=_lines(**settings))


def _people(answers: Answers) -> str:
    name, email = answers.staff or ("First Agent", "agent@desk.example")
    staff = f"[[staff]]\n{_lines(name=name, email=email)}\n"
    if answers.staff is None:
        staff = "".join(f"# {line}\n" for line in staff.splitlines())
    return _PEOPLE.format(staff=staff.rstrip())


_HEAD = """\
# mailgate: the settings of this desk. Every setting is in docs/settings.md.
# `mailgate check` tries what stands here, SIGHUP or a restart puts it to use.

[desk]
{desk}

[storage]
# From the folder of this file. Or PostgreSQL: "postgresql+psycopg://mailgate@localhost/mailgate"
{storage}
"""

_SMTP = """\
# Mail comes in here, from the mail server in front. This is no server to face the internet with.
[smtp]
{settings}
# auth_results is the name by which that server signs its Authentication-Results. "none": nobody is believed, and
# what staff write has to be confirmed by them before it goes out.
"""

_IMAP = """\
# The mailbox that is watched.
[[imap]]
{settings}
# auth_results is the name by which the provider signs its Authentication-Results. "none": nobody is believed, and
# what staff write has to be confirmed by them before it goes out. `mailgate check` looks and proposes it.
start = "now"             # what lies there already is left alone; or "all", or a date
after = "move:Processed"  # or "flag", or "delete"
"""

_GRANT = """\
# How mailbox and relay sign in without a password; docs/signing-in.md has where these come from.
[[grant]]
{settings}
"""

_RELAY = """\
# The mail server that takes what we send.
[relay]
{settings}
"""

_NO_RELAY = """\
# The mail server that takes what we send. Until there is one, outgoing mail is held (`mailgate outbox list`).
# [relay]
# host = "127.0.0.1"
# port = 25
# tls = "none"              # or "starttls" (port 587), or "implicit" (port 465)
# user = "help@desk.example"
# password_file = "relay.password"
"""

_PEOPLE = """\
# Staff are told of new tickets, and answer by mail.
{staff}

# Organisations whose people write; without them everybody is a stranger, and still gets a ticket.
# [[partner]]
# name = "Acme"
# domains = ["acme.example"]

# Queues; without them there is one, named as the desk.
# [[queue]]
# name = "Service Desk"
# default = true
#
# [[queue]]
# name = "Hardware"
# address = "hardware@desk.example"
# members = ["agent@desk.example"]
"""

_RULE = """\
# Rules, see docs/rules.md.
# [[rule]]
# name = "printers"
# when = { subject = { matches = '(?i)printer (?P<model>\\S+)' } }
# set = { tags = ["printer"], fields = { model = "{model}" } }
"""
