"""Machines that write to the desk and are written to, for ten minutes by their own clock: mails as they really are
composed and read, and a bounded number of them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from unit.routing.world import MONDAY, NO_EVIDENCE, PASS, World, desk

from mailgate.desk import commands
from mailgate.outgoing.compose import Pen
from parsing.read import parse
from routing.breakers import STAFF_MAILS
from routing.mail import Evidence
from storage.change import Change

ANNA, SAM, TESS, LIST = "anna@acme.example", "sam@desk.example", "tess@desk.example", "users@lists.example"
TEN_MINUTES = 600
AWAY = [
    "I am on leave until Monday.",
    "Thank you for your message. I am out of the office until 3 December and will answer on my return.",
    "Bin im Urlaub bis 3.12.",
    "Vielen Dank für Ihre Nachricht. Ich bin ab dem 3.12. wieder für Sie erreichbar.",
    "Je suis absente jusqu'au 3 décembre.",
    "Estoy de vacaciones hasta el 3 de diciembre.",
    "Sono in ferie fino al 3 dicembre.",
    "Ik ben met vakantie tot 3 december.",
    "Jestem na urlopie do 3 grudnia.",
    "Estou de férias até 3 de dezembro.",
]
RECENT = 5  # acknowledgements to one address in ten minutes, by default


class Gateway(World):
    """A desk whose letters are really composed."""

    def compose(self, change: Change) -> Change:
        return Pen(self.policy, None).compose(change)


@dataclass(frozen=True, slots=True)
class Post:
    """A mail on its way."""

    raw: bytes
    sender: str  # of the envelope
    recipient: str


Answerer = Callable[[Post, int], Iterable[Post]]


@dataclass(slots=True)
class Net:
    """Mails take a second. `machines` answer what comes to their addresses; all else is read by nobody."""

    machines: dict[str, Answerer]
    under_way: list[tuple[int, int, Post]] = field(default_factory=list)
    carried: list[Post] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def send(self, post: Post, at: int = 0) -> None:
        heapq.heappush(self.under_way, (at, next(self._numbers), post))

    def run(self, seconds: int = TEN_MINUTES) -> int:
        """How many mails were carried."""
        while self.under_way and self.under_way[0][0] <= seconds:
            time, _, post = heapq.heappop(self.under_way)
            self.carried.append(post)
            assert len(self.carried) < 500, "no end of it"
            if (machine := self.machines.get(post.recipient)) is not None:
                for answer in machine(post, time):
                    self.send(answer, time + 1)
        return len(self.carried)


def gateway(world: World, evidence: Evidence = NO_EVIDENCE) -> Answerer:
    def take(post: Post, time: int) -> Iterable[Post]:
        before = len(world.sent)
        world.arrive(parse(post.raw), at=float(time), rcpt=[post.recipient], mail_from=post.sender, evidence=evidence)
        for sent in world.sent[before:]:
            if not sent.held:
                letter = sent.letter
                yield Post(letter.headers + letter.body, letter.envelope_from, letter.recipient)

    return take


def responder(address: str, *, keeps_thread: bool, words: str = "I have left for the coast.") -> Answerer:
    """It answers every mail at once, marks nothing as automatic, and writes each time a Message-ID of its own."""
    numbers = count()

    def answer(post: Post, time: int) -> Iterable[Post]:
        read = parse(post.raw)
        thread = f"In-Reply-To: <{read.message_id}>\r\nReferences: <{read.message_id}>\r\n" if keeps_thread else ""
        to = read.reply_to[0].address if read.reply_to else read.from_[0].address
        raw = (
            f"From: {address}\r\nTo: {to}\r\nSubject: Re: {read.subject}\r\n"
            f"Message-ID: <{next(numbers)}@{address.rpartition('@')[2]}>\r\n{thread}"
            f"Date: Mon, 2 Mar 2026 10:00:00 +0000\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{words}\r\n"
        )
        yield Post(raw.encode(), address, to)

    return answer


def mail(sender: str, to: str = "help@desk.example", subject: str = "Printer", text: str = "It is on fire.") -> Post:
    raw = (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <first@{sender.rpartition('@')[2]}>\r\n"
        f"Date: Mon, 2 Mar 2026 09:00:00 +0000\r\n\r\n{text}\r\n"
    )
    return Post(raw.encode(), sender, to)


@pytest.mark.parametrize("evidence", [NO_EVIDENCE, PASS])
def test_two_mailgates_do_not_answer_each_other(evidence: Evidence) -> None:
    here, there = Gateway(desk()), Gateway(desk("help@other.example"))
    net = Net({"help@desk.example": gateway(here, evidence), "help@other.example": gateway(there, evidence)})
    net.send(mail("help@other.example"))
    net.send(mail("help@desk.example", "help@other.example", "Router"))
    net.run()
    between = [p for p in net.carried if p.sender.startswith("help@") and p.recipient.startswith("help@")]
    assert 2 <= len(between) <= 4, "the two mails, and at most an acknowledgement of each"
    assert len(net.carried) <= len(between) + 4, "and the notices to the agents of both"
    assert len(here.tickets) == len(there.tickets) == 1


@pytest.mark.parametrize("keeps_thread", [True, False])
def test_a_responder_that_strips_every_mark_is_acknowledged_a_few_times(keeps_thread: bool) -> None:
    world = Gateway()
    net = Net({"help@desk.example": gateway(world), ANNA: responder(ANNA, keeps_thread=keeps_thread)})
    net.send(mail(ANNA))
    net.run()
    acknowledged = world.letters("acknowledgement", ANNA)
    assert len(acknowledged) == (1 if keeps_thread else RECENT)
    assert len(world.tickets) <= RECENT + 1
    assert len(net.carried) <= 4 * (RECENT + 1) + 2, "and one alarm to each of the two"


@pytest.mark.parametrize("evidence", [NO_EVIDENCE, PASS])
@pytest.mark.parametrize("keeps_thread", [True, False])
@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize(
    "words", [AWAY[0], f"> #send\n\n{AWAY[0]}", f"{AWAY[0]}\n\n#send", f"#send\n{AWAY[0]}", "#sent from afar"]
)
def test_an_agents_responder_confirms_nothing_and_ends(
    evidence: Evidence, keeps_thread: bool, token: bool, words: str
) -> None:
    world = Gateway(desk(subject_token=token))
    answering = responder(SAM, keeps_thread=keeps_thread, words=words)
    net = Net({"help@desk.example": gateway(world, evidence), SAM: answering})
    net.send(mail(ANNA))
    net.send(mail("dora@other.example", text="Mine too."), 30)
    net.run()
    assert len(net.carried) <= 60
    assert not any(c.used for c in world.confirmations.values())
    assert not [s for s in world.letters("answer") if not s.held], "nobody's words to a partner"
    assert {t.owner for t in world.tickets.values()} == {None} and {t.state for t in world.tickets.values()} == {"new"}


@pytest.mark.parametrize("keeps_thread", [True, False])
@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("words", AWAY)
def test_no_partner_hears_from_the_responders_of_two_verified_agents(
    keeps_thread: bool, token: bool, words: str
) -> None:
    """Nothing marks them, and the envelope sender is the agent's own."""
    world = Gateway(desk(subject_token=token))
    machines = {who: responder(who, keeps_thread=keeps_thread, words=words) for who in (SAM, TESS)}
    net = Net({"help@desk.example": gateway(world, PASS), **machines})
    net.send(mail(ANNA))
    net.send(mail("dora@other.example", text="Mine too."), 30)
    net.run()
    assert len(net.carried) <= 100
    outside = [s.letter for s in world.sent if s.letter.recipient not in (SAM, TESS) and s.letter.held_for is None]
    assert {x.event for x in outside} == {"acknowledgement"}
    assert {t.owner for t in world.tickets.values()} == {None} and {t.state for t in world.tickets.values()} == {"new"}


