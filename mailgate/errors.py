"""Errors, in two trees: what a person is told, and what befalls the database (`storage` knows nothing of mailgate).

    MailgateError
    ├── SettingsError           a file of settings that cannot be used: names file, key and what was expected
    └── CommandError            a command that was understood and not done; its text is for the person who typed it

    storage.database.StorageError
    ├── Conflict                somebody else changed what was looked at: look again
    ├── DatabaseUnavailable     leave it; the lease runs out
    └── SchemaMismatch          another program's database: says what to do

Expected outcomes are values (`Decision`, `Sent | Deferred | Failed`), not exceptions.
"""

from __future__ import annotations


class MailgateError(Exception):
    """What a person is told in one line, without a traceback."""


class SettingsError(MailgateError):
    """Settings that cannot be used. `problems` is one sentence each, naming file, key and what was expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CommandError(MailgateError):
    """A command that was understood and not done (exit 1)."""
