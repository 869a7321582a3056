"""`mailgate import mbox|maildir`: a back catalogue becomes closed tickets; nobody is answered."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailgate.cli.command import Group, Place, json_option, pass_place
from mailgate.cli.console import emit
from mailgate.errors import CommandError

if TYPE_CHECKING:
    from mailgate.importing import Imported, Old

path_argument = click.argument("path", type=click.Path(path_type=Path))


@click.group("import", cls=Group, example="mailgate import mbox old-desk.mbox")
def imports() -> None:
    """Import a back catalogue: closed tickets with the mails' own dates. Nobody is answered.

    Run again it doubles nothing, and finishes what was broken off.
    """


@imports.command("mbox", example="mailgate import mbox old-desk.mbox")
@path_argument
@json_option
@pass_place
def mbox(place: Place, *, path: Path, as_json: bool) -> None:
    """A file with many mails (RFC 4155), as Thunderbird and most servers export."""
    from mailgate.importing import open_mbox

    _run(place, *open_mbox(path), as_json=as_json)


@imports.command("maildir", example="mailgate import maildir /var/mail/old-desk")
@path_argument
@json_option
@pass_place
def maildir(place: Place, *, path: Path, as_json: bool) -> None:
    """A folder with a file a mail, in cur and new."""
    from mailgate.importing import open_maildir

    _run(place, *open_maildir(path), as_json=as_json)


def _run(place: Place, size: int, mails: Iterator[Old], *, as_json: bool) -> None:
    import logging

    from mailgate.application import open_application
    from mailgate.importing import run

    logging.getLogger("mailgate.work").setLevel(logging.WARNING)  # no line a mail here
    app = open_application(place.settings(), create=True)
    began = time.monotonic()
    try:
        with _bar(size, shown=not as_json) as progress:
            done = run(app, mails, progress)
    finally:
        app.db.close()
    if as_json:
        emit(document(done, time.monotonic() - began))
    else:
        click.echo(sentence(done, time.monotonic() - began))
    if done.standing.parked:
        raise CommandError(f"{done.standing.parked} could not be read; see `mailgate inbox list --parked`")


def document(done: Imported, seconds: float) -> dict[str, object]:
    """The object of `--json`: this run, then all imports together."""
    whole = done.standing
    return {
        "read": done.read,
        "stored": done.stored,
        "seconds": round(seconds, 3),
        "mails": whole.mails,
        "articles": whole.articles,
        "duplicates": whole.duplicates,
        "other": whole.other,
        "parked": whole.parked,
        "tickets": whole.tickets,
    }


def sentence(done: Imported, seconds: float) -> str:
    """What was done, in two lines."""
    whole = done.standing
    speed = f", {done.read / seconds:,.0f} a second" if done.read and seconds else ""
    return (
        f"{done.read:,} mails read, {done.stored:,} of them new{speed}.\n"
        f"All imports together: {whole.articles:,} mails on {whole.tickets:,} tickets, "
        f"{whole.duplicates:,} seen twice, {whole.other:,} that fit no ticket."
    )


@contextmanager
def _bar(size: int, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar by bytes where somebody watches."""
    if not shown or not sys.stderr.isatty():
        yield lambda mails, read: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("importing", total=size)
        yield lambda mails, read: progress.update(task, completed=read, description=f"{mails:,} mails")
