"""Writes the command line's reference from its own --help.

``python tools/cli_reference.py > docs/cli.md``
"""

from collections.abc import Iterator

import click

from portproof.cli import COMMANDS, cli

HEAD = """\
# Command line

Made from `--help` by `tools/cli_reference.py`; a test compares them.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_sections()])


def _sections() -> Iterator[str]:
    root = click.Context(cli, info_name="portproof", **cli.context_settings)
    yield _section("portproof", cli.get_help(root))
    for name in COMMANDS:
        command = cli.get_command(root, name)
        if command is not None:
            context = click.Context(command, info_name=name, parent=root)
            yield _section(f"portproof {name}", command.get_help(context))


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
