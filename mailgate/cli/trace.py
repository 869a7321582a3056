"""`mailgate trace`: one timeline of an address, a Message-ID or a ticket."""

from __future__ import annotations

import click

from mailgate.cli.command import Command, Place, json_option, pass_place
from mailgate.cli.console import People, emit, iso, line, styled
from mailgate.cli.numbers import ticket_number
from mailgate.errors import CommandError
from routing import tokens

COLOURS = {"inbox": "cyan", "article": "green", "history": "magenta", "outbox": "yellow"}


@click.command(cls=Command, example="mailgate trace jane@acme.example")
@click.argument("what", metavar="ADDRESS|MESSAGE-ID|TICKET")
@json_option
@pass_place
def trace(place: Place, *, what: str, as_json: bool) -> None:
    """What happened, in order: arrivals, articles, changes and outgoing mails of one person, mail or ticket."""
    settings = place.settings()
    db = place.database(settings)
    from storage import trace as timeline

    with db.read() as connection:
        if tokens.read_number(what) is not None:
            number = ticket_number(what)
            ticket_id = tokens.ticket_id(number)
            assert ticket_id is not None
            steps = timeline.of_ticket(connection, ticket_id)
        else:
            bare = what.strip().removeprefix("<").removesuffix(">")
            steps = timeline.of_message_id(connection, bare) or timeline.of_address(connection, bare)
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
                }
            )
        return
    people = People(settings)
    people.table(
        ["When", "Where", "ID??", "What~", "Who~", "Ticket???", "*"],
        [
            [
                people.when(step.time),
                styled(step.source, COLOURS[step.source]),
                str(step.id),
                step.what,
                line(step.who),
                step.ticket,
                line(step.text),
            ]
            for step in steps
        ],
    )
