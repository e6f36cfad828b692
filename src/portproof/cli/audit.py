"""``portproof audit``: what it can be asked, and the inventory it is asked for."""

import contextlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any, Final

import click

from portproof.cli.logs import LOG_OPTIONS, logged
from portproof.cli.options import POLICY_HELP, Seconds, inventory_options
from portproof.cli.theming import OPTIONS, Themed, themed
from portproof.defaults import FORKS, WARN_DAYS
from portproof.errors import UsageError
from portproof.exitcodes import ExitCode
from portproof.inventory.read import read_inventory
from portproof.inventory.vault import VaultOptions
from portproof.ssh.settings import SshSettings

_TIMEOUT: Final = SshSettings().command_timeout
_FOR_A_FLEET: Final = ("portproof.cli.auditing", "portproof.ssh.collector")


@click.command()
@click.option(
    "-p",
    "--policy",
    "policies",
    multiple=True,
    help=POLICY_HELP,
)
@inventory_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The audit's folder; new or empty. Default: audits/<UTC time>.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Go on with the audit of this folder, as it was asked for: hosts that are missing or"
    " unproven are looked at again.",
)
@click.option(
    "--via",
    metavar="SOURCE",
    help="The one source to use: osqueryd, osqueryi or probe. Default: the first that works.",
)
@click.option(
    "-f",
    "--forks",
    type=click.IntRange(1, 5000),
    default=FORKS,
    show_default=True,
    help="Hosts to look at at a time.",
)
@click.option(
    "-T",
    "--timeout",
    type=Seconds(1, 3600),
    default=_TIMEOUT,
    show_default=True,
    help="Seconds a host has for its whole answer, once we are logged in.",
)
@click.option(
    "--accept-new-host-keys",
    is_flag=True,
    help="Record the SSH keys of hosts nobody knows yet. A changed key is never accepted.",
)
@click.option(
    "--outside",
    is_flag=True,
    help="Also try, from here, the TCP ports that must be closed on hosts reached over SSH.",
)
@click.option(
    "--require-witness",
    is_flag=True,
    help="Leave unproven what is believed on an empty answer without a witness.",
)
@click.option(
    "--warn-days",
    type=click.IntRange(0, 3650),
    default=WARN_DAYS,
    show_default=True,
    help="Warn of waivers that end within so many days.",
)
@click.option(
    "--format",
    "formats",
    metavar="NAME",
    multiple=True,
    help="Also write the result in this format, such as junit or markdown; repeatable. html and"
    " json are always written. A name that is none lists them all.",
)
@click.option(
    "--fail-on",
    metavar="CONDITION",
    multiple=True,
    help="What makes the exit code another than 0: fail, waived, expired, new, unproven,"
    " unproven>10, unproven>1% or severity>=high; repeatable, any of them is enough. Default:"
    " whatever failed or is unproven.",
)
@click.option(
    "--since",
    metavar="FOLDER",
    help="The audit to tell the changes since. Default: the last one beside the new folder, by the"
    " same policies.",
)
@click.option(
    "--sign",
    metavar="KEY",
    help="Sign the manifest with an Ed25519 private key; its passphrase is asked for, or taken from"
    " PORTPROOF_SIGN_PASSPHRASE.",
)
@click.option(
    "--framework",
    help="Group the report by the controls of a framework, as nist-800-53 or cis-controls.",
)
@themed
@logged
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    *,
    theme: Themed,
    output: Path | None,
    resume: Path | None,
    quiet: bool,
    **asked: Any,  # noqa: ANN401 - the other options; Request gives them their types
) -> ExitCode:
    """Audit hosts against policies and write the report.

    Looks at each host, judges every rule, and writes a folder with report.html, audit.json,
    evidence.jsonl, manifest.json and request.json. A summary goes to the terminal. Ctrl-C once
    finishes what is under way; the folder can then be resumed. Twice stops at once.
    """
    if resume is not None:
        _refuse_beside_resume(output)
        from portproof.cli.auditing import resumed  # noqa: PLC0415 - see _loading

        return resumed(resume, theme, quiet=quiet)
    if asked["formats"] or asked["fail_on"]:
        from portproof.cli.auditing import refuse_wrong_use  # noqa: PLC0415 - see _loading

        refuse_wrong_use(asked["formats"], asked["fail_on"])
    vault = VaultOptions(password_files=asked["vault_password_files"], ids=asked["vault_ids"])
    with _loading(*_FOR_A_FLEET if asked["inventory"] else ()):
        inventory = read_inventory(
            asked["inventory"],
            limit=asked["limit"],
            vault=vault,
            accept_new_host_keys=asked["accept_new_host_keys"],
        )
    from portproof.cli.auditing import audited  # noqa: PLC0415 - see _loading

    return audited(asked, inventory, output, theme, quiet=quiet)


@contextlib.contextmanager
def _loading(*modules: str) -> Iterator[None]:
    """Import modules while something else is waited for, as for Ansible to read an inventory.

    Nothing else may be imported meanwhile: modules that import each other could be seen half made.
    """
    thread = Thread(target=_load, args=(modules,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _load(modules: Iterable[str]) -> None:
    # What cannot be loaded fails again where it is needed; an audit of this machine needs no SSH.
    with contextlib.suppress(Exception):
        for name in modules:
            import_module(name)


def _refuse_beside_resume(output: Path | None) -> None:
    context = click.get_current_context()
    given = [
        option.opts[-1]
        for option in context.command.params
        if option.name not in {"resume", "quiet", None, *LOG_OPTIONS, *OPTIONS}
        and context.get_parameter_source(option.name) is click.core.ParameterSource.COMMANDLINE
    ]
    if output is not None or given:
        names = ", ".join(sorted(given))
        raise UsageError(f"--resume goes on as the audit was asked for; leave out {names}")
