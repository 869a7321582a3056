"""`mailgate outbox ...`: every mail we send, where it stands, and those that wait for a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mailgate.cli.command import Group, Place, json_option, pass_place
from mailgate.cli.console import SHOWN, People, emit, iso, line, state, styled
from mailgate.cli.inbox import ids_argument, last_line, limit_option, told
from mailgate.errors import CommandError
from mailgate.settings import seconds

if TYPE_CHECKING:
    from storage.database import Database
    from storage.listings import LetterRow

EVENTS = ("acknowledgement", "answer", "notice", "confirm", "preview", "state", "alarm")
HELD_FOR = ("shadow", "relay", "restore")  # what waits for a #send is chosen by ID
AT_ONCE = 500  # ids of one statement
Chosen = TypeVar("Chosen", bound=Callable[..., None])

RETRIED = ("failed", "deferred", "bounced")
STATES = ("pending", "deferred", "sent", "failed", "bounced", "held")


def _age(_: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Seconds of a time such as "2h"."""
    if value is None or re.fullmatch(r"0|[1-9]\d*[smhd]", value):
        return None if value is None else seconds(value)
    raise click.BadParameter(f'expected a time such as "2h" or "7d", found {value!r}', param=param)


@click.group(cls=Group, example="mailgate outbox list --state held")
def outbox() -> None:
    """Every mail we send: list, show, retry, release, discard; and addresses that nothing goes to."""


@outbox.command("list", example="mailgate outbox list --state failed --state bounced")
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="May be repeated. Default: all.")
@limit_option
@json_option
@pass_place
def list_(place: Place, *, states: tuple[str, ...], limit: int | None, as_json: bool) -> None:
    """Outgoing mails, the newest first. Those discarded by hand are listed where no state is asked for."""
    settings = place.settings()
    db = place.database(settings)
    from storage import listings

    with db.read() as connection:
        shown = limit if as_json else limit or SHOWN
        rows, total = listings.letters(connection, states=states, limit=shown, discarded=not states)
    if as_json:
        from mailgate.cli.documents import letter

        for row in rows:
            emit(letter(row))
        return
    people = People(settings)
    if not rows:
        people.say("Nothing there.")
        return
    people.table(
        ["ID", "When", "What", "To~", "Subject*???", "State", "Ticket??", "Why*?"],
        [
            [
                str(row.id),
                people.when(row.time),
                row.event,
                line(row.recipient),
                line(row.subject),
                "discarded" if row.discarded else state(row.state),
                row.ticket,
                _why(row),
            ]
            for row in rows
        ],
    )
    people.more(len(rows), total)


def _why(row: LetterRow) -> str:
    waits = row.held_for and row.state == "held"  # one that was discarded keeps what it waited for, to be held again
    return " ".join(p for p in (f"for {row.held_for}" if waits else "", row.status, last_line(row.error)) if p)


@outbox.command("show", example="mailgate outbox show 1")
@ids_argument
@json_option
@pass_place
def show(place: Place, *, ids: tuple[int, ...], as_json: bool) -> None:
    """An outgoing mail as it is sent. With --json also its text."""
    settings = place.settings()
    db = place.database(settings)
    from mailgate.cli.documents import letter
    from parsing.read import parse
    from storage import listings

    for row in _find(db, ids):
        with db.read() as connection:
            message = parse(listings.letter_bytes(connection, row.id) or b"")
        if as_json:
            headers = [{"name": name, "value": value} for name, value in message.headers]
            emit({**letter(row), "headers": headers, "text": message.text, "html": message.html})
            continue
        from mailgate.cli import pages

        people = People(settings)
        people.page(
            pages.card(
                styled(f"Outgoing mail {row.id}", "bold"),
                [
                    ("State", state(row.state)),
                    ("What", row.event),
                    ("Why", _why(row)),
                    ("Ticket", row.ticket or ""),
                    ("Envelope", f"from <{row.envelope_from}> to {row.recipient}"),
                    ("Written", people.time(row.time)),
                    ("Changed", people.time(row.updated)),
                    ("Next try", people.time(row.due) if row.state == "deferred" else ""),
                    ("Tries", str(row.attempts)),
                ],
            ),
            pages.mail(message, f"Mail {row.id}", people.time(row.time)),
        )


def _choosing(command: Chosen) -> Chosen:
    """What retry, release and discard take: ids, or which of those that they are about."""
    for option in (
        click.option("--for", "held_for", type=click.Choice(HELD_FOR), help="Only what that holds."),
        click.option("--event", "events", type=click.Choice(EVENTS), multiple=True, help="Only such; may be repeated."),
        click.option("--newer", callback=_age, metavar="AGE", help="Only what is newer than AGE, such as 2h."),
        click.option("--older", callback=_age, metavar="AGE", help="Only what is older than AGE, such as 1d."),
        click.option(
            "--all",
            "everything",
            is_flag=True,
            help="Every such mail but answers that wait for #send, and discarded ones.",
        ),
        click.argument("ids", metavar="[ID...]", nargs=-1, type=click.IntRange(1)),
    ):
        command = option(command)
    return command


@outbox.command("retry", example="mailgate outbox retry --newer 1d")
@_choosing
@json_option
@pass_place
def retry(place: Place, /, *, ids: tuple[int, ...], as_json: bool, **which: Any) -> None:
    """Send failed or deferred mails again now, under their own Message-IDs.

    By ID, --all, or those that fit every option; bounced ones, too. What was discarded by hand is tried by ID alone.
    """
    ids = ids or _chosen(place.database(place.settings()), RETRIED, **which)
    _act(place, ids, RETRIED, "retry", as_json=as_json)


