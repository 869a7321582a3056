"""What a provider says, what was checked here, and forwarders of the settings: which of them counts."""

from __future__ import annotations

import pytest

from parsing.read import parse
from routing.mail import NO_EVIDENCE, Envelope, Evidence
from routing.policy import Door
from routing.trust import weigh

CHECKED = {
    result: Evidence(result, "reject", f"{result}, checked here", "check") for result in ("pass", "fail", "none")
}
BY_HEADER = {
    "pass": "dmarc=pass header.from=acme.example",
    "fail": "dmarc=fail header.from=acme.example",
    "none": "spf=pass smtp.mailfrom=anna@acme.example",
}


def weighed(results: str | None, found: Evidence | None, forwarders: frozenset[str] = frozenset()) -> Evidence:
    head = f"Authentication-Results: mx.desk.example; {results}\r\n" if results else ""
    message = parse(f"{head}From: Anna <anna@acme.example>\r\nSubject: x\r\n\r\nwords\r\n".encode())
    door = Door("mx.desk.example", None, forwarders)
    return weigh(message, Envelope("smtp", "", "", (), 0.0, 0.0), door, lambda domain: domain, found)


@pytest.mark.parametrize("found", ["pass", "fail", "none"])
@pytest.mark.parametrize("told", ["pass", "fail"])
def test_verdict_of_the_provider_goes_before_our_own(told: str, found: str) -> None:
    evidence = weighed(BY_HEADER[told], CHECKED[found])
    assert (evidence.result, evidence.method) == (told, "header")


@pytest.mark.parametrize("found", ["pass", "fail", "none"])
@pytest.mark.parametrize("told", [BY_HEADER["none"], None])
def test_our_own_check_counts_where_the_provider_has_no_verdict(told: str | None, found: str) -> None:
    assert weighed(told, CHECKED[found]) == CHECKED[found]


def test_without_header_and_check_there_is_no_evidence() -> None:
    assert weighed(None, None) == NO_EVIDENCE


def test_header_that_counted_before_is_weighed_anew_and_not_taken_for_a_check() -> None:
    before = Evidence("pass", "unknown", "dmarc=pass header.from=acme.example by mx.old.example", "header")
    assert weighed(None, before) == NO_EVIDENCE


@pytest.mark.parametrize(
    "proof",
    [
        "dkim=pass header.d=lists.example",
        "dkim=pass header.i=@it.lists.example",
        "spf=pass smtp.mailfrom=x@lists.example",
    ],
)
def test_failure_by_a_forwarder_of_the_settings_is_unverified(proof: str) -> None:
    told = f"{proof}; dmarc=fail (p=reject) header.from=acme.example"
    evidence = weighed(told, None, frozenset(["lists.example"]))
    assert (evidence.result, evidence.policy) == ("none", "reject")
    assert "forwarder" in evidence.seen
    assert weighed(told, None).result == "fail"


@pytest.mark.parametrize(
    "claim",
    [
        "dkim=fail header.d=lists.example",
        "dkim=pass header.d=evillists.example",
        "spf=softfail smtp.mailfrom=x@lists.example",
    ],
)
def test_forwarder_that_the_provider_did_not_prove_changes_nothing(claim: str) -> None:
    told = f"{claim}; dmarc=fail (p=reject) header.from=acme.example"
    assert weighed(told, None, frozenset(["lists.example"])).result == "fail"
