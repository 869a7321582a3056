"""The way of a mail, from the journal to its ticket: claim, read, verify, ask, decide, enact, compose, write."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count

from mailgate.application import Application, refreshed
from mailgate.desk.archive import DOOR, archive
from mailgate.desk.effects import effect
from mailgate.desk.overtaken import caught_up
from mailgate.desk.tickets import enact
from mailgate.logs import Outage
from mailgate.telling import tell
from mailgate.verify.check import Checker
from mailgate.verify.dmarc import organisation
from parsing.read import parse
from parsing.sameness import content_key, mail_key
from routing import trust
from routing.behind import attributed
from routing.decide import decide, questions
from routing.decision import Decision
from routing.facts import Facts
from routing.mail import Claim, Envelope, Mail
from routing.policy import Door, Policy
from storage import counters, tally, working
from storage.batch import prepared
from storage.change import Change
from storage.changes import write_changes
from storage.conflicts import looking_again
from storage.database import Conflict, DatabaseUnavailable, now
from storage.gather import gather
from storage.watch import Watch
from storage.working import Claimed

log = logging.getLogger("mailgate.work")

POLL_SECONDS = 0.03  # a wake-up is a hint, this is the truth
OUTAGE_SECONDS = 1.0  # between looks at a database that is away
MOST_CONFLICTS = 20  # in a row for one batch; more is a bug that only looks like one
TELL_SECONDS = 1.0  # between looks for mails of ours that failed
RETRY_SECONDS = 2.0  # before a mail that failed by its own fault is tried again; doubles


class Worker:
    """Works the journal until `stopping` is set; what is in hand is finished first."""

    def __init__(self, app: Application, owner: str, stopping: threading.Event) -> None:
        self.app, self.db, self.policy, self.pen = app, app.db, app.policy, app.pen
        self.owner = owner
        self.stopping = stopping
        self._in_hand: dict[int, Claim] = {}  # by journal id; what is left when the database goes away is released
        self._claimed: list[Claim] = []  # the next batch, taken with the commit of the one before
        self._ahead = False  # whether it is
        self._lease_until = 0.0
        self._tell_at = 0.0  # clock of `time.monotonic`
        self._watch = Watch(app.db)
        self._busy = 0.0  # seconds at work that are not counted yet
        self._outage = Outage(log, "the database")

    def run(self) -> None:
        """Work until told to stop."""
        while not self.stopping.is_set():
            try:
                self._give_back()
                self._tell()
                if not self._worked():
                    self.stopping.wait(POLL_SECONDS)
            except DatabaseUnavailable as error:
                self._outage.lasts(error)
                self.stopping.wait(OUTAGE_SECONDS)
        self._watch.close()
        self._in_hand, self._claimed = {claim.journal_id: claim for claim in self._claimed}, []
        with suppress(DatabaseUnavailable):  # then the leases run out
            self._give_back()

    def _worked(self) -> bool:
        """Whether there was something to do."""
        if not (self._claimed or self._watch.news()):
            return False
        worked = self.step() > 0
        self._outage.over()
        return worked

    def step(self) -> int:
        """Settle one batch; how many mails it had. The next one is claimed in its last commit, while mails wait."""
        claims, self._claimed = self._claimed or self._claim(), []
        self._ahead = True
        self.settle(claims)
        self._ahead = False
        return len(claims)

    def _claim(self) -> list[Claim]:
        with self.db.read() as session:
            if not working.is_due(session, now()):
                return []
        with self.db.write() as session:
            return working.claim(session, self.owner, now())

    def settle(self, claims: Sequence[Claim]) -> None:
        """Work what was just claimed, to its end."""
        self._in_hand = {claim.journal_id: claim for claim in claims}
        self._lease_until = now() + working.LEASE_SECONDS
        began = time.monotonic()
        self._settle(claims)
        self._busy += time.monotonic() - began
        self._in_hand = {}

    def _settle(self, claims: Sequence[Claim]) -> None:
        """Commit the batch; for a mail's own fault halve it until that one stands alone, and set that one aside."""
        try:
            self._persist(claims)
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 - the law of the way: no mail may stop the ones behind it
            if len(claims) == 1:
                self._set_aside(claims[0], traceback.format_exc())
                return
            middle = len(claims) // 2
            self._settle(claims[:middle])
            self._settle(claims[middle:])

    def _persist(self, claims: Sequence[Claim]) -> None:
        """Commit, and look again as often as somebody else was faster."""
        looks = count()

        def persist() -> None:
            held = self._still_held(claims) if next(looks) else claims
            if not held:
                return
            self._keep()
            try:
                self._commit(self._read(held))
            except Conflict as conflict:
                log.info("looking again: %s", conflict)
                raise
            for claim in held:
                del self._in_hand[claim.journal_id]

        looking_again(persist, MOST_CONFLICTS)

    def _keep(self) -> None:
        """Move the leases on where the work takes long: a second worker must not take over what is alive."""
        if now() > self._lease_until - working.LEASE_SECONDS / 2:
            with self.db.write() as session:
                working.renew(session, list(self._in_hand.values()), now())
            self._lease_until = now() + working.LEASE_SECONDS

    def _read(self, claims: Sequence[Claim]) -> list[Mail]:
        with self.db.read() as session:
            claimed = working.load(session, claims)
        return [read(c, self.policy) for c in claimed]

    def _commit(self, mails: Sequence[Mail]) -> None:
        with self.db.read() as session:
            facts = gather(session, questions(mails, self.policy))
        changes = []
        events: Counter[tuple[str, str]] = Counter()
        free = deque(sorted(mail.claim.ticket_id for mail in mails))  # only a mail that opens a ticket takes one
        for mail in mails:
            mail = replace(mail, claim=replace(mail.claim, ticket_id=free[0]))
            decision = decide(mail, facts, self.policy)
            if decision.verb == "open":
                free.popleft()
            done = archive if mail.envelope.door == DOOR else enact
            change = self.pen.compose(done(mail, decision, facts, self.policy))
            facts = facts.after(effect(change))
            changes.append(change)
            for more in map(self.pen.compose, caught_up(mail, decision, facts, self.policy)):
                facts = facts.after(effect(more))
                changes.append(more)
            events["worked", decision.verb] += 1
            events["delivered", "bounced"] += sum(mark.state == "failed" for mark in change.marks)
        moment = now()
        took = tally.handled(moment - m.envelope.journaled_at for m in mails if m.envelope.door != DOOR)
        batch = prepared(changes, moment)
        claimed = []
        with self.db.write() as session:
            write_changes(session, batch)
            counters.give_back(session, "ticket", free)
            tally.count(session, {**events, **took, ("busy_seconds", "work"): self._busy})
            if self._ahead and len(mails) == len(self._in_hand) and not self.stopping.is_set():
                claimed = working.claim(session, self.owner, moment)
        self._claimed = claimed
        self._busy = 0.0
        for mail, change in zip(mails, (c for c in changes if c.outcome is not None), strict=True):
            _report(mail, change)

    def _still_held(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        with self.db.read() as session:
            held = working.still_held(session, claims)
        return [claim for claim in claims if claim.journal_id in held]

    def _set_aside(self, claim: Claim, error: str) -> None:
        log.error("mail %d failed, try %d of %d:\n%s", claim.journal_id, claim.attempt, working.MOST_DEATHS, error)
        with self.db.write() as session:
            if claim.attempt >= working.MOST_DEATHS:
                working.park(session, [claim.journal_id], error, now())
            else:
                working.fail(session, claim, error, now(), RETRY_SECONDS * 2 ** (claim.attempt - 1))
        self._in_hand.pop(claim.journal_id, None)

    def _tell(self) -> None:
        """Owners learn of mails that were refused for good; we of the key that signs and of a relay that renames."""
        if time.monotonic() < self._tell_at:
            return
        self._tell_at = time.monotonic() + TELL_SECONDS
        try:
            self.app = refreshed(self.app, now())
            self.policy, self.pen = self.app.policy, self.app.pen
            tell(self.app)
        except DatabaseUnavailable:
            raise
        except Conflict as conflict:
            log.info("looking again: %s", conflict)
        except Exception:  # the law of the way: what cannot be told must not stop the mails that come
            log.exception("failures could not be told")

    def _give_back(self) -> None:
        """What was in hand when the database went away: no mail's fault, so its tries do not count."""
        if self._in_hand:
            with self.db.write() as session:
                working.release(session, list(self._in_hand.values()), now())
            self._in_hand = {}


def read(claimed: Claimed, policy: Policy) -> Mail:
    """A claimed row as a mail: parsed, and what its door's provider says or `verify` found about the author."""
    message = parse(claimed.raw)
    door = policy.doors.get(claimed.envelope.door, Door())
    evidence = trust.weigh(message, claimed.envelope, door, organisation, claimed.evidence)
    mail = Mail(
        claimed.claim,
        claimed.envelope,
        message,
        evidence,
        mail_key(message, claimed.raw) or content_key(claimed.raw),
        len(claimed.raw),
        claimed.released,
    )
    return attributed(mail, policy)


def _report(mail: Mail, change: Change) -> None:
    """One readable line a mail."""
    outcome = change.outcome
    assert outcome is not None
    log.info(
        "mail %d from %s by %s: %s%s; %s",
        mail.claim.journal_id,
        outcome.sender or "nobody",
        mail.envelope.door,
        outcome.kind,
        f" on {change.ticket.number}" if change.ticket else "",
        outcome.reasons[-1].outcome if outcome.reasons else "",
    )


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen to a mail here and now; nothing was touched."""

    mail: Mail
    decision: Decision
    number: str | None  # of the ticket it would go to; None for one that would be opened


def explain(app: Application, raw: bytes, door: str, mail_from: str, rcpt_to: tuple[str, ...]) -> Explanation:
    """Decide about a mail as if it came by that door from a trusted peer at this moment; writes nothing."""
    moment = now()
    envelope = Envelope(door, "", mail_from, rcpt_to, moment, moment)
    found = Checker(app.settings, app.policy.doors).once(envelope, raw) if app.settings.verifies_at(door) else None
    mail = read(Claimed(Claim(0, 1, 0, 0), envelope, raw, evidence=found), app.policy)
    with app.db.read() as session:
        facts: Facts = gather(session, questions([mail], app.policy))
    decision = decide(mail, facts, app.policy)
    there = facts.ticket(decision.ticket_id) if decision.ticket_id is not None and decision.verb != "open" else None
    return Explanation(mail, decision, there.number if there else None)
