"""Which grants are kept alive, and for whom."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mailgate.grants import keeper, tokens
from mailgate.grants.errors import GrantError
from mailgate.settings import Desk, Grant, Imap, Relay, Settings

ROBOT = Grant("robot", "google", service_account_file="key.json")
PERSON = Grant("person", "microsoft", client_id="1")


def box(name: str, auth: str) -> Imap:
    return Imap(name, "localhost", f"{name}@desk.example", auth=auth)  # type: ignore[arg-type]


def desk(*boxes: Imap, relay: Relay | None = None, folder: Path = Path()) -> Settings:
    home = Desk("Desk", "help@desk.example")
    return Settings(desk=home, imap=boxes, relay=relay, grant=(ROBOT, PERSON), folder=str(folder))


def test_each_grant_is_kept_once_and_a_service_account_for_each_mailbox() -> None:
    relay = Relay(user="a@desk.example", auth="google")
    settings = desk(box("a", "google"), box("b", "google"), box("c", "microsoft"), box("d", "microsoft"), relay=relay)
    assert list(keeper.used(settings)) == [(ROBOT, "a@desk.example"), (ROBOT, "b@desk.example"), (PERSON, "")]


def test_passwords_need_no_keeper() -> None:
    assert list(keeper.used(desk(box("a", "password"), relay=Relay()))) == []


def test_news_is_told_once_and_a_folder_that_cannot_be_written_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The file says nothing of it, since nothing can be written there."""
    stopping, news, looks = threading.Event(), threading.Event(), []

    def token(*_: object) -> str:
        looks.append(news.is_set())
        news.clear()
        if len(looks) == 3:
            stopping.set()
        raise GrantError("/var: Read-only file system", dead=False)

    monkeypatch.setattr(keeper, "SHORTEST_SLEEP", 0.0)
    monkeypatch.setattr(tokens, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(tokens, "token", token)
    keeper.run(desk(box("c", "microsoft"), folder=tmp_path), stopping, news)
    assert looks == [False, True, False]
    assert caplog.text.count("Read-only file system") == 1
