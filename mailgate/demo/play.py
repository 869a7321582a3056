"""The play: six mails, what each should come to, and what it came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from mailgate.demo.desk import Desk, Event
from mailgate.demo.relay import Sent
from routing.decision import Reason
from routing.tokens import subject_token
from storage.listings import TicketRow

JANE = "Jane Doe <jane@acme.example>"
ANNA = "Anna Agent <anna@desk.example>"
HELP = "help@desk.example"
NAGIOS = "Nagios <nagios@monitor.desk.example>"
TO_JANE, TO_ANNA = "jane@acme.example", "anna@desk.example"


@dataclass(frozen=True, slots=True)
class Act:
    """One mail of the play. `write` makes it, from what the relay has got so far."""

    name: str
    title: str
    write: Callable[[Sequence[Sent]], EmailMessage]
    becomes: str  # what stands in the desk afterwards, for a person
    opens: bool  # a ticket of its own; else it belongs to the first one
    code: str  # a reason that must be among those it gives
    sends: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """What an act came to. `problems` is empty where it is what it should be."""

    act: Act
    mail: EmailMessage
    outcome: str
    ticket: str | None
    reasons: tuple[Reason, ...]
    sent: tuple[Sent, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """What stands when the play is over."""

    tickets: tuple[TicketRow, ...]
    sent: tuple[Sent, ...]
    problems: tuple[str, ...] = field(default=())


def play(desk: Desk) -> Iterator[Scene]:
    """One scene after the other; the next mail is sent when the next scene is asked for."""
    opened: list[str] = []
    for act in ACTS:
        before = len(desk.relay.sent)
        mail = act.write(desk.relay.sent)
        desk.send(mail)
        row = desk.outcome(mail["Message-ID"])
        if row is None:
            yield Scene(act, mail, "none", None, (), (), ("it has no outcome yet",))
            continue
        sent = desk.sent(act.sends, before)
        problems = list(_sent_otherwise(act, sent))
        if row.outcome != "article":
            problems.append(f"expected an article, it became {row.outcome or row.state}")
        if row.ticket is None or (row.ticket in opened) is act.opens:
            expected = "a ticket of its own" if act.opens else "the first ticket"
            problems.append(f"expected it on {expected}, it is on {row.ticket or 'no ticket'}")
        opened += [row.ticket] if row.ticket and row.ticket not in opened else []
        if act.code not in [reason.code for reason in row.reasons]:
            problems.append(f"expected the reason {act.code}, it gives {', '.join(r.code for r in row.reasons)}")
        yield Scene(act, mail, row.outcome or row.state, row.ticket, row.reasons, tuple(sent), tuple(problems))


def ending(desk: Desk) -> Ending:
    """The tickets that stand and all that was sent, compared with what should be."""
    problems = [] if desk.drained() else ["mails wait to be sent"]
    tickets = desk.tickets()
    found = [(t.type, t.state, t.owner) for t in tickets]
    if found != TICKETS:
        problems.append(f"expected the tickets {TICKETS}, found {found}")
    sent = tuple(desk.relay.sent)
    expected = sum(len(act.sends) for act in ACTS)
    if len(sent) != expected:
        problems.append(f"expected {expected} mails of the desk's, found {len(sent)}")
    return Ending(tuple(tickets), sent, tuple(problems))


def _sent_otherwise(act: Act, sent: Sequence[Sent]) -> Iterator[str]:
    rest = [(one.event, one.recipient) for one in sent]
    for wanted in act.sends:
        if (wanted.event, wanted.recipient) in rest:
            rest.remove((wanted.event, wanted.recipient))
        else:
            yield f"expected a mail ({wanted.event}) to {wanted.recipient}, none came"
    yield from (f"a mail ({event}) went to {recipient}, expected none" for event, recipient in rest)


# --- the mails --------------------------------------------------------------------------------------------------


def _mail(author: str, subject: str, text: str, results: str, **headers: str) -> EmailMessage:
    """A mail to the desk, as it comes from the mail server in front: that one measured who wrote it (RFC 8601)."""
    message = EmailMessage()
    message["Authentication-Results"] = f"mx.demo; {results}"
    message["From"] = author
    message["To"] = f"Example Service Desk <{HELP}>"
    message["Subject"] = subject
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=author.rpartition("@")[2].rstrip(">"))
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def _passed(author: str) -> str:
    return f"dmarc=pass header.from={author.rpartition('@')[2].rstrip('>')}"


def _answering(author: str, to: Sent, text: str, results: str, **headers: str) -> EmailMessage:
    """An answer as mail clients write it: the new words on top, the old ones quoted below."""
    quoted = "".join(f"> {line}\n" for line in to.text.splitlines())
    return _mail(
        author,
        f"Re: {to.header('Subject').removeprefix('Re: ')}",
        f"{text}\n\nOn {to.header('Date')}, {to.header('From')} wrote:\n{quoted}",
        results,
        In_Reply_To=to.message_id,
        References=f"{to.header('References')} {to.message_id}".strip(),
        **headers,
    )


def _last(sent: Sequence[Sent], event: str) -> Sent:
    return next(one for one in reversed(sent) if one.event == event)


def _request(_: Sequence[Sent]) -> EmailMessage:
    text = (
        "Hello,\n\nour printer LX-500 on the second floor prints blank pages since this morning.\n"
        "Could you have a look?\n\nJane\n"
    )
    return _mail(JANE, "Printer LX-500 prints blank pages", text, _passed(JANE))


def _reply(sent: Sequence[Sent]) -> EmailMessage:
    return _answering(JANE, _last(sent, "acknowledgement"), "PS: it is the one beside the kitchen.", _passed(JANE))


def _alert(_: Sequence[Sent]) -> EmailMessage:
    text = (
        "***** Nagios *****\n\nNotification Type: PROBLEM\n\nService: Disk /var\nHost: db1\nAddress: 192.0.2.17\n"
        "State: CRITICAL\n\nDate/Time: Mon Mar 2 09:14:07 UTC 2026\n\nAdditional Info:\n\n"
        "DISK CRITICAL - free space: /var 312 MB (1%)\n"
    )
    return _mail(NAGIOS, "** PROBLEM Service Alert: db1/Disk /var is CRITICAL **", text, _passed(NAGIOS))


def _answer(sent: Sequence[Sent]) -> EmailMessage:
    notice = next(one for one in sent if one.event == "notice")
    text = "Hello Jane,\n\nthe drum is worn out. A new one comes today at two.\n\nAnna"
    return _answering(ANNA, notice, text, _passed(ANNA))


def _absence(sent: Sequence[Sent]) -> EmailMessage:
    answer = _last(sent, "answer")
    return _mail(
        JANE,
        f"Out of office: {answer.header('Subject')}",
        "I am away until Monday. In urgent cases please call the front desk.\n",
        _passed(JANE),
        In_Reply_To=answer.message_id,
        References=answer.message_id,
        Auto_Submitted="auto-replied",
    )


def _forgery(sent: Sequence[Sent]) -> EmailMessage:
    token = subject_token(sent[0].header("X-Mailgate-Ticket"))
    text = "Hello Jane,\n\nplease send us your password, so that we can test the printer.\n\nAnna\n"
    return _mail(ANNA, f"Re: Printer LX-500 {token}", text, "dmarc=none header.from=desk.example")


ACTS = (
    Act(
        "request", "A partner asks for help", _request, "a new ticket; she is told its number", True, "acknowledge",
        (Event("acknowledgement", TO_JANE), Event("notice", TO_ANNA)),
    ),
    Act(
        "reply", "She answers our acknowledgement", _reply, "her words, on the same ticket", False,
        "thread_signed_id", (Event("notice", TO_ANNA),),
    ),
    Act(
        "alert", "Monitoring reports a full disk", _alert, "a new ticket; a machine gets no answer", True,
        "silent_not_human", (Event("notice", TO_ANNA),),
    ),
    Act(
        "answer", "Staff answer, from their own mail client", _answer, "an answer that goes to the partner", False,
        "answer", (Event("answer", TO_JANE),),
    ),
    Act(
        "out-of-office", "The partner's mailbox says that she is away", _absence,
        "kept, and nothing else changes", False, "kind",
    ),
    Act(
        "forgery", "Somebody writes in the name of staff", _forgery,
        "an internal note; the real Anna is asked to confirm", False, "staff_unverified",
        (Event("confirm", TO_ANNA),),
    ),
)  # fmt: skip

TICKETS = [("Incident", "open", TO_ANNA), ("Alert", "new", None)]
