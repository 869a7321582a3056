"""`mailgate status`: how things stand, and what needs a person."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mailgate import locking
from mailgate.alarms.standing import Problem, Standing, look, unwritten
from mailgate.checks import running, secrets
from mailgate.checks.running import Daemon
from mailgate.cli.command import Command, Place, json_option, pass_place, require_database
from mailgate.cli.console import People, emit, iso, line, styled
from mailgate.grants.ends import days
from mailgate.settings import Settings
from mailgate.trouble import parted
from routing import tokens
from storage.status import last_success
from storage.words import DAEMON, SHADOW

if TYPE_CHECKING:
    from rich.text import Text

    from storage.status import Beat, Mailbox, Status, Unsent


def read_standing(settings: Settings) -> Standing:
    """One snapshot. Raises CommandError where there is no database, and storage's errors."""
    require_database(settings)
    standing = look(settings)
    daemon, now = running.daemon(settings, standing.status.beats), time.time()
    found = unwritten(standing.status, settings, now) if daemon.here else daemon.problem(settings, now)
    open_to_all = (Problem("look", said, f"{said}; `{todo}`") for said, todo in secrets.exposed(settings))
    return replace(standing, problems=(*((found,) if found else ()), *standing.problems, *open_to_all))


def document(standing: Standing, daemon: Daemon) -> dict[str, Any]:
    """The JSON object of `status`."""
    status, disk = standing.status, standing.disk
    return {
        "journal": {"new": status.new, "done": status.done, "parked": status.parked},
        "oldest_new": iso(status.oldest_new),
        "quarantine": status.set_aside,
        "tickets": status.tickets,
        "articles": status.articles,
        "outbox": {
            "pending": status.pending,
            "sent": status.sent,
            "failed": status.failed,
            "held": status.held,
        },
        "waiting": [
            {"state": wait.state, "held_for": wait.held_for, "count": wait.count, "oldest": iso(wait.oldest)}
            for wait in status.unsent
        ],
        "mailboxes": [
            {
                "name": box.account,
                "folder": box.folder,
                "first_contact": iso(box.first_contact or None),  # 0 where start is "all": nothing is too old
                "waiting": box.waiting,
                "last_success": iso(box.last_success),
                "error": box.error,
                "error_since": iso(box.error_since),
            }
            for box in standing.mailboxes
        ],
        "beats": [
            {
                "name": beat.name,
                "last_success": iso(beat.last_success),
                "error": beat.error,
                "error_since": iso(beat.error_since),
            }
            for beat in status.beats
        ],
        "secrets": [
            {
                "name": secret.name,
                "provider": secret.provider,
                "ends": iso(secret.ends),
                "error": secret.error and line(secret.error),
                "error_since": iso(secret.error_since),
            }
            for secret in standing.secrets
        ],
        "database": {"size": status.size},
        "disk": disk and {"folder": str(disk.folder), "free": disk.free, "size": disk.size},
        "alarms": list(status.alarms),
        "restore": _restore(status),
        "daemon": {"runs": daemon.here, "last_seen": iso(daemon.seen)},
        "shadow": iso(last_success(status.beats, SHADOW)),
        "problems": [line(problem.said) for problem in standing.problems],
    }


def _restore(status: Status) -> dict[str, Any] | None:
    begun = status.restore
    if begun is None:
        return None
    return {
        "made": iso(begun.made),
        "restored": iso(begun.restored),
        "thawed": iso(begun.thawed),
        "first_number": tokens.number(begun.first_ticket),
        "reread": [{"name": r.account, "folder": r.folder, "seen": r.seen, "found": r.found} for r in begun.reread],
    }


@click.command(cls=Command, example="mailgate status")
@click.option(
    "--running", "alone", is_flag=True, help="Say only whether the daemon runs here: exit 1 where it does not."
)
@json_option
@pass_place
@click.pass_context
def status(ctx: click.Context, place: Place, *, alone: bool, as_json: bool) -> None:
    """How things stand: mails taken in, tickets, mails sent, mailboxes, and what needs a person.

    Exit 0 whenever it could be read, problems or not.
    """
    settings = place.settings()
    if alone:
        here = locking.held(settings)
        if as_json:
            emit({"runs": here})
        else:
            click.echo("It runs." if here else f"It does not run: `{running.start(settings)}`.")
        ctx.exit(0 if here else 1)
    standing = read_standing(settings)
    daemon = running.daemon(settings, standing.status.beats)
    if as_json:
        emit(document(standing, daemon))
        return
    people = People(settings)
    _counts(people, settings, standing)
    _mailboxes(people, settings, standing)
    _restore_told(people, standing)
    _grants(people, standing)
    if (since := last_success(standing.status.beats, SHADOW)) is not None:
        said = f"In shadow since {people.when(since)}: nobody is answered, no mailbox changes."
        people.say(said, "bold yellow")
    people.say(f"Times are of {settings.desk.timezone}.", "dim")
    if not daemon.begun:
        people.say(f"Not started yet: `{running.start(settings)}`.", "bold yellow")
    elif not standing.problems:
        people.say("All is well.", "bold green")
    for problem in standing.problems:
        people.say(f"! {line(problem.said)}", "bold red")