@pytest.mark.parametrize("evidence", [NO_EVIDENCE, PASS])
@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("closed_reply", ["reopen", "link", "refuse"])
@pytest.mark.parametrize("keeps_thread", [True, False])
def test_a_responder_is_told_of_a_closed_ticket_a_few_times(
    evidence: Evidence, token: bool, closed_reply: str, keeps_thread: bool
) -> None:
    policy = desk(subject_token=token)
    queues = {n: replace(q, closed_reply=closed_reply) for n, q in policy.queues.items()}  # type: ignore[arg-type]
    world = Gateway(replace(policy, queues=queues))
    net = Net({"help@desk.example": gateway(world, evidence)})
    net.send(mail(ANNA))
    net.run()
    before = len(world.sent)
    world.command(commands.close(world.tickets[1], 900, "Water", SAM, MONDAY + 10, world.policy))
    net.machines[ANNA] = responder(ANNA, keeps_thread=keeps_thread)
    closing = next(s.letter for s in world.sent[before:] if s.letter.event == "state")
    net.send(Post(closing.headers + closing.body, closing.envelope_from, closing.recipient), 11)
    net.run()
    assert 6 <= len(net.carried) <= 30
    assert len([s for s in world.sent if s.letter.recipient == ANNA]) <= 1 + RECENT + 1


def mailing_list(subscribers: list[str], *, munges: bool) -> Answerer:
    """Mailman's way: a tag in the subject, List-* and Precedence, the Message-ID kept; From munged or not."""

    def distribute(post: Post, time: int) -> Iterable[Post]:
        head, _, body = post.raw.partition(b"\r\n\r\n")
        lines = [
            f"Subject: [users] {line[9:].decode()}".encode()
            if line.startswith(b"Subject: ")
            else f"From: Someone via users <{LIST}>".encode()
            if munges and line.startswith(b"From: ")
            else line
            for line in head.split(b"\r\n")
            if not line.lower().startswith(b"auto-submitted")
        ]
        lines += [b"List-Id: <users.lists.example>", b"List-Post: <mailto:users@lists.example>", b"Precedence: list"]
        raw = b"\r\n".join(lines) + b"\r\n\r\n" + body + b"\r\n--\r\nfooter\r\n"
        for subscriber in subscribers:
            yield Post(raw, "users-bounces@lists.example", subscriber)

    return distribute


