"""What a mail's signatures and its domain's records say about its author, with a DNS that is a dictionary."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

import pytest
from signing import KEY_NAME, field, record, sealed, signed

from mailgate.verify.check import weigh
from mailgate.verify.dns import DnsTrouble
from parsing.read import parse
from routing.mail import Envelope, Evidence
from routing.policy import Door

pytestmark = pytest.mark.real("openssl")

MAIL = (
    b"From: Anna <anna@acme.example>\r\nTo: help@desk.example\r\nSubject: Printer\r\n"
    b"Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nMessage-ID: <1@acme.example>\r\n\r\nIt  is on fire.\r\nPlease help.\r\n"
)
ACME_KEY = {(f"{KEY_NAME}acme.example", "TXT"): [record().encode()]}
REJECT = {("_dmarc.acme.example", "TXT"): [b"v=DMARC1; p=reject"]}
BEHIND = Door(trusted=(ip_network("127.0.0.1/32"),))
PEER = "203.0.113.9"

Zone = Mapping[tuple[str, str], Sequence[Any]]


def found(
    raw: bytes = MAIL,
    zone: Zone | None = None,
    *,
    door: str = "smtp",
    peer: str = "127.0.0.1",
    mail_from: str = "bounces@elsewhere.example",
    rules: Door = BEHIND,
    sealers: frozenset[str] = frozenset(),
    away: Sequence[str] = (),
) -> Evidence:
    """The evidence; names in `away` have no nameserver that answers."""

    def lookup(name: str, kind: str, /) -> tuple[Any, ...]:
        if name in away:
            raise DnsTrouble(f"no answer about {name} {kind}")
        return tuple((ACME_KEY | REJECT if zone is None else zone).get((name, kind), ()))

    return weigh(parse(raw), raw, Envelope(door, peer, mail_from, (), 0.0, 0.0), rules, sealers, lookup)


def test_aligned_signature_that_holds_is_a_pass() -> None:
    evidence = found(signed(MAIL))
    assert (evidence.result, evidence.policy, evidence.method) == ("pass", "reject", "check")
    assert evidence.seen == "dkim=pass header.d=acme.example for acme.example, checked here"


def test_signature_that_holds_is_a_pass_where_the_domain_has_no_policy() -> None:
    assert found(signed(MAIL), ACME_KEY).result == "pass"


@pytest.mark.parametrize("canonical", ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"])
def test_every_canonicalization_holds_for_a_body_with_blanks(canonical: str) -> None:
    head, body = (part.encode() for part in canonical.split("/"))
    raw = MAIL + b"a\t \tb  \r\n\t\r\n \r\n\r\n"
    assert found(signed(raw, canonicalize=(head, body))).result == "pass"


def test_line_ends_of_a_mailbox_change_nothing() -> None:
    assert found(signed(MAIL).replace(b"\r\n", b"\n")).result == "pass"


def test_altered_body_fails_under_a_policy_of_reject() -> None:
    evidence = found(signed(MAIL).replace(b"fire", b"sale"))
    assert (evidence.result, evidence.policy) == ("fail", "reject")
    assert "body hash" in evidence.seen


def test_altered_body_by_imap_is_unverified_since_providers_alter_bodies() -> None:
    evidence = found(signed(MAIL).replace(b"fire", b"sale"), door="imap:office", peer="")
    assert (evidence.result, evidence.policy) == ("none", "reject")


def test_altered_subject_fails() -> None:
    assert found(signed(MAIL).replace(b"Subject: Printer", b"Subject: Invoice")).result == "fail"


def test_forged_mail_without_signature_fails_and_asks_what_the_domain_asks() -> None:
    for asks in ("none", "quarantine", "reject"):
        evidence = found(zone={("_dmarc.acme.example", "TXT"): [f"v=DMARC1; p={asks}".encode()]})
        assert (evidence.result, evidence.policy) == ("fail", asks)


def test_mail_without_signature_of_a_domain_without_policy_is_unverified() -> None:
    evidence = found(zone={})
    assert (evidence.result, evidence.policy) == ("none", "unknown")


def test_signature_of_another_domain_says_nothing_about_the_author() -> None:
    keys = {(f"{KEY_NAME}evil.example", "TXT"): [record("evil.example").encode()]}
    assert found(signed(MAIL, "evil.example"), keys | REJECT).result == "fail"


def test_key_of_another_makes_no_signature_of_the_author() -> None:
    assert found(signed(MAIL, by="evil.example")).result == "fail"


def test_length_tag_is_refused_though_the_signature_would_hold() -> None:
    evidence = found(signed(MAIL, length=True))
    assert evidence.result == "fail"
    assert "l=" in evidence.seen


def test_text_put_behind_a_length_tag_is_refused() -> None:
    assert found(signed(MAIL, length=True) + b"Pay here.\r\n").result == "fail"


def test_key_below_1024_bits_is_refused_and_one_of_1024_is_not() -> None:
    zone = {(f"{KEY_NAME}acme.example", "TXT"): [record(bits=768).encode()]} | REJECT
    assert found(signed(MAIL, bits=768), zone).result == "fail"
    assert found(signed(MAIL)).result == "pass"


def test_key_that_is_no_more_there_makes_no_pass() -> None:
    assert found(signed(MAIL), REJECT).result == "fail"


@pytest.mark.parametrize(
    "text",
    [b"", b"v=DKIM1; k=rsa; p=", b"v=DKIM1; p=!!!", b"\xff\xfe", b"v=DKIM1; k=rsa; p=" + b"A" * 5000, b"p=;p=;p"],
)
def test_key_record_that_is_none_makes_no_pass(text: bytes) -> None:
    zone = {(f"{KEY_NAME}acme.example", "TXT"): [text]} | REJECT
    assert found(signed(MAIL), zone).result == "fail"


def test_two_key_records_under_one_name_make_no_pass() -> None:
    zone = {(f"{KEY_NAME}acme.example", "TXT"): [record().encode(), record("evil.example").encode()]} | REJECT
    assert found(signed(MAIL), zone).result == "fail"


def test_expired_signature_is_no_pass() -> None:
    raw = signed(MAIL)
    stamp = raw.partition(b"t=")[2].partition(b";")[0]
    expired = raw.replace(b"t=" + stamp, b"t=1; x=1000000000")
    assert "x= value is past" in found(expired).seen
    assert found(expired).result == "fail"


def test_signature_by_sha1_is_refused() -> None:
    assert "sha1" in found(signed(MAIL, signature_algorithm=b"rsa-sha1")).seen


def test_signature_that_does_not_cover_from_is_refused() -> None:
    raw = signed(MAIL)
    assert found(raw.replace(b"h=from :", b"h=sender :").replace(b": from;", b";")).result == "fail"


def test_second_signature_counts_where_the_first_does_not_hold() -> None:
    broken = field("DKIM-Signature", v="1", a="rsa-sha256", d="acme.example", s="gone", h="from", bh="AAAA", b="AAAA")
    assert found(broken + signed(MAIL)).result == "pass"


def test_of_a_thousand_signatures_five_are_looked_at() -> None:
    asked: list[str] = []

    def lookup(name: str, kind: str, /) -> tuple[Any, ...]:
        asked.append(name)
        return tuple(REJECT.get((name, kind), ()))

    fields = [
        field("DKIM-Signature", v="1", a="rsa-sha256", d="acme.example", s=f"k{n}", h="from", bh="AAAA", b="AAAA")
        for n in range(1000)
    ]
    raw = b"".join(fields) + MAIL
    evidence = weigh(parse(raw), raw, Envelope("smtp", "", "x@y.example", (), 0.0, 0.0), Door(), frozenset(), lookup)
    assert evidence.result == "fail"
    assert asked == ["_dmarc.acme.example", *(f"k{n}._domainkey.acme.example" for n in range(5))]


def test_signature_of_the_parent_domain_is_aligned_unless_the_record_is_strict() -> None:
    raw = signed(MAIL.replace(b"anna@acme.example", b"anna@sub.acme.example"))
    relaxed = ACME_KEY | REJECT
    strict = ACME_KEY | {("_dmarc.acme.example", "TXT"): [b"v=DMARC1; p=reject; adkim=s"]}
    assert found(raw, relaxed).result == "pass"
    assert found(raw, strict).result == "fail"
    assert found(signed(MAIL), strict).result == "pass"


def test_public_suffix_speaks_for_nobody_below_it() -> None:
    raw = signed(MAIL.replace(b"acme.example", b"acme.co.uk"), "co.uk")
    zone = {(f"{KEY_NAME}co.uk", "TXT"): [record("co.uk").encode()]}
    assert found(raw, zone).result == "none"


def test_domains_beside_each_other_under_one_organisation_are_aligned() -> None:
    raw = signed(MAIL.replace(b"anna@acme.example", b"anna@mail.acme.example"), "news.acme.example")
    zone = {(f"{KEY_NAME}news.acme.example", "TXT"): [record("news.acme.example").encode()]}
    assert found(raw, zone).result == "pass"


@pytest.mark.parametrize(
    ("zone", "result", "policy"),
    [
        ({"_dmarc.acme.example": [b"v=DMARC1; p=reject; sp=none"]}, "fail", "none"),
        ({"_dmarc.acme.example": [b"v=DMARC1; p=quarantine"]}, "fail", "quarantine"),
        ({"_dmarc.sub.acme.example": [b"v=DMARC1; p=none"], "_dmarc.acme.example": [b"v=DMARC1; p=reject"]},) * 1
        + ("fail", "none"),
        ({"_dmarc.acme.example": [b"v=DMARC1; p=none; pct=0", b"v=DMARC1; p=reject"]}, "none", "unknown"),
        ({"_dmarc.acme.example": [b"some text", b"v=DMARC1;p=reject;pct=1"]}, "fail", "reject"),
        ({"_dmarc.acme.example": [b"v=DMARC1; p=whatever"]}, "none", "unknown"),
        ({"_dmarc.acme.example": [b"v=DMARC1; rua=mailto:d@acme.example"]}, "fail", "none"),
        ({"_dmarc.acme.example": [b"p=reject; v=DMARC1"]}, "none", "unknown"),
        ({"_dmarc.acme.example": [b"v=dmarc1; p=reject"]}, "none", "unknown"),
        ({"_dmarc.acme.example": [b"v=DMARC1; p=reject; \xff=\xfe;;;= ;"]}, "fail", "reject"),
    ],
)
def test_policy_of_a_name_below_is_found_as_the_rfc_says(
    zone: Mapping[str, list[bytes]], result: str, policy: str
) -> None:
    raw = MAIL.replace(b"anna@acme.example", b"anna@sub.acme.example")
    evidence = found(raw, {(name, "TXT"): texts for name, texts in zone.items()})
    assert (evidence.result, evidence.policy) == (result, policy)


def test_spf_pass_of_the_author_himself_at_our_door_is_a_dmarc_pass() -> None:
    zone = REJECT | {("acme.example", "TXT"): [b"v=spf1 ip4:203.0.113.0/24 -all"]}
    evidence = found(zone=zone, peer=PEER, mail_from="anna@acme.example")
    assert evidence.result == "pass"
    assert "spf=pass" in evidence.seen


def test_spf_fail_of_the_author_at_our_door_is_a_dmarc_fail() -> None:
    zone = REJECT | {("acme.example", "TXT"): [b"v=spf1 ip4:192.0.2.0/24 -all"]}
    assert found(zone=zone, peer=PEER, mail_from="anna@acme.example").result == "fail"


def test_spf_pass_of_a_domain_without_policy_is_unverified() -> None:
    zone = {("acme.example", "TXT"): [b"v=spf1 ip4:203.0.113.0/24 -all"]}
    assert found(zone=zone, peer=PEER, mail_from="anna@acme.example").result == "none"


def test_spf_pass_of_another_domain_says_nothing_about_the_author() -> None:
    zone = REJECT | {("evil.example", "TXT"): [b"v=spf1 ip4:203.0.113.0/24 -all"]}
    assert found(zone=zone, peer=PEER, mail_from="x@evil.example").result == "fail"


def test_behind_a_relay_nobody_knows_what_spf_would_have_said() -> None:
    zone = REJECT | {("acme.example", "TXT"): [b"v=spf1 ip4:127.0.0.1 -all"]}
    evidence = found(zone=zone, mail_from="anna@acme.example")
    assert evidence.result == "none"
    assert "SPF cannot be asked" in evidence.seen
    assert found(zone=zone, door="lmtp", peer="", mail_from="anna@acme.example").result == "none"


def test_report_with_the_null_sender_is_unverified_and_no_failure() -> None:
    assert found(mail_from="").result == "none"
    assert found(mail_from="", peer=PEER).result == "none"


@pytest.mark.parametrize(
    "text",
    [b"v=spf1 include:acme.example -all", b"v=spf1 " + b"a:gone.acme.example " * 20, b"v=spf1 ip4:!!", b"v=spf1 %{z}"],
)
def test_spf_record_that_leads_nowhere_is_no_pass(text: bytes) -> None:
    zone = REJECT | {("acme.example", "TXT"): [text]}
    assert found(zone=zone, peer=PEER, mail_from="anna@acme.example").result == "fail"


@pytest.mark.parametrize("away", ["_dmarc.acme.example", f"{KEY_NAME}acme.example"])
def test_answer_that_is_missing_is_asked_for_again(away: str) -> None:
    with pytest.raises(DnsTrouble):
        found(signed(MAIL), away=[away])


def test_answer_that_is_missing_about_spf_is_asked_for_again() -> None:
    with pytest.raises(DnsTrouble):
        found(zone=REJECT, peer=PEER, mail_from="anna@acme.example", away=["acme.example"])


def test_answer_that_is_missing_does_not_matter_where_another_signature_holds() -> None:
    other = field("DKIM-Signature", v="1", a="rsa-sha256", d="acme.example", s="s9", h="from", bh="AAAA", b="AAAA")
    assert found(other + signed(MAIL), away=["s9._domainkey.acme.example"]).result == "pass"


def test_nameserver_of_a_stranger_that_is_away_delays_nobody() -> None:
    other = field("DKIM-Signature", v="1", a="rsa-sha256", d="evil.example", s="s1", h="from", bh="AAAA", b="AAAA")
    assert found(other + signed(MAIL), away=["s1._domainkey.evil.example"]).result == "pass"


RESULTS = b"Authentication-Results: lists.example; dmarc=%s header.from=%s\r\n"
LISTS_KEY = {(f"{KEY_NAME}lists.example", "TXT"): [record("lists.example").encode()]}


def forwarded(result: bytes = b"pass", author: bytes = b"acme.example") -> bytes:
    """As a list server gives it on: subject altered, the author's signature broken, its own seal on top."""
    return sealed(
        RESULTS % (result, author) + MAIL.replace(b"Printer", b"[it] Printer"), "lists.example", "lists.example"
    )


