"""A connection to a token endpoint: certificates verified, a limit on time, nothing of a secret in errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

from mailgate.grants.errors import GrantError

TIMEOUT_SECONDS = 15.0  # to connect, and between bytes; a renewal begins long before a token ends
LONGEST = 300  # characters of a provider's words that are kept

# RFC 6749 section 5.2 and RFC 8628 section 3.5: errors that do not go away by themselves.
DEAD = frozenset(
    (
        *("invalid_grant", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"),
        *("invalid_request", "access_denied", "expired_token"),
        *("interaction_required", "consent_required", "login_required"),  # OpenID Connect Core section 3.1.2.6
    )
)


class _Session(requests.Session):
    def request(self, *args: Any, **options: Any) -> requests.Response:
        options["timeout"] = TIMEOUT_SECONDS
        options["verify"] = self.verify  # as an argument it goes before REQUESTS_CA_BUNDLE
        return super().request(*args, **options)


@contextlib.contextmanager
def session(ca: Path | None) -> Iterator[requests.Session]:
    """Trusts `ca` where it is given, else what requests trusts."""
    if ca is not None and not ca.is_file():
        raise GrantError(f"{ca}: no such file (tls_ca)", dead=False)
    with _Session() as made:
        if ca is not None:
            made.verify = str(ca)
        yield made


def unreachable(error: Exception) -> GrantError:
    """The endpoint does not answer as one: it may come back."""
    if isinstance(error, requests.exceptions.SSLError):
        why = "its certificate is not to be trusted (name that of its own authority as tls_ca of the grant)"
    elif isinstance(error, requests.exceptions.Timeout):
        why = "no answer in time"
    elif isinstance(error, requests.exceptions.ConnectionError):
        why = "it cannot be reached"
    else:
        why = type(error).__name__
    return GrantError(f"the token endpoint: {why}", dead=False)


def refused(answer: Mapping[str, Any], *secrets: str | None) -> GrantError:
    """A provider's error (RFC 6749 section 5.2), without any of our secrets that it may repeat."""
    code = str(answer.get("error") or "no token")
    said = str(answer.get("error_description") or "")
    for secret in filter(None, secrets):
        said = said.replace(secret, "...")
    text = " ".join(f"{code}: {said}".split()) if said else code
    return GrantError(text[:LONGEST], dead=code in DEAD)
