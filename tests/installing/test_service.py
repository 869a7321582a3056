"""What docs/installing.md says about the Debian package, done: in a small Debian of its own, under its own systemd.

All commands of the page run there in order, as root, once for a test run; in between it is looked at what is there. The
tests read what was seen.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import debian
from servers.process import cannot

from .conftest import HOME, Once, require

PAGE = HOME / "docs" / "installing.md"
ROOT_PACKAGES = ("apt", "python3", "adduser", "ca-certificates", "systemd", "libgcc-s1", "libstdc++6")
BOOT_SECONDS = 600.0  # half a minute on a machine with nothing else to do
pytestmark = pytest.mark.timeout(900)

# What the sent mails find, and who may write where: asked with the Python of Debian.
LOOK = """
import os, pathlib, stat, sys
ours = ("/proc/", "/sys/")
for folder, folders, files in os.walk("/", followlinks=False):
    folders[:] = [f for f in folders if not os.path.join(folder, f, "").startswith(ours)]
    for name in (*folders, *files):
        path = os.path.join(folder, name)
        if not os.path.islink(path) and os.access(path, os.W_OK):
            print(path)
"""
# A relay that hands over to the desk's door what is for the desk, and keeps the rest to itself.
RELAY = """
import smtplib
class Relay:
    async def handle_DATA(self, server, session, envelope):
        ours = [to for to in envelope.rcpt_tos if to.startswith("help@desk.example")]
        if ours:
            with smtplib.SMTP("127.0.0.1", 2525) as client:
                client.sendmail(envelope.mail_from, ours, envelope.content)
        return "250 OK"
"""
SEND = """
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as client:
    mail = f"From: jane@acme.example\\r\\nSubject: {sys.argv[2]}\\r\\n\\r\\nHelp.\\r\\n"
    client.sendmail("jane@acme.example", ["help@desk.example"], mail)
