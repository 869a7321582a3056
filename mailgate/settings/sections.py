"""Every section and key of a file of settings, with what is expected there and what it does."""

from __future__ import annotations

import re
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field


def about(text: str, example: Any = None) -> Meta:
    """What a setting does, for `docs/settings.md`; `example` is a value for it where its default shows nothing."""
    return Meta(extra={"about": text, "example": example})


# `description` says what is expected there, in errors and in the reference.
Address = Annotated[str, Meta(pattern=r"^[^@\s<>]+@[^@\s<>]+$", description="an address such as help@desk.example")]
Domain = Annotated[str, Meta(pattern=r"^@?[^@\s/]+$", description="a domain such as acme.example")]
Listen = Annotated[
    str,
    Meta(
        pattern=r"^(unix:.+|\[[0-9a-fA-F:]+\]:\d{1,5}|[^:\s]+:\d{1,5})$",
        description="HOST:PORT or unix:PATH",
    ),
]
Size = Annotated[str, Meta(pattern=r"^\d+ ?(B|kB|KB|MB|GB)?$", description='a size such as "25MB"')]
Rate = Annotated[str, Meta(pattern=r"^(off|\d+/[1-9]\d*[smhd])$", description='a rate such as "5/10m", or "off"')]
Port = Annotated[int, Meta(ge=1, le=65535, description="a port from 1 to 65535")]
Seconds = Annotated[int, Meta(ge=1, le=3600, description="seconds from 1 to 3600")]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2}(-[A-Z]{2})?$", description='a language such as "en" or "pt-BR"')]
Name = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9_.-]{1,40}$", description="a short name of letters, digits, dot, dash and underscore"),
]
Nameserver = Annotated[
    str,
    Meta(
        pattern=r"^([0-9.]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?|[0-9a-fA-F:]+)$",
        description="an IP address, or ADDRESS:PORT",
    ),
]
After = Annotated[
    str, Meta(pattern=r"^(flag|delete|move:.+)$", description='"move:FOLDER", "flag" (as read) or "delete"')
]
Start = Annotated[
    str, Meta(pattern=r"^(now|all|\d{4}-\d\d-\d\d)$", description='"now", "all" or a date such as 2026-01-31')
]
Age = Annotated[str, Meta(pattern=r"^(0|[1-9]\d*[smhd])$", description='a time such as "30d", or "0"')]
Url = Annotated[str, Meta(pattern=r"^https://[^\s/]+(/\S*)?$", description="an address that begins with https://")]
Day = Annotated[date, Meta(description="a day such as 2027-01-31")]
Act = Literal["open", "join", "reply", "see", "command", "approve"]
Tls = Literal["none", "starttls", "implicit"]
SignIn = Literal["password", "microsoft", "google"]

