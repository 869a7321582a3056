"""Waiting in IDLE, folder names and disposal, against a client that answers as a test says."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from imapclient.exceptions import IMAPClientAbortError, LoginError

from mailgate.intake import connection
from mailgate.intake.connection import announced, explain, sign_in, wait
from mailgate.intake.disposal import dispose
from mailgate.intake.folders import native
from mailgate.settings import Desk, Imap, Settings


class Socket:
    def gettimeout(self) -> float:
        return 60.0

    def settimeout(self, seconds: float) -> None:
        pass


class Imaplib:
    def __init__(self, exists: Iterator[bool], buffered: bytes) -> None:
        self._exists = exists
        self.file = io.BufferedReader(io.BytesIO(buffered))

    def response(self, code: str) -> tuple[str, list[object]]:
        told = code == "EXISTS" and next(self._exists, False)
        return code, [b"3"] if told else [None]


class Client:
    """Answers IDLE with the given lists, at once, and then `[]` for ever; notes every command."""

    def __init__(
        self,
        *answers: list[tuple[Any, ...]],
        capabilities: Sequence[str] = ("IDLE", "MOVE", "UIDPLUS"),
        exists: Sequence[bool] = (),
        spaces: Any = None,
        delimiter: bytes | None = b"/",
        deleted: Sequence[int] = (),
        buffered: bytes = b"",
    ) -> None:
        self.said: list[tuple[Any, ...]] = []
        self._answers = iter(answers)
        self._capabilities = capabilities
        self._imap = Imaplib(iter(exists), buffered)
        self._spaces = spaces
        self._delimiter = delimiter
        self._deleted = deleted

    def __getattr__(self, name: str) -> Any:
        def command(*arguments: Any, **more: Any) -> Any:
            self.said.append((name, *arguments, *more.values()))

        return command

    @property
    def names(self) -> list[str]:
        return [name for name, *_ in self.said]

    def has_capability(self, name: str) -> bool:
        return name in self._capabilities

    def socket(self) -> Socket:
        return Socket()

    def idle_check(self, timeout: float) -> list[tuple[Any, ...]]:
        return next(self._answers, [])

    def namespace(self) -> Any:
        return type("Namespace", (), {"personal": self._spaces})

    def list_folders(self, directory: str, pattern: str) -> list[tuple[object, bytes | None, str]]:
        return [((), self._delimiter, "")]

    def folder_exists(self, folder: str) -> bool:
        return True

    def get_flags(self, uids: Sequence[int]) -> dict[int, tuple[bytes, ...]]:
        return {uid: (b"\\Deleted",) if uid in self._deleted else () for uid in uids}


# --- waiting ----------------------------------------------------------------------------------------------------


def test_idle_ends_with_a_new_mail() -> None:
    client = Client([(b"OK", b"Still here")], [(4, b"EXISTS")])
    wait(client, 3600, threading.Event())  # type: ignore[arg-type]
    assert client.names == ["noop", "idle", "idle_done"]


def test_a_mail_told_of_in_one_piece_with_the_begin_of_idle_ends_it() -> None:
    client = Client(buffered=b"* 4 EXISTS\r\n")
    wait(client, 3600, threading.Event())  # type: ignore[arg-type]
    assert client.names == ["noop", "idle", "idle_done"]


def test_a_greeting_in_one_piece_with_the_begin_of_idle_does_not_end_it() -> None:
    client = Client([(4, b"EXISTS")], buffered=b"* OK here since four EXISTS\r\n")
    wait(client, 3600, threading.Event())  # type: ignore[arg-type]
    assert next(client._answers, None) is None


def test_idle_ends_when_its_time_is_up() -> None:
    client = Client()
    wait(client, 0, threading.Event())  # type: ignore[arg-type]
    assert client.names == ["noop", "idle", "idle_done"]


def test_idle_is_renewed_however_long_the_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection.IDLE_SECONDS < 29 * 60
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.0)
    client = Client()
    wait(client, 3600, threading.Event())  # type: ignore[arg-type]
    assert client.names == ["noop", "idle", "idle_done"]


def test_idle_ends_when_it_is_to_stop() -> None:
    stopping = threading.Event()
    stopping.set()
    client = Client()
    wait(client, 3600, stopping)  # type: ignore[arg-type]
    assert client.names == ["noop", "idle", "idle_done"]


def test_a_mail_told_of_in_an_earlier_answer_needs_no_idle() -> None:
    client = Client(exists=[True])
    wait(client, 3600, threading.Event())  # type: ignore[arg-type]
    assert client.names == ["noop"]


def test_what_was_announced_is_told_once() -> None:
    client = Client(exists=[True])
    assert announced(client)  # type: ignore[arg-type]
    assert not announced(client)  # type: ignore[arg-type]


def test_empty_answers_at_once_are_a_dead_connection() -> None:
    with pytest.raises(IMAPClientAbortError, match="dead"):
        wait(Client(), 3600, threading.Event())  # type: ignore[arg-type]


def test_a_wake_of_tls_with_nothing_to_read_is_no_death() -> None:
    wait(Client([], [], [(b"OK", b"Still here")], [], [], [(1, b"EXISTS")]), 3600, threading.Event())  # type: ignore[arg-type]


def test_bye_is_a_dead_connection() -> None:
    with pytest.raises(IMAPClientAbortError, match="hung up"):
        wait(Client([(b"BYE", b"Server shutting down.")]), 3600, threading.Event())  # type: ignore[arg-type]


def test_a_server_without_idle_is_polled() -> None:
    client = Client(capabilities=())
    wait(client, 0, threading.Event())  # type: ignore[arg-type]
    assert client.names == ["noop"]


# --- signing in -------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Any) -> Settings:
    return Settings(desk=Desk("Desk", "help@desk.example"), folder=str(tmp_path))


@pytest.mark.parametrize(("password", "command"), [("pass word ", "login"), ("pässword", "plain_login")])
def test_the_password_goes_as_it_stands_in_its_file(desk: Settings, password: str, command: str) -> None:
    desk.path("secret").write_text(f"{password}\n", encoding="utf-8")
    client = Client()
    sign_in(client, Imap("office", "imap.example", "u", password_file="secret"), desk)  # type: ignore[arg-type]
    assert client.said == [(command, "u", password)]


def test_no_password_goes_where_the_server_refuses_it_unencrypted(desk: Settings) -> None:
    desk.path("secret").write_text("pw")
    client = Client(capabilities=("LOGINDISABLED",))
    with pytest.raises(LoginError, match="set tls"):
        sign_in(client, Imap("office", "imap.example", "u", password_file="secret"), desk)  # type: ignore[arg-type]
    assert client.said == []


def test_a_missing_password_file_is_named(desk: Settings) -> None:
    with pytest.raises(OSError) as caught:
        sign_in(Client(), Imap("office", "imap.example", "u", password_file="secret"), desk)  # type: ignore[arg-type]
    box = Imap("office", "imap.example", "u", password_file="secret")
    assert explain(caught.value, box).said.endswith("secret: No such file or directory")


# --- names of folders -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "spaces", "delimiter", "expected"),
    [
        ("Processed", (("", "/"),), b"/", "Processed"),
        ("Processed", (("INBOX.", "."),), b".", "INBOX.Processed"),
        ("Desk/Done", (("INBOX.", "."),), b".", "INBOX.Desk.Done"),
        ("INBOX.Desk", (("INBOX.", "."),), b".", "INBOX.Desk"),
        ("INBOX/Desk", (("INBOX.", "."),), b".", "INBOX.Desk"),
        ("inbox", (("INBOX.", "."),), b".", "INBOX"),
        ("Desk/Done", None, b".", "Desk.Done"),
        ("Desk/Done", None, None, "Desk/Done"),
    ],
)
def test_a_folders_name_is_the_servers(name: str, spaces: Any, delimiter: bytes | None, expected: str) -> None:
    client = Client(capabilities=("NAMESPACE",), spaces=spaces, delimiter=delimiter)
    assert native(client, name) == expected  # type: ignore[arg-type]


def test_without_namespace_the_delimiter_is_asked_for() -> None:
    assert native(Client(capabilities=(), delimiter=b"."), "Desk/Done") == "Desk.Done"  # type: ignore[arg-type]


# --- disposal ---------------------------------------------------------------------------------------------------


def test_move_is_one_command_where_there_is_one() -> None:
    client = Client()
    dispose(client, "move:Done", [1, 2], home="INBOX", again=False)  # type: ignore[arg-type]
    assert client.said == [("move", [1, 2], "Done")]


def test_without_move_a_copy_is_made_before_anything_is_removed() -> None:
    client = Client(capabilities=("UIDPLUS",))
    dispose(client, "move:Done", [1, 2], home="INBOX", again=False)  # type: ignore[arg-type]
    assert client.said == [
        ("copy", [1, 2], "Done"),
        ("add_flags", [1, 2], [b"\\Deleted"], True),
        ("uid_expunge", [1, 2]),
    ]


def test_what_an_interrupted_try_has_marked_is_not_copied_again() -> None:
    client = Client(capabilities=("UIDPLUS",), deleted=[1, 2])
    dispose(client, "move:Done", [1, 2], home="INBOX", again=True)  # type: ignore[arg-type]
    assert client.names == ["add_flags", "uid_expunge"]


@pytest.mark.parametrize("after", ["move:Done", "delete"])
def test_without_uidplus_nothing_is_expunged(after: str) -> None:
    client = Client(capabilities=())
    dispose(client, after, [1], home="INBOX", again=False)  # type: ignore[arg-type]
    assert client.said[-1] == ("add_flags", [1], [b"\\Deleted"], True)
    assert not [name for name in client.names if "expunge" in name or "close" in name]


def test_flag_sets_seen_and_nothing_else() -> None:
    client = Client()
    dispose(client, "flag", [1], home="INBOX", again=False)  # type: ignore[arg-type]
    assert client.said == [("add_flags", [1], [b"\\Seen"], True)]
