"""`mailgate serve` and `db`: what keeps a desk running."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailgate.cli.backup import write_backup
from mailgate.cli.command import Command, Group, Place, database_file, json_option, pass_place
from mailgate.cli.console import emit
from mailgate.errors import CommandError

if TYPE_CHECKING:
    from mailgate.settings import Settings


@click.command(cls=Command, example="mailgate serve --config /etc/mailgate/mailgate.toml")
@click.option("--shadow", is_flag=True, help="Decide all, answer nobody, change no mailbox.")
@pass_place
def serve(place: Place, *, shadow: bool) -> None:
    """Run the daemon in the foreground. SIGTERM stops it, SIGHUP takes new settings.

    It makes the database where there is none; not where a desk was before, which `mailgate restore` brings back.
    """
    from mailgate import supervisor

    sys.exit(supervisor.serve(place.file, shadow=shadow))


@click.group(cls=Group, example="mailgate db check")
def db() -> None:
    """Check or upgrade the database."""


@db.command("check", example="mailgate db check")
@json_option
@pass_place
def check(place: Place, *, as_json: bool) -> None:
    """Whether the database has this program's schema and is whole; exit 1 where it is not."""
    database = place.database(place.settings())
    from storage import schema

    problems = schema.integrity(database)
    if as_json:
        emit({"schema": schema.version(database), "problems": problems})
    if problems:
        raise CommandError("\n".join(problems))
    if not as_json:
        click.echo(f"The database is whole, its schema {schema.VERSION} is up to date.")


@db.command("upgrade", example="mailgate db upgrade")
@click.option("--backup", "file", type=click.Path(path_type=Path), help="Where the backup goes. Default: see above.")
@click.option("--no-backup", is_flag=True, help="Do not write one.")
@json_option
@pass_place
def upgrade(place: Place, *, file: Path | None, no_backup: bool, as_json: bool) -> None:
    """Bring the database to this program's schema; makes it where there is none. Stop the daemon first.

    Before anything is changed it writes a backup: beside the database, for PostgreSQL into the folder of
    storage.state, named after the old schema and the time. `mailgate restore FILE --replace` goes back.
    """
    if file is not None and no_backup:
        raise click.UsageError("--backup and --no-backup say the opposite")
    settings = place.settings()
    from mailgate.locking import A_LOOK, lock
    from storage import beginning, schema
    from storage.database import Database

    database = Database(settings.database_url)
    written: Path | None = None
    try:
        found = schema.version(database)
        with lock(settings, A_LOOK):
            if found is None:
                beginning.refuse(database, settings.state, settings.file)
            if found is not None and found < schema.VERSION and not no_backup:
                written = file or _backup_place(settings, found)
                write_backup(settings, database, written, quiet=as_json)
                if not as_json:
                    click.echo(f"The backup of schema {found} is {written}; it is a secret, as the database is.")
            done = schema.upgrade(database)
            beginning.note(settings.state, settings.file)
    finally:
        database.close()
    if as_json:
        emit({"schema": schema.VERSION, "done": done, "backup": str(written) if written else None})
    else:
        click.echo(f"{done[0].upper()}{done[1:]}.")


def _backup_place(settings: Settings, found: str) -> Path:
    """Where the backup before an upgrade goes: beside the database, or to what else is kept."""
    file = database_file(settings)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return (file.parent if file else settings.state) / f"mailgate-before-upgrade-from-{found}-{stamp}.tar"
