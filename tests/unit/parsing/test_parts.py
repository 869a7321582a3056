"""The MIME tree is read in one pass, whatever is missing in it."""

from __future__ import annotations

import base64

import pytest

from parsing import limits, parts, transfer
from parsing.defects import Defects

HEAD = b"From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n"


def read(raw: bytes) -> tuple[parts.Tree, list[str]]:
    defects = Defects()
    return parts.read(raw, defects), defects


def leaves(raw: bytes) -> list[tuple[str, str, bytes]]:
    return [(part.path, part.content_type, part.data) for part in read(raw)[0].parts]


def test_a_mail_without_mime_is_one_text() -> None:
    assert leaves(b"From: a@b.example\n\nhello\n") == [("1", "text/plain", b"hello\n")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_parts_lose_the_line_end_of_the_boundary(end: bytes) -> None:
    raw = (HEAD + b"--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n\n--b--\n").replace(b"\n", end)
    assert leaves(raw) == [("1.1", "text/plain", b"one"), ("1.2", "text/html", b"two" + end)]


def test_nested_parts_have_paths_like_imap() -> None:
    raw = (
        HEAD + b"--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\n1\n--c\n\n2\n--c--\n\n--b\n\n3\n--b--\n"
    )
    assert [path for path, _, _ in leaves(raw)] == ["1.1.1", "1.1.2", "1.2"]


def test_an_inner_multipart_that_does_not_end_is_ended_by_the_outer_boundary() -> None:
    raw = HEAD + b"--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\n1\n--b\n\n2\n--b--\n"
    assert leaves(raw) == [("1.1.1", "text/plain", b"1"), ("1.2", "text/plain", b"2")]


def test_a_boundary_that_begins_like_another_is_another() -> None:
    raw = HEAD + b"--b\n\none\n--bb\nstill one\n--b--\n"
    assert leaves(raw) == [("1.1", "text/plain", b"one\n--bb\nstill one")]


def test_an_attached_mail_is_kept_whole() -> None:
    inner = b"Subject: inner\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n--i--"
    raw = HEAD + b"--b\nContent-Type: message/rfc822\n\n" + inner + b"\n--b--\n"
    assert leaves(raw) == [("1.1", "message/rfc822", inner)]


def test_an_attached_mail_in_base64_is_decoded() -> None:
    raw = HEAD + b"--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA==\n--b--\n"
    assert leaves(raw) == [("1.1", "message/rfc822", b"Subject: x")]


def test_parts_of_a_digest_are_mails() -> None:
    raw = HEAD.replace(b"mixed", b"digest") + b"--b\n\nSubject: x\n\ny\n--b--\n"
    assert leaves(raw)[0][1] == "message/rfc822"


def test_a_boundary_that_got_lost_is_found_below_a_preamble() -> None:
    raw = (
        b"Content-Type: multipart/report;\n bo\n\nThis is a MIME message\n\n--b.1/x\n\none\n--b.1/x\n\ntwo\n--b.1/x--\n"
    )
    assert [data for _, _, data in leaves(raw)] == [b"one", b"two"]


def test_a_line_with_dashes_that_nothing_ends_is_no_boundary() -> None:
    tree, defects = read(b"Content-Type: multipart/mixed\n\nSee\n--verbose\nand so on\n")
    assert tree.parts[0].data == b"See\n--verbose\nand so on\n"
    assert defects == ["a multipart without its boundary, read as text"]


def test_a_disposition_without_its_type_is_an_attachments() -> None:
    (part,) = read(b"Content-Type: text/plain\nContent-Disposition: filename=a.txt\n\none\n")[0].parts
    assert (part.disposition, part.filename) == ("attachment", "a.txt")


TORN = b"From: a@b.example\nSubject: x\n\nMIME-Version: 1.0\nContent-Type: text/html\nX-Spam: no\n\n<p>one</p>\n"


def test_mime_fields_below_an_empty_line_belong_to_a_header_without_any() -> None:
    tree, defects = read(TORN)
    assert [(part.content_type, part.data) for part in tree.parts] == [("text/html", b"<p>one</p>\n")]
    assert defects == ["an empty line within the header"]
    assert "x-spam" not in tree.named


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: text/plain\n" + TORN,
        TORN.replace(b"X-Spam: no", b"what does this mean?"),
        TORN.replace(b"Content-Type: text/html\n", b""),
        b"Subject: x\n\nContent-Type: text/html",
    ],
)
def test_words_that_begin_like_mime_fields_are_words(raw: bytes) -> None:
    (part,) = read(raw)[0].parts
    assert part.content_type == "text/plain"
    assert part.data == raw.partition(b"\n\n")[2]


