"""Writes the pages that are made from the code: `settings.md` from the settings' types, `commands.md` from `--help`,
`metrics.md` from the catalogue of metrics.

python docs/generate.py            writes them
python docs/generate.py --check    exit 1 where they are out of date
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click
from msgspec import NODEFAULT, inspect

from mailgate.cli.main import cli
from mailgate.monitoring.catalogue import SUBJECTS
from mailgate.settings import OURS, Settings
from mailgate.settings.draft import value
from mailgate.settings.misfits import quoted
from mailgate.settings.sources import LISTS

HERE = Path(__file__).parent
WIDTH = 88  # columns of help texts

SETTINGS_HEAD = """\
# Settings

One file of TOML: `mailgate.toml` here, or `/etc/mailgate/mailgate.toml`, or where `MAILGATE_CONFIG` or `--config`
says. `mailgate init` writes a first one, `mailgate check` tries it, SIGHUP or a restart puts a changed one to use.
Relative paths are from the file's folder. A key that is not known is refused.

Only `[desk]` is needed. What follows is one file with every setting in it; each line shows an example.
"""

COMMANDS_HEAD = """\
# Commands

Exit status: 0 done, 1 not done (with a sentence that says why), 2 wrong usage. `mailgate deliver` answers as
sysexits.h does, for the mail server that calls it.
"""


METRICS_HEAD = """\
# Metrics

What `/metrics` answers where the settings have `[http]`; how to have it scraped, and rules for alerts, are in
[Monitoring](monitoring.md). Counters are kept in the database and go on after a restart (those of roles begin with the
daemon). A scrape asks indexes of few rows, at most every five seconds, however many mails are kept. No label holds an
address, a subject or a secret.
"""


def settings() -> str:
    """The page of every setting: what it does, what is expected, its default, an example."""
    root = inspect.type_info(Settings)
    assert isinstance(root, inspect.StructType)
    fields = [field for field in root.fields if field.encode_name not in OURS]
    plain = [field for field in fields if _section(field.type) is None]
    parts = [SETTINGS_HEAD, "## Before all sections\n", _block(_setting(field) for field in plain)]
    for field in fields:
        section = _section(field.type)
        if section is None:
            continue
        name = f"[[{field.encode_name}]]" if field.encode_name in LISTS else f"[{field.encode_name}]"
        parts += [f"## {name}\n", f"{cleandoc(section.cls.__doc__ or '')}\n"]
        parts.append(_block(_setting(entry) for entry in section.fields).replace("```toml\n", f"```toml\n{name}\n", 1))
    return "\n".join(parts)


def _block(settings: Iterator[str]) -> str:
    return "```toml\n{}```\n".format("\n".join(settings))


def _section(kind: inspect.Type) -> inspect.StructType | None:
    while not isinstance(kind, inspect.StructType):
        if isinstance(kind, inspect.Metadata):
            kind = kind.type
        elif isinstance(kind, inspect.UnionType):
            kind = kind.types[0]
        elif isinstance(kind, inspect.VarTupleType):
            kind = kind.item_type
        else:
            return None
    return kind


def _setting(field: inspect.Field) -> str:
    kind = field.type
    assert isinstance(kind, inspect.Metadata), f"{field.name} has no about()"
    extra = kind.extra or {}
    default = None if field.default is NODEFAULT else field.default
    if field.default_factory is not NODEFAULT:
        default = field.default_factory()
    lines = [*_wrapped(extra["about"]), *_wrapped(_expects(kind, default, required=field.required))]
    example = extra.get("example")
    lines.append(f"{field.encode_name} = {value(example if example is not None else default)}")
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> Iterator[str]:
    line = "#"
    for word in text.split():
        if len(line) + 1 + len(word) > WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    if line != "#":
        yield line


def _expects(kind: inspect.Type, default: object, *, required: bool) -> str:
    what = _what(kind)
    if required:
        return f"Needed: {what}."
    said = {None: "none", (): "none", "": "none"}.get(default, "") if not isinstance(default, dict) else "none"  # type: ignore[call-overload]
    return f"{what[0].upper()}{what[1:]}; default: {said or value(default)}."


def _what(kind: inspect.Type) -> str:
    description = None
    while True:
        match kind:
            case inspect.Metadata():
                description = description or (kind.extra_json_schema or {}).get("description")
                kind = kind.type
            case inspect.UnionType():
                kind = next(t for t in kind.types if not isinstance(t, inspect.NoneType))
            case inspect.LiteralType():
                return quoted(kind.values)
            case inspect.VarTupleType():
                return f"a list, each {_what(kind.item_type)}"
            case inspect.BoolType():
                return "true or false"
            case inspect.DictType() | inspect.StructType():
                return "a table in braces"
            case _:
                return description or "a text"


def commands() -> str:
    """The page of every command: its own help."""
    names = cli.context_settings["help_option_names"]
    root = click.Context(cli, info_name="mailgate", terminal_width=WIDTH, help_option_names=names)
    return "\n".join([COMMANDS_HEAD, *_helps(cli, root)])


def _helps(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _helps(found, click.Context(found, info_name=name, parent=context, terminal_width=WIDTH))


def metrics() -> str:
    """The page of every metric."""
    parts = [METRICS_HEAD]
    for subject in SUBJECTS:
        rows = []
        for metric in subject.metrics:
            labels = ", ".join(f"`{label}`" for label in metric.labels)
            rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.says} |")
        parts.append(
            "\n".join([f"## {subject.title}\n", "| name | kind | labels | |", "| --- | --- | --- | --- |", *rows, ""])
        )
    return "\n".join(parts)


PAGES = {"settings.md": settings, "commands.md": commands, "metrics.md": metrics}


def main() -> int:
    """Write or check."""
    stale = [name for name, make in PAGES.items() if not (HERE / name).exists() or (HERE / name).read_text() != make()]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/{name} is out of date: python docs/generate.py")
        return int(bool(stale))
    for name in stale:
        (HERE / name).write_text(PAGES[name]())
        print(f"wrote docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
