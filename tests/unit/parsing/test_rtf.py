"""Outlook's rich text bodies become text, whatever is in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing import limits, rtf, tnef

HEADER = bytes(8) + b"LZFu" + bytes(4)


def packed(*pieces: bytes | tuple[int, int]) -> bytes:
    """Bytes as they stand, and (place in the window, length) for what is repeated; the end is written after them."""
    units: list[bytes | None] = []
    written = 207
    for piece in pieces:
        if isinstance(piece, bytes):
            units += [bytes([byte]) for byte in piece]
            written += len(piece)
        else:
            units += [None, (piece[0] << 4 | piece[1] - 2).to_bytes(2, "big")]
            written += piece[1]
    units += [None, ((written % 4096) << 4).to_bytes(2, "big")]
    out, run, control = bytearray(HEADER), bytearray(), 0
    bit = 0
    flags = iter(units)
    for unit in flags:
        if unit is None:
            control |= 1 << bit
            unit = next(flags) or b""
        run += unit
        bit += 1
        if bit == 8:
            out += bytes([control]) + run
            run, control, bit = bytearray(), 0, 0
    return bytes(out + bytes([control]) + run)


def test_what_is_written_out_and_what_is_repeated_is_unpacked() -> None:
    assert rtf.unpacked(packed(b"{\\rtf1 ab", (214, 6), b"}")) == b"{\\rtf1 abababab}"


def test_the_window_begins_with_what_every_body_begins_with() -> None:
    assert rtf.unpacked(packed((0, 12), b"}")) == b"{\\rtf1\\ansi\\}"


def test_unpacked_text_is_bounded() -> None:
    bomb = HEADER + (b"\xff" + b"\x00\x0f" * 8) * 20_000
    assert len(rtf.unpacked(bomb)) < limits.TNEF_TEXT_BYTES


@pytest.mark.parametrize("data", [b"", b"x" * 40, bytes(8) + b"LZFv" + bytes(20), HEADER + b"\x01\xff\xf0"])
def test_what_is_no_compressed_rich_text_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"compressed|written"):
        rtf.unpacked(data)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (rb"{\rtf1\ansi Hello\par there}", "Hello\nthere"),
        (rb"{\rtf1\ansi\ansicpg1252 Gr\'fc\u223?e}", "Grüße"),
        (rb"{\rtf1\ansi\ansicpg936 \'c4\'e3\'ba\'c3}", "你好"),
        (rb"{\rtf1\uc2 \u-10179??\u-8703??!}", "😁!"),
        (rb"{\rtf1{\fonttbl{\f0 Arial;}}{\*\generator Riched;}{\pict 00ff}seen}", "seen"),
        (rb"{\rtf1 a\tab b\cell c\row \{d\}\~\\}", "a\tb\tc\n{d}\u00a0\\"),
        (rb"{\rtf1 a{\bin4 }}}}b}c}", "abc"),
    ],
)
def test_rich_text_is_read_as_it_is_seen(source: bytes, text: str) -> None:
    assert rtf.to_text(source) == text


@given(st.lists(st.sampled_from([b"{", b"}", b"\\par", b"\\u-9", b"\\bin3", b"\\'e4", b"\\*", b"\\uc9 ", b"a", b"\\"])))
def test_no_rich_text_stops_the_reading(pieces: list[bytes]) -> None:
    source = b"".join(pieces)
    assert len(rtf.to_text(source)) <= len(source)


def test_a_rich_body_in_winmail_dat_is_the_text() -> None:
    value = packed(b"{\\rtf1\\ansi The printer is broken.\\par}")
    body = b"\x02\x01\x09\x10" + (1).to_bytes(4, "little") + len(value).to_bytes(4, "little") + value
    properties = (1).to_bytes(4, "little") + body + bytes(-len(value) % 4)
    attribute = b"\x01\x03\x90\x06\x00" + len(properties).to_bytes(4, "little") + properties + b"\0\0"
    found = tnef.read(b"\x78\x9f\x3e\x22\x01\x00" + attribute)
    assert found is not None
    assert (found.text, found.wrong) == ("The printer is broken.", "")
