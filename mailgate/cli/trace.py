"""`mailgate trace`: one timeline of an address, a Message-ID or a ticket."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from mailgate.cli.command import Command, Place, json_option, pass_place
from mailgate.cli.console import STYLES, People, emit, iso, line, styled
from mailgate.cli.numbers import ticket_number
from mailgate.errors import CommandError
from routing import tokens

if TYPE_CHECKING:
    from rich.text import Text

    from storage.trace import Step

SHOWN = 200  # steps that a person gets without asking for more
COLOURS = {"inbox": "cyan", "article": "green", "history": "magenta", "outbox": "yellow", "suppression": "red"}
WIDEST_WHAT = 24  # cells
WIDEST_WHO = 32


@click.command(cls=Command, example="mailgate trace jane@acme.example")
@click.argument("what", metavar="ADDRESS|MESSAGE-ID|TICKET")
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help=f"The last N steps. Default: {SHOWN} for people, all of them with --json.",
)
@json_option
@pass_place
def trace(place: Place, *, what: str, limit: int | None, as_json: bool) -> None:
    """What happened, in order: how a mail came, what was found out about its sender, what was decided and why, what
    changed, what went out, what the relay said, what came back.

    Of one person, one mail or one ticket.
    """
    settings = place.settings()
    db = place.database(settings)
    from storage import trace as timeline

    most = limit if limit is not None or as_json else SHOWN + 1
    with db.read() as connection:
        if tokens.read_number(what) is not None:
            number = ticket_number(what)
            ticket_id = tokens.ticket_id(number)
            assert ticket_id is not None
            steps = timeline.of_ticket(connection, ticket_id, most)
        else:
            bare = what.strip().removeprefix("<").removesuffix(">")
            steps = timeline.of_message_id(connection, bare, most) or timeline.of_address(connection, bare, most)
    if not steps:
        raise CommandError(f"nothing is known of {what}")
    if as_json:
        for step in steps:
            emit(
                {
                    "time": iso(step.time),
                    "source": step.source,
                    "id": step.id,
                    "what": step.what,
                    "who": step.who,
                    "text": step.text,
                    "ticket": step.ticket,
                    "details": list(step.details),
                }
            )
        return
    people = People(settings)
    if limit is None and len(steps) > SHOWN:
        people.say(f"The last {SHOWN} steps; more with --limit", "dim")
        steps = steps[-SHOWN:]
    _show(people, steps, settings.desk.timezone)


def _show(people: People, steps: Sequence[Step], zone: str) -> None:
    """A heading for each day, a line for each step, and below it what else is known."""
    what = min(WIDEST_WHAT, max(len(step.what) for step in steps))
    who = min(WIDEST_WHO, max(len(line(step.who)) for step in steps))
    several = len({step.ticket for step in steps}) > 1
    narrow = people.console.is_terminal
    day = ""
    for step in steps:
        moment = datetime.fromtimestamp(step.time, people.zone)
        if (today := moment.strftime("%A, %Y-%m-%d")) != day:
            people.say(f"{today}  {zone}" if not day else today, "bold")
            day = today
        head = styled(f"{moment.strftime('%H:%M:%S')} ", "dim").append(styled("● ", COLOURS[step.source]))
        head.append(styled(step.what.ljust(what), _style(step)))
        head.append(styled(f"  {line(step.who).ljust(who)}"))
        if several and step.ticket:
            head.append(styled(f"  {step.ticket}", "bold"))
        if step.text:
            head.append("  ").append(styled(line(step.text)))
        _print(people, head, narrow=narrow)
        for detail in step.details:
            _print(people, styled("         │ ", "dim").append(styled(line(detail), "dim")), narrow=narrow)


def _style(step: Step) -> str:
    """States have their colour wherever they are shown."""
    return STYLES.get(step.what.rpartition(" ")[2], COLOURS[step.source])


def _print(people: People, text: Text, *, narrow: bool) -> None:
    """One line: cut at the edge of a terminal, whole in a pipe."""
    people.console.print(text, no_wrap=narrow, overflow="ellipsis" if narrow else "fold", soft_wrap=not narrow)
