"""The whole file of settings: its sections, and what several of them say together."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

from msgspec import field

from mailgate.settings.access import Grant
from mailgate.settings.doors import Imap, Lmtp, Smtp
from mailgate.settings.kinds import Address, Age, HostPort, Language, Section, about, size
from mailgate.settings.people import Form, OldDesk, Partner, Person, Queue, Rule, Staff
from mailgate.settings.sending import Answers, Relay
from mailgate.settings.trusting import Dns, Trust


class Desk(Section, frozen=True):
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


class Storage(Section, frozen=True):
    """Where everything is kept."""

    url: Annotated[
        str,
        about("`sqlite:///FILE`, from this file's folder, or `postgresql+psycopg://USER@HOST/NAME`."),
    ] = "sqlite:///mailgate.db"
    state: Annotated[
        str,
        about("A folder for what is kept beside the database: what `mailgate login` was given.", "/var/lib/mailgate"),
    ] = "."


class Alarm(Section, frozen=True):
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


class Http(Section, frozen=True):
    """Where other programs ask how the desk fares: `/health`, `/ready` and, for Prometheus, `/metrics`.

    Counts and states, no mail and nobody's address. Without the section nobody is answered.
    """

    listen: Annotated[HostPort, about("Where it listens: at an address of this machine alone.")] = "127.0.0.1:9464"
    remote: Annotated[
        bool,
        about("Whether `listen` may be an address that other machines reach. Nobody is asked for a password there."),
    ] = False


class Settings(Section, frozen=True):
    """The whole file, includes read in."""

    desk: Desk
    storage: Storage = field(default_factory=Storage)
    smtp: Smtp | None = None
    lmtp: Lmtp | None = None
    relay: Relay | None = None
    imap: tuple[Imap, ...] = ()
    grant: tuple[Grant, ...] = ()
    alarm: Alarm | None = None
    http: Http | None = None
    dns: Dns = field(default_factory=Dns)
    trust: Trust = field(default_factory=Trust)
    answers: Answers = field(default_factory=Answers)
    queue: tuple[Queue, ...] = ()
    staff: tuple[Staff, ...] = ()
    partner: tuple[Partner, ...] = ()
    person: tuple[Person, ...] = ()
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


def networks(settings: Settings) -> tuple[IPv4Network | IPv6Network, ...]:
    """The relays whose Authentication-Results may count at the SMTP door."""
    return tuple(ip_network(text, strict=False) for text in (settings.smtp.trusted_relays if settings.smtp else ()))
