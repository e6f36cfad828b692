"""Writes the command line's reference from its own --help.

``python tools/cli_reference.py > docs/cli.md``
"""

from collections.abc import Iterator

import click

from portproof.cli import cli

HEAD = """\
# Command line

Made from `--help` by `tools/cli_reference.py`; a test compares them.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_sections()])


def _sections() -> Iterator[str]:
    root = click.Context(cli, info_name="portproof", **cli.context_settings)
    yield from _command(cli, root)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    """A command's section, then those of its subcommands."""
    yield _section(context.command_path, command.get_help(context))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _command(below, click.Context(below, info_name=name, parent=context))


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
