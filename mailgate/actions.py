"""The thin part of a person's commands: load the ticket, let the desk say what changes, write it."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TypeVar

from mailgate.application import Application
from mailgate.desk import commands, merging, watching
from mailgate.errors import CommandError
from routing import tokens
from routing.ticket import Ticket
from storage import counters, dossier, gather, suppression
from storage.batch import prepared
from storage.change import TO_PARTNERS, Change
from storage.changes import write_changes
from storage.conflicts import looking_again
from storage.database import Conflict, now
from storage.gather import tickets

Result = TypeVar("Result")


class Actions:
    """What a person does, by the numbers that people say. Each raises CommandError with a sentence for that person."""

    def __init__(self, app: Application, actor: str | None = None) -> None:
        self.app = app
        self.actor = actor or getpass.getuser()

    def new(self, for_: str, subject: str, queue: str | None, text: str) -> str:
        """A ticket for somebody; its number."""
        with self.app.db.write() as session:
            ticket_id = counters.reserve(session, "ticket", 1)
            article_id = counters.reserve(session, "article", 1)
        time = now()
        change = commands.new(ticket_id, article_id, for_, subject, queue, text, self.actor, time, self.app.policy)
        self._write(change)
        return tokens.number(ticket_id)

    def reply(self, number: str, text: str) -> tuple[str, ...]:
        """Words to the requester; who will not get them, and why."""
        _worded(text)
        return self._unheard(
            self._do(number, lambda t, i, n: commands.reply(t, i, text, self.actor, n, self.app.policy))
        )

    def note(self, number: str, text: str) -> None:
        """Words that stay inside."""
        _worded(text)
        self._do(number, lambda t, i, n: commands.note(t, i, text, self.actor, n, self.app.policy))

    def assign(self, number: str, who: str) -> None:
        """Another owner."""
        self._do(number, lambda t, i, n: commands.assign(t, i, who, self.actor, n, self.app.policy))

    def unassign(self, number: str) -> None:
        """No owner."""
        self._do(number, lambda t, i, n: commands.unassign(t, i, self.actor, n, self.app.policy))

    def close(self, number: str, resolution: str | None) -> tuple[str, ...]:
        """The end of it; who is not told, and why."""
        policy = self.app.policy

        def close(ticket: Ticket, article_id: int, time: float) -> Change:
            since = time - policy.limits.longest
            with self.app.db.read() as session:
                told = gather.threads(session, [ticket.id], since).get(ticket.id, ())
                kept_back = gather.breakers(session, since)
            return commands.close(ticket, article_id, resolution, self.actor, time, policy, told, kept_back)

        return self._unheard(self._do(number, close))

    def reopen(self, number: str) -> None:
        """Open again."""
        self._do(number, lambda t, i, n: commands.reopen(t, i, self.actor, n, self.app.policy))

    def move(self, number: str, queue: str) -> None:
        """Another queue."""
        self._do(number, lambda t, i, n: commands.move(t, i, queue, self.actor, n, self.app.policy))

    def merge(self, number: str, into: str, *, let_in: bool) -> tuple[str, ...]:
        """One ticket into another; those who take no part in it now."""

        def merge() -> merging.Merged:
            with self.app.db.write() as session:
                article_id = counters.reserve(session, "article", 1)
            with self.app.db.read() as session:
                ids = [tokens.read_number(n) or -1 for n in (number, into)]
                found = tickets(session, ids)
            first, second = found.get(ids[0]), found.get(ids[1])
            if first is None or second is None:
                raise CommandError(f"there is no ticket {number if first is None else into}")
            policy = self.app.policy
            come = first.participants if let_in else merging.of_company(first, second, policy)
            merged = merging.merge(first, second, article_id, self.actor, now(), policy, come)
            self._write(*merged.changes)
            return merged

        return _settled(number, merge).left_out

    def split(self, number: str, article_id: int) -> str:
        """A mail of a ticket as a ticket of its own; its number."""

        def split() -> str:
            with self.app.db.read() as session:
                ticket = self._find(number, tickets(session, [tokens.read_number(number) or -1]))
                seen = dossier.read(session, ticket.number)
            assert seen is not None
            article = merging.splittable(ticket, seen.articles, article_id)
            with self.app.db.write() as session:
                ticket_id = counters.reserve(session, "ticket", 1)
                signed_as = counters.reserve(session, "article", 1)
            changes = merging.split(ticket, article, ticket_id, signed_as, self.actor, now(), self.app.policy)
            try:
                self._write(*changes)
            except Conflict:
                with self.app.db.write() as session:
                    counters.give_back(session, "ticket", [ticket_id])
                raise
            return tokens.number(ticket_id)

        return _settled(number, split)

    def watch(self, number: str, who: str) -> None:
        """A member of staff is told of it from now on."""
        self._do(number, lambda t, _, n: watching.watch(t, who, self.actor, n, self.app.policy))

    def invite(self, number: str, who: str) -> None:
        """A person outside who gets the answers."""
        self._do(number, lambda t, _, n: watching.invite(t, who, self.actor, n, self.app.policy))

    def unwatch(self, number: str, who: str) -> None:
        """And is not any more."""
        self._do(number, lambda t, _, n: watching.unwatch(t, who, self.actor, n, self.app.policy))

    def confirm(self, article_id: int) -> bool:
        """A held answer goes out, as if its author had answered `#send`; False where no such question stands."""
        with self.app.db.read() as session:
            asked = gather.question(session, article_id)
            ended = gather.has_ended(session, article_id)
        if asked is None:
            return False
        if ended:
            raise CommandError(
                f"the question about the answer {article_id} was ended, for its author answered it with others in To "
                "or Cc; it stays inside. `mailgate ticket reply` sends the words"
            )
        if asked.used:
            raise CommandError(f"the answer {article_id} was sent already")
        self._do(
            tokens.number(asked.ticket_id), lambda t, _, n: commands.confirm(t, asked, self.actor, n, self.app.policy)
        )
        return True

    def _unheard(self, change: Change) -> tuple[str, ...]:
        """Those outside who get nothing of it, each in a sentence."""
        ticket, told = change.ticket, [a for a in change.announcements if a.event in TO_PARTNERS]
        if ticket is not None and not told:
            why = f"a limit was reached, {change.tripped.name}" if change.tripped else "it has no requester"
            return (f"Nobody outside is told of {ticket.number}: {why}.",)
        with self.app.db.read() as session:
            gone = suppression.find(session, (address for each in told for address in each.recipients))
        return tuple(
            f"{a} gets nothing: a mail there came back ({entry.status}). "
            f"`mailgate outbox suppressed lift {a}` allows it again."
            for a, entry in gone.items()
        )

    def _do(self, number: str, command: Callable[[Ticket, int, float], Change]) -> Change:
        def do() -> Change:
            with self.app.db.write() as session:
                article_id = counters.reserve(session, "article", 1)
            with self.app.db.read() as session:
                ticket = self._find(number, tickets(session, [tokens.read_number(number) or -1]))
            change = command(ticket, article_id, now())
            self._write(change)
            return change

        return _settled(number, do)

    def _find(self, number: str, found: dict[int, Ticket]) -> Ticket:
        ticket = found.get(tokens.read_number(number) or -1)
        while ticket is not None and ticket.merged_into is not None:
            ticket = found.get(ticket.merged_into)
        if ticket is None:
            raise CommandError(f"there is no ticket {number}")
        return ticket

    def _write(self, *changes: Change) -> None:
        composed = [self.app.pen.compose(change) for change in changes]
        batch = prepared(composed, now())
        with self.app.db.write() as session:
            write_changes(session, batch)


def _settled(number: str, work: Callable[[], Result]) -> Result:
    try:
        return looking_again(work)
    except Conflict:
        raise CommandError(f"{number} is being changed all the time; try again") from None


def _worded(text: str) -> None:
    if not text.strip():
        raise CommandError("there are no words; give --text, or write them on standard input")
