"""The files of secrets that the settings name, and who may read them beside the user that runs mailgate."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mailgate.settings import Settings
from mailgate.settings.sources import Place

CONTAINER = ("/run/secrets/", "/var/run/secrets/")  # readable by all in there, who are one


@dataclass(frozen=True, slots=True)
class Secret:
    """A file, the setting that names it, and where that stands."""

    key: str
    at: Place
    file: Path


def named(found: Settings) -> Iterator[Secret]:
    """All of them, whether they are there or not."""
    for n, box in enumerate(found.imap):
        if box.password_file:
            at = ("imap", n, "password_file")
            yield Secret(f'imap "{box.name}".password_file', at, found.path(box.password_file))
    if found.relay and found.relay.password_file:
        yield Secret("relay.password_file", ("relay", "password_file"), found.path(found.relay.password_file))
    for n, grant in enumerate(found.grant):
        for key in ("client_secret_file", "service_account_file"):
            if name := getattr(grant, key):
                yield Secret(f'grant "{grant.name}".{key}', ("grant", n, key), found.path(name))


def to_everybody(file: Path) -> bool:
    """Whether everybody on this machine may read or write it."""
    return not str(file).startswith(CONTAINER) and bool(file.stat().st_mode & 0o007)


def to_a_group(file: Path) -> bool:
    """Whether a group may that others than the service can be in; or a group may write."""
    mode = file.stat().st_mode
    if str(file).startswith(CONTAINER) or not mode & 0o070:
        return False
    return bool(mode & 0o030) or not _own_group(file)


def closed(file: Path) -> str:
    """What closes it, and leaves the service able to read it."""
    return f"chmod {'640' if _own_group(file) else '600'} {file}"


def exposed(found: Settings) -> Iterator[tuple[str, str]]:
    """What everybody may read, and what to type; a file that is not there is told of elsewhere."""
    for secret in named(found):
        try:
            if to_everybody(secret.file):
                yield f"{secret.key}: {secret.file} can be read by everybody on this machine", closed(secret.file)
        except OSError:
            continue


def _own_group(file: Path) -> bool:
    """Root's, of the group that the folder is made for (the package's); or of a user's own group, with nobody else."""
    there, folder = file.stat(), file.parent.stat()
    if there.st_uid == 0:
        return there.st_gid == folder.st_gid != 0
    try:
        user, group = pwd.getpwuid(there.st_uid), grp.getgrgid(there.st_gid)
    except KeyError:
        return False
    others = set(group.gr_mem) - {user.pw_name}
    return user.pw_gid == there.st_gid and user.pw_name == group.gr_name and not others
