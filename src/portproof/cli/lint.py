"""``portproof lint``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portproof.app.lint import LintOutcome, lint
from portproof.cli.show import Line, show
from portproof.text.visible import visible

if TYPE_CHECKING:
    from portproof.app.waivers_to_clean_up import WaiversOutcome


@click.command()
@click.argument("policies", nargs=-1)
@click.option(
    "--audit",
    "folder",
    type=click.Path(path_type=Path),
    help="List the waivers to clean up, by what the audit of this folder found.",
)
def command(policies: tuple[str, ...], folder: Path | None) -> None:
    """Find everything that is wrong with policies and checks.

    POLICIES are names of shipped policies, files or folders; without any, the shipped ones without
    the baselines, or with --audit those of the audit. Checks are taken from the folder "checks"
    beside each, besides the shipped ones. Every error is told at once, with its place. Exits with 2
    if there is one, else with 0: a waiver to clean up is no error.
    """
    if folder is None:
        _print(lint(policies))
        return
    from portproof.app.waivers_to_clean_up import waivers_to_clean_up  # noqa: PLC0415 - reads audits, which lint alone does not

    outcome = waivers_to_clean_up(folder, policies)
    _print(outcome.lint)
    show(_waivers(outcome))


def _print(outcome: LintOutcome) -> None:
    content = outcome.content
    counts = {
        "policies": len(content.policies),
        "rules": len(content.rules()),
        "checks": len(content.checks),
    }
    click.echo(f"no error; {', '.join(f'{name}: {count}' for name, count in counts.items())}")
    click.echo(f"read: {', '.join(map(str, outcome.paths))}")


def _waivers(outcome: "WaiversOutcome") -> Iterator[Line]:
    for waiver, text in outcome.remarks:
        place = f"{waiver.file}:{waiver.line}: waiver {waiver.index + 1} for {waiver.rule}"
        yield Line(visible(f"{place} of {waiver.waiver.owner}: {text}"), "yellow")
    concerned = len({waiver.name for waiver, _ in outcome.remarks})
    yield Line(f"waivers: {outcome.waivers}, to clean up: {concerned}")
