"""The settings as deciding sees them: one frozen Policy."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import ip_network

from mailgate import settings as files
from mailgate.errors import SettingsError
from mailgate.settings import Answers, Settings, Smtp, junk_door, networks, rate, seconds
from routing import rules
from routing.patterns import compiled
from routing.policy import DEGREES, Degrees, Door, Form, Limits, OldDesk, Policy, Queue, Staff
from routing.tokens import Keys, Style

HOUR = 3600
NO_KEYS = Keys("a", {"a": b""})  # to check settings with; nothing is signed with it


def build(settings: Settings, keys: Keys, *, shadow: bool = False, rewriting: bool = False) -> Policy:
    """The policy of these settings. Raises SettingsError for rules that cannot be used, or that name what is not there.

    `rewriting`: whether the relay is seen to replace our Message-IDs, for `subject_token = "auto"`.
    """
    address = settings.desk.address.lower()
    queues = {
        q.name: Queue(
            q.name,
            (q.address or address).lower(),
            tuple(m.lower() for m in q.members),
            q.language or settings.desk.language,
            q.signature,
            q.closed_reply,
            seconds(q.closed_reply_after),
            q.thanks_reopens,
        )
        for q in settings.queue
    }
    default = next((q.name for q in settings.queue if q.default), settings.desk.name)
    queues.setdefault(default, Queue(default, address, (), settings.desk.language))
    for name in named_by_rules(settings):
        queues.setdefault(name, Queue(name, address, (), settings.desk.language))
    people = [Staff(s.name, s.addresses, s.roles) for s in settings.staff]
    token = settings.answers.subject_token
    return Policy(
        name=settings.desk.name,
        address=address,
        keys=keys,
        queues=queues,
        default_queue=default,
        addresses={q.address: q.name for q in reversed(queues.values())} | {address: default},
        language=settings.desk.language,
        timezone=settings.desk.timezone,
        staff={a: person for person in people for a in person.addresses},
        partners={key.lower().lstrip("@"): p.name for p in settings.partner for key in (*p.domains, *p.emails)},
        partner_languages={p.name: p.language for p in settings.partner if p.language},
        rules=tuple(_rules(settings)),
        limits=_limits(settings.answers),
        doors=_doors(settings),
        forms={f.sender.lower(): _form(f) for f in settings.form},
        old_desks=tuple(OldDesk(d.system, d.hooks or ("Ticket#",)) for d in settings.old_desk),
        ticket_patterns={p.name: compiled(p.ticket_pattern, "number") for p in settings.partner if p.ticket_pattern},
        token=token_style(settings),
        degrees=_degrees(settings.trust),
        queue_degrees={q.name: _degrees(q.trust) for q in settings.queue if q.trust is not None},
        partner_degrees={p.name: _degrees(p.trust) for p in settings.partner if p.trust is not None},
        colleagues=frozenset(p.name for p in settings.partner if p.colleagues == "join"),
        front_lists=frozenset(a.lower() for a in settings.desk.front_lists),
        subject_token=token == "always" or (token == "auto" and rewriting),  # noqa: S105 - no secret
        envelope=settings.relay.envelope if settings.relay else "account",
        relay=settings.relay is not None,
        shadow=shadow,
    )


def named_by_rules(settings: Settings) -> list[str]:
    """Queues that have no section of their own: a rule's word makes one, of the desk's address and all staff."""
    sections = {queue.name for queue in settings.queue}
    words = (rule.set.get("queue") for rule in settings.rule)
    return list(dict.fromkeys(w for w in words if isinstance(w, str) and "{" not in w and w not in sections))


def _misspelt(queue: object, settings: Settings) -> str | None:
    """The queue with a section that was meant by a name that is almost its own."""
    sections = {entry.name for entry in settings.queue}
    if not isinstance(queue, str) or queue in sections:
        return None
    return next(iter(get_close_matches(queue, sections, 1, cutoff=0.8)), None)


def _limits(answers: Answers) -> Limits:
    """By subject the window is an hour at least: a patient machine stays under the limit of its address for days."""
    address = rate(answers.per_address)
    subject = (address[0], max(address[1], HOUR)) if address is not None else None
    if answers.per_subject is not None:
        subject = rate(answers.per_subject)
    return Limits(address, rate(answers.unknown), rate(answers.per_thread), rate(answers.desk), subject)


def _rules(settings: Settings) -> Iterable[rules.Rule]:
    problems = []
    for index, rule in enumerate(settings.rule):
        place = f"{settings.file}: rule[{index}] {rule.name!r}"
        try:
            compiled = rules.compile_rule(rule.name, rule.when, rule.set, stop=rule.stop)
        except rules.RuleError as error:
            problems.append(f"{place}: {error}")
            continue
        queue = rule.set.get("queue")
        if (meant := _misspelt(queue, settings)) is not None:
            problems.append(f"{place}: set.queue: there is no queue {queue!r}; did you mean {meant!r}?")
        yield compiled
    if problems:
        raise SettingsError(problems)


def token_style(settings: Settings) -> Style:
    """How tokens are written in subjects."""
    answers = settings.answers
    names = {"mailgate": "", "otrs": "Ticket#", "rt": settings.desk.address.rpartition("@")[2]}
    return Style(answers.token_format, answers.token_name or names[answers.token_format])


def _degrees(trust: files.Trust | files.Degrees) -> Degrees:
    """By degree, those that are named."""
    return {degree: acts for degree in DEGREES if (acts := getattr(trust, degree)) is not None}


def _form(form: files.Form) -> Form:
    hosts = tuple(ip_network(text, strict=False) for text in form.hosts)
    return Form(form.name, hosts, compiled(form.pattern, "address") if form.pattern else None)


def _doors(settings: Settings) -> dict[str, Door]:
    """LMTP stands behind the same mail server as SMTP, and believes the same results."""
    forwarders = frozenset(domain.lower().lstrip("@") for domain in settings.trust.forwarders)
    front = settings.smtp or Smtp()
    smtp = Door(front.auth_results, networks(settings), forwarders, spam_headers=front.spam_headers)
    boxes = {
        f"imap:{box.name}": Door(box.auth_results, forwarders=forwarders, spam_headers=box.spam_headers)
        for box in settings.imap
    }
    junk = {
        junk_door(box.name): Door(box.auth_results, forwarders=forwarders, junk=True)
        for box in settings.imap
        if box.junk
    }
    return {"smtp": smtp, "lmtp": smtp, "pipe": Door(), **boxes, **junk}
