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
    return _built(settings, db, shadow=shadow)


def _built(settings: Settings, db: Database, *, shadow: bool) -> Application:
    with db.read() as connection:
        known, rewriting = keys.load(connection), deliveries.rewriting(connection)
    policy = policies.build(settings, known, shadow=shadow, rewriting=rewriting)
    return Application(
        settings, db, policy, Pen(policy, settings.path(settings.templates) if settings.templates else None)
    )


def refreshed(app: Application, now: float) -> Application:
    """The same, or as it is by now: after half a year another key signs, and a relay may be seen to replace our ids.

    Raises Conflict where somebody else changed the key at this moment.
    """
    with app.db.read() as connection:
        signs, since = keys.current(connection)
        token = app.policy.subject_token or policies.wants_token(app.settings, deliveries.rewriting(connection))
    if now - since > keys.ROTATE_SECONDS:
        with app.db.write() as connection:
            signs = keys.rotate(connection, now)
    if (signs, token) == (app.policy.keys.current, app.policy.subject_token):
        return app
    return _built(app.settings, app.db, shadow=app.policy.shadow)
