"""What a restore does, as it is planned, and how that is shown before and after."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mailgate.cli.command import database_file
from mailgate.cli.console import People, emit, iso, styled
from routing import tokens

if TYPE_CHECKING:
    from mailgate.settings import Settings
    from storage.restore import Content, Standing


@dataclass(frozen=True, slots=True)
class Placed:
    """A file that belongs beside the database: `new`, the `same` already, `beside` another one, or `kept` out."""

    file: Path
    content: bytes
    what: Literal["new", "same", "beside", "kept"]

    @property
    def target(self) -> Path:
        """Where it is written: what differs from a file that is there stands beside it."""
        return self.file.with_name(f"{self.file.name}.restored") if self.what == "beside" else self.file


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a restore does, before anything is done."""

    made: float
    settings: Settings
    content: Content
    standing: Standing
    first: int
    files: tuple[Placed, ...]

    @property
    def database(self) -> str:
        """Its place, without a password."""
        import sqlalchemy as sa

        return str(database_file(self.settings) or sa.make_url(self.settings.database_url))

    @property
    def doubted(self) -> list[tuple[str, str]]:
        """First and last number of each range that the replaced desk gave out as well as the backup's."""
        ranges = self.standing.lineage.doubts(self.content.last_ticket) if self.standing.lineage else ()
        return [(tokens.number(first), tokens.number(last)) for first, last in ranges]

    @property
    def waiting(self) -> int:
        """Letters that waited or were being sent when the backup was made."""
        return self.content.letters.get("pending", 0) + self.content.letters.get("deferred", 0)


def _folders(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every folder that is looked through for mails which the backup does not know."""
    for account in settings.imap:
        yield account.name, account.folder
        if account.after.startswith("move:"):
            yield account.name, account.after.removeprefix("move:")
        if account.junk:
            yield account.name, account.junk


def _document(plan: Plan, *, kept: str | None, done: bool) -> dict[str, Any]:
    content, there = plan.content, plan.standing
    return {
        "done": done,
        "made": iso(plan.made),
        "schema": content.schema,
        "tickets": content.tickets,
        "articles": content.articles,
        "mails": content.mails,
        "waiting": content.waiting,
        "letters": dict(content.letters),
        "held": plan.waiting,
        "keys": content.keys,
        "next_number": tokens.number(plan.first),
        "doubted": [{"first": first, "last": last} for first, last in plan.doubted],
        "database": plan.database,
        "replaces": {"tickets": there.tickets, "mails": there.mails} if there.worth_keeping else None,
        "kept": kept,
        "folders": [{"name": name, "folder": folder} for name, folder in _folders(plan.settings)],
        "files": [{"file": str(placed.target), "what": placed.what} for placed in plan.files],
    }


_DOUBTED = "{} to {} were given out by the replaced desk as well: such a number alone leads to no ticket"
_BECOMES: Mapping[str, str] = {
    "new": "comes back",
    "same": "is there, and the same",
    "beside": "will differ from what is there, which stays",
    "kept": "what is there stays: it is newer",
}


_BECAME: Mapping[str, str] = {
    "new": "came back",
    "beside": "differs from what is there, which stays; compare the two",
    "kept": "stayed as it was: it is newer",
}


def show(plan: Plan, *, as_json: bool, kept: str | None, done: bool) -> None:
    """`kept`: the name of the database that was replaced; `done`: afterwards."""
    if as_json:
        emit(_document(plan, kept=kept, done=done))
        return
    from mailgate.cli import pages

    people = People(plan.settings)
    content, there = plan.content, plan.standing
    waits = f", {content.waiting:,} of them not worked yet" if content.waiting else ""
    letters = ", ".join(f"{count:,} {state}" for state, count in sorted(content.letters.items())) or "none"
    held = f"{plan.waiting:,} waited: held, for they may have been sent since" if plan.waiting else "none waited"
    said = _BECAME if done else _BECOMES
    files = [placed for placed in plan.files if placed.what in said]
    old = "was empty" if done else "is empty"
    if there.worth_keeping:
        what = "damaged" if there.damaged else f"{there.tickets:,} tickets and {there.mails:,} mails"
        verb = ("was" if done else "is") if there.damaged else ("held" if done else "holds")
        old = f"{verb} {what}; kept as {kept or 'a copy under another name'}"
    lost = f"{tokens.number(content.last_ticket + 1)} to {tokens.number(plan.first - 1)}"
    people.page(
        pages.card(
            styled("Restored" if done else "What a restore would do", "bold"),
            [
                (
                    "Backup",
                    f"of {people.time(plan.made)}, {age(time.time() - plan.made)} old; schema {content.schema}",
                ),
                ("Tickets", f"{content.tickets:,} with {content.articles:,} articles"),
                ("Mails", f"{content.mails:,}{waits}"),
                ("Letters", f"{letters}; {held}"),
                ("Keys", f"{content.keys}, and a new one that signs from now on"),
                ("Next ticket", f"{tokens.number(plan.first)}; {lost} match nothing"),
                *(("Doubted", _DOUBTED.format(first, last)) for first, last in plan.doubted),
                ("Database", f"{plan.database} {old}"),
                ("Read again", ", ".join(f"{name}: {folder}" for name, folder in _folders(plan.settings))),
                *((("Files" if i == 0 else " "), f"{p.target} {said[p.what]}") for i, p in enumerate(files)),
            ],
        )
    )
    if not done:
        people.say("Nothing was done.")
        return
    if any(placed.file.name.startswith("grant-") and placed.what == "new" for placed in plan.files):
        people.say("A provider may have replaced a grant's token since: where signing in fails, `mailgate login NAME`.")
    people.say("Sending is frozen. Next:", "bold")
    people.say("  mailgate serve     reads the folders again; look with `mailgate status`")
    people.say("  mailgate thaw      lets mail out again")


def age(seconds: float) -> str:
    """As people say it of a backup."""
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.0f} days"
