"""The command `mailgate`: its table of commands, and what to do next for who types it alone."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import click

import mailgate
from mailgate.cli.command import Entry, Place, Root
from mailgate.errors import SettingsError
from mailgate.stopping import at_once

ROOMS = ("parsing", "routing", "storage", "templates")

COMMANDS = {
    "demo": Entry("Begin", "mailgate.cli.demo:demo", "A desk at work in a temporary folder, for you to watch."),
    "init": Entry("Begin", "mailgate.cli.init:init", "Write a commented mailgate.toml after a few questions."),
    "check": Entry("Begin", "mailgate.cli.check:check", "Try settings, database, doors, mailboxes and relay."),
    "login": Entry("Begin", "mailgate.cli.login:login", "Sign in once at Microsoft or Google, for a [[grant]]."),
    "serve": Entry("Run", "mailgate.cli.system:serve", "Run the daemon."),
    "status": Entry("Run", "mailgate.cli.status:status", "How things stand, and what needs a person."),
    "ticket": Entry("Tickets", "mailgate.cli.tickets:ticket", "List, show, open, answer, assign and close tickets."),
    "inbox": Entry("Mail", "mailgate.cli.inbox:inbox", "Every mail that arrived: list, show, retry, export."),
    "outbox": Entry("Mail", "mailgate.cli.outbox:outbox", "Every mail we send: list, show, retry, release, discard."),
    "quarantine": Entry("Mail", "mailgate.cli.quarantine:quarantine", "Mails set aside: list, show, release, reject."),
    "trace": Entry("Mail", "mailgate.cli.trace:trace", "One timeline of an address, a Message-ID or a ticket."),
    "explain": Entry("Mail", "mailgate.cli.mails:explain", "What would happen to a mail here, now, and why."),
    "parse": Entry("Mail", "mailgate.cli.mails:parse", "What a mail says. Needs no settings, touches nothing."),
    "deliver": Entry("Mail", "mailgate.cli.mails:deliver", "Take one mail from standard input: a pipe's door."),
    "import": Entry("Look after", "mailgate.cli.imports:imports", "A back catalogue becomes closed tickets, silently."),
    "rules": Entry("Look after", "mailgate.cli.rules:rules", "The rules, in words and in order."),
    "db": Entry("Look after", "mailgate.cli.system:db", "Check or upgrade the database."),
    "backup": Entry(
        "Look after", "mailgate.cli.backup:backup", "Copy all that makes the desk into one file, running or not."
    ),
    "restore": Entry("Look after", "mailgate.cli.restore:restore", "Bring a backup back, with sending frozen."),
    "thaw": Entry("Look after", "mailgate.cli.thaw:thaw", "Let mail out again after a restore."),
    "completion": Entry(
        "Look after", "mailgate.cli.completion:completion", "What makes your shell complete commands at TAB."
    ),
}


@click.group(
    cls=Root,
    entries=COMMANDS,
    invoke_without_command=True,
    example="mailgate status",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="mailgate", message="mailgate %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """An IT service desk that lives in your mailbox."""
    place = ctx.ensure_object(Place)
    if ctx.invoked_subcommand is None:
        next_step(place)


def next_step(place: Place) -> None:
    """What to do now, seen from what is there."""
    from mailgate.cli.command import database_file

    try:
        settings = place.settings()
    except SettingsError as error:
        try:
            file = place.file
        except SettingsError:
            file = None
        if file is not None and file.exists():
            click.echo("These settings cannot be used:")
            for problem in error.problems:
                click.echo(f"  {problem}")
            click.echo("\nNext: mend the file, then `mailgate check`.")
            return
        click.echo("There are no settings yet.\n")
        click.echo("  mailgate demo    shows a desk at work in a temporary folder")
        click.echo("  mailgate init    writes a commented mailgate.toml here")
        return
    click.echo(f"{settings.desk.name} <{settings.desk.address}>, settings in {settings.file}\n")
    file = database_file(settings)
    if file is not None and not file.is_file():
        click.echo("  mailgate check   tries settings, mailboxes, relay and database")
        click.echo("  mailgate serve   runs the desk; it makes the database")
        return
    from mailgate.checks import running
    from mailgate.cli.console import line
    from mailgate.cli.status import read_standing

    standing = read_standing(settings)
    for found in standing.problems:
        click.echo(f"  ! {line(found.said)}")
    if not running.daemon(settings, standing.status.beats).begun:
        click.echo(f"  Not started yet: `{running.start(settings)}`.")
    elif not standing.problems:
        click.echo("  All is well.")
    click.echo("\n  mailgate ticket list   the open tickets")
    click.echo("  mailgate status        how things stand")
    click.echo("  mailgate --help        everything else")


def intruder() -> str | None:
    """The first of our rooms that another package shadows; parsing and storage are everybody's names."""
    home = Path(mailgate.__file__).resolve().parent.parent
    for room in ROOMS:
        spec = PathFinder.find_spec(room)
        if spec is None or spec.origin is None:
            return f"{room} is missing beside {home / 'mailgate'}; install mailgate again, in its own environment"
        if Path(spec.origin).resolve().parent.parent != home:
            return f"{spec.origin} stands in the way of mailgate's own {room}; install mailgate in its own environment"
    return None


def main() -> None:
    """The console script. What it makes is for its own user alone: mails, signing keys, settings."""
    if sys.argv[1:2] == ["serve"]:
        at_once()
    os.umask(0o077)
    if (found := intruder()) is not None:
        click.echo(f"mailgate: {found}", err=True)
        sys.exit(1)
    try:
        cli(prog_name="mailgate")
    except ImportError as error:
        if ".so" not in str(error):
            raise
        click.echo(
            f"mailgate: a library of the system is missing, such as that of the package libstdc++6: {error}", err=True
        )
        sys.exit(1)
