"""The command that the first new line of an agent's mail is, and the words without it."""

from __future__ import annotations

import pytest

from parsing.read import parse
from routing.commands import read


@pytest.mark.parametrize(
    ("reply", "name", "words"),
    [
        ("Pour water", "", "Pour water"),
        ("", "", ""),
        ("#note", "note", ""),
        ("#note x", "note", "x"),
        ("#note: x\ny", "note", "x\ny"),
        ("#NOTE - x", "note", "x"),
        ("#note\n\nx", "note", "x"),
        ("\n \n#note x", "note", "x"),
        ("# note x", "note", "x"),
        ("#note, x", "note", "x"),
        ("**#note** x", "note", "x"),
        ("“#note” x".replace("“", '"').replace("”", '"'), "note", "x"),
        ("\ufeff#note x", "note", "x"),
        ("\u00a0#note x", "note", "x"),
        ("＃note x", "note", "x"),
        ("> asked\n\n#note x", "note", "x"),
        ("#send", "send", ""),
        ("#SEND!\nthanks", "send", "thanks"),
        ("\n\n #send ", "send", ""),
        ("#unassign\n\nI am away", "unassign", "I am away"),
        ("#Unassign.", "unassign", ""),
        ("#unassign Tess", "unknown", "#unassign Tess"),
        ("> #send", "", "> #send"),
        (">#send\nAway", "", ">#send\nAway"),
        ("Away\n#send", "late", "Away\n#send"),
        ("#send it", "unknown", "#send it"),
        ("#sendx", "unknown", "#sendx"),
        ("#notes", "unknown", "#notes"),
        ("#close", "unknown", "#close"),
        ("#1042 is yours", "", "#1042 is yours"),
        ("# Steps\n1. pull", "", "# Steps\n1. pull"),
        ("#", "", "#"),
        ("Hello\n#note x", "late", "Hello\n#note x"),
        ("Hi Bob,\n\n＃note\nx", "late", "Hi Bob,\n\n＃note\nx"),
        ("Hi Bob,\n# note x", "late", "Hi Bob,\n# note x"),
        ("Hi Bob,\n**#note** x", "late", "Hi Bob,\n**#note** x"),
        ("Hi Bob,\n【#note】x", "late", "Hi Bob,\n【#note】x"),
        ("[#note] x", "late", "[#note] x"),
        ("(#note) x", "late", "(#note) x"),
        ("[#note]x\ny", "late", "[#note]x\ny"),
        ("Hi Bob,\n#internal\nx", "late", "Hi Bob,\n#internal\nx"),
        ("Hi\n> asked\n#note x", "late", "Hi\n> asked\n#note x"),
        ("Hi\n> #note x", "", "Hi\n> #note x"),
        ("Your ticket #note-taking is\n#note-taking", "", "Your ticket #note-taking is\n#note-taking"),
        ("Put it there:\n#include <a.h>\n#!/bin/sh", "", "Put it there:\n#include <a.h>\n#!/bin/sh"),
        ("See ticket #note in the list", "", "See ticket #note in the list"),
        ("a\n" * 9 + "#note x", "late", "a\n" * 9 + "#note x"),
        ("a\n" * 10 + "#note x", "", "a\n" * 10 + "#note x"),
    ],
)
def test_the_first_new_line_may_be_a_command(reply: str, name: str, words: str) -> None:
    command = read(reply)
    assert (command.name, command.words) == (name, words)


@pytest.mark.parametrize(
    ("reply", "typed"),
    [("#close\nDone.", "#close"), ("#send it", "#send it"), ("#close it", "#close"), (f"#{'x' * 99}", f"#{'x' * 39}")],
)
def test_a_command_that_does_not_exist_is_named_as_it_was_typed(reply: str, typed: str) -> None:
    assert (read(reply).name, read(reply).typed) == ("unknown", typed)


QUOTE = "On Mon, 2 Mar 2026 at 10:00, Desk <help@desk.example> wrote:\n> #send\n> Shall it go?\n"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (f"#send\n\n{QUOTE}", "send"),
        (f"{QUOTE}\n#send\n", "send"),
        (f"{QUOTE}\n#note keep it\n", "note"),
        (f"I am away.\n\n{QUOTE}", ""),
        (QUOTE, ""),
        ("> #send\n\nI am away.\n", ""),
    ],
)
def test_a_command_is_read_from_a_whole_mail_and_never_from_its_quote(body: str, name: str) -> None:
    raw = f"From: sam@desk.example\nSubject: Re: x\nIn-Reply-To: <a@desk.example>\n\n{body}"
    assert read(parse(raw.encode()).reply).name == name
