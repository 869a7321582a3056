"""Tokens of Google by google-auth: of a service account that acts for a mailbox, or of a person who consented."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import Request
from google.oauth2 import credentials, service_account

from mailgate.grants import consent, endpoint
from mailgate.grants.errors import GrantError
from mailgate.grants.renewed import Renewed, secret
from mailgate.settings import Grant, Settings

AUTHORIZE_URL = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
SCOPES = ("https://mail.google.com/",)  # the only one that IMAP and SMTP take


def renew(grant: Grant, settings: Settings, refresh: str | None, user: str) -> Renewed:
    """A new access token; of a service account the one for `user`'s mailbox. Raises GrantError."""
    scopes = list(grant.scopes or SCOPES)
    if grant.service_account_file is not None:
        made: Any = _service_account(grant, settings, scopes, user)
    elif refresh is None:
        raise GrantError("nobody has signed in yet", dead=True)
    else:
        assert grant.client_secret_file is not None  # `consistency` asks for it
        made = credentials.Credentials(  # type: ignore[no-untyped-call]
            None,
            refresh_token=refresh,
            token_uri=grant.token_url or TOKEN_URL,
            client_id=grant.client_id,
            client_secret=secret(settings.path(grant.client_secret_file)),
            scopes=scopes,
        )
    with _asking(grant, settings, refresh) as request:
        made.refresh(request)
    now = datetime.now(UTC)
    expires_in = (made.expiry.replace(tzinfo=UTC) - now).total_seconds() if made.expiry else 3600.0
    return Renewed(made.token, expires_in, getattr(made, "refresh_token", None))


def sign_in(grant: Grant, settings: Settings, show: Callable[[str], None], port: int = 0) -> Renewed:
    """Tell a person, by `show`, which page to open; wait for the browser to come back to this machine.

    Raises GrantError.
    """
    assert grant.client_secret_file is not None and grant.client_id is not None
    client_secret = secret(settings.path(grant.client_secret_file))
    asked = consent.ask(
        grant.authorize_url or AUTHORIZE_URL, grant.client_id, grant.scopes or SCOPES, show=show, port=port
    )
    with _asking(grant, settings, client_secret) as request:
        answer = consent.exchange(request, grant.token_url or TOKEN_URL, grant.client_id, client_secret, asked)
    if "access_token" not in answer or "refresh_token" not in answer:
        raise endpoint.refused(answer, client_secret, asked.code)
    ends = answer.get("refresh_token_expires_in")
    return Renewed(answer["access_token"], float(answer.get("expires_in") or 3600), answer["refresh_token"], ends)


def _service_account(grant: Grant, settings: Settings, scopes: list[str], user: str) -> Any:
    file = settings.path(grant.service_account_file or "")
    try:
        info = json.loads(secret(file))
        if grant.token_url:
            info["token_uri"] = grant.token_url
        return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            info, scopes=scopes, subject=user
        )
    except (ValueError, TypeError, KeyError, GoogleAuthError):  # their texts may show what stands in it
        raise GrantError(f"{file} is no key of a service account", dead=True) from None


@contextmanager
def _asking(grant: Grant, settings: Settings, *secrets: str | None) -> Iterator[Any]:
    """google-auth's way to the endpoint; its errors are translated."""
    with endpoint.session(settings.path(grant.tls_ca) if grant.tls_ca else None) as http:
        try:
            yield Request(http)
        except RefreshError as error:
            answer = next((said for said in error.args if isinstance(said, dict)), {})
            if error.retryable or "error" not in answer:
                raise GrantError("the token endpoint gives no sensible answer", dead=False) from None
            raise endpoint.refused(answer, *secrets) from None
        except TransportError as error:
            raise endpoint.unreachable(error.args[0] if isinstance(error.args[0], Exception) else error) from None
