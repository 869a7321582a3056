"""Whatever only staff get is known by its words alone, in each language, where somebody leaves it in his answer."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace

import pytest
from unit.outgoing.desk import NOTICE, POLICY, TICKET, change, text

from mailgate.outgoing.compose import INTERNAL, Pen
from mailgate.outgoing.rendering import language
from parsing import notices
from parsing.reply import split
from routing import forwarding
from storage.change import Announcement

LANGUAGES = ("en", "de", "es", "fr", "it", "nl", "pl", "pt")
NEW = "Here."
GOSSIP = "INTERNAL gossip"
ENGLISH = language("en")
assert ENGLISH is not None
NAMES = [name for name in ENGLISH.letters if name.partition("-")[0] in INTERNAL]


def told(name: str, code: str) -> Announcement:
    event, _, why = name.partition("-")
    details = (("status", "5.1.1"), ("recipient", "bob@acme.example"), ("was", "Hardware"), ("became", "Software"))
    return replace(
        NOTICE, event=event, why=why, ticket=replace(TICKET, language=code), words=GOSSIP, attachments=(),
        details=(*details, ("typed", "#close")),
    )  # type: ignore[arg-type]  # fmt: skip


def written(name: str, code: str) -> str:
    """The letter as its recipient reads it, without our delimiter."""
    queues = {key: replace(queue, language=code) for key, queue in POLICY.queues.items()}
    whole = text(Pen(replace(POLICY, queues=queues), None).compose(change(told(name, code))).letters[0])
    return whole.replace("\r\n", "\n").split("\n\n", 1)[1].strip()


def cut(left: str, subject: str = "Re: Printer") -> tuple[str, bool]:
    found = split(f"{NEW}\n\n{left}", "", subject, subject.startswith("Re:"))
    return found.reply, found.certain


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_notice_left_unquoted_without_our_line_is_cut_off_and_in_doubt(name: str, code: str) -> None:
    assert cut(written(name, code)) == (NEW, False)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", [n for n in NAMES if n != "alarm"])
def test_what_introduces_the_words_is_enough(name: str, code: str) -> None:
    below = written(name, code).split("\n\n", 1)[1]
    assert GOSSIP in below or name == "preview-nothing"
    assert cut(below) == (NEW, False)
    reply, certain = cut(textwrap.fill(below.split("\n\n")[0], 60))
    assert reply == NEW or not certain, "wherever a client wraps it"


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(
    "key", ["how", "how_note", "how_asks", "how_inside", "shortened_label", "kept_out_label", "delimiter"]
)
def test_the_lines_around_the_words_are_enough(code: str, key: str) -> None:
    strings = language(code)
    assert strings is not None
    line = re.sub(r"\{\{.*?\}\}", "jane@acme.example", strings.say[key])
    assert cut(line) == (NEW, False)
    assert not cut(f"-- \n{line}")[1], "also where they look like a signature"
    assert cut(textwrap.fill(line, 30)) == (NEW, False), "wherever a client wraps them"


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_is_no_answer_keeps_its_words_and_is_in_doubt(code: str) -> None:
    left = written("notice-note", code)
    for subject in ("Printer", f"Fwd: {forwarding.subject('Printer')}"):
        reply, certain = cut(left, subject)
        assert GOSSIP in reply
        assert not certain


@pytest.mark.parametrize(
    "words",
    [
        "I have closed this ticket.",
        "We closed this ticket.\nRoot wrote:\nall is well.",
        "New, from today on: the shop opens at nine.",
        "Our mail to you came back. The report says: full.",
        "Ich habe dieses Ticket geschlossen.",
        "Your ticket INC-1001 is solved.",
        "The sender verified it; the owner: nobody.",
        "Internal notes by our team are not for you.",
        "Interne Notizen von uns bekommen Sie nicht: nie.",
    ],
)
def test_words_that_anybody_may_write_stay(words: str) -> None:
    assert notices.begins(f"{NEW}\n\n{words}") is None
    assert cut(words)[0] == f"{NEW}\n\n{words}"


def test_a_name_before_the_words_on_the_same_line_is_cut_with_them() -> None:
    words = "Here.\nWritten in the name of Jane <jane@acme.example> (sender not verified). It was filed as"
    assert notices.begins(words) == len("Here.\n")
