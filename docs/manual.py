"""Writes the manual pages, made from the code: mailgate(1), one for each command from its `--help`, mailgate.toml(5).

python docs/manual.py FOLDER       writes them, dated by SOURCE_DATE_EPOCH where it is set
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
import generate

from mailgate.cli.main import COMMANDS, cli

NOT_TYPED = ("--help", "--config")  # every command has them: mailgate(1) tells once
ENVIRONMENT = {
    "MAILGATE_CONFIG": "The settings file, where `--config` does not name one.",
    "NO_COLOR": "No colours, whatever its value.",
}
FILES = {
    "./mailgate.toml": "The settings, looked for here first; mailgate.toml(5) tells what may stand in them.",
    "/etc/mailgate/mailgate.toml": "The settings of the service.",
    "/var/lib/mailgate": "What the service of the Debian package keeps: its database, and what it was granted.",
}
STATUS = {
    "0": "Done.",
    "1": "Not done; a sentence on standard error says why.",
    "2": "Wrong usage.",
}


def pages() -> dict[str, str]:
    """Each page by the name of its file."""
    context = click.Context(cli, info_name="mailgate", help_option_names=cli.context_settings["help_option_names"])
    made = {"mailgate.1": _page(_root(context))}
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        made[f"mailgate-{name}.1"] = _page(_command(inner))
    made["mailgate.toml.5"] = _page(_settings())
    return made


def _page(lines: Iterator[str]) -> str:
    """One page; a heading begins a paragraph by itself."""
    return re.sub(r"^(\.S[HS] .*\n)\.PP\n", r"\1", "\n".join(lines), flags=re.MULTILINE)


def _root(context: click.Context) -> Iterator[str]:
    yield from _head("mailgate", 1, cli.help or "")
    yield from _synopsis(context)
    yield ".SH DESCRIPTION"
    yield from _prose(
        "Partners write a mail and get a ticket; staff answer from their own mail client; monitoring writes and is "
        "sorted in. `mailgate demo` shows it at work, `mailgate init` writes a first file of settings, "
        "`mailgate serve` runs the daemon."
    )
    for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
        yield f".SS {_text(section)}"
        for name, entry in COMMANDS.items():
            if entry.section == section:
                yield from _tagged(rf"\fBmailgate\-{_text(name)}\fR(1)", entry.help)
    yield ".SH OPTIONS"
    for option in cli.get_params(context):
        yield from _option(option, context)
    for title, entries in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES), ("EXIT STATUS", STATUS)):
        yield f".SH {title}"
        for term, told in entries.items():
            yield from _tagged(rf"\fB{_text(term)}\fR", told)
    yield from _prose("`mailgate deliver` answers as sysexits.h does, for the mail server that calls it.")
    yield from _see_also("mailgate.toml(5)", *(f"mailgate-{name}(1)" for name in COMMANDS))


def _command(context: click.Context) -> Iterator[str]:
    name = context.info_name or ""
    yield from _head(f"mailgate-{name}", 1, COMMANDS[name].help)
    yield from _synopsis(context)
    yield ".SH DESCRIPTION"
    yield from _prose(context.command.help or "")
    yield from _options(context, ".SH OPTIONS")
    if isinstance(context.command, click.Group):
        yield ".SH COMMANDS"
        for inner in _subcommands(context):
            yield f".SS {_usage(inner)}"
            yield from _prose(inner.command.help or "")
            yield from _options(inner, ".PP\nOptions:")
    yield ".SH EXAMPLE"
    yield from _example(getattr(context.command, "example", ""))
    yield from _see_also("mailgate(1)", "mailgate.toml(5)")


def _settings() -> Iterator[str]:
    """From the page of settings, whose Markdown is headings, paragraphs and blocks of TOML."""
    yield from _head("mailgate.toml", 5, "the settings of mailgate")
    yield ".SH DESCRIPTION"
    for piece in re.split(r"^(```toml\n.*?)^```$", generate.settings(), flags=re.MULTILINE | re.DOTALL):
        if piece.startswith("```"):
            yield from _example(piece.removeprefix("```toml\n"))
            continue
        for paragraph in filter(None, piece.strip().split("\n\n")):
            if paragraph.startswith("## "):
                yield f".SH {_text(paragraph.removeprefix('## '))}"
            elif not paragraph.startswith("# "):
                yield from _prose(paragraph)
    yield from _see_also("mailgate(1)", "mailgate-check(1)", "mailgate-init(1)")


def _subcommands(context: click.Context) -> Iterator[click.Context]:
    """All commands below a group, in order."""
    assert isinstance(context.command, click.Group)
    for name in context.command.list_commands(context):
        command = context.command.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield inner
        if isinstance(command, click.Group):
            yield from _subcommands(inner)


def _head(name: str, section: int, about: str) -> Iterator[str]:
    moment = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or datetime.now(UTC).timestamp()), UTC)
    yield r".\" Made from the code by docs/manual.py"
    yield f'.TH {_text(name.upper())} {section} {moment:%Y-%m-%d} "mailgate {version("mailgate")}" "mailgate"'
    yield ".nh\n.ad l"  # what may be typed is neither hyphenated nor spread over a line
    yield ".SH NAME"
    yield rf"{_text(name)} \- {_text(_lowered(about.rstrip('.')))}"


def _lowered(text: str) -> str:
    """As a clause after a name: no capital at its beginning, unless it is a word's own."""
    first = text.split(" ", 1)[0]
    return text if first.isupper() and len(first) > 1 else text[:1].lower() + text[1:]


def _synopsis(context: click.Context) -> Iterator[str]:
    yield ".SH SYNOPSIS"
    yield _usage(context)


def _usage(context: click.Context) -> str:
    words = " ".join(context.command.collect_usage_pieces(context))
    return rf"\fB{_text(context.command_path)}\fR {_text(words)}"


def _options(context: click.Context, heading: str) -> Iterator[str]:
    found = [o for o in context.command.get_params(context) if not set(o.opts) & set(NOT_TYPED)]
    lines = [line for option in found for line in _option(option, context)]
    if lines:
        yield heading
        yield from lines


def _option(option: click.Parameter, context: click.Context) -> Iterator[str]:
    record = option.get_help_record(context)
    if record is not None and record[1]:  # an argument without words stands in the synopsis
        yield from _tagged(rf"\fB{_text(record[0])}\fR", record[1])


def _tagged(term: str, told: str) -> Iterator[str]:
    yield f".TP\n{term}"
    yield _inline(" ".join(told.split()))


def _prose(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        yield ".PP"
        yield _inline(" ".join(paragraph.replace("\b", "").split()))


def _example(text: str) -> Iterator[str]:
    yield ".PP\n.EX"
    yield from (_text(line) for line in text.splitlines())
    yield ".EE"


def _see_also(*names: str) -> Iterator[str]:
    yield ".SH SEE ALSO"
    pages = (name.rstrip(")").rpartition("(") for name in names)
    yield ",\n".join(rf"\fB{_text(name)}\fR({section})" for name, _, section in pages)
    yield ""


def _inline(text: str) -> str:
    """Prose; what stands in backticks is bold."""
    parts = re.split(r"`([^`]*)`", text)
    return "".join(rf"\fB{_text(part)}\fR" if number % 2 else _text(part) for number, part in enumerate(parts))


ESCAPES = str.maketrans({"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"})


def _text(text: str) -> str:
    """For roff: signs as they are typed, and no line that is taken for a request."""
    return re.sub(r"^\.", r"\\&.", text.translate(ESCAPES)) if text else text


def main() -> int:
    """Write them all."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
