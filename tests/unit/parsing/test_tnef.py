"""winmail.dat is unpacked, and never by more than its bytes."""

from __future__ import annotations

from parsing import limits, tnef
from parsing.read import parse


def attribute(identifier: int, value: bytes) -> bytes:
    head = b"\x02" + identifier.to_bytes(2, "little") + b"\x06\x00" + len(value).to_bytes(4, "little")
    return head + value + (sum(value) & 0xFFFF).to_bytes(2, "little")


def text_property(identifier: int, text: str) -> bytes:
    value = text.encode("utf-16-le") + b"\0\0"
    head = b"\x1f\x00" + identifier.to_bytes(2, "little") + (1).to_bytes(4, "little") + len(value).to_bytes(4, "little")
    return head + value + b"\0" * (-len(value) % 4)


def properties(*each: bytes) -> bytes:
    return len(each).to_bytes(4, "little") + b"".join(each)


def packed(*attributes: bytes) -> bytes:
    return b"\x78\x9f\x3e\x22\x01\x00" + b"".join(attributes)


REND, TITLE, DATA, MAPI, MESSAGE = 0x9002, 0x8010, 0x800F, 0x9005, 0x9003
FILE = (attribute(REND, b"\0" * 14), attribute(TITLE, b"GREEN~1.PNG\0"), attribute(DATA, b"PNG"))


def test_files_are_unpacked_with_their_long_names() -> None:
    found = tnef.read(packed(*FILE, attribute(MAPI, properties(text_property(0x3707, "grün ball.png")))))
    assert found is not None
    assert found.files == [("grün ball.png", "image/png", b"PNG")]
    assert found.wrong == ""


def test_a_file_of_nothing_but_its_signature_is_kept_and_told() -> None:
    found = parse(b"From: j@x.example\nContent-Type: application/ms-tnef; name=winmail.dat\n\n" + packed())
    assert [one.filename for one in found.attachments] == ["winmail.dat"]
    assert "winmail.dat is damaged: what was read stands" in found.defects
    assert tnef.read(packed(attribute(MESSAGE, properties()))) == tnef.Unpacked()


def test_without_a_long_name_the_short_one_counts() -> None:
    found = tnef.read(packed(*FILE))
    assert found is not None
    assert found.files[0][0] == "GREEN~1.PNG"


def test_the_text_inside_is_the_body_where_the_mail_has_none() -> None:
    inner = packed(attribute(MESSAGE, properties(text_property(0x1000, "hello desk"))), *FILE)
    message = parse(b"From: j@x.example\nContent-Type: application/ms-tnef; name=winmail.dat\n\n" + inner)
    assert message.text == "hello desk"
    assert [one.filename for one in message.attachments] == ["GREEN~1.PNG"]


def test_a_damaged_file_keeps_what_was_read_and_says_so() -> None:
    found = tnef.read(packed(*FILE, attribute(DATA, b"x" * 50)[:-20]))
    assert found is not None
    assert len(found.files) == 1
    assert "damaged" in found.wrong


def test_too_many_files_are_cut_and_said() -> None:
    found = tnef.read(packed(*FILE * (limits.TNEF_ATTACHMENTS + 1)))
    assert found is not None
    assert len(found.files) == limits.TNEF_ATTACHMENTS
    assert "the rest was not read" in found.wrong


def test_what_is_no_tnef_stays_a_file() -> None:
    assert tnef.read(b"MZ") is None
    message = parse(b"From: j@x.example\nContent-Type: application/ms-tnef; name=winmail.dat\n\nMZ")
    assert [one.filename for one in message.attachments] == ["winmail.dat"]