def test_seal_of_a_sealer_of_the_settings_counts_like_a_providers_header() -> None:
    evidence = found(forwarded(), LISTS_KEY | REJECT, sealers=frozenset(["lists.example"]))
    assert evidence.result == "pass"
    assert "ARC seal of lists.example" in evidence.seen


def test_seal_of_anybody_else_counts_for_nothing() -> None:
    assert found(forwarded(), LISTS_KEY | REJECT).result == "fail"


def test_seal_that_says_the_author_failed_or_was_another_is_no_pass() -> None:
    for raw in (forwarded(b"fail"), forwarded(author=b"evil.example")):
        assert found(raw, LISTS_KEY | REJECT, sealers=frozenset(["lists.example"])).result == "fail"


def test_seal_over_an_altered_mail_or_altered_results_is_no_pass() -> None:
    for raw in (forwarded().replace(b"fire", b"sale"), forwarded(b"fail").replace(b"dmarc=fail", b"dmarc=pass")):
        evidence = found(raw, LISTS_KEY | REJECT, sealers=frozenset(["lists.example"]))
        assert evidence.result == "fail"
        assert "arc=fail" in evidence.seen


def test_failure_that_came_by_a_forwarder_of_the_settings_is_unverified() -> None:
    raw = signed(MAIL.replace(b"Printer", b"[it] Printer"), "lists.example")
    rules = Door(trusted=BEHIND.trusted, forwarders=frozenset(["lists.example"]))
    evidence = found(raw, LISTS_KEY | REJECT, rules=rules)
    assert (evidence.result, evidence.policy) == ("none", "reject")
    assert "forwarder" in evidence.seen
    assert found(raw, LISTS_KEY | REJECT).result == "fail"


