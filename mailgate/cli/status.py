"""`mailgate status`: how things stand, and what needs a person."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mailgate.cli.command import Command, Place, json_option, pass_place, require_database
from mailgate.cli.console import People, emit, iso, line, styled
from mailgate.settings import Settings
from storage.status import Mailbox, Status, read

if TYPE_CHECKING:
    from rich.text import Text

WAITING_SECONDS = 60.0  # the worker takes a mail within 50 ms; one that waits this long has nobody to take it


@dataclass(frozen=True, slots=True)
class Standing:
    """The counts of the database with what the settings know, and each problem as a sentence with what to do."""

    status: Status
    mailboxes: tuple[Mailbox, ...]
    problems: tuple[str, ...]


def read_standing(settings: Settings) -> Standing:
    """One snapshot. Raises CommandError where there is no database, and storage's errors."""
    require_database(settings)
    now = time.time()
    status = read(settings.database_url, now)
    mailboxes: list[Mailbox] = []
    for account in settings.imap:  # one that has left the settings is nobody's problem any more
        met = [box for box in status.mailboxes if box.account == account.name]
        mailboxes += met or [Mailbox(account.name, account.folder, None, None, None, None, None)]
    return Standing(status, tuple(mailboxes), tuple(_problems(status, mailboxes, settings, now)))


def _problems(status: Status, mailboxes: Sequence[Mailbox], settings: Settings, now: float) -> list[str]:
    problems = []
    if status.parked:
        problems.append(f"{_count(status.parked, 'mail')} parked; see `mailgate inbox list --parked`")
    if status.oldest_due is not None and status.oldest_due < now - WAITING_SECONDS:
        problems.append(f"mail waits since {iso(status.oldest_due)}; does `mailgate serve` run?")
    for box in mailboxes:
        if box.error:
            problems.append(f"mailbox {box.account}: {line(box.error)}, since {iso(box.error_since)}")
        elif box.last_success is None:
            problems.append(f"mailbox {box.account} was never reached; try `mailgate check`")
    problems += [
        f"{beat.name}: {line(beat.error)}, since {iso(beat.error_since)}"
        for beat in status.beats
        if beat.error and (beat.name != "relay" or settings.relay is not None)
    ]
    if status.failed_lately:
        problems.append(
            f"{_count(status.failed_lately, 'delivery', 'deliveries')} failed within a day; "
            "see `mailgate outbox list --state failed --state bounced`"
        )
    held = dict(status.held_for)
    if held.get("relay"):
        why = "the settings have no [relay]" if settings.relay is None else "there was no [relay]"
        problems.append(
            f"{_count(held['relay'], 'outgoing mail')} held: {why}; see `mailgate outbox list --state held`"
        )
    return problems


def _count(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def document(standing: Standing) -> dict[str, Any]:
    """The JSON object of `status`."""
    status = standing.status
    return {
        "journal": {"new": status.new, "done": status.done, "parked": status.parked},
        "tickets": status.tickets,
        "articles": status.articles,
        "outbox": {
            "pending": status.pending,
            "sent": status.sent,
            "failed": status.failed,
            "held": status.held,
        },
        "mailboxes": [
            {
                "name": box.account,
                "folder": box.folder,
                "first_contact": iso(box.first_contact),
                "waiting": box.waiting,
                "last_success": iso(box.last_success),
                "error": box.error,
                "error_since": iso(box.error_since),
            }
            for box in standing.mailboxes
        ],
        "problems": list(standing.problems),
    }


@click.command(cls=Command, example="mailgate status")
@json_option
@pass_place
def status(place: Place, *, as_json: bool) -> None:
    """How things stand: mails taken in, tickets, mails sent, mailboxes, and what needs a person.

    Exit 0 whenever it could be read, problems or not.
    """
    settings = place.settings()
    standing = read_standing(settings)
    if as_json:
        emit(document(standing))
        return
    people = People(settings)
    now = standing.status
    from mailgate.cli import pages

    people.page(
        pages.card(
            styled(f"{settings.desk.name} <{settings.desk.address}>", "bold"),
            [
                ("Arrived", _figures((now.new, "to do"), (now.done, "done"), (now.parked, "parked", "bold red"))),
                (
                    "Outgoing",
                    _figures(
                        (now.pending, "to send"),
                        (now.sent, "sent"),
                        (now.failed, "failed", "bold red"),
                        (now.held, "held", "bold yellow"),
                    ),
                ),
                ("Desk", _figures((now.tickets, "tickets"), (now.articles, "articles"))),
            ],
        )
    )
    if standing.mailboxes:
        people.table(
            ["Mailbox", "Folder", "Last reached", "Lay there at first contact?", "Error*?"],
            [
                [
                    box.account,
                    box.folder,
                    people.when(box.last_success),
                    "" if box.waiting is None else f"{box.waiting}, left alone",
                    styled(line(box.error), "bold red"),
                ]
                for box in standing.mailboxes
            ],
        )
    if not standing.problems:
        people.say("All is well.", "bold green")
    for problem in standing.problems:
        people.say(f"! {problem}", "bold red")


def _figures(*figures: tuple[Any, ...]) -> Text:
    """Numbers and what they count; what is nothing is dim, what wants a look has its colour."""
    from rich.text import Text

    return Text("   ").join(
        styled(f"{count:,} {what}", "".join(style) if count else "dim") for count, what, *style in figures
    )