def _counts(people: People, settings: Settings, standing: Standing) -> None:
    """What came and what goes, and how those do who take and send it."""
    from mailgate.cli import pages

    now = standing.status
    people.page(
        pages.card(
            styled(f"{settings.desk.name} <{settings.desk.address}>", "bold"),
            [
                (
                    "Arrived",
                    _figures(
                        (now.new, "to do"),
                        (now.done, "done"),
                        (now.parked, "parked", "bold red"),
                        (now.set_aside, "in quarantine", "bold yellow"),
                    ),
                ),
                ("Oldest to do", "" if now.oldest_new is None else _since(people, now.oldest_new)),
                (
                    "Outgoing",
                    _figures(
                        (now.pending, "to send"),
                        (now.sent, "sent"),
                        (now.failed, "failed", "bold red"),
                        (now.held, "held", "bold yellow"),
                    ),
                ),
                *(
                    (_waiting(wait), styled(f"{wait.count:,}, the oldest {_since(people, wait.oldest)}"))
                    for wait in now.unsent
                ),
                *((_called(beat.name), _beat(people, beat)) for beat in _beats(now, settings)),
                ("Desk", _figures((now.tickets, "tickets"), (now.articles, "articles"))),
                ("Kept", _kept(settings, standing)),
                ("Alarm", styled(f"rung for {', '.join(now.alarms)}" if now.alarms else "", "bold red")),
            ],
        )
    )


def _mailboxes(people: People, settings: Settings, standing: Standing) -> None:
    if standing.mailboxes:
        starts = {account.name: account.start for account in settings.imap}
        people.table(
            ["Mailbox", "Folder", "Last reached", "Lay there at first contact?", "Error*?"],
            [
                [
                    box.account,
                    box.folder,
                    people.when(box.last_success),
                    _lay(box, starts.get(box.account, "now")),
                    styled(line(parted(box.error or "")[0]), "bold red"),
                ]
                for box in standing.mailboxes
            ],
        )


def _restore_told(people: People, standing: Standing) -> None:
    if (begun := standing.status.restore) is not None:
        people.say(f"Restored {people.when(begun.restored)} from a backup of {people.when(begun.made)}.")
        for folder in begun.reread:
            found = f"{folder.found:,} of {folder.seen:,} mails were not in the backup"
            people.say(f"  {folder.account}: {folder.folder} was read again: {found}")


def _grants(people: People, standing: Standing) -> None:
    if standing.secrets:
        people.table(
            ["Grant", "Provider", "Ends", "Error*?"],
            [
                [
                    secret.name,
                    secret.provider,
                    "not known" if secret.ends is None else f"{people.time(secret.ends)[:10]}, in {days(secret.ends)}",
                    styled(line(secret.error), "bold red"),
                ]
                for secret in standing.secrets
            ],
        )


def _since(people: People, moment: float) -> str:
    """How long ago, and when: 3 min ago, 09:12."""
    return f"{ago(time.time() - moment)} ago, {people.when(moment)}"


def ago(seconds: float) -> str:
    """An age as people say it, in the largest unit of which there are two."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length):,} {unit}"
    return f"{max(0, int(seconds))} s"


def _waiting(wait: Unsent) -> str:
    return f"  {wait.state}{f' for {wait.held_for}' if wait.held_for else ''}"


def _beats(status: Status, settings: Settings) -> list[Beat]:
    own = (SHADOW, DAEMON)
    return [b for b in status.beats if b.name not in own and (b.name != "relay" or settings.relay is not None)]


def _called(name: str) -> str:
    return "DNS" if name == "dns" else name.capitalize()


def _beat(people: People, beat: Beat) -> Text:
    """When it last did what it is for, and what is wrong with it."""
    reached = "not reached yet" if beat.last_success is None else f"last reached {_since(people, beat.last_success)}"
    return styled(reached).append(styled(f"   {line(parted(beat.error)[0])}" if beat.error else "", "bold red"))


def _kept(settings: Settings, standing: Standing) -> str:
    """What the database takes, and how much room there is."""
    kind = "SQLite" if settings.database_url.startswith("sqlite") else "PostgreSQL"
    disk = standing.disk
    room = f", {disk.free / 1e9:,.1f} GB free of {disk.size / 1e9:,.1f} at {disk.folder}" if disk else ""
    return f"{kind}, {standing.status.size / 1e6:,.1f} MB{room}"


def _lay(box: Mailbox, start: str) -> str:
    """What lay in a mailbox at first contact, and what became of it."""
    if box.waiting is None:
        return ""
    if not box.first_contact:
        return f"{box.waiting}, taken"
    return f"{box.waiting}, left alone" if start in ("now", "all") else f"{box.waiting}, left alone if before {start}"


def _figures(*figures: tuple[Any, ...]) -> Text:
    """Numbers and what they count; what is nothing is dim, what wants a look has its colour."""
    from rich.text import Text

    return Text("   ").join(
        styled(f"{count:,} {what}", "".join(style) if count else "dim") for count, what, *style in figures
    )
