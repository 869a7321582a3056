"""One file of TOML becomes one frozen object: unknown keys are refused, errors name file, key and what was expected."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from mailgate.errors import SettingsError
from mailgate.settings import consistency, sources
from mailgate.settings.sections import OURS, Settings


def locate(given: str | None) -> Path:
    """The settings file: as given, else MAILGATE_CONFIG, ./mailgate.toml, /etc/mailgate/mailgate.toml."""
    named = given or os.environ.get("MAILGATE_CONFIG")
    if named:
        return Path(named)
    for place in (Path("mailgate.toml"), Path("/etc/mailgate/mailgate.toml")):
        try:
            there = place.is_file()
        except PermissionError:
            there = place.is_absolute()  # else this is root's folder, after `runuser`; reading /etc's says why
        if there:
            return place
    raise SettingsError(
        ["no settings: neither mailgate.toml here nor /etc/mailgate/mailgate.toml; `mailgate init` writes one"]
    )


def load(file: Path) -> Settings:
    """The settings in `file` and its includes. Raises SettingsError with every problem found."""
    file = file.absolute()
    read = sources.read(file)
    try:
        settings = None if any(key in read.tree for key in OURS) else msgspec.convert(read.tree, Settings)
    except msgspec.ValidationError:
        settings = None
    if settings is None:
        from mailgate.settings import misfits  # only a file with a fault pays for it

        raise SettingsError([read.sentence(misfit) for misfit in misfits.find(read.tree, Settings, hidden=OURS)])
    settings = _placed(msgspec.structs.replace(settings, folder=str(file.parent), file=str(file)))
    problems = [read.sentence(problem) for problem in consistency.find(settings)]
    if problems:
        raise SettingsError(problems)
    return settings


def _placed(settings: Settings) -> Settings:
    """With each Unix socket that is listened on under its whole path."""

    def place(listen: str) -> str:
        return f"unix:{settings.path(listen.removeprefix('unix:'))}" if listen.startswith("unix:") else listen

    doors = {
        name: msgspec.structs.replace(door, listen=tuple(place(one) for one in door.listen))
        for name, door in (("smtp", settings.smtp), ("lmtp", settings.lmtp))
        if door is not None
    }
    return msgspec.structs.replace(settings, **doors)
