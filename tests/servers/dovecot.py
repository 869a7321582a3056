"""A real Dovecot: IMAP with and without TLS, any user, password `pw`, mails in Maildirs that tests write and read.

With `introspection` (the port of an endpoint) it takes tokens, too; Postfix may ask it at `auth_socket`.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from servers.process import Process, answers, folder, free_port, need, remove
from servers.tls import certificates

PASSWORD = "pw"
CAPABILITIES = (
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT MULTIAPPEND UNSELECT CHILDREN NAMESPACE UIDPLUS "
    "LIST-EXTENDED CONDSTORE QRESYNC ESEARCH WITHIN LIST-STATUS MOVE SPECIAL-USE LITERAL+"
)
_serial = itertools.count(1)


def without(*names: str) -> str:
    """Dovecot's capabilities but for these, for `capability=`."""
    return " ".join(name for name in CAPABILITIES.split() if name not in names)


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail in a Maildir: its bytes and its flags (S seen, T deleted)."""

    raw: bytes
    flags: str


class Dovecot:
    """`start()`, `stop()`, `kill()`; it may be started again and has the same ports, mails and UIDs."""

    def __init__(
        self,
        *,
        capability: str | None = None,
        separator: str = ".",
        prefix: str = "",
        fetch_failure: str = "disconnect-immediately",
        tls: bool = True,
        introspection: int = 0,
        mechanisms: str = "plain login",
    ) -> None:
        need("dovecot-imapd", *(["openssl"] if tls else []))
        self.folder = folder("dovecot")
        self.host = "127.0.0.1"
        self.port = free_port()
        self.tls_port = free_port() if tls else 0
        self.certificates = certificates(self.folder) if tls else None
        self.password_file = self.folder / "password"
        self.password_file.write_text(f"{PASSWORD}\n")
        self.password_file.chmod(0o600)
        (self.folder / "mail").mkdir()
        os.chown(self.folder / "mail", 65534, 65534)
        self._conf = self.folder / "dovecot.conf"
        self._conf.write_text(self._settings(capability, separator, prefix, fetch_failure, mechanisms))
        if introspection:
            self._believe_tokens(introspection)
        self.auth_socket = self.folder / "run" / "postfix"
        self._process: Process | None = None

    def _believe_tokens(self, port: int) -> None:
        """A passdb that asks the endpoint there whose a token is (RFC 7662)."""
        asking = self.folder / "oauth2.conf"
        asking.write_text(f"""
introspection_url = http://127.0.0.1:{port}/introspect
introspection_mode = post
active_attribute = active
active_value = true
username_attribute = username
timeout_msecs = 5000
""")
        with self._conf.open("a") as conf:
            conf.write(f"""
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {asking}
}}
""")

    def _settings(
        self, capability: str | None, separator: str, prefix: str, fetch_failure: str, mechanisms: str
    ) -> str:
        tls = self.certificates
        secure = f"ssl = yes\nssl_cert = <{tls.cert}\nssl_key = <{tls.key}" if tls else "ssl = no"
        return f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/dovecot.log
protocols = imap
listen = {self.host}
{secure}
disable_plaintext_auth = no
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
mail_location = maildir:{self.folder}/mail/%u
auth_mechanisms = {mechanisms}
mail_max_userip_connections = 200
imap_fetch_failure = {fetch_failure}
mailbox_idle_check_interval = 2 secs
{f"imap_capability = {capability}" if capability else ""}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={self.folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = {self.tls_port}
    ssl = yes
  }}
}}
service auth {{
  unix_listener postfix {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""

    def start(self) -> Dovecot:
        self._process = Process(["/usr/sbin/dovecot", "-F", "-c", str(self._conf)], self.folder / "dovecot.log")
        self._process.wait_until(lambda: answers(self.port), "dovecot")
        return self

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """SIGKILL, and every connection cut."""
        if self._process:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        self.stop()
        remove(self.folder)

    def maildir(self, user: str, name: str = "INBOX") -> Path:
        """A folder of a user's: Maildir++, whatever separator IMAP shows."""
        home = self.folder / "mail" / user
        return home if name == "INBOX" else home / f".{name}"

    def deliver(self, user: str, raw: bytes, *, name: str = "INBOX", received: datetime | None = None) -> Path:
        """Drop a mail as a delivery agent does: written to tmp, then renamed into new. `received`: INTERNALDATE."""
        place = self.maildir(user, name)
        for part in ("tmp", "new", "cur"):
            if not (place / part).is_dir():
                (place / part).mkdir(parents=True, exist_ok=True)
                for path in (place / part, place, self.maildir(user)):
                    os.chown(path, 65534, 65534)
        unique = f"{next(_serial):08d}.{os.getpid()}.tests"  # Dovecot gives UIDs in the order of these names
        temporary = place / "tmp" / unique
        temporary.write_bytes(raw)
        os.chown(temporary, 65534, 65534)
        if received is not None:
            os.utime(temporary, (received.timestamp(), received.timestamp()))
        return temporary.rename(place / "new" / unique)

    def mails(self, user: str, name: str = "INBOX") -> list[Kept]:
        """What lies there, by name of file (the order of delivery)."""
        while True:
            paths = sorted(self._files(user, name), key=lambda path: path.name)
            try:
                return [Kept(path.read_bytes(), path.name.partition(":2,")[2]) for path in paths]
            except FileNotFoundError:  # moved or flagged since: look again
                continue

    def _files(self, user: str, name: str) -> Iterator[Path]:
        for part in ("new", "cur"):
            place = self.maildir(user, name) / part
            if place.is_dir():
                yield from place.iterdir()

    def change_uidvalidity(self, user: str) -> None:
        """Forget all UIDs, as a mailbox restored from a backup does. With the server stopped."""
        home = self.maildir(user)
        listed = (home / "dovecot-uidlist").read_text()
        old = int(re.search(r"V(\d+)", listed)[1])  # type: ignore[index]
        for path in home.glob("dovecot*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (home / "dovecot-uidlist").write_text(f"3 V{old + 1} N1\n")
        os.chown(home / "dovecot-uidlist", 65534, 65534)