def test_forwarder_is_one_by_signature_or_address_and_not_by_its_name_alone() -> None:
    rules = Door(trusted=BEHIND.trusted, forwarders=frozenset(["lists.example"]))
    zone = REJECT | {("lists.example", "TXT"): [b"v=spf1 ip4:203.0.113.9 -all"]}
    assert found(zone=zone, rules=rules, peer=PEER, mail_from="x@lists.example").result == "none"
    assert found(zone=zone, rules=rules, peer="203.0.113.10", mail_from="x@lists.example").result == "fail"
    assert found(zone=zone, rules=rules, mail_from="x@lists.example").result == "fail"


@pytest.mark.parametrize(
    "head",
    [
        b"From: anna@acme.example\r\n",
        b"From: boss@acme.example\r\n",
        b"X-Note: a\rFrom: boss@acme.example\r\n",
        b"from : boss@acme.example\r\n",
    ],
)
def test_second_author_above_a_signed_mail_is_never_a_pass(head: bytes) -> None:
    assert found(head + signed(MAIL)).result != "pass"


@pytest.mark.parametrize("name", ["Subject", "To", "Message-ID", "Date", "Content-Type", "In-Reply-To"])
def test_field_added_twice_above_a_signed_mail_is_never_a_pass(name: str) -> None:
    raw = MAIL.replace(b"Subject:", b"Content-Type: text/plain\r\nIn-Reply-To: <0@acme.example>\r\nSubject:")
    assert found(signed(raw)).result == "pass"
    evidence = found(f"{name}: <other@evil.example>\r\n".encode() + signed(raw))
    assert evidence.result == "fail"
    assert "twice" in evidence.seen


