"""Real OpenDKIM and OpenDMARC beside a Postfix, with a DNS of their own: OpenDMARC asks nobody but resolv.conf, so both
run where that file and port 53 are theirs (network and mount namespace); their sockets lie in the file system."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import publicsuffixlist

from servers import nameserver
from servers.process import Process, cannot, folder, need, remove

UNSHARE = ("/usr/bin/unshare", "--net", "--mount")
SCRIPT = """
mount --make-rprivate /
mount --bind {folder}/resolv.conf /etc/resolv.conf
{python} {nameserver} {folder}/zone.json 53 &
opendkim -f -x {folder}/opendkim.conf &
opendmarc -f -c {folder}/opendmarc.conf &
wait
"""
OPENDKIM = """
Mode v
UserID opendkim
Socket local:{folder}/dkim.sock
PidFile {folder}/opendkim.pid
UMask 000
Syslog no
AuthservID {name}
AlwaysAddARHeader yes
Nameservers 127.0.0.1
"""
OPENDMARC = """
UserID opendmarc
Socket local:{folder}/dmarc.sock
PidFile {folder}/opendmarc.pid
UMask 000
Syslog false
AuthservID {name}
TrustedAuthservIDs {name}
PublicSuffixList {folder}/suffixes
SPFIgnoreResults true
SPFSelfValidate true
RejectFailures false
"""


class Milters:
    """Both, for a Postfix whose `extra` is `postfix`; `name` is the authserv-id that they write (RFC 8601).

    They leave out loopback: clients of the test say by XCLIENT from where they are. `dkim` and `dmarc` are their
    settings, with `{folder}` for where they are and `{name}` for the name.
    """

    def __init__(
        self,
        zone: Mapping[str, Mapping[str, list[str]]],
        name: str,
        *,
        dkim: str = OPENDKIM,
        dmarc: str = OPENDMARC,
    ) -> None:
        need("opendkim", "opendmarc")
        if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
            cannot("OpenDMARC needs namespaces of its own, which root may not make here (CAP_SYS_ADMIN)")
        self.folder = folder("milters")
        self.folder.chmod(0o777)  # each makes its socket as a user of its own
        (self.folder / "zone.json").write_text(json.dumps(zone))
        (self.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        shutil.copy(publicsuffixlist.PSLFILE, self.folder / "suffixes")
        for file, text in (("opendkim.conf", dkim), ("opendmarc.conf", dmarc)):
            (self.folder / file).write_text(text.format(folder=self.folder, name=name))
        self._script = SCRIPT.format(folder=self.folder, python=sys.executable, nameserver=nameserver.__file__)
        self._sockets = [self.folder / "dkim.sock", self.folder / "dmarc.sock"]
        self._process: Process | None = None

    @property
    def postfix(self) -> dict[str, str]:
        """What Postfix is told of them; without them it takes no mail."""
        milters = ", ".join(f"unix:{path}" for path in self._sockets)
        return {
            "smtpd_milters": milters,
            "milter_default_action": "tempfail",
            "milter_protocol": "6",
            "smtpd_authorized_xclient_hosts": "127.0.0.1",
            "smtpd_relay_restrictions": "reject_unauth_destination",
        }

    def start(self) -> Milters:
        self._process = Process([*UNSHARE, "/bin/sh", "-ec", self._script], self.folder / "start.log")
        self._process.wait_until(lambda: all(_listens(path) for path in self._sockets), "OpenDKIM and OpenDMARC")
        return self

    def close(self) -> None:
        if self._process:
            self._process.kill()
        remove(self.folder)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0
