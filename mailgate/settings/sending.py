"""The sections of how mail goes out: the relay, and the limits and marks of automatic answers."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from mailgate.settings.kinds import Name, Port, Rate, Seconds, Section, SignIn, Tls, about


class Relay(Section, frozen=True):
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


class Answers(Section, frozen=True):
    """Limits and marks of automatic answers. A limit stops acknowledgements only: mails are still taken, staff told."""

    subject_token: Annotated[
        Literal["always", "auto", "never"],
        about("Whether `[INC-1042-7]` stands in subjects of ours; `auto`: where the relay is seen to rewrite our ids."),
    ] = "auto"  # noqa: S105 - no secret
    reply_address: Annotated[
        Literal["plain", "plus"],
        about(
            "Where answers to mails of ours go: to the desk's address, or with `plus` to one of it with our token "
            "(`help+mg...@desk.example`), so that they find their ticket without ids. The mail server in front has to "
            "deliver such addresses; `check --probe` tells."
        ),
    ] = "plain"
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
