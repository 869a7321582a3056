"""`mailgate parse`, `explain` and `deliver`: one mail, before and at the door."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mailgate.cli.command import Command, Place, json_option, pass_place, sentence
from mailgate.cli.console import People, emit, state, styled
from mailgate.errors import CommandError, MailgateError

TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the mail server keeps the mail and tries again


def raw_mail(file: str) -> bytes:
    """The bytes of a file, of standard input for "-". Raises CommandError."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}") from None


@click.command(cls=Command, example="mailgate parse --json mail.eml")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@json_option
def parse(*, files: tuple[str, ...], as_json: bool) -> None:
    """What mails say: who, what, kind, new words, attachments, defects. Needs no settings, touches nothing.

    "-" is standard input. A file that cannot be read is named on standard error, the others go on.
    """
    from parsing.read import parse as read

    people = None if as_json else People()
    unread = []
    for file in files:
        try:
            raw = raw_mail(file)
        except CommandError as error:
            unread.append(str(error))
            continue
        message = read(raw)
        if people is None:
            from parsing.document import document

            emit(document(message, file))
        else:
            from mailgate.cli import pages

            when = message.date.strftime("%Y-%m-%d %H:%M UTC") if message.date else ""
            people.page(pages.mail(message, file, when))
    if unread:
        raise CommandError("\n".join(unread))


@click.command(cls=Command, example="mailgate explain mail.eml --from jane@acme.example --to help@desk.example")
@click.argument("file")
@click.option(
    "--door", default="smtp", show_default=True, metavar="DOOR", help="smtp, lmtp, pipe, imap:NAME, imap:NAME/junk."
)
@click.option("--from", "from_", metavar="A", help="Envelope sender. Default: Return-Path, then From.")
@click.option("--to", multiple=True, metavar="B", help="Envelope recipient, may be repeated. Default: the desk.")
@json_option
@pass_place
def explain(place: Place, *, file: str, door: str, from_: str | None, to: tuple[str, ...], as_json: bool) -> None:
    """What would happen to this mail here, now, had it come from a trusted peer, and why. Touches nothing.

    A desk that was never served is explained as an empty one.
    """
    raw = raw_mail(file)
    app = place.rehearsal()
    if door not in app.policy.doors:
        raise CommandError(f"there is no door {door!r}; known are {', '.join(app.policy.doors)}")
    recipients = to or (app.policy.address,)
    for address in recipients:
        if not app.policy.accepts(address):
            raise CommandError(f"{address}: no such address here; the mail would be refused")
    from mailgate.worker import explain as decide
    from parsing.read import parse as read

    if from_ is None:
        message = read(raw)
        author = message.author.address if message.author else ""
        from_ = author if message.return_path is None else message.return_path
    found = decide(app, raw, door, from_.strip("<>"), tuple(recipients))
    decision = found.decision
    queue, visibility = decision.queue or None, decision.visibility if decision.verb in ARTICLES else None
    if found.number is not None:
        from storage import listings

        with app.db.read() as connection:
            there = listings.ticket_row(connection, found.number)
        queue = there.queue if there else queue
    if as_json:
        from mailgate.cli.documents import reasons

        emit(
            {
                "verb": decision.verb,
                "ticket": found.number,
                "queue": queue,
                "visibility": visibility,
                "trust": decision.trust,
                "held": decision.held,
                "acknowledge": decision.acknowledge,
                "reasons": reasons(decision.reasons),
            }
        )
        return
    from mailgate.cli import pages

    people = People(app.settings)
    people.page(
        pages.card(
            styled(VERBS[decision.verb].format(ticket=found.number or "a ticket"), "bold"),
            [
                ("Queue", queue or ""),
                ("Visibility", state(visibility)),
                ("Trust", state(decision.trust)),
                ("Held", "yes, for a person" if decision.held else "no"),
                ("Acknowledged", "yes" if decision.acknowledge else "no"),
            ],
        ),
        pages.reasons_table(decision.reasons),
    )


ARTICLES = ("open", "append", "note", "hold")  # verbs after which there is something to be seen or not
VERBS = {
    "open": "Opens a new ticket",
    "append": "Joins {ticket}, for all to read",
    "note": "Joins {ticket} as an internal note",
    "hold": "Joins {ticket}, held until it is confirmed",
    "quarantine": "Goes to quarantine",
    "duplicate": "Arrived before; the arrival is noted on {ticket}",
    "record": "Is noted on a mail of ours on {ticket}; no article",
    "unmatched": "Fits nothing here; see `mailgate inbox list --unmatched`",
}


@click.command(cls=Command, example="mailgate deliver --from jane@acme.example --to help@desk.example < mail.eml")
@click.option("--from", "from_", metavar="A", help="Envelope sender. Default: Return-Path, then From.")
@click.option("--to", multiple=True, metavar="B", help="Envelope recipient, may be repeated. Default: the desk.")
@click.pass_context
def deliver(ctx: click.Context, *, from_: str | None, to: tuple[str, ...]) -> None:
    """Take one mail from standard input, for a pipe of a mail server.

    Exit as in sysexits.h: 0 stored, 75 try again (settings, database), 67 no such address, 65 refused.
    """
    from sqlalchemy.exc import DatabaseError

    from mailgate.intake import pipe
    from storage.database import StorageError

    try:
        app = ctx.ensure_object(Place).application()
        done = pipe.deliver(app.settings, app.db, app.policy.accepts, sys.stdin.buffer, sender=from_, recipients=to)
    except (MailgateError, StorageError, DatabaseError) as error:  # the mail must not bounce for a fault of ours
        click.echo(f"mailgate: {sentence(error) or error}", err=True)
        sys.exit(TRY_AGAIN)
    if done.text:
        click.echo(f"mailgate: {done.text}", err=True)
    ctx.exit(done.code)
