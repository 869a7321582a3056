"""What people see of one thing: a ticket with its conversation, a mail, an arrival."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mailgate.cli.console import STYLES, People, line, state, styled, table
from routing.decision import Reason
from routing.tokens import Style

if TYPE_CHECKING:
    from parsing.message import Address, ParsedMessage
    from storage.dossier import ArticleRow, Dossier
    from storage.listings import LetterRow

DIRECTIONS = {"in": "←", "out": "→", "note": "✎"}
TEXT_LINES = 60  # of one article: a page is read, a log of 5,000 lines is exported
PRIORITIES = {1: "1 very low", 2: "2 low", 3: "3 normal", 4: "4 high", 5: "5 very high"}


def card(title: Text, facts: Iterable[tuple[str, Any]]) -> Panel:
    """Names and values in a frame; what is empty is left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        if value:
            grid.add_row(name, styled(value) if isinstance(value, str) else value)
    return Panel(grid, title=title, title_align="left", box=box.ROUNDED, padding=(0, 1))


def body(text: str) -> Padding:
    """Words of a mail, a few spaces in, cut where they are very long."""
    lines = text.strip().splitlines()
    shown = styled("\n".join(lines[:TEXT_LINES]))
    if len(lines) > TEXT_LINES:
        shown.append(f"\n… {len(lines) - TEXT_LINES} more lines", style="dim")
    return Padding(shown, (0, 0, 0, 2))


def reasons_table(reasons: Sequence[Reason]) -> Table:
    """What was seen, what followed from it, in order."""
    return table(
        ["", "Seen*", "So*", "Code"],
        [[str(i), r.seen, r.outcome, styled(r.code, "dim")] for i, r in enumerate(reasons, 1)],
    )


def ticket(people: People, dossier: Dossier, style: Style) -> Group:
    """The page of a ticket: header card, conversation, history."""
    row = dossier.row
    title = styled(row.number, "bold").append("  ").append(styled(line(row.subject), "bold"))
    requester = f"{row.requester_name} <{row.requester}>" if row.requester_name else row.requester or "–"
    head = card(
        title,
        [
            (
                "State",
                Text.assemble(state(row.state_type), styled("" if row.state == row.state_type else f"  {row.state}")),
            ),
            ("Type", row.type),
            ("Queue", row.queue),
            ("Priority", PRIORITIES.get(row.priority, str(row.priority))),
            ("Owner", row.owner or styled("nobody", "yellow")),
            ("Requester", f"{requester}{f', {row.partner}' if row.partner else ''}"),
            ("Participants", ", ".join(p for p in dossier.participants if p != row.requester)),
            ("Watchers", ", ".join(dossier.watchers)),
            ("Tags", ", ".join(dossier.tags)),
            ("Links", ", ".join(f"{kind} {number}" for kind, number in dossier.links)),
            *((name, line(value)) for name, value in dossier.fields.items()),
            ("Token", style.write(row.number)),
            ("Opened", people.time(row.created)),
            ("Changed", people.time(row.updated)),
            ("Closed", people.time(dossier.closed) if dossier.closed else ""),
        ],
    )
    parts: list[Any] = [head]
    for article in dossier.articles:
        parts += _article(people, article)
    if dossier.history:
        parts += [Text(), Rule(styled("History", "bold"), align="left", style="dim")]
        changes = [[people.time(h.time), h.actor, h.what, line(h.was), line(h.became)] for h in dossier.history]
        parts.append(table(["When", "Who", "What", "From*", "To*"], changes))
    return Group(*parts)


