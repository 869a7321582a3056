"""The sections of how mail comes in: SMTP, LMTP and the mailboxes that are watched."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mailgate.settings.kinds import After, Domain, Listen, Name, Port, Seconds, Section, SignIn, Size, Start, Tls, about

_SpamHeaders = Annotated[
    bool,
    about(
        "Whether what the mail server in front calls spam (X-Spam-Flag, X-Spam-Status, SCL of 5 and more) goes to "
        "quarantine. Without it, it is only not acknowledged.",
        example=True,
    ),
]


class Smtp(Section, frozen=True):
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
    spam_headers: _SpamHeaders = False
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


class Lmtp(Section, frozen=True):
    """The LMTP door (RFC 2033), for the mail server in front. Without the section there is no such door."""

    listen: Annotated[tuple[Listen, ...], about("Where it listens.", ["unix:/run/mailgate/lmtp", "127.0.0.1:2424"])] = (
        "127.0.0.1:2424",
    )


class Imap(Section, frozen=True):
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
    tenant_domains: Annotated[
        tuple[Domain, ...],
        about(
            "More domains of the Microsoft tenant, whose mark for mail from inside it is believed for these and for "
            "those of this mailbox, the desk, its queues and staff.",
            ["subsidiary.example"],
        ),
    ] = ()
    spam_headers: _SpamHeaders = False
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


def junk_door(name: str) -> str:
    """The door by which the mails of that account's junk folder come."""
    return f"imap:{name}/junk"