@outbox.command("release", example="mailgate outbox release --newer 1d --event answer")
@_choosing
@json_option
@pass_place
def release(place: Place, /, *, ids: tuple[int, ...], as_json: bool, **which: Any) -> None:
    """Send held mails: by ID, --all, or those that fit every option.

    What a desk in shadow, without relay or after a restore would have sent stays held until it is released or
    discarded, also once it is live; released mails go out when `mailgate serve` runs without --shadow. An answer that
    waits for its author's #send is released by ID alone, and goes to all whom it is for.
    """
    db = place.database(place.settings())
    ids = ids or _chosen(db, **which)
    waiting = {row.article_id for row in _find(db, ids) if row.state == "held" and row.held_for == "confirm"}
    if waiting:
        from mailgate.actions import Actions

        actions = Actions(place.application())
        waiting = {a for a in waiting if a is not None and actions.confirm(a)}
    ids = tuple(row.id for row in _find(db, ids) if not (row.article_id in waiting and row.state == "pending"))
    _act(place, ids, ("held",), "release", as_json=as_json, before=len(waiting))


@outbox.command("discard", example="mailgate outbox discard --all")
@_choosing
@json_option
@pass_place
def discard(place: Place, /, *, ids: tuple[int, ...], as_json: bool, **which: Any) -> None:
    """Never send these mails: by ID, --all held ones, or those that fit every option. They stay on record as failed."""
    ids = ids or _chosen(place.database(place.settings()), **which)
    _act(place, ids, ("held", "pending", "deferred"), "discard", as_json=as_json)


@outbox.group("suppressed", cls=Group, example="mailgate outbox suppressed list")
def suppressed() -> None:
    """Addresses that nothing goes to, for a report of their own said that they do not exist: list, lift."""


@suppressed.command("list", example="mailgate outbox suppressed list")
@json_option
@pass_place
def suppressed_list(place: Place, *, as_json: bool) -> None:
    """Addresses that nothing goes to, the newest last. A verified mail from one lifts it by itself."""
    settings = place.settings()
    db = place.database(settings)
    from storage import suppression

    with db.read() as connection:
        entries = suppression.find(connection).values()
    if as_json:
        for entry in entries:
            since = iso(entry.since)
            emit({"to": entry.address, "time": since, "status": entry.status, "message_id": entry.message_id})
        return
    people = People(settings)
    if not entries:
        people.say("Nothing there.")
        return
    people.table(
        ["Address", "Since", "Status", "Mail that came back*"],
        [[line(e.address), people.when(e.since), e.status, line(e.message_id)] for e in entries],
    )


@suppressed.command("lift", example="mailgate outbox suppressed lift anna@acme.example")
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@json_option
@pass_place
def suppressed_lift(place: Place, *, addresses: tuple[str, ...], as_json: bool) -> None:
    """Write to these addresses again. What failed meanwhile goes out by `mailgate outbox retry`."""
    db = place.database(place.settings())
    from storage import suppression

    with db.write() as connection:
        there = suppression.find(connection, addresses)
        if missing := [address for address in addresses if address.lower() not in there]:
            raise CommandError(f"{missing[0]} is not suppressed; nothing was done")
        count = suppression.lift(connection, addresses)
    if as_json:
        emit({"done": count})
        return
    click.echo(f"{count} {'address is' if count == 1 else 'addresses are'} written to again.")


_DONE = {"retry": "to be sent again", "release": "released", "discard": "discarded"}


def _chosen(
    db: Database,
    states: Sequence[str] = ("held",),
    *,
    everything: bool,
    older: float | None,
    newer: float | None,
    events: tuple[str, ...],
    held_for: str | None,
) -> tuple[int, ...]:
    """Letters of these states that fit; what waits for a #send is nobody's to send but its author's, and stays, as
    does what somebody discarded."""
    if not (everything or events or held_for or older is not None or newer is not None):
        raise click.UsageError("which ones? name IDs, or --all, or --older, --newer, --event, --for")
    from storage import listings
    from storage.database import now

    moment = now()
    with db.read() as connection:
        rows, _ = listings.letters(connection, states=states, discarded=False)
    return tuple(
        row.id
        for row in rows
        if row.held_for != "confirm"
        and held_for in (None, row.held_for)
        and (not events or row.event in events)
        and (older is None or row.time < moment - older)
        and (newer is None or row.time >= moment - newer)
    )


def _act(
    place: Place, ids: tuple[int, ...], states: Sequence[str], verb: str, *, as_json: bool, before: int = 0
) -> None:
    db = place.database(place.settings())
    from storage import holding
    from storage.database import now

    for row in _find(db, ids):
        if row.state not in states:
            raise CommandError(f"outgoing mail {row.id} is {row.state}, not {' or '.join(states)}; nothing was done")
    act = {"retry": holding.retry, "release": holding.release, "discard": holding.discard}[verb]
    unique = sorted(set(ids))
    with db.write() as connection:
        parts = (unique[start : start + AT_ONCE] for start in range(0, len(unique), AT_ONCE))
        count = sum(act(connection, part, now()) for part in parts)
        if count < len(unique):  # leaving by an error takes all of it back
            raise CommandError("some of them are being sent at this moment; nothing was done, try again")
    told(count + before, _DONE[verb], as_json=as_json)


def _find(db: Database, ids: Sequence[int]) -> list[LetterRow]:
    from storage import listings

    rows: list[LetterRow] = []
    with db.read() as connection:
        for start in range(0, len(ids), AT_ONCE):
            rows += listings.letters(connection, ids=ids[start : start + AT_ONCE])[0]
    found = {row.id: row for row in rows}
    for one in ids:
        if one not in found:
            raise CommandError(f"there is no outgoing mail {one}")
    return [found[one] for one in ids]
