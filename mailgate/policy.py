"""The settings as deciding sees them: one frozen Policy."""

from __future__ import annotations

from ipaddress import ip_network

from mailgate import settings as files
from mailgate.settings import Answers, Imap, Settings, Smtp, junk_door, networks, rate, seconds
from routing import rules
from routing.newcomers import FREE_MAIL
from routing.patterns import compiled
from routing.policy import DEGREES, Degrees, Door, Form, Limits, OldDesk, Person, Policy, Queue, Staff
from routing.tokens import Keys, Style
from routing.trust import ascii_domain

HOUR = 3600
NO_KEYS = Keys("a", {"a": b""})  # to check settings with; nothing is signed with it


def build(settings: Settings, keys: Keys, *, shadow: bool = False, rewriting: bool = False) -> Policy:
    """The policy of these settings, as `load` has checked them.

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
    staff = [Staff(s.name, s.addresses, s.roles) for s in settings.staff]
    people = [Person(p.name, p.addresses) for p in settings.person]
    return Policy(
        name=settings.desk.name,
        address=address,
        keys=keys,
        queues=queues,
        default_queue=default,
        addresses={q.address: q.name for q in reversed(queues.values())} | {address: default},
        language=settings.desk.language,
        timezone=settings.desk.timezone,
        staff={a: member for member in staff for a in member.addresses},
        people={a: person for person in people for a in person.addresses},
        partners={key.lower().lstrip("@"): p.name for p in settings.partner for key in (*p.domains, *p.emails)},
        partner_languages={p.name: p.language for p in settings.partner if p.language},
        rules=tuple(rules.compile_rule(r.name, r.when, r.set, stop=r.stop) for r in settings.rule),
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
        subject_token=wants_token(settings, rewriting),
        reply_address=settings.answers.reply_address,
        envelope=settings.relay.envelope if settings.relay else "account",
        relay=settings.relay is not None,
        shadow=shadow,
    )


def wants_token(settings: Settings, rewriting: bool) -> bool:
    """Whether the ticket's number stands in subjects of ours."""
    wanted = settings.answers.subject_token
    return wanted == "always" or (wanted == "auto" and rewriting)


def named_by_rules(settings: Settings) -> list[str]:
    """Queues that have no section of their own: a rule's word makes one, of the desk's address and all staff."""
    sections = {queue.name for queue in settings.queue}
    words = (rule.set.get("queue") for rule in settings.rule)
    return list(dict.fromkeys(w for w in words if isinstance(w, str) and "{" not in w and w not in sections))


def _limits(answers: Answers) -> Limits:
    """By subject the window is an hour at least: a patient machine stays under the limit of its address for days."""
    address = rate(answers.per_address)
    subject = (address[0], max(address[1], HOUR)) if address is not None else None
    if answers.per_subject is not None:
        subject = rate(answers.per_subject)
    return Limits(address, rate(answers.unknown), rate(answers.per_thread), rate(answers.desk), subject)


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


def _tenant(box: Imap, settings: Settings) -> frozenset[str]:
    """The domains of that mailbox's tenant: its own, the desk's, those of queues and staff, and what `box` names."""
    ours = (box.user, settings.desk.address, *(q.address or "" for q in settings.queue))
    addresses = (*ours, *(address for person in settings.staff for address in person.addresses))
    domains = {address.lower().rpartition("@")[2] for address in addresses if "@" in address} - FREE_MAIL
    return frozenset(map(ascii_domain, domains | {d.lstrip("@") for d in box.tenant_domains}))


def _doors(settings: Settings) -> dict[str, Door]:
    """LMTP stands behind the same mail server as SMTP, and believes the same results."""
    forwarders = frozenset(domain.lower().lstrip("@") for domain in settings.trust.forwarders)
    front = settings.smtp or Smtp()
    smtp = Door(front.auth_results, networks(settings), forwarders, spam_headers=front.spam_headers)
    boxes = {
        f"imap:{box.name}": Door(
            box.auth_results, forwarders=forwarders, spam_headers=box.spam_headers, tenant=_tenant(box, settings)
        )
        for box in settings.imap
    }
    junk = {
        junk_door(box.name): Door(box.auth_results, forwarders=forwarders, junk=True, tenant=_tenant(box, settings))
        for box in settings.imap
        if box.junk
    }
    return {"smtp": smtp, "lmtp": smtp, "pipe": Door(), **boxes, **junk}