def test_a_multipart_without_its_boundary_is_text_and_said() -> None:
    tree, defects = read(b"Content-Type: multipart/mixed; boundary=none\n\nhello\n")
    assert tree.parts[0].data == b"hello\n"
    assert defects == ["a multipart without its boundary, read as text"]
    assert read(HEAD + b"--b\n\nx\n--b--\n")[1] == []


def test_a_boundary_that_is_not_named_is_found() -> None:
    assert leaves(b"Content-Type: multipart/mixed\n\n--b-x\n\none\n--b-x--\n") == [("1.1", "text/plain", b"one")]


@pytest.mark.parametrize("named", ["'b-x'", "b- x", "other"])
def test_a_boundary_that_is_named_badly_is_found(named: str) -> None:
    raw = f'Content-Type: multipart/mixed; boundary="{named}"\n\n--b-x\n\none\n--b-x--\n'.encode()
    assert leaves(raw) == [("1.1", "text/plain", b"one")]


def test_an_empty_line_that_was_taken_for_a_fold_ends_the_header() -> None:
    raw = (
        b'Content-Type: multipart/mixed; boundary="b=="\nSubject: \n \n--b==\nContent-Type: text/html\n\none\n--b==--\n'
    )
    assert leaves(raw) == [("1.1", "text/html", b"one")]


def test_a_multipart_that_does_not_end_is_read_and_said() -> None:
    tree, defects = read(HEAD + b"--b\n\none\n")
    assert tree.parts[0].data == b"one\n"
    assert defects == ["a multipart that does not end"]


def test_a_part_of_headers_only_does_not_swallow_the_next() -> None:
    raw = HEAD + b"--b\nContent-Type: text/html\n--b\n\ntwo\n--b--\n"
    assert leaves(raw) == [("1.1", "text/html", b""), ("1.2", "text/plain", b"two")]


def test_too_many_parts_are_cut_and_said() -> None:
    tree, defects = read(HEAD + b"--b\n\nx\n" * (limits.PARTS + 1) + b"--b--\n")
    assert len(tree.parts) == limits.PARTS
    assert defects == [f"more than {limits.PARTS} parts: the rest was not read"]
    assert read(HEAD + b"--b\n\nx\n" * limits.PARTS + b"--b--\n")[1] == []


def nested(depth: int) -> bytes:
    level = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    return b"".join(level % (i, i) for i in range(depth)) + b"\nx\n"


def enclosed(depth: int, kind: str) -> bytes:
    level = {
        "alone": b"From: a@x.example\nContent-Type: message/rfc822\n\n",
        "forwarded": HEAD + b"--b\n\nsee below\n--b\nContent-Type: message/rfc822\n\n",
    }[kind]
    own = (level.replace(b"--b\n", b"--b%d\n" % i).replace(b"=b\n", b"=b%d\n" % i) for i in range(depth))
    return b"".join(own) + b"From: a@x.example\n\nx\n"


@pytest.mark.parametrize("kind", ["alone", "forwarded"])
def test_mails_within_too_many_mails_are_said(kind: str) -> None:
    said = f"mails within mails deeper than {limits.MAILS}"
    assert said in read(enclosed(10 * limits.MAILS, kind))[1]
    assert said in read(enclosed(limits.MAILS + 1, kind))[1]
    assert said not in read(enclosed(limits.MAILS, kind))[1]


