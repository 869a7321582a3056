"""A real Postfix with queue, data and settings of its own: domains to given servers, the rest to Maildirs or a sink."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from servers.dovecot import Dovecot
from servers.process import Process, answers, folder, free_port, need, remove

POSTFIX = "/usr/sbin/postfix"
# virtual(8) wants every mailbox listed; a delivery agent of three lines takes any
AGENT = """#!/bin/sh
set -e
umask 077
cd "$1"
mkdir -p "$2/tmp" "$2/new" "$2/cur"
name="$(date +%s%N).$$.postfix"
cat >"$2/tmp/$name"
mv "$2/tmp/$name" "$2/new/$name"
"""


class Postfix:
    """SMTP in at `port`. Takes everything from loopback.

    `routes`: domain to a transport such as `smtp:[127.0.0.1]:2525` or `lmtp:unix:/path` (transport(5)).
    `maildirs`: where the mailboxes of `local` domains lie, `maildirs/USER@DOMAIN/` (Dovecot's `folder / "mail"`).
    `other`: the transport of every other domain; without one they bounce.
    `extra`: more of main.cf. `services`: more lines of master.cf. `conf`: where both lie, for maps of a test's own.
    """

    def __init__(
        self,
        *,
        routes: Mapping[str, str] | None = None,
        local: tuple[str, ...] = (),
        maildirs: Path | None = None,
        other: str = "error:5.4.4 no such domain here",
        extra: Mapping[str, str] | None = None,
        services: str = "",
    ) -> None:
        need("postfix")
        self.folder = folder("postfix")
        self.host = "127.0.0.1"
        self.port = free_port()
        self.conf = self.folder / "conf"
        self._routes = {**(routes or {}), **dict.fromkeys(local, "maildir:")}
        for name in ("conf", "queue", "data"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        self._write_transport()
        self._write_main(other, extra or {})
        self._write_master(maildirs or self.folder, services)
        self._process: Process | None = None

    def _write_transport(self) -> None:
        lines = "".join(f"{domain} {target}\n" for domain, target in self._routes.items())
        (self.conf / "transport").write_text(lines)

    def _write_main(self, other: str, extra: Mapping[str, str]) -> None:
        values = {
            "compatibility_level": "3.6",
            "queue_directory": self.folder / "queue",
            "data_directory": self.folder / "data",
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "meta_directory": "/etc/postfix",
            "shlib_directory": "/usr/lib/postfix",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": self.folder / "maillog",
            "maillog_file_prefixes": self.folder,
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "mx.desk.example",
            "mydestination": "",
            "alias_maps": "",
            "mynetworks": "127.0.0.0/8",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "recipient_delimiter": "+",
            "relay_domains": " ".join(self._routes),
            "transport_maps": f"texthash:{self.conf}/transport",
            "maildir_destination_recipient_limit": "1",
            "default_transport": other,
            "smtp_dns_support_level": "disabled",
            "smtp_host_lookup": "native",
            "smtp_tls_security_level": "none",
            "minimal_backoff_time": "2s",
            "maximal_backoff_time": "10s",
            "queue_run_delay": "2s",
            "in_flow_delay": "0",
            "smtputf8_enable": "yes",
            "message_size_limit": "60000000",
            "default_destination_concurrency_limit": "20",
            "smtpd_client_connection_count_limit": "0",
            **extra,
        }
        text = "".join(f"{key} = {value}\n" for key, value in values.items())
        (self.conf / "main.cf").write_text(text)

    def _write_master(self, maildirs: Path, more: str) -> None:
        agent = self.conf / "deliver"
        agent.write_text(AGENT)
        agent.chmod(0o755)
        deliver = f"pipe flags=DRO user=nobody argv={agent} {maildirs} ${{user}}@${{domain}}"
        services = [
            (f"{self.host}:{self.port}", "inet", "n", "-", "smtpd"),
            ("pickup", "unix", "n", "60", "pickup"),
            ("cleanup", "unix", "n", "-", "cleanup"),
            ("qmgr", "unix", "n", "2", "qmgr"),
            ("tlsmgr", "unix", "-", "1000?", "tlsmgr"),
            ("rewrite", "unix", "-", "-", "trivial-rewrite"),
            *((name, "unix", "-", "-", "bounce") for name in ("bounce", "defer", "trace")),
            ("verify", "unix", "-", "-", "verify"),
            ("flush", "unix", "n", "1000?", "flush"),
            ("proxymap", "unix", "-", "-", "proxymap"),
            *((name, "unix", "-", "-", "smtp") for name in ("smtp", "relay")),
            ("showq", "unix", "n", "-", "showq"),
            *((name, "unix", "-", "-", name) for name in ("error", "discard", "lmtp", "anvil", "scache")),
            ("retry", "unix", "-", "-", "error"),
            ("maildir", "unix", "-", "-", deliver),
            ("postlog", "unix-dgram", "n", "-", "postlogd"),
        ]
        alone = ("qmgr", "pickup", "tlsmgr", "postlog", "verify", "scache", "anvil")  # one process at most
        lines = []
        for name, kind, private, wakeup, command in services:
            unprivileged = "n" if name == "maildir" else "-"
            limit = 1 if name in alone else 0 if name in ("cleanup", "bounce", "defer", "trace", "flush") else "-"
            lines.append(f"{name} {kind} {private} {unprivileged} n {wakeup} {limit} {command}\n")
        (self.conf / "master.cf").write_text("".join(lines) + more)

    def start(self) -> Postfix:
        # `postfix start` goes into the background, where nobody can be sure to stop it; the master with -d does not
        subprocess.run([POSTFIX, "-c", str(self.conf), "check"], check=True, capture_output=True)
        command = ["/usr/lib/postfix/sbin/master", "-c", str(self.conf), "-d"]
        self._process = Process(command, self.folder / "start.log")
        self._process.wait_until(lambda: answers(self.port), "postfix")
        return self

    def route(self, domain: str, target: str) -> None:
        """Another place for a domain's mails, from now on; queued ones too."""
        self._routes[domain] = target
        self._write_transport()
        self.set(f"relay_domains={' '.join(self._routes)}")

    def set(self, *values: str) -> None:
        """Other lines of main.cf, such as `smtpd_delay_reject=no`, from now on."""
        subprocess.run(["/usr/sbin/postconf", "-c", str(self.conf), "-e", *values], check=True, capture_output=True)
        if self._process:
            self.stop()
            self.start()

    def log(self) -> str:
        path = self.folder / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def queue(self) -> int:
        """How many mails wait in the queue."""
        places = ("incoming", "active", "deferred", "maildrop", "hold")
        return sum(len(files) for place in places for _, _, files in os.walk(self.folder / "queue" / place))

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def close(self) -> None:
        self.stop()
        remove(self.folder)


def submission(dovecot: Dovecot, domain: str) -> Postfix:
    """One by which nobody sends who has not signed in over TLS; Dovecot is asked who may, and keeps that domain's."""
    assert dovecot.certificates
    return Postfix(
        local=(domain,),
        maildirs=dovecot.folder / "mail",
        extra={
            "mynetworks": "",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": str(dovecot.auth_socket),
            "smtpd_tls_auth_only": "yes",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": str(dovecot.certificates.cert),
            "smtpd_tls_key_file": str(dovecot.certificates.key),
        },
    )
