"""The section of what a provider has granted, by which mailboxes and the relay sign in."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from mailgate.settings.kinds import Day, Name, Section, Url, about


class Grant(Section, frozen=True):
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
