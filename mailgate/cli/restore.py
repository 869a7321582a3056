"""`mailgate restore`: a desk comes back from its backup, with sending frozen."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace as changed

from mailgate.cli.backup import bar
from mailgate.cli.command import Command, Place, database_file, json_option, pass_place
from mailgate.cli.plan import Placed, Plan, show
from mailgate.errors import CommandError, SettingsError
from routing import tokens

if TYPE_CHECKING:
    from mailgate.settings import Settings
    from storage.archive import Opened
    from storage.database import Database
    from storage.restore import Content, Standing

MAIN = "mailgate.toml"


@dataclass(frozen=True, slots=True)
class Site:
    """Where a desk is put: its settings, as they are there or come from the backup, and what the backup holds."""

    settings: Settings
    opened: Opened


@click.command(cls=Command, example="mailgate restore /var/backups/mailgate.tar --dry-run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what it would do, and do nothing.")
@click.option("--replace", is_flag=True, help="Also where the database holds mails; it is kept under another name.")
@click.option(
    "--numbers-from",
    metavar="NUMBER",
    help="Number of the next ticket. Default: past all that can have been given out since the backup.",
)
@json_option
@pass_place
def restore(place: Place, *, file: Path, dry_run: bool, replace: bool, numbers_from: str | None, as_json: bool) -> None:
    """Bring a desk back from FILE. The daemon must not run.

    The file is read whole and checked first. Then the database is replaced at one stroke: a kill leaves the old one or
    the new. A settings file that is missing comes back; one that differs stays, with the backup's beside it. Grants
    come back where there are none.

    Afterwards sending is frozen until `mailgate thaw`, and what may have been sent already is held. `mailgate serve`
    reads the folders again that mails were filed into. Ids that were given out after the backup match nothing any more,
    and the numbers of new tickets are far beyond them.
    """
    from storage import restore as restoring
    from storage.database import Database, now

    with _site(place, file, look=dry_run, quiet=as_json) as site, restoring.staged(site.opened.database) as source:
        settings, manifest = site.settings, site.opened.manifest
        database = Database(settings.database_url)
        try:
            content = restoring.content(source, manifest.schema)
            there = restoring.standing(database, source, manifest.made)
            moment = now()
            first = _first(content, there, manifest.made, moment, numbers_from)
            plan = Plan(manifest.made, settings, content, there, first, tuple(_placed(settings, site.opened)))
            if dry_run:
                show(plan, as_json=as_json, kept=None, done=False)
                return
            kept = _do(plan, database, source, moment, allowed=replace, quiet=as_json)
        finally:
            database.close()
    show(plan, as_json=as_json, kept=kept, done=True)


@contextlib.contextmanager
def _site(place: Place, file: Path, *, look: bool, quiet: bool) -> Iterator[Site]:
    """The backup, read whole into a folder that goes away; the settings that are there, else the backup's own.

    Unless it is only to look, no daemon can run from the first moment on: the desk is locked, and an empty database
    marked, before a byte is read. Without settings no daemon could run; they come back after the mark.
    """
    from mailgate.locking import A_LOOK, lock
    from mailgate.settings import load
    from storage import archive

    try:
        main = place.file.absolute()
    except SettingsError:  # a bare machine: it comes back here
        main = Path(MAIN).absolute()
    settings = load(main) if main.exists() else None
    folder = main.parent
    if settings is not None:
        known = database_file(settings)
        folder = known.parent if known else settings.state
    try:
        file.open("rb").close()
        with contextlib.ExitStack() as begun:
            if settings is not None and not look:
                begun.enter_context(lock(settings, A_LOOK))
                begun.enter_context(_marked(settings))
            staging = begun.enter_context(archive.staging(folder, restoring=not look))
            with bar("Reading the backup", quiet=quiet) as report:
                opened = archive.read(file, staging, report)
            if settings is not None:
                yield Site(settings, opened)
                return
            for name, content in opened.files.items():
                target = staging / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            staged = changed(load(staging / archive.SETTINGS / MAIN), folder=str(main.parent))
            if not look:
                begun.enter_context(lock(staged, A_LOOK))
            yield Site(changed(staged, file=str(main)), opened)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)  # a write names no file; what is read is never full
        raise CommandError(f"{error.filename or (folder if full else file)}: {error.strerror or error}") from error


@contextlib.contextmanager
def _marked(settings: Settings) -> Iterator[None]:
    """The mark in an empty database, laid; taken away again where the file is refused: nothing was begun."""
    from storage import restore as restoring
    from storage.archive import BackupDamaged
    from storage.database import Database

    database = Database(settings.database_url)
    try:
        laid = not restoring.is_damaged(database, whole=False) and restoring.mark(database)
        database.close()
        try:
            yield
        except (BackupDamaged, restoring.RestoreRefused, CommandError):
            if laid:
                restoring.lift(database)
            raise
    finally:
        database.close()


def _first(content: Content, there: Standing, made: float, now: float, wanted: str | None) -> int:
    """The id of the first ticket of the new epoch."""
    from storage.epochs import first_after

    given = max(content.given, there.lineage.given if there.lineage else 0)
    if wanted is None:
        return first_after(content.given, made, now, content.busiest, given)
    chosen = tokens.read_number(wanted)
    if chosen is None or chosen <= given:
        raise CommandError(f"--numbers-from {wanted}: {tokens.number(given)} was given out; name a later number")
    return chosen


def _placed(settings: Settings, opened: Opened) -> Iterator[Placed]:
    """Settings and templates to their folder, grants to theirs; a grant that is there is newer than the backup's."""
    from storage.archive import GRANTS, SETTINGS

    main = Path(settings.file)
    for name, content in opened.files.items():
        if name.startswith(SETTINGS):
            inside = name.removeprefix(SETTINGS)
            file = main if inside == MAIN else main.parent / inside
            same = file.is_file() and file.read_bytes() == content
            yield Placed(file, content, "same" if same else "beside" if file.exists() else "new")
        elif name.startswith(GRANTS):
            file = settings.state / name.removeprefix(GRANTS)
            yield Placed(file, content, "kept" if file.exists() else "new")


def _do(plan: Plan, database: Database, source: Database, now: float, *, allowed: bool, quiet: bool) -> str | None:
    """The name that the old database is kept under; None where nothing was there."""
    from storage import beginning
    from storage import restore as restoring

    there = plan.standing
    restoring.refuse_others(database)
    if there.worth_keeping and not allowed:
        holds = "is damaged" if there.damaged else f"holds {there.tickets:,} tickets and {there.mails:,} mails"
        raise CommandError(
            f"{plan.database} {holds}; nothing was done. "
            "`--replace` keeps it under another name and puts the backup in its place"
        )
    if there.version is None and not there.damaged:
        restoring.mark(database)
    for placed in plan.files:
        if placed.what in ("new", "beside"):
            _write(placed.target, placed.content)
    with bar("Restoring the database", quiet=quiet) as report:
        _, kept = restoring.replace(database, source, there, plan.made, now, plan.first, report)
    beginning.note(plan.settings.state, plan.settings.file)
    return kept


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all; what it holds may be secret."""
    from storage.archive import sync_folder

    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.part")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
    sync_folder(file.parent)
