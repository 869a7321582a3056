"""What a check found: one line of `mailgate check`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from mailgate.settings.sources import Place


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was looked at, how it is, and what to do where it is not well. An advice fails nothing.

    `at` is the setting that it is about, `where` its FILE:LINE.
    """

    what: str
    state: Literal["ok", "failed", "advice"]
    said: str
    todo: str = ""
    at: Place = ()
    where: str = ""


def at_server(finding: Finding, where: str) -> Finding:
    """With the server that was asked, HOST:PORT, where something is not well with it; a file is its own place."""
    named = where in finding.said or finding.at[-1:] in (("password_file",), ("tls_ca",), ("auth",))
    return finding if finding.state == "ok" or named else replace(finding, said=f"{where}: {finding.said}")


def ok(what: str, said: str) -> Finding:
    """It is well."""
    return Finding(what, "ok", said)


def failed(what: str, said: str, todo: str = "", at: Place = ()) -> Finding:
    """It is not, and the desk does not work with it."""
    return Finding(what, "failed", said, todo, at)


def advice(what: str, said: str, todo: str, at: Place = ()) -> Finding:
    """It works, and could be better."""
    return Finding(what, "advice", said, todo, at)
