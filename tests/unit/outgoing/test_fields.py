"""Header fields: whatever stands in a value, it stays one field, and reads back as it was."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.outgoing import fields
from parsing.message import Address

ANY = st.text(max_size=300)


def decoded(octets: bytes) -> str:
    (name,) = {line.partition(b":")[0] for line in octets.split(b"\r\n") if line and line[:1] not in b" \t"}
    message = message_from_bytes(octets + b"\r\n", policy=policy.compat32)
    assert len(message.keys()) == 1
    return str(make_header(decode_header(re.sub(r"\r?\n", "", message[name.decode()]))))


@given(ANY)
def test_any_text_stays_one_field_of_short_lines(value: str) -> None:
    octets = fields.text("Subject", value)
    assert octets.endswith(b"\r\n")
    lines = octets[:-2].split(b"\r\n")
    assert lines[0].startswith(b"Subject:")
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
    assert all(len(line) <= fields.LINE for line in lines)
    assert b"\r" not in octets.replace(b"\r\n", b"") and b"\n" not in octets.replace(b"\r\n", b"")
    assert b"\x00" not in octets
    octets.decode("ascii")


@given(ANY)
def test_any_text_reads_back_as_its_visible_characters(value: str) -> None:
    assert "".join(decoded(fields.text("Subject", value)).split()) == "".join(fields.clean(value).split())


@pytest.mark.parametrize(
    "value",
    [
        "Printer on floor 3",
        "Störung am Drucker für Käufer",
        "プリンターが動きません。" * 8,
        "long " * 40,
        "x" * 150,
        "=?utf-8?q?not_an_encoded_word?=",
        "🙂" * 40,
    ],
)
def test_text_reads_back_as_it_was(value: str) -> None:
    assert decoded(fields.text("Subject", value)) == value.strip()


def test_words_that_are_plain_stay_readable_beside_encoded_ones() -> None:
    octets = fields.text("Subject", "Re: Störung am Drucker [INC-1042-7]")
    assert octets.startswith(b"Subject: Re: =?utf-8?b?")
    assert octets.endswith(b"am Drucker [INC-1042-7]\r\n")


def test_line_ends_and_controls_become_a_space() -> None:
    assert fields.text("Subject", "a\r\nBcc: b@x.example\x00\u2028c") == b"Subject: a Bcc: b@x.example c\r\n"


def test_marks_that_turn_the_reading_direction_go() -> None:
    assert fields.clean("invoice\u202efdp.exe") == "invoicefdp.exe"


@given(st.lists(st.tuples(ANY, st.sampled_from(["a@x.example", "b.c@y.example"])), min_size=1, max_size=5))
def test_any_display_name_leaves_the_addresses_as_they_are(people: list[tuple[str, str]]) -> None:
    octets = fields.addresses("To", [Address(name, address) for name, address in people])
    assert max(map(len, octets.split(b"\r\n"))) <= fields.LINE
    message = message_from_bytes(octets + b"\r\n")
    assert message.keys() == ["To"]
    found = getaddresses([message["To"]])
    assert [address for _, address in found] == [address for _, address in people]
    for (shown, _), (name, _) in zip(found, people, strict=True):
        read = str(make_header(decode_header(shown)))
        assert "".join(read.split()) == "".join(fields.clean(name)[: fields.LONGEST_NAME].split())


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Jane Doe", b"Jane Doe <j@x.example>"),
        ("Doe, Jane", b'"Doe, Jane" <j@x.example>'),
        ('The "Boss"', b'"The \\"Boss\\"" <j@x.example>'),
        ("J. Doe", b'"J. Doe" <j@x.example>'),
        ("", b"j@x.example"),
    ],
)
def test_display_name_is_written_as_the_standard_asks(name: str, written: bytes) -> None:
    assert fields.addresses("To", [Address(name, "j@x.example")]) == b"To: " + written + b"\r\n"


def test_what_is_no_address_is_left_out_of_a_list() -> None:
    people = [Address("", "a b@x.example"), Address("A", "a@x.example")]
    assert fields.addresses("To", people) == b"To: A <a@x.example>\r\n"
    assert fields.addresses("To", people[:1]) == b"To: undisclosed-recipients:;\r\n"


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("jane.doe+tag@acme.example", "jane.doe+tag@acme.example"),
        ('"jane doe"@acme.example', '"jane doe"@acme.example'),
        ("jane@bücher.example", "jane@xn--bcher-kva.example"),
        ("jane@straße.example", "jane@xn--strae-oqa.example"),  # strasse.example is another house
        ("jane@bü..cher.example", None),
        ("jürgen@acme.example", "jürgen@acme.example"),
        ("root@[192.0.2.1]", "root@[192.0.2.1]"),
        ("jane", None),
        ("@acme.example", None),
        ("jane@", None),
        ("ja ne@acme.example", None),
        ("jane@acme.example\r\nRCPT TO:<x@y.example>", None),
        ("jane@acme.example>", None),
        ("a@b@c.example", None),
        ("jane@" + "a" * 260 + ".example", None),
        ("jane\u2028@acme.example", None),
    ],
)
def test_address_is_one_or_none(address: str, written: str | None) -> None:
    assert fields.addr_spec(address) == written


@given(ANY)
def test_no_address_holds_what_could_end_a_command(address: str) -> None:
    written = fields.addr_spec(address)
    assert written is None or not set(written) & set("\r\n\x00<>")


@given(st.lists(ANY, max_size=20))
def test_ids_that_cannot_be_repeated_are_left_out(ids: list[str]) -> None:
    octets = fields.ids("References", [*ids, "good@x.example"])
    message = message_from_bytes(octets + b"\r\n")
    assert message.keys() == ["References"]
    assert message["References"].split()[-1] == "<good@x.example>"
    assert all(i.startswith("<") and i.endswith(">") and i.count("<") == 1 for i in message["References"].split())


def test_no_ids_are_no_field() -> None:
    assert fields.ids("References", ["with space@x.example", "b<r>@x.example"]) == b""


@pytest.mark.parametrize(
    "name", ["report.pdf", "Übersicht März.pdf", 'a"b\\c.txt', "é" * 150 + ".pdf", "x" * 300 + ".log"]
)
def test_file_name_reads_back(name: str) -> None:
    given_name = fields.filename(name)
    octets = f"Content-Disposition: attachment{fields.parameter('filename', given_name)}\r\n\r\n".encode("ascii")
    assert all(len(line) <= fields.LINE + 2 for line in octets.split(b"\r\n"))
    assert message_from_bytes(octets).get_filename() == given_name
    assert given_name.endswith(name[-4:])


@given(ANY)
def test_any_file_name_stays_inside_its_parameter(name: str) -> None:
    given_name = fields.filename(name)
    octets = (
        f"Content-Type: text/plain{fields.encoded_name(given_name)}\r\n"
        f"Content-Disposition: attachment{fields.parameter('filename', given_name)}\r\n\r\n"
    ).encode("ascii")
    message = message_from_bytes(octets)
    assert message.keys() == ["Content-Type", "Content-Disposition"]
    assert message.get_content_type() == "text/plain"
    assert message.get_filename() == given_name


def test_file_name_has_no_path() -> None:
    assert fields.filename("../../etc/passwd") == "_.._etc_passwd"
    assert fields.filename("C:\\x\\y.doc") == "C:_x_y.doc"
    assert fields.filename("\x00..") == "attachment"
