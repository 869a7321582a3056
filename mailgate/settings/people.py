"""The sections of who works at the desk and who writes to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import field

from mailgate.settings.kinds import Address, Age, Domain, Language, Section, about
from mailgate.settings.trusting import Degrees


class Queue(Section, frozen=True):
    """A queue of tickets. Several: write the section again. None: one queue, named as the desk."""

    name: Annotated[str, about("What it is called.", "Hardware")]
    default: Annotated[bool, about("Whether it takes what fits no other; one queue does.", example=True)] = False
    address: Annotated[
        Address | None, about("An address of its own: mail to it comes here, answers are from it.", "hw@desk.example")
    ] = None
    members: Annotated[
        tuple[Address, ...], about("Staff who are told of its tickets; none: all staff.", ["agent@desk.example"])
    ] = ()
    language: Annotated[Language | None, about("Of mails of ours from it.", "de")] = None
    signature: Annotated[str, about("Stands under its mails.", "Hardware team, room 12")] = ""
    closed_reply: Annotated[
        Literal["reopen", "link", "refuse"],
        about(
            "What a reply to a closed ticket does: it reopens it, opens a linked one, or is kept inside, and its "
            "sender is told to write a new mail."
        ),
    ] = "reopen"
    closed_reply_after: Annotated[
        Age, about("How long a ticket must have been closed for that; a reply before it reopens.", "30d")
    ] = "0"
    thanks_reopens: Annotated[
        bool, about("Whether a reply of nothing but thanks does it, too; otherwise it is only kept.")
    ] = False
    trust: Annotated[
        Degrees | None,
        about("What mails may do here, by degree, where it is not as in [trust].", {"unverified": ["open"]}),
    ] = None


class Staff(Section, frozen=True):
    """A member of staff. Several: write the section again."""

    name: Annotated[str, about("As requesters see it.", "First Agent")]
    email: Annotated[
        Address | None, about("The address that is written to, and written from.", "agent@desk.example")
    ] = None
    emails: Annotated[
        tuple[Address, ...],
        about("Further ones that are known to be theirs.", ["agent@desk.example", "a.gent@desk.example"]),
    ] = ()
    roles: Annotated[tuple[str, ...], about("What they may do.")] = ("agent",)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All registered addresses, lower case, the first one is written to."""
        first = (self.email,) if self.email else ()
        return tuple(dict.fromkeys(address.lower() for address in (*first, *self.emails)))


class Person(Section, frozen=True):
    """Somebody with several addresses, who takes part in a ticket by each. Several: write the section again."""

    name: Annotated[str, about("Who it is.", "Jane Doe")]
    emails: Annotated[
        tuple[Address, ...],
        about(
            "All of theirs. A partner's person is so by each, unless another partner has the address's domain.",
            ["jane@acme.example", "jane.doe@mail.example"],
        ),
    ]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Each once, in lower case."""
        return tuple(dict.fromkeys(address.lower() for address in self.emails))


class Partner(Section, frozen=True):
    """An organisation whose people write. Several: write the section again."""

    name: Annotated[str, about("What it is called.", "Acme")]
    domains: Annotated[tuple[Domain, ...], about("Its mail domains, and what is below them.", ["acme.example"])] = ()
    emails: Annotated[
        tuple[Address, ...], about("Single people of it at other domains.", ["jane.of.acme@mail.example"])
    ] = ()
    language: Annotated[Language | None, about("Of mails of ours to it.", "fr")] = None
    ticket_pattern: Annotated[
        str | None,
        about(
            "Its own tickets' numbers in subjects: an RE2 pattern with the group `number`. Its verified mails with one "
            "number come to one ticket.",
            r"(?i)\bACME-(?P<number>\d+)",
        ),
    ] = None
    colleagues: Annotated[
        Literal["join", "link"],
        about("What its other people's answers do: they join the ticket, or get a linked one of their own."),
    ] = "link"
    trust: Annotated[
        Degrees | None,
        about("What mails may do with it, by degree; goes before its queue's.", {"unverified": ["see"]}),
    ] = None


class OldDesk(Section, frozen=True):
    """A desk that this one goes on from: answers to its tickets find each other. Several: write the section again."""

    system: Annotated[Literal["otrs", "rt"], about("Whose numbers they are; the field of that name has it.", "otrs")]
    hooks: Annotated[
        tuple[str, ...],
        about(
            'OTRS: every Ticket::Hook that was used; none: "Ticket#". RT: its $rtname, such as "example.com".',
            ["Ticket#"],
        ),
    ] = ()


class Form(Section, frozen=True):
    """A web form whose mails are of the person that filled it in. Several: write the section again."""

    name: Annotated[str, about("What it is called in reasons.", "website")]
    sender: Annotated[Address, about("Whom its mails are from.", "www@example.com")]
    hosts: Annotated[
        tuple[str, ...],
        about(
            "Who may hand them in unverified, to us or to the mail server in front: networks or addresses.",
            ["192.0.2.7"],
        ),
    ] = ()
    pattern: Annotated[
        str | None,
        about(
            "Where its text has the person's address: an RE2 pattern with the group `address`, and `name` if it likes. "
            "None: Reply-To.",
            r"(?m)^E-mail: *(?P<address>\S+@\S+)",
        ),
    ] = None


class Rule(Section, frozen=True):
    """When a first mail is like this, set that on its ticket ([rules](rules.md)). Several: write the section again."""

    name: Annotated[str, about("What it is called in reasons.", "printers")]
    when: Annotated[
        dict[str, Any],
        about("Conditions; none: every mail.", {"subject": {"matches": r"(?i)printer (?P<model>\S+)"}}),
    ] = field(default_factory=dict)
    set: Annotated[dict[str, Any], about("What is set.", {"fields": {"model": "{model}"}})] = field(
        default_factory=dict
    )
    stop: Annotated[bool, about("Whether no rule below it is looked at once it holds.")] = False
