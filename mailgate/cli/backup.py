"""`mailgate backup`: everything that makes a desk, in one file, while it runs."""

from __future__ import annotations

import contextlib
import glob
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailgate.cli.command import Command, Place, json_option, pass_place
from mailgate.cli.console import emit
from mailgate.errors import CommandError

if TYPE_CHECKING:
    from mailgate.settings import Settings
    from storage.database import Database


@click.command(cls=Command, example="mailgate backup /var/backups/mailgate.tar")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@pass_place
def backup(place: Place, *, file: Path, as_json: bool) -> None:
    """Copy database, settings and grants into one tar file, while the daemon runs.

    In it: all mails, tickets and signing keys as of one moment (mailgate.db, an SQLite file also where the desk is on
    PostgreSQL), the settings file with what it includes, own templates, and what `mailgate login` was given. It is a
    secret; only files that hold passwords are not in it. FILE appears when it is whole and on disk, readable by its
    owner alone; a file that is there already stays as it is. `mailgate restore` brings it back.
    """
    settings = place.settings()
    size = write_backup(settings, place.database(settings), file, quiet=as_json)
    if as_json:
        emit({"file": str(file), "size": size})
    else:
        click.echo(f"{file}: {size:,} bytes")


def write_backup(settings: Settings, source: Database, file: Path, *, quiet: bool) -> int:
    """Write the backup and return its size in bytes. Raises CommandError and storage's errors."""
    from importlib.metadata import version

    from storage import archive, schema
    from storage.backup import copy
    from storage.database import now

    if os.path.lexists(file):
        raise CommandError(f"{file} is there already and stays as it is; name another file")
    try:
        # Beside the target: a rename is only within one file system, and the disk that is full is the right one.
        with archive.staging(file.absolute().parent) as folder:
            made = now()  # before the snapshot: what is in it is not younger
            manifest = archive.Manifest(version("mailgate"), str(schema.version(source)), made)
            database = folder / archive.DATABASE
            with bar("Copying the database", quiet=quiet) as report:
                copy(source, database, report)
            with bar("Writing the file", quiet=quiet) as report:
                return archive.write(file.absolute(), database, list(_beside(settings)), manifest, report)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}") from error


def _beside(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """The settings file, its includes, own templates and kept grants, by their names in the archive.

    What lies outside the folder of the settings is not ours to copy.
    """
    from storage.archive import GRANTS, SETTINGS

    main = Path(settings.file)
    yield f"{SETTINGS}mailgate.toml", main.read_bytes()
    found = [Path(name) for pattern in settings.include for name in glob.glob(str(main.parent / pattern))]  # noqa: PTH207 - as the settings read them
    if settings.templates:
        found += [path for path in settings.path(settings.templates).rglob("*") if path.is_file()]
    for path in sorted(set(found)):
        if path.is_relative_to(main.parent):
            yield f"{SETTINGS}{path.relative_to(main.parent)}", path.read_bytes()
    for path in sorted(settings.state.glob("grant-*.json")):
        yield f"{GRANTS}{path.name}", path.read_bytes()


@contextlib.contextmanager
def bar(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for who watches something long."""
    if quiet or not sys.stderr.isatty():
        yield lambda _, __: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
