"""`mailgate ticket ...`: list, show, open, answer, note, assign, move, close, reopen, merge, split, watch, invite."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from mailgate.cli.command import Group, Place, json_option, pass_place
from mailgate.cli.console import SHOWN, People, emit, line, state, styled
from mailgate.cli.numbers import ticket_number
from mailgate.errors import CommandError

if TYPE_CHECKING:
    from mailgate.actions import Actions
    from mailgate.application import Application
    from mailgate.settings import Settings

STATES = {"open": ("new", "open", "pending"), "closed": ("closed",), "any": None}


@click.group(cls=Group, example="mailgate ticket list --state any")
def ticket() -> None:
    """List, show, open, answer, assign, move, close, merge and split tickets.

    A NUMBER may be typed as INC-1042, inc-1042, 1042 or [INC-1042-7].
    """


@ticket.command("list", example='mailgate ticket list --state open --queue "Service Desk"')
@click.option("--state", "state_", type=click.Choice(list(STATES)), default="open", show_default=True)
@click.option("--queue", metavar="Q", help="Only of this queue.")
@click.option("--owner", metavar="A", help='Only of this member of staff; "nobody" for those without an owner.')
@click.option("--requester", metavar="A", help="Only for this person.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help=f"At most N; {SHOWN} for people, else all.")
@json_option
@pass_place
def list_(
    place: Place,
    *,
    state_: str,
    queue: str | None,
    owner: str | None,
    requester: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Tickets, the latest changed first; the open ones (new, open and pending) where nothing else is asked for."""
    settings = place.settings()
    db = place.database(settings)
    from mailgate.cli.documents import ticket_row
    from storage import listings

    with db.read() as connection:
        rows, total = listings.tickets(
            connection,
            state_types=STATES[state_],
            queue=queue,
            owner="" if owner == "nobody" else owner,
            requester=requester,
            limit=limit if as_json else limit or SHOWN,
        )
        if queue is not None and not rows:
            _, ever = listings.tickets(connection, state_types=None, queue=queue, limit=1)
            _known_queue(queue, settings, ever)
    if as_json:
        for row in rows:
            emit(ticket_row(row))
        return
    people = People(settings)
    if not rows:
        people.say("No such tickets.")
        return
    people.table(
        ["Number", "State", "Subject*", "Queue??", "Requester~", "Owner~?", "Changed"],
        [
            [
                styled(row.number, "bold"),
                state(row.state_type),
                line(row.subject),
                row.queue,
                row.requester,
                row.owner or styled("nobody", "dim"),
                people.when(row.updated),
            ]
            for row in rows
        ],
    )
    people.more(len(rows), total)


def _known_queue(name: str, settings: Settings, tickets: int) -> None:
    """Refuse a queue that is not in the settings, and where no ticket is from before."""
    from mailgate import policy

    known = policy.build(settings, policy.NO_KEYS).queues
    if not tickets and name.lower() not in map(str.lower, known):
        raise CommandError(f"--queue: there is no queue {name!r}; known are {', '.join(known)}")


@ticket.command("show", example="mailgate ticket show INC-1001")
@click.argument("numbers", metavar="NUMBER...", nargs=-1, required=True)
@json_option
@pass_place
def show(place: Place, *, numbers: tuple[str, ...], as_json: bool) -> None:
    """A ticket with its conversation, arrivals, deliveries and history. With --json one object a line."""
    settings = place.settings()
    db = place.database(settings)
    from mailgate.cli import documents
    from mailgate.policy import token_style
    from storage import dossier

    people = None if as_json else People(settings)
    missing = []
    with db.read() as connection:
        for number in map(ticket_number, numbers):
            found = dossier.read(connection, number)
            if found is None:
                missing.append(number)
            elif people is None:
                emit(documents.dossier(found, token_style(settings)))
            else:
                from mailgate.cli import pages

                people.page(pages.ticket(people, found, token_style(settings)))
    if missing:
        raise CommandError(f"there is no ticket {', '.join(missing)}")


