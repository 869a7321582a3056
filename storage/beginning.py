"""Whether an empty database may begin a desk: not where signs beside it say that one belongs there.

A desk that begins a second time gives the same numbers out again. So the first start leaves a file in the folder of
`storage.state`, which outlives a database that is deleted, or a server that comes back empty.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from storage import archive, schema
from storage.database import Database, SchemaMismatch

_SIGN = """\
A desk was begun with these settings. Where its database is gone, `mailgate serve` begins no second one, whose numbers
would be given out twice: `mailgate restore FILE` brings it back. Remove this file to begin anew all the same.
"""


def sign(state: Path, settings: str) -> Path:
    """The file that says that a desk was begun with that settings file."""
    return state / f"{Path(settings).stem}.begun"


def note(state: Path, settings: str) -> None:
    """There is a desk: leave the sign, on disk, if it is not there."""
    file = sign(state, settings)
    if file.exists():
        return
    with contextlib.suppress(OSError):  # a desk whose folder cannot be written to runs without
        with file.open("x") as out:
            out.write(_SIGN)
            out.flush()
            os.fsync(out.fileno())
        archive.sync_folder(state)


def refuse(db: Database, state: Path, settings: str) -> None:
    """Before a desk is begun in an empty database. Raises SchemaMismatch with what to do."""
    for folder in {state, db.file.parent if db.file else state}:
        if archive.broken_off(folder):
            raise SchemaMismatch(schema.UNFINISHED)
    if (file := sign(state, settings)).exists():
        raise SchemaMismatch(
            f"the database {'is gone from ' + str(db.file) if db.file else 'is empty'}, and a desk was here: "
            f"`mailgate restore FILE` brings it back. To begin anew, with numbers that were given out, remove {file}"
        )
