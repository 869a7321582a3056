"""How the demo looks: each mail as it arrives, what was decided and why, what went out, and what stands at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mailgate.cli.console import line, state, styled
from mailgate.demo.play import Ending, Scene
from mailgate.demo.relay import Sent
from routing.decision import Reason
from storage.listings import TicketRow

WORDS = {
    "acknowledgement": "acknowledgement",
    "notice": "notice to staff",
    "answer": "answer",
    "confirm": "question whether that was really written",
}
PLAIN = {  # said plainly where the reason names an id; the ids stand in `mailgate ticket show`
    "thread_signed_id": "it answers a mail of ours",
    "answer": "its new words",
}
MOST_LINES = 4  # of a mail: enough to recognise it
INDENT = (0, 0, 0, 4)

Pause = Callable[[float], None]  # seconds; nothing where nobody watches


class Stage:
    """Shows scenes on a console, at the pace of `pause`."""

    def __init__(self, console: Console, pause: Pause) -> None:
        self.console = console
        self.pause = pause

    def opening(self, port: int, file: str) -> None:
        """Where the desk is."""
        self.console.print(Rule(styled("A desk at work", "bold"), style="dim"))
        self.console.print(
            styled(f"A real daemon listens for SMTP at 127.0.0.1:{port}; its settings are {file}.", "dim")
        )
        self.pause(1.0)

    def scene(self, number: int, scene: Scene) -> None:
        """One mail and what became of it."""
        self.console.print()
        self.console.print(_mail(number, scene))
        self.pause(0.8)
        where = f"{scene.ticket}  " if scene.ticket else ""
        self.console.print(Padding(styled(where, "bold cyan") + styled(scene.act.becomes, "bold"), (0, 0, 0, 2)))
        self.console.print(Padding(_why(scene.reasons), INDENT))
        for sent in scene.sent:
            self.pause(0.3)
            self.console.print(Padding(_sent(sent), INDENT))
        for problem in scene.problems:
            self.console.print(Padding(styled(f"✗ {problem}", "bold red"), INDENT))
        self.pause(0.8)

    def ending(self, ending: Ending) -> None:
        """The tickets that stand, and the words that went to the partner."""
        self.console.print()
        self.console.print(Rule(styled("What stands afterwards", "bold"), style="dim"))
        self.console.print(_tickets(ending.tickets))
        for sent in ending.sent:
            if sent.event in ("acknowledgement", "answer"):
                self.console.print(_letter(sent))
                self.pause(0.8)
        for problem in ending.problems:
            self.console.print(styled(f"✗ {problem}", "bold red"))

    def arrived(self, author: str, subject: str, reasons: Sequence[Reason], ticket: str | None) -> None:
        """A visitor's own mail."""
        self.console.print()
        self.console.print(styled(f"← {line(author)}: {line(subject)}", "bold"))
        self.console.print(Padding(styled(ticket or "no ticket", "bold cyan"), (0, 0, 0, 2)))
        self.console.print(Padding(_why(reasons), INDENT))


def _mail(number: int, scene: Scene) -> Panel:
    mail = scene.mail
    new = [text for text in str(mail.get_content()).splitlines() if text and not text.startswith((">", "On "))]
    head = Table.grid(padding=(0, 1))
    head.add_column(style="dim")
    head.add_column()
    head.add_row("From", styled(str(mail["From"])))
    head.add_row("Subject", styled(str(mail["Subject"]), "bold"))
    title = styled(f"{number} ", "bold") + styled(scene.act.title, "bold")
    body = Group(head, Padding(styled("\n".join(new[:MOST_LINES])), (1, 0, 0, 0)))
    return Panel(body, title=title, title_align="left", box=box.ROUNDED, border_style="blue", padding=(0, 1))


def _why(reasons: Sequence[Reason]) -> Table:
    """What was seen, and what followed from it."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", ratio=1)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(ratio=1)
    for reason in reasons:
        grid.add_row(styled(PLAIN.get(reason.code) or line(reason.seen)), styled("→"), styled(line(reason.outcome)))
    return grid


def _tickets(tickets: Sequence[TicketRow]) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for name in ("Ticket", "Type", "State", "Queue", "Owner"):
        grid.add_column(name, no_wrap=True)
    grid.add_column("Subject", no_wrap=True, overflow="ellipsis", ratio=1)
    for t in tickets:
        owner = styled(t.owner or "nobody", "" if t.owner else "yellow")
        grid.add_row(styled(t.number, "bold cyan"), t.type, state(t.state), t.queue, owner, styled(line(t.subject)))
    return grid


def _sent(sent: Sent) -> Text:
    what = WORDS.get(sent.event, sent.event)
    return styled("✉ ", "green") + styled(what, "green") + styled(f" to {sent.recipient}", "dim")


def _letter(sent: Sent) -> Panel:
    """A mail of the desk's, without what it quotes."""
    words = [text for text in sent.text.splitlines() if not text.startswith(">")]
    title = styled(f"✉ {WORDS[sent.event]} to {sent.recipient}", "bold")
    head = styled(f"{sent.header('From')}\n", "dim") + styled(sent.header("Subject"), "bold")
    text = styled("\n".join(words).strip())
    return Panel(
        Group(head, Padding(text, (1, 0, 0, 0))),
        title=title,
        title_align="left",
        box=box.ROUNDED,
        border_style="green",
        padding=(0, 1),
    )