text_option = click.option("--text", metavar="T", help="The words; without it they are read from standard input.")
as_option = click.option(
    "--as", "actor", metavar="WHO", help="Address of the member of staff who does it. Default: you."
)


@ticket.command("new", example='mailgate ticket new --for jane@acme.example --subject "New laptop" --text "By phone."')
@click.option("--for", "for_", metavar="A", required=True, help="Whose ticket it is.")
@click.option("--subject", metavar="S", required=True)
@click.option("--queue", metavar="Q", help="Default: the default queue.")
@text_option
@as_option
@json_option
@pass_place
def new(
    place: Place, *, for_: str, subject: str, queue: str | None, text: str | None, actor: str | None, as_json: bool
) -> None:
    """Open a ticket for somebody, as after a call; prints its number."""
    app = place.application()
    number = _actions(app, actor).new(for_, subject, queue, words(text))
    _tell(app, number, f"{number} is open for {for_}.", as_json=as_json)


@ticket.command("reply", example='mailgate ticket reply INC-1001 --text "The printer is back."')
@click.argument("number")
@text_option
@as_option
@json_option
@pass_place
def reply(place: Place, *, number: str, text: str | None, actor: str | None, as_json: bool) -> None:
    """Answer the requester, with the public participants in Cc."""
    _act(place, number, actor, lambda do, which: do.reply(which, words(text)), "answered", as_json=as_json)


@ticket.command("note", example='mailgate ticket note INC-1001 --text "Toner is ordered."')
@click.argument("number")
@text_option
@as_option
@json_option
@pass_place
def note(place: Place, *, number: str, text: str | None, actor: str | None, as_json: bool) -> None:
    """Write an internal note; no partner sees it."""
    _act(place, number, actor, lambda do, which: do.note(which, words(text)), "noted", as_json=as_json)


@ticket.command("assign", example="mailgate ticket assign INC-1001 agent@desk.example")
@click.argument("number")
@click.argument("who")
@as_option
@json_option
@pass_place
def assign(place: Place, *, number: str, who: str, actor: str | None, as_json: bool) -> None:
    """Give a ticket to a member of staff, by address or name."""
    _act(place, number, actor, lambda do, which: do.assign(which, who), f"assigned to {who}", as_json=as_json)


@ticket.command("unassign", example="mailgate ticket unassign INC-1001")
@click.argument("number")
@as_option
@json_option
@pass_place
def unassign(place: Place, *, number: str, actor: str | None, as_json: bool) -> None:
    """Take the owner off a ticket; it is the queue's again."""
    _act(place, number, actor, lambda do, which: do.unassign(which), "nobody's", as_json=as_json)


@ticket.command("move", example="mailgate ticket move INC-1001 Hardware")
@click.argument("number")
@click.argument("queue")
@as_option
@json_option
@pass_place
def move(place: Place, *, number: str, queue: str, actor: str | None, as_json: bool) -> None:
    """Put a ticket into another queue."""
    _act(place, number, actor, lambda do, which: do.move(which, queue), f"in queue {queue}", as_json=as_json)


@ticket.command("close", example='mailgate ticket close INC-1001 --resolution "Replaced the toner."')
@click.argument("number")
@click.option("--resolution", metavar="T", help="What was done; the requester reads it.")
@as_option
@json_option
@pass_place
def close(place: Place, *, number: str, resolution: str | None, actor: str | None, as_json: bool) -> None:
    """Close a ticket; the requester is told once."""
    _act(place, number, actor, lambda do, which: do.close(which, resolution), "closed", as_json=as_json)


@ticket.command("reopen", example="mailgate ticket reopen INC-1001")
@click.argument("number")
@as_option
@json_option
@pass_place
def reopen(place: Place, *, number: str, actor: str | None, as_json: bool) -> None:
    """Open a closed ticket again."""
    _act(place, number, actor, lambda do, which: do.reopen(which), "open again", as_json=as_json)


