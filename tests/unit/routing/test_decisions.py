"""Every row of decisions.md: a mail that comes to the desk described there, and what is decided about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from unit.routing.world import KEYS, MONDAY, PASS, Sent, World, desk, message

from parsing.message import Address, Attachment, Auth
from routing import rules, tokens
from routing.decision import Decision
from routing.mail import Evidence
from routing.patterns import compiled
from routing.policy import Door, Form, Limits, OldDesk, Person
from storage.change import Announcement, Letter

PAGE = Path(__file__).with_name("decisions.md")
PEOPLE = {
    "anna": "anna@acme.example",
    "ben": "ben@acme.example",
    "carl": "carl@acme.example",
    "dora": "dora@other.example",
    "anna-too": "anna@gmail.com",
    "ben-too": "ben@home.example",
    "eve": "eve@evil.example",
    "sam": "sam@desk.example",
    "sam-too": "s.miller@desk.example",
    "tess": "tess@desk.example",
    "desk": "help@desk.example",
    "website": "www@desk.example",
    "orders": "orders@desk.example",
    "group": "support@acme-group.example",
    "hardware": "hardware@desk.example",
}
HOURS = 3600.0
LATELY = MONDAY + HOURS - 60  # a minute before the mail of a row comes
FILE = Attachment("plan.pdf", "application/pdf", 3, "0" * 64, False, None, b"pdf")
RULES = tuple(
    rules.compile_rule(name, {"subject": {"contains": word}}, what)
    for name, word, what in (
        ("printers", "toner", {"queue": "Hardware", "priority": 5, "tags": ["print"]}),
        ("silent", "newsletter", {"acknowledge": False}),
        ("lost", "nowhere", {"queue": "Cellar"}),
        ("owned", "for tess", {"owner": "Tess"}),
        ("misowned", "for eve", {"owner": "eve@evil.example"}),
    )
)
SEVERAL = (
    Person("Anna", ("anna@acme.example", "anna@gmail.com")),
    Person("Ben", ("ben@home.example", "ben@acme.example")),
)
POLICY = desk(
    rules=RULES,
    people={address: person for person in SEVERAL for address in person.addresses},
    doors={"smtp": Door("mx.desk.example", (ip_network("127.0.0.1/32"),))},
    forms={
        "www@desk.example": Form("website", (ip_network("192.0.2.7/32"),)),
        "orders@desk.example": Form("orders", (), compiled(r"(?m)^Mail: (?P<address>\S+)$", "address")),
    },
    front_lists=frozenset(("support@acme-group.example",)),
    old_desks=(OldDesk("otrs", ("Ticket#", "Call#")), OldDesk("rt", ("old.example",))),
    ticket_patterns={"Acme": compiled(r"(?i)\bACME-(?P<number>\d+)", "number")},
)


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    mail: str
    verb: str
    trust: str
    visibility: str
    ticket: str
    acknowledge: str
    held: str
    reasons: str


def rows() -> Iterator[Row]:
    title = ""
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ").strip()
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 8 and cells[1] != "verb" and not set(cells[0]) <= {"-", " "}:
            yield Row(title, *(cell.strip("`") for cell in cells))


ROWS = list(rows())


@cache
def before() -> tuple[World, dict[str, str]]:
    """The desk before the mail of a row comes; and the Message-IDs by the names that rows give them."""
    world = World(POLICY)
    ids: dict[str, str] = {}

    def open_(number: int, sender: str | None, **more: Any) -> None:
        world.arrivals = number - 1
        ids[f"mail{number}"] = f"mail{number}@{sender or 'nobody'}"
        world.arrive(message(PEOPLE.get(sender or ""), id=ids[f"mail{number}"], subject=f"Case {number}", **more))
        for sent in world.sent:
            if sent.letter.ticket_id == number:
                name = {"acknowledgement": "ack"}.get(sent.letter.event, sent.letter.event)
                ids.setdefault(f"{name}{number}", sent.letter.message_id)

    def alter(number: int, **changes: Any) -> None:
        world.tickets[number] = replace(world.tickets[number], **changes)

    for number, sender in ((1, "anna"), (2, "anna"), (3, "anna"), (4, "anna")):
        open_(number, sender, cc=[PEOPLE["ben"]])
    open_(5, "tess", cc=[PEOPLE["ben"]])
    open_(6, None)
    open_(7, "ben", re=["root7@acme"], to=[PEOPLE["desk"], PEOPLE["anna"]])
    open_(8, "eve")
    open_(9, "anna", cc=[PEOPLE["ben"]])
    open_(10, "anna", cc=[PEOPLE["tess"]])
    alter(2, state="closed", state_type="closed", closed=MONDAY)
    alter(3, state="merged", state_type="merged", merged_into=1)
    alter(4, state="removed", state_type="removed")
    alter(9, split_from=1)
    ids |= {"root7": "root7@acme", "weak9": "weak9@ben", "older": "older@acme"}
    world.arrivals = 100
    world.arrive(message(PEOPLE["sam"], "Try this", id="a1", re=[ids["notice1"]]), evidence=PASS)
    world.arrive(message(PEOPLE["sam"], "Held", id="a9", re=[ids["notice9"]]))
    world.arrive(message(PEOPLE["tess"], "Which?", id="a10", re=[ids["notice10"]], reply_certain=False), evidence=PASS)
    world.arrive(message(PEOPLE["ben"], id="weak9@ben", subject="Case 9 " + tokens.subject_token("INC-1009")))
    for event, number in (("answer", 1), ("confirm", 9), ("preview", 10)):
        ids[f"{event}{number}"] = world.letters(event)[-1 if event == "preview" else 0].letter.message_id
    ids["answer1"] = world.letters("answer", PEOPLE["anna"])[0].letter.message_id
    for number, text in ((1, "ACME-77"), (9, "Call#20240101100009")):
        named = message(PEOPLE["anna"], "Again", id=text, re=[ids[f"mail{number}"]], subject=f"Case {number} [{text}]")
        world.arrive(named, evidence=PASS)
    world.arrive(message(PEOPLE["sam"], "#note Ask Carl", id="inside1", re=[ids["notice1"]]), evidence=PASS)
    ids["insidenotice1"] = world.id_of("internal", 1, 2, PEOPLE["tess"])
    ids["toldnotice1"] = world.id_of("told", 1, 2, PEOPLE["tess"])
    ids["alarm1"] = world.id_of("alarm", 1, 2, PEOPLE["sam"])
    ids["refusal2"] = world.id_of("refusal", 2, 3, PEOPLE["anna"])
    return world, ids


def decided(row: Row) -> tuple[World, Decision, int]:
    start, ids = before()
    world = World(
        start.policy, dict(start.tickets), dict(start.keys), dict(start.seen), dict(start.confirmations),
        dict(start.articles), set(start.links), list(start.sent), list(start.outcomes), arrivals=200,
    )  # fmt: skip
    said: dict[str, Any] = {"id": "new@mail", "subject": "Question", "headers": []}
    how: dict[str, Any] = {"at": HOURS}
    sender: str | list[str] | None = None
    token = ""
    for feature in row.mail.split("; "):
        word, _, rest = feature.partition(" ")
        names = [ids.get(n, n) for n in rest.split(", ")]
        match word:
            case "from":
                sender = None if rest == "nobody" else [PEOPLE.get(n, n) for n in rest.split(" + ")]
            case "to" | "cc":
                said[word] = [PEOPLE.get(n, n) for n in rest.split(", ")]
            case "rcpt":
                how["rcpt"] = [PEOPLE.get(n, n) for n in rest.split(", ")]
            case "plus":
                left = names[0].partition("@")[0]
                how["rcpt"] = [f"help+{left}@desk.example"]
            case "verp":
                how["rcpt"] = [f"help+{tokens.proof(KEYS, names[0].partition('@')[0])}@desk.example"]
            case "returned":
                proof = tokens.proof(KEYS, names[0].partition("@")[0])
                data = f"From: help@desk.example\r\nX-Mailgate-Delivery: {proof}\r\nSubject: x\r\n".encode()
                said["attachments"] = (replace(FILE, content_type="text/rfc822-headers", size=len(data), data=data),)
            case "answers":
                said["re"] = names
            case "in-reply-to":
                said["in_reply_to"] = tuple(names)
            case "references":
                said["references"] = tuple(names)
            case "id":
                said["id"] = None if rest == "none" else names[0]
            case "subject":
                said["subject"] = rest
            case "token":
                number, _, wrong = rest.partition(" ")
                token = tokens.subject_token(f"INC-{1000 + int(number)}")
                if wrong:
                    token = f"{token[:-2]}{(int(token[-2]) + 1) % 10}]"
            case "auth":
                result, _, policy = rest.partition(" ")
                how["evidence"] = PASS if result == "pass" else Evidence("fail", policy or "unknown", "dmarc=fail")  # type: ignore[arg-type]
            case "text":
                said["text"] = rest.replace("\\n", "\n")
            case "below":
                said |= {"text": rest.replace("\\n", "\n"), "reply": "", "reply_certain": False}
            case "uncertain":
                said["reply_certain"] = False
            case "kind":
                said["kind"] = rest
            case "header":
                said["headers"].append(tuple(rest.split(": ", 1)))
            case "spam":
                said["auth"] = Auth(spam=(tuple(rest.split(": ", 1)),))  # type: ignore[arg-type]
            case "door":
                how |= {"door": rest} | ({"rcpt": []} if rest.startswith("imap:") else {})  # the envelope is gone
            case "envelope":
                how["mail_from"] = rest.strip("<>")
            case "path":
                said["return_path"] = rest.strip("<>")
            case "late":
                how["late"] = float(rest.removesuffix("h")) * HOURS
            case "days":
                how["at"] = float(rest) * 24 * HOURS
            case "date":
                said["date"] = datetime(2026, 4, 1, tzinfo=UTC)
            case "minutes":
                how["at"] = float(rest) * 60
            case "file":
                said["attachments"] = (FILE,)
            case "about":
                said["bounce_original_id"] = names[0]
            case "failed" | "delayed":
                who, status = rest.split(" ")
                said["bounce_recipients"] = (PEOPLE.get(who, who),)
                said["bounce_status"] = (status,)
                if word == "delayed":
                    said["bounce_temporary"] = said["bounce_recipients"]
            case "reply-to":
                said["reply_to"] = (Address("", PEOPLE.get(rest, rest)),)
            case "forwards":
                said["forwarded_from"] = Address("", PEOPLE.get(rest, rest))
                said["subject"] = "Fwd: Question"
                said["text"] = f"Please take it.\n\n---- Forwarded message ----\nFrom: {rest} <x@y>\nTo: x@y\n\nHelp."
            case "encloses":
                who, _, twice = rest.partition(" ")
                data = f"From: {PEOPLE[who]}\r\nSubject: Help\r\nMessage-ID: <enclosed@mail>\r\n\r\nHelp.".encode()
                one = replace(FILE, filename="help.eml", content_type="message/rfc822", size=len(data), data=data)
                said["attachments"] = (one, one) if twice else (one,)
            case "via":
                said["from_"] = (Address(f"{rest} via Support", PEOPLE["group"]),)
            case "received":
                said["received"] = (f"from www.acme.example (www.acme.example [{rest}]) by mx.desk.example",)
            case "relayed":  # hours before it came to us
                there = format_datetime(
                    datetime.fromtimestamp(MONDAY + HOURS * (1 - float(rest.removesuffix("h"))), UTC)
                )
                below = "from laptop by out.other.example; Thu, 1 Jan 2026 08:00:00 +0000"
                said["received"] = (f"from out.other.example by mx.desk.example with ESMTP id 4XyZ; {there}", below)
            case "peer":
                how["peer"] = rest
            case "acked":
                count, whom = rest.split(" ")
                for n in range(int(count)):
                    add(world, "acknowledgement", PEOPLE.get(whom, f"{whom}{n}@other.example"), 8, n)
            case "asked":
                count, whom, number, *verified = rest.split(" ")
                for n in range(int(count)):
                    add(world, "confirm", PEOPLE[whom], int(number), n)
                    if verified:
                        held = replace(next(iter(world.articles.values())), id=6000 + n, direction="note")
                        world.articles[held.id] = replace(held, trust="authenticated")
                        last = world.sent.pop()
                        world.sent.append(replace(last, letter=replace(last.letter, article_id=held.id)))
            case "wrote":
                count, whom, number, *degree = rest.split(" ")
                for n in range(int(count)):
                    came(world, whom, int(number), n, *degree)
            case "opened":
                count, whom, *degree = rest.split(" ")
                for n in range(int(count)):
                    world.tickets[900 + n] = replace(
                        world.tickets[8], id=900 + n, requester=PEOPLE[whom], created=LATELY
                    )
                    came(world, whom, 900 + n, n, *degree)
            case "limit":
                name, count = rest.split(" ")
                world.policy = replace(POLICY, limits=replace(Limits(), **{name: (int(count), 600)}))  # type: ignore[arg-type]
            case "queue":
                key, value = rest.split(" ")
                meant: Any = float(value) * 24 * HOURS if value.isdecimal() else {"true": True}.get(value, value)
                name = POLICY.default_queue
                queue = replace(world.policy.queues[name], **{key: meant})
                world.policy = replace(world.policy, queues={**world.policy.queues, name: queue})
            case "degree" | "queue-degree" | "partner-degree":
                degree, *acts = rest.replace(",", "").split(" ")
                said_there: dict[Any, Any] = {degree: tuple(acts)}
                changed: dict[str, Any] = {
                    "degree": {"degrees": {**POLICY.degrees, **said_there}},
                    "queue-degree": {"queue_degrees": {POLICY.default_queue: said_there}},
                    "partner-degree": {"partner_degrees": {"Acme": said_there}},
                }[word]
                world.policy = replace(world.policy, **changed)
            case "style":
                system, name = rest.split(" ")
                world.policy = replace(world.policy, token=tokens.Style(system, name))  # type: ignore[arg-type]
            case "colleagues":
                world.policy = replace(world.policy, colleagues=frozenset(("Acme",)))
            case "unlimited":
                world.policy = replace(POLICY, limits=Limits(None, None, None, None))
            case "released":
                how["released"] = True
            case "again":
                world.arrive(message(sender, **said), **how)
                world.arrivals += 50
                how["at"] += 60.0
            case _:
                raise AssertionError(f"there is no feature {word!r}")
    if token:
        said["subject"] += f" {token}"
    said["headers"] = tuple(said["headers"])
    mail = world.take(message(sender, **said), **how)
    return world, world.settle([mail])[0], mail.claim.ticket_id


def came(world: World, whom: str, ticket: int, n: int, degree: str = "authenticated") -> None:
    """A mail of that person's in that ticket, a minute ago."""
    some = next(a for a in world.articles.values() if a.direction == "in")
    sender = Address("", PEOPLE[whom])
    world.articles[5000 + n] = replace(
        some,
        id=5000 + n,
        ticket_id=ticket,
        sender=sender,
        time=LATELY,
        trust=degree,  # type: ignore[arg-type]
    )


