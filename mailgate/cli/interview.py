"""The eight questions of `mailgate init`: accounts are tried as they are told, and asked for again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from mailgate.cli import asking
from mailgate.cli.asking import Asker
from mailgate.errors import CommandError
from mailgate.settings.draft import NO_CLIENT, Answers, Application, write
from mailgate.settings.kinds import SignIn
from mailgate.settings.providers import LOOPBACK, PROVIDERS, Provider, Server

CERTIFICATES = {"IMAP": "mailbox.pem", "SMTP": "relay.pem"}
RELAY_PASSWORD = "relay.password"  # noqa: S105 - a file's name
PASSWORD_TRIES = 5

Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Given:
    """What the options said."""

    desk: str | None
    mailbox: str | None
    user: str | None
    password_file: str
    client_id: str | None
    tenant: str | None
    client_secret_file: str | None
    service_account_file: str | None
    sign_in: SignIn | None
    authority: str | None
    authorize_url: str | None
    token_url: str | None
    tls_ca: str | None
    imap_ca: str | None
    relay_ca: str | None
    relay: str | None
    timezone: str | None
    staff: str | None
    auth_results: str | None
    shadow: bool | None


@dataclass(slots=True)
class Draft:
    """The answers so far, and what will lie beside them, by name of the file: passwords typed, certificates."""

    answers: Answers = field(default_factory=Answers)
    files: dict[str, str] = field(default_factory=dict)
    shadow: bool = False
    signer: str | None = None  # whose results most of the mailbox's mails bear

    @property
    def unregistered(self) -> bool:
        """Whether the application by which it will sign in is still to be registered at the provider."""
        return self.answers.sign_in != "password" and self.answers.application.client_id == NO_CLIENT


class Interview:
    """The eight questions. With `trying`, accounts are tried as they are told. `folder` is that of the settings."""

    def __init__(self, given: Given, ask: Asker, folder: Path, *, trying: bool) -> None:
        self.given, self.ask, self.folder, self.trying = given, ask, folder, trying

    def draft(self) -> Draft:
        """All of them. Raises CommandError where an option cannot be understood."""
        given, ask = self.given, self.ask
        draft = Draft()
        ask.step(1, "The desk", "Name and address; people write to the address.")
        name, address = ask("NAME <ADDRESS>", given.desk, "Service Desk <help@desk.example>", asking.person)
        draft.answers = replace(draft.answers, name=name, address=address, password_file=given.password_file)
        provider = self._mailbox(draft)
        self._relay(draft, provider)
        ask.step(5, "The time zone", "In which times are shown.")
        zone = ask("Time zone", given.timezone, asking.machine_zone(), asking.zone)
        ask.step(6, "The first member of staff", "Who is told of new tickets, and answers by mail; or none.")
        staff = ask("NAME <ADDRESS>", given.staff, "none", asking.person_or_none)
        known = provider.auth_results if provider else "none"
        trust = draft.signer or known
        where = (
            "That name stands on top of most mails in the mailbox. " if draft.signer and draft.signer != known else ""
        )
        ask.step(7, "Trust", f"{where}Whose word counts on who wrote a mail: the provider's own server, or none.")
        believed = ask("Authentication-Results of", given.auth_results, trust, asking.word)
        draft.answers = replace(draft.answers, timezone=zone, staff=staff, auth_results=believed)
        ask.step(8, "Shadow or live", "In shadow it decides all, answers nobody and touches nothing in the mailbox.")
        told = None if given.shadow is None else "shadow" if given.shadow else "live"
        draft.shadow = ask("Begin", told, "live", asking.shadow)
        return draft

    def _met(self, draft: Draft, protocol: Literal["IMAP", "SMTP"], server: Server) -> Server:
        """With how it is spoken to, as it offers that; a certificate that nobody else vouches for gets a file."""
        file = CERTIFICATES[protocol]
        own = self.given.imap_ca if protocol == "IMAP" else self.given.relay_ca
        if own is not None:
            server = replace(server, tls_ca=str(Path(own).absolute()))
        if not self.trying:
            return server
        while (self.folder / file).exists():
            file = f"new-{file}"
        draft.files.pop(file, None)  # that of a server which was named before this one
        from mailgate.checks import transport

        met = self._waiting(
            "Looking how it is spoken to",
            lambda: transport.find(protocol, server.host, server.port, vouched=own is not None),
        )
        if met is None:
            return server  # whoever tries it says what is wrong
        offers = {"implicit": "TLS", "starttls": "STARTTLS", "none": "no TLS"}[met.tls]
        if own is not None and met.tls != "none":
            self.ask.good(f"{server} speaks {offers}")
            return replace(server, found=met.tls, signs_in=met.sign_in)
        if met.certificate:
            draft.files[file] = met.certificate
            self.ask.good(f"{server} speaks {offers}", f"its certificate ({met.doubt}) is believed: kept as {file}")
        elif met.tls == "none" and met.doubt:
            said = f"its certificate proves nothing ({met.doubt})"
            self.ask.good(f"{server} offers STARTTLS", f"{said}: without TLS, then; all stays on this machine")
        elif transport.exposes(met, server.host):
            todo = "a port with TLS: 993 for a mailbox, 465 or 587 for a relay"
            self.ask.wrong(f"{server} offers no TLS: no password goes there in the clear (RFC 8314)", todo)
            return server  # as if it offered what goes with its port
        elif met.tls == "none" and server.host not in LOOPBACK:
            self.ask.wrong(f"{server} offers no TLS: all mail goes over the network in the clear", "a port with TLS")
        else:
            self.ask.good(f"{server} speaks {offers}")
        return replace(server, found=met.tls, tls_ca=file if met.certificate else None, signs_in=met.sign_in)

    # --- the mailbox and who signs in --------------------------------------------------------------------------------

    def _mailbox(self, draft: Draft) -> Provider | None:
        given, ask = self.given, self.ask
        default, told = "smtp", given.mailbox
        while True:
            names = ", ".join(PROVIDERS)
            ask.step(2, "The mailbox", f"An IMAP server, a provider ({names}), or smtp: a mail server in front.")
            known = ask("Mailbox", told, default, asking.mailbox)
            if known == "smtp":
                return None
            provider = PROVIDERS.get(known)
            place = (
                provider.imap if provider else self._met(draft, "IMAP", asking.server(known, 993, "expected a server"))
            )
            draft.answers = replace(
                draft.answers, mailbox=place, sign_in=given.sign_in or (provider.sign_in if provider else "password")
            )
            if self._sign_in(draft, again=known == default and told is None):
                return provider
            default, told = known, None

    def _sign_in(self, draft: Draft, *, again: bool) -> bool:
        """False where another server is to be named."""
        given, ask = self.given, self.ask
        ask.step(3, "Sign-in", "Who opens the mailbox, and sends.")
        user = ask("User", given.user, draft.answers.address, asking.word)
        draft.answers = replace(draft.answers, user=user)
        if draft.answers.sign_in == "google" and not (given.client_id or given.service_account_file):
            draft.answers = self._google(draft.answers)
        elif draft.answers.sign_in == "microsoft":
            draft.answers = self._microsoft(draft.answers)
        elif draft.answers.sign_in == "google":
            draft.answers = replace(draft.answers, application=self._told())
        if draft.answers.sign_in != "password" or not self.trying:
            return True
        for tried in range(PASSWORD_TRIES):
            self._password(draft, draft.answers.password_file, user)
            wrong = self._tried(draft)
            if wrong is None:
                return True
            said, todo, key = wrong
            ask.wrong(said, todo)
            if key != "password_file":
                return again  # told a second time: it is meant, and `check` will say the rest
            if draft.answers.password_file not in draft.files:
                raise CommandError(f"{self.folder / draft.answers.password_file} is there already: mend what is in it")
            del draft.files[draft.answers.password_file]
            if tried:  # a password may be mistyped once; then the name may be wrong
                user = ask("User", None, user, asking.word)
                draft.answers = replace(draft.answers, user=user)
        raise CommandError("nobody could sign in; nothing was written")

    def _told(self) -> Application:
        given = self.given
        client, account = (given.client_id, given.tenant, given.client_secret_file), given.service_account_file
        return Application(*client, account, given.authority, given.authorize_url, given.token_url, given.tls_ca)

    def _microsoft(self, answers: Answers) -> Answers:
        client = self.ask(
            "Application (client) ID, see docs/signing-in.md", self.given.client_id, NO_CLIENT, asking.word
        )
        tenant = self.ask("Directory (tenant)", self.given.tenant, answers.address.rpartition("@")[2], asking.word)
        return replace(answers, application=replace(self._told(), client_id=client, tenant=tenant))

    def _google(self, answers: Answers) -> Answers:
        """An app password, or what a Workspace gives."""
        question = "The key file of a service account (docs/signing-in.md), or password for an app password"
        file = self.ask(question, None, "password", asking.word)
        if file == "password":
            return replace(answers, sign_in="password")
        return replace(answers, application=replace(self._told(), service_account_file=file))

    def _password(self, draft: Draft, file: str, user: str) -> None:
        if not (self.folder / file).exists():
            draft.files[file] = self.ask.secret(f"Password of {user}")

    def _tried(self, draft: Draft) -> tuple[str, str, str] | None:
        """What is wrong with the mailbox, what to do, and with which setting."""
        from mailgate.checks import trial

        found, draft.signer = self._waiting("Signing in", lambda: trial.mailbox(*self._written(draft)))
        for finding in found:
            return finding.said, finding.todo, str(finding.at[-1]) if finding.at else ""
        self.ask.good(f"{draft.answers.user} is signed in at {draft.answers.mailbox}")
        return None

    def _written(self, draft: Draft) -> tuple[str, dict[str, str]]:
        """The settings as they would be now, and the files they name: what was typed, and what lies there."""
        answers = draft.answers
        secrets = dict(draft.files)
        for name in (answers.password_file, answers.relay_password_file):
            if name and name not in secrets and (self.folder / name).is_file():
                secrets[name] = (self.folder / name).read_text("utf-8", "replace")
        local = {name: Path(name).name for name in (answers.password_file, answers.relay_password_file) if name}
        answers = replace(
            answers,
            password_file=local[answers.password_file],
            relay_password_file=local.get(answers.relay_password_file or ""),
        )
        return write(answers), secrets

    # --- the relay -------------------------------------------------------------------------------------------------

    def _relay(self, draft: Draft, provider: Provider | None) -> None:
        given, ask = self.given, self.ask
        default, told = str(provider.relay) if provider else beside(draft.answers.mailbox), given.relay
        while True:
            ask.step(4, "The relay", "The mail server that sends for us; with none outgoing mail is held.")
            relay = ask("Relay", told, default, asking.relay)
            again = told is None and relay is not None and str(relay) == default and draft.answers.relay is not None
            if relay is not None and (provider is None or relay != provider.relay):
                relay = self._met(draft, "SMTP", relay)
            draft.answers = replace(draft.answers, relay=relay)
            if relay is None or not self.trying or draft.answers.sign_in != "password" or self._sends(draft):
                return
            if again:
                return  # told a second time: it is meant
            default, told = str(relay), None

    def _sends(self, draft: Draft) -> bool:
        """Whether the relay takes mail from us; where it wants another sign-in, that is asked for."""
        from mailgate.checks import trial

        for _ in range(PASSWORD_TRIES):
            found = self._waiting("Trying the relay", lambda: trial.relay(*self._written(draft)))
            if not found:
                self.ask.good(f"{draft.answers.relay} takes mail from {draft.answers.address}")
                return True
            self.ask.wrong(found[0].said, found[0].todo)
            if not found[0].at or found[0].at[-1] not in ("password_file", "user"):
                return False
            user = self.ask("User at the relay, or none", None, draft.answers.user or "none", asking.word)
            if user == "none":
                return False
            draft.files.pop(RELAY_PASSWORD, None)
            self._password(draft, RELAY_PASSWORD, user)
            draft.answers = replace(draft.answers, relay_user=user, relay_password_file=RELAY_PASSWORD)
        return False

    def _waiting(self, what: str, work: Callable[[], Got]) -> Got:
        with self.ask.people.console.status(f"{what} ..."):
            return work()


def beside(mailbox: Server | None) -> str:
    """The submission server that usually stands beside an IMAP server (RFC 6409)."""
    if mailbox is None:
        return "none"
    name = f"smtp.{mailbox.host.removeprefix('imap.')}" if mailbox.host.startswith("imap.") else mailbox.host
    return f"{name}:587"
