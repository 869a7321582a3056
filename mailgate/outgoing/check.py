"""An administrator's templates, each rendered with a sample, for `mailgate check`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from mailgate.outgoing.compose import Pen
from mailgate.outgoing.rendering import FALLBACK, Rendering, language
from parsing.message import Address
from routing import tokens
from routing.policy import Policy
from routing.ticket import Ticket
from storage.change import Announcement, Change, Event

LAYOUTS = ("letter", "plain")
# What a letter's name does not say by itself: its event and its occasion.
_MEANT: Mapping[str, tuple[Event, str]] = {
    "acknowledgement": ("acknowledgement", "new"),
    "refusal": ("acknowledgement", "refused"),
    "state": ("state", "closed"),
}

_FILE = re.compile(r"(?P<name>.+?)(?:\.(?P<language>[a-z]{2}(?:-[A-Z]{2})?))?\.(?P<form>txt|html)")


def letters() -> dict[str, tuple[Event, str]]:
    """The name of each letter that we write, as the shipped words have it, with its event and its occasion."""
    shipped = language(FALLBACK)
    assert shipped is not None
    return {name: _MEANT.get(name) or _parted(name) for name in shipped.letters}


def _parted(name: str) -> tuple[Event, str]:
    event, _, why = name.partition("-")
    return cast(Event, event), why


def check(policy: Policy, folder: Path | None) -> list[str]:
    """What is wrong with the templates in `folder`, one sentence each. Nothing is sent."""
    if folder is None:
        return [f"rule {rule!r}: template {name!r}: no folder of templates is set" for rule, name in _named(policy)]
    if not folder.is_dir():
        return [f"templates: there is no folder {folder}"]
    problems = [
        f"rule {rule!r}: template {name!r}: there is no {name}.txt in {folder}"
        for rule, name in _named(policy)
        if not any(folder.glob(f"{name}.txt")) and not any(folder.glob(f"{name}.*.txt"))
    ]
    rendering = Rendering(folder, problems.append)
    for file in sorted((*folder.glob("*.*"), *folder.glob("*/*.*"))):
        problems += _file(file, folder, policy, rendering)
    return list(dict.fromkeys(problems))


def _file(file: Path, folder: Path, policy: Policy, rendering: Rendering) -> Iterator[str]:
    shown = file.relative_to(folder)
    match = _FILE.fullmatch(file.name)
    if match is None:
        return
    queue = "" if file.parent == folder else file.parent.name
    if queue and queue not in policy.queues:
        yield f"template {shown}: there is no queue {queue!r}; known are {', '.join(policy.queues)}"
        return
    code = match["language"] or policy.language
    name = match["name"]
    samples: list[tuple[Event, str, str | None]]
    if name in LAYOUTS:
        samples = [("acknowledgement", "new", None), ("notice", "new", None)]
    elif name in (named for _, named in _named(policy)):
        samples = [("acknowledgement", "new", name)]
    else:
        samples = [
            (event, why, None)
            for letter, (event, why) in letters().items()
            if name in (letter, letter.partition("-")[0], f"{event}-{why}")
        ]
    if not samples:
        known = ", ".join(dict.fromkeys(letter.partition("-")[0] for letter in letters()))
        yield f"template {shown}: no letter has this name; known are {known}, each also with -WHY, and the rules' own"
        return
    if match["form"] == "html" and name not in LAYOUTS and not file.with_suffix(".txt").is_file():
        yield f"template {shown}: is never used without {file.with_suffix('.txt').name} beside it"
    queues = {key: replace(value, language=code) for key, value in policy.queues.items()}
    pen = Pen(replace(policy, language=code, queues=queues), folder, rendering)
    for event, why, template in samples:
        pen.compose(_sample(policy, event, why, queue or policy.default_queue, code, template))


def _named(policy: Policy) -> Iterator[tuple[str, str]]:
    """Templates that rules name: rule and template."""
    for rule in policy.rules:
        name = rule.set.get("template")
        if isinstance(name, str) and "{" not in name:
            yield rule.name, name


def _sample(policy: Policy, event: Event, why: str, queue: str, code: str, template: str | None) -> Change:
    """A letter as it might be, in that language."""
    requester = Address("Jane Doe", "jane@partner.example")
    ticket = Ticket(
        id=42,
        number=tokens.number(42),
        version=1,
        subject="The printer is on fire",
        type="Incident",
        state="open",
        state_type="open",
        queue=queue,
        priority=3,
        owner=None,
        requester=requester.address,
        requester_name=requester.name,
        partner=None,
        language=code,
        created=0.0,
        updated=0.0,
    )
    told = Announcement(
        event,
        why,
        ticket,
        (requester.address,),
        1,
        0.0,
        to=(requester,),
        author=requester,
        words="It began this morning.",
        subject=ticket.subject,
        template=template,
        trust="authenticated",
        details=(
            ("was", "new"),
            ("became", "open"),
            ("resolution", "The fire is out."),
            ("recipient", requester.address),
            ("typed", "#close"),
        ),
    )
    return Change(0.0, ticket=ticket, announcements=(told,))
