"""What all commands share: `--config`, `--json`, an example under `--help`, and the way to settings and database."""

from __future__ import annotations

import contextlib
import importlib
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailgate.errors import CommandError, MailgateError

if TYPE_CHECKING:
    from mailgate.application import Application
    from mailgate.settings import Settings
    from storage.database import Database


@dataclass(slots=True)
class Place:
    """Where a command works: the settings file as typed, and what is found through it."""

    config: str | None = None

    @property
    def file(self) -> Path:
        """The settings file. Raises SettingsError where none is found."""
        from mailgate.settings import locate

        return locate(self.config)

    def settings(self) -> Settings:
        """The settings. Raises SettingsError."""
        from mailgate.settings import load

        return load(self.file)

    def database(self, settings: Settings) -> Database:
        """The database that is there, its schema checked, closed when the command ends; it is never made here."""
        require_database(settings)
        from storage import schema
        from storage.database import Database

        db = Database(settings.database_url)
        click.get_current_context().call_on_close(db.close)
        schema.check(db)
        return db

    def application(self) -> Application:
        """Settings, database and what is made of them. Raises where a part is missing."""
        settings = self.settings()
        self.database(settings)
        from mailgate.application import open_application

        app = open_application(settings)
        click.get_current_context().call_on_close(app.db.close)
        return app

    def rehearsal(self) -> Application:
        """As `application`; for a desk that was never served with an empty database that ends with the command."""
        from msgspec import structs

        from storage import beginning, schema
        from storage.database import Database

        settings = self.settings()
        with contextlib.closing(Database(settings.database_url)) as db:
            if schema.version(db) is not None:
                return self.application()
            beginning.refuse(db, settings.state, settings.file)
        click.echo("This desk was never served: explained against an empty one.", err=True)
        context = click.get_current_context()
        folder = context.with_resource(tempfile.TemporaryDirectory(prefix="mailgate-explain-"))  # mode 0700
        url = f"sqlite:///{folder}/mailgate.db"
        with contextlib.closing(Database(url)) as db:
            schema.create(db)
        from mailgate.application import open_application

        app = open_application(structs.replace(settings, storage=structs.replace(settings.storage, url=url)))
        context.call_on_close(app.db.close)
        return app


def database_file(settings: Settings) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    url = settings.database_url
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def require_database(settings: Settings) -> None:
    """Raises CommandError where the SQLite file is not there: looking must not make an empty one."""
    file = database_file(settings)
    if file is not None and not file.is_file():
        raise CommandError(
            f"there is no database at {file}: `mailgate serve` makes it for a new desk, "
            "`mailgate restore FILE` brings one back"
        )


def _remember(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Place).config = value


def config_option() -> click.Option:
    """`--config FILE`, which every command and group takes; the one nearest to the command counts."""
    return click.Option(
        ["--config"],
        metavar="FILE",
        expose_value=False,
        callback=_remember,
        help="Settings file. Default: MAILGATE_CONFIG, ./mailgate.toml, /etc/mailgate/mailgate.toml.",
    )


json_option = click.option("--json", "as_json", is_flag=True, help="For machines: one object, or one object a line.")


def _write_example(formatter: click.HelpFormatter, example: str) -> None:
    with formatter.section("Example"):
        for line in example.splitlines():
            formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Command(click.Command):
    """A command with `--config`, whose help ends with an example."""

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example
        self.params.append(config_option())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_example(formatter, self.example)


class Group(click.Group):
    """Commands of one noun; its help ends with an example too."""

    command_class = Command

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example
        self.params.append(config_option())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_example(formatter, self.example)


pass_place = click.make_pass_decorator(Place, ensure=True)


@dataclass(frozen=True, slots=True)
class Entry:
    """A command of the root that is imported when it is asked for; `help` stands in the list of commands."""

    section: str
    place: str  # module:attribute
    help: str


class Root(Group):
    """The root: its commands are named in a table and imported late, its errors become one line and exit 1."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.place.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in dict.fromkeys(entry.section for entry in self.entries.values()):
            with formatter.section(section):
                formatter.write_dl([(n, e.help) for n, e in self.entries.items() if e.section == section])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except _expected() as error:
            if (told := sentence(error)) is None:
                raise
            raise Refused(told) from error


class Refused(click.ClickException):
    """Not done: what a person is told on stderr, one line a problem, exit 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        for line in self.message.splitlines():
            click.echo(f"mailgate: {line}", err=True)


def _expected() -> tuple[type[Exception], ...]:
    """Errors that may be told in a line. Storage's are asked for only where it was imported: it takes 0.3 s."""
    if "storage.database" not in sys.modules:
        return (MailgateError,)
    from sqlalchemy.exc import DatabaseError

    from storage.database import StorageError

    return (MailgateError, StorageError, DatabaseError)


def sentence(error: Exception) -> str | None:
    """What went wrong, for the person who typed the command; None for a bug, which keeps its traceback."""
    if isinstance(error, MailgateError):
        return str(error)
    import sqlite3

    from storage.database import Conflict, DatabaseUnavailable, StorageError

    line = " ".join(str(getattr(error, "orig", error)).split())
    if isinstance(error, Conflict):
        return "somebody else changed it at the same moment; nothing was done, try again"
    # The bare class is SQLite's for a file that is damaged, or no database at all; bugs have subclasses.
    if isinstance(error, DatabaseUnavailable) or type(getattr(error, "orig", None)) is sqlite3.DatabaseError:
        return f"the database cannot be used: {line}; `mailgate check` says what to do"
    return line if isinstance(error, StorageError) else None
