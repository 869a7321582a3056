"""Whether an empty database may begin a desk: not where signs beside it say that one belongs there."""

from __future__ import annotations

from pathlib import Path

from storage import archive, schema
from storage.database import Database, SchemaMismatch


def refuse(db: Database, state: Path) -> None:
    """Before a desk is begun in an empty database. Raises SchemaMismatch with what to do."""
    for folder in {state, db.file.parent if db.file else state}:
        if archive.broken_off(folder):
            raise SchemaMismatch(schema.UNFINISHED)
