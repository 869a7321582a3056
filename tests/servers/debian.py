"""A small Debian in a folder, made of packages that this machine has: Debian's essential ones and what is asked for.

It takes seconds and no network, and holds nothing else: what a package forgets to depend on is missing here too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

DPKG = Path("/var/lib/dpkg")
# What nobody reads here, and is most of the files.
LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/", "/usr/share/i18n/")
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # of a merged /usr: links, to be there first
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package as dpkg's status file tells it."""

    name: str
    paragraph: str
    essential: bool
    provides: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...] = field(default=())  # each: alternatives, the first that is there counts


def installed() -> dict[str, Package]:
    """Every installed package by name."""
    found = {}
    for paragraph in (DPKG / "status").read_text().split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): *(.*)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            needs = [n for key in ("Pre-Depends", "Depends") for n in fields.get(key, "").split(",") if n.strip()]
            name = fields["Package"]
            found[name] = Package(
                name,
                paragraph.strip(),
                fields.get("Essential") == "yes",
                tuple(_bare(p) for p in fields.get("Provides", "").split(",")),
                tuple(tuple(_bare(alternative) for alternative in need.split("|")) for need in needs),
            )
    return found


def _bare(need: str) -> str:
    """`python3:any (>= 3.11)` is `python3`."""
    return need.partition("(")[0].partition(":")[0].strip()


def needed(names: Iterable[str]) -> list[Package]:
    """The packages named, the essential ones, and all that they depend on. Raises LookupError where one is missing."""
    there = installed()
    providers = {virtual: package.name for package in there.values() for virtual in package.provides}
    waiting = [*names, *(package.name for package in there.values() if package.essential)]
    found: dict[str, Package] = {}
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = there[name]
        for alternatives in there[name].needs:
            chosen = next((providers.get(a, a) for a in alternatives if a in there or a in providers), None)
            if chosen is None:
                raise LookupError(f"{name} needs {' or '.join(alternatives)}, which is not installed here")
            waiting.append(alternatives[0] if alternatives[0] in there else chosen)
    return sorted(found.values(), key=lambda package: package.name)


def assemble(root: Path, names: Iterable[str]) -> None:
    """Make the folder `root` a Debian of its own; a package of these counts as installed there."""
    packages = needed(names)
    for name in MERGED:
        if (link := Path("/", name)).is_symlink():
            root.joinpath(name).symlink_to(link.readlink())
            (root / link.readlink()).mkdir(parents=True)
    files = sorted({file for package in packages for file in _files(package.name)})
    _copy(files, root)
    for folder in ("dev", "proc", "sys", "run", "tmp", "root", "var/lib/dpkg/info", "var/lib/dpkg/updates", "etc"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    _database(packages, root)
    (root / "etc/dpkg/dpkg.cfg.d").mkdir(exist_ok=True)
    (root / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")  # a power cut costs nothing here
    for name in ("passwd", "group"):
        shutil.copy(f"/usr/share/base-passwd/{name}.master", root / "etc" / name)
    for link in Path("/etc/alternatives").iterdir():
        if link.is_symlink() and (root / str(link.readlink()).lstrip("/")).exists():
            root.joinpath("etc/alternatives").mkdir(exist_ok=True)
            root.joinpath("etc/alternatives", link.name).symlink_to(link.readlink())
            _copy([name for name in _alternative(link.name) if Path(name).is_symlink()], root)
    for name, major, minor in (("null", 1, 3), ("zero", 1, 5), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)):
        subprocess.run(["mknod", "-m", "666", root / "dev" / name, "c", str(major), str(minor)], check=True)
    subprocess.run(["ldconfig", "-r", root], check=True)
    inside(root, "shadowconfig", "on")
    inside(root, "pam-auth-update", "--package", "--force")


def inside(root: Path, *command: str, user: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in that root, as root or as a user of it; its output stands in what `check` raises."""
    words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *command] if user else [*command]
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", f"--root={root}", "--mount-proc=/proc", "--wd=/", "--", *words],
        capture_output=True,
        text=True,
        env=CLEAN | {"HOME": "/root"},
        timeout=300,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


def _files(name: str) -> Iterator[str]:
    lists = [path for path in (DPKG / f"info/{name}.list", *DPKG.glob(f"info/{name}:*.list")) if path.exists()]
    for file in lists[0].read_text().splitlines():
        if file != "/." and not file.startswith(LEFT_OUT) and os.path.lexists(file):
            yield file


def _copy(files: Iterable[str], root: Path) -> None:
    """With owners and modes; folders without what is in them."""
    listed = "\0".join(file.lstrip("/") for file in files).encode()
    tar = ["tar", "--create", "--directory=/", "--no-recursion", "--hard-dereference", "--null"]
    packed = _run([*tar, "--verbatim-files-from", "--files-from=-"], listed)
    _run(["tar", "--extract", f"--directory={root}", "--keep-directory-symlink", "--preserve-permissions"], packed)


def _run(command: list[str], given: bytes) -> bytes:
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stderr.decode()[-2000:]}")
    return done.stdout


def _database(packages: list[Package], root: Path) -> None:
    dpkg = root / "var/lib/dpkg"
    (dpkg / "status").write_text("\n\n".join(package.paragraph for package in packages) + "\n")
    for name in ("diversions", "statoverride", "available"):
        (dpkg / name).touch()
    for name in ("format", "arch"):
        if (source := DPKG / ("info/format" if name == "format" else name)).exists():
            shutil.copy(source, dpkg / ("info/format" if name == "format" else name))
    for package in packages:
        for file in (*DPKG.glob(f"info/{package.name}.*"), *DPKG.glob(f"info/{package.name}:*")):
            if file.name.partition(":")[0] == package.name or file.stem == package.name:
                shutil.copy(file, dpkg / "info")


def _alternative(name: str) -> Iterator[str]:
    """The places that the alternative fills: /usr/bin/awk and its like."""
    file = DPKG / "alternatives" / name
    if file.exists():
        lines = file.read_text().splitlines()
        yield from (line for line in lines[: lines.index("")] if line.startswith("/"))
