"""`mailgate init`: a first mailgate.toml after at most eight questions, tried, and the first ticket."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from mailgate.cli import service
from mailgate.cli.asking import Asker
from mailgate.cli.command import Command, Place, pass_place
from mailgate.cli.console import People, line
from mailgate.cli.interview import Draft, Given, Interview
from mailgate.errors import CommandError, MailgateError, SettingsError
from mailgate.settings.draft import GRANTS, write
from mailgate.settings.kinds import SignIn
from mailgate.settings.providers import PROVIDERS

WAIT_SECONDS = 120  # for a first mail: providers take their time with a sender that is new to them


@click.command(
    cls=Command,
    example='mailgate init --desk "Help <help@desk.example>" --mailbox imap.desk.example --relay smtp.desk.example:587',
)
@click.option("--desk", metavar="NAME <ADDRESS>", help="Name and address of the desk.")
@click.option(
    "--mailbox",
    metavar="HOST[:PORT]",
    help=f"An IMAP server; a provider ({', '.join(PROVIDERS)}); or `smtp`: a mail server hands mails over.",
)
@click.option("--user", metavar="U", help="Who signs in there. Default: the desk's address.")
@click.option(
    "--password-file", default="mailbox.password", show_default=True, metavar="FILE", help="With the password."
)
@click.option("--client-id", metavar="ID", help="The application that microsoft or google has registered; see `login`.")
@click.option("--tenant", metavar="ID", help="microsoft: the directory.")
@click.option("--client-secret-file", metavar="FILE", help="With the application's secret, where it has one.")
@click.option("--service-account-file", metavar="FILE", help="google: the key of a service account.")
@click.option(
    "--sign-in",
    type=click.Choice(get_args(SignIn)),
    help="How, at a server that is no provider's name. Default: password.",
)
@click.option("--authority", metavar="URL", help="microsoft: where it is asked, in a sovereign cloud.")
@click.option("--authorize-url", metavar="URL", help="google: its page of consent.")
@click.option("--token-url", metavar="URL", help="google: where tokens come from.")
@click.option("--tls-ca", metavar="FILE", help="Certificates to trust there instead of the machine's.")
@click.option("--imap-ca", metavar="FILE", help="Certificates to trust at the mailbox, of your own authority.")
@click.option("--relay-ca", metavar="FILE", help="Certificates to trust at the relay.")
@click.option("--relay", metavar="HOST[:PORT]", help="The server that sends for us, or `none`: outgoing mail is held.")
@click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin. Default: this machine's.")
@click.option("--staff", metavar="NAME <ADDRESS>", help="The first member of staff, or `none`.")
@click.option(
    "--auth-results", metavar="ID", help="Whose Authentication-Results count. Default: the provider's, or none."
)
@click.option("--shadow/--live", default=None, help="Whether to begin in shadow: it decides all and answers nobody.")
@click.option("--try/--no-try", "trying", default=True, help="Whether to connect, check, and send a first mail.")
@click.option(
    "--wait",
    default=WAIT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    type=click.IntRange(1),
    help="How long the first mail may take.",
)
@click.option("--yes", is_flag=True, help="Ask nothing, take the defaults, connect to nothing.")
@click.pass_context
@pass_place
def init(
    place: Place, ctx: click.Context, /, *, trying: bool, wait: int, yes: bool, **options: str | bool | None
) -> None:
    """Write a commented mailgate.toml after at most eight questions, try it, and show the first ticket.

    Every question has an option. Sign-in and relay are tried as they are answered; then `check` runs, and the desk
    sends itself a mail. Passwords go to a file of their own. Nothing is written before the last answer, and a file that
    is there is left as it is. In /etc/mailgate of the package, root writes what the service can read.
    """
    file = Path(place.config or os.environ.get("MAILGATE_CONFIG") or "mailgate.toml")
    if file.exists():
        raise CommandError(f"{file} is there already and stays as it is; `mailgate check` tries it")
    folder = file.absolute().parent
    if not os.access(folder, os.W_OK):
        raise CommandError(f"{folder}: cannot be written to")
    people = People()
    given = Given(**options)  # type: ignore[arg-type]  # click has read them
    trying = trying and not yes
    draft = Interview(given, Asker(yes=yes, people=people), folder, trying=trying).draft()
    packaged = service.state(folder)
    draft.answers = replace(draft.answers, state=packaged)
    save(file, draft)
    people.say(f"Wrote {file}.")
    trying = trying and not draft.unregistered
    if trying:
        place.config = str(file.absolute())
        if packaged:
            service.become()
        _try(ctx, place, people, draft, wait)
    _next(people, file, draft, trying=trying)


# --- the file -----------------------------------------------------------------------------------------------------


def save(file: Path, draft: Draft) -> None:
    """The settings and what lies beside them, for who is to read them, all or none.

    Raises CommandError and SettingsError.
    """
    reader = service.group(file.absolute().parent)
    made: list[Path] = []
    try:
        for name, secret in draft.files.items():
            path = file.parent / name
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except OSError as error:
                raise CommandError(f"{path}: cannot be written: {error.strerror}") from None
            made.append(path)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                service.close(handle, reader)
                out.write(f"{secret}\n")
        create(file, write(draft.answers), reader)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def create(file: Path, text: str, reader: int | None = None) -> None:
    """Write it where no file is, for its owner and that group, and only if it can be loaded.

    Raises CommandError and SettingsError.
    """
    from mailgate.settings import load

    try:
        handle, name = tempfile.mkstemp(prefix=".mailgate-", suffix=".toml", dir=file.parent)  # mode 0600
    except OSError as error:
        raise CommandError(f"{file.parent}: cannot be written to: {error.strerror}") from None
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            service.close(handle, reader)
            out.write(text)
        load(draft)
        os.link(draft, file)  # unlike a rename it overwrites nothing
    except FileExistsError:
        raise CommandError(f"{file} is there already and stays as it is") from None
    except SettingsError as error:
        raise SettingsError([problem.replace(name, str(file)) for problem in error.problems]) from None
    finally:
        draft.unlink()


# --- what comes after it ------------------------------------------------------------------------------------------


def _try(ctx: click.Context, place: Place, people: People, draft: Draft, wait: int) -> None:
    """Sign in where a person has to, `check`, and a first mail. Raises click.exceptions.Exit where it is not well."""
    from mailgate.checks import round_trip, run
    from mailgate.cli.check import show

    settings = place.settings()
    for grant in settings.grant:
        from mailgate.cli.login import login

        try:
            ctx.invoke(login, name=grant.name, port=0)
        except MailgateError as error:
            people.say(f"✗ {line(str(error))}", "red")
    people.say("")
    findings = []
    for finding in run.run(place.file):
        findings.append(finding)
        show(people, finding)
    if not run.well(findings):
        people.say("\nMend it, then: mailgate check", "bold red")
        ctx.exit(1)
    if settings.relay is None and settings.smtp is None:
        people.say(f"\nThere is no relay to send a first mail by: write to {settings.desk.address} yourself.")
        return
    people.say("")
    try:
        with people.console.status("Starting the desk ...") as shown, round_trip.serving(settings, shadow=draft.shadow):
            number = round_trip.first_mail(settings, wait, lambda said: shown.update(f"{said} ..."))
    except CommandError as error:
        people.say(f"✗ {line(str(error))}", "bold red")
        people.say("  → `mailgate serve` in one terminal, `mailgate check --probe` in another, tell more", "yellow")
        ctx.exit(1)
    said = (
        "A mail went out through the relay, came back in, and is a ticket:" if settings.relay else "Its first ticket:"
    )
    people.say(f"✓ {said}", "bold green")
    from mailgate.cli.tickets import show as show_ticket

    ctx.invoke(show_ticket, numbers=(number,), as_json=False)


def _next(people: People, file: Path, draft: Draft, *, trying: bool) -> None:
    """What to type now."""
    packaged = draft.answers.state is not None
    config = "" if file == Path("mailgate.toml") or packaged else f" --config {file}"
    command = f"{service.prefix() if packaged else ''}mailgate"
    answers = draft.answers
    people.say("\nNext:", "bold")
    secret = file.parent / answers.password_file
    if answers.mailbox and answers.sign_in == "password" and not secret.exists():
        mode = "640" if service.group(file.absolute().parent) is not None else "600"
        people.say(f"  put the password of {answers.user} into {secret}, and `chmod {mode}` it")
    if draft.unregistered:
        people.say(f"  register the application (docs/signing-in.md) and write its client_id into {file}")
    if answers.mailbox and answers.sign_in != "password" and not trying:
        people.say(f"  {command} login{config} {GRANTS[answers.sign_in]}")
    if not trying:
        people.say(f"  {command} check{config}")
    if packaged and service.UNIT.exists():
        if draft.shadow:
            people.say("  systemctl edit mailgate    (ExecStart with --shadow, see docs/shadow.md)")
        people.say("  systemctl start mailgate")
    else:
        people.say(f"  {command} serve{config}{' --shadow' if draft.shadow else ''}")
