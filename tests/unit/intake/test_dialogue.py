from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.intake import replies
from mailgate.intake.dialogue import COMMAND_LINE, COMMANDS_A_MAIL, MOST_ERRORS, Dialogue, Terms
from mailgate.intake.replies import Reply


def dialogue(tls: bool = False) -> Dialogue:
    greets = frozenset({"HELO", "EHLO"})
    return Dialogue(Terms("mailgate.desk.example", greets, lambda address: "help" in address, 1000, 2, tls))


def said(talk: Dialogue, *lines: str) -> list[Reply]:
    return [talk.answer(line.encode() + b"\r\n")[1] for line in lines]


WORDS = list(
    itertools.product(
        (b"HELO", b"MAIL", b"RCPT", b"DATA", b"RSET", b"STARTTLS", b"QUIT"),
        (b"", b"x", b"FROM:<a@b.example>", b"TO:<help@desk.example>", b"TO:<x@desk.example>", b"FROM:<>", b"TO:<>"),
    )
)
HELLO = ("HELO client.example", "MAIL FROM:<ann@acme.example>", "RCPT TO:<help@desk.example>")


def test_envelope_grows_command_by_command() -> None:
    talk = dialogue()
    assert said(talk, *HELLO, "RCPT TO:<help+1@desk.example>", "DATA")[-2:] == [
        replies.RECIPIENT_OK,
        replies.START_MAIL,
    ]
    assert talk.sender is not None
    assert (talk.sender.address, talk.recipients) == ("ann@acme.example", ["help@desk.example", "help+1@desk.example"])


@pytest.mark.parametrize("command", ["RSET", "HELO client.example"])
def test_envelope_is_forgotten(command: str) -> None:
    talk = dialogue()
    said(talk, *HELLO, command)
    assert (talk.sender, talk.recipients) == (None, [])


def test_refused_recipient_takes_no_place_of_another() -> None:
    talk = dialogue()
    answers = said(talk, *HELLO, "RCPT TO:<x@desk.example>", "RCPT TO:<help@a.example>", "RCPT TO:<help@b.example>")
    assert answers[-3:] == [replies.NO_SUCH_ADDRESS, replies.RECIPIENT_OK, replies.TOO_MANY_RECIPIENTS]


def test_too_many_errors_end_it() -> None:
    talk = dialogue()
    answers = said(talk, *["FEED me"] * MOST_ERRORS)
    assert set(answers[:-1]) == {replies.UNKNOWN_COMMAND}
    assert answers[-1] is replies.TOO_MANY_ERRORS


def test_recipients_put_off_are_no_errors() -> None:
    talk = dialogue()
    answers = said(talk, *HELLO, *["RCPT TO:<help@desk.example>"] * (MOST_ERRORS + 5))
    assert answers[-1] is replies.TOO_MANY_RECIPIENTS


def test_kept_mail_clears_the_account_and_a_refused_one_does_not() -> None:
    talk = dialogue()
    said(talk, *["FEED me"] * (MOST_ERRORS - 1))
    talk.mail_ended(kept=True)
    assert said(talk, "FEED me") == [replies.UNKNOWN_COMMAND]
    talk = dialogue()
    said(talk, *["FEED me"] * (MOST_ERRORS - 1))
    talk.mail_ended(kept=False)
    assert said(talk, "FEED me") == [replies.TOO_MANY_ERRORS]


def test_commands_without_a_mail_come_to_an_end() -> None:
    talk = dialogue()
    answers = said(talk, *["NOOP"] * (COMMANDS_A_MAIL + 2 + 1))
    assert set(answers[:-1]) == {replies.NOTHING_DONE}
    assert answers[-1] is replies.TOO_MANY_COMMANDS


def test_starttls_is_offered_until_it_is_in_use_and_forgets_what_was_said() -> None:
    talk = dialogue(tls=True)
    assert "STARTTLS" in said(talk, "EHLO client.example")[0].text
    said(talk, *HELLO[1:])
    assert said(talk, "STARTTLS now", "STARTTLS") == [replies.NO_ARGUMENT, replies.READY_FOR_TLS]
    talk.encrypted()
    assert talk.sender is None
    assert said(talk, HELLO[1], "STARTTLS") == [replies.HELLO_FIRST, replies.TLS_ALREADY]
    assert "STARTTLS" not in said(talk, "EHLO client.example")[0].text
    assert said(dialogue(tls=False), "STARTTLS") == [replies.NOT_HERE]


def test_line_at_the_limit_is_read_and_a_longer_one_is_not() -> None:
    talk = dialogue()
    filler = "x" * (COMMAND_LINE - len("NOOP \r\n"))
    assert said(talk, f"NOOP {filler}", f"NOOP {filler}x") == [replies.NOTHING_DONE, replies.LINE_TOO_LONG]


@given(st.lists(st.one_of(st.sampled_from(WORDS).map(b" ".join), st.binary(max_size=40)), max_size=40))
def test_any_line_has_an_answer_and_only_our_addresses_become_recipients(lines: list[bytes]) -> None:
    talk = dialogue()
    for line in lines:
        assert 200 <= talk.answer(line + b"\r\n")[1].code < 560
    assert all("help" in address for address in talk.recipients)
    assert len(talk.recipients) <= 2


def test_log_names_addresses_and_never_a_password() -> None:
    talk = dialogue()
    assert talk.answer(b"AUTH PLAIN c2VjcmV0\r\n")[0] == "AUTH"
    assert talk.answer(b"c2VjcmV0\r\n")[0] == "?"
    said(talk, *HELLO[:2])
    assert talk.answer(b"RCPT TO:<x@desk.example>\r\n")[0] == "RCPT TO:<x@desk.example>"
