"""What every process and command works with: settings, database, policy and pen, opened once and handed down."""

from __future__ import annotations

from dataclasses import dataclass

from mailgate import policy as policies
from mailgate.outgoing.compose import Pen
from mailgate.settings import Settings
from routing.policy import Policy
from storage import deliveries, keys, schema
from storage.database import Database


@dataclass(frozen=True, slots=True)
class Application:
    """Settings, and what was made of them."""

    settings: Settings
    db: Database
    policy: Policy
    pen: Pen


def open_application(settings: Settings, *, create: bool = False, shadow: bool = False) -> Application:
    """Open the database (with `create`, fill an empty one) and build the rest.

    Raises SettingsError, SchemaMismatch (with what to do) and DatabaseUnavailable.
    """
    db = Database(settings.database_url)
    try:
        return _open(settings, db, create=create, shadow=shadow)
    except BaseException:
        db.close()
        raise


def _open(settings: Settings, db: Database, *, create: bool, shadow: bool) -> Application:
    if create and schema.version(db) is None:
        schema.create(db)
    schema.check(db)
    with db.read() as connection:
        policy = policies.build(
            settings, keys.load(connection), shadow=shadow, rewriting=deliveries.rewriting(connection)
        )
    return Application(
        settings, db, policy, Pen(policy, settings.path(settings.templates) if settings.templates else None)
    )