def test_sender_in_its_own_script_is_the_one_of_the_dns() -> None:
    raw = MAIL.replace(b"anna@acme.example", "anna@bücher.example".encode())
    zone = {
        ("_dmarc.xn--bcher-kva.example", "TXT"): [b"v=DMARC1; p=reject"],
        ("xn--bcher-kva.example", "TXT"): [b"v=spf1 ip4:203.0.113.9 -all"],
    }
    assert found(raw, zone, peer=PEER, mail_from="anna@bücher.example").result == "pass"
    assert found(raw, zone, peer="203.0.113.10", mail_from="anna@bücher.example").result == "fail"


def test_mail_without_author_is_unverified() -> None:
    for raw in (
        b"Subject: x\r\n\r\nwords\r\n",
        b"From: nobody\r\n\r\n",
        b"From: a@a.example, b@acme.example\r\n\r\n",
        b"",
    ):
        assert found(raw).result == "none"


@pytest.mark.parametrize(
    "head",
    [
        b"DKIM-Signature:\r\n",
        b"DKIM-Signature: d=acme.example\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s1; h=from; bh=; b=\r\n",
        b"DKIM-Signature: v=1; d=acme.example; d=acme.example\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=" + b"a" * 300 + b"; h=from; bh=AAAA; b=AAAA\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s1; h=from; t=" + b"9" * 6000 + b"; bh=AAAA; b=AAAA\r\n",
        b"DKIM-Signature: v=1; a=ed25519-sha256; d=acme.example; s=s1; h=from; bh=AAAA; b=AAAA\r\n",
        b"DKIM-Signature: \xff\xfe; d=\xff; =;;; \x00\r\n",
        b"DKIM-Signature: d=acme.example; b" + b" " * 100_000 + b"\r\n",
        b" continuation of nothing\r\n",
        b"a line that is no field\r\n",
        b"ARC-Seal: i=999; d=lists.example\r\nARC-Message-Signature: i=999\r\nARC-Authentication-Results: i=999\r\n",
        b"ARC-Seal: i=1; d=lists.example; cv=none\r\n" * 30,
    ],
)
def test_hostile_header_is_never_a_pass_and_never_an_error(head: bytes) -> None:
    assert found(head + MAIL, sealers=frozenset(["lists.example"])).result != "pass"


