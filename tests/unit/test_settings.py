"""What a good file of settings becomes. What a bad one is told stands in `tests/badconfig`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgate.errors import SettingsError
from mailgate.settings import Settings, load, locate, rate, size
from mailgate.settings.sources import line_of

DESK = '[desk]\nname = "Help"\naddress = "help@desk.example"\n'


def written(folder: Path, text: str, name: str = "mailgate.toml") -> Path:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def settings(folder: Path, text: str = DESK) -> Settings:
    return load(written(folder, text))


def test_a_name_and_an_address_are_enough(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found.desk.timezone == "UTC"
    assert (found.smtp, found.lmtp, found.relay, found.imap) == (None, None, None, ())
    assert found.max_size == 25_000_000


def test_relative_paths_are_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, DESK)
    monkeypatch.chdir(tmp_path)
    found = load(Path("mailgate.toml"))
    assert found.database_url == f"sqlite:///{tmp_path / 'mailgate.db'}"
    assert found.path("templates") == tmp_path / "templates"
    assert found.path("/etc/ssl/desk.pem") == Path("/etc/ssl/desk.pem")


def test_unix_socket_is_listened_on_in_the_folder_of_the_file(tmp_path: Path) -> None:
    text = f'{DESK}[lmtp]\nlisten = ["unix:lmtp.sock", "unix:/run/mailgate/lmtp", "127.0.0.1:2424"]\n'
    found = settings(tmp_path, text).lmtp
    assert found is not None
    assert found.listen == (f"unix:{tmp_path}/lmtp.sock", "unix:/run/mailgate/lmtp", "127.0.0.1:2424")


def test_absolute_database_and_postgresql_stay_as_they_are(tmp_path: Path) -> None:
    for url in ("sqlite:////var/lib/mailgate/mailgate.db", "postgresql+psycopg://mailgate@db.desk.example/mailgate"):
        assert settings(tmp_path, f'{DESK}[storage]\nurl = "{url}"\n').database_url == url


def test_included_files_add_to_lists_in_the_order_of_their_names(tmp_path: Path) -> None:
    written(tmp_path, '[[rule]]\nname = "b"\n', "rules.d/20.toml")
    written(
        tmp_path, '[[rule]]\nname = "a"\n\n[[partner]]\nname = "Acme"\ndomains = ["acme.example"]\n', "rules.d/10.toml"
    )
    found = settings(tmp_path, f'include = ["rules.d/*.toml"]\n{DESK}[[rule]]\nname = "first"\n')
    assert [rule.name for rule in found.rule] == ["first", "a", "b"]
    assert found.partner[0].name == "Acme"


def test_pattern_that_includes_nothing_is_no_error(tmp_path: Path) -> None:
    assert settings(tmp_path, f'include = ["rules.d/*.toml"]\n{DESK}').rule == ()


def test_error_in_an_included_file_names_that_file_and_line(tmp_path: Path) -> None:
    part = written(
        tmp_path,
        '[[staff]]\nname = "A"\nemail = "a@desk.example"\n\n[[staff]]\nname = "B"\nmail = "b@x"\n',
        "staff.toml",
    )
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, f'include = ["staff.toml"]\n{DESK}[[staff]]\nname = "C"\nemail = "c@desk.example"\n')
    assert caught.value.problems == [f'{part}:7: staff "B".mail: there is no such setting; did you mean email?']


def test_included_file_may_not_hold_single_sections(tmp_path: Path) -> None:
    part = written(tmp_path, '\n[relay]\nhost = "127.0.0.1"\n', "relay.toml")
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, f'include = ["relay.toml"]\n{DESK}')
    assert caught.value.problems[0].startswith(f"{part}:2: relay: an included file may hold only [[imap]]")


def test_file_is_found_where_the_contract_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAILGATE_CONFIG", raising=False)
    assert locate("given.toml") == Path("given.toml")
    written(tmp_path, DESK)
    assert locate(None) == Path("mailgate.toml")
    monkeypatch.setenv("MAILGATE_CONFIG", "/srv/desk.toml")
    assert locate(None) == Path("/srv/desk.toml")


def test_file_that_is_not_there_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file; `mailgate init` writes one"):
        load(tmp_path / "mailgate.toml")


def test_byte_order_mark_of_a_windows_editor_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "mailgate.toml"
    file.write_bytes(b"\xef\xbb\xbf" + DESK.replace("\n", "\r\n").encode())
    assert load(file).desk.name == "Help"


def test_default_queue_may_name_the_address_of_the_desk(tmp_path: Path) -> None:
    queue = '[[queue]]\nname = "Service Desk"\ndefault = true\naddress = "Help@desk.example"\n'
    assert settings(tmp_path, DESK + queue).queue[0].default


@pytest.mark.parametrize(
    ("text", "bytes_"), [("25MB", 25_000_000), ("100 kB", 100_000), ("1GB", 1_000_000_000), ("512", 512), ("7B", 7)]
)
def test_sizes_are_decimal(text: str, bytes_: int) -> None:
    assert size(text) == bytes_


@pytest.mark.parametrize(
    ("text", "limit"), [("5/10m", (5, 600)), ("1/1d", (1, 86400)), ("0/1s", (0, 1)), ("off", None)]
)
def test_rates_are_a_count_and_a_window(text: str, limit: tuple[int, int] | None) -> None:
    assert rate(text) == limit


def test_line_of_a_key_is_found_in_its_own_section() -> None:
    text = 'a = 1\n[relay]\n# port = 1\nport = 2\n[[imap]]\nname = "x"\n[[imap]]\nname = "y"\nport = 3\n'
    assert line_of(text, ("relay", "port")) == 4
    assert line_of(text, ("imap", 1, "port")) == 9
    assert line_of(text, ("imap", 0, "port")) == 5
    assert line_of(text, ("a",)) == 1
    assert line_of(text, ("storage", "url")) is None