"""
# Beside each command: looked at before it or after it, each into a file of its own.
BEFORE = {
    "apt install ./mailgate": "list >seen/paths-before; getent passwd >seen/users-before",
    "mailgate init": """
        systemctl start mailgate; systemctl show mailgate --property=ActiveState,ConditionResult,Result >seen/unset
        systemctl is-enabled mailgate >seen/enabled
        getent passwd mailgate >seen/user; getent shadow mailgate >>seen/user
        stat --format='%n %a %U %G' /etc/mailgate /var/lib/mailgate >seen/folders
        find /usr/lib/mailgate -name '*.pyc' | wc --lines >seen/compiled
        """,
    "systemctl reload": "systemctl show mailgate --property=MainPID >seen/pid",
    "systemctl stop mailgate": "walk before-upgrade",
    "apt purge": "ls -d /etc/mailgate/mailgate.toml /var/lib/mailgate/mailgate.db >seen/left-by-remove",
}
AFTER = {
    # A second time elsewhere, with a password, and a third in a folder of root's own.
    "mailgate init": """
        stat --format='%n %a %U %G' /etc/mailgate/* /var/lib/mailgate/* >seen/made
        told='--relay none --timezone UTC --staff none --auth-results none --live'
        printf 'sesame\\n\\nsesame\\n' | mailgate init --config /etc/mailgate/other.toml --desk help@desk.example \\
          --mailbox 127.0.0.1:1 --user desk $told || true
        stat --format='%n %a %U %G' /etc/mailgate/other.toml /etc/mailgate/mailbox.password >seen/made-with-password
        runuser --user=mailgate -- mailgate check --config /etc/mailgate/other.toml >seen/checked-with-password || true
        rm /etc/mailgate/other.toml /etc/mailgate/mailbox.password
        mailgate init --yes --config /root/mailgate.toml
        stat --format='%n %a %U %G' /root/mailgate.toml >seen/made-for-root
        """,
    "systemctl status": "send 2525 'The first mail'; settle",
    "runuser --user=mailgate -- mailgate ticket list": """
        runuser --user=mailgate -- mailgate ticket list --json >seen/tickets
        systemctl show mailgate >seen/unit
        ps_of_main >seen/process
        """,
    "systemctl reload": """
        for try in $(seq 200); do systemctl show -P ActiveState mailgate | grep -qx active && break; sleep 0.1; done
        systemctl show mailgate --property=MainPID,ActiveState,NRestarts,StatusText >>seen/pid
        """,
    "systemctl restart": "send 25 'A mail at port 25'; settle; systemctl show mailgate >seen/unit-25",
    "systemctl start mailgate": "systemctl is-active mailgate >>seen/starts",
    "rm --recursive": "list >seen/paths-after; getent passwd >seen/users-after",
}
# The page's file name has the version in it; who answers questions is a person.
INSTEAD = {
    r"\./mailgate_[\w.-]+\.deb": "/root/mailgate.deb",
    r"^mailgate init": "mailgate init --desk 'Desk <help@desk.example>' --mailbox smtp --relay 127.0.0.1:2500 "
    "--timezone Europe/Berlin --staff 'Anna <anna@desk.example>' --auth-results none --live",
    r"^apt install": "apt install --assume-yes",
}
PROBE = """\
set -eu
cd /root
mkdir seen
list() {
  find / -xdev '(' -path /root -o -path /var/log -o -path /var/lib/dpkg -o -path /var/cache -o -path '*/tmp' ')' \\
    -prune -o -print | sort
}
send() { python3 send.py "$1" "$2"; }
settle() {
  for try in $(seq 200); do
    runuser --user=mailgate -- mailgate status --json | grep -q '"new":0.*"pending":0' && return
    sleep 0.1
  done
  false
}
walk() { runuser --user=mailgate -- python3 /opt/look.py >"seen/writable-$1"; }
ps_of_main() { cat "/proc/$(systemctl show mailgate --property=MainPID --value)/status"; }
relay() {
  PYTHONPATH=/root /usr/lib/mailgate/bin/python -m aiosmtpd --nosetuid --listen 127.0.0.1:2500 --class relay.Relay &
}
"""


def commands() -> Iterator[str]:
    """What the page's part about the Debian package says that root types, in order."""
    part = PAGE.read_text().partition("\n## Debian package\n")[2].partition("\n## ")[0]
    for block in re.findall(r"^```shell\n(.*?)^```$", part, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            assert line.startswith("# "), line
            yield line.removeprefix("# ")


def script() -> str:
    lines = [PROBE]
    for number, typed in enumerate(commands()):
        done = typed
        for pattern, instead in INSTEAD.items():
            done = re.sub(pattern, instead, done)
        lines += [f"echo {shlex.quote(f'<<{number}>> {typed}')}"]
        lines += [textwrap.dedent(look).strip() for start, look in BEFORE.items() if typed.startswith(start)]
        lines += [done]
        lines += ["relay"] if typed.startswith("apt install ./") else []
        lines += [textwrap.dedent(look).strip() for start, look in AFTER.items() if typed.startswith(start)]
    return "\n".join([*lines, "echo '<<all>>'"])


@pytest.fixture(scope="session")
def life(once: Once, package: Path) -> Path:
    """The folder with what was seen while the page was done."""
    require("systemd-container:systemd-nspawn", "systemd:systemctl", "adduser", "util-linux:setpriv")
    if os.geteuid() != 0:
        cannot("a Debian of its own can only be made by root: run the tests as root")
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False).returncode:
        cannot("this container may not make namespaces, and so no Debian of its own")

    def live(folder: Path) -> None:
        root = folder / "root"
        root.mkdir()
        try:
            debian.assemble(root, ROOT_PACKAGES)
            shutil.copy(package, root / "root" / "mailgate.deb")
            (root / "opt").mkdir(exist_ok=True)
            (root / "opt/look.py").write_text(LOOK)
            (root / "root/send.py").write_text(SEND)
            (root / "root/relay.py").write_text(RELAY)
            (root / "root/probe").write_text(script())
            _boot(root, folder / "console")
            shutil.copytree(root / "root/seen", folder / "seen")
            shutil.copy(root / "root/said", folder / "said")
        finally:
            shutil.rmtree(root, ignore_errors=True)

    return once("life", live)