@pytest.mark.parametrize("munges", [True, False])
def test_a_mailing_list_that_the_desk_is_subscribed_to_gets_no_answers_from_it(munges: bool) -> None:
    world = Gateway()
    machines = {"help@desk.example": gateway(world), LIST: mailing_list(["help@desk.example", ANNA], munges=munges)}
    net = Net(machines)
    net.send(mail(ANNA, LIST))
    net.run()
    assert not world.letters("acknowledgement")
    assert len(net.carried) <= 1 + 2 + 2
    notice = world.letters("notice", SAM)[0].letter.message_id
    raw = (
        f"From: {SAM}\r\nTo: help@desk.example\r\nSubject: Re: Printer\r\nMessage-ID: <s@desk.example>\r\n"
        f"In-Reply-To: <{notice}>\r\n\r\nDone\r\n"
    )
    net.machines["help@desk.example"] = gateway(world, PASS)
    net.send(Post(raw.encode(), SAM, "help@desk.example"))
    net.run()
    answers = world.letters("answer")
    assert [s.letter.recipient for s in answers if not s.held] == ([LIST] if munges else [ANNA, LIST])
    assert len(net.carried) <= 12
    assert len(world.tickets) == 1


def test_agents_who_are_both_away_do_not_write_to_each_other_through_the_desk() -> None:
    world = Gateway()

    def unmarked(address: str) -> Answerer:
        """Nothing but the null sender says that it is automatic."""
        answering = responder(address, keeps_thread=True)
        return lambda post, time: [Post(p.raw, "", p.recipient) for p in answering(post, time)]

    machines = {"help@desk.example": gateway(world, PASS), SAM: unmarked(SAM), TESS: unmarked(TESS)}
    net = Net(machines)
    net.send(mail(ANNA))
    assert net.run() == 1 + 3 + 2
    assert not world.letters("answer"), "their being away is told to no partner"


def test_a_mail_of_ours_that_a_member_forwards_back_is_only_recorded() -> None:
    world = Gateway()
    net = Net({"help@desk.example": gateway(world), SAM: lambda post, _: [Post(post.raw, SAM, "help@desk.example")]})
    net.send(mail(ANNA))
    assert net.run() == 1 + 3 + 1
    assert [kind for _, kind in world.outcomes] == ["article", "record"]


def test_a_mail_of_ours_whose_id_a_relay_replaced_is_only_recorded() -> None:
    world = Gateway()

    def back(post: Post, time: int) -> Iterable[Post]:
        own = parse(post.raw).message_id or ""
        yield Post(post.raw.replace(own.encode(), b"%d@relay.example" % time), SAM, "help@desk.example")

    net = Net({"help@desk.example": gateway(world), SAM: back})
    net.send(mail(ANNA))
    net.run()
    assert [kind for _, kind in world.outcomes] == ["article", "record"]


@pytest.mark.parametrize("evidence", [NO_EVIDENCE, PASS])
@pytest.mark.parametrize("keeps_thread", [True, False])
@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("words", ["I have left.", "#note I have left.", "#send\nI have left.", "#unassign"])
def test_the_responders_of_two_agents_do_not_write_to_each_other_without_end(
    evidence: Evidence, keeps_thread: bool, token: bool, watched: bool, words: str
) -> None:
    world = Gateway(desk(subject_token=token))
    machines = {"help@desk.example": gateway(world, evidence)}
    net = Net(machines)
    net.send(mail(ANNA))
    net.run(1)
    if watched:
        world.tickets[1] = replace(world.tickets[1], watchers=(SAM, TESS))
    for agent in (SAM, TESS):
        net.machines[agent] = responder(agent, keeps_thread=keeps_thread, words=words)
    net.send(mail("dora@other.example", text="Mine too."), 30)
    net.send(mail(ANNA, subject="Screen", text="Dark."), 60)
    net.run()
    assert len(net.carried) <= 250
    assert len([s for s in world.letters("answer") if s.letter.recipient == ANNA]) <= 2 * 2 * STAFF_MAILS
    assert len([s for s in world.letters("alarm") if s.letter.recipient == SAM]) <= len(world.tickets) + 2
    before = len(world.sent)
    world.arrive(parse(mail(SAM, subject="By hand", text="Myself.").raw), at=2000.0, evidence=PASS)
    assert [s.letter.recipient for s in world.sent[before:] if s.letter.event == "notice"] == [TESS], "closed by itself"
