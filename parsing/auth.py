"""What a mail claims about authentication, as values; nothing of it is believed here (RFC 8601)."""

from __future__ import annotations

import re

from parsing import limits
from parsing.defects import Defects
from parsing.headers import Fields
from parsing.message import Auth, AuthMethod, AuthResults

_LEXEME = re.compile(r"\\.|[\"()]|[^\\\"()]++|\\", re.DOTALL)
_MARKS = str.maketrans('"()', "   ")
_ID = re.compile(r"\s*+([^\s=]++)(?!\s*+=)")
_PAIR = re.compile(r"(?<!\S)([A-Za-z0-9_./-]++)\s*+=\s*+((?:[^\s\"]|\"\d++\")++)")
_QUOTED = re.compile(r"\"(\d++)\"")
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


def read(fields: Fields, defects: Defects | None = None) -> Auth:
    """All claims in the order of the header; values with one character a byte. What is wrong is added to `defects`."""
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
                results.append(_results(count, value, defects))
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


_UNCLOSED = "an Authentication-Results with a quote or a comment that does not close: its pass does not count"
UNBALANCED = "unbalanced"  # the result in place of a "pass", in a field with a quote or a comment that does not close


def _results(position: int, value: str, defects: Defects | None) -> AuthResults:
    """RFC 8601 section 2.2; Microsoft writes the methods at once, without an authserv-id.

    A field that is not balanced says nothing good: what a sender chose, as his address, may have run out of its
    quotes. Its "pass" is read as `UNBALANCED`; any other result stands, wherever it is.
    """
    outside, strings = _outside(value)
    balanced = outside is not None
    if outside is None:
        outside = value.translate(_MARKS)
        if defects is not None:
            defects.note(_UNCLOSED)
    authserv_id = ""
    if named := _ID.match(outside.partition(";")[0]):
        authserv_id = _filled(named[1], strings).lower()
        outside = outside[named.end() :]
    methods = []
    for piece in outside.split(";")[: limits.AUTH_METHODS + 1]:
        pairs = [(name.lower(), told) for name, told in _PAIR.findall(piece)]
        if pairs and '"' not in pairs[0][1]:  # a result is a keyword, never a string
            (method, result), *properties = pairs
            result = result.lower() if balanced or result.lower() != "pass" else UNBALANCED
            filled = tuple((name, _filled(told, strings)) for name, told in properties)
            methods.append(AuthMethod(method.partition("/")[0], result, filled))
    return AuthResults(position, authserv_id, tuple(methods[: limits.AUTH_METHODS]))


def _outside(text: str) -> tuple[str | None, list[str]]:
    """What stands in no comment (RFC 5322 section 3.2.2) and no quoted string (section 3.2.4), and those strings.

    A comment becomes a blank, the string number n becomes "n" in quotes. None where one is not closed, or none opened.
    """
    out: list[str] = []
    strings: list[str] = []
    held: list[str] | None = None  # of the string that is open
    depth = 0  # of the comments that are open: they nest
    for lexeme in _LEXEME.findall(text):
        if held is not None:
            if lexeme == '"':
                out.append(f'"{len(strings)}"')
                strings.append("".join(held))
                held = None
            else:
                held.append(lexeme[1:] if lexeme[0] == "\\" else lexeme)
        elif depth:  # in which a quote means nothing
            depth += (lexeme == "(") - (lexeme == ")")
        else:
            mark = lexeme[-1]  # a backslash quotes nothing out here
            if mark == ")":
                return None, []
            if mark not in '"(':
                out.append(lexeme)
                continue
            out.append(lexeme[:-1])
            if mark == '"':
                held = []
            else:
                out.append(" ")
                depth = 1
    return ("".join(out) if held is None and not depth else None), strings


def _filled(text: str, strings: list[str]) -> str:
    """With the quoted strings in their places."""
    return _QUOTED.sub(lambda found: strings[int(found[1])], text) if strings else text
