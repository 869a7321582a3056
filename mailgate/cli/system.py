"""`mailgate serve`, `db` and `backup`: what keeps a desk running."""

from __future__ import annotations

import contextlib
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailgate.cli.command import Command, Group, Place, json_option, pass_place
from mailgate.cli.console import emit, iso
from mailgate.errors import CommandError

if TYPE_CHECKING:
    from mailgate.settings import Settings
    from storage.database import Database

BACKUP_FORMAT = 1


@click.command(cls=Command, example="mailgate serve --config /etc/mailgate/mailgate.toml")
@click.option("--shadow", is_flag=True, help="Decide all, answer nobody, change no mailbox.")
@pass_place
def serve(place: Place, *, shadow: bool) -> None:
    """Run the daemon in the foreground. SIGTERM stops it, SIGHUP takes new settings.

    It makes the database where there is none.
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
@json_option
@pass_place
def upgrade(place: Place, *, as_json: bool) -> None:
    """Bring the database to this program's schema; makes it where there is none. Stop the daemon first."""
    settings = place.settings()
    from storage import schema
    from storage.database import Database

    database = Database(settings.database_url)
    try:
        done = schema.upgrade(database)
    finally:
        database.close()
    if as_json:
        emit({"schema": schema.VERSION, "done": done})
    else:
        click.echo(f"{done[0].upper()}{done[1:]}.")


@click.command(cls=Command, example="mailgate backup /var/backups/mailgate.tar")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@pass_place
def backup(place: Place, *, file: Path, as_json: bool) -> None:
    """Copy database and settings into one tar file, while the daemon runs.

    In it: the database as of one moment (mailgate.db, or for PostgreSQL mailgate.pgdump by pg_dump), the settings
    file with what it includes, and backup.json. Files that hold passwords are not in it. FILE appears when it is
    whole and on disk, readable by its owner alone; a file that is there already stays as it is.
    """
    if os.path.lexists(file):
        raise CommandError(f"{file} is there already and stays as it is; name another file")
    settings = place.settings()
    size = write_backup(settings, place.database(settings), file, quiet=as_json)
    if as_json:
        emit({"file": str(file), "size": size})
    else:
        click.echo(f"{file}: {size:,} bytes")


def write_backup(settings: Settings, source: Database, file: Path, *, quiet: bool) -> int:
    """Write the tar file and return its size in bytes. Raises CommandError and storage's errors."""
    from storage import backup as copies
    from storage import schema

    folder = file.absolute().parent
    try:
        # Beside the target: a rename is only within one file system, and the disk that is full is the right one.
        with tempfile.TemporaryDirectory(prefix=".mailgate-backup-", dir=folder) as beside:
            name = "mailgate.db" if source.is_sqlite else "mailgate.pgdump"
            copy, tar = Path(beside) / name, Path(beside) / "backup.tar"
            with _progress(quiet=quiet) as report:
                copies.copy(source, copy, report)
            with os.fdopen(os.open(tar, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                with tarfile.open(fileobj=out, mode="w") as archive:
                    _add_text(archive, "backup.json", _manifest(schema.VERSION, name))
                    for path, inside in _settings_files(settings):
                        archive.add(path, inside)
                    archive.add(copy, name)
                out.flush()
                os.fsync(out.fileno())
            size = tar.stat().st_size
            tar.replace(file)
            _sync_folder(folder)
    except copies.BackupFailed as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}") from error
    return size


def _manifest(schema: str, database: str) -> bytes:
    import json
    from importlib.metadata import version

    return json.dumps(
        {
            "format": BACKUP_FORMAT,
            "mailgate": version("mailgate"),
            "schema": schema,
            "database": database,
            "created": iso(time.time()),
        },
        indent=2,
    ).encode()


def _settings_files(settings: Settings) -> Iterator[tuple[Path, str]]:
    """The settings file and its includes with their names in the archive; what lies elsewhere is not ours to copy."""
    import glob

    file = Path(settings.file)
    yield file, "mailgate.toml"
    for pattern in settings.include:
        for name in sorted(glob.glob(str(file.parent / pattern))):  # noqa: PTH207 - as the settings read them
            path = Path(name)
            if path.is_relative_to(file.parent):
                yield path, str(path.relative_to(file.parent))


def _add_text(archive: tarfile.TarFile, name: str, text: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(text), 0o600, int(time.time())
    archive.addfile(entry, BytesIO(text))


def _sync_folder(folder: Path) -> None:
    """The rename itself is on disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for who watches a long copy."""
    if quiet or not sys.stderr.isatty():
        yield lambda _, __: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Copying the database", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
