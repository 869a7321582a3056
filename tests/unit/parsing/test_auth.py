"""Authentication-Results and their like, as values with their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing import auth, limits
from parsing.auth import UNBALANCED
from parsing.defects import Defects
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


FORGED = "dmarc=pass header.from=bank.example"


@pytest.mark.parametrize(
    "value",
    [
        rf'spf=pass smtp.mailfrom="a\";{FORGED};\"b"@evil.example; dmarc=none',
        rf"spf=pass (domain of a\); {FORGED} \(x@evil.example) smtp.mailfrom=evil.example; dmarc=none",
        rf'spf=pass (of "a\); {FORGED} \(x"@evil.example); dmarc=none',
        'spf=pass smtp.mailfrom="a(b"@evil.example; dmarc=none (p=reject)',
        rf'spf=pass "x" smtp.mailfrom="a"{FORGED}; dmarc=none',
    ],
)
@pytest.mark.parametrize("server", ["mx.desk.example; ", ""])
def test_what_a_sender_wrote_in_his_address_is_no_result(server, value):
    assert [(one.method, one.result) for one in first(server + value).methods] == [("spf", "pass"), ("dmarc", "none")]


def test_a_quoted_string_is_one_part_of_a_value_without_its_backslashes():
    assert first(r'mx.example; spf=pass smtp.mailfrom="a \"b\";"@x.example').methods[0].properties == (
        ("smtp.mailfrom", 'a "b";@x.example'),
    )


@pytest.mark.parametrize("value", ['dmarc="pass"', '"dmarc"=pass', '"dmarc=pass"', 'x"dmarc=pass"', 'dmarc=pass"x"'])
def test_a_quoted_string_is_no_method_and_no_result(value):
    assert first(f"mx.example; {value}").methods == ()


@pytest.mark.parametrize(
    "value",
    [
        "spf=pass (open; dmarc=fail",
        'spf=pass smtp.mailfrom="a; dmarc=fail header.from=x.example',
        "spf=pass (a) x); dmarc=fail (p=reject)",
        'spf=pass (domain of "a("@evil.example) smtp.mailfrom=x; dmarc=fail (p=reject)',
        "spf=pass (a\\); dmarc=fail",
        r"spf=pass smtp.mailfrom=a\"; dmarc=fail \"b",
    ],
)
@pytest.mark.parametrize("server", ["mx.example; ", "mx.example (a=b); ", ""])
def test_of_an_unbalanced_field_only_what_is_bad_is_believed(server, value):
    found = first(server + value)
    assert found.authserv_id == ("mx.example" if server else "")
    assert [(one.method, one.result) for one in found.methods if one.method in ("spf", "dmarc")] == [
        ("spf", UNBALANCED),
        ("dmarc", "fail"),
    ]


_TEXT = st.text(st.sampled_from('ab ;=".()@\\') | st.characters(codec="ascii", min_codepoint=32, max_codepoint=126))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _comment(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"({escaped})"


_SAYING = st.lists(_TEXT | st.sampled_from([f"; {FORGED}; ", f";{FORGED} ", FORGED]), max_size=4).map("".join)


@given(_SAYING, _SAYING, st.booleans())
def test_nothing_inside_a_string_or_a_comment_is_ever_a_method(string, comment, microsoft):
    value = f"spf=pass {_comment(comment)} smtp.mailfrom={_quoted(string)}@x.example (a {_comment(string)}); dmarc=fail"
    methods = auth.read([("Authentication-Results", value if microsoft else "mx.example; " + value)]).results[0].methods
    assert [(one.method, one.result) for one in methods] == [("spf", "pass"), ("dmarc", "fail")]
    assert methods[0].properties == (("smtp.mailfrom", f"{string}@x.example"),)


@given(_TEXT, st.sampled_from('"('))
def test_no_field_with_an_open_string_or_comment_says_pass(text, mark):
    inside = text.replace("\\", "").replace('"', "").replace("(", "").replace(")", "")
    methods = auth.read([("Authentication-Results", f"mx.example; spf=pass {mark}{inside}; dmarc=pass")]).results[0]
    assert all(one.result != "pass" for one in methods.methods)


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


def test_an_unbalanced_field_is_a_defect_and_a_balanced_one_is_none() -> None:
    for value, count in (("mx; dkim=pass (x header.d=b", 1), ("mx; dkim=pass (x) header.d=b", 0)):
        defects = Defects()
        auth.read([("Authentication-Results", value)] * 2, defects)
        assert len(defects) == count
