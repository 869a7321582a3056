"""Which doors ask for checks, and whom is asked and believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgate import settings
from mailgate.policy import NO_KEYS, build
from mailgate.settings import Settings, nameserver

TEXT = """
[desk]
name = "Help"
address = "help@desk.example"
[smtp]
verify = {smtp}
[lmtp]
[[imap]]
name = "office"
host = "imap.example"
user = "help@desk.example"
password_file = "password"
verify = {imap}
[[imap]]
name = "other"
host = "imap.example"
user = "other@tenant.example"
tenant_domains = ["@Subsidiary.example"]
password_file = "password"
[trust]
forwarders = ["Lists.example"]
"""


def loaded(folder: Path, *, smtp: bool = False, imap: bool = False) -> Settings:
    file = folder / "mailgate.toml"
    file.write_text(TEXT.format(smtp=str(smtp).lower(), imap=str(imap).lower()))
    return settings.load(file)


def test_no_door_asks_for_checks_by_default(tmp_path: Path) -> None:
    found = loaded(tmp_path)
    assert not found.verifies
    assert not any(found.verifies_at(door) for door in ("smtp", "lmtp", "pipe", "imap:office", "imap:gone"))


def test_lmtp_asks_as_smtp_does(tmp_path: Path) -> None:
    found = loaded(tmp_path, smtp=True)
    assert found.verifies
    assert [door for door in ("smtp", "lmtp", "pipe", "imap:office") if found.verifies_at(door)] == ["smtp", "lmtp"]


def test_each_mailbox_asks_for_itself(tmp_path: Path) -> None:
    found = loaded(tmp_path, imap=True)
    assert found.verifies
    assert [door for door in ("smtp", "imap:office", "imap:other") if found.verifies_at(door)] == ["imap:office"]


def test_a_tenants_domains_are_the_desks_and_staffs_and_what_a_mailbox_names_and_no_free_mail_house(
    tmp_path: Path,
) -> None:
    more = """
[[queue]]
name = "Payroll"
default = true
address = "pay@Payroll.example"
[[staff]]
name = "Anna"
emails = ["anna@company.example", "anna@gmail.com"]
"""
    (tmp_path / "mailgate.toml").write_text(TEXT.format(smtp="false", imap="false") + more)
    doors = build(settings.load(tmp_path / "mailgate.toml"), NO_KEYS).doors
    house = {"desk.example", "payroll.example", "company.example"}
    assert doors["imap:office"].tenant == house
    assert doors["imap:other"].tenant == house | {"tenant.example", "subsidiary.example"}
    assert not doors["smtp"].tenant


def test_forwarders_are_those_of_every_door(tmp_path: Path) -> None:
    doors = build(loaded(tmp_path), NO_KEYS).doors
    assert {name for name, door in doors.items() if door.forwarder("it.lists.example")} == {
        "smtp", "lmtp", "imap:office", "imap:other",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
        ("[2001:db8::53]", ("2001:db8::53", 53)),
    ],
)
def test_nameserver_has_an_address_and_a_port(text: str, place: tuple[str, int]) -> None:
    assert nameserver(text) == place


@pytest.mark.parametrize("text", ["192.0.2.530", "192.0.2.53:0", "192.0.2.53:99999", "[2001:db8::zz]", "1:2"])
def test_nameserver_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        nameserver(text)
