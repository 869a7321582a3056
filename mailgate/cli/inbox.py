"""`mailgate inbox ...`: every mail that arrived, what became of it, and those that wait for a person."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mailgate.cli.command import Group, Place, json_option, pass_place
from mailgate.cli.console import SHOWN, People, emit, line, state, styled
from mailgate.errors import CommandError

if TYPE_CHECKING:
    from storage.database import Database
    from storage.listings import ArrivalRow

ids_argument = click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(1))
limit_option = click.option("--limit", type=click.IntRange(1), metavar="N", help=f"At most N; {SHOWN} for people.")


@click.group(cls=Group, example="mailgate inbox list --parked")
def inbox() -> None:
    """Every mail that arrived: list, show, retry, export."""


@inbox.command("list", example="mailgate inbox list --parked")
@click.option("--parked", is_flag=True, help="Those that failed again and again and wait for a person.")
@click.option("--unmatched", is_flag=True, help="Reports, out-of-office and reactions that fit nothing here.")
@limit_option
@json_option
@pass_place
def list_(place: Place, *, parked: bool, unmatched: bool, limit: int | None, as_json: bool) -> None:
    """Arrivals, the newest first."""
    if parked and unmatched:
        raise click.UsageError("--parked and --unmatched are two lists: ask for one")
    parked_, outcome = "parked" if parked else None, "unmatched" if unmatched else None
    list_arrivals(place, limit, as_json=as_json, why=unmatched, state=parked_, outcome=outcome)


@inbox.command("show", example="mailgate inbox show 1")
@ids_argument
@json_option
@pass_place
def show(place: Place, *, ids: tuple[int, ...], as_json: bool) -> None:
    """An arrival: envelope, outcome, reasons, the error of a parked one, and the mail itself."""
    show_arrivals(place, ids, "arrival", as_json=as_json)


@inbox.command("retry", example="mailgate inbox retry 1")
@ids_argument
@json_option
@pass_place
def retry(place: Place, *, ids: tuple[int, ...], as_json: bool) -> None:
    """Parked mails go back to be worked again.

    What a mailbox gave no mail for is fetched anew when the mailbox is next connected to.
    """
    db = place.database(place.settings())
    from storage import mailboxes, working
    from storage.database import now

    for row in find(db, ids, "arrival"):
        if row.state != "parked":
            raise CommandError(f"arrival {row.id} is {row.state}, not parked; nothing was done")
    with db.write() as connection:
        count = mailboxes.fetch_again(connection, ids)
        count += working.retry(connection, ids, now())
        if count < len(set(ids)):
            raise CommandError("some of them are no longer parked; nothing was done")
    told(count, "tried again", as_json=as_json)


@inbox.command("export", example="mailgate inbox export 1 --out mail.eml")
@click.argument("id_", metavar="ID", type=click.IntRange(1))
@click.option("--out", metavar="FILE", type=click.Path(), help="Where to; never overwrites. Default: standard output.")
@pass_place
def export(place: Place, *, id_: int, out: str | None) -> None:
    """The mail as it came, byte for byte."""
    db = place.database(place.settings())
    from storage import journal

    with db.read() as connection:
        raw = journal.raw(connection, id_)
    if raw is None:
        raise CommandError(f"there is no arrival {id_}")
    if out is None:
        sys.stdout.buffer.write(raw)
        return
    try:  # 0600: a partner's mail is nobody else's business
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(raw)
    except OSError as error:
        raise CommandError(f"{out}: {error.strerror or error}") from None
    click.echo(f"{out}: {len(raw):,} bytes")


def find(db: Database, ids: Sequence[int], what: str, outcome: str | None = None) -> list[ArrivalRow]:
    """Those arrivals, in the order asked for. Raises CommandError for one that is not there."""
    from storage import listings

    with db.read() as connection:
        rows, _ = listings.arrivals(connection, ids=ids, outcome=outcome)
    found = {row.id: row for row in rows}
    for one in ids:
        if one not in found:
            raise CommandError(f"there is no {what} {one}")
    return [found[one] for one in ids]


def list_arrivals(
    place: Place, limit: int | None, *, as_json: bool, why: bool = False, hint: str = "", **wanted: Any
) -> None:
    """Print arrivals; `wanted` as `storage.listings.arrivals` takes it. With `why`: what decided, not what went wrong.

    `hint`: what people may type now.
    """
    settings = place.settings()
    db = place.database(settings)
    from storage import listings

    with db.read() as connection:
        rows, total = listings.arrivals(connection, limit=limit if as_json else limit or SHOWN, **wanted)
    if as_json:
        from mailgate.cli.documents import arrival

        for row in rows:
            emit(arrival(row))
        return
    people = People(settings)
    if not rows:
        people.say("Nothing there.")
        return
    people.table(
        ["ID", "When", "From~", "Subject*", "Became", "Ticket", "Why*?" if why else "Error*?"],
        [
            [
                str(row.id),
                people.when(row.time),
                line(row.sender) or "<>",
                line(row.subject),
                state("rejected" if row.rejected else (why and row.kind) or row.outcome or row.state),
                row.ticket,
                line(row.why) if why else styled(last_line(row.error), "red"),
            ]
            for row in rows
        ],
    )
    people.more(len(rows), total)
    if hint:
        people.say(hint, "dim")


def last_line(error: str | None) -> str:
    """What a traceback says in the end."""
    return line((error or "").strip().rpartition("\n")[2])


def show_arrivals(place: Place, ids: Sequence[int], what: str, *, as_json: bool, outcome: str | None = None) -> None:
    """Whole arrivals, for people with the mail itself. Raises CommandError for one that is not there."""
    settings = place.settings()
    db = place.database(settings)
    rows = find(db, ids, what, outcome)
    if as_json:
        from mailgate.cli.documents import arrival_whole

        for row in rows:
            emit(arrival_whole(row))
        return
    from mailgate.cli import pages
    from parsing.read import parse
    from storage import journal

    people = People(settings)
    for row in rows:
        people.page(
            pages.card(
                styled(f"Arrival {row.id}", "bold"),
                [
                    ("State", state(row.state)),
                    ("Became", "rejected" if row.rejected else row.outcome or ""),
                    ("Ticket", row.ticket or ""),
                    ("Arrived", people.time(row.time)),
                    ("Door", f"{row.door} {row.peer}".rstrip()),
                    ("Envelope", f"from <{row.mail_from}> to {', '.join(row.rcpt_to)}"),
                    ("Size", pages.size(row.size)),
                    ("Tries", str(row.attempts)),
                    ("Note", line(row.note)),
                ],
            )
        )
        if row.reasons:
            people.page(pages.reasons_table(row.reasons))
        if row.error:
            people.say(row.error.rstrip(), "red")
        with db.read() as connection:
            raw = journal.raw(connection, row.id) or b""
        message = parse(raw)
        when = people.time(message.date.timestamp()) if message.date else ""
        people.page(pages.mail(message, f"Mail {row.id}", when))


def told(count: int, done: str, *, as_json: bool) -> None:
    """How many it was done to."""
    if as_json:
        emit({"done": count})
        return
    click.echo(f"{count} {'mail' if count == 1 else 'mails'} {done}.")
