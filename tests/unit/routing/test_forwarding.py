"""The Message-ID of a mail that is handed on, before it is known who hands it on."""

from __future__ import annotations

import pytest
from unit.routing.world import World, desk, message

from parsing.message import Attachment
from routing import forwarding
from routing.decide import questions

ENCLOSED = b"From: anna@acme.example\r\nSubject: Help\r\nMessage-ID: <enclosed@acme.example>\r\n\r\nHelp."
FILE = Attachment("help.eml", "message/rfc822", len(ENCLOSED), "0" * 64, False, None, ENCLOSED)


@pytest.mark.parametrize(("count", "asked"), [(1, True), (2, False)])
def test_the_id_of_an_attached_mail_is_asked_for_without_a_reading_of_the_mail(
    monkeypatch: pytest.MonkeyPatch, count: int, asked: bool
) -> None:
    def parse(_: bytes) -> None:
        raise AssertionError("it was read")

    mail = World().take(message("sam@desk.example", "Please take it.", attachments=(FILE,) * count))
    monkeypatch.setattr(forwarding, "parse", parse)
    assert ("enclosed@acme.example" in questions([mail], desk()).message_ids) is asked


def test_the_id_that_is_asked_for_is_that_of_the_mail_once_it_is_read() -> None:
    read = message("sam@desk.example", "Please take it.", attachments=(FILE,))
    handed = forwarding.handed_on(read)
    assert handed is not None and handed.original == forwarding.original(read) == "enclosed@acme.example"
