"""Puts manual pages and shell completions into the wheel, where `make wheel` has made them; pipx links the pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Where the shells of a system look, seen from its prefix.
PLACES = {
    "man/*.1": "share/man/man1",
    "man/*.5": "share/man/man5",
    "completion/mailgate": "share/bash-completion/completions",
    "completion/_mailgate": "share/zsh/site-functions",
    "completion/mailgate.fish": "share/fish/vendor_completions.d",
}


class Extras(BuildHookInterface):  # type: ignore[type-arg]
    """hatchling's hook: called before the wheel is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add what is in `build`; a wheel made by pip from a checkout has the program alone."""
        if version == "editable":
            return
        for pattern, place in PLACES.items():
            for file in sorted(Path(self.root, "build").glob(pattern)):
                build_data["shared_data"][str(file)] = f"{place}/{file.name}"