@ticket.command("merge", example="mailgate ticket merge INC-1002 INC-1001")
@click.argument("number")
@click.argument("into")
@click.option("--let-in", is_flag=True, help="Also people who are of neither ticket's company read it from now on.")
@as_option
@json_option
@pass_place
def merge(place: Place, *, number: str, into: str, let_in: bool, actor: str | None, as_json: bool) -> None:
    """Put a ticket's conversation into another one; later mails follow. It cannot be undone.

    Its people take part in the other ticket where they are of its company; all others are named, and left out.
    """
    number, into = ticket_number(number), ticket_number(into)
    app = place.application()
    left_out = _actions(app, actor).merge(number, into, let_in=let_in)
    _tell(app, into, f"{number} is merged into {into}.", as_json=as_json)
    if left_out:
        click.echo(f"Left out, and not told: {', '.join(left_out)}. What they write opens linked tickets.", err=True)


@ticket.command("split", example="mailgate ticket split INC-1001 7")
@click.argument("number")
@click.argument("article", type=int)
@as_option
@json_option
@pass_place
def split(place: Place, *, number: str, article: int, actor: str | None, as_json: bool) -> None:
    """Make a mail of a ticket the first one of a new ticket; answers to it follow. `ticket show` names the ARTICLE."""
    app = place.application()
    number = ticket_number(number)
    new_number = _actions(app, actor).split(number, article)
    _tell(app, new_number, f"{new_number} begins with article {article} of {number}.", as_json=as_json)


@ticket.command("watch", example="mailgate ticket watch INC-1001 agent@desk.example")
@click.argument("number")
@click.argument("who")
@as_option
@json_option
@pass_place
def watch(place: Place, *, number: str, who: str, actor: str | None, as_json: bool) -> None:
    """Tell a member of staff of every public article, besides the owner."""
    _act(place, number, actor, lambda do, which: do.watch(which, who), f"watched by {who}", as_json=as_json)


@ticket.command("unwatch", example="mailgate ticket unwatch INC-1001 agent@desk.example")
@click.argument("number")
@click.argument("who")
@as_option
@json_option
@pass_place
def unwatch(place: Place, *, number: str, who: str, actor: str | None, as_json: bool) -> None:
    """End that."""
    _act(place, number, actor, lambda do, which: do.unwatch(which, who), f"not watched by {who}", as_json=as_json)


@ticket.command("invite", example="mailgate ticket invite INC-1001 consultant@other.example")
@click.argument("number")
@click.argument("who")
@as_option
@json_option
@pass_place
def invite(place: Place, *, number: str, who: str, actor: str | None, as_json: bool) -> None:
    """Let somebody outside take part: the answers go to him, too."""
    _act(place, number, actor, lambda do, which: do.invite(which, who), f"{who} takes part", as_json=as_json)


def words(text: str | None) -> str:
    """What was given as --text, else standard input to its end."""
    if text is None:
        if sys.stdin.isatty():
            click.echo("Write the text; Ctrl-D on an empty line ends it.", err=True)
        text = sys.stdin.buffer.read().decode(errors="replace")
    if not text.strip():
        raise CommandError("there are no words: give --text, or write them on standard input")
    return text


def _actions(app: Application, actor: str | None) -> Actions:
    from mailgate.actions import Actions

    if actor is not None and actor.lower() not in app.policy.staff:
        raise CommandError(f"--as: {actor} is no address of the staff")
    return Actions(app, actor)


def _act(
    place: Place, typed: str, actor: str | None, act: Callable[[Actions, str], Sequence[str] | None], done: str,
    *, as_json: bool,
) -> None:  # fmt: skip
    """Do it and say so; what of it a person might expect and does not happen goes to standard error."""
    number = ticket_number(typed)
    app = place.application()
    unheard = act(_actions(app, actor), number)
    _tell(app, number, f"{number} is {done}.", as_json=as_json)
    for sentence in unheard or ():
        click.echo(sentence, err=True)


def _tell(app: Application, number: str, sentence: str, *, as_json: bool) -> None:
    """The ticket's line as it stands now for machines, a sentence for people."""
    if not as_json:
        click.echo(sentence)
        return
    from mailgate.cli.documents import ticket_row
    from storage import listings

    with app.db.read() as connection:
        row = listings.ticket_row(connection, number)
    assert row is not None
    emit(ticket_row(row))
