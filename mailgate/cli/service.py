"""The packaged service's place: settings are root's and read by its group, what it keeps is its own user's."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

SETTINGS, STATE = Path("/etc/mailgate"), Path("/var/lib/mailgate")
UNIT = Path("/lib/systemd/system/mailgate.service")


def state(folder: Path) -> str | None:
    """Where a desk keeps things whose settings lie in that folder; None for beside them."""
    return str(STATE) if folder == SETTINGS and STATE.is_dir() else None


def group(folder: Path) -> int | None:
    """The group that reads what root writes there, as the package makes the folder; None where nobody else reads."""
    made = folder.stat()
    shared = made.st_uid == os.geteuid() == 0 and made.st_gid != 0 and made.st_mode & 0o077 == 0o050
    return made.st_gid if shared else None


def close(handle: int, reader: int | None) -> None:
    """That open file is its owner's alone, and read by that group."""
    if reader is not None:
        os.fchown(handle, -1, reader)
    os.fchmod(handle, 0o600 if reader is None else 0o640)


def become() -> None:
    """Be the service's user from here on, where root is: what is made now has to be that user's."""
    owner = STATE.stat().st_uid
    if os.geteuid() != 0 or owner == 0:
        return
    user = pwd.getpwuid(owner)
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(owner)
    os.environ.update(HOME=user.pw_dir, USER=user.pw_name)
    os.chdir(STATE)


def prefix() -> str:
    """What stands before a command that the service's user types."""
    return f"runuser --user={STATE.owner()} -- "
