"""``portproof lint``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portproof.app.lint import LintOutcome, lint
from portproof.cli.options import inventory_options
from portproof.cli.show import Line, show
from portproof.errors import UsageError
from portproof.inventory.vault import VaultOptions
from portproof.model.hosts import Inventory
from portproof.text.visible import visible

if TYPE_CHECKING:
    from portproof.app.waivers_to_clean_up import WaiversOutcome


@click.command()
@click.argument("policies", nargs=-1)
@click.option(
    "--audit",
    "folder",
    type=click.Path(path_type=Path),
    help="Also list waivers that are out of date, according to the audit in this folder.",
)
@inventory_options
def command(  # noqa: PLR0913 - one argument for each option
    *,
    policies: tuple[str, ...],
    folder: Path | None,
    inventory: tuple[str, ...],
    limit: str | None,
    vault_password_files: tuple[str, ...],
    vault_ids: tuple[str, ...],
) -> None:
    """Check policies and checks for errors.

    POLICIES are names of shipped policies, files or folders. Default: the policies of the audit
    with --audit, else all shipped policies except the baselines. Checks are read from the folder
    "checks" beside each policy, in addition to the shipped ones. With an inventory, a part of a
    host pattern that matches nothing is an error, and hosts without rules are listed; no host is
    connected to. All errors are listed, each with its place. Exits with 2 if there are errors, else
    with 0; a waiver that should be removed or renewed is not an error.
    """
    if folder is None:
        vault = VaultOptions(password_files=vault_password_files, ids=vault_ids)
        _print(lint(policies, _inventory(inventory, limit, vault)))
        return
    if inventory:
        raise UsageError("--audit uses the inventory of that audit; leave out --inventory")
    from portproof.app.waivers_to_clean_up import waivers_to_clean_up  # noqa: PLC0415 - reads audits, which lint alone does not

    outcome = waivers_to_clean_up(folder, policies)
    _print(outcome.lint)
    show(_waivers(outcome))


def _inventory(sources: Sequence[str], limit: str | None, vault: VaultOptions) -> Inventory | None:
    if not sources and limit is None:
        return None
    from portproof.inventory.read import read_inventory  # noqa: PLC0415 - lint alone reads none

    return read_inventory(sources, limit=limit, vault=vault)


def _print(outcome: LintOutcome) -> None:
    content = outcome.content
    counts = {
        "policies": len(content.policies),
        "rules": len(content.rules()),
        "checks": len(content.checks),
    }
    click.echo(f"no error; {', '.join(f'{name}: {count}' for name, count in counts.items())}")
    click.echo(f"read: {', '.join(map(str, outcome.paths))}")
    for note in outcome.notes:
        click.echo(f"note: {visible(note)}")


def _waivers(outcome: "WaiversOutcome") -> Iterator[Line]:
    for waiver, text in outcome.remarks:
        place = f"{waiver.file}:{waiver.line}: waiver {waiver.index + 1} for {waiver.rule}"
        yield Line(visible(f"{place} of {waiver.waiver.owner}: {text}"), "yellow")
    concerned = len({waiver.name for waiver, _ in outcome.remarks})
    yield Line(f"waivers: {outcome.waivers}, to clean up: {concerned}")
