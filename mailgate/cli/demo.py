"""`mailgate demo`: a desk in a temporary folder, fed by real SMTP, for somebody to watch."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from mailgate.cli.command import Command, json_option
from mailgate.cli.console import emit
from mailgate.errors import CommandError

if TYPE_CHECKING:
    from rich.console import Console

    from mailgate.cli.stage import Stage
    from mailgate.demo.desk import Desk
    from mailgate.demo.play import Ending, Scene

PIPE_WIDTH = 100  # columns where nobody's terminal says how many
WIDEST = 110  # columns: longer lines are hard to read
LOOK_SECONDS = 0.2
PACE = 1.0  # of a play that is watched; a pause is so many times longer


@click.command(cls=Command, example="mailgate demo")
@click.option("--once", is_flag=True, help="End by itself; so it does without a terminal, or with CI=true.")
@json_option
def demo(*, once: bool, as_json: bool) -> None:
    """A desk at work: a real daemon in a temporary folder, six mails by SMTP, what is decided about them and why.

    In a terminal it then stays up for mails of yours. Exit 1 unless all went as it should.
    """
    watched = sys.stdout.isatty() and not once and not as_json and os.environ.get("CI") != "true"
    began = time.monotonic()
    from mailgate.cli.stage import Stage
    from mailgate.demo.desk import Desk
    from mailgate.demo.play import ending, play

    for asked in (signal.SIGTERM, signal.SIGHUP):  # so that the daemon ends with us
        signal.signal(asked, lambda *_: sys.exit(1))
    out = _console()
    stage = Stage(out, (lambda seconds: time.sleep(seconds * PACE)) if watched else lambda _: None)
    with Desk() as desk:
        if not as_json:
            stage.opening(desk.port, str(desk.file))
        scenes = []
        for number, scene in enumerate(play(desk), 1):
            scenes.append(scene)
            if not as_json:
                stage.scene(number, scene)
        end = ending(desk)
        problems = [*(f"{s.act.name}: {p}" for s in scenes for p in s.problems), *end.problems]
        if as_json:
            emit(document(scenes, end, ok=not problems))
        else:
            stage.ending(end)
            if not problems:
                seconds = "" if watched else f" in {time.monotonic() - began:.1f} s"
                out.print(f"All {len(scenes)} mails went as they should{seconds}.", style="bold green")
        if problems:
            raise CommandError("\n".join(problems))
        if watched:
            _stay(desk, stage)


def document(scenes: list[Scene], end: Ending, *, ok: bool) -> dict[str, Any]:
    """The object of `--json`."""
    from mailgate.cli.documents import reasons, ticket_row

    return {
        "mails": [
            {"name": s.act.name, "outcome": s.outcome, "ticket": s.ticket, "reasons": reasons(s.reasons)}
            for s in scenes
        ],
        "tickets": [ticket_row(row) for row in end.tickets],
        "answers": [
            {
                "event": sent.event,
                "to": sent.recipient,
                "subject": sent.header("Subject"),
                "ticket": sent.header("X-Mailgate-Ticket") or None,
                "message_id": sent.message_id.strip("<>"),
            }
            for sent in end.sent
        ],
        "ok": ok,
    }


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    console.width = min(console.width, WIDEST) if console.is_terminal else PIPE_WIDTH
    return console


def _stay(desk: Desk, stage: Stage) -> None:
    """Until Ctrl-C: mails of the visitor's are shown as they come."""
    seen = {row.id for row in desk.arrivals()}
    stage.console.print(
        f"""
It stays up for mails of yours, until Ctrl-C. From another terminal:

  printf 'From: you@acme.example\\nSubject: Hello\\n\\nIt works.\\n' | {sys.argv[0]} deliver --config {desk.file}
  swaks --server 127.0.0.1:{desk.port} --from you@acme.example --to help@desk.example
  {sys.argv[0]} ticket list --config {desk.file}""",
        soft_wrap=True,
    )
    try:
        while True:
            time.sleep(LOOK_SECONDS)
            for row in reversed(desk.arrivals()):
                if row.id not in seen and row.state != "new":
                    seen.add(row.id)
                    stage.arrived(row.sender or row.mail_from, row.subject or "", row.reasons, row.ticket)
    except KeyboardInterrupt:
        stage.console.print("\nThe desk closes.", style="dim")