@pytest.mark.parametrize(
    "body",
    [
        b" " * 2_000_000 + b"x\r\n",
        (b" " * 5000 + b"x") * 400,
        b"\r\n" * 1_000_000,
        b"\n" * 1_000_000,
        b"\r" * 1_000_000,
    ],
    ids=["one run", "many runs", "lines", "bare LF", "bare CR"],
)
def test_hostile_body_is_read_in_linear_time(body: bytes) -> None:
    raw = field("DKIM-Signature", v="1", a="rsa-sha256", c="relaxed/relaxed", d="acme.example", s="s1", h="from") + MAIL
    assert found(raw.replace(b"h=from", b"h=from; bh=AAAA; b=AAAA") + body).result == "fail"


def test_hostile_header_is_read_in_bounded_time() -> None:
    names = ":".join(["from", *(f"x{n}" for n in range(1500))])
    wide = field("DKIM-Signature", v="1", a="rsa-sha256", d="acme.example", s="s1", h=names, bh="AAAA", b="AAAA")
    for head in (wide + b"a:\r\n" * 1900, b"X: a\r\n" + b" b\r\n" * 30_000, b"X: a\r\n" + b" b\r\n" * 200_000):
        assert found(head + MAIL).result != "pass"


def test_huge_exponent_costs_no_time() -> None:
    public = rsa(1 << 400_000 | 1, (1 << 400_000) - 3)
    zone = {(f"{KEY_NAME}acme.example", "TXT"): [b"v=DKIM1; p=" + base64.b64encode(public)]} | REJECT
    assert found(signed(MAIL), zone).result == "fail"


def rsa(modulus: int, exponent: int) -> bytes:
    """An RSAPublicKey in DER (RFC 8017 appendix A.1.1)."""

    def element(tag: int, content: bytes) -> bytes:
        size = len(content).to_bytes(4, "big")
        return bytes([tag, 0x84]) + size + content

    numbers = [value.to_bytes(value.bit_length() // 8 + 1, "big") for value in (modulus, exponent)]
    return element(0x30, b"".join(element(0x02, number) for number in numbers))