def add(world: World, event: Any, recipient: str, ticket: int, number: int) -> None:
    letter = Letter(event, ticket, None, recipient, "", f"{event}.{recipient}.{number}", "", b"", b"", LATELY,
                    None, "unknown" if event == "acknowledgement" else None)  # fmt: skip
    told = Announcement(event, "", world.tickets[ticket], (recipient,), 0, LATELY)
    world.sent.append(Sent(letter, told, ()))


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.title}: {row.mail}" for row in ROWS])
def test_row(row: Row) -> None:
    world, decision, reserved = decided(row)
    related = "".join(f" ~{r}" for r in decision.related)
    queue = "" if decision.queue == POLICY.default_queue else f" in {decision.queue}"
    ticket = f"new{queue}{related}" if decision.ticket_id == reserved else str(decision.ticket_id or "-")
    stored = decision.verb in ("open", "append", "note", "hold")
    found = Row(
        row.title,
        row.mail,
        decision.verb,
        decision.trust,
        decision.visibility if stored else "-",
        ticket,
        "yes" if decision.acknowledge else "no",
        "yes" if decision.held else "no",
        row.reasons,
    )
    codes = [reason.code for reason in decision.reasons]
    assert found == row, codes
    missing = [code for code in row.reasons.split() if code not in codes]
    assert not missing, codes
    assert all(reason.seen and reason.outcome for reason in decision.reasons)
    acknowledged = [s for s in world.letters("acknowledgement") if s.letter.article_id == 2 * reserved + 1]
    assert len(acknowledged) == (1 if decision.acknowledge else 0)


def test_the_page_has_every_default() -> None:
    titles = " ".join(row.title for row in ROWS)
    assert all(f"({number})" in titles for number in range(1, 11))
    assert len(ROWS) >= 150
    assert len({row.mail for row in ROWS}) == len(ROWS)
