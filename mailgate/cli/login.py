"""`mailgate login`: a person signs in once at the provider, and the desk goes on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailgate.cli.command import Command, Place, pass_place
from mailgate.errors import CommandError

if TYPE_CHECKING:
    from mailgate.settings import Grant, Settings


@click.command(cls=Command, example="mailgate login m365")
@click.argument("name")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="Google: where on 127.0.0.1 the browser comes back to; a free one if not told.",
)
@pass_place
def login(place: Place, *, name: str, port: int) -> None:
    """Sign in at the provider of the [[grant]] NAME, or of the mailbox NAME, or of `relay`.

    Microsoft: a code is shown, to be entered on a page in any browser. Google: a page is to be opened in a browser of
    this machine (from another one: `ssh -L PORT:127.0.0.1:PORT`, and --port). The command waits. A daemon that runs
    goes on by itself. Where the application signs in by itself, that is tried.
    """
    settings = place.settings()
    grant = find(settings, name)
    from mailgate.grants import keeper, tokens

    if not grant.by_person:
        mailboxes = [whose for used, whose in keeper.used(settings) if used == grant] or [""]
        for whose in mailboxes:
            tokens.token(settings, grant, whose)
        click.echo(f"The application of {grant.name} signs in by itself: it got a token. Nothing is to be done.")
        return
    if grant.provider == "microsoft":
        from mailgate.grants import microsoft

        renewed = microsoft.sign_in(grant, settings, _show)
    else:
        from mailgate.grants import google

        renewed = google.sign_in(grant, settings, _show, port)
    tokens.keep(settings, grant, renewed)
    click.echo(f"Signed in for {grant.name}. Next: mailgate check")


def find(settings: Settings, name: str) -> Grant:
    """The grant of that name, or of the mailbox of that name, or of the relay. Raises CommandError."""
    for grant in settings.grant:
        if grant.name == name:
            return grant
    accounts = [(box.name, box) for box in settings.imap]
    for account in [box for called, box in accounts if called == name] + (
        [settings.relay] if name == "relay" and settings.relay else []
    ):
        found = settings.granted(account)
        if found is None:
            raise CommandError(f"{name} signs in with a password: there is nobody to sign in for")
        return found
    known = ", ".join(grant.name for grant in settings.grant)
    raise CommandError(f'there is no [[grant]] "{name}"; {f"there are {known}" if known else "add one"}')


def _show(text: str) -> None:
    click.echo(text)
