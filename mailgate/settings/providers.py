"""Mailbox providers whose places are known, for `mailgate init`; any other is a server's name."""

from __future__ import annotations

from dataclasses import dataclass

from mailgate.settings.kinds import SignIn, Tls

LOOPBACK = ("127.0.0.1", "::1", "localhost")
PORTS: dict[int, Tls] = {465: "implicit", 587: "starttls", 993: "implicit", 143: "starttls"}  # RFC 8314, RFC 6409


@dataclass(frozen=True, slots=True)
class Server:
    """Host and port as typed: `smtp.desk.example:587`, `127.0.0.1:25`; and how it is spoken to, once that was tried."""

    host: str
    port: int
    found: Tls | None = None
    tls_ca: str | None = None  # a file
    signs_in: bool = True  # whether it asks who we are

    @property
    def tls(self) -> Tls:
        """What was found; else what that port is for; on this machine without TLS, unless an authority is named."""
        if self.found is not None:
            return self.found
        if self.host in LOOPBACK and self.port not in (465, 993) and self.tls_ca is None:
            return "none"
        return PORTS.get(self.port, "starttls")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Provider:
    """Where its servers are, how one signs in there, and whose results its mails bear ("none": not known)."""

    name: str
    imap: Server
    relay: Server
    sign_in: SignIn = "password"
    auth_results: str = "none"


PROVIDERS = {
    "microsoft": Provider(
        "Microsoft 365",
        Server("outlook.office365.com", 993),
        Server("smtp.office365.com", 587),
        "microsoft",
        "microsoft",
    ),
    "google": Provider(
        "Google Workspace",
        Server("imap.gmail.com", 993),
        Server("smtp.gmail.com", 587),
        "google",
        "mx.google.com",
    ),
    "fastmail": Provider("Fastmail", Server("imap.fastmail.com", 993), Server("smtp.fastmail.com", 465)),
    "infomaniak": Provider("Infomaniak", Server("mail.infomaniak.com", 993), Server("mail.infomaniak.com", 465)),
    "ionos": Provider("IONOS", Server("imap.ionos.de", 993), Server("smtp.ionos.de", 465)),
    "mailbox.org": Provider("mailbox.org", Server("imap.mailbox.org", 993), Server("smtp.mailbox.org", 465)),
    "ovh": Provider("OVH", Server("ssl0.ovh.net", 993), Server("ssl0.ovh.net", 465)),
    "strato": Provider("Strato", Server("imap.strato.de", 993), Server("smtp.strato.de", 465)),
    "zoho": Provider("Zoho", Server("imap.zoho.com", 993), Server("smtp.zoho.com", 465)),
}
ALIASES = {
    **dict.fromkeys(("m365", "office365", "o365", "outlook", "exchange online"), "microsoft"),
    **dict.fromkeys(("gmail", "workspace"), "google"),
    **dict.fromkeys(("postfix", "exim"), "smtp"),
}
