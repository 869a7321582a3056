"""What the pages say is true: generated ones are up to date, examples load, and what they say to type runs."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from docs.desks import AFTER, DESKS, NEEDS, PRELUDE, Desk
from servers.daemon import free_port

from mailgate.cli.main import COMMANDS
from mailgate.policy import NO_KEYS, build
from mailgate.settings import load

HOME = Path(__file__).parents[2]
DOCS = HOME / "docs"
PAGES = [HOME / "README.md", *sorted(DOCS.glob("*.md"))]
DESK = '[desk]\nname = "Help"\naddress = "help@desk.example"\n'
SECONDS = 250.0  # forty commands of a page, on a loaded machine


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def generator() -> Any:
    return runpy.run_path(str(DOCS / "generate.py"))


@pytest.mark.parametrize("name", ["settings.md", "commands.md", "metrics.md"])
def test_page_made_from_the_code_is_up_to_date(generator: Any, name: str) -> None:
    assert (DOCS / name).read_text() == generator["PAGES"][name](), "python docs/generate.py"


def test_every_setting_is_documented_with_an_example_that_loads(tmp_path: Path) -> None:
    page = DOCS / "settings.md"
    file = tmp_path / "mailgate.toml"
    file.write_text("\n".join(blocks(page, "toml")))
    settings = load(file)
    assert build(settings, NO_KEYS).rules
    for name in settings.__struct_fields__:
        if name not in ("folder", "file"):
            section = getattr(settings, name)
            assert section, f"{name} is not in the example"
            entry = section[0] if isinstance(section, tuple) else section
            for key in getattr(entry, "__struct_fields__", ()):
                assert re.search(rf"^{key} = ", page.read_text(), re.MULTILINE), f"{name}.{key}"


def test_every_command_is_documented() -> None:
    text = (DOCS / "commands.md").read_text()
    assert len(COMMANDS) > 10
    for name in COMMANDS:
        assert f"\n## mailgate {name}\n" in text
    for words in ("ticket new", "inbox retry", "outbox release", "import mbox", "db upgrade"):
        assert f"\n## mailgate {words}\n" in text


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "settings.md"], ids=lambda page: page.name)
def test_examples_of_settings_load(page: Path, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page, "toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(block if "[desk]" in block else DESK + block)
        build(load(file), NO_KEYS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        found = (page.parent / name) if name else page
        assert found.is_file(), f"{page.name}: {target}"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads]


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text()
    for page in DOCS.glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index


@pytest.mark.parametrize("picture", [*DOCS.glob("*.svg"), *DOCS.glob("*.cast")], ids=lambda picture: picture.name)
def test_picture_loads_nothing_and_shows_no_path_of_who_made_it(picture: Path) -> None:
    text = picture.read_text()
    assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?\w+:", text)
    assert not re.search(r"/(tmp|root|home|work)/", text)


# --- what is to be typed ------------------------------------------------------------------------------------------


def steps(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Each command after `$`, and the lines of output that stand below it."""
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *output = part.splitlines()
            yield command, output


TYPED = [
    pytest.param(page, id=page.name, marks=[pytest.mark.real(*NEEDS[page.name])] if page.name in NEEDS else [])
    for page in PAGES
    if blocks(page, "console") and page.name != "README.md"
]


@pytest.mark.timeout(SECONDS + 50)
@pytest.mark.parametrize("page", TYPED)
def test_what_a_page_says_to_type_runs(page: Path, tmp_path: Path) -> None:
    """All commands of a page in one folder, as one shell, at the desk that the page takes for granted."""
    with DESKS.get(page.name, lambda: nullcontext(Desk()))() as desk:
        if desk.settings is not None:
            (tmp_path / "mailgate.toml").write_text(desk.settings + blocks(page, "toml")[0])
        wanted = list(steps(page))
        script = [f"port={free_port()}", PRELUDE, desk.before]
        for number, (command, _) in enumerate(wanted):
            script += [f"echo '<<{number}>>'", here(command, desk)]
            script += [then for words, then in {**AFTER, **desk.after}.items() if words in command]
        done = typed("\n".join(script), tmp_path)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    _, *parts = re.split(r"<<(\d+)>>\n", done.stdout)
    said = dict(zip(map(int, parts[::2]), parts[1::2], strict=True))
    for number, (command, output) in enumerate(wanted):
        for line in output:
            assert line in said[number], f"{command}: expected {line!r} in\n{said[number]}"


def here(command: str, desk: Desk) -> str:
    """The command with the servers of the test in place of the page's, and a daemon whose log can be read."""
    for words, ours in desk.instead.items():
        command = command.replace(words, ours)
    return command.replace("mailgate serve", "mailgate serve 2>log")


def typed(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """That script in a shell in that folder, with this mailgate."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAILGATE_CONFIG", "CI")}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TMPDIR": str(folder)}
    command = ["/bin/bash", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def test_targets_that_the_readme_names_are_there() -> None:
    commands = [command for command, _ in steps(HOME / "README.md")]
    assert commands == ["make run", "make test"]
    for command in commands:
        subprocess.run([*command.split(), "--dry-run"], cwd=HOME, check=True, capture_output=True, timeout=30)
