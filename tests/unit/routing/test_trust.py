"""What a door believes about who wrote."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from mailgate.verify.dmarc import organisation
from parsing.read import parse
from routing.mail import Envelope, Evidence
from routing.policy import Door
from routing.trust import weigh

SMTP = Door("mx.desk.example", (ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"), ip_network("::1/128")))
IMAP = Door("mx.imap.example")
MICROSOFT = Door("microsoft", tenant=frozenset(("acme.example",)))
TOP = "Authentication-Results: mx.desk.example; "


def weighed(
    headers: str, *, sender: str = "From: Anna <anna@acme.example>", door: Door = SMTP, by: str = "smtp",
    peer: str = "127.0.0.1",
) -> Evidence:  # fmt: skip
    message = parse(f"{headers}\r\n{sender}\r\nSubject: x\r\n\r\nwords\r\n".encode())
    return weigh(message, Envelope(by, peer, "", (), 0.0, 0.0), door, organisation)


@pytest.mark.parametrize(
    ("header", "result"),
    [
        ("dmarc=pass header.from=acme.example", "pass"),
        ("dmarc=pass (p=reject dis=none) header.from=ACME.Example", "pass"),
        ("spf=fail smtp.mailfrom=x; dkim=none; dmarc=pass header.from=acme.example", "pass"),
        ("dmarc=pass header.from=other.example", "none"),
        ("dmarc=pass", "none"),
        ("dmarc=bestguesspass header.from=acme.example", "none"),
        ("dmarc=none header.from=acme.example", "none"),
        ("dmarc=temperror header.from=acme.example", "none"),
        ("dkim=pass header.d=acme.example", "pass"),
        ("dkim=pass header.i=@acme.example", "pass"),
        ("dkim=fail header.d=acme.example; dkim=pass header.d=acme.example", "pass"),
        ("dkim=pass header.d=mail.acme.example", "pass"),
        ("dkim=pass header.d=example", "none"),
        ("dkim=pass header.d=notacme.example", "none"),
        ("dkim=pass header.d=evil.example", "none"),
        ("dkim=fail header.d=acme.example", "none"),
        ("spf=pass smtp.mailfrom=anna@acme.example", "none"),
        ("dmarc=fail header.from=acme.example", "fail"),
        ("dkim=pass header.d=acme.example; dmarc=fail header.from=acme.example", "fail"),
        ("none", "none"),
    ],
)
def test_what_the_providers_header_proves(header: str, result: str) -> None:
    assert weighed(TOP + header).result == result


def test_a_parent_domain_may_sign_for_its_child_and_a_neighbour_may_not() -> None:
    child = "From: anna@mail.acme.example"
    assert weighed(TOP + "dkim=pass header.d=acme.example", sender=child).result == "pass"
    assert weighed(TOP + "dkim=pass header.d=news.acme.example", sender=child).result == "none"


@pytest.mark.parametrize("suffix", ["co.uk", "com.br", "github.io"])
def test_a_public_suffix_signs_for_nobody_below_it(suffix: str) -> None:
    shop = f"From: anna@shop.{suffix}"
    assert weighed(TOP + f"dkim=pass header.d={suffix}", sender=shop).result == "none"
    assert weighed(TOP + f"dkim=pass header.d=shop.{suffix}", sender=f"From: anna@mail.shop.{suffix}").result == "pass"


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ("dmarc=fail (p=reject dis=none) header.from=acme.example", "reject"),  # OpenDMARC
        ("dmarc=fail (p=none dis=none) header.from=acme.example", "none"),
        ("dmarc=fail (p=NONE sp=REJECT dis=NONE) header.from=acme.example", "none"),  # Gmail; sp is for names below
        ("dmarc=fail (p=QUARANTINE sp=NONE dis=QUARANTINE) header.from=acme.example", "quarantine"),
        ("dmarc=fail(p=REJECT,sp=NONE) header.from=acme.example", "reject"),
        ("dmarc=fail action=quarantine header.from=acme.example", "quarantine"),  # Microsoft
        ("dmarc=fail action=oreject header.from=acme.example", "reject"),
        ("dmarc=fail action=pct.quarantine header.from=acme.example", "quarantine"),
        ("dmarc=fail action=none header.from=acme.example", "none"),
        ("dmarc=fail policy.dmarc=reject header.from=acme.example", "reject"),
        ("dmarc=fail policy.published-domain-policy=quarantine header.from=acme.example", "quarantine"),
        ("dmarc=fail header.from=acme.example (policy=none)", "none"),  # rspamd
        ('dmarc=fail reason="SPF not aligned" header.from=acme.example (policy=reject)', "reject"),
        ("dmarc=fail header.from=acme.example", "unknown"),
        ("dmarc=fail header.from=reject.example", "unknown"),
    ],
)
def test_what_the_domain_asks_for_on_failure(said: str, asks: str) -> None:
    evidence = weighed(TOP + "spf=none (p=reject); " + said)
    assert (evidence.result, evidence.policy) == ("fail", asks)


def test_only_the_topmost_header_counts() -> None:
    good = TOP + "dmarc=pass header.from=acme.example"
    assert weighed(f"{good}\r\n{TOP}dmarc=fail header.from=acme.example").result == "pass"
    assert weighed(f"{TOP}dmarc=none\r\n{good}").result == "none"


def test_below_another_servers_header_a_fail_counts_and_a_pass_does_not() -> None:
    above = "Authentication-Results: mx2.desk.example; spf=pass\r\n"
    passed = weighed(f"{above}{TOP}dmarc=pass header.from=acme.example")
    assert passed.result == "none"
    assert passed.seen == "mx2.desk.example stands above what is written by mx.desk.example"
    assert weighed(f"{above}{TOP}dmarc=fail (p=reject) header.from=acme.example").policy == "reject"
    assert weighed(f"{above}{TOP}dmarc=none\r\n{TOP}dmarc=fail header.from=acme.example").result == "none"


@pytest.mark.parametrize(
    ("checked", "policy"),
    [("evil.example", "unknown"), ("acme.example", "reject"), ("mail.acme.example", "reject")],
)
def test_another_domains_policy_says_nothing_of_the_authors(checked: str, policy: str) -> None:
    evidence = weighed(f"{TOP}dmarc=fail (p=reject) header.from={checked}")
    assert (evidence.result, evidence.policy) == ("fail", policy)
    assert ("for evil.example, while From says acme.example" in evidence.seen) == (checked == "evil.example")


def test_another_authserv_id_is_somebodys_claim() -> None:
    assert weighed("Authentication-Results: mx.evil.example; dmarc=pass header.from=acme.example").result == "none"
    assert weighed("Authentication-Results: dmarc=pass header.from=acme.example").result == "none"
    assert weighed("Authentication-Results: MX.Desk.Example 1; dmarc=pass header.from=acme.example").result == "pass"


def test_a_client_that_is_no_trusted_relay_proves_nothing() -> None:
    good = TOP + "dmarc=pass header.from=acme.example"
    assert weighed(good, peer="192.0.2.7").result == "none"
    assert weighed(good, peer="nonsense").result == "none"
    assert weighed(good, peer="10.1.2.3").result == "pass"
    assert weighed(good, peer="::ffff:10.1.2.3").result == "pass"
    assert weighed(good, peer="::1").result == "pass"
    assert weighed(good, peer="").result == "pass", "a local socket"


def test_a_door_that_believes_nobody_proves_nothing() -> None:
    good = TOP + "dmarc=pass header.from=acme.example"
    assert weighed(good, door=Door()).result == "none"
    assert weighed(TOP + "dmarc=fail (p=reject) header.from=acme.example", door=Door()).result == "none"


def test_a_mailbox_believes_its_own_provider() -> None:
    header = "Authentication-Results: mx.imap.example; dmarc=pass header.from=acme.example"
    assert weighed(header, door=IMAP, by="imap:office", peer="").result == "pass"


@pytest.mark.parametrize(
    "header",
    [
        "Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=acme.example; dkim=none;"
        " dmarc=pass action=none header.from=acme.example;compauth=pass reason=100",
        "X-MS-Exchange-Organization-AuthAs: Internal",
    ],
)
def test_microsofts_marks_count_in_its_mailbox_and_at_no_other_door(header: str) -> None:
    assert weighed(header, door=MICROSOFT, by="imap:office", peer="").result == "pass"
    assert weighed(header, door=MICROSOFT).result == "none"
    assert weighed(header, door=SMTP).result == "none"
    assert weighed(header, door=IMAP, by="imap:office", peer="").result == "none"


INTERNAL = "X-MS-Exchange-Organization-AuthAs: Internal"


def test_the_mark_of_mail_from_inside_a_tenant_vouches_for_its_own_domains_alone() -> None:
    other = weighed(INTERNAL, sender="From: eve@bank.example", door=MICROSOFT, by="imap:office", peer="")
    assert other.result == "none"
    assert other.seen.endswith("Internal, and bank.example is none of the tenant's domains")
    header = f"Authentication-Results: dmarc=pass header.from=bank.example\r\n{INTERNAL}"
    proved = weighed(header, sender="From: eve@bank.example", door=MICROSOFT, by="imap:office", peer="")
    assert proved.result == "pass", "by DMARC"


@pytest.mark.parametrize("checked", ["acme.example", "evil.example"])
def test_the_mark_of_mail_from_inside_a_tenant_does_not_count_beside_a_failure(checked: str) -> None:
    header = f"Authentication-Results: dmarc=fail action=none header.from={checked}\r\n{INTERNAL}"
    assert weighed(header, door=MICROSOFT, by="imap:office", peer="").result == "fail"


def test_microsofts_anonymous_mail_is_not_internal() -> None:
    header = "X-MS-Exchange-Organization-AuthAs: Anonymous"
    assert weighed(header, door=MICROSOFT, by="imap:office", peer="").result == "none"


@pytest.mark.parametrize(
    "sender",
    [
        "From: anna@acme.example, eve@evil.example",
        "From: anna@acme.example\r\nFrom: eve@evil.example",
        "From: Anna",
        "X-From: anna@acme.example",
    ],
)
def test_without_exactly_one_author_nobody_is_proved(sender: str) -> None:
    assert weighed(TOP + "dmarc=pass header.from=acme.example", sender=sender).result == "none"


def test_a_domain_in_its_own_script_is_the_one_of_the_dns() -> None:
    header = TOP + "dmarc=pass header.from=xn--mnchen-3ya.example"
    assert weighed(header, sender="From: anna@münchen.example").result == "pass"


@pytest.mark.parametrize("vouches", ["dmarc=pass header.from=", "dkim=pass header.d="])
def test_a_domain_is_not_vouched_for_by_one_that_only_older_rules_take_for_the_same(vouches: str) -> None:
    sender = "From: anna@straße.example"
    assert weighed(f"{TOP}{vouches}strasse.example", sender=sender).result == "none"
    assert weighed(f"{TOP}{vouches}xn--strae-oqa.example", sender=sender).result == "pass"


def test_what_was_seen_is_a_sentence_for_a_person() -> None:
    assert weighed(TOP + "dmarc=pass header.from=acme.example").seen == (
        "dmarc=pass header.from=acme.example by mx.desk.example"
    )