def test_many_mails_beside_each_other_are_not_within_each_other() -> None:
    raw = HEAD + b"--b\nContent-Type: message/rfc822\n\nFrom: a@x.example\n\nx\n" * (2 * limits.MAILS) + b"--b--\n"
    assert read(raw)[1] == []


def test_too_deep_a_nest_is_kept_whole_and_said() -> None:
    tree, defects = read(nested(limits.DEPTH + 1))
    assert any("deeper than" in sentence for sentence in defects)
    assert tree.parts[0].content_type == "application/octet-stream"
    assert not any("deeper than" in sentence for sentence in read(nested(limits.DEPTH))[1])


def test_too_long_a_header_is_cut_and_said() -> None:
    line = b"X: " + b"y" * 1_000 + b"\n"
    raw = line * (limits.HEADER_BYTES // len(line) + 1) + b"\nbody\n"
    assert any("header longer" in sentence for sentence in read(raw)[1])
    assert not any("header longer" in sentence for sentence in read(line * 100 + b"\nbody\n")[1])


@pytest.mark.parametrize(
    ("encoding", "sent", "expected"),
    [
        ("7bit", b"a=3D", b"a=3D"),
        ("BASE64", b"aGVsbG8=", b"hello"),
        ("quoted-printable", b"a=3D=\nb", b"a=b"),
        ("x-uuencode", b"begin 644 x\n%:&5L;&\\\n \nend\n", b"hello"),
        ('"base64" (yes)', b"aGVsbG8=", b"hello"),
    ],
)
def test_transfer_encodings_are_undone(encoding: str, sent: bytes, expected: bytes) -> None:
    defects = Defects()
    assert transfer.decode(sent, encoding, defects) == expected
    assert defects == []


def test_an_unknown_transfer_encoding_leaves_the_bytes_and_is_said() -> None:
    defects = Defects()
    assert transfer.decode(b"x", "x-own", defects) == b"x"
    assert "x-own" in defects[0]


def test_name_and_disposition_are_read() -> None:
    raw = (
        HEAD + b"--b\nContent-Type: image/png; name=a.png\nContent-ID: <c@d>\nContent-Disposition: INLINE\n\nx\n--b--\n"
    )
    part = read(raw)[0].parts[0]
    assert (part.filename, part.content_id, part.disposition) == ("a.png", "c@d", "inline")


def test_an_unknown_disposition_is_an_attachment() -> None:
    raw = HEAD + b"--b\nContent-Disposition: x-own; filename=a.txt\n\nx\n--b--\n"
    assert read(raw)[0].parts[0].disposition == "attachment"


def test_old_line_ends_are_read() -> None:
    assert leaves(b"From: a@b.example\r\rhello\r")[0][2] == b"hello\n"


@pytest.mark.parametrize("text", [b"Hello there, all!!", b"Hello there, all!!x", b"Hello there, all!!xy"])
def test_under_a_text_in_base64_a_plain_footer_is_kept(text: bytes) -> None:
    footer = b"_______________________________________________\nThe list\nhttps://list.example/info\n"
    head = b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
    found = parts.read(head + base64.encodebytes(text) + footer, Defects()).parts[0].data
    assert found.startswith(text + b"\n")
    assert found.endswith(footer)


def test_a_file_in_base64_has_no_footer() -> None:
    head = b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n"
    assert parts.read(head + b"QUJD\n________\nlist\n", Defects()).parts[0].data.startswith(b"ABC\x96")


def test_the_rest_of_a_header_longer_than_its_limit_is_no_body() -> None:
    for field in (b"X: " + b"a" * 300_000 + b"\n", b"X: aaaaaaaaaaaaaaaaaaaaaaaa\n" * 12_000):
        for end in (b"\n", b"\r\n"):
            tree = parts.read((b"From: a@b.example\n" + field + b"Y: z\n\nbody\n").replace(b"\n", end), Defects())
            assert tree.parts[0].data == b"body" + end
