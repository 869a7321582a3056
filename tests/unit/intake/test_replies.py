from __future__ import annotations

import re

import pytest

from mailgate.intake import replies
from mailgate.intake.replies import Reply

ALL = {name: reply for name, reply in vars(replies).items() if isinstance(reply, Reply)}


@pytest.mark.parametrize("name", ALL)
def test_reply_has_the_form_of_rfc_5321_and_a_status_of_its_class(name: str) -> None:
    reply = ALL[name]
    assert re.fullmatch(rb"[2345]\d\d [ -~]{1,500}\r\n", reply.line)
    if reply.code == 354:
        assert reply.status == ""  # RFC 2034 section 4
    else:
        assert re.fullmatch(rf"{reply.code // 100}\.\d{{1,3}}\.\d{{1,3}}", reply.status)


def test_hello_marks_every_line_but_the_last() -> None:
    assert replies.hello("mailgate.desk.example", ["SIZE 5", "8BITMIME"]).line == (
        b"250-mailgate.desk.example\r\n250-SIZE 5\r\n250 8BITMIME\r\n"
    )
    assert replies.hello("mailgate.desk.example", []).line == b"250 mailgate.desk.example\r\n"