def _boot(root: Path, console: Path) -> None:
    """Boot it; it halts when the page is done. Raises with what was said where it did not come to the end."""
    units = root / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(parents=True, exist_ok=True)
    (units / "probe.service").write_text(
        "[Service]\nType=oneshot\nWorkingDirectory=/root\nEnvironment=DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8\n"
        "ExecStart=-/bin/sh -c 'sh /root/probe >/root/said 2>&1'\nExecStopPost=systemctl poweroff --no-block\n"
    )
    (units / "multi-user.target.wants/probe.service").symlink_to("../probe.service")
    # The network is the loopback, which nobody has to wait for.
    (units / "systemd-networkd-wait-online.service").symlink_to("/dev/null")
    command = ["setpriv", "--pdeathsig=KILL", "systemd-nspawn"]  # it dies with this process
    command += [f"--directory={root}", "--boot", "--private-network", "--console=pipe", "--quiet"]
    command += ["--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off", "--timezone=off"]
    with console.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            process.wait(BOOT_SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()  # nspawn ends what runs in it
            process.wait(30)
    said = (root / "root/said").read_text() if (root / "root/said").exists() else console.read_text()
    journal = debian.inside(root, "journalctl", "--no-pager", "--unit=mailgate", check=False).stdout
    assert "<<all>>" in said, f"{said[-4000:]}\n{journal[-4000:]}\n{console.read_text(errors='replace')[-2000:]}"


def seen(life: Path, name: str) -> str:
    return (life / "seen" / name).read_text()


def properties(life: Path, name: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in seen(life, name).splitlines())


def test_before_there_are_settings_the_service_waits_and_does_not_fail(life: Path) -> None:
    assert seen(life, "enabled") == "enabled\n"
    assert properties(life, "unset") == {"ActiveState": "inactive", "ConditionResult": "no", "Result": "success"}


def test_mail_by_smtp_is_a_ticket_of_the_installed_service(life: Path) -> None:
    tickets = [json.loads(line) for line in seen(life, "tickets").splitlines()]
    (found,) = [ticket for ticket in tickets if ticket["subject"] == "The first mail"]
    assert found["number"] == "INC-1002"


def test_init_leads_to_a_first_ticket_and_writes_what_the_service_can_use(life: Path) -> None:
    said = (life / "said").read_text()
    assert "A mail went out through the relay, came back in, and is a ticket:" in said
    assert "INC-1001" in said
    assert "  systemctl start mailgate\n" in said
    made = dict(line.split(" ", 1) for line in seen(life, "made").splitlines())
    assert made.pop("/etc/mailgate/mailgate.toml") == "640 root mailgate"
    assert made["/var/lib/mailgate/mailgate.db"] == "600 mailgate mailgate"
    assert {owner.split(" ", 1)[1] for owner in made.values()} == {"mailgate mailgate"}


def test_init_writes_a_password_that_the_service_reads_and_nobody_else(life: Path) -> None:
    assert seen(life, "made-with-password").splitlines() == [
        "/etc/mailgate/other.toml 640 root mailgate",
        "/etc/mailgate/mailbox.password 640 root mailgate",
    ]
    checked = seen(life, "checked-with-password")
    assert "nobody listens at" in checked  # it was read: what is wrong is the server
    assert "password_file" not in checked


def test_init_elsewhere_writes_for_who_types_it_alone(life: Path) -> None:
    assert seen(life, "made-for-root") == "/root/mailgate.toml 600 root root\n"


def test_service_runs_as_its_own_user_without_rights_and_filtered(life: Path) -> None:
    status = dict(re.findall(r"^(\w+):\s*(.*)$", seen(life, "process"), re.MULTILINE))
    (uid,) = re.findall(r"^mailgate:x:(\d+):", seen(life, "user"), re.MULTILINE)
    assert set(status["Uid"].split()) == {uid}
    assert uid != "0"
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert properties(life, "unit")["MemoryDenyWriteExecute"] == "yes"  # and all that is compiled works with it
    assert properties(life, "unit")["NRestarts"] == "0"


def test_user_of_the_service_has_no_shell_and_no_password(life: Path) -> None:
    user, shadow = seen(life, "user").splitlines()
    assert user.split(":")[5:] == ["/var/lib/mailgate", "/usr/sbin/nologin"]
    assert shadow.split(":")[1].startswith("!")


def test_settings_are_read_and_the_database_written_by_the_service_alone(life: Path) -> None:
    assert seen(life, "folders").splitlines() == [
        "/etc/mailgate 750 root mailgate",
        "/var/lib/mailgate 750 mailgate mailgate",
    ]


EVERYBODYS = re.compile(
    r"/tmp|/tmp/\..*-unix|/var/tmp|/run/lock|/dev/(shm|mqueue|null|zero|full|u?random|tty|ptmx|pts|pts/ptmx|net/tun|fuse)"
    r"|/run/systemd/(journal/(dev-log|socket|stdout)|notify|io\.system\.ManagedOOM|userdb/io\.systemd\.DynamicUser"
    r"|inaccessible/.*)"
)
ITS_OWN = re.compile(r"(/var/lib/mailgate|/run/mailgate)(/.*)?")


def test_user_of_the_service_may_write_nowhere_but_in_its_own_folders(life: Path) -> None:
    """By the modes of all files alone, with no help of the unit.

    What everybody may write to is /tmp and its like, devices that keep nothing, and sockets of systemd's that anybody
    may speak to.
    """
    writable = seen(life, "writable-before-upgrade").splitlines()
    assert {"/var/lib/mailgate", "/var/lib/mailgate/mailgate.db", "/tmp"} <= set(writable)
    assert [path for path in writable if not ITS_OWN.fullmatch(path) and not EVERYBODYS.fullmatch(path)] == []


def test_new_settings_are_taken_without_a_restart(life: Path) -> None:
    before, *after = seen(life, "pid").splitlines()
    assert after[0] == before
    assert {"ActiveState=active", "NRestarts=0", "StatusText=serving"} <= set(after)


def test_port_25_takes_the_one_right_that_the_page_gives(life: Path) -> None:
    unit = properties(life, "unit-25")
    assert unit["ActiveState"] == "active"
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == "cap_net_bind_service"


def test_it_starts_before_and_after_a_new_version(life: Path) -> None:
    assert seen(life, "starts").split() == ["active", "active"]


def test_modules_are_compiled_when_it_is_installed(life: Path) -> None:
    assert int(seen(life, "compiled")) > 1000


def test_removing_leaves_settings_and_database(life: Path) -> None:
    assert seen(life, "left-by-remove").split() == ["/etc/mailgate/mailgate.toml", "/var/lib/mailgate/mailgate.db"]


# What Debian's own tools keep of having added a user, run a package manager, or been booted for the first time.
WRITTEN_BY_OTHERS = re.compile(
    r"/etc/((passwd|shadow|group|gshadow|subuid|subgid)-?|\.pwd\.lock|shells)"
    r"|/var/lib/(apt/.*|shells\.state|systemd/(catalog|catalog/database))"
    r"|/usr/lib/python3\.\d+/(.*/)?__pycache__(/.*)?"
)


def test_purging_leaves_nothing(life: Path) -> None:
    before, after = (set(seen(life, f"paths-{when}").splitlines()) for when in ("before", "after"))
    assert not [path for path in after if "mailgate" in path]
    assert [path for path in sorted(after - before) if not WRITTEN_BY_OTHERS.fullmatch(path)] == []
    assert sorted(before - after) == []
    assert seen(life, "users-after") == seen(life, "users-before")


def test_page_is_done_to_its_end(life: Path) -> None:
    typed = [line.partition(" ")[2] for line in (life / "said").read_text().splitlines() if re.match(r"<<\d+>>", line)]
    assert typed == list(commands())
    assert len(typed) > 15


def test_purge_and_walk_see_what_they_look_for() -> None:
    """The patterns of the tests above let through what they should, and no more."""
    assert not EVERYBODYS.fullmatch("/etc/passwd")
    assert not EVERYBODYS.fullmatch("/tmp/../etc")
    assert not ITS_OWN.fullmatch("/var/lib/mailgate2")
    assert ITS_OWN.fullmatch("/run/mailgate/lmtp")
    assert not WRITTEN_BY_OTHERS.fullmatch("/usr/lib/mailgate/lib/python3.11/site-packages/click/__pycache__")
