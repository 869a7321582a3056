"""What a provider gave, and the secrets that it asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mailgate.grants.errors import GrantError


@dataclass(frozen=True, slots=True)
class Renewed:
    """An access token for `expires_in` seconds, and the next refresh token where it is another one."""

    access: str = field(repr=False)
    expires_in: float
    refresh: str | None = field(default=None, repr=False)
    refresh_expires_in: float | None = None


def secret(file: Path) -> str:
    """What stands in a file of a secret. Raises GrantError."""
    try:
        text = file.read_text("utf-8-sig").strip()
    except OSError as error:
        raise GrantError(f"{file}: {error.strerror}", dead=True) from None
    except UnicodeDecodeError:
        raise GrantError(f"{file} is not UTF-8", dead=True) from None
    if not text:
        raise GrantError(f"{file} is empty", dead=True)
    return text
