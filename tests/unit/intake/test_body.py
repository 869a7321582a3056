from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.intake import replies
from mailgate.intake.body import Body

LIMIT = 1000
LINES = st.lists(st.text("ab.\0é", max_size=6).map(str.encode), max_size=12)
CUTS = st.lists(st.integers(1, 7), min_size=1, max_size=8)


def stuffed(lines: list[bytes]) -> bytes:
    """As a client sends it (RFC 5321 section 4.5.2)."""
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


def fed(body: Body, wire: bytes, cuts: list[int]) -> bytes:
    """What is left of the wire after the mail has ended, when it comes in pieces of these sizes."""
    position = 0
    for turn in range(len(wire)):
        step = cuts[turn % len(cuts)]
        rest = body.feed(wire[position : position + step])
        position += step
        if rest is not None:
            return rest + wire[position:]
    raise AssertionError("the mail has no end")


@given(LINES, CUTS, st.binary(max_size=5))
def test_mail_is_the_same_however_its_bytes_are_cut(lines: list[bytes], cuts: list[int], after: bytes) -> None:
    body = Body(LIMIT)
    assert fed(body, stuffed(lines) + after, cuts) == after
    assert body.refusal is None
    assert body.raw() == b"".join(line + b"\r\n" for line in lines)


@given(LINES, st.integers(0, 60), st.sampled_from([b"\r", b"\n"]), CUTS)
def test_bare_cr_or_lf_anywhere_refuses_the_mail(lines: list[bytes], place: int, bare: bytes, cuts: list[int]) -> None:
    plain = b"".join(b"x" + line + b"\r\n" for line in (*lines, b"last"))
    place %= len(plain)
    if plain[place : place + 1] == b"\n":  # between CR and LF there is no bare place
        place -= 1
    body = Body(LIMIT)
    assert fed(body, plain[:place] + bare + b"x" + plain[place:] + b".\r\n", cuts) == b""
    assert body.refusal is replies.BARE_NEWLINE
    assert not body.lost


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r"])
def test_end_by_bare_line_ends_is_answered_and_nothing_more_is_read(end: bytes) -> None:
    body = Body(LIMIT)
    assert body.feed(b"Subject: x\r\n\r\nbody" + end) == b""
    assert body.refusal is replies.BARE_NEWLINE
    assert body.lost


def test_size_counts_the_mail_without_its_stuffing() -> None:
    body = Body(LIMIT)
    assert body.feed(stuffed([b"." * 98] * 10)) == b""
    assert (body.refusal, body.size, len(body.raw())) == (None, LIMIT, LIMIT)


def test_mail_one_byte_too_large_is_refused_and_read_over_to_its_end() -> None:
    body = Body(LIMIT)
    assert body.feed(b"x" * (LIMIT - 1)) is None
    assert body.feed(b"\r\nmore") is None
    assert body.feed(b"\r\n.\r\nNOOP\r\n") == b"NOOP\r\n"
    assert body.refusal is replies.TOO_BIG
    assert not body.lost


def test_line_without_end_keeps_nothing_and_is_given_up() -> None:
    body = Body(LIMIT)
    chunks = [b"x" * 100] * (3 * LIMIT // 100)
    assert any(body.feed(chunk) is not None for chunk in chunks)
    assert body.size <= LIMIT + 100
    assert body.refusal is replies.TOO_BIG
    assert body.lost


def test_refusal_from_outside_is_the_answer_at_the_end() -> None:
    body = Body(LIMIT)
    body.feed(b"Subject: x\r\n")
    body.refuse(replies.NO_ROOM)
    assert body.feed(b"\r\n.\r\n") == b""
    assert body.refusal is replies.NO_ROOM
