"""``portproof verify``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from portproof.app.verify import Verification, verify
from portproof.cli.show import Line, show
from portproof.exitcodes import ExitCode
from portproof.text.visible import shortened, visible
from portproof.text.words import many

_SHOWN: Final = 100
_LONGEST: Final = 400


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="An Ed25519 public key in OpenSSH's format, or a file of allowed signers; one of the keys"
    " must have signed the manifest.",
)
def command(folder: Path, key: Path | None) -> ExitCode:
    """Recompute an audit from its folder and show differences.

    Checks every hash of the manifest, its signature, every verdict against the evidence, and the
    totals. Exit codes: 0 everything matches, 1 something differs, 2 the folder is not that of an
    audit or cannot be read, 3 it could not be checked completely, for example because the audit is
    unfinished.
    """
    found = verify(folder, key)
    show(_lines(found))
    return found.exit_code


def _lines(found: Verification) -> Iterator[Line]:
    for where, what in found.differences[:_SHOWN]:
        yield Line(f"DIFFERS {shortened(visible(f'{where}: {what}'), _LONGEST)}", "bold red")
    if len(found.differences) > _SHOWN:
        yield Line(f"  and {len(found.differences) - _SHOWN} more")
    for text in found.unchecked:
        yield Line(f"UNCHECKED {visible(text)}", "yellow")
    for note in found.notes:
        yield Line(f"note: {visible(note)}")
    yield _sum(found)


def _sum(found: Verification) -> Line:
    if found.differences:
        count = len(found.differences)
        return Line(
            f"{many(count, 'difference')}: the folder is not as the audit wrote it",
            "bold red",
        )
    if found.unchecked:
        return Line("no differences in what could be checked", "bold yellow")
    return Line(f"everything matches: {found.held}", "bold green")
