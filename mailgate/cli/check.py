"""`mailgate check`: settings, rules and templates, then the real connections; what is not well, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

import click

from mailgate.checks.finding import Finding, failed
from mailgate.cli.command import Command, Place, json_option, pass_place
from mailgate.cli.console import People, emit, line, styled
from mailgate.errors import CommandError

SIGNS = {"ok": ("✓", "green"), "failed": ("✗", "bold red"), "advice": ("!", "yellow")}


@click.command(cls=Command, example="mailgate check")
@click.option(
    "--probe", is_flag=True, help="Also send the desk a mail, and wait until it comes in. It opens no ticket."
)
@click.option(
    "--wait", default=60, show_default=True, metavar="SECONDS", type=click.IntRange(1), help="How long --probe waits."
)
@click.option("--alarm", is_flag=True, help="Also ring the alarm, as a test.")
@json_option
@click.pass_context
@pass_place
def check(place: Place, ctx: click.Context, *, probe: bool, wait: int, alarm: bool, as_json: bool) -> None:
    """Try everything that a desk needs: settings, rules, templates, database, doors, mailboxes and relay.

    Nothing is changed and, without --probe or --alarm, nothing is sent. Exit 1 where something failed; an advice (!) is
    none.
    """
    from mailgate.checks import run as checks

    people = People()
    findings = []
    for finding in _findings(place, wait if probe else None, alarm=alarm):
        findings.append(finding)
        if not as_json:
            show(people, finding)
    good = checks.well(findings)
    if as_json:
        emit(
            {
                "checks": [
                    {
                        "check": f.what,
                        "state": f.state,
                        "found": f.said,
                        "todo": f.todo or None,
                        "where": f.where or None,
                    }
                    for f in findings
                ],
                "ok": good,
            }
        )
    else:
        bad = sum(f.state == "failed" for f in findings)
        people.say("All is well." if good else f"{bad} failed.", "bold green" if good else "bold red")
    if not good:
        ctx.exit(1)


def _findings(place: Place, wait: int | None, *, alarm: bool) -> Iterator[Finding]:
    from mailgate.checks import run as checks
    from mailgate.checks import standing
    from mailgate.checks.probe import probe

    file = place.file
    bad = False
    for finding in checks.run(file):
        bad = bad or finding.state == "failed"
        yield finding
    if alarm and not bad:
        yield from checks.placed(standing.alarm(place.settings()), file)
    if wait is not None and not bad:
        try:
            app = place.application()
        except CommandError as error:  # before the first `serve`
            yield failed("probe", str(error), "start `mailgate serve`, then `mailgate check --probe` again")
            return
        yield from checks.placed(probe(app, wait), file)


def show(people: People, finding: Finding) -> None:
    """One line, and what to do below it."""
    sign, style = SIGNS[finding.state]
    people.line(styled(f"{sign} ", style) + styled(f"{finding.what}  ", "bold") + styled(line(finding.said)))
    if finding.todo or finding.where:
        todo = styled(f"    → {line(finding.todo)}  " if finding.todo else "      ", style)
        people.line(todo + styled(finding.where, "dim"))
