"""`mailgate thaw`: after a restore mail goes out again."""

from __future__ import annotations

import click

from mailgate.cli.command import Command, Place, json_option, pass_place
from mailgate.cli.console import emit
from mailgate.errors import CommandError


@click.command(cls=Command, example="mailgate thaw --earlier discard")
@click.option(
    "--earlier",
    type=click.Choice(("hold", "release", "discard")),
    default="hold",
    help="What becomes of letters that may have been sent before the restore.",
    show_default=True,
)
@json_option
@pass_place
def thaw(place: Place, *, earlier: str, as_json: bool) -> None:
    """Let mail out again after a restore; the daemon may run.

    What was written because of something that came after the restore goes out. Letters that may have been sent before
    stay held: those that waited when the backup was made, and what mails caused that came before the restore. See them
    with `mailgate outbox list --state held`; `outbox release` and `outbox discard` decide about each, --earlier about
    all of them.
    """
    database = place.database(place.settings())
    from storage import epochs, holding
    from storage.database import now

    act = {"release": holding.release, "discard": holding.discard}.get(earlier)
    with database.write() as connection:
        done = epochs.thaw(connection, now())
        waiting = epochs.earlier(connection)
        if done is None and (act is None or not waiting):
            raise CommandError("sending is not frozen, and nothing is held since a restore")
        decided = act(connection, waiting, now()) if act else 0
    released = done.released if done else 0
    held = len(waiting) - decided
    if as_json:
        emit({"released": released, "held": held, earlier: decided} if act else {"released": released, "held": held})
        return
    if done is None:
        click.echo("Sending was not frozen.")
    else:
        waited = f"; {released:,} letters that waited for it among it" if released else ""
        click.echo(f"Mail goes out again{waited}.")
    if act:
        click.echo(
            f"{decided:,} letters that may have been sent before: {earlier}{'d' if earlier[-1] == 'e' else 'ed'}."
        )
    elif held:
        click.echo(f"{held:,} letters may have been sent before and stay held: `mailgate outbox list --state held`.")
