"""`mailgate quarantine ...`: mails that were set aside because their sender is not who they say."""

from __future__ import annotations

import getpass

import click

from mailgate.cli.command import Group, Place, json_option, pass_place
from mailgate.cli.inbox import find, ids_argument, limit_option, list_arrivals, show_arrivals, told
from mailgate.errors import CommandError


@click.group(cls=Group, example="mailgate quarantine list")
def quarantine() -> None:
    """Mails set aside: list, show, release, reject."""


@quarantine.command("list", example="mailgate quarantine list --all")
@click.option("--all", "all_", is_flag=True, help="Also those that were rejected.")
@limit_option
@json_option
@pass_place
def list_(place: Place, *, all_: bool, limit: int | None, as_json: bool) -> None:
    """Mails that wait for a person's decision, the newest first."""
    hint = "`mailgate quarantine release ID` lets a mail in, `reject ID` takes it off this list."
    rejected = None if all_ else False
    list_arrivals(place, limit, as_json=as_json, why=True, hint=hint, outcome="quarantine", rejected=rejected)


@quarantine.command("show", example="mailgate quarantine show 1")
@ids_argument
@json_option
@pass_place
def show(place: Place, *, ids: tuple[int, ...], as_json: bool) -> None:
    """A mail in quarantine, and why it is there."""
    show_arrivals(place, ids, "mail in quarantine with the number", as_json=as_json, outcome="quarantine")


@quarantine.command("release", example="mailgate quarantine release 1")
@ids_argument
@json_option
@pass_place
def release(place: Place, *, ids: tuple[int, ...], as_json: bool) -> None:
    """Let mails in, also those that were rejected: they are decided again, and not set aside."""
    _decide(place, ids, let_in=True, as_json=as_json)


@quarantine.command("reject", example="mailgate quarantine reject 1")
@ids_argument
@json_option
@pass_place
def reject(place: Place, *, ids: tuple[int, ...], as_json: bool) -> None:
    """Leave mails out. They stay on record; nobody is told. `release` still lets them in."""
    _decide(place, ids, let_in=False, as_json=as_json)


def _decide(place: Place, ids: tuple[int, ...], *, let_in: bool, as_json: bool) -> None:
    db = place.database(place.settings())
    from storage import quarantine as held
    from storage.database import now

    for row in find(db, ids, "mail in quarantine with the number", outcome="quarantine"):
        if row.rejected and not let_in:
            raise CommandError(f"mail {row.id} was {row.note} already; nothing was done")
    with db.write() as connection:
        count = held.release(connection, ids, now()) if let_in else held.reject(connection, ids, getpass.getuser())
    told(count, "released" if let_in else "rejected", as_json=as_json)
