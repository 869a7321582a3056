"""Why there is no token."""

from __future__ import annotations

from mailgate.errors import MailgateError


class GrantError(MailgateError):
    """No token can be had. `dead`: the provider says no, and a person has to do something; else it may come back."""

    def __init__(self, text: str, *, dead: bool) -> None:
        super().__init__(text)
        self.dead = dead
