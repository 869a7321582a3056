"""Each bad file beside this one has the error that a person gets, in the `.txt` of its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgate.errors import SettingsError
from mailgate.policy import NO_KEYS, build
from mailgate.settings import load

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_bad_settings_say_what_to_mend(file: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        build(load(file), NO_KEYS)
    assert [problem.replace(f"{HERE}/", "") for problem in caught.value.problems] == file.with_suffix(
        ".txt"
    ).read_text().splitlines()


def test_every_problem_names_its_file_and_stays_one_line() -> None:
    for file in FILES:
        for line in file.with_suffix(".txt").read_text().splitlines():
            assert line.startswith(file.name)
            assert len(line) < 300


def test_no_problem_tells_a_secret() -> None:
    texts = {file.stem: file.with_suffix(".txt").read_text() for file in FILES if "hunter2" in file.read_text()}
    assert len(texts) > 1
    assert not any("hunter2" in text for text in texts.values())


def test_there_are_more_than_thirty() -> None:
    assert len(FILES) > 30