def _article(people: People, article: ArticleRow) -> list[Any]:
    head = styled(f"{DIRECTIONS.get(article.direction, ' ')} ", "bold cyan")
    head.append(styled(line(article.sender_name or article.sender), "bold"))
    if article.sender_name:
        head.append(styled(f" <{article.sender}>"))
    head.append(f"  {people.time(article.time)}  ")
    for word in (article.visibility, article.trust, None if article.kind == "human" else article.kind):
        if word:
            head.append(styled(f" {word} ", STYLES.get(word, "magenta")))
    if any(reason.code == "dmarc_fail_flagged" for reason in article.reasons):
        head.append(styled(" sender check failed, perhaps forged ", "bold red"))
    head.append(styled(f" {article.id} ", "dim"))
    parts: list[Any] = [Text(), Rule(head, align="left", style="dim")]
    if article.to or article.cc:
        to = f"to {', '.join(article.to)}" + (f"  cc {', '.join(article.cc)}" if article.cc else "")
        parts.append(Padding(styled(to, "dim"), (0, 0, 0, 2)))
    parts.append(body(article.reply or article.text or "(no text)"))
    parts += [
        Padding(
            styled(f"attached: {file.filename or 'unnamed'}, {file.content_type}, {size(file.size)}", "cyan"), (0, 2)
        )
        for file in article.attachments
        if not file.inline
    ]
    parts += [Padding(styled(f"defect: {defect}", "yellow"), (0, 2)) for defect in article.defects]
    parts += [
        Padding(styled(f"arrived again {people.time(again.time)} by {again.door}", "dim"), (0, 2))
        for again in article.received
        if again.duplicate
    ]
    parts += [Padding(_delivery(people, letter), (0, 2)) for letter in article.deliveries]
    return parts


def _delivery(people: People, letter: LetterRow) -> Text:
    text = Text.assemble(
        state(letter.state), styled(f" {letter.event} to {letter.recipient}, {people.time(letter.updated)}")
    )
    why = ", ".join(w for w in (letter.held_for and f"for {letter.held_for}", letter.status, line(letter.error)) if w)
    return text.append(styled(f" ({why})" if why else ""))


def mail(message: ParsedMessage, name: str, time: str) -> Group:
    """The card of a mail: who, what it is and why, its words, what is attached and what is wrong with it."""
    auth = [m for result in message.auth.results for m in result.methods]
    head = card(
        styled(line(name), "bold"),
        [
            ("From", ", ".join(person(a) for a in message.from_)),
            ("Reply-To", ", ".join(person(a) for a in message.reply_to)),
            ("To", ", ".join(person(a) for a in message.to)),
            ("Cc", ", ".join(person(a) for a in message.cc)),
            ("Subject", styled(line(message.subject), "bold")),
            ("Date", time),
            ("Message-ID", line(message.message_id)),
            ("In reply to", line(", ".join(message.in_reply_to))),
            ("Kind", Text.assemble(styled(message.kind, "magenta"), styled(f"  {line(message.kind_reason)}", "dim"))),
            ("Language", message.language or ""),
            ("Forwarded from", person(message.forwarded_from) if message.forwarded_from else ""),
            ("Bounced", ", ".join(message.bounce_recipients)),
            ("Status", ", ".join(message.bounce_status)),
            ("Alert", _words(message.alert, "host", "service", "state")),
            ("Calendar", _words(message.calendar, "method", "answer", "start", "uid")),
            ("Claims", ", ".join(f"{m.method}={m.result}" for m in auth)),
        ],
    )
    parts: list[Any] = [head, body(message.reply or message.text or "(no text)")]
    if len(message.text.strip()) > len(message.reply.strip()) > 0:
        certain = "" if message.reply_certain else ", and where it begins is not certain"
        parts.append(Padding(styled(f"What is quoted below is left out{certain}.", "dim"), (0, 2)))
    if message.attachments:
        parts.append(
            table(
                ["Attached*", "Type", "Size", "SHA-256"],
                [
                    [
                        a.filename or ("(inline)" if a.inline else "(unnamed)"),
                        a.content_type,
                        size(a.size),
                        a.sha256[:16],
                    ]
                    for a in message.attachments
                ],
            )
        )
    parts += [Padding(styled(f"defect: {defect}", "yellow"), (0, 2)) for defect in message.defects]
    return Group(*parts)


def _words(value: object | None, *names: str) -> str:
    return line("  ".join(f"{n} {v}" for n in names if (v := getattr(value, n, None)))) if value else ""


def person(address: Address) -> str:
    """Name and address on one line."""
    return line(f"{address.name} <{address.address}>" if address.name else address.address)


def size(count: int) -> str:
    """Bytes as people say them; MB is 1,000,000."""
    for unit, factor in (("MB", 1_000_000), ("kB", 1_000)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"
