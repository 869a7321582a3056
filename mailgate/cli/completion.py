"""`mailgate completion`: the script by which a shell completes commands, options and files at TAB."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from mailgate.cli.command import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command, example="mailgate completion bash")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print what makes SHELL complete commands, options and files of mailgate.

    For this shell alone: eval "$(mailgate completion bash)". The Debian package has it in place for all three.
    """
    kind = get_completion_class(shell)
    assert kind is not None, shell
    script = kind(ctx.find_root().command, {}, "mailgate", "_MAILGATE_COMPLETE")
    # Not `source()`: for bash it starts one to ask for its version, and on a build machine there may be none.
    click.echo(script.source_template % script.source_vars())
