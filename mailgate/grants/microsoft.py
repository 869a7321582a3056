"""Tokens of Microsoft by msal: an application's own (client credentials), or a person's (device code, RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msal
import requests

from mailgate.grants import endpoint
from mailgate.grants.errors import GrantError
from mailgate.grants.renewed import Renewed, secret
from mailgate.settings import Grant, Settings

AUTHORITY = "https://login.microsoftonline.com"
OF_APPLICATION = ("https://outlook.office365.com/.default",)
OF_PERSON = ("https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send")


def renew(grant: Grant, settings: Settings, refresh: str | None) -> Renewed:
    """A new access token, and the next refresh token where a person signed in. Raises GrantError."""
    if grant.by_person:
        if refresh is None:
            raise GrantError("nobody has signed in yet", dead=True)
        with _application(grant, settings) as app:
            return _renewed(app.acquire_token_by_refresh_token(refresh, list(grant.scopes or OF_PERSON)), refresh)
    with _application(grant, settings) as app:
        return _renewed(app.acquire_token_for_client(list(grant.scopes or OF_APPLICATION)))


def sign_in(grant: Grant, settings: Settings, show: Callable[[str], None]) -> Renewed:
    """Tell a person, by `show`, which page to open and which code to enter; wait for that. Raises GrantError."""
    with _application(grant, settings) as app:
        flow = app.initiate_device_flow(list(grant.scopes or OF_PERSON))
        if "user_code" not in flow:
            raise endpoint.refused(flow)
        show(f"Open {flow['verification_uri']} in any browser and enter {flow['user_code']}")
        return _renewed(app.acquire_token_by_device_flow(flow), flow["device_code"])


@contextmanager
def _application(grant: Grant, settings: Settings) -> Iterator[Any]:
    """msal's object, which asks the authority for its addresses. Whatever goes wrong with the network is translated."""
    ca = settings.path(grant.tls_ca) if grant.tls_ca else None
    with endpoint.session(ca) as http:
        options: dict[str, Any] = {
            "authority": f"{(grant.authority or AUTHORITY).rstrip('/')}/{grant.tenant}",
            "http_client": http,
            "instance_discovery": False,  # the settings say which cloud it is
        }
        try:
            if grant.client_secret_file is None:
                yield msal.PublicClientApplication(grant.client_id, **options)
            else:
                credential = secret(settings.path(grant.client_secret_file))
                yield msal.ConfidentialClientApplication(grant.client_id, client_credential=credential, **options)
        except requests.exceptions.RequestException as error:
            raise endpoint.unreachable(error) from None
        except (msal.exceptions.MsalError, ValueError, KeyError, RuntimeError) as error:  # an answer that is none
            text = str(error).partition(". ")[0][: endpoint.LONGEST]
            away = " Error: 5" in text  # HTTP's own: nothing here is wrong
            said = f"the authority gives no sensible answer: {text}"
            said += "" if away else " (are tenant and authority of the grant right?)"
            raise GrantError(said, dead=False) from None


def _renewed(answer: dict[str, Any], *secrets: str) -> Renewed:
    if "access_token" not in answer:
        raise endpoint.refused(answer, *secrets)
    return Renewed(
        answer["access_token"],
        float(answer.get("expires_in") or 3600),
        answer.get("refresh_token"),
        answer.get("refresh_token_expires_in"),
    )
