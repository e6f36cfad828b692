"""The command line. Commands are imported when they run, so that ``--help`` is instant."""

import importlib
import os
import sys
from collections.abc import Iterable
from typing import Final

import click

from portproof import __version__
from portproof.cli.logs import logged
from portproof.cli.unexpected_errors import bug_report, refused_by_system
from portproof.errors import ContentError, PortproofError, UsageError
from portproof.exitcodes import ExitCode
from portproof.text.visible import visible
from portproof.text.words import many

COMMANDS: Final = {
    "audit": "Audit hosts against policies and write the report.",
    "diff": "Show what changed between two audits.",
    "evaluate": "Judge the evidence of an audit with other policies.",
    "verify": "Recompute an audit from its folder and show differences.",
    "report": "Write reports of an existing audit.",
    "init": "Create a new compliance repository.",
    "lint": "Check policies and checks for errors.",
    "test": "Run the tests of policies and find gaps in them.",
    "list": "List policies, rules or checks.",
    "explain": "Explain what a port is for, which rules cover it, and what listens on it here.",
    "hosts": "Show how each host would be reached and how many rules apply to it.",
    "doctor": "Show which sources can audit this machine and what is missing.",
    "import": "Import Fleet policies and osquery packs as policies and checks.",
    "agent": "Print the source code that portproof runs on hosts.",
    "schema": "Print the JSON Schema of policies, checks, policy tests or audit.json.",
}
_MODULES: Final = {"import": "importing", "list": "listing"}
"""Modules of commands whose names are reserved or built-in in Python."""


class LazyGroup(click.Group):
    """A group that lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's contract
        """Return every command, in the order in which users need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's contract
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        name = _MODULES.get(cmd_name, cmd_name)
        module = importlib.import_module(f"portproof.cli.{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's contract
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True
)
@click.version_option(__version__, prog_name="portproof")
@logged
def cli() -> None:
    """Declare which ports must be closed. Prove it, on every host.

    Exit codes: 0 all proven, 1 something failed, 2 usage or content error (nothing was judged), 3
    incomplete (nothing failed, something is unproven). "audit --fail-on" sets other conditions for
    a non-zero exit code.
    """


def main() -> int:
    """Run the command line and return its exit code.

    Exit code 1 only ever means that a rule failed; errors have other codes.
    """
    try:
        _refuse_bytes(sys.argv[1:])
        code = cli.main(prog_name="portproof", standalone_mode=False)
        if sys.stdout is not None:  # as it is when a shell closed it
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = ExitCode.ERROR
    except ContentError as error:
        code = _content_error(error)
    except PortproofError as error:
        click.echo(f"portproof: {error}", err=True)
        code = ExitCode.ERROR
    except ImportError as error:
        click.echo(f"portproof: {_broken_install(error)}", err=True)
        code = ExitCode.ERROR
    except (KeyboardInterrupt, click.Abort):
        click.echo("portproof: interrupted; the remaining hosts were not judged", err=True)
        code = ExitCode.INCOMPLETE
    except BrokenPipeError:
        code = _broken_pipe()
    except OSError as error:
        click.echo(f"portproof: {refused_by_system(error)}", err=True)
        code = ExitCode.ERROR
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Python would end with 1: "it failed"
        click.echo(bug_report(error), err=True)
        code = ExitCode.ERROR
    return int(code or 0)


def _refuse_bytes(words: Iterable[str]) -> None:
    """Refuse arguments that are not UTF-8: the folder of an audit could not hold them."""
    for word in words:
        if any("\ud800" <= character <= "\udfff" for character in word):
            raise UsageError(f"{word!a} is not text in UTF-8")


def _broken_install(error: ImportError) -> str:
    what = f"{error.name} cannot be loaded" if error.name else "a library cannot be loaded"
    advice = "reinstall portproof with its libraries: pip install --force-reinstall portproof"
    return f"{what}: {visible(str(error))}; {advice}"


def _content_error(error: ContentError) -> ExitCode:
    for problem in error.problems:
        click.echo(f"{problem} [{problem.code}]", err=True)
    count = len(error.problems)
    click.echo(f"portproof: {many(count, 'error')}; nothing was judged", err=True)
    return ExitCode.ERROR


def _broken_pipe() -> ExitCode:
    """Discard further output, since its reader has gone; the caller did not get all of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.ERROR
