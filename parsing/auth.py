"""What a mail claims about authentication, as values; nothing of it is believed here (RFC 8601)."""

from __future__ import annotations

import re

from parsing import limits
from parsing.headers import Fields
from parsing.message import Auth, AuthMethod, AuthResults

_PAREN = re.compile(r"[()]")
_PAIR = re.compile(r"(?<![A-Za-z0-9_./-])([A-Za-z0-9_./-]++)\s*+=\s*+(?:\"((?:[^\"\\]++|\\.)*+)\"|([^\s;\"]++))")
_DOMAIN = re.compile(r"(?:\A|;)\s*d\s*=\s*([^\s;]+)")
_SCL = re.compile(r"(?:\A|;)\s*SCL:(-?\d+)")
_SPAM = ("x-spam-flag", "x-spam-status", "x-ms-exchange-organization-scl")
_INTERESTING = frozenset(
    (
        "authentication-results",
        "dkim-signature",
        "x-forefront-antispam-report",
        "x-ms-exchange-organization-authas",
        *_SPAM,
    )
)


def read(fields: Fields) -> Auth:
    """All claims in the order of the header; values with one character a byte."""
    results: list[AuthResults] = []
    domains: list[str] = []
    spam: list[tuple[str, str]] = []
    auth_as: str | None = None
    count = 0
    for name, value in fields:
        key = name.lower()
        if key not in _INTERESTING:
            continue
        if key == "authentication-results":
            if count < limits.AUTH_RESULTS:
                results.append(_results(count, value))
            count += 1
        elif key == "dkim-signature":
            domain = _DOMAIN.search(value)
            if domain and len(domains) < limits.AUTH_RESULTS:
                domains.append(domain[1].lower())
        elif key == "x-forefront-antispam-report":
            level = _SCL.search(value)
            if level:
                spam.append(("SCL", level[1]))
        elif key == "x-ms-exchange-organization-authas":
            auth_as = value if auth_as is None else auth_as
        else:
            spam.append(("SCL" if key.endswith("scl") else name, value))
    return (
        Auth(tuple(results), tuple(domains), tuple(spam), auth_as) if results or domains or spam or auth_as else _NONE
    )


_NONE = Auth()


def _results(position: int, value: str) -> AuthResults:
    """RFC 8601 section 2.2; Microsoft writes the methods at once, without an authserv-id."""
    pieces = _pieces(_without_comments(value))
    authserv_id = ""
    if pieces and "=" not in pieces[0]:
        words = pieces.pop(0).split()
        authserv_id = words[0].strip('"').lower() if words else ""
    methods = []
    for piece in pieces[: limits.AUTH_METHODS]:
        pairs = [(name.lower(), quoted or plain) for name, quoted, plain in _PAIR.findall(piece)]
        if pairs:
            (method, result), *properties = pairs
            methods.append(AuthMethod(method.partition("/")[0], result.lower(), tuple(properties)))
    return AuthResults(position, authserv_id, tuple(methods))


def _pieces(text: str) -> list[str]:
    """Split at semicolons that stand in no quotes."""
    if '"' not in text:
        return [piece.strip() for piece in text.split(";")]
    pieces = [""]
    for number, run in enumerate(text.split('"')):
        if number % 2:
            pieces[-1] += f'"{run}"'
        else:
            first, *rest = run.split(";")
            pieces[-1] += first
            pieces += rest
    return [piece.strip() for piece in pieces]


def _without_comments(text: str) -> str:
    """Comments taken out (they nest); what opens and does not close goes to the end."""
    if "(" not in text:
        return text
    out = []
    depth = position = 0
    for mark in _PAREN.finditer(text):
        if mark[0] == "(":
            if depth == 0:
                out.append(text[position : mark.start()])
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                position = mark.end()
                out.append(" ")
    if depth == 0:
        out.append(text[position:])
    return "".join(out)