ACTS: tuple[Act, ...] = ("open", "join", "reply", "see", "command", "approve")
UNITS = {"B": 1, "kB": 1_000, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Every section: frozen, and a key it does not know is refused."""


class Desk(_Section, frozen=True):
    """Who the desk is."""

    name: Annotated[str, about("Stands in From, and names the queue where there is no other.", "Example Service Desk")]
    address: Annotated[Address, about("Where people write to. `+suffix` of it is the desk too.", "help@desk.example")]
    timezone: Annotated[str, about("In which times are shown.", "Europe/Berlin")] = "UTC"
    language: Annotated[Language, about("Of mails of ours, where nothing else tells the reader's.")] = "en"
    front_lists: Annotated[
        tuple[Address, ...],
        about(
            "Mailing groups in front of the desk: what comes through them is their writers' mail, not a list's.",
            ["support@example.com"],
        ),
    ] = ()


class Storage(_Section, frozen=True):
    """Where everything is kept."""

    url: Annotated[
        str,
        about("`sqlite:///FILE`, from this file's folder, or `postgresql+psycopg://USER@HOST/NAME`."),
    ] = "sqlite:///mailgate.db"
    state: Annotated[
        str,
        about("A folder for what is kept beside the database: what `mailgate login` was given.", "/var/lib/mailgate"),
    ] = "."


class Smtp(_Section, frozen=True):
    """The SMTP door (RFC 5321), behind a mail server of yours. Without the section there is no such door."""

    listen: Annotated[tuple[Listen, ...], about("Where it listens.")] = ("127.0.0.1:2525",)
    max_size: Annotated[
        Size,
        about("The largest mail that any door takes; MB is 1,000,000 bytes. Larger ones get 552, by IMAP their text."),
    ] = "25MB"
    trusted_relays: Annotated[
        tuple[str, ...], about("Clients whose Authentication-Results may count: networks or addresses.")
    ] = ("127.0.0.1/32", "::1/128")
    auth_results: Annotated[
        str,
        about(
            'The authserv-id (RFC 8601) that the mail server in front writes, or "none": nobody is believed.',
            "mx.desk.example",
        ),
    ] = "none"
    spam_headers: Annotated[
        bool,
        about(
            "Whether what the mail server in front calls spam (X-Spam-Flag, X-Spam-Status, SCL of 5 and more) goes to "
            "quarantine. Without it, it is only not acknowledged.",
            example=True,
        ),
    ] = False
    verify: Annotated[
        bool,
        about(
            "Whether DKIM, SPF and DMARC are checked here, by LMTP too, where that server says nothing of them.",
            example=True,
        ),
    ] = False
    tls_cert: Annotated[
        str | None, about("Certificate chain (PEM). With `tls_key`: STARTTLS.", "/etc/ssl/desk.pem")
    ] = None
    tls_key: Annotated[str | None, about("The certificate's key (PEM).", "/etc/ssl/desk.key")] = None
    max_connections: Annotated[
        Annotated[int, Meta(ge=1, le=10_000, description="a number from 1 to 10000")],
        about("Clients at once; the next one gets 421."),
    ] = 200
    max_recipients: Annotated[
        Annotated[int, Meta(ge=1, le=10_000, description="a number from 1 to 10000")],
        about("Recipients of one mail; the next one gets 452."),
    ] = 100
    timeout: Annotated[Seconds, about("Seconds after which a silent client is sent away.")] = 300


class Lmtp(_Section, frozen=True):
    """The LMTP door (RFC 2033), for the mail server in front. Without the section there is no such door."""

    listen: Annotated[tuple[Listen, ...], about("Where it listens.", ["unix:/run/mailgate/lmtp", "127.0.0.1:2424"])] = (
        "127.0.0.1:2424",
    )


class Relay(_Section, frozen=True):
    """The mail server that takes what we send. Without the section outgoing mail is held."""

    host: Annotated[str, about("Its name or address.", "smtp.desk.example")] = "127.0.0.1"
    port: Annotated[Port, about("25 between servers, 587 with `starttls`, 465 with `implicit`.")] = 25
    tls: Annotated[Tls, about("How the connection is kept secret; a server that refuses it gets no mail.")] = "none"
    user: Annotated[str | None, about("Who signs in; none: nobody does.", "help@desk.example")] = None
    password_file: Annotated[
        str | None, about("A file that holds the password alone.", "/etc/mailgate/relay.password")
    ] = None
    auth: Annotated[SignIn, about("How to sign in; for the others there is a [[grant]] with that provider.")] = (
        "password"
    )
    grant: Annotated[Name | None, about("Which [[grant]], where several are of that provider.", "m365")] = None
    envelope: Annotated[
        Literal["account", "verp", "null"],
        about(
            "The envelope sender: the desk's address, one of its own for each mail (bounces are told apart), or `<>`."
        ),
    ] = "account"
    max_connections: Annotated[
        Annotated[int, Meta(ge=1, le=100, description="a number from 1 to 100")], about("Connections at once.")
    ] = 2
    per_minute: Annotated[
        Annotated[int, Meta(ge=0, description="a number, 0 for no limit")], about("Mails a minute; 0: no limit.")
    ] = 0
    timeout: Annotated[Seconds, about("Seconds after which a silent relay is left.")] = 60
    tls_ca: Annotated[
        str | None, about("Certificates (PEM) to trust instead of the machine's.", "/etc/ssl/our-ca.pem")
    ] = None


class Imap(_Section, frozen=True):
    """A mailbox that is watched (RFC 9051, RFC 2177). Several: write the section again."""

    name: Annotated[Name, about("What it is called in listings and reasons.", "office")]
    host: Annotated[str, about("The server.", "imap.example")]
    user: Annotated[str, about("Who signs in.", "help@desk.example")]
    port: Annotated[Port, about("993 with `implicit`, 143 with `starttls`.")] = 993
    tls: Annotated[Tls, about("How the connection is kept secret; a server that refuses it is not used.")] = "implicit"
    password_file: Annotated[
        str | None, about("A file that holds the password alone.", "/etc/mailgate/office.password")
    ] = None
    auth: Annotated[SignIn, about("How to sign in; for the others there is a [[grant]] with that provider.")] = (
        "password"
    )
    grant: Annotated[Name | None, about("Which [[grant]], where several are of that provider.", "m365")] = None
    folder: Annotated[str, about("The folder that is watched; levels by `/`.")] = "INBOX"
    junk: Annotated[str, about("The provider's junk folder: its mails go to quarantine, and stay there.", "Junk")] = ""
    auth_results: Annotated[
        str,
        about(
            'The authserv-id (RFC 8601) that this provider writes, or "microsoft", or "none": nobody is believed. '
            "`mailgate check` proposes it.",
            "mx.imap.example",
        ),
    ] = "none"
    spam_headers: Annotated[
        bool,
        about(
            "Whether what the mail server in front calls spam (X-Spam-Flag, X-Spam-Status, SCL of 5 and more) goes to "
            "quarantine. Without it, it is only not acknowledged.",
            example=True,
        ),
    ] = False
    verify: Annotated[
        bool,
        about(
            "Whether DKIM is checked here where the provider says nothing of it; what fails here counts as unverified.",
            example=True,
        ),
    ] = False
    start: Annotated[
        Start, about('At first contact: take only what arrives "now", or from a date on, or "all" that lies there.')
    ] = "now"
    after: Annotated[After, about("What becomes of a mail in the mailbox once it is safe here.")] = "move:Processed"
    poll: Annotated[Seconds, about("Seconds between looks where the server does not tell of new mail.")] = 60
    timeout: Annotated[Seconds, about("Seconds after which a silent server is left.")] = 60
    tls_ca: Annotated[
        str | None, about("Certificates (PEM) to trust instead of the machine's.", "/etc/ssl/our-ca.pem")
    ] = None


class Grant(_Section, frozen=True):
    """What a provider has granted: how mailboxes and the relay sign in there without a password (OAuth 2.0).

    Several: write the section again. See [signing in](signing-in.md).
    """

    name: Annotated[Name, about("What `mailgate login` and listings call it.", "m365")]
    provider: Annotated[Literal["microsoft", "google"], about("Whose.", "microsoft")]
    client_id: Annotated[
        str | None, about("The application that is registered there.", "11111111-2222-3333-4444-555555555555")
    ] = None
    tenant: Annotated[str, about("Microsoft: the directory, by its id or a domain of it.", "desk.example")] = (
        "organizations"
    )
    client_secret_file: Annotated[
        str | None,
        about(
            "A file that holds the application's secret alone. Microsoft: with it the application signs in by itself, "
            "without it a person does once (`mailgate login`). Google: belongs to client_id.",
            "/etc/mailgate/m365.secret",
        ),
    ] = None
    service_account_file: Annotated[
        str | None,
        about(
            "Google: the key (JSON) of a service account that may act for the mailboxes.", "/etc/mailgate/google.json"
        ),
    ] = None
    secret_ends: Annotated[
        Day | None,
        about("The last day of client_secret_file or service_account_file; `status` counts down.", date(2027, 1, 31)),
    ] = None
    scopes: Annotated[
        tuple[str, ...],
        about("What is asked for; none: what mail takes.", ["https://outlook.office365.us/.default"]),
    ] = ()
    authority: Annotated[
        Url | None,
        about("Microsoft: where it is asked; sovereign clouds have their own.", "https://login.microsoftonline.us"),
    ] = None
    authorize_url: Annotated[
        Url | None, about("Google: the page of consent.", "https://accounts.google.com/o/oauth2/v2/auth")
    ] = None
    token_url: Annotated[
        Url | None, about("Google: where tokens come from.", "https://oauth2.googleapis.com/token")
    ] = None
    tls_ca: Annotated[
        str | None, about("Certificates (PEM) to trust there instead of the machine's.", "/etc/ssl/our-ca.pem")
    ] = None

    @property
    def by_person(self) -> bool:
        """Whether a person signs in for it once, by `mailgate login`."""
        return self.client_secret_file is None if self.provider == "microsoft" else self.service_account_file is None


class Alarm(_Section, frozen=True):
    """Who is told by another way than mail that a mailbox, the relay, a grant, the disk or the backlog is in trouble.

    Once when it begins, once when it is over. `mailgate check --alarm` tries it.
    """

    command: Annotated[
        str | None,
        about(
            "A program with its arguments, no shell. Its standard input is the sentence; MAILGATE_ALARM, "
            "MAILGATE_STATE (begins or over) and MAILGATE_SAID are set.",
            "/usr/local/bin/page-me --from mailgate",
        ),
    ] = None
    webhook: Annotated[
        str | None, about("Where the same is posted as JSON; http only on this machine.", "https://chat.example/hook")
    ] = None
    after: Annotated[
        Age, about("How long a mailbox, the relay or a backlog must be in trouble; the others are told at once.")
    ] = "5m"
    tls_ca: Annotated[str | None, about("Certificates (PEM) to trust at the webhook.", "/etc/ssl/our-ca.pem")] = None


class Dns(_Section, frozen=True):
    """Whom we ask about senders' domains, where a door says `verify`."""

    nameservers: Annotated[
        tuple[Nameserver, ...], about("Their addresses; none: the system's.", ["192.0.2.53", "127.0.0.1:5353"])
    ] = ()
    timeout: Annotated[Seconds, about("Seconds after which a question counts as unanswered.")] = 5


class Trust(_Section, frozen=True):
    """Whose word about the sender is believed, beside the door's `auth_results`; and what a mail may do by it.

    `open` a ticket; `join` one, else an internal note; `reply` as staff to the partner, else asked for `#send`;
    `see`: those in To and Cc get the answers; `command`: `#send`; `approve`: nothing yet.
    """

    arc_sealers: Annotated[
        tuple[Domain, ...],
        about("Domains of relays whose ARC seal (RFC 8617) is believed where a door says `verify`.", ["lists.example"]),
    ] = ()
    forwarders: Annotated[
        tuple[Domain, ...],
        about(
            "Domains of forwarders: where one signed or sent a mail, its DMARC failure means unverified, no more.",
            ["lists.example"],
        ),
    ] = ()
    authenticated: Annotated[tuple[Act, ...], about("Its provider has proved who wrote.")] = ACTS
    confirmed: Annotated[tuple[Act, ...], about("Confirmed by `#send` from the registered address.")] = ACTS
    known_thread: Annotated[tuple[Act, ...], about("Not proved, but it answers a mail of the conversation.")] = (
        "open",
        "join",
        "see",
    )
    unverified: Annotated[tuple[Act, ...], about("Not proved, and at most the ticket's number is known.")] = (
        "open",
        "see",
    )
    failed: Annotated[tuple[Act, ...], about("DMARC failed, and the domain's wish is not known.")] = ("open", "see")


class Degrees(_Section, frozen=True):
    """What `[trust]` says otherwise for a queue or a partner; a degree that is not named stays as it is there."""

    authenticated: Annotated[
        tuple[Act, ...] | None, about("What verified mail may do, in place of what `[trust]` says.")
    ] = None
    confirmed: Annotated[
        tuple[Act, ...] | None,
        about("What words that their author has confirmed with `#send` may do, in place of what `[trust]` says."),
    ] = None
    known_thread: Annotated[
        tuple[Act, ...] | None,
        about("What unverified mail that answers one of ours may do, in place of what `[trust]` says."),
    ] = None
    unverified: Annotated[
        tuple[Act, ...] | None, about("What mail of which nothing is known may do, in place of what `[trust]` says.")
    ] = None
    failed: Annotated[
        tuple[Act, ...] | None, about("What mail whose sender was refused may do, in place of what `[trust]` says.")
    ] = None


class Answers(_Section, frozen=True):
    """Limits and marks of automatic answers. A limit stops acknowledgements only: mails are still taken, staff told."""

    subject_token: Annotated[
        Literal["always", "auto", "never"],
        about("Whether `[INC-1042-7]` stands in subjects of ours; `auto`: where the relay is seen to rewrite our ids."),
    ] = "auto"  # noqa: S105 - no secret
    token_format: Annotated[
        Literal["mailgate", "otrs", "rt"],
        about(
            "How the token is written, always with a check digit at its end: `[INC-1042-7]`, `[Ticket#10427]` or "
            "`[desk.example #10427]`. The first is read in any case."
        ),
    ] = "mailgate"  # noqa: S105 - no secret
    token_name: Annotated[
        str, about('What stands in it before the number; none: "Ticket#", or the domain of the desk.', "Ticket#")
    ] = ""
    per_address: Annotated[Rate, about("Acknowledgements to one address.")] = "5/10m"
    per_subject: Annotated[
        Rate | None,
        about("To one address about one subject. Default: as many as `per_address`, in an hour at least.", "5/1h"),
    ] = None
    unknown: Annotated[Rate, about("To all senders of no partner together.")] = "200/1h"
    per_thread: Annotated[
        Rate, about("Automatic mails in one ticket: acknowledgement, that it is closed, that it stays closed.")
    ] = "20/1h"
    desk: Annotated[Rate, about("To everybody together.")] = "10000/1h"


class Queue(_Section, frozen=True):
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


class Staff(_Section, frozen=True):
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


class Partner(_Section, frozen=True):
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


class OldDesk(_Section, frozen=True):
    """A desk that this one goes on from: answers to its tickets find each other. Several: write the section again."""

    system: Annotated[Literal["otrs", "rt"], about("Whose numbers they are; the field of that name has it.", "otrs")]
    hooks: Annotated[
        tuple[str, ...],
        about(
            'OTRS: every Ticket::Hook that was used; none: "Ticket#". RT: its $rtname, such as "example.com".',
            ["Ticket#"],
        ),
    ] = ()


class Form(_Section, frozen=True):
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


class Rule(_Section, frozen=True):
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


class Settings(_Section, frozen=True):
    """The whole file, includes read in."""

    desk: Desk
    storage: Storage = field(default_factory=Storage)
    smtp: Smtp | None = None
    lmtp: Lmtp | None = None
    relay: Relay | None = None
    imap: tuple[Imap, ...] = ()
    grant: tuple[Grant, ...] = ()
    alarm: Alarm | None = None
    dns: Dns = field(default_factory=Dns)
    trust: Trust = field(default_factory=Trust)
    answers: Answers = field(default_factory=Answers)
    queue: tuple[Queue, ...] = ()
    staff: tuple[Staff, ...] = ()
    partner: tuple[Partner, ...] = ()
    old_desk: tuple[OldDesk, ...] = ()
    form: tuple[Form, ...] = ()
    rule: tuple[Rule, ...] = ()
    include: Annotated[
        tuple[str, ...],
        about("Further files with sections in double brackets, such as [[staff]] and [[rule]].", ["rules.d/*.toml"]),
    ] = ()
    templates: Annotated[
        str | None, about("A folder with templates of your own, which go before the shipped ones.", "templates")
    ] = None
    folder: str = ""  # set by `load`: where relative paths are from
    file: str = ""  # set by `load`

    def path(self, name: str) -> Path:
        """A path as written in the file: relative ones are from the file's folder."""
        return Path(self.folder) / name

    @property
    def database_url(self) -> str:
        """The storage URL with a relative SQLite path made absolute from the file's folder."""
        url = self.storage.url
        if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
            return f"sqlite:///{self.path(url.removeprefix('sqlite:///'))}"
        return url

    @property
    def state(self) -> Path:
        """The folder for what is kept beside the database."""
        return self.path(self.storage.state)

    def granted(self, account: Imap | Relay) -> Grant | None:
        """The grant that a mailbox or the relay signs in with: the one it names, else the only one of its provider."""
        fit = [g for g in self.grant if g.provider == account.auth and account.grant in (None, g.name)]
        return fit[0] if len(fit) == 1 else None

    @property
    def verifies(self) -> bool:
        """Whether any door asks that senders are checked here."""
        return bool(self.smtp and self.smtp.verify) or any(box.verify for box in self.imap)

    def verifies_at(self, door: str) -> bool:
        """Whether that door asks that senders are checked here; LMTP does as SMTP does."""
        if door in ("smtp", "lmtp"):
            return bool(self.smtp and self.smtp.verify)
        return any(box.verify for box in self.imap if door == f"imap:{box.name}")

    @property
    def max_size(self) -> int:
        """The largest mail any door takes, in bytes."""
        return size(self.smtp.max_size if self.smtp else Smtp().max_size)


OURS = ("folder", "file")  # fields that no file sets


def size(text: str) -> int:
    """Bytes of a size such as "25MB"; MB is 1,000,000 bytes."""
    match = re.fullmatch(r"(\d+) ?([A-Za-z]*)", text)
    assert match is not None  # the pattern of Size has been checked
    return int(match[1]) * UNITS[match[2] or "B"]


def rate(text: str) -> tuple[int, int] | None:
    """How many in how many seconds, of a rate such as "5/10m"; None for "off"."""
    if text == "off":
        return None
    count, _, window = text.partition("/")
    return int(count), int(window[:-1]) * SECONDS[window[-1]]


def nameserver(text: str) -> tuple[str, int]:
    """Address and port of `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`.

    Raises ValueError.
    """
    host, port = text, "53"
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":") or "53"
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not 0 < int(port) < 65536:
        raise ValueError(text)
    return str(ip_address(host)), int(port)


def seconds(text: str) -> float:
    """Seconds of a time such as "30d"."""
    return 0.0 if text == "0" else float(int(text[:-1]) * SECONDS[text[-1]])


def junk_door(name: str) -> str:
    """The door by which the mails of that account's junk folder come."""
    return f"imap:{name}/junk"


def networks(settings: Settings) -> tuple[IPv4Network | IPv6Network, ...]:
    """The relays whose Authentication-Results may count at the SMTP door."""
    return tuple(ip_network(text, strict=False) for text in (settings.smtp.trusted_relays if settings.smtp else ()))
