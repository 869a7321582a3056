"""What every process and command works with: settings, database, policy and pen, opened once and handed down."""

from __future__ import annotations

from dataclasses import dataclass

from mailgate import policy as policies
from mailgate.outgoing.compose import Pen
from mailgate.settings import Settings
from routing.policy import Policy
from storage import beginning, deliveries, keys, schema
from storage import shadow as shadows
from storage.database import Database


@dataclass(frozen=True, slots=True)
class Application:
    """Settings, and what was made of them."""

    settings: Settings
    db: Database
    policy: Policy
    pen: Pen


def open_application(settings: Settings, *, create: bool = False, shadow: bool | None = None) -> Application:
    """Open the database (with `create`, fill an empty one) and build the rest.

    `shadow` None: as the daemon was started last, so that what is typed beside it answers nobody either.
    Raises SettingsError, SchemaMismatch (with what to do) and DatabaseUnavailable.
    """
    db = Database(settings.database_url)
    try:
        return _open(settings, db, create=create, shadow=shadow)
    except BaseException:
        db.close()
        raise


def _open(settings: Settings, db: Database, *, create: bool, shadow: bool | None) -> Application:
    if create and schema.version(db) is None:
        beginning.refuse(db, settings.state, settings.file)
        schema.create(db)
    schema.check(db)
    if create:
        beginning.note(settings.state, settings.file)
    with db.read() as connection:
        if shadow is None:
            shadow = shadows.since(connection) is not None
        policy = policies.build(
            settings, keys.load(connection), shadow=shadow, rewriting=deliveries.rewriting(connection)
        )
    return Application(
        settings, db, policy, Pen(policy, settings.path(settings.templates) if settings.templates else None)
    )
