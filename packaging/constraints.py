"""Prints the versions of all that mailgate needs, as they are in this environment: `make constraints` keeps them."""

from __future__ import annotations

from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(name: str, extras: frozenset[str], found: dict[str, str]) -> dict[str, str]:
    """Name to version of what it depends on, and so on."""
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        wanted = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is not None and not any(requirement.marker.evaluate(one) for one in wanted):
            continue
        bare = canonicalize_name(requirement.name)
        if bare not in found or requirement.extras:
            found[bare] = distribution(bare).version
            needed(bare, frozenset(requirement.extras), found)
    return found


if __name__ == "__main__":
    print(
        "# What the Debian package and the container hold: made by `make constraints` from what the tests passed with."
    )
    for bare, version in sorted(needed("mailgate", frozenset(), {}).items()):
        print(f"{bare}=={version}")
