"""How Alembic runs here: on the connection that `storage.schema.upgrade` hands in, inside its transaction."""

from __future__ import annotations

from alembic import context

from storage.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
context.run_migrations()
