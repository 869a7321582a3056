"""Authentication-Results and their like, as values with their place."""

from __future__ import annotations

import pytest

from parsing import limits
from parsing.message import Auth, AuthResults
from parsing.read import parse


def read(*fields: str) -> Auth:
    return parse(("\n".join(fields) + "\nFrom: j@x.example\n\nx\n").encode()).auth


def first(value: str) -> AuthResults:
    return read(f"Authentication-Results: {value}").results[0]


def test_methods_results_and_properties_are_read() -> None:
    found = first(
        'mx.example 1; dkim=pass (good; "x") header.d=X.example header.b="a;b"; dmarc=FAIL (p=none) header.from=y'
    )
    assert found.authserv_id == "mx.example"
    assert [(one.method, one.result) for one in found.methods] == [("dkim", "pass"), ("dmarc", "fail")]
    assert found.methods[0].get("header.d") == "X.example"
    assert found.methods[0].get("header.b") == "a;b"
    assert found.methods[1].get("header.from") == "y"


def test_microsoft_writes_no_authserv_id() -> None:
    found = first(
        "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=x.example;dmarc=pass action=none header.from=x.example"
    )
    assert found.authserv_id == ""
    assert found.methods[1].get("action") == "none"


@pytest.mark.parametrize("value", ["mx.example; none", "mx.example", "mx.example;"])
def test_no_result_is_no_method(value: str) -> None:
    assert first(value) == AuthResults(0, "mx.example", ())


def test_a_comment_never_counts_as_a_result() -> None:
    assert [one.method for one in first("mx.example; spf=fail (dkim=pass (dmarc=pass; ) x); arc=none").methods] == [
        "spf",
        "arc",
    ]
    assert first("mx.example; spf=fail (open; dmarc=pass").methods[-1].method == "spf"


def test_headers_keep_their_places() -> None:
    found = read("Authentication-Results: a.example; spf=pass", "X: y", "Authentication-Results: b.example; spf=fail")
    assert [(one.position, one.authserv_id) for one in found.results] == [(0, "a.example"), (1, "b.example")]


def test_too_many_headers_are_cut() -> None:
    many = ["Authentication-Results: a.example; spf=pass"] * (limits.AUTH_RESULTS + 1)
    assert len(read(*many).results) == limits.AUTH_RESULTS


def test_signing_domains_spam_verdicts_and_exchange_marks_are_read() -> None:
    found = read(
        "DKIM-Signature: v=1; a=rsa-sha256; d=X.example; s=s; bh=d=z",
        "X-Spam-Flag: YES",
        "X-Forefront-Antispam-Report: CIP:192.0.2.1;SCL:5;SRV:",
        "X-MS-Exchange-Organization-AuthAs: Internal",
    )
    assert found.dkim_domains == ("x.example",)
    assert found.spam == (("X-Spam-Flag", "YES"), ("SCL", "5"))
    assert found.exchange_auth_as == "Internal"


def test_a_mail_that_claims_nothing_has_no_claims() -> None:
    assert read("Subject: dkim=pass") == Auth()
